#include "judge/hold.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool rg_hold_is_latency(const char *metric)
{
    return strncmp(metric, "latency", 7) == 0;
}

void rg_hold_reason(struct rg_row *row, const char *text)
{
    free(row->reason);
    row->reason = strdup(text);
}

static enum rg_status judge(const struct rg_row *row, double threshold, const char **reason)
{
    double sign = rg_hold_is_latency(row->metric) ? -1 : 1; /* latencies must stay below */
    double doubtful = sign > 0 ? row->ci95_low : row->ci95_high, hopeful = sign > 0 ? row->ci95_high : row->ci95_low;
    bool reached = sign * row->measured >= sign * threshold;
    bool surely = isnan(doubtful) || sign * doubtful >= sign * threshold;
    bool perhaps = !isnan(hopeful) && sign * hopeful >= sign * threshold;
    /* The interval is the median's. Where the mean of the window lies outside it, the link was down or slow for a part
     * of the time: what was moved is then too little, however well the rest went. */
    bool typical = row->ci95_low <= row->measured && row->measured <= row->ci95_high;
    if (isnan(row->measured)) {
        *reason = "there is no figure";
        return RG_NOT_RUN;
    }
    enum rg_status status = reached ? (surely ? RG_PASS : RG_NOISY) : perhaps && typical ? RG_NOISY : RG_FAIL;
    if (status == RG_NOISY)
        *reason = "its 95 % interval lies on both sides of the threshold";
    return status;
}

struct rg_bound *rg_hold(struct rg_row *row, const struct rg_bound *by)
{
    struct rg_bound *bound = rg_row_bound(row, by->kind);
    if (bound == NULL)
        return NULL;
    *bound = *by;
    bound->threshold = by->expected * (1 + (rg_hold_is_latency(row->metric) ? 1 : -1) * by->tolerance_percent / 100);
    bound->status = row->status == RG_UNJUDGED ? judge(row, bound->threshold, &bound->reason) : row->status;
    return bound;
}

int rg_hold_conclude(struct rg_row *row, bool several)
{
    const struct rg_bound *worst = row->bounds;
    char *told = NULL;
    if (worst == NULL)
        return 0;
    for (size_t i = 1; i < row->bound_count; i++)
        if (rg_status_weight(row->bounds[i].status) > rg_status_weight(worst->status))
            worst = &row->bounds[i];
    row->expected = worst->expected;
    row->tolerance_percent = worst->tolerance_percent;
    row->threshold = worst->threshold;
    row->source = worst->source;
    if (row->status != RG_UNJUDGED)
        return 0; /* not measured: it has a reason */
    row->status = worst->status;
    if (worst->status == RG_PASS || (worst->reason == NULL && !several))
        return 0;
    if (!several)
        told = strdup(worst->reason);
    else if (asprintf(&told, "by the %s (%s)%s%s", worst->kind, worst->source, worst->reason ? ": " : "",
                 worst->reason ? worst->reason : "") < 0)
        told = NULL;
    free(row->reason);
    row->reason = told;
    return told ? 0 : -ENOMEM;
}
