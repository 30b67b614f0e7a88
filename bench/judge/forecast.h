/* From the measurements of runs at some numbers of nodes to what other numbers of nodes are to give. */
#ifndef RG_JUDGE_FORECAST_H
#define RG_JUDGE_FORECAST_H

#include "data/forecast.h"

/* Reads the runs, fits models of judge/cost.h to collectives and such of a start, a time a byte and one a doubling of
 * nodes to what nodes move, and takes of several models the one that Akaike's criterion prefers; those that it puts
 * less than RG_FORECAST_RIVAL behind are not ruled out (Burnham and Anderson, "Model Selection and Multimodel
 * Inference", 2002, 2.6), and intervals are around all of them. Close with rg_forecast_close, after a refusal, too.
 * -EINVAL: a document is bad, runs cannot be put together, or too few points were measured; the message says what is
 * missing. */
int rg_judge_forecast(const char *const *directories, size_t count, const struct rg_forecast_question *question,
    struct rg_forecast *out, struct rg_error *err);

#define RG_FORECAST_RIVAL 10.0

#endif
