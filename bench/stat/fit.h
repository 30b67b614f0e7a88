/* Sums of a few terms, fitted to measurements by weighted least squares. Pure.
 *
 * y = b0 x0 + b1 x1 + ... with no b below zero, as times that add up cannot be: a term that comes out below zero is
 * taken out and the others are fitted again (the active set of Lawson and Hanson, "Solving Least Squares Problems",
 * 1974, chapter 23, of which a few terms need no more). Errors are relative: each point weighs 1/y^2, so that a
 * microsecond of a short time counts as much as a millisecond of a long one. Intervals are Student's, at 95 %, from the
 * covariance of all terms, whether or not one was taken out. */
#ifndef RG_STAT_FIT_H
#define RG_STAT_FIT_H

#include <stddef.h>

#define RG_FIT_TERMS_MOST 3

struct rg_fit {
    size_t points, terms;
    double value[RG_FIT_TERMS_MOST], low[RG_FIT_TERMS_MOST], high[RG_FIT_TERMS_MOST];
    double covariance[RG_FIT_TERMS_MOST][RG_FIT_TERMS_MOST];
    double deviation; /* of one point, relative to the fitted value */
    double freedom;   /* points less terms */
    double aicc;      /* Akaike's criterion, corrected for few points (Hurvich and Tsai, Biometrika 76, 1989) */
};

/* x[i][k] is term k of point i; y above zero. -EINVAL: fewer than terms + 2 points, or terms that the points cannot
 * tell apart. */
int rg_fit_find(const double (*x)[RG_FIT_TERMS_MOST], const double *y, size_t points, size_t terms, struct rg_fit *out);

/* The value at x, and the interval in which one more measurement there lies with 95 %, if the sum holds there. */
double rg_fit_at(const struct rg_fit *fit, const double x[RG_FIT_TERMS_MOST], double *low, double *high);

#endif
