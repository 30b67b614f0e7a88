#include "judge/node.h"

#include "stat/summary.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* Gigabits that a flow moved from the start of its window until t. */
static double moved_until(const struct rg_measurement *flow, double t)
{
    const struct rg_subwindows *parts = &flow->bandwidth.subwindows;
    double begin = flow->window.start_s, sum = 0;
    for (size_t i = 0; i < parts->end_s.count && begin < t; i++) {
        double end = parts->end_s.values[i];
        sum += parts->gbps.values[i] * (fmin(end, t) - begin);
        begin = end;
    }
    return sum;
}

void rg_node_sum_of(const struct rg_measurement *const *flows, size_t count, struct rg_node_sum *out)
{
    double begin = -INFINITY, end = INFINITY;
    size_t slices = SIZE_MAX; /* as coarse as the coarsest flow: finer ones would be made up */
    struct rg_summary summary;
    *out = (struct rg_node_sum){NAN, NAN, NAN};
    for (size_t i = 0; i < count; i++) {
        begin = fmax(begin, flows[i]->window.start_s);
        end = fmin(end, flows[i]->window.start_s + flows[i]->window.duration_s);
        if (flows[i]->bandwidth.subwindows.end_s.count < slices)
            slices = flows[i]->bandwidth.subwindows.end_s.count;
    }
    double *sums = count > 0 && end > begin && slices > 0 ? calloc(slices, sizeof *sums) : NULL;
    if (sums == NULL)
        return;
    double step = (end - begin) / (double)slices;
    for (size_t i = 0; i < count; i++) {
        double before = moved_until(flows[i], begin);
        for (size_t slice = 0; slice < slices; slice++) {
            double after = moved_until(flows[i], begin + (double)(slice + 1) * step);
            sums[slice] += (after - before) / step;
            before = after;
        }
    }
    rg_summary_of(sums, slices, &summary);
    *out = (struct rg_node_sum){summary.mean, summary.ci95_low, summary.ci95_high};
    free(sums);
}
