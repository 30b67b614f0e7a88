/* A row held against its peers: what is alike in the same run. */
#ifndef RG_JUDGE_PEERS_H
#define RG_JUDGE_PEERS_H

#include "judge/judge.h"

#define RG_PEERS_LEAST 5 /* fewer tell no median from chance */

struct rg_peers {
    struct rg_points points;
    struct rg_verdict read;    /* holds their texts */
    double least_loss_percent; /* what a flow may fall short by, at least */
    const char *least_loss_source;
};

/* Reads the run in directory for the medians of its points; out is told of those with too few rows. Close with
 * rg_peers_close, which takes a zeroed structure. */
int rg_peers_open(const struct rg_run *run, const char *directory, const struct rg_machine *machine,
    struct rg_verdict *out, struct rg_peers *peers, struct rg_error *err);
void rg_peers_close(struct rg_peers *peers);

/* Holds a row against the median of its point. It may fall short by three standard deviations, estimated as 1.4826
 * times the median absolute deviation (Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", Journal of
 * the American Statistical Association 88 (1993)), or by the share of the rate that makes a part suspect, whichever is
 * more. */
int rg_peers_hold(const struct rg_peers *peers, struct rg_row *row, struct rg_verdict *out, struct rg_error *err);

#endif
