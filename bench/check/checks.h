/* What a check is, and how it says what it found; for the files of check/ alone. */
#ifndef RG_CHECK_CHECKS_H
#define RG_CHECK_CHECKS_H

#include "check/node.h"
#include "data/preflight.h"

/* What its worst fault means: a run cannot go on; it would measure what is broken; it may measure less than there is.
 */
enum rg_check_weight { RG_CHECK_STOPS, RG_CHECK_FAILS, RG_CHECK_WARNS };

struct rg_check {
    const char *name;
    enum rg_check_weight weight;
    bool own;  /* what it finds is each node's own, such as an address */
    bool rdma; /* it is about RDMA devices */
    void (*look)(const struct rg_check_node *node, struct rg_preflight_row *out);
};

extern const struct rg_check rg_check_rdma_devices, rg_check_device_files, rg_check_link_rate, rg_check_mtu,
    rg_check_gids, rg_check_firmware, rg_check_pcie_link, rg_check_acs, rg_check_relaxed_ordering, rg_check_gpu_count,
    rg_check_nvidia_driver, rg_check_gpu_direct, rg_check_persistence, rg_check_gpu_errors, rg_check_gpu_memory,
    rg_check_nvlink, rg_check_nccl_plugin, rg_check_kernel_modules, rg_check_memlock, rg_check_shm, rg_check_hugepages,
    rg_check_cpu_governor, rg_check_numa_balancing, rg_check_hostname, rg_check_host_names, rg_check_clock,
    rg_check_libraries, rg_check_versions;

extern const struct rg_check *const rg_check_all[]; /* NULL-terminated */

/* A row begins as passed, with nothing found. What is expected is said first. */
void rg_check_expect(struct rg_preflight_row *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds to what was found, after "; ". */
void rg_check_found(struct rg_preflight_row *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* It warns or fails; the mending of the first fault that is so bad is kept. */
void rg_check_fault(struct rg_preflight_row *out, enum rg_preflight_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Not run: it could not be read; or there is nothing of the kind here, nor should be. */
void rg_check_unread(struct rg_preflight_row *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rg_check_absent(struct rg_preflight_row *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether two names are of one host: the same, or one of them without its domain. */
bool rg_check_same_name(const char *a, const char *b);
bool rg_check_is_loopback(const char *address);

/* Whether NVML tells of the node's GPUs. If not, the check was not run, and that is said. */
bool rg_check_nvml_tells(const struct rg_check_node *node, struct rg_preflight_row *out);

/* Who shows which value. */
#define RG_CHECK_GROUPS_MOST 32
struct rg_check_tally {
    struct {
        char value[96], who[512];
        int times;
    } groups[RG_CHECK_GROUPS_MOST];
    int count;
};

void rg_check_tally_add(struct rg_check_tally *tally, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "400 Gb/sec: mlx5_0, mlx5_1; 100 Gb/sec: mlx5_3" is found. */
void rg_check_tally_found(const struct rg_check_tally *tally, struct rg_preflight_row *out);

#endif
