/* The formats of a verdict. */
#ifndef RG_REPORT_FORMAT_H
#define RG_REPORT_FORMAT_H

#include "report/text.h"

struct rg_report_format {
    const char *name;
    void (*print)(
        const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out);
};

/* Their names, NULL-terminated. */
extern const char *const rg_report_format_words[];

/* By one of these names. */
const struct rg_report_format *rg_report_format_of(const char *name);

/* A comment in a pull request or a chat: what did not pass, worst first; at most some tens of lines of it. */
void rg_report_markdown(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out);

/* JUnit's XML, as GitLab and Jenkins read it: a suite a point, a case a side. Noisy, unsupported and not run are
 * errors, since they are no passes. */
void rg_report_junit(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out);

/* Prometheus' exposition format in the version that OpenMetrics 1.0 made a standard of: gauges in base units. */
void rg_report_openmetrics(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out);

#endif
