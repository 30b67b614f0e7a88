/* From figures run by run to what happened since when. Pure. */
#ifndef RG_JUDGE_TREND_H
#define RG_JUDGE_TREND_H

#include "data/trend.h"

/* Smaller changes are not told, where nothing else is asked for. */
#define RG_TREND_LEAST_PERCENT 1.0

/* Finds the changes of all series at once (stat/change), and tells those that come at the same time and have a part in
 * common as one: a rail where most of its nodes show it, a node where most of its rails do; collectives by the node or
 * rail whose own stand out, or all together. What was not strong enough to be told by itself counts there too, if it
 * goes the same way at the same time. least_percent: smaller changes are not told. seen: what could be told when there
 * were but so many runs is not new; SIZE_MAX: all but the last. Close *out with rg_trend_close, before the past, whose
 * texts it uses. -ENOMEM. */
int rg_judge_trend(
    const struct rg_past *past, double least_percent, size_t seen, struct rg_trend *out, struct rg_error *err);

#endif
