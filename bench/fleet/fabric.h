/* A simulated fabric: what a flow gets, with faults to be found. Pure. The model: every NIC sends and receives at the
 * same rate at most; flows that share one share it equally; a faulty part takes its share away; where several parts of
 * a flow's way are short, the shortest decides. Queues are not modelled: what a load costs its victims is given. */
#ifndef RG_FLEET_FABRIC_H
#define RG_FLEET_FABRIC_H

#include "fleet/schedule.h"
#include "fleet/suspects.h"

enum rg_fault_kind {
    RG_FAULT_SLOW,      /* a part loses a share of its rate */
    RG_FAULT_DEAD,      /* nothing gets through: its flows fail */
    RG_FAULT_FLAPS,     /* it is away for a share of the time, again and again */
    RG_FAULT_CORRUPTS,  /* words change on their way through it */
    RG_FAULT_DIES,      /* a node leaves at a time */
    RG_FAULT_HANGS,     /* a rank stops at a time and does not come back */
    RG_FAULT_STRAGGLES, /* a GPU is slow in collectives */
    RG_FAULT_KINDS,
};

struct rg_fault_plan {
    enum rg_fault_kind kind;
    struct rg_part part; /* of DIES a node, of HANGS and STRAGGLES a NIC: the rank's */
    double loss;         /* SLOW, FLAPS, STRAGGLES: share of the rate or of the time, in (0,1] */
    double at_s;         /* DIES, HANGS: after the run's begin, by the plan's time */
};

struct rg_fabric {
    int nodes, rails;
    int nodes_per_leaf;                 /* 0: one leaf for all */
    double rate_gbps;                   /* payload that a healthy NIC moves each way */
    double latency_us, hop_us;          /* half a round trip under one leaf; added between leaves */
    double noise;                       /* relative standard deviation of a flow's rate */
    double load_slowdown, load_latency; /* victims of a load: their rate times the first, their latency's tail times the
                                           second */
    uint64_t seed;
    struct rg_fault_plan *faults;
    int fault_count;
    int *leaf_of; /* by node; made by rg_fabric_prepare */
};

/* When a flow runs. */
struct rg_moment {
    int64_t round; /* draws the noise */
    double at_s;
    bool loaded;            /* others load the fabric */
    int senders, receivers; /* flows that share its sending NIC and its receiving one, itself included */
};

struct rg_flow_outcome {
    bool gone; /* an end has died or hangs: nobody is left to measure it */
    bool dead, corrupt;
    double rate_gbps;  /* mean of the window */
    double latency_us; /* half a round trip, median */
};

/* Makes leaf_of; -ENOMEM. rg_fabric_close frees it and the faults, and takes a zeroed structure. */
int rg_fabric_prepare(struct rg_fabric *fabric, struct rg_error *err);
void rg_fabric_close(struct rg_fabric *fabric);

void rg_fabric_flow(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    struct rg_flow_outcome *out);

/* The rate in part i of n of the window; their mean is the flow's. */
double rg_fabric_subwindow(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    const struct rg_flow_outcome *flow, int i, int n);

/* Latency sample k of a flow, half a round trip, in us: a floor, an exponential body and now and then a longer wait. */
double rg_fabric_latency(const struct rg_fabric *fabric, const struct rg_link *link, const struct rg_moment *moment,
    const struct rg_flow_outcome *flow, uint64_t k);

/* Whether a node or rank is gone at that time. */
bool rg_fabric_is_gone(const struct rg_fabric *fabric, int node, int rail, double at_s);

/* Draws so many faults, which cost 10 to 90 %, into an array that is malloc'd, of parts that have no NIC in common;
 * who dies or hangs, does so within so many seconds. Fewer where the fleet is too small for them. */
int rg_fabric_draw_faults(struct rg_fabric *fabric, int count, double within_s, struct rg_error *err);

#endif
