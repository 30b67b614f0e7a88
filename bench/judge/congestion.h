/* What a load of the other nodes costs those that it has nothing to do with. */
#ifndef RG_JUDGE_CONGESTION_H
#define RG_JUDGE_CONGESTION_H

#include "data/measurement.h"
#include "data/suite.h"
#include "data/verdict.h"

/* What the victims of a run measured. Starts zeroed; close with rg_congestion_close. */
struct rg_victims {
    struct rg_victim *at;
    size_t count, room;
};

/* Takes a measurement into account if it is a victim's, alone or loaded. The names are the verdict's from then on. */
int rg_congestion_add(struct rg_victims *victims, const struct rg_measurement *measurement, struct rg_verdict *verdict,
    struct rg_error *err);

/* Adds a line for each test, size and rail to the verdict. A victim counts where it was measured alone and then under
 * load; its p50 and p99 are the median and the 99th percentile of its latencies, or the rates that half and 99 % of its
 * sub-windows reach. Of a rail's victims the median of each is told, and the worst ratio of p99 with its sender; a
 * ratio is loaded / alone, as in GPCNeT's congestion impact (Chunduri et al., "GPCNeT: Designing a Benchmark Suite for
 * Inducing and Measuring Contention in HPC Networks", SC 2019). */
int rg_congestion_conclude(
    struct rg_victims *victims, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err);
void rg_congestion_close(struct rg_victims *victims);

#endif
