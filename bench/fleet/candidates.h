/* The parts that could explain what fell short, the most promising first; inside fleet/, for search.c. Pure. */
#ifndef RG_FLEET_CANDIDATES_H
#define RG_FLEET_CANDIDATES_H

#include "fleet/search.h"

/* Every part through which short flows pass, and that could explain enough of them. -ENOMEM. */
int rg_candidates_find(struct rg_search *search);

/* What a part could gain at most, as things are; whether that is worth its price. */
double rg_candidates_bound(const struct rg_search *search, const struct rg_candidate *candidate);
bool rg_candidates_are_worth(const struct rg_search *search, enum rg_part_kind kind, double bound);

/* A short flow costs so much more than before. */
void rg_candidates_note(struct rg_search *search, const struct rg_sighting *sighting, double cost);

/* Puts all candidates in a queue by their gains: a binary heap, whose first is the candidate of the largest. */
void rg_candidates_queue(struct rg_search *search);
struct rg_candidate *rg_candidates_first(const struct rg_search *search);

/* The first one's gain has become less: it goes where it belongs. */
void rg_candidates_settle(struct rg_search *search);

#endif
