/* What to expect: a machine's rails, rates and baseline. */
#ifndef RG_DATA_MACHINE_H
#define RG_DATA_MACHINE_H

#include "data/tally.h"

/* One promise. Bandwidths must reach expected * (1 - tolerance/100); latencies stay within expected * (1 +
 * tolerance/100). */
struct rg_expectation {
    const char *test, *direction, *memory, *variant /* as in a verdict's rows; NULL: any */, *scope, *metric, *source,
        *note;
    int64_t size_bytes, queue_pairs; /* RG_NONE: any number of queue pairs */
    double expected, tolerance_percent;
};

struct rg_machine {
    const char *name, *description, *gpu, *nic;
    const char *nccl_net; /* the network that NCCL's plug-in brings; NULL: none in particular */
    bool hardware;        /* a real machine: nothing simulated may pass its baseline */
    int64_t rails, mtu_bytes, ip_version;
    int64_t rdma; /* 0: its network has no RDMA devices; 1 or RG_NONE: it has */
    double line_rate_gbps, node_nominal_gbps;
    double fleet_tolerance_percent; /* by how much a flow may fall short of its peers; NAN: not said */
    struct rg_expectation *expectations;
    size_t expectation_count;
    cJSON *root;
};

/* Close with rg_machine_close. -EINVAL or -errno with a message that names file, field and fault. */
int rg_machine_load(const char *path, struct rg_machine *out, struct rg_error *err);

/* The point that an expectation is of, without any row. */
struct rg_test_point rg_machine_point(const struct rg_expectation *expectation);

/* Whether an expectation is of a point. */
bool rg_machine_expects(const struct rg_expectation *expectation, const struct rg_test_point *point);

/* What a point is held against: an expectation of just its queue pairs comes before one of any number. NULL: nothing.
 */
const struct rg_expectation *rg_machine_expectation(
    const struct rg_machine *machine, const struct rg_test_point *point);

/* Where a figure comes from. */
struct rg_source {
    const char *id, *title, *note;
};

/* The document as text, malloc'd: the machine's own facts are of `like`, with its sources, or if that is NULL of
 * `source`, as the expectations are. NULL without memory. */
char *rg_machine_text(const struct rg_machine *machine, const struct rg_machine *like, const struct rg_source *source);

/* Whether text may be the name of a machine. */
bool rg_machine_is_name(const char *text);

/* Takes a zeroed structure. */
void rg_machine_close(struct rg_machine *machine);

#endif
