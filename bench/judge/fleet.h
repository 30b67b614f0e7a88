/* Which parts of the fleet are to blame, from the flows of a run: each test at each size by itself, since parts may be
 * slow for large messages and not for small ones. */
#ifndef RG_JUDGE_FLEET_H
#define RG_JUDGE_FLEET_H

#include "data/measurement.h"
#include "data/run.h"
#include "data/verdict.h"
#include "fleet/inquiry.h"

/* A share of the rate whose loss matters, in percent: on hardware, and on software devices that share processors. */
#define RG_FLEET_LEAST_LOSS_PERCENT 5.0
#define RG_FLEET_LEAST_LOSS_SOFT_PERCENT 50.0

struct rg_fleet_judge;

/* node_names: of the plan's nodes, in its order; copied. leaf_of may be NULL; copied too. Close with
 * rg_fleet_judge_close, which takes NULL. */
int rg_fleet_judge_open(const char *const *node_names, int nodes, int rails, const int *leaf_of, uint64_t seed,
    double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err);

/* The same for the nodes of a run that was recorded. */
int rg_fleet_judge_open_run(
    const struct rg_run *run, double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err);
void rg_fleet_judge_close(struct rg_fleet_judge *judge);

/* Takes a measurement into account if it is a bandwidth flow for itself: not of incast, outcast or a load, and not
 * unsupported or not run; or a collective of a node, a pair of nodes or a rail. */
int rg_fleet_judge_add(struct rg_fleet_judge *judge, const struct rg_measurement *measurement, struct rg_error *err);

/* The same for a flow that is no document yet: rate NAN: it failed; intact as in rg_inquiry_add. */
int rg_fleet_judge_add_flow(struct rg_fleet_judge *judge, int64_t test_index, int64_t size_bytes,
    const struct rg_link *link, double gbps, int intact, struct rg_error *err);

/* This node's rail, or (rail -1) the whole node, is gone: what it took part in proves nothing. */
void rg_fleet_judge_lose(struct rg_fleet_judge *judge, const char *node, int rail);

/* A node's name by the judge's number. */
const char *rg_fleet_judge_name(const struct rg_fleet_judge *judge, int node);

/* How many flows and communicators were added. */
size_t rg_fleet_judge_flows(const struct rg_fleet_judge *judge);

/* What should be measured again: one round of a test at a size. No links: nothing more. *links is malloc'd. */
int rg_fleet_judge_ask(struct rg_fleet_judge *judge, int64_t *test_index, int64_t *size_bytes, struct rg_link **links,
    size_t *count, struct rg_error *err);

/* Adds the suspects to a verdict. suite: of the run, for the names of tests. */
int rg_fleet_judge_conclude(
    struct rg_fleet_judge *judge, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err);

#endif
