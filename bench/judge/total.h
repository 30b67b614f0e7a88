/* What the whole fleet moves at once. */
#ifndef RG_JUDGE_TOTAL_H
#define RG_JUDGE_TOTAL_H

#include "data/measurement.h"
#include "data/suite.h"
#include "data/verdict.h"

/* The sums of a run's rounds. Starts zeroed; close with rg_totals_close. */
struct rg_totals {
    struct rg_round_sum *at;
    size_t count, room;
};

/* Adds the flows of one round: their sum over the time in which all of them ran. A round counts where all of its flows
 * were measured and had time in common. The verdict keeps the texts. */
int rg_totals_add(struct rg_totals *totals, const struct rg_measurement *const *flows, size_t count,
    struct rg_verdict *verdict, struct rg_error *err);

/* Adds a line for each test and size to the verdict: median and least of its rounds. Once a rank is lost its flows are
 * not there any more: only rounds with as many flows as the fullest count. */
int rg_totals_conclude(
    struct rg_totals *totals, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err);
void rg_totals_close(struct rg_totals *totals);

#endif
