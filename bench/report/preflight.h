/* A preflight as text. */
#ifndef RG_REPORT_PREFLIGHT_H
#define RG_REPORT_PREFLIGHT_H

#include "data/preflight.h"

#include <stdio.h>

/* A paragraph a check, and one line of counts; fits 100 columns. */
void rg_report_preflight(const struct rg_preflight *preflight, FILE *out);

#endif
