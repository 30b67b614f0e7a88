/* What the last run of a history did not measure; for the files of judge/ alone. */
#ifndef RG_JUDGE_GAPS_H
#define RG_JUDGE_GAPS_H

#include "data/trend.h"

/* Compares the last run with the latest before it that is of the same suite and origin (of runs of a single test: that
 * measured the same), counts the series that both of them lack and earlier ones had, and puts those together that only
 * the earlier one has: the whole of a test, a node, a rail, or a NIC, where all of it is missing. Which end of its
 * flows a NIC is may change from run to run, and so may the number of ranks. -ENOMEM. */
int rg_judge_gaps(struct rg_trend *io, struct rg_error *err);

#endif
