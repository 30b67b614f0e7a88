#include "judge/node.h"

#include "stat/summary.h"

#include <math.h>

#define SLICES 20

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
    double begin = -INFINITY, end = INFINITY, slices[SLICES] = {0};
    struct rg_summary summary;
    *out = (struct rg_node_sum){NAN, NAN, NAN};
    for (size_t i = 0; i < count; i++) {
        begin = fmax(begin, flows[i]->window.start_s);
        end = fmin(end, flows[i]->window.start_s + flows[i]->window.duration_s);
    }
    if (count == 0 || end <= begin)
        return;
    double step = (end - begin) / SLICES;
    for (size_t i = 0; i < count; i++) {
        double before = moved_until(flows[i], begin);
        for (int slice = 0; slice < SLICES; slice++) {
            double after = moved_until(flows[i], begin + (slice + 1) * step);
            slices[slice] += (after - before) / step;
            before = after;
        }
    }
    rg_summary_of(slices, SLICES, &summary);
    *out = (struct rg_node_sum){summary.mean, summary.ci95_low, summary.ci95_high};
}
