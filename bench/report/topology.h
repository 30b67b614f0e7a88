/* A node's tree and rails as text. */
#ifndef RG_REPORT_TOPOLOGY_H
#define RG_REPORT_TOPOLOGY_H

#include "data/topology.h"

#include <stdio.h>

/* The tree, the rails with their GPUs, and the warnings; fits 100 columns. */
void rg_report_topology(const struct rg_topology *topology, FILE *out);

#endif
