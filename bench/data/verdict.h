/* What a run is worth, measured against what was expected (verdict.json). */
#ifndef RG_DATA_VERDICT_H
#define RG_DATA_VERDICT_H

#include "data/run.h"
#include "data/tally.h"

extern const char *const rg_status_names[RG_STATUSES + 1]; /* NULL-terminated */

/* One yardstick that a row was held against. */
struct rg_bound {
    const char *kind;             /* machine, run or fleet */
    const char *source;           /* of what was expected: a source of the machine, a run's id, so many peers */
    const char *tolerance_source; /* where the slack comes from */
    const char *reason;           /* static; NULL: the figures say it */
    enum rg_status status;
    double expected, tolerance_percent, threshold;
};

/* One line: a flow (scope rail), what a node sends or receives (node), a collective (group), or a copy (gpu). variant:
 * what else must be alike for two rows to be compared: how GPU memory was registered ("dmabuf"), a collective's type,
 * reduction, place and group ("bfloat16 sum in_place world"), a copy's way ("host_to_device remote"). pattern: of flows
 * that shared NICs with others, or did not go from a rail to the same rail of another node; NULL: of all others. */
struct rg_row {
    enum rg_status status;
    bool asked;    /* the suite asked for it; what was not asked counts for nothing */
    bool hardware; /* measured on hardware */
    const char *test, *direction, *memory, *variant, *pattern, *scope, *node, *peer_node, *side, *metric, *source;
    const char *opposite;         /* of a node: the one it met in that round; in no document, as are the next five */
    const char *library, *plugin; /* of a collective */
    int64_t ranks, rails;         /* of a collective; of a node: how many its sum is of */
    int64_t test_index;           /* of the suite */
    char *reason;                 /* malloc'd or NULL */
    int64_t size_bytes, queue_pairs, rail, peer_rail, round;
    double measured, ci95_low, ci95_high, expected, threshold, tolerance_percent;
    double nominal_percent, ceiling, ceiling_percent;
    double fleet_percent;    /* of the median of its point */
    struct rg_bound *bounds; /* malloc'd: all that it was held against; expected, threshold and so on are the worst's */
    size_t bound_count;
};

/* A flow through a part that is to blame, and how the end that is not accused does with others. */
struct rg_evidence {
    const char *from_node, *to_node;
    int64_t from_rail, to_rail, others_well, others_short;
    double bandwidth_gbps; /* NAN: it failed, or damage is what it shows */
    bool fell_short;
};

#define RG_EVIDENCE_MOST 12

/* A part of the fabric that is to blame. */
struct rg_accused {
    const char *part;   /* tx, rx, nic, node, rail, path, leaf_tx, leaf_rx */
    const char *fault;  /* slow, dead, corrupt, comes_and_goes */
    const char *status; /* condemned; noisy: it comes and goes; one_of: something else explains it as well */
    const char *node, *peer_node, *test, *direction;
    int64_t leaf, rail, peer_rail, size_bytes, flows_short, flows_well;
    double loss_percent, healthy_gbps;
    struct rg_evidence evidence[RG_EVIDENCE_MOST]; /* in the order of measuring */
    size_t evidence_count;
    char sentence[2048];
};

/* How each NIC did, against a healthy flow of the same kind: the median share of its flows, of the test and size in
 * which that is least. By node * rails + rail; NAN: it had no flow. */
struct rg_heat {
    int nodes, rails;
    const char **names; /* by node; the texts are the verdict's */
    float *tx, *rx;
};

/* What all flows of a round moved together, of one test at one size: the median of its rounds, and the least. variant:
 * NULL also where the flows differ in it. */
struct rg_total {
    const char *test, *direction, *memory, *variant;
    int64_t size_bytes, queue_pairs, rounds, flows, least_round;
    double median_gbps, least_gbps;
    int64_t test_index; /* of the suite; in no document */
};

/* What a load of other nodes cost the flows of one rail. */
struct rg_congestion {
    const char *test, *direction, *memory, *variant, *load, *metric; /* bandwidth_gbps or latency_us */
    const char *worst_node; /* sender of the victim with the worst ratio of p99 */
    int64_t size_bytes, queue_pairs, rail, victims;
    int64_t test_index; /* of the suite; in no document */
    double alone_p50, alone_p99, loaded_p50, loaded_p99, ratio_p50, ratio_p99, worst_ratio_p99;
};

struct rg_verdict {
    const char *run_id, *against_kind, *against_name;
    enum rg_status status; /* RG_PASS, RG_FAIL or RG_NOISY, which stands for inconclusive */
    int exit_status;
    int64_t hardware; /* 0, 1 or RG_NONE */
    char summary[1024];
    struct rg_row *rows; /* texts but reasons belong to the run, the machine, or the list below */
    size_t row_count, row_room;
    size_t left_out; /* rows that were judged and counted, and are told of in points and sides alone */
    struct rg_points points;
    struct rg_sides sides;
    size_t counts[RG_STATUSES], not_asked, verified; /* verified: measurements whose data were checked */
    struct rg_heat heat;                             /* nodes 0: there were no bandwidth flows; in no document */
    struct rg_accused *accused;
    size_t accused_count;
    struct rg_total *totals;
    size_t total_count;
    struct rg_congestion *congestions;
    size_t congestion_count;
    char **incompatible; /* sentences on what could not be compared */
    size_t incompatible_count;
    struct rg_texts texts; /* owned */
    cJSON *root;           /* of one that was read: holds its texts */
};

/* A new row, everything null, or NULL without memory. The pointer holds until the next call. */
struct rg_row *rg_verdict_add(struct rg_verdict *verdict);

/* Counts a row, by status, point and, unless that is for later, side. -ENOMEM without a message. */
int rg_verdict_tally(struct rg_verdict *verdict, const struct rg_row *row, bool sides_later);

/* Frees what a row owns. */
void rg_row_close(struct rg_row *row);

/* Adds a yardstick to a row; NULL without memory. */
struct rg_bound *rg_row_bound(struct rg_row *row, const char *kind);

/* A new suspect, everything null, or NULL without memory. The pointer holds until the next call. */
struct rg_accused *rg_verdict_accuse(struct rg_verdict *verdict);

/* Add a copy of a line, whose texts outlive the verdict or are its own. False: no memory. */
bool rg_verdict_total(struct rg_verdict *verdict, const struct rg_total *line);
bool rg_verdict_congest(struct rg_verdict *verdict, const struct rg_congestion *line);

/* A copy of text that lives as long as the verdict; the same for the same text. NULL gives NULL. */
const char *rg_verdict_text(struct rg_verdict *verdict, const char *text);

/* Adds a sentence on what could not be compared, once. */
void rg_verdict_note(struct rg_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The document, a row a line. */
void rg_verdict_print(const struct rg_verdict *verdict, FILE *out);

/* The same as text, malloc'd. */
char *rg_verdict_json(const struct rg_verdict *verdict);

/* Gives a verdict that was judged the document that one that was read has, for rg_digest_json. False: no memory. */
bool rg_verdict_keep_document(struct rg_verdict *verdict);

/* Reads DIRECTORY/verdict.json; close with rg_verdict_close. heat and verified, which are in no document, stay zero,
 * and so do points, sides and the bounds of rows. -ENOENT where there is none; -EINVAL with a message that names file,
 * field and fault. */
int rg_verdict_load(const char *directory, struct rg_verdict *out, struct rg_error *err);

/* The same of a run in its directory; -EINVAL where it is another run's. there: false where the run has none, since it
 * was killed. */
int rg_verdict_load_of(
    const struct rg_run *run, const char *directory, struct rg_verdict *out, bool *there, struct rg_error *err);

/* Takes a zeroed structure. */
void rg_verdict_close(struct rg_verdict *verdict);

/* "pass", "fail" or "inconclusive". */
const char *rg_verdict_word(const struct rg_verdict *verdict);

#endif
