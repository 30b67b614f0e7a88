/* Which end a flow that did not pass is laid to. */
#ifndef RG_JUDGE_ENDS_H
#define RG_JUDGE_ENDS_H

#include "data/run.h"
#include "data/verdict.h"

/* Whether a row did not pass, and joins two ends of which one alone may be to blame: a flow, or a node's sum. */
bool rg_ends_are_open(const struct rg_row *row);

/* Lays it to the end that was lost or is suspected, if the other is neither; else to both. Suspects are known, so all
 * flows have been read. Says of what was not measured that an end was lost. -ENOMEM without a message. */
int rg_ends_lay(const struct rg_run *run, struct rg_verdict *verdict, struct rg_row *row);

#endif
