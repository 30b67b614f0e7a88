/* The verdict as a table for people, at most 100 columns wide. */
#ifndef RG_REPORT_TEXT_H
#define RG_REPORT_TEXT_H

#include "data/run.h"
#include "data/verdict.h"

#include <stdio.h>

struct rg_text_style {
    bool colour;
    bool all;   /* every row; else points of many rows are summed up, with what did not pass row by row */
    bool rated; /* shows shares of the line rate, and not of what was expected; rg_report_text sees to it */
};

void rg_report_text(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out);

#endif
