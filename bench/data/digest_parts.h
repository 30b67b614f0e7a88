/* The inside of a digest; for the files of data/ alone. */
#ifndef RG_DATA_DIGEST_PARTS_H
#define RG_DATA_DIGEST_PARTS_H

#include "base/names.h"
#include "data/digest.h"

#define RG_CELL_KEPT 64     /* values of one side of a NIC */
#define RG_SPREAD_KEPT 1024 /* values of a point */
#define RG_WORST_KEPT 20
#define RG_BLOCKS_MOST 64 /* rows of a matrix of pairs; of a larger fleet each stands for several nodes */
#define RG_FAULTS_KEPT 64
#define RG_PERCENTILES 6
#define RG_BINS 1152 /* of latencies: 32 an octave, from 2^-10 us on */

/* Values in the order of their coming, up to a number; of more an even sample (Vitter's algorithm R, "Random Sampling
 * with a Reservoir", 1985). min and max are of all. */
struct rg_cell {
    float *values;
    float min, max;
    uint32_t kept, room, seen;
};

int rg_cell_add(struct rg_cell *cell, double value, uint32_t most, struct rg_error *err);

/* The value at that share of the sorted ones, the upper of two; NAN of none. Sorts. */
double rg_cell_quantile(struct rg_cell *cell, double share);

/* Where a value comes from. Numbers of nodes; -1: none. */
struct rg_spot {
    int node, rail, peer, peer_rail;
    double value;
    int64_t round;
};

/* The worst flow from one block of nodes to another. */
struct rg_pair {
    float value; /* NAN: there was none */
    int rail;
};

/* One test at one size, as far as its flows can be compared with each other. */
struct rg_digest_point {
    const char *test, *kind, *direction, *memory, *transport, *metric, *method; /* words: static */
    char *variant, *pattern, *backend, *library, *hardware_reason;              /* malloc'd or NULL */
    int64_t test_index, size_bytes, queue_pairs, ok, failed, unsupported, not_run, again;
    bool hardware, up; /* up: more is better */
    bool comparable;   /* with each other, so that a NIC or pair that has less is worse */
    bool judged;       /* its flows are evidence for and against parts of the fabric */
    double payload_share, healthy, least_subwindow, samples, clock_error_us;
    struct rg_cell all, percentiles[RG_PERCENTILES], algorithm, time_p50, time_p99;
    struct rg_cell *tx, *rx;             /* by NIC; NULL: none came yet */
    struct rg_pair *pairs;               /* by block of nodes; NULL: none came yet */
    struct rg_spot worst[RG_WORST_KEPT]; /* worst first */
    int worst_count;
    uint32_t *bins; /* of all samples that were kept; NULL: none were */
};

/* Measurements that were not ok, for one reason. */
struct rg_digest_fault {
    const char *status, *test;
    char *reason, *said; /* said: what verbs or MPI said of the first */
    int64_t count, size_bytes;
    struct rg_spot first;
};

struct rg_digest_counter {
    char name[RG_COUNTER_NAME_LENGTH];
    int64_t *added; /* by NIC */
};

struct rg_digest_alarm {
    char *text;
    int64_t count;
    struct rg_spot first;
};

struct rg_digest {
    const struct rg_run *run;
    const struct rg_machine *machine;
    double least_loss;       /* share of a rate whose loss matters */
    const char **names;      /* by node, the run's texts */
    int64_t *leaves;         /* by node; RG_NONE: not known */
    struct rg_names numbers; /* of nodes */
    int nodes, rails, blocks, block_nodes;
    bool *lost; /* by NIC */
    struct rg_digest_point *points;
    size_t point_count, last; /* last: the one that the last measurement went to */
    struct rg_digest_fault *faults;
    size_t fault_count;
    int64_t more_faults;
    struct rg_digest_counter *counters;
    size_t counter_count;
    int64_t *counted_in; /* by NIC: the last round whose counters were added */
    int64_t counter_reports;
    struct rg_digest_alarm *alarms;
    size_t alarm_count;
    int64_t gpu_reports, measurements, verified, words_checked, mismatches;
    struct rg_digest_fault *damages;
    size_t damage_count;
};

/* A node's number, or -1. */
int rg_digest_node(const struct rg_digest *digest, const char *name);

size_t rg_digest_nics(const struct rg_digest *digest);

struct rg_spot rg_digest_spot(const struct rg_digest *digest, const struct rg_measurement *measurement);

/* The part of rg_digest_add that is no point: faults, integrity, counters, GPUs. */
int rg_digest_add_beside(struct rg_digest *digest, const struct rg_measurement *measurement, struct rg_error *err);

/* Adds "points", and "overall_tx" and "overall_rx". */
void rg_digest_add_points(cJSON *object, struct rg_digest *digest, size_t pictures_bytes);

/* Adds a number with four significant digits, or null. */
void rg_digest_number(cJSON *object, const char *key, double value);

/* Adds the array "environment": for each fact of nodes and rails the values that it has, and where the rarer ones are.
 */
void rg_digest_add_environment(cJSON *object, const struct rg_run *run);

#endif
