/* Preflight: whether this node is fit to be measured. A check reads files of the system, needs no privilege and
 * changes nothing. */
#ifndef RG_CHECK_CHECK_H
#define RG_CHECK_CHECK_H

#include "base/error.h"
#include "check/node.h"
#include "data/preflight.h"

/* The names of all checks, in order; NULL past the last. */
const char *rg_check_name(int i);

/* Runs all checks, or those alone whose failure would stop a run. Close *out with rg_preflight_close; -ENOMEM. */
int rg_check_run(const struct rg_check_node *node, bool quick, struct rg_preflight *out, struct rg_error *err);

#endif
