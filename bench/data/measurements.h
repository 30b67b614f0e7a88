/* All measurements of a run, one after the other. */
#ifndef RG_DATA_MEASUREMENTS_H
#define RG_DATA_MEASUREMENTS_H

#include "data/measurement.h"
#include "data/run.h"

/* Calls take with each line of DIRECTORY/measurements.ndjson until it gives back something else than 0; the
 * measurement is closed afterwards. A run that was killed may end in half a line, which is passed over. -EINVAL or
 * -errno with a message that names file and line. */
int rg_measurements_each(const struct rg_run *run, const char *directory,
    int (*take)(void *context, const struct rg_measurement *measurement, struct rg_error *err), void *context,
    struct rg_error *err);

#endif
