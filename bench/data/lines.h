/* The lines of a measurements.ndjson, in order, one after the other. A few at a time are in memory; all processors help
 * to parse them, since that is what reading takes its time for. */
#ifndef RG_DATA_LINES_H
#define RG_DATA_LINES_H

#include "data/measurement.h"

struct rg_lines;

/* may_be_cut: a last line without its newline is left out, as that of a run that was killed. Close with rg_lines_close,
 * which takes NULL. */
int rg_lines_open(const char *path, bool may_be_cut, struct rg_lines **out, struct rg_error *err);
void rg_lines_close(struct rg_lines *lines);

/* The next measurement, the caller's to close, and *number of its line, from 1. 1: there is one; 0: the file has ended;
 * -EINVAL with file and line, or -errno. */
int rg_lines_next(struct rg_lines *lines, struct rg_measurement *out, int64_t *number, struct rg_error *err);

#endif
