/* The picture of a fleet: a table of nodes and rails. */
#ifndef RG_REPORT_HEAT_H
#define RG_REPORT_HEAT_H

#include "data/verdict.h"

#include <stdio.h>

#define RG_HEAT_NODES_WHOLE 64 /* a larger fleet shows its worst nodes alone */

/* A row a node, worst first; a cell a rail: the smaller of what it sends and receives, in percent of a healthy flow,
 * with the side that is the smaller where they differ; in colour if that is asked for. Prints nothing without flows. */
void rg_report_heat(const struct rg_heat *heat, bool colour, bool all, FILE *out);

#endif
