/* A machine's baseline, from runs that were good. */
#ifndef RG_JUDGE_LEARN_H
#define RG_JUDGE_LEARN_H

#include "data/machine.h"
#include "data/verdict.h"

#define RG_LEARN_RUNS_LEAST 3

/* Makes the document of a machine of that name, malloc'd, from the runs in the directories: for each test and size the
 * median of the runs' medians, and as slack how far below the worst row of one more such run lies at most, so that 99
 * of 100 meet all expectations, by the spread of rows within their run and of the runs' medians; the fewer runs, the
 * wider. Half a row's interval is added; the worst row of these runs passes; at least 1 %. What would be so wide that
 * nothing fails it is left out, and notes, which starts zeroed and is closed with rg_verdict_close, says so. like: a
 * machine whose rails and rates it takes over; may be NULL. -EINVAL where there are too few runs, one is not good by
 * itself, they are not alike, one has a row that none of the others explains, or two tests of the suite would be one.
 */
int rg_learn_machine(const char *const *directories, size_t count, const struct rg_machine *like, const char *name,
    char **text, struct rg_verdict *notes, struct rg_error *err);

#endif
