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

#include "fleet/part.h"

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

#endif
