/* The search for the parts that explain what fell short; inside fleet/, for suspects.c. Pure. */
#ifndef RG_FLEET_SEARCH_H
#define RG_FLEET_SEARCH_H

#include "fleet/part.h"

#define RG_SEARCH_SAMPLE 256 /* of many flows some tell where to look for the loss; all tell how large it is */

struct rg_suspicion {
    double least_loss; /* smaller shares are of no interest */
    double caution;    /* what must speak for any part beside the price of its kind: e^-caution false ones a fleet */
};

struct rg_candidate {
    struct rg_part part;
    double gain, loss, price; /* price: paid for it, in nats */
    double bound;             /* of a path: what it could gain at most */
    bool comes_and_goes;
};

/* What short flows cost that nothing explains, by the parts that they pass through: no part can gain more. */
struct rg_search_bounds {
    double *tx, *rx;           /* by NIC */
    double *leaf_tx, *leaf_rx; /* by leaf * rails + rail */
    int leaves;
};

/* Zeroed but for the first two when it is run. */
struct rg_search {
    struct rg_part_index index; /* fleet, sightings and count are the caller's */
    const struct rg_suspicion *suspicion;
    const struct rg_part *steady, *loose; /* a part that may not come and go, one that must; NULL: none */
    float *predicted, *cost;              /* of each sighting, by the parts accepted so far */
    double price_of_kind[RG_PART_KINDS];
    struct rg_part_members members;
    double values[2 * RG_SEARCH_SAMPLE];
    struct rg_search_bounds bounds;
    struct rg_candidate *candidates, *accepted; /* candidates: first the paths, sorted */
    uint32_t *queue;                            /* candidates by gain */
    size_t candidate_count, candidate_room, path_count, accepted_count, accepted_room;
};

/* Finds the accepted parts. -ENOMEM. Close with rg_search_close in any case. */
int rg_search_run(struct rg_search *search);
void rg_search_close(struct rg_search *search);

/* Whether every flow through accepted part a falls short, and by the same. -ENOMEM. */
int rg_search_fits(struct rg_search *search, size_t a, bool *fits);

/* Whether up to `most` other parts explain better what accepted part a explains, and takes them in its place if they
 * do; it may be among them if it comes and goes instead of being steady, or the other way round. What is better: a
 * lower total of what the sightings cost and of the prices paid. -ENOMEM. */
int rg_search_replace(struct rg_search *search, size_t a, size_t most, bool *replaced);

/* Whether a NIC, or one side of it, explains better what accepted parts a and b explain, both of which are of it; takes
 * it in their place if it does, at the end of the accepted ones. -ENOMEM. */
int rg_search_join(struct rg_search *search, size_t a, size_t b, bool *joined);

/* What a flow costs that is explained by a loss: its squared error in units of the noise, halved; by none (0): that of
 * half the logarithm of its rate, if it is larger. */
double rg_search_cost(const struct rg_sighting *sighting, double loss);

/* Whether a flow fell short at all. */
bool rg_search_is_short(const struct rg_search *search, const struct rg_sighting *sighting);

/* Candidates that would explain the same nearly as well (within `tie` nats) in the place of accepted part a. The first
 * `room` of them go to out; *count is how many. -ENOMEM. */
int rg_search_alternatives(
    struct rg_search *search, size_t a, double tie, struct rg_part *out, size_t room, size_t *count);

#endif
