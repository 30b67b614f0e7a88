/* What a history is to keep of a run. */
#ifndef RG_JUDGE_ENTRY_H
#define RG_JUDGE_ENTRY_H

#include "data/run.h"
#include "data/series.h"
#include "data/verdict.h"

/* Reads the run's measurements and sums them up: the median of each series, and the run's surroundings. Close the
 * entry before the verdict and the run, whose texts it uses. -EINVAL with file and line when a document is bad. */
int rg_judge_entry(const struct rg_run *run, const char *directory, struct rg_verdict *rows, struct rg_entry *out,
    struct rg_error *err);

#endif
