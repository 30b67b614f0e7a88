/* Processors and memory of NUMA nodes. */
#ifndef RG_BASE_NUMA_H
#define RG_BASE_NUMA_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Runs this thread on the processors of a node alone; false: the system does not tell which these are, or they are not
 * its own to run on. */
bool rg_numa_move_to(int node);

/* Zeroes fresh memory, so that its pages are there, and on a node: bound to it or, where that is forbidden as in
 * containers, touched from one of its processors, which takes pages of other nodes only when it has none left.
 * Negative: any node. */
int rg_numa_touch(void *address, size_t bytes, int node, struct rg_error *err);

#endif
