/* Preflight: whether this node is fit to be measured. A check reads files of the system, needs no privilege and
 * changes nothing. */
#ifndef RG_CHECK_CHECK_H
#define RG_CHECK_CHECK_H

#include "base/error.h"
#include "check/node.h"
#include "data/preflight.h"

/* Names the odd ones out: where a node passed, but what it shows differs from what most others show that passed, its
 * check warns, and expects what they have. */
void rg_check_compare(struct rg_preflight *nodes, int count);

/* Runs all checks, or those alone whose failure would stop a run. Close *out with rg_preflight_close; -ENOMEM. */
int rg_check_run(const struct rg_check_node *node, bool quick, struct rg_preflight *out, struct rg_error *err);

#endif
