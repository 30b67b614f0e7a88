#include "data/measurements.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rg_measurements_each(const struct rg_run *run, const char *directory,
    int (*take)(void *context, const struct rg_measurement *measurement, struct rg_error *err), void *context,
    struct rg_error *err)
{
    char path[PATH_MAX], place[PATH_MAX + 32], *line = NULL;
    size_t room = 0;
    int64_t number = 0;
    int code = 0;
    snprintf(path, sizeof path, "%s/measurements.ndjson", directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return rg_fail(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
    for (ssize_t length; code == 0 && (length = getline(&line, &room, file)) > 0;) {
        struct rg_measurement m;
        if (line[length - 1] != '\n' && run->ended_at == NULL)
            break;
        snprintf(place, sizeof place, "%s: line %lld", path, (long long)++number);
        code = rg_measurement_read(line, place, &m, err);
        if (code != 0)
            break;
        code = take(context, &m, err);
        rg_measurement_close(&m);
        if (code != 0)
            rg_fail_in(err, code, "%s", place);
    }
    if (code == 0 && number < run->measurements && run->ended_at != NULL)
        code = rg_fail(err, -EINVAL, "%s: holds %lld of the run's %lld measurements", path, (long long)number,
            (long long)run->measurements);
    free(line);
    fclose(file);
    return code;
}
