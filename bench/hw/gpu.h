/* What a GPU is and how it fares: by NVML, which is looked for at run time, and by the kernel's log. */
#ifndef RG_HW_GPU_H
#define RG_HW_GPU_H

#include "data/gpu.h"

#define RG_GPU_REASON_LENGTH 192

/* What does not change while it is in use. Texts are empty and numbers RG_NONE or NAN where the system does not tell;
 * reason: why it tells nothing, otherwise empty. */
struct rg_gpu {
    char name[96], uuid[96], vbios[32], driver[80], cuda_driver[16], reason[RG_GPU_REASON_LENGTH];
    int64_t sm_clock_max_mhz, memory_clock_max_mhz, ecc, persistence, mig; /* the last three: 0 or 1 */
    double power_limit_w;
};

enum rg_gpu_xid_source { RG_GPU_XIDS_OF_LOG, RG_GPU_XIDS_OF_EVENTS };

/* The Xid errors of one GPU, as far back as their source reaches. A place is the number of a record in the kernel's
 * log, or of an event. The last RG_GPU_XIDS_MOST of `count` are kept: the i-th of all is at i % RG_GPU_XIDS_MOST. */
struct rg_gpu_xids {
    int64_t source; /* enum rg_gpu_xid_source; RG_NONE: there is none, and nothing is known */
    int64_t count;
    int64_t first_place, last_place; /* of all that the source holds; the last before the first: it is empty */
    int64_t places[RG_GPU_XIDS_MOST], codes[RG_GPU_XIDS_MOST];
};

/* One look at a GPU; reason: why there is nothing to see, otherwise empty; xid_reason: the same of Xid errors in the
 * kernel's log. Fixed width, without gaps: ranks send it to each other. */
struct rg_gpu_state {
    struct rg_gpu_condition now;
    struct rg_gpu_counters counters;
    int64_t throttle; /* why the clocks are kept down: the i-th bit stands for the i-th of rg_json_throttle_words */
    struct rg_gpu_xids xids;
    char reason[RG_GPU_REASON_LENGTH], xid_reason[RG_GPU_REASON_LENGTH];
};

/* What happened between two looks. Fixed width as well. */
struct rg_gpu_change {
    struct rg_gpu_state before, after;
    struct rg_gpu_counters added;
    int64_t throttle; /* of both looks, and what kept the clocks down for some time between them */
    int64_t xid_count, xids[RG_GPU_XIDS_MOST]; /* new ones, the last if there are more; count RG_NONE: not known */
    char xid_reason[RG_GPU_REASON_LENGTH];     /* why they are not */
    int64_t alarm_count;
    char alarms[RG_GPU_ALARMS_MOST][RG_GPU_REASON_LENGTH]; /* what should worry someone, in words */
};
_Static_assert(sizeof(struct rg_gpu_change) == 5392, "a wire structure");

/* A session with NVML. */
struct rg_gpu_monitor;

/* log_path: the kernel's log, "/dev/kmsg" or a file such as dmesg prints; Xid errors are read there, and told by NVML's
 * events where it cannot be read. -ENODEV: no NVML here, with the reason; the run goes on, see rg_gpu_unknown. */
int rg_gpu_open(const char *log_path, struct rg_gpu_monitor **out, struct rg_error *err);

/* Takes NULL. */
void rg_gpu_close(struct rg_gpu_monitor *monitor);

/* What the GPU at a PCI address ("0000:c1:00.0") is. -ENODEV with the reason, which is in out, too: NVML does not tell.
 */
int rg_gpu_describe(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu *out, struct rg_error *err);

/* Looks at it. Never fails: what is not to be had is RG_NONE. Some milliseconds, so not in a timed loop. */
void rg_gpu_read_state(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu_state *out);

/* The NVLinks of a GPU. RG_NONE: not told; speeds are of the active links, in 1e6 bytes a second and direction. */
struct rg_gpu_links {
    int64_t count, active, slowest_mbps, fastest_mbps;
};
void rg_gpu_read_links(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu_links *out);

/* Nothing is known, for this reason. Either may be NULL. */
void rg_gpu_unknown(const char *reason, struct rg_gpu *gpu, struct rg_gpu_state *state);

/* What the kernel's log holds of the GPU's Xid errors: lines such as "NVRM: Xid (PCI:0000:04:00): 79, ...".
 * -errno: it cannot be read, and out has no source. */
int rg_gpu_read_log(const char *path, const char *pci_address, struct rg_gpu_xids *out, struct rg_error *err);

/* Notes one more Xid error. */
void rg_gpu_add_xid(struct rg_gpu_xids *xids, int64_t place, int64_t code);

/* What happened between two looks. A number that either lacks, or that shrank, is RG_NONE. Pure. */
void rg_gpu_change(const struct rg_gpu_state *before, const struct rg_gpu_state *after, struct rg_gpu_change *out);

/* For documents; the texts point into the arguments. The caller adds node, rail, rank and gpu to a report. Pure. */
void rg_gpu_facts_of(const struct rg_gpu *gpu, const struct rg_gpu_state *state, struct rg_gpu_facts *out);
void rg_gpu_report_of(const struct rg_gpu_change *change, struct rg_gpu_report *out);

/* Whether there is hardware behind a PCI address: a PCI device of NVIDIA under sysfs_root ("/sys"). If not, `reason`
 * says why what the GPU does is not hardware's doing. */
bool rg_gpu_is_real(const char *sysfs_root, const char *pci_address, char *reason, size_t room);

/* The NUMA node next to it, by sysfs; -1: not known. */
int rg_gpu_numa_node(const char *sysfs_root, const char *pci_address);

#endif
