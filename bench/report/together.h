/* What the fleet moved together, and what a load cost those beside it, in lines of text. */
#ifndef RG_REPORT_TOGETHER_H
#define RG_REPORT_TOGETHER_H

#include "data/verdict.h"

#include <stdio.h>

/* Prints nothing where a verdict has none. */
void rg_report_together(const struct rg_verdict *verdict, FILE *out);

#endif
