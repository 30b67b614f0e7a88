/* What a fabric is to give at other numbers of nodes, by models fitted to what was measured at some. */
#ifndef RG_DATA_FORECAST_H
#define RG_DATA_FORECAST_H

#include "base/args.h"
#include "stat/fit.h"

#define RG_FORECAST_RUNS_MOST 64

/* What was asked. */
struct rg_forecast_question {
    struct rg_sizes nodes;
    int64_t size_bytes;        /* of a collective; RG_NONE: the largest that was measured */
    double step_ms;            /* of a training step; NAN: not asked */
    double efficiency_percent; /* how many nodes keep it; */
    double share_percent;      /* and at how many a collective takes no more of a step; NAN: not asked */
};

/* One thing measured: the median of a run's, with so many nodes and bytes, beside what the model gives. */
struct rg_forecast_point {
    const char *run_id;
    int64_t nodes, ranks, size_bytes;
    double measured_us, fitted_us, residual_percent;
    double node_gbps; /* as measured, of what a projection tells; of a message NAN */
};

/* A term of the model, us for a `unit`. */
struct rg_forecast_term {
    const char *name, *unit;
    double value, low, high; /* 95 % */
};

/* low and high: where one more measurement lies with 95 %, by every model that the points do not rule out. */
struct rg_forecast_projection {
    int64_t nodes, ranks, size_bytes;
    double time_us, time_low_us, time_high_us;
    double node_gbps, node_low_gbps, node_high_gbps; /* what the collective gets out of, or all rails of, a node */
    double efficiency_percent;                       /* of what the fewest nodes measured give, of as many bytes */
    double step_percent;                             /* NAN: no step was told */
    double nodes_beyond, size_beyond; /* so many times what was measured at most; below 1, at least; 1: between */
};

/* kind: collective; node_rate, what all rails of a node move; message, one message of a latency test. */
struct rg_forecast_fit {
    const char *kind, *series, *model, *formula;
    const char *rivals; /* models that the points do not rule out; NULL: none */
    struct rg_forecast_term terms[RG_FIT_TERMS_MOST];
    size_t term_count;
    struct rg_forecast_point *points;
    size_t point_count;
    int64_t fewest_nodes, most_nodes, least_size_bytes, most_size_bytes; /* of the points */
    double deviation_percent, worst_percent;                             /* of residuals */
    struct rg_forecast_projection *projections;                          /* of a message: none */
    size_t projection_count;
    int64_t nodes_at_efficiency, nodes_at_share; /* RG_NONE: not asked, or never */
    char sentence[1600];
};

struct rg_forecast {
    struct rg_forecast_question question;
    const char *hardware_reason; /* NULL: of hardware */
    int64_t ranks_per_node;
    const char *run_ids[RG_FORECAST_RUNS_MOST];
    size_t run_count;
    const char *doubts[2 * RG_FORECAST_RUNS_MOST]; /* runs that are not good by themselves or set otherwise, and how */
    size_t doubt_count;
    struct rg_forecast_fit *fits;
    size_t fit_count;
    char **left_out; /* what was measured and gave no model, and why */
    size_t left_out_count;
    char **texts; /* what the others point to */
    size_t text_count;
};

/* Up to where numbers of nodes are looked for. */
#define RG_FORECAST_NODES_MOST 65536

/* A copy of text that lives as long as the forecast; NULL without memory. */
const char *rg_forecast_text(struct rg_forecast *forecast, const char *text);

/* The document as text, malloc'd. */
char *rg_forecast_json(const struct rg_forecast *forecast);

/* Takes a zeroed structure. */
void rg_forecast_close(struct rg_forecast *forecast);

#endif
