#include "fleet/fabric.h"

#include "fleet/random.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define SUBWINDOW_NOISE 0.5 /* of a flow's own */
#define TRIES 100           /* to find a part that no other fault touches */
#define LEAF_LEAST 3        /* nodes of a leaf whose uplink may be drawn to be faulty */

int rg_fabric_prepare(struct rg_fabric *fabric, struct rg_error *err)
{
    fabric->leaf_of = calloc((size_t)fabric->nodes, sizeof *fabric->leaf_of);
    if (fabric->leaf_of == NULL)
        return rg_fail(err, -ENOMEM, "no memory for %d nodes", fabric->nodes);
    for (int node = 0; fabric->nodes_per_leaf > 0 && node < fabric->nodes; node++)
        fabric->leaf_of[node] = node / fabric->nodes_per_leaf;
    return 0;
}

void rg_fabric_close(struct rg_fabric *fabric)
{
    free(fabric->leaf_of);
    free(fabric->faults);
    *fabric = (struct rg_fabric){0};
}

static struct rg_fleet fleet_of(const struct rg_fabric *fabric)
{
    return (struct rg_fleet){fabric->nodes, fabric->rails, fabric->leaf_of};
}

/* What a random number of a flow is for. */
static uint64_t draw(
    const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment, uint64_t what)
{
    uint64_t from = (uint64_t)link->from_node * (uint64_t)fabric->rails + (uint64_t)link->from_rail;
    uint64_t to = (uint64_t)link->to_node * (uint64_t)fabric->rails + (uint64_t)link->to_rail;
    return rg_random_with(rg_random_with(fabric->seed ^ from << 32 ^ to, (uint64_t)moment->round), what);
}

/* The share of the window in which a part that flaps is away: twice as long or not at all, by chance. */
static double away(const struct rg_fabric *fabric, const struct rg_fault_plan *fault, const struct rg_moment *moment)
{
    uint64_t number = rg_random_with(
        fabric->seed ^ (uint64_t)(fault->part.node * fabric->rails + fault->part.rail), (uint64_t)moment->round + 77);
    return fmin(2 * fault->loss * rg_random_share(number), 1);
}

static bool touches(const struct rg_fabric *fabric, const struct rg_fault_plan *fault, const struct rg_link *link)
{
    struct rg_fleet fleet = fleet_of(fabric);
    return rg_part_touches(&fleet, &fault->part, link->from_node * fabric->rails + link->from_rail,
        link->to_node * fabric->rails + link->to_rail);
}

void rg_fabric_flow(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    struct rg_flow_outcome *out)
{
    double share = 1.0 / (moment->senders > moment->receivers ? moment->senders : moment->receivers);
    bool crosses = fabric->leaf_of[link->from_node] != fabric->leaf_of[link->to_node];
    *out = (struct rg_flow_outcome){.latency_us = fabric->latency_us + (crosses ? fabric->hop_us : 0)};
    double left = 1;
    for (int i = 0; i < fabric->fault_count; i++) {
        const struct rg_fault_plan *fault = &fabric->faults[i];
        if (fault->kind >= RG_FAULT_DIES || !touches(fabric, fault, link))
            continue;
        out->dead |= fault->kind == RG_FAULT_DEAD;
        out->corrupt |= fault->kind == RG_FAULT_CORRUPTS;
        if (fault->kind == RG_FAULT_SLOW)
            left = fmin(left, 1 - fault->loss);
        if (fault->kind == RG_FAULT_FLAPS)
            left = fmin(left, 1 - away(fabric, fault, moment));
    }
    out->gone = rg_fabric_is_gone(fabric, link->from_node, link->from_rail, moment->at_s) ||
                rg_fabric_is_gone(fabric, link->to_node, link->to_rail, moment->at_s);
    out->dead |= out->gone;
    if (moment->loaded && !link->load) {
        left *= fabric->load_slowdown;
        out->latency_us *= sqrt(fabric->load_latency);
    }
    double noise = 1 + fabric->noise * rg_random_normal(draw(fabric, link, moment, 1));
    out->rate_gbps = out->dead ? 0 : fmax(fabric->rate_gbps * fmin(share, left) * noise, 0);
}

double rg_fabric_subwindow(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    const struct rg_flow_outcome *flow, int i, int n)
{
    double mean = 0, own = 0;
    for (int k = 0; k < n; k++) {
        double noise = rg_random_normal(draw(fabric, link, moment, 100 + (uint64_t)k));
        mean += noise / n;
        own = k == i ? noise : own;
    }
    return flow->rate_gbps * fmax(1 + SUBWINDOW_NOISE * fabric->noise * (own - mean), 0);
}

double rg_fabric_latency(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    const struct rg_flow_outcome *flow, uint64_t k)
{
    uint64_t number = draw(fabric, link, moment, 1000 + k);
    double share = rg_random_share(number), wait = -0.05 * log(1 - share);
    bool long_wait = rg_random_share(rg_random_mix(number)) < 0.01;
    double tail = moment->loaded && !link->load ? fabric->load_latency : 1;
    return flow->latency_us * (0.97 + wait + (long_wait ? 0.3 * share : 0)) * (share > 0.98 ? tail : 1);
}

bool rg_fabric_is_gone(const struct rg_fabric *fabric, int node, int rail, double at_s)
{
    for (int i = 0; i < fabric->fault_count; i++) {
        const struct rg_fault_plan *fault = &fabric->faults[i];
        if (fault->part.node == node && at_s >= fault->at_s &&
            (fault->kind == RG_FAULT_DIES || (fault->kind == RG_FAULT_HANGS && fault->part.rail == rail)))
            return true;
    }
    return false;
}

/* --- faults by lot --- */

/* Whether two parts have a NIC in common. */
static bool overlap(const struct rg_fabric *fabric, const struct rg_part *a, const struct rg_part *b)
{
    for (int nic = 0; nic < fabric->nodes * fabric->rails; nic++) {
        int node = nic / fabric->rails, rail = nic % fabric->rails;
        const struct rg_part *both[] = {a, b};
        bool in[2];
        for (int i = 0; i < 2; i++) {
            const struct rg_part *p = both[i];
            bool leaf = p->kind == RG_PART_LEAF_TX || p->kind == RG_PART_LEAF_RX;
            in[i] = p->kind == RG_PART_RAIL ? rail == p->rail
                    : leaf                  ? fabric->leaf_of[node] == p->node && rail == p->rail
                                            : (p->node == node && (p->rail < 0 || p->rail == rail)) ||
                                 (p->peer == node && p->peer_rail == rail);
        }
        if (in[0] && in[1])
            return true;
    }
    return false;
}

static int below(uint64_t *state, int n)
{
    *state = rg_random_mix(*state);
    return (int)(*state % (uint64_t)n);
}

static int leaf_size(const struct rg_fabric *fabric, int leaf)
{
    int size = 0;
    for (int node = 0; node < fabric->nodes; node++)
        size += fabric->leaf_of[node] == leaf;
    return size;
}

static struct rg_part draw_part(const struct rg_fabric *fabric, uint64_t *state, bool any)
{
    int node = below(state, fabric->nodes), rail = below(state, fabric->rails);
    int peer = (node + 1 + below(state, fabric->nodes - 1)) % fabric->nodes;
    int leaf = fabric->leaf_of[node];
    switch (below(state, any ? 7 : 3)) {
    case 0:
        return (struct rg_part){RG_PART_TX, node, rail, -1, -1};
    case 1:
        return (struct rg_part){RG_PART_RX, node, rail, -1, -1};
    case 3:
        return (struct rg_part){RG_PART_NODE, node, -1, -1, -1};
    case 4:
        return (struct rg_part){RG_PART_PATH, node < peer ? node : peer, rail, node < peer ? peer : node, rail};
    case 6:
        if (fabric->rails > 1 && fabric->nodes > 2)
            return (struct rg_part){RG_PART_RAIL, -1, rail, -1, -1};
        break;
    case 5:
        if (leaf_size(fabric, leaf) >= LEAF_LEAST && leaf_size(fabric, leaf) < fabric->nodes)
            return (struct rg_part){below(state, 2) ? RG_PART_LEAF_TX : RG_PART_LEAF_RX, leaf, rail, -1, -1};
    }
    return (struct rg_part){RG_PART_NIC, node, rail, -1, -1};
}

static struct rg_fault_plan draw_fault(const struct rg_fabric *fabric, uint64_t *state, double within_s)
{
    struct rg_fault_plan fault = {.loss = 0.1 + 0.8 * rg_random_share(*state = rg_random_mix(*state))};
    switch (below(state, 10)) {
    case 0:
        fault.kind = RG_FAULT_DEAD;
        fault.part = draw_part(fabric, state, false);
        break;
    case 1:
        fault.kind = RG_FAULT_FLAPS;
        fault.part = draw_part(fabric, state, false);
        break;
    case 2:
        fault.kind = RG_FAULT_CORRUPTS;
        fault.part = draw_part(fabric, state, false);
        break;
    default:
        fault.kind = RG_FAULT_SLOW;
        fault.part = draw_part(fabric, state, true);
        if ((fault.part.kind == RG_PART_NODE || fault.part.kind == RG_PART_NIC) && rg_random_with(*state, 4) % 2) {
            fault.kind = fault.part.kind == RG_PART_NODE ? RG_FAULT_DIES : RG_FAULT_HANGS;
            fault.at_s = within_s * rg_random_share(rg_random_with(*state, 5));
            fault.loss = 0;
        }
    }
    return fault;
}

int rg_fabric_draw_faults(struct rg_fabric *fabric, int count, double within_s, struct rg_error *err)
{
    uint64_t state = rg_random_with(fabric->seed, 4711);
    fabric->faults = calloc((size_t)count + 1, sizeof *fabric->faults);
    fabric->fault_count = 0;
    if (fabric->faults == NULL)
        return rg_fail(err, -ENOMEM, "no memory for faults");
    for (int tries = 0; fabric->fault_count < count && tries < TRIES + 10 * count; tries++) {
        struct rg_fault_plan fault = draw_fault(fabric, &state, within_s);
        bool free_of_others = true;
        for (int i = 0; i < fabric->fault_count; i++)
            free_of_others &= !overlap(fabric, &fault.part, &fabric->faults[i].part);
        if (free_of_others)
            fabric->faults[fabric->fault_count++] = fault;
    }
    return 0;
}
