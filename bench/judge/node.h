/* What a node sends and receives over all its rails. Pure. */
#ifndef RG_JUDGE_NODE_H
#define RG_JUDGE_NODE_H

#include "data/measurement.h"

#include <stddef.h>

/* The sum of flows over the time in which all of them ran, cut into as many equal slices as the flow with the fewest
 * sub-windows has. */
struct rg_node_sum {
    double gbps, ci95_low_gbps, ci95_high_gbps; /* NAN where the flows have no time in common, or too few slices */
};

/* flows: `count` bandwidth measurements of one round. Between the ends of its sub-windows a flow's rate is taken as
 * even. */
void rg_node_sum_of(const struct rg_measurement *const *flows, size_t count, struct rg_node_sum *out);

#endif
