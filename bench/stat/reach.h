/* How far below its centre the worst row of one more run lies. Pure. */
#ifndef RG_STAT_REACH_H
#define RG_STAT_REACH_H

#include <stddef.h>

/* How rows lie in runs that are alike: standard deviations in any unit, of rows about their own run's median and of the
 * runs' medians; rows: of a run, 1 or more. */
struct rg_spread {
    double rows, within, between;
};

/* How far below the median of the runs' medians the worst row of one more run lies, but for that chance: a prediction
 * limit as in Hahn and Meeker, "Statistical Intervals" (1991), by Student's distribution with as many degrees of
 * freedom as runs and rows tell of each deviation. In the unit of the spread; runs: from which it is known, 2 or more.
 */
double rg_reach(const struct rg_spread *spread, size_t runs, double chance);

#endif
