#include "data/measurements.h"

#include "data/lines.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

int rg_measurements_each(const struct rg_run *run, const char *directory,
    int (*take)(void *context, const struct rg_measurement *measurement, struct rg_error *err), void *context,
    struct rg_error *err)
{
    char path[PATH_MAX];
    struct rg_lines *lines;
    struct rg_measurement m;
    int64_t number = 0;
    snprintf(path, sizeof path, "%s/measurements.ndjson", directory);
    int code = rg_lines_open(path, run->ended_at == NULL, &lines, err);
    if (code != 0)
        return code;
    while (code == 0 && (code = rg_lines_next(lines, &m, &number, err)) > 0) {
        code = take(context, &m, err);
        rg_measurement_close(&m);
        if (code != 0)
            rg_fail_in(err, code, "%s: line %lld", path, (long long)number);
    }
    rg_lines_close(lines);
    if (code == 0 && number < run->measurements && run->ended_at != NULL)
        code = rg_fail(err, -EINVAL, "%s: holds %lld of the run's %lld measurements", path, (long long)number,
            (long long)run->measurements);
    return code;
}
