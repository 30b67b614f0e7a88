/* How reports of every format name things. */
#ifndef RG_REPORT_NAMING_H
#define RG_REPORT_NAMING_H

#include "data/suite.h"
#include "data/verdict.h"

/* Of a metric: "Gb/s", "GB/s" or "us". */
const char *rg_naming_unit(const char *metric);

/* "rdma_write_bw 64K one_way, 1 queue pair". */
void rg_naming_point(const struct rg_test_point *point, char *out, size_t room);

/* "node-a rail 3 sends": which part of the fleet a side is. */
void rg_naming_side(const struct rg_side *side, const char *scope, char *out, size_t room);

/* "312.8 Gb/s of at least 380.0, which is 391.7 less 3 % (a source)"; empty: neither measured nor expected. */
void rg_naming_side_figures(const struct rg_side *side, const char *metric, char *out, size_t room);

/* The next character of a text that claims to be UTF-8, and *text moved past it. What is not UTF-8, what XML does not
 * allow, and control characters but tab and the ends of lines become U+FFFD. */
uint32_t rg_naming_next(const char **text);

/* Writes a character as UTF-8. */
void rg_naming_put(uint32_t character, FILE *out);

/* What Markdown or HTML would read as markup is escaped; a line stays a line, a cell a cell. */
void rg_naming_put_markdown(const char *text, FILE *out);

/* Places of sides in verdict->sides, malloc'd: those that did not pass, worst first. NULL without memory. */
size_t *rg_naming_worst(const struct rg_verdict *verdict, size_t *count);

#endif
