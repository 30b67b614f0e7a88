/* A machine's baseline, from runs that were good. */
#ifndef RG_JUDGE_LEARN_H
#define RG_JUDGE_LEARN_H

#include "data/machine.h"

#define RG_LEARN_RUNS_LEAST 3

/* Makes the document of a machine of that name, malloc'd, from the runs in the directories: for each test and size the
 * median of the runs' medians, and as slack so many standard deviations of all rows (1.4826 times the median absolute
 * deviation) that of 100 runs with as many rows 99 have none beyond by noise alone, and half a row's interval; or the
 * worst row if that is more; at least 1 %. like: a machine whose rails and rates it takes over; may be NULL. -EINVAL
 * where there are too few runs, one is not good by itself, they are not alike, or one has a row that none of the others
 * explains. */
int rg_learn_machine(const char *const *directories, size_t count, const struct rg_machine *like, const char *name,
    char **text, size_t *learned, struct rg_error *err);

#endif
