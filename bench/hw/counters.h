/* What a NIC has counted, from sysfs. */
#ifndef RG_HW_COUNTERS_H
#define RG_HW_COUNTERS_H

#include "data/counters.h"

/* The counters of a port at one moment. */
struct rg_counters {
    int64_t count;
    struct rg_counter at[RG_COUNTERS_MOST]; /* `added`: since the driver was loaded */
};

/* Reads `root`/class/infiniband/DEVICE/ports/PORT/{counters,hw_counters}/... ("/sys" on a real machine). What cannot be
 * read is left out, and what the system lists after the first RG_COUNTERS_MOST. Sorted by name. */
void rg_counters_read(const char *root, const char *device, int port, struct rg_counters *out);

/* Those that moved between two moments. A counter that went backwards was set anew, and is left out. */
void rg_counters_change(
    const struct rg_counters *before, const struct rg_counters *after, struct rg_counter_change *out);

#endif
