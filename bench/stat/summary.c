#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rg_summary_quantile(const double *sorted, size_t count, double q)
{
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* Distribution-free interval of the median from order statistics, with the normal approximation of the binomial:
 * ranks (n - 1.96 sqrt n)/2 and 1 + (n + 1.96 sqrt n)/2, as in Le Boudec, "Performance Evaluation of Computer and
 * Communication Systems", 2010, theorem 2.1. Six samples are the fewest for which it exists at 95 %. */
static void median_interval(const double *sorted, size_t count, double *low, double *high)
{
    *low = *high = NAN;
    if (count < 6)
        return;
    double n = (double)count, reach = 1.96 * sqrt(n);
    double lower = floor((n - reach) / 2), upper = ceil(1 + (n + reach) / 2);
    *low = sorted[(size_t)fmax(lower, 1) - 1];
    *high = sorted[(size_t)fmin(upper, n) - 1];
}

void rg_summary_of(double *samples, size_t count, struct rg_summary *out)
{
    qsort(samples, count, sizeof *samples, ascending);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += samples[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (samples[i] - mean) * (samples[i] - mean);
    *out = (struct rg_summary){
        .count = count,
        .min = samples[0],
        .max = samples[count - 1],
        .mean = mean,
        .stddev = count > 1 ? sqrt(squares / (double)(count - 1)) : 0,
        .p5 = rg_summary_quantile(samples, count, 0.05),
        .p50 = rg_summary_quantile(samples, count, 0.50),
        .p90 = rg_summary_quantile(samples, count, 0.90),
        .p99 = rg_summary_quantile(samples, count, 0.99),
        .p99_9 = rg_summary_quantile(samples, count, 0.999),
    };
    median_interval(samples, count, &out->ci95_low, &out->ci95_high);
}
