/* A fit in a sentence; for the files of judge/ alone. */
#ifndef RG_JUDGE_FORECAST_WORDS_H
#define RG_JUDGE_FORECAST_WORDS_H

#include "judge/forecast_points.h"

/* Says what the fit gives at the most nodes that were asked for; sample: one that it was fitted to. */
void rg_judge_forecast_say(
    const struct rg_forecast *forecast, const struct rg_sample *sample, struct rg_forecast_fit *io);

#endif
