/* Clocks of nodes agree: what they log can be put in order. Measurements have a clock of their own. */
#include "check/check.h"
#include "check/checks.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define APART_US 50e3 /* what NTP keeps with ease */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of those that are known; NAN: too few to be compared. */
static double median(const struct rg_check_offset *offsets, int count, double *sorted)
{
    int known = 0;
    for (int i = 0; i < count; i++)
        if (offsets[i].known)
            sorted[known++] = offsets[i].offset_us;
    qsort(sorted, (size_t)known, sizeof *sorted, ascending);
    return known < 2 ? NAN : (sorted[(known - 1) / 2] + sorted[known / 2]) / 2;
}

static void judge(const struct rg_check_offset *offset, double middle_us, struct rg_preflight_row *out)
{
    double ahead_us = offset->offset_us - middle_us;
    rg_check_expect(out, "within %g ms of the median of all nodes", APART_US / 1e3);
    bool far = fabs(ahead_us) >= 1e6;
    rg_check_found(out, "%.3g %s %s the median, or %.3g ms more or less", fabs(ahead_us) / (far ? 1e6 : 1e3),
        far ? "s" : "ms", ahead_us < 0 ? "behind" : "ahead of", offset->error_us / 1e3);
    if (fabs(ahead_us) - offset->error_us > APART_US)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "have all nodes ask the same time server (`chronyc sources`), and set the clock at once: chronyc makestep");
}

int rg_check_clock_offsets(
    struct rg_preflight *nodes, int count, const struct rg_check_offset *offsets, struct rg_error *err)
{
    double *sorted = calloc((size_t)count + 1, sizeof *sorted);
    double middle_us = sorted ? median(offsets, count, sorted) : NAN;
    bool failed = sorted == NULL;
    free(sorted);
    for (int i = 0; i < count && !failed && !isnan(middle_us); i++) {
        struct rg_preflight_row *row = offsets[i].known ? rg_preflight_add(&nodes[i]) : NULL;
        failed = offsets[i].known && row == NULL;
        if (row == NULL)
            continue;
        snprintf(row->check, sizeof row->check, "clock_offset");
        judge(&offsets[i], middle_us, row);
    }
    return failed ? rg_fail(err, -ENOMEM, "no memory") : 0;
}
