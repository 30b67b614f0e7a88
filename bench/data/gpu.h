/* What the documents tell of a GPU: in run.json what it is, beside a measurement how it fared meanwhile. */
#ifndef RG_DATA_GPU_H
#define RG_DATA_GPU_H

#include "data/json.h"

/* How a GPU is at one moment; any of it may be null. Fixed width, like the next: ranks send them to each other. */
struct rg_gpu_condition {
    int64_t sm_clock_mhz, memory_clock_mhz, temperature_c;
    double power_w;
    int64_t performance_state; /* 0 is the fastest */
    int64_t pcie_generation, pcie_generation_max, pcie_width, pcie_width_max, nvlinks_active;
    int64_t remapping_pending, remapping_failed, retirement_pending; /* 0, 1 or RG_NONE */
};

/* What only grows, as far as the driver or the GPU count, or what was added between two moments; any of it may be null.
 */
struct rg_gpu_counters {
    int64_t ecc_corrected_volatile, ecc_uncorrected_volatile, ecc_corrected_aggregate, ecc_uncorrected_aggregate;
    int64_t remapped_rows_corrected, remapped_rows_uncorrected, retired_pages_corrected, retired_pages_uncorrected;
    int64_t pcie_replays, nvlink_crc_flit_errors, nvlink_crc_data_errors, nvlink_replays, nvlink_recoveries;
    int64_t sw_power_cap_us, sw_thermal_slowdown_us, hw_thermal_slowdown_us, hw_power_brake_slowdown_us;
};

/* What a GPU is, and what it had been through when the run began. Everything may be null; reason: why nothing is known.
 */
struct rg_gpu_facts {
    const char *name, *uuid, *vbios, *driver, *cuda_driver, *reason, *xid_reason;
    int64_t sm_clock_max_mhz, memory_clock_max_mhz, ecc, persistence, mig; /* the last three: 0, 1 or RG_NONE */
    double power_limit_w;
    int64_t xids_logged;
    struct rg_gpu_condition now;
    struct rg_gpu_counters counters;
};

#define RG_GPU_WORDS_MOST 10 /* reasons to keep the clocks down */
#define RG_GPU_XIDS_MOST 16
#define RG_GPU_ALARMS_MOST 16

/* How a GPU fared between two looks, one before and one after a test. Everything but node, rail and rank may be null.
 */
struct rg_gpu_report {
    const char *node, *gpu, *reason; /* gpu: its PCI address; reason: why nothing is known of it */
    int64_t rail, rank;
    struct rg_gpu_condition before, after;
    struct rg_gpu_counters added;
    const char *xid_source, *xid_reason;
    /* Lists; a count of RG_NONE stands for null. The texts are static, or another's. */
    const char *throttle_reasons[RG_GPU_WORDS_MOST], *alarms[RG_GPU_ALARMS_MOST];
    int64_t new_xids[RG_GPU_XIDS_MOST];
    int64_t throttle_reason_count, new_xid_count, alarm_count;
};

/* Why clocks are kept down, in the order of NVML's bits; the last stands for bits that are unknown here.
 * NULL-terminated. */
extern const char *const rg_json_throttle_words[];

/* Where new Xid errors were looked for. NULL-terminated. */
extern const char *const rg_json_xid_sources[];

/* To be embedded in other shapes as sections. Every row of the counters is an int64_t. */
extern const struct rg_shape rg_json_gpu_facts, rg_json_gpu_condition, rg_json_gpu_counters;

/* Everything null. */
void rg_json_clear_gpu_report(struct rg_gpu_report *out);

/* Adds the reports to object as the array `key`. */
void rg_json_add_gpu_reports(cJSON *object, const char *key, const struct rg_gpu_report *reports, size_t count);

/* Reads the array `key`, which must be there. *out is malloc'd, even if it is empty; the texts point into the tree. */
int rg_json_read_gpu_reports(const cJSON *object, const char *key, const struct rg_place *place,
    struct rg_gpu_report **out, size_t *count, struct rg_error *err);

#endif
