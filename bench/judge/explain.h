/* From changes to what happened; for the files of judge/ alone. */
#ifndef RG_JUDGE_EXPLAIN_H
#define RG_JUDGE_EXPLAIN_H

#include "data/trend.h"

/* Tells the changes of io, which are in the order of series and run, as findings, without a sentence yet. kind_of: by
 * series, below kind_count, in the order of series: those of one kind are the same figure of other places. finding_of:
 * by change, the place of its finding; malloc'd. -ENOMEM. */
int rg_judge_explain(
    struct rg_trend *io, const size_t *kind_of, size_t kind_count, size_t **finding_of, struct rg_error *err);

#endif
