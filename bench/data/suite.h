/* What to measure: the settings of each test, from a suite file or the command line. */
#ifndef RG_DATA_SUITE_H
#define RG_DATA_SUITE_H

#include "data/json.h"

#define RG_SUITE_TESTS_MOST 1000
#define RG_LATENCY_SAMPLES_MOST (1 << 26)
#define RG_MESSAGE_MOST 1073741824.0 /* of a flow */
#define RG_SIZE_MOST 17179869184.0   /* of a collective or copy */

enum rg_test_kind { RG_TEST_BANDWIDTH, RG_TEST_LATENCY, RG_TEST_COLLECTIVE, RG_TEST_COPY };

/* The tests' names, NULL-terminated, and what kind each is of. */
extern const char *const rg_test_names[];
enum rg_test_kind rg_test_kind_of(const char *test);

/* Whether a test is over TCP connections, and what its queue_pairs count: "queue pair" or "connection". */
bool rg_test_over_tcp(const char *test);
const char *rg_test_channel_word(const char *test);

/* Whether a test of that kind joins rails of different nodes, by RDMA or TCP. */
static inline bool rg_test_has_flows(enum rg_test_kind kind)
{
    return kind == RG_TEST_BANDWIDTH || kind == RG_TEST_LATENCY;
}

/* Words of more than one document, NULL-terminated. */
extern const char *const rg_suite_pattern_words[], *const rg_suite_rails_words[]; /* as the enums of fleet/schedule */
extern const char *const rg_suite_memory_words[]; /* of what is measured: where the payload lies */
extern const char *const rg_suite_data_type_words[], *const rg_suite_reduction_words[], *const rg_suite_group_words[];
extern const char *const rg_suite_copy_words[], *const rg_suite_copy_by_words[], *const rg_suite_numa_words[];

/* One test. The table rg_settings_rows says what each field means, its range and its default. */
struct rg_settings {
    const char *test;
    struct rg_sizes sizes;
    const char *direction, *memory, *pattern, *rails, *load, *write_poll, *devices;
    const char *data_type, *reduction, *group, *nccl_algorithm, *nccl_protocol, *copy, *copy_by, *numa, *registration,
        *interface;
    double duration_s, warmup_s, deadline_s;
    int64_t iterations, warmup_iterations, subwindows;
    int64_t queue_pairs, depth, signal_interval, post_list, inline_bytes;
    int64_t traffic_class, service_level, gid_index, mtu_bytes, qp_timeout, retry_count;
    int64_t working_set_bytes, partners, load_bytes;
    bool relaxed_ordering, verify, keep_samples, in_place, cuda_graph, register_buffers;
    int64_t damage_rank, damage_offset_bytes;
};

extern const struct rg_option rg_settings_rows[];
extern const size_t rg_settings_row_count;

struct rg_suite {
    const char *name, *description;
    struct rg_settings *tests;
    size_t test_count;
    cJSON *root; /* holds the texts; NULL where they are the command line's */
};

/* Reads a suite file; close with rg_suite_close. -EINVAL or -errno with a message that names file, field and fault. */
int rg_suite_load(const char *path, struct rg_suite *out, struct rg_error *err);

/* The same from a document inside another (run.json, or the plan that is sent to the ranks); takes root over. */
int rg_suite_read(cJSON *root, const char *name, struct rg_suite *out, struct rg_error *err);

/* "depth 128, then 1; mtu_bytes -, then 1024": what is set otherwise; false: nothing. */
bool rg_settings_differ(const struct rg_settings *before, const struct rg_settings *now, char *out, size_t room);

/* The test there that each of these is to be compared with, by number; SIZE_MAX: none. Counterparts that are set alike
 * belong together, then the others in their order. out: as many as here has tests. */
void rg_suite_pair(const struct rg_suite *here, const struct rg_suite *there, size_t *out);

/* The first setting that two tests have otherwise, shapes a figure and is told by no figure, such as depth or MTU; not
 * among whom and for how long. NULL: there is none. */
const struct rg_option *rg_settings_odd_one(const struct rg_settings *a, const struct rg_settings *b);

/* A setting as a word; "-": none. */
const char *rg_settings_text(const struct rg_option *row, const struct rg_settings *settings, char out[64]);

#define RG_SUITE_SINGLE "single"

/* A suite of that name, of one test with default settings; texts are not copied. */
int rg_suite_single(const char *test, struct rg_suite *out, struct rg_error *err);

/* Refuses settings that contradict each other, such as a signal interval above the depth. */
int rg_suite_check(const struct rg_suite *suite, struct rg_error *err);

/* The whole document with every setting filled in; the caller's to cJSON_Delete. */
cJSON *rg_suite_document(const struct rg_suite *suite);

/* The first test over TCP, or the first with flows over RDMA; NULL: there is none. */
const struct rg_settings *rg_suite_test_over_tcp(const struct rg_suite *suite);
const struct rg_settings *rg_suite_test_over_rdma(const struct rg_suite *suite);

/* Takes a zeroed structure. */
void rg_suite_close(struct rg_suite *suite);

/* Ready-made suites and machines are looked for by name: a value with '/' or ending in .json is a path, else NAME.json
 * in directory. Writes the path, whether it exists or not. */
void rg_suite_path(const char *name, const char *directory, char *out, size_t room);

#endif
