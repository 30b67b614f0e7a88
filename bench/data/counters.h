/* What the NICs counted during a measurement, as the documents tell it. */
#ifndef RG_DATA_COUNTERS_H
#define RG_DATA_COUNTERS_H

#include "data/json.h"

#define RG_COUNTERS_MOST 96
#define RG_COUNTER_NAME_LENGTH 40

/* What was added to one counter. Fixed width: ranks send it to each other. */
struct rg_counter {
    char name[RG_COUNTER_NAME_LENGTH]; /* as in sysfs: out_of_sequence */
    int64_t added;
};

/* Of one NIC's port, those that moved, in the order of their names. */
struct rg_counter_change {
    int64_t known; /* how many counters there are; 0: none could be read */
    int64_t count;
    struct rg_counter at[RG_COUNTERS_MOST];
};

struct rg_counter_report {
    const char *node, *device;
    int64_t rail;
    struct rg_counter_change change;
};

/* "packets out of sequence" for a counter that tells of trouble on the way, by any driver's name for it; NULL: it tells
 * of none. */
const char *rg_counter_alarm(const char *name);

/* Adds the reports to object as the array `key`. */
void rg_json_add_counters(cJSON *object, const char *key, const struct rg_counter_report *reports, size_t count);

/* Reads the array `key`, which must be there. *out is malloc'd, even if it is empty; the texts point into the tree. */
int rg_json_read_counters(const cJSON *object, const char *key, const struct rg_place *place,
    struct rg_counter_report **out, size_t *count, struct rg_error *err);

extern const struct rg_shape rg_json_counter_report; /* but for what was added */

#endif
