#include "test/trial.h"

#include <math.h>

#define SAMPLES_LEAST 5
#define ITERATIONS_MOST 1000000
#define TRIED_GRAPHS 10

struct rg_trial rg_trial_first(const struct rg_settings *settings)
{
    bool cold = settings->iterations != RG_NONE && settings->warmup_iterations == 0;
    return (struct rg_trial){false, cold ? 0 : 1, 1};
}

/* Operations that share a sample, so that it lasts long enough, and is not one of too few. */
static uint64_t calls_of(double iterations, double each_s, double sample_s)
{
    double most = floor(iterations / SAMPLES_LEAST);
    return (uint64_t)fmax(1, fmin(most, ceil(sample_s / each_s)));
}

/* The first operation makes the group's connections and tells nothing of the next. Bounded by time, trials of growing
 * length show how many operations will fill it. A graph of many operations is faster than so many of one: it is tried,
 * too. */
struct rg_trial rg_trial_next(
    const struct rg_settings *settings, const struct rg_trial *last, uint64_t tried, double spent_s, double sample_s)
{
    bool counted = settings->iterations != RG_NONE;
    uint64_t warmup = counted ? (uint64_t)settings->warmup_iterations : 2;
    if (tried < warmup)
        return (struct rg_trial){false, counted ? warmup - tried : 1, 1};
    if (tried < 2) /* nothing is known */
        return (struct rg_trial){true, (uint64_t)settings->iterations, 1};
    double each_s = fmax(spent_s, 1e-7) / (double)last->iterations, fit = (double)settings->iterations;
    if (!counted)
        fit = floor(fmin(fmax(settings->duration_s / each_s, SAMPLES_LEAST), ITERATIONS_MOST));
    if (!counted && last->calls == 1 && spent_s < settings->warmup_s / 4 && (double)last->iterations < fit / 8)
        return (struct rg_trial){false, last->iterations * 4, 1};
    uint64_t calls = calls_of(fit, each_s, sample_s);
    if (settings->cuda_graph && last->calls == 1 && calls > 1)
        return (struct rg_trial){false, TRIED_GRAPHS * calls, calls};
    return (struct rg_trial){true, (uint64_t)fit, calls};
}
