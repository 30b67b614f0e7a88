/* One row against one yardstick. */
#ifndef RG_JUDGE_HOLD_H
#define RG_JUDGE_HOLD_H

#include "data/verdict.h"

bool rg_hold_is_latency(const char *metric);

/* Holds a row against what `by` expects of it, with its slack: a bandwidth must reach the threshold, a latency stay
 * within. A row that was not measured ends as it is. Returns the bound that was added, or NULL without memory. */
struct rg_bound *rg_hold(struct rg_row *row, const struct rg_bound *by);

/* The row's status, and what it is shown against, is by the worst of its bounds. several: there is more than one
 * yardstick, so the reason names it. -ENOMEM without a message. */
int rg_hold_conclude(struct rg_row *row, bool several);

/* Replaces the row's reason. */
void rg_hold_reason(struct rg_row *row, const char *text);

#endif
