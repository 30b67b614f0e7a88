/* The picture of the fleet: how each NIC did against a healthy flow. */
#include "judge/evidence.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* What was measured again is of suspects and of those who bear witness, and would be half of what a NIC of a small
 * fleet has. */
static bool counts(const struct rg_fleet_judge *judge, const struct rg_seen_flow *flow)
{
    return !flow->again && !rg_evidence_is_void(judge, flow);
}

/* What arrived damaged is nothing, however fast it came. */
static float share_of(const struct rg_point *point, const struct rg_seen_flow *flow)
{
    bool nothing = isnan(flow->gbps) || isnan(point->healthy_gbps) || flow->intact == 0;
    return nothing ? 0 : flow->gbps / (float)point->healthy_gbps;
}

/* Median shares of one side of every NIC at one point. shares: room for every flow; first: for every NIC and two more.
 */
static void add_heat(const struct rg_fleet_judge *judge, const struct rg_point *point, bool sends, float *shares,
    size_t *first, float *io)
{
    size_t nics = (size_t)judge->fleet.nodes * (size_t)judge->fleet.rails;
    memset(first, 0, (nics + 2) * sizeof *first);
    for (size_t i = 0; i < point->count; i++)
        first[(sends ? point->flows[i].from : point->flows[i].to) + 2] += counts(judge, &point->flows[i]);
    for (size_t nic = 2; nic < nics + 2; nic++)
        first[nic] += first[nic - 1];
    for (size_t i = 0; i < point->count; i++) {
        const struct rg_seen_flow *flow = &point->flows[i];
        if (counts(judge, flow))
            shares[first[(sends ? flow->from : flow->to) + 1]++] = share_of(point, flow);
    }
    for (size_t nic = 0; nic < nics; nic++) {
        size_t count = first[nic + 1] - first[nic];
        if (count == 0)
            continue;
        qsort(shares + first[nic], count, sizeof *shares, ascending);
        io[nic] = fminf(isnan(io[nic]) ? INFINITY : io[nic], shares[first[nic] + count / 2]);
    }
}

int rg_evidence_draw(const struct rg_fleet_judge *judge, struct rg_verdict *out, struct rg_error *err)
{
    size_t nics = (size_t)judge->fleet.nodes * (size_t)judge->fleet.rails;
    size_t flows = 0;
    for (size_t p = 0; p < judge->point_count; p++)
        flows = judge->points[p].count > flows ? judge->points[p].count : flows;
    float *shares = calloc(flows + 1, sizeof *shares);
    size_t *first = calloc(nics + 2, sizeof *first);
    struct rg_heat *heat = &out->heat;
    heat->names = calloc((size_t)judge->fleet.nodes + 1, sizeof *heat->names);
    heat->tx = calloc(nics + 1, sizeof *heat->tx);
    heat->rx = calloc(nics + 1, sizeof *heat->rx);
    int code = shares && first && heat->names && heat->tx && heat->rx
                   ? 0
                   : rg_fail(err, -ENOMEM, "no memory to draw the fleet");
    for (size_t i = 0; code == 0 && i < nics; i++)
        heat->tx[i] = heat->rx[i] = NAN;
    for (int node = 0; code == 0 && node < judge->fleet.nodes; node++)
        heat->names[node] = rg_verdict_text(out, judge->names[node]);
    for (size_t p = 0; code == 0 && p < judge->point_count; p++) {
        add_heat(judge, &judge->points[p], true, shares, first, heat->tx);
        add_heat(judge, &judge->points[p], false, shares, first, heat->rx);
    }
    if (code == 0 && judge->point_count > 0) {
        heat->nodes = judge->fleet.nodes;
        heat->rails = judge->fleet.rails;
    }
    free(shares);
    free(first);
    return code;
}
