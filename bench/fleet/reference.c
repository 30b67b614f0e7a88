#include "fleet/reference.h"

#include "stat/summary.h"

#include <math.h>

#define CLUSTER_WIDTH 1.7  /* of healthy rates: 2 reaches from the least loss above their middle to that below it */
#define COMPANY_LEAST 3    /* flows in a cluster that counts, where there are so many */
#define COMPANY_SHARE 4    /* or one in so many of all flows */
#define PASSES 4           /* in which the cluster is widened */
#define WIDTH_IN_NOISE 4.0 /* from the 95th percentile down to well below the median */
#define WIDENED_MOST 0.35  /* noise of more than that would take faults in */
#define NOISE_FROM_MAD 1.4826

static size_t first_from(const double *sorted, size_t count, double least)
{
    size_t first = 0;
    while (first < count && sorted[first] < least)
        first++;
    return first;
}

/* The top of the uppermost cluster that has enough flows; the highest of all where none has. */
static double find_top(const double *sorted, size_t count, double width)
{
    double highest = rg_summary_quantile(sorted, count, 0.95), top = highest;
    size_t enough = count / COMPANY_SHARE > COMPANY_LEAST ? count / COMPANY_SHARE : COMPANY_LEAST, end = count;
    while (end > 0) {
        size_t first = first_from(sorted, end, top * (1 - width));
        if (end - first >= enough)
            return top;
        end = first;
        top = end > 0 ? sorted[end - 1] : highest;
    }
    return highest;
}

void rg_reference_find(double *rates, size_t count, double width, double *healthy, double *noise)
{
    struct rg_summary summary;
    rg_summary_of(rates, count, &summary);
    double top = find_top(rates, count, width), reach = width;
    size_t end = first_from(rates, count, top * (1 + width));
    *healthy = top;
    *noise = NAN;
    if (end == 0) /* nothing moved: all rates are 0 */
        return;
    for (int pass = 0; pass < PASSES; pass++) {
        size_t first = first_from(rates, end, top * (1 - fmin(reach, 0.9))), above;
        *healthy = rg_summary_quantile(rates + first, end - first, 0.5);
        above = first_from(rates, end, *healthy);
        *noise =
            *healthy > 0 ? NOISE_FROM_MAD * (rg_summary_quantile(rates + above, end - above, 0.5) / *healthy - 1) : NAN;
        reach = fmax(width, fmin(WIDTH_IN_NOISE * *noise, WIDENED_MOST)); /* passes over NAN */
    }
}

double rg_reference_width(double least_loss)
{
    return CLUSTER_WIDTH * least_loss / (1 + least_loss);
}
