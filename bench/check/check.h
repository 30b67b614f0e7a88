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

/* How far a node's clock is ahead of some other clock, the same for all nodes, and by how much that may be wrong. */
struct rg_check_offset {
    bool known;
    double offset_us, error_us;
};

/* Adds the check clock_offset to each of several nodes. -ENOMEM. */
int rg_check_clock_offsets(
    struct rg_preflight *nodes, int count, const struct rg_check_offset *offsets, struct rg_error *err);

/* The rails' ways from each node to the next, as each has to be told to try them (rg_check_paths): out[i] is malloc'd,
 * NULL: there is none. -ENOMEM. */
int rg_check_plan_paths(const struct rg_preflight *nodes, int count, char **out, struct rg_error *err);

/* Sends packets as large as they may be over the ways, "NAME/FROM/TO/MTU,...", and fills the row of the check path_mtu.
 * Takes some seconds where nothing answers. -EINVAL: that is no such list. */
int rg_check_paths(const char *list, struct rg_preflight_row *out, struct rg_error *err);

/* Runs all checks, or those alone whose failure would stop a run. Close *out with rg_preflight_close; -ENOMEM. */
int rg_check_run(const struct rg_check_node *node, bool quick, struct rg_preflight *out, struct rg_error *err);

#endif
