/* What of runs a forecast is made of; for the files of judge/ alone. */
#ifndef RG_JUDGE_FORECAST_POINTS_H
#define RG_JUDGE_FORECAST_POINTS_H

#include "data/forecast.h"

enum rg_sample_kind { RG_SAMPLE_COLLECTIVE, RG_SAMPLE_NODE_RATE, RG_SAMPLE_MESSAGE };

/* texts are the forecast's: equal ones are the same. order: of the series in the answer. */
struct rg_sample {
    const char *series, *test, *run_id;
    enum rg_sample_kind kind;
    int order;
    bool of_rail; /* a group of one rank a node */
    int64_t nodes, ranks, size_bytes;
    double us;
};

struct rg_samples {
    struct rg_sample *at; /* malloc'd, the caller's to free */
    size_t count, room;
};

/* One sample, the median, of each run, series, size and number of ranks, in the order of series, nodes and size; fills
 * in what the forecast says of the runs. */
int rg_judge_forecast_read(
    const char *const *directories, size_t count, struct rg_forecast *io, struct rg_samples *out, struct rg_error *err);

#endif
