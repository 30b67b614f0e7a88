/* How often values of series that are alike stray from their levels. Pure.
 *
 * A series that never strayed may still be one that begins to: how likely that is, its own few nights cannot tell, but
 * those of all series like it can. Let a share q of a series' values stray, q differing from series to series in any
 * way. That a series strays in at most s of n runs and then in k of the next l has the mean chance
 * E[B(s; n, q) T(k; l, q)]. That is at most the greatest B(s; n, q) T(k; l, q) of any q, and at most E[q^2] times the
 * greatest B(s; n, q) T(k; l, q) / q^2, however q is distributed: Markov's inequality, for another function than q.
 * Summed over the series it bounds how many do so by chance, which is what a Bonferroni or Holm level is for. E[q^2] is
 * how often two values of one series stray that are not far from one another, so that bad nights that come together
 * count as such.
 *
 * How far off a stray must be is not fixed: it is where the nearest of the k lies, and for each s and each l - k there
 * is another distance at which the bound is low enough. So that all together keep the level, each pair has a share of
 * it, 1 / ((s + 1) (s + 2)) times the same of l - k, of which the sum is one: Bonferroni's procedure with weights that
 * are chosen beforehand (Genovese, Roeder and Wasserman, "False Discovery Control with p-value Weighting", Biometrika
 * 93, 2006). */
#ifndef RG_STAT_STRAYS_H
#define RG_STAT_STRAYS_H

#include "base/error.h"

#include <stddef.h>

struct rg_strays;

/* families[i]: a number below family_count; series with the same are alike. -ENOMEM. */
int rg_strays_open(size_t series, size_t runs, const size_t *families, size_t family_count, struct rg_strays **out,
    struct rg_error *err);

/* Takes NULL. */
void rg_strays_close(struct rg_strays *strays);

/* Notes how far from its level a value lies, as a share of the level. */
void rg_strays_note(struct rg_strays *strays, size_t series, size_t run, double share);

/* Counts what was noted of the next run, and of all before it. */
void rg_strays_count(struct rg_strays *strays, size_t run);

/* How a series strayed: in s of n runs, and then in k of the l latest. */
struct rg_strays_seen {
    double n, s, l, k;
};

/* The bound on the mean chance to stray so, or more so, as far off as `share` (below zero: below) or farther, in the
 * series' family: from the runs that were counted but the l latest. One pair more than there were stands for those that
 * were not seen. */
double rg_strays_chance(const struct rg_strays *strays, size_t series, double share, const struct rg_strays_seen *seen);

#endif
