/* Which parts of the fabric explain the flows that fell short. Pure.
 *
 * A flow passes through its sender's transmit side, its receiver's receive side, the path between the two NICs, the
 * rail of each, and, where they are under different leaves, one leaf's uplink and the other's downlink. A faulty part
 * costs every flow through it a share of its rate; where several are faulty, the worst decides. Sought is the set of
 * parts with the least total of squared errors (in units of the noise, halved: minus the logarithm of the likelihood)
 * and of a price for each part: the logarithm of how many parts of its kind there are, plus a caution. That is the
 * Bayesian information criterion's idea with a uniform prior over the parts of a kind (Schwarz, "Estimating the
 * Dimension of a Model", 1978), minimised greedily, with a look back, as for set cover (Chvatal, "A Greedy Heuristic
 * for the Set-Covering Problem", 1979). A part some of whose flows are well may be a few others, all of whose
 * flows are not: the better explanation is kept. */
#ifndef RG_FLEET_SUSPECTS_H
#define RG_FLEET_SUSPECTS_H

#include "fleet/search.h"

#define RG_ALTERNATIVES_MOST 4
#define RG_WITNESSES_MOST 12

/* A flow through a part that is accused, and how the end that is not accused does with others, the same way: so many
 * flows as they should be, so many short. */
struct rg_witness {
    int32_t from, to;
    float shortfall;
    bool fell_short;
    int others_well, others_short;
};

struct rg_suspect {
    struct rg_part part;
    double loss;                    /* share of the rate that it costs; of one that comes and goes the mean */
    double strength;                /* how much better the sightings are explained with it, in nats, less its price */
    bool comes_and_goes;            /* some of its flows were well */
    size_t short_flows, well_flows; /* that pass through it and fell short because of it; that were as they should be */
    struct rg_part alternatives[RG_ALTERNATIVES_MOST]; /* that would explain the same as well */
    size_t alternative_count;
    struct rg_witness witnesses[RG_WITNESSES_MOST]; /* the last ones, in the order in which they were measured */
    size_t witness_count;
};

/* *out is malloc'd, strongest first. -ENOMEM. */
int rg_suspects_find(const struct rg_fleet *fleet, const struct rg_sighting *sightings, size_t count,
    const struct rg_suspicion *suspicion, struct rg_suspect **out, size_t *out_count, struct rg_error *err);

#endif
