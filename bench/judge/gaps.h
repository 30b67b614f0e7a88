/* What the last run of a history did not measure; for the files of judge/ alone. */
#ifndef RG_JUDGE_GAPS_H
#define RG_JUDGE_GAPS_H

#include "data/trend.h"

/* Compares the last run with the latest before it that measured something and is of the same suite and machine (of runs
 * of a single test: that measured the same), on hardware or on what the last one is on: what only the earlier one has
 * is missing, what both of them lack and runs like them before had is gone. Puts each together by what they have in
 * common: the whole of an origin, a test, a node, a rail, or a NIC, where all of it is missing. Which end of its flows
 * a NIC is may change from run to run, and so may the number of ranks. -ENOMEM. */
int rg_judge_gaps(struct rg_trend *io, struct rg_error *err);

#endif
