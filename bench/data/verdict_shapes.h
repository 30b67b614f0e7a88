/* The tables of a verdict; for the files of data/ alone. */
#ifndef RG_DATA_VERDICT_SHAPES_H
#define RG_DATA_VERDICT_SHAPES_H

#include "data/verdict.h"

/* A row but its status and bounds, a bound but its status, a point but what it counts, and a suspect but its evidence
 * and its sentence. */
extern const struct rg_shape rg_verdict_row_shape, rg_verdict_accused_shape, rg_verdict_evidence_shape,
    rg_verdict_total_shape, rg_verdict_congestion_shape, rg_verdict_bound_shape, rg_verdict_point_shape;

#endif
