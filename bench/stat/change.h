/* Since when figures that are measured run by run are other than before. Pure.
 *
 * The change-point model of Hawkins, Qiu and Kang, "The Changepoint Model for Statistical Process Control", Journal of
 * Quality Technology 35 (2003): after each run a series' runs since its last change are split in two in every way;
 * where Student's t of the best split is beyond what chance gives, the level has changed there, and the series begins
 * anew. What is told after a run depends on no later run, so that a nightly job tells a change once.
 *
 * Nights are not as tame as that model's. Values count at most as far out as 1.5 times the range between the quantiles
 * 5 % and 95 % lies from the median, so that a bad night does not hide a change. And few bad nights in a row, or a
 * series that goes to and fro between two levels, are no change: the binomial distribution, with the share of earlier
 * values that went most of the way to the new level, must rule out that so many late ones did; of a series' first level
 * the same is asked the other way round, since a few bad nights may be its beginning. All must reject, so that each is
 * at the full level (Berger, "Multiparameter Hypothesis Testing and Acceptance Sampling", Technometrics
 * 24, 1982).
 *
 * How rarely values go so far is known better from all series that are alike, another rail's or node's (stat/strays.h):
 * of a series with 40 runs or more, which rules it out at the level of one series, they must at that of all.
 *
 * Of all series that are told of after one run, the level is that of any false alarm at all, by Holm's procedure ("A
 * Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979), which asks
 * nothing of how the series depend on each other; a nightly job has one exit status, whose error that is. */
#ifndef RG_STAT_CHANGE_H
#define RG_STAT_CHANGE_H

#include "base/error.h"

#include <stddef.h>

/* One false alarm in a hundred quiet years of nights, over all series. */
#define RG_CHANGE_LEVEL (0.01 / 365)

struct rg_change {
    size_t series;
    size_t run;                       /* the first that shows it */
    size_t told;                      /* the one after which it could be told */
    double before, after;             /* the levels on both sides, up to the changes next to it */
    double percent;                   /* by how much the level rose */
    double low_percent, high_percent; /* its 95 % interval */
    double p;                         /* of its series alone, when it was told */
};

struct rg_change_settings {
    double level;           /* of a false alarm after one run, over all series */
    double least_percent;   /* smaller changes are not told */
    const size_t *families; /* by series, numbers below family_count: which are alike; NULL: each is alone */
    size_t family_count;
};

/* series[i][r] is what run r, of `runs` in the order of time, measured of series i, above zero; NAN: nothing. *out is
 * malloc'd, in the order of series and run. -ENOMEM. */
int rg_change_find(const double *const *series, size_t count, size_t runs, const struct rg_change_settings *settings,
    struct rg_change **out, size_t *out_count, struct rg_error *err);

/* How many values a series has at least when a change of it is told, where so many series are told of. */
size_t rg_change_least_values(size_t series, double level);

/* How the level of values[first .. at) differs from that of values[at .. last): before, after, percent and its
 * interval, and in p the chance that Student's t is as great by itself; NAN where there are too few values. scratch has
 * room for last - first numbers twice. */
void rg_change_measure(
    const double *values, size_t first, size_t at, size_t last, double *scratch, struct rg_change *out);

#endif
