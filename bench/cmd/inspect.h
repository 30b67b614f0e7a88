/* The checks of a fleet: each node's own, asked over the remote shell, and those between nodes. */
#ifndef RG_CMD_INSPECT_H
#define RG_CMD_INSPECT_H

#include "data/preflight.h"

struct rg_inspection {
    const char *machine; /* its name or file; NULL: nothing in particular is expected */
    double patience_s;   /* how long a node may take to answer */
    bool quick;
};

/* Checks hosts; nodes[i] is of hosts[i], and named so: it fails where there was no answer. They are the caller's to
 * close, also those of a call that failed. */
int rg_inspect_hosts(const struct rg_inspection *inspection, char *const *hosts, size_t count,
    struct rg_preflight *nodes, struct rg_error *err);

#endif
