/* A preflight as text. */
#ifndef RG_REPORT_PREFLIGHT_H
#define RG_REPORT_PREFLIGHT_H

#include "data/preflight.h"

#include <stdio.h>

/* A paragraph a check, and one line of counts; fits 100 columns. */
void rg_report_preflight(const struct rg_preflight *preflight, FILE *out);

/* Of several nodes: what is at fault, or could not be read, one paragraph for all nodes of which the same is to be
 * said; and a line of counts. */
void rg_report_preflights(const struct rg_preflight *nodes, int count, FILE *out);

#endif
