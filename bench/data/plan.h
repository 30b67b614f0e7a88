/* A suite unrolled into rounds. Front and ranks compute the same. */
#ifndef RG_DATA_PLAN_H
#define RG_DATA_PLAN_H

#include "data/suite.h"

/* One round: one test at one size, with a set of pairs that share no NIC. */
struct rg_round {
    size_t test_index;
    int64_t size_bytes;
    int meeting;  /* round of the tournament among the nodes */
    bool forward; /* the lower of two nodes initiates */
    bool backward;
    bool loopback; /* each NIC with itself */
};

/* The number of rounds for so many nodes. */
int64_t rg_plan_rounds(const struct rg_suite *suite, int nodes);

/* The n-th of them, from 0. */
struct rg_round rg_plan_round(const struct rg_suite *suite, int nodes, int64_t n);

/* About how long it takes, in seconds, set-up left out; for the progress bar. */
double rg_plan_seconds(const struct rg_suite *suite, const struct rg_round *round);

/* The longest that a round may take before rank 0 must have been heard of again. */
double rg_plan_limit_s(const struct rg_suite *suite, const struct rg_round *round);

/* "rdma_write_bw 64K both_ways". */
void rg_plan_label(const struct rg_suite *suite, const struct rg_round *round, char *out, size_t room);

/* What rank 0 is given on its standard input, one line, and back. */
struct rg_orders {
    const char *run_id;
    int64_t seed, nodes, rails;
    struct rg_suite suite;
    cJSON *root;
};

/* malloc'd. */
char *rg_orders_text(const struct rg_orders *orders);
int rg_orders_read(const char *text, struct rg_orders *out, struct rg_error *err);
void rg_orders_close(struct rg_orders *orders);

#endif
