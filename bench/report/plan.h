/* What a run would do, before it does it. */
#ifndef RG_REPORT_PLAN_H
#define RG_REPORT_PLAN_H

#include "data/plan.h"

#include <stdio.h>

/* A table: rounds, flows, time and memory of each test, their sum, and the time for 2, 16 and 256 nodes. */
void rg_report_plan(const struct rg_plan *plan, FILE *out);

#endif
