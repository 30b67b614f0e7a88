/* Runs as one web page that needs nothing else: the page of page/, with the runs' digests in it. */
#ifndef RG_REPORT_HTML_H
#define RG_REPORT_HTML_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The built page; empty where railgauge was built without Node.js. */
extern const char rg_html_page[];

/* What of the page is left for pictures, of this many runs, so that it stays below 5 MB. */
size_t rg_report_html_room(size_t runs);

/* The whole page, malloc'd. digests: one JSON text a run; sentences: the same runs' verdicts in words, for readers
 * without scripts. Any text may hold markup: it stays text. -ENOSYS where there is no page. */
int rg_report_html(const char *title, const char *const *digests, const char *const *sentences, size_t runs, char **out,
    struct rg_error *err);

#endif
