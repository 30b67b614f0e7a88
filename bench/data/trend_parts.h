/* Parts of a trend's documents; for the files of data/ alone. */
#ifndef RG_DATA_TREND_PARTS_H
#define RG_DATA_TREND_PARTS_H

#include "data/trend.h"

/* Null where it is not finite. */
void rg_trend_add_number(cJSON *object, const char *key, double value);

/* How much it rose, and the interval. */
void rg_trend_add_size(cJSON *object, double percent, double low, double high);

/* When the first run that shows it began, that run, and the one after which it could be told. */
void rg_trend_add_runs(cJSON *object, const struct rg_past *past, size_t run, size_t told);

/* What the last run did not measure of what the one before had. */
cJSON *rg_trend_gaps_object(const struct rg_trend *trend);

/* A finding without its changes. */
cJSON *rg_trend_finding_object(const struct rg_trend *trend, const struct rg_finding *finding);

#endif
