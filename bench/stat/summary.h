/* What an array of samples says. Pure. */
#ifndef RG_STAT_SUMMARY_H
#define RG_STAT_SUMMARY_H

#include <stddef.h>

/* In the unit of the samples. Every sample counts: none is dropped as an outlier or rounded. */
struct rg_summary {
    size_t count;
    double min, max, mean;
    double stddev; /* of a sample: divides by n - 1; 0 for one sample */
    double p5, p50, p90, p99, p99_9;
    double ci95_low, ci95_high; /* 95 % interval of the median; NAN below 6 samples */
};

/* Sorts samples in place; count must be at least 1. */
void rg_summary_of(double *samples, size_t count, struct rg_summary *out);

/* The quantile q in [0,1] of ascending values: linear between the closest ranks, definition 7 of Hyndman and Fan,
 * "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996). count must be at least 1. */
double rg_summary_quantile(const double *sorted, size_t count, double q);

#endif
