/* What the measurements of a run come to: for each test at each size the spread of its flows, what each NIC sends and
 * receives, what pairs of nodes have between them, the slowest flows, and what went wrong beside. Grows with points,
 * nodes and rails, not with measurements. */
#ifndef RG_DATA_DIGEST_H
#define RG_DATA_DIGEST_H

#include "data/machine.h"
#include "data/measurement.h"
#include "data/run.h"
#include "data/verdict.h"

struct rg_digest;

/* machine: for ceilings and expectations; NULL: none is known. least_loss_percent: how much less than healthy is of
 * interest; tells the healthy flows from the others, as the judge does it. Run and machine outlive the digest. Close
 * with rg_digest_close, which takes NULL. */
int rg_digest_open(const struct rg_run *run, const struct rg_machine *machine, double least_loss_percent,
    struct rg_digest **out, struct rg_error *err);
void rg_digest_close(struct rg_digest *digest);

/* Takes a measurement into account. -EINVAL if it is of another run. */
int rg_digest_add(struct rg_digest *digest, const struct rg_measurement *measurement, struct rg_error *err);

/* All of it in JSON, beside what run and verdict say; verdict may be NULL. Pictures of nodes and pairs are left out of
 * the last points when they would take more than so many bytes. malloc'd; NULL without memory. */
char *rg_digest_json(struct rg_digest *digest, const struct rg_verdict *verdict, size_t pictures_bytes);

#endif
