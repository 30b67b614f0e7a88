/* Which ranks, nodes and rails explain the collectives that fell short of their like. Pure.
 *
 * A collective goes at the pace of its slowest rank, so that one communicator tells no more than that it has a
 * straggler; where communicators of nodes or pairs of nodes and those of rails overlap, they tell which rank it is.
 * Sought is the set of parts with the least total of costs and prices, as for flows (fleet/suspects.h). */
#ifndef RG_FLEET_STRAGGLERS_H
#define RG_FLEET_STRAGGLERS_H

#include "fleet/part.h"

/* A communicator that was measured: the ranks of one node, of two (node < peer), or of a rail. Others are -1. */
struct rg_circle {
    int node, peer, rail;
    float shortfall, noise; /* as in rg_sighting */
};

#define RG_STRAGGLER_ALTERNATIVES 4

struct rg_straggler {
    struct rg_part part; /* NIC: a rank; NODE, RAIL; PATH: two nodes together, with no rails */
    double loss, strength;
    size_t short_circles, well_circles;                     /* with it in them */
    struct rg_part alternatives[RG_STRAGGLER_ALTERNATIVES]; /* that would explain the same as well */
    size_t alternative_count;
};

/* *out is malloc'd, strongest first. least_loss: smaller shares are of no interest. -ENOMEM. */
int rg_stragglers_find(const struct rg_fleet *fleet, const struct rg_circle *circles, size_t count, double least_loss,
    struct rg_straggler **out, size_t *out_count, struct rg_error *err);

#endif
