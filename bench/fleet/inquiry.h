/* From accusations to a sentence: flows as they are measured go in, suspects are measured again with partners that are
 * known good, and what is left is condemned. Pure: the caller measures. */
#ifndef RG_FLEET_INQUIRY_H
#define RG_FLEET_INQUIRY_H

#include "fleet/schedule.h"
#include "fleet/suspects.h"

/* What was found of a part. */
struct rg_finding {
    struct rg_suspect suspect;
    bool corrupts; /* data arrive damaged, at whatever rate; otherwise it is slow */
};

struct rg_inquiry;

/* least_loss: the smallest share of a rate whose loss matters. both_ways: data travel both ways over each link, also
 * when it is measured again. gone: by NIC, those that cannot be measured any more. asked: rounds in which suspects
 * were measured again before this inquiry, as of a run that was taken up. Close with rg_inquiry_close, which takes
 * NULL. fleet and gone must outlive it. */
int rg_inquiry_open(const struct rg_fleet *fleet, const bool *gone, double least_loss, bool both_ways, uint64_t seed,
    int asked, struct rg_inquiry **out, struct rg_error *err);
void rg_inquiry_close(struct rg_inquiry *inquiry);

/* A flow as it was measured; shortfall and noise as in rg_sighting, 1 for one that failed. intact: 1, 0, or -1 where
 * nobody looked. */
int rg_inquiry_add(struct rg_inquiry *inquiry, const struct rg_sighting *sighting, int intact, struct rg_error *err);

/* Who should be measured again next: links of one round, in which no NIC sends or receives twice. None: all has been
 * heard. links is malloc'd, the caller's. */
int rg_inquiry_ask(struct rg_inquiry *inquiry, struct rg_link **links, size_t *count, struct rg_error *err);

/* The findings so far, slow parts first, each kind strongest first; malloc'd. */
int rg_inquiry_conclude(const struct rg_inquiry *inquiry, struct rg_finding **out, size_t *count, struct rg_error *err);

#endif
