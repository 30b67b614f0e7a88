/* What other commands take from railgauge plan. */
#ifndef RG_CMD_PLAN_H
#define RG_CMD_PLAN_H

#include "data/forecast.h"

/* What it answers when it is given no options. */
void rg_cmd_plan_question(struct rg_forecast_question *out);

#endif
