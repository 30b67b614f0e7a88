/* A history for people and for other programs. */
#ifndef RG_REPORT_HISTORY_H
#define RG_REPORT_HISTORY_H

#include "data/history.h"
#include "data/trend.h"

#include <stdio.h>

/* The runs, a line each, the latest last. */
void rg_report_runs(const struct rg_past *past, FILE *out);

/* The same as comma-separated values. */
void rg_report_runs_csv(const struct rg_past *past, FILE *out);

/* In words first, then a table. */
void rg_report_trend(const struct rg_trend *trend, FILE *out);

/* Comma-separated values as in RFC 4180, but lines end in a newline alone, and a text that begins with = + - @ or a tab
 * has an apostrophe before it. */
void rg_report_figure_head(FILE *out);
void rg_report_figure(const struct rg_past_run *run, const struct rg_figure *figure, FILE *out);

#endif
