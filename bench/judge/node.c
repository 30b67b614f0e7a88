#include "judge/node.h"

#include "stat/summary.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* Adds, slice by slice, the rate at which a flow moved data. Both ends of a part and of a slice only go on. */
static void add_slices(const struct rg_measurement *flow, double begin, double step, size_t slices, double *sums)
{
    const struct rg_subwindows *parts = &flow->bandwidth.subwindows;
    double at = flow->window.start_s;
    size_t part = 0;
    for (size_t slice = 0; slice < slices; slice++) {
        double from = begin + (double)slice * step, to = begin + (double)(slice + 1) * step, moved = 0;
        while (part < parts->end_s.count && at < to) {
            double end = fmin(parts->end_s.values[part], to);
            moved += parts->gbps.values[part] * fmax(end - fmax(at, from), 0);
            at = end;
            if (end < to)
                part++;
        }
        sums[slice] += moved / step;
    }
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
    for (size_t i = 0; i < count; i++)
        add_slices(flows[i], begin, step, slices, sums);
    rg_summary_of(sums, slices, &summary);
    *out = (struct rg_node_sum){summary.mean, summary.ci95_low, summary.ci95_high};
    free(sums);
}
