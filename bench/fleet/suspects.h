/* Which parts of the fabric explain the flows that fell short. Pure.
 *
 * A flow passes through its sender's transmit side, its receiver's receive side, the path between the two NICs, and,
 * where they are under different leaves, one leaf's uplink and the other's downlink. A faulty part costs every flow
 * through it a share of its rate; where several are faulty, the worst decides. Sought is the set of parts with the
 * least total of squared errors (in units of the noise, halved: minus the logarithm of the likelihood) and of a price
 * for each part: the logarithm of how many parts of its kind there are, plus a caution. That is the Bayesian
 * information criterion's idea with a uniform prior over the parts of a kind (Schwarz, "Estimating the Dimension of a
 * Model", 1978), minimised greedily, with a look back, as for set cover (Chvatal, "A Greedy Heuristic for the
 * Set-Covering Problem", 1979). */
#ifndef RG_FLEET_SUSPECTS_H
#define RG_FLEET_SUSPECTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rg_part_kind {
    RG_PART_TX,      /* (node, rail) sending */
    RG_PART_RX,      /* (node, rail) receiving */
    RG_PART_NIC,     /* (node, rail), both */
    RG_PART_NODE,    /* all rails of a node, both ways */
    RG_PART_PATH,    /* between (node, rail) and (peer, peer_rail), both ways */
    RG_PART_LEAF_TX, /* what leaves the leaf `node` on a rail for other leaves */
    RG_PART_LEAF_RX, /* what enters it */
    RG_PART_KINDS,
};

/* Members that a kind does not have are -1. */
struct rg_part {
    enum rg_part_kind kind;
    int node, rail, peer, peer_rail;
};

bool rg_part_same(const struct rg_part *a, const struct rg_part *b);

struct rg_fleet {
    int nodes, rails;
    const int *leaf_of; /* by node, from 0 up; NULL: all under one */
};

/* One flow that was measured. NICs are numbered node * rails + rail. */
struct rg_sighting {
    int32_t from, to;
    float shortfall; /* share of the healthy rate that was missing: 0 as it should be, 1 nothing came; noise may make it
                        negative */
    float noise;     /* standard deviation of the shortfall of a healthy flow */
};

struct rg_suspicion {
    double least_loss; /* smaller shares are of no interest */
    double caution;    /* what must speak for any part beside the price of its kind: e^-caution false ones a fleet */
};

#define RG_ALTERNATIVES_MOST 4

struct rg_suspect {
    struct rg_part part;
    double loss;                    /* share of the rate that it costs; of one that comes and goes the mean */
    double strength;                /* how much better the sightings are explained with it, in nats, less its price */
    bool comes_and_goes;            /* some of its flows were well */
    size_t short_flows, well_flows; /* that pass through it and fell short because of it; that were as they should be */
    struct rg_part alternatives[RG_ALTERNATIVES_MOST]; /* that would explain the same as well */
    size_t alternative_count;
};

/* The rate that healthy flows of one kind have, and the relative standard deviation of their noise, from the rates of
 * all, healthy or not. Faults only slow flows down, so the healthy ones are the uppermost cluster: those within
 * `width` (a share, such as 0.1) of the 95th percentile; median and scaled median absolute deviation of these. count
 * must be at least 1. Sorts rates. */
void rg_suspects_reference(double *rates, size_t count, double width, double *healthy, double *noise);

/* *out is malloc'd, strongest first. -ENOMEM. */
int rg_suspects_find(const struct rg_fleet *fleet, const struct rg_sighting *sightings, size_t count,
    const struct rg_suspicion *suspicion, struct rg_suspect **out, size_t *out_count, struct rg_error *err);

/* Whether a flow passes through a part. */
bool rg_part_touches(const struct rg_fleet *fleet, const struct rg_part *part, int32_t from, int32_t to);

#endif
