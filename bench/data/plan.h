/* A suite unrolled into rounds. Front and ranks compute the same. */
#ifndef RG_DATA_PLAN_H
#define RG_DATA_PLAN_H

#include "data/fabric.h"
#include "data/machine.h"
#include "data/suite.h"
#include "fleet/schedule.h"

#define RG_MAX_RAILS 64 /* of a node */

/* What unrolls to the same rounds everywhere: the suite, among so many nodes with so many rails each. */
struct rg_plan {
    const struct rg_suite *suite;
    int nodes, rails;
    uint64_t seed; /* draws partners */
};

/* One round: one test at one size, with flows that share no NIC, unless the pattern wants that. */
struct rg_round {
    size_t test_index;
    int64_t size_bytes;
    struct rg_schedule schedule; /* of a test with flows */
    int64_t turn;                /* round of that schedule, or of a tournament in which pairs of nodes meet */
    const struct rg_link *links; /* explicit ones, to measure suspects again; NULL: the schedule's */
    size_t link_count;
    double at_s; /* when it begins by the plan's time; set by who walks the plan */
};

/* The number of rounds; those of a test that has too few nodes are none. */
int64_t rg_plan_rounds(const struct rg_plan *plan);

/* The n-th of them, from 0. */
struct rg_round rg_plan_round(const struct rg_plan *plan, int64_t n);

/* The links of a round that begin or end at a node's rail, as rg_schedule_links has them. */
int rg_plan_links(const struct rg_round *round, int node, int rail, struct rg_link *out);

/* Calls visit with every link of a round once, by its sender, until one returns other than 0, and returns that; 0, or
 * -ENOMEM. */
int rg_plan_each_link(const struct rg_plan *plan, const struct rg_round *round,
    int (*visit)(void *context, const struct rg_link *link), void *context);

/* "pairs", or whatever joins the NICs of a round; "confirm" where suspects are measured again. */
const char *rg_plan_pattern(const struct rg_suite *suite, const struct rg_round *round);

/* About how long it takes, in seconds, set-up left out; for the progress bar. */
double rg_plan_seconds(const struct rg_suite *suite, const struct rg_round *round);

/* When, by this, a round begins, after the begin of the first; of the number of rounds: how long all take. */
double rg_plan_begin_s(const struct rg_plan *plan, int64_t n);

/* The longest that a round may take before rank 0 must have been heard of again. */
double rg_plan_limit_s(const struct rg_suite *suite, const struct rg_round *round);

/* "rdma_write_bw 64K both_ways". */
void rg_plan_label(const struct rg_suite *suite, const struct rg_round *round, char *out, size_t room);

/* A node's rail that has no part in the run any more. */
struct rg_absentee {
    int node, rail;
};

/* What rank 0 is given on its standard input, one line, and back. */
struct rg_orders {
    const char *run_id;
    int64_t seed, nodes, rails; /* nodes: of the plan */
    int64_t first_round;        /* earlier ones were measured before */
    struct rg_suite suite;
    int *present; /* the plan's numbers of the nodes that take part, in the order of the hosts */
    size_t present_count;
    struct rg_absentee *absent; /* rails of those nodes that do not */
    size_t absent_count;
    struct rg_fabric fabric;   /* nodes 0: a real one */
    bool check;                /* look at the nodes first */
    bool has_machine;          /* what to expect of them: of the machine its name, hardware, rails, gpu, ip_version */
    struct rg_machine machine; /* and rdma alone */
    cJSON *root;
};

/* malloc'd. */
char *rg_orders_text(const struct rg_orders *orders);
struct rg_plan rg_orders_plan(const struct rg_orders *orders);
int rg_orders_read(const char *text, struct rg_orders *out, struct rg_error *err);

/* More work for rank 0, a line: one round of a test with explicit links; no links: it was all. malloc'd. */
char *rg_orders_round_text(const struct rg_round *round);

/* *links is malloc'd, the caller's. */
int rg_orders_round_read(const char *text, struct rg_round *out, struct rg_link **links, struct rg_error *err);

void rg_orders_close(struct rg_orders *orders);

#endif
