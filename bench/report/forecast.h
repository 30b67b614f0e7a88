/* What a fabric is to give at other numbers of nodes, in words first, then in tables. */
#ifndef RG_REPORT_FORECAST_H
#define RG_REPORT_FORECAST_H

#include "data/forecast.h"

#include <stdio.h>

void rg_report_forecast(const struct rg_forecast *forecast, FILE *out);

/* The same as Markdown, without the single points. */
void rg_report_forecast_markdown(const struct rg_forecast *forecast, FILE *out);

#endif
