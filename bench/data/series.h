/* What a history keeps of a run: one figure of each part and test, and the surroundings that could explain it. */
#ifndef RG_DATA_SERIES_H
#define RG_DATA_SERIES_H

#include "data/json.h"

/* What figures of different runs must have in common to be compared; texts may be NULL, numbers RG_NONE. origin:
 * "hardware", or why the figures are none of hardware. scope: rail (what one NIC sends or receives, over its flows),
 * node, group or gpu, as in a verdict's rows; fleet (what all flows of a round move together) or victims (what a load
 * of other nodes costs those of a rail). ranks: of a group; of a fleet's sum its flows. */
struct rg_series {
    const char *origin, *test, *direction, *memory, *variant, *pattern, *scope, *node, *peer_node, *side, *metric;
    int64_t size_bytes, queue_pairs, rail, ranks;
};

/* The fields of a series, in the order in which they are stored. */
extern const struct rg_option rg_series_rows[];
extern const size_t rg_series_row_count;

/* In the order of the fields; 0: the same series. */
int rg_series_compare(const struct rg_series *a, const struct rg_series *b);

/* Whether more of it is worse: a latency, or how many times a load lengthens it. */
bool rg_series_is_latency(const struct rg_series *series);

/* "Gb/s", "us", "times" (of a ratio), ... */
const char *rg_series_unit(const struct rg_series *series);

/* "rdma_write_bw 64K both_ways, 8 queue pairs": without the place. */
const char *rg_series_words(const struct rg_series *series, char *out, size_t room);

/* The median of what a run measured of a series; what failed is left out, and where most failed there is no figure. */
struct rg_figure {
    struct rg_series of;
    double value;
    int64_t measurements;
};

/* "NCCL" is "2.28.9" on that node and rail; node NULL: on all; rail RG_NONE: on all of the node, or of all nodes. */
struct rg_fact {
    char name[192], value[192];
    const char *node;
    int64_t rail;
};

/* A run in a history; texts belong to whoever made it. rows: of its verdict, so many there were to sum up. */
struct rg_past_run {
    const char *run_id, *started_at, *status, *suite, *machine, *version, *origin;
    int64_t exit_status, nodes, ranks, rows, figures;
};

/* What is to be added. */
struct rg_entry {
    struct rg_past_run run;
    struct rg_figure *figures;
    size_t figure_count;
    struct rg_fact *facts;
    size_t fact_count;
};

/* Takes a zeroed structure. */
void rg_entry_close(struct rg_entry *entry);

/* A line of an export, malloc'd; NULL without memory. */
char *rg_series_line(const struct rg_past_run *run, const struct rg_figure *figure);

#endif
