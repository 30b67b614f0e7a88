/* Runs as one web page that needs nothing else: the page of page/, with the runs' digests in it. */
#ifndef RG_REPORT_HTML_H
#define RG_REPORT_HTML_H

#include "report/alike.h"

#include <stdbool.h>
#include <stddef.h>

/* The built page; empty where railgauge was built without Node.js. */
extern const char rg_html_page[];

/* What is put into it. Any text may hold markup: it stays text. */
struct rg_html_content {
    const char *title;
    const char *const *digests;   /* one JSON text a run */
    const char *const *sentences; /* the same runs' verdicts in words, for readers without scripts */
    const struct rg_alike *odd;   /* of the same runs: what nodes do not share */
    size_t runs;
    const char *history; /* JSON; NULL: none was asked for */
    const char *plan;    /* JSON; NULL: why_not says why there is none */
    const char *why_not;
};

/* What of the page is left for pictures, of this many runs beside so many bytes, so that it stays below 5 MB. */
size_t rg_report_html_room(size_t runs, size_t beside_bytes);

/* The whole page, malloc'd. -ENOSYS where there is no page. */
int rg_report_html(const struct rg_html_content *content, char **out, struct rg_error *err);

#endif
