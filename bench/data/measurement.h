/* One measured point: a line of measurements.ndjson. */
#ifndef RG_DATA_MEASUREMENT_H
#define RG_DATA_MEASUREMENT_H

#include "data/counters.h"
#include "data/gpu.h"

/* One end of a flow. gpu: PCI address of the GPU that holds the payload; registration: how the NIC learned of the
 * memory (host, dmabuf, peermem), and why not by dma-buf where it is peermem. */
struct rg_end {
    const char *node, *device, *gpu, *registration, *registration_note;
    int64_t rail, rank;
};

/* Why a flow or group was not measured, and what verbs or MPI said. */
struct rg_fault {
    const char *node, *device, *step, *status, *message;
    int64_t rail, rank;
};

/* Data travel from -> to; a read is initiated by "to". */
struct rg_flow_ends {
    struct rg_end from, to;
    const char *initiator;
};

/* node: of the ranks of one node, and the lower of a pair; rail: of the ranks of one rail. */
struct rg_group {
    const char *scope, *node, *peer_node;
    int64_t ranks, rail;
};

struct rg_path {
    int64_t mtu_bytes, ip_version, gid_index_from, gid_index_to;
    double payload_share; /* payload bits per bit on the wire */
};

struct rg_window {
    double start_s, duration_s, clock_error_us;
};

/* Sub-window i ends end_s[i] after the round's common start; the first begins where the window does. */
struct rg_subwindows {
    struct rg_numbers end_s, gbps;
    double median_gbps, p5_gbps, min_gbps, ci95_low_gbps, ci95_high_gbps;
};

struct rg_bandwidth {
    int64_t bytes, messages;
    double bandwidth_gbps, message_rate_per_s;
    struct rg_subwindows subwindows;
};

struct rg_latency {
    const char *method, *arrival;
    int64_t in_order_guaranteed, samples;
    double min_us, p50_us, p90_us, p99_us, p99_9_us, max_us, mean_us, stddev_us, ci95_low_us, ci95_high_us;
    struct rg_numbers samples_us;
};

struct rg_collective_result {
    const char *reduction, *data_type, *library, *plugin, *settings;
    bool in_place, cuda_graph, registered_buffers;
    int64_t iterations, calls_per_sample, moved_bytes;
    double time_avg_us, time_min_us, time_max_us, time_p50_us, time_p99_us;
    double algbw_gigabytes_per_s, busbw_gigabytes_per_s;
};

/* A copy that one rank's GPU made; peer_gpu: where it went, of a copy between two GPUs. */
struct rg_copy {
    const char *node, *copy, *by, *gpu, *peer_gpu, *numa;
    int64_t rail, rank, numa_node;
};

struct rg_first_mismatch {
    const char *node, *expected, *got; /* words as 0x%016x */
    int64_t rank, rail, offset_bytes;
};

struct rg_integrity {
    const char *status, *reason;
    int64_t words_checked, mismatches;
    struct rg_first_mismatch first;
    bool has_first;
};

struct rg_measurement {
    const char *run_id, *test, *kind, *status, *reason;
    const char *direction, *memory, *transport, *backend, *hardware_reason;
    const char *pattern,
        *phase; /* of a flow: who talked to whom in its round; alone, loaded or load in one of congestion */
    int64_t sequence, round, test_index, size_bytes, queue_pairs;
    bool hardware;
    struct rg_fault error;
    struct rg_flow_ends flow;
    struct rg_group group;
    struct rg_path path;
    struct rg_window window;
    struct rg_bandwidth bandwidth;
    struct rg_latency latency;
    struct rg_collective_result collective;
    struct rg_copy copy;
    struct rg_integrity integrity;
    struct rg_gpu_report *gpus; /* of the GPUs whose memory took part; of one that was read, malloc'd */
    size_t gpu_count;
    struct rg_counter_report *counters; /* of the NICs at both ends; of one that was read, malloc'd */
    size_t counter_count;
    bool has_error, has_flow, has_group, has_path, has_window, has_bandwidth, has_latency, has_collective, has_copy,
        has_integrity;
    cJSON *root; /* of one that was read, if it has GPUs: it holds the texts */
    char *texts; /* of one that was read and has none */
};

/* Everything null. */
void rg_measurement_clear(struct rg_measurement *out);

/* What else than test, size, direction, memory and queue pairs must be alike for two measurements to be compared: how
 * GPU memory was registered, a collective's type, reduction, place, group and way of launch, a copy's way; empty:
 * nothing. */
void rg_measurement_variant(const struct rg_measurement *measurement, char *out, size_t room);

/* Whether flows of that pattern are between two nodes, with no other on their NICs the same way; and whether this is
 * one. */
bool rg_measurement_exclusive_pattern(const char *pattern);
bool rg_measurement_is_exclusive(const struct rg_measurement *measurement);

/* What of a flow's pattern keeps it from being compared with one between two nodes alone, on one rail; empty: nothing.
 */
void rg_measurement_pattern(const struct rg_measurement *measurement, char *out, size_t room);

/* One line without the newline; malloc'd, the caller's to free. NULL without memory. */
char *rg_measurement_line(const struct rg_measurement *measurement);

/* Reads one line; name stands for it in messages. Close with rg_measurement_close, which takes a cleared structure too
 * and frees the number arrays. */
int rg_measurement_read(const char *line, const char *name, struct rg_measurement *out, struct rg_error *err);
void rg_measurement_close(struct rg_measurement *measurement);

#endif
