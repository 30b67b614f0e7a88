#include "data/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const rg_test_names[] = {"rdma_write_bw", "rdma_read_bw", "rdma_send_bw", "rdma_write_lat", "rdma_read_lat",
    "rdma_send_lat", "tcp_bw", "tcp_lat", "all_reduce", "all_gather", "reduce_scatter", "broadcast", "all_to_all",
    "send_recv", "gpu_copy", NULL};

enum rg_test_kind rg_test_kind_of(const char *test)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): every test has a name */
    if (strcmp(test, "gpu_copy") == 0)
        return RG_TEST_COPY;
    if (strncmp(test, "rdma_", 5) != 0 && !rg_test_over_tcp(test))
        return RG_TEST_COLLECTIVE;
    return strstr(test, "_lat") != NULL ? RG_TEST_LATENCY : RG_TEST_BANDWIDTH;
}

bool rg_test_over_tcp(const char *test)
{
    return strncmp(test, "tcp_", 4) == 0;
}

const char *rg_test_channel_word(const char *test)
{
    return rg_test_over_tcp(test) ? "connection" : "queue pair";
}

const struct rg_settings *rg_suite_test_over_tcp(const struct rg_suite *suite)
{
    for (size_t i = 0; i < suite->test_count; i++)
        if (rg_test_over_tcp(suite->tests[i].test))
            return &suite->tests[i];
    return NULL;
}

const struct rg_settings *rg_suite_test_over_rdma(const struct rg_suite *suite)
{
    for (size_t i = 0; i < suite->test_count; i++)
        if (rg_test_has_flows(rg_test_kind_of(suite->tests[i].test)) && !rg_test_over_tcp(suite->tests[i].test))
            return &suite->tests[i];
    return NULL;
}

const char *const rg_suite_memory_words[] = {"host", "cuda", "cuda_to_host", "host_to_cuda", NULL};
const char *const rg_suite_data_type_words[] = {"float32", "bfloat16", "float16", "int32", "uint8", NULL};
const char *const rg_suite_reduction_words[] = {"sum", "prod", "min", "max", "avg", NULL};
const char *const rg_suite_group_words[] = {"world", "node", "rail", "pair", NULL};
const char *const rg_suite_copy_words[] = {
    "host_to_device", "device_to_host", "device_to_device", "peer_to_peer", NULL};
const char *const rg_suite_copy_by_words[] = {"engine", "kernel", NULL};
const char *const rg_suite_numa_words[] = {"local", "remote", NULL};
static const char *const algorithms[] = {
    "ring", "tree", "nvls", "nvlstree", "collnetdirect", "collnetchain", "pat", NULL};
static const char *const protocols[] = {"simple", "ll", "ll128", NULL};
static const char *const registrations[] = {"auto", "dmabuf", "data_direct", "peermem", NULL};
static const char *const directions[] = {"one_way", "both_ways", NULL};
static const char *const memories[] = {"host", "cuda", "cuda_to_host", "host_to_cuda", "auto", NULL};
const char *const rg_suite_pattern_words[] = {
    "pairs", "screen", "ring", "all_to_all", "incast", "outcast", "loopback", "congestion", NULL};
const char *const rg_suite_rails_words[] = {"same", "cross", "one", NULL};
static const char *const loads[] = {"incast", "all_to_all", NULL};
static const char *const write_polls[] = {"auto", "last_byte", "immediate", NULL};

#define AT(member) .offset = offsetof(struct rg_settings, member)

const struct rg_option rg_settings_rows[] = {
    {"test", "test", RG_CHOICE, AT(test), .choices = rg_test_names, .metavar = "TEST", .letter = 't', .required = true,
        .help = "What to measure, instead of a suite."},
    {"size", "sizes_bytes", RG_SIZES, AT(sizes), 1, RG_SIZE_MOST, "65536", .metavar = "SIZES",
        .help = "Message sizes: a list (64,4K,1M) or a range FROM:TO:FACTOR (1:1G:4). Of a collective: the larger of a "
                "rank's two buffers. Up to 1G; collectives and copies up to 16G."},
    {"direction", "direction", RG_CHOICE, AT(direction), .fallback = "one_way", .choices = directions,
        .metavar = "WORD", .help = "Bandwidth tests: each flow alone, or both ways at once."},
    {"duration", "duration_s", RG_NUMBER, AT(duration_s), 0.01, 3600, "2", .metavar = "SECONDS",
        .help = "Measured window of a test bounded by time."},
    {"warmup", "warmup_s", RG_NUMBER, AT(warmup_s), 0, 600, "0.5", .metavar = "SECONDS",
        .help = "Load before the window opens, in a test bounded by time."},
    {"iterations", "iterations", RG_INTEGER, AT(iterations), 1, 1e9, .nullable = true,
        .help = "Bounds the test by so many messages per flow instead of by time."},
    {"warmup-iterations", "warmup_iterations", RG_INTEGER, AT(warmup_iterations), 0, 1e9, "100",
        .help = "Messages before the count of --iterations begins."},
    {"subwindows", "subwindows", RG_INTEGER, AT(subwindows), 1, 1000, "20",
        .help = "Equal parts of the window, from which median, p5, minimum and interval come."},
    {"queue-pairs", "queue_pairs", RG_INTEGER, AT(queue_pairs), 1, 1024, "1",
        .help = "Queue pairs a flow, in bandwidth tests; of tcp_bw, connections."},
    {"depth", "depth", RG_INTEGER, AT(depth), 1, 32768, "128",
        .help = "Outstanding messages a queue pair. TCP has its own window instead."},
    {"signal-interval", "signal_interval", RG_INTEGER, AT(signal_interval), 1, 32768, "16",
        .help = "One completion is asked for every so many messages."},
    {"post-list", "post_list", RG_INTEGER, AT(post_list), 1, 1024, "1", .help = "Messages posted with one call."},
    {"inline", "inline_bytes", RG_BYTES, AT(inline_bytes), 0, 4096, "0", .metavar = "SIZE",
        .help = "Messages up to this size travel inside the work request."},
    {"working-set", "working_set_bytes", RG_BYTES, AT(working_set_bytes), 1, 1099511627776.0, "64M", .metavar = "SIZE",
        .help = "Memory that successive messages walk through, at each end of a flow; at least one message. Keep it "
                "larger than the last-level cache, or caches flatter the result."},
    {"pattern", "pattern", RG_CHOICE, AT(pattern), .fallback = "pairs", .choices = rg_suite_pattern_words,
        .metavar = "WORD",
        .help = "Who talks to whom: every pair of nodes (pairs); some random pairs, so that each node meets --partners "
                "others (screen); each node to the next and to the one before (ring), or to all others in turn "
                "(all_to_all); all to one node, each node in turn (incast), or one to all (outcast); each NIC to "
                "itself, or with --rails cross to others, inside its node (loopback); pairs alone and then while the "
                "other nodes load the fabric (congestion)."},
    {"rails", "rails", RG_CHOICE, AT(rails), .fallback = "same", .choices = rg_suite_rails_words, .metavar = "WORD",
        .help = "Flows join rail r to rail r, all rails at once (same) or one rail after the other (one), or rail r to "
                "each other rail (cross), as far as the fabric routes that."},
    {"partners", "partners", RG_INTEGER, AT(partners), 1, 100000, .nullable = true,
        .help = "Of --pattern screen and congestion: rounds of pairs. [enough for 3 partners a node]"},
    {"load", "load", RG_CHOICE, AT(load), .fallback = "incast", .choices = loads, .metavar = "WORD",
        .help = "Of --pattern congestion: how the other nodes load the fabric, with writes of --load-size (TCP "
                "tests: with tcp_bw)."},
    {"load-size", "load_bytes", RG_BYTES, AT(load_bytes), 1, RG_MESSAGE_MOST, "1M", .metavar = "SIZE",
        .help = "Of --pattern congestion: message size of the load."},
    {"memory", "memory", RG_CHOICE, AT(memory), .fallback = "host", .choices = memories, .metavar = "KIND",
        .help = "Where the payload lies: in the nodes' own memory (host), in the memory of the GPU next to each rail "
                "(cuda), in one of them where it leaves and in the other where it arrives (cuda_to_host, "
                "host_to_cuda), or on the GPU wherever there is one (auto). A collective on the GPU is NCCL's, on the "
                "host MPI's; gpu_copy goes by --copy alone."},
    {"registration", "registration", RG_CHOICE, AT(registration), .fallback = "auto", .choices = registrations,
        .metavar = "WORD",
        .help = "How NICs learn of GPU memory: by dma-buf, by dma-buf with data-direct, or by its address with the "
                "module nvidia-peermem. auto takes dma-buf, or else peermem, and the record says why."},
    {"devices", "devices", RG_TEXT, AT(devices), .nullable = true, .metavar = "LIST",
        .help = "RDMA devices of rails 0, 1, ... on every node, each with its port: mlx5_0,mlx5_1:1. Without it, the "
                "active ports in PCI order."},
    {"interface", "interface", RG_TEXT, AT(interface), .nullable = true, .metavar = "LIST",
        .help = "Of TCP tests: network interfaces of rails 0, 1, ... on every node: eth0,eth1. Without it rail 0 has "
                "the one that the node's own name leads to (in a pod on GKE, eth0), and other rails have none."},
    {"gid-index", "gid_index", RG_INTEGER, AT(gid_index), 0, 255, .nullable = true,
        .help = "GID to use; without it, the first RoCE v2 entry whose network device lives here, IPv4 first."},
    {"mtu", "mtu_bytes", RG_INTEGER, AT(mtu_bytes), 256, 4096, .nullable = true, .metavar = "BYTES",
        .help = "Path MTU: 256, 512, 1024, 2048 or 4096; without it, the smaller active MTU of both sides."},
    {"traffic-class", "traffic_class", RG_INTEGER, AT(traffic_class), 0, 255, "0",
        .help = "Traffic class (DSCP and ECN) of the packets."},
    {"service-level", "service_level", RG_INTEGER, AT(service_level), 0, 15, "0", .help = "InfiniBand service level."},
    {"qp-timeout", "qp_timeout", RG_INTEGER, AT(qp_timeout), 0, 31, "18",
        .help = "An acknowledgement is late after 4.096 us times 2 to this power; 0: never."},
    {"retry-count", "retry_count", RG_INTEGER, AT(retry_count), 0, 7, "7",
        .help = "Times that a queue pair sends again before it gives up."},
    {"relaxed-ordering", "relaxed_ordering", RG_FLAG, AT(relaxed_ordering),
        .help = "Lets PCIe writes overtake each other."},
    {"write-poll", "write_poll", RG_CHOICE, AT(write_poll), .fallback = "auto", .choices = write_polls,
        .metavar = "WORD",
        .help = "How rdma_write_lat sees a message arrive: by its last byte, or by immediate data. auto takes the last "
                "byte only where the device promises to write in order."},
    {"data-type", "data_type", RG_CHOICE, AT(data_type), .fallback = "float32", .choices = rg_suite_data_type_words,
        .metavar = "TYPE", .help = "Collectives: type of the elements."},
    {"reduction", "reduction", RG_CHOICE, AT(reduction), .fallback = "sum", .choices = rg_suite_reduction_words,
        .metavar = "WORD", .help = "all_reduce and reduce_scatter: what is done with the elements."},
    {"in-place", "in_place", RG_FLAG, AT(in_place), .help = "Collectives: input and result share a buffer."},
    {"group", "group", RG_CHOICE, AT(group), .fallback = "world", .choices = rg_suite_group_words, .metavar = "WORD",
        .help = "Collectives: among all ranks, among those of each node, of each rail, or of each pair of nodes."},
    {"cuda-graph", "cuda_graph", RG_FLAG, AT(cuda_graph),
        .help = "NCCL: launches the operations of a sample as one CUDA graph, captured once."},
    {"register-buffers", "register_buffers", RG_FLAG, AT(register_buffers),
        .help = "NCCL: registers both buffers with the communicator."},
    {"nccl-algorithm", "nccl_algorithm", RG_CHOICE, AT(nccl_algorithm), .nullable = true, .choices = algorithms,
        .metavar = "WORD", .help = "NCCL_ALGO of the test's communicators; without it NCCL chooses."},
    {"nccl-protocol", "nccl_protocol", RG_CHOICE, AT(nccl_protocol), .nullable = true, .choices = protocols,
        .metavar = "WORD", .help = "NCCL_PROTO of the test's communicators; without it NCCL chooses."},
    {"copy", "copy", RG_CHOICE, AT(copy), .fallback = "device_to_device", .choices = rg_suite_copy_words,
        .metavar = "WORD",
        .help = "gpu_copy: from where to where; peer_to_peer is to the next GPU of the node. All GPUs copy at once."},
    {"copy-by", "copy_by", RG_CHOICE, AT(copy_by), .fallback = "engine", .choices = rg_suite_copy_by_words,
        .metavar = "WORD", .help = "gpu_copy between GPUs, or inside one: by a copy engine, or by a kernel."},
    {"numa", "numa", RG_CHOICE, AT(numa), .fallback = "local", .choices = rg_suite_numa_words, .metavar = "WORD",
        .help = "gpu_copy from and to the host: its memory on the GPU's NUMA node, or on another."},
    {"verify", "verify", RG_FLAG, AT(verify), .fallback = "yes",
        .help = "Checks the data that bandwidth tests moved, where they arrived; --verify=no leaves that out."},
    {"keep-samples", "keep_samples", RG_FLAG, AT(keep_samples),
        .help = "Writes every latency sample into the measurement."},
    {"deadline", "deadline_s", RG_NUMBER, AT(deadline_s), 1, 3600, "30", .metavar = "SECONDS",
        .help =
            "For every barrier, exchange and gather among the ranks, for a flow to drain, and for a test bounded by "
            "a count."},
    {"damage-rank", "damage_rank", RG_INTEGER, AT(damage_rank), 0, 65535, .nullable = true, .hidden = true,
        .help = "For tests: this rank sends one damaged word, in flows and copies."},
    {"damage-offset", "damage_offset_bytes", RG_BYTES, AT(damage_offset_bytes), 0, 1099511627776.0, "0", .hidden = true,
        .help = "For tests: where the damaged word lies."},
};
const size_t rg_settings_row_count = sizeof rg_settings_rows / sizeof *rg_settings_rows;

const char *rg_settings_text(const struct rg_option *row, const struct rg_settings *settings, char out[64])
{
    const char *at = (const char *)settings + row->offset;
    int64_t integer;
    double number;
    const char *text;
    switch (row->type) {
    case RG_FLAG:
        return *(const bool *)(const void *)at ? "yes" : "no";
    case RG_INTEGER:
    case RG_BYTES:
        memcpy(&integer, at, sizeof integer);
        snprintf(out, 64, integer == RG_NONE ? "-" : "%lld", (long long)integer);
        return out;
    case RG_NUMBER:
        memcpy(&number, at, sizeof number);
        snprintf(out, 64, "%g", number);
        return out;
    case RG_CHOICE:
    case RG_TEXT:
        memcpy(&text, at, sizeof text);
        return text ? text : "-";
    default:
        return "-"; /* sizes are told row by row */
    }
}

bool rg_settings_differ(const struct rg_settings *before, const struct rg_settings *now, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < rg_settings_row_count && used + 1 < room; i++) {
        char then[64], here[64];
        const struct rg_option *row = &rg_settings_rows[i];
        const char *a = rg_settings_text(row, before, then), *b = rg_settings_text(row, now, here);
        if (strcmp(a, b) != 0)
            used += (size_t)snprintf(out + used, room - used, "%s%s %s, then %s", used ? "; " : "", row->key, a, b);
    }
    return used > 0;
}

/* Whether what two tests measure may be compared, which no setting but these forbids. */
static bool are_counterparts(const struct rg_settings *a, const struct rg_settings *b)
{
    const char *const words[][2] = {{a->test, b->test}, {a->direction, b->direction}, {a->memory, b->memory},
        {a->pattern, b->pattern}, {a->data_type, b->data_type}, {a->reduction, b->reduction}, {a->group, b->group},
        {a->copy, b->copy}, {a->copy_by, b->copy_by}, {a->numa, b->numa}};
    bool alike = a->queue_pairs == b->queue_pairs && a->in_place == b->in_place && a->cuda_graph == b->cuda_graph &&
                 a->register_buffers == b->register_buffers;
    for (size_t i = 0; alike && i < sizeof words / sizeof *words; i++)
        alike = strcmp(words[i][0], words[i][1]) == 0;
    return alike;
}

void rg_suite_pair(const struct rg_suite *here, const struct rg_suite *there, size_t *out)
{
    bool taken[RG_SUITE_TESTS_MOST] = {false};
    char words[400];
    for (size_t i = 0; i < here->test_count; i++)
        out[i] = SIZE_MAX;
    for (int alike = 1; alike >= 0; alike--)
        for (size_t i = 0; i < here->test_count; i++)
            for (size_t j = 0; out[i] == SIZE_MAX && j < there->test_count; j++) {
                const struct rg_settings *a = &there->tests[j], *b = &here->tests[i];
                if (taken[j] || !are_counterparts(a, b) || (alike && rg_settings_differ(a, b, words, sizeof words)))
                    continue;
                out[i] = j;
                taken[j] = true;
            }
}

const struct rg_option *rg_settings_odd_one(const struct rg_settings *a, const struct rg_settings *b)
{
    static const char *const others[] = {"sizes_bytes", "duration_s", "warmup_s", "iterations", "warmup_iterations",
        "subwindows", "pattern", "rails", "partners", "load", "load_bytes", "memory", "registration", "verify",
        "keep_samples", "deadline_s", NULL};
    for (size_t i = 0; i < rg_settings_row_count; i++) {
        char one[64], other[64];
        const struct rg_option *row = &rg_settings_rows[i];
        bool alike = strcmp(rg_settings_text(row, a, one), rg_settings_text(row, b, other)) == 0;
        if (!alike && others[rg_json_word_place(others, row->key)] == NULL)
            return row;
    }
    return NULL;
}

static struct rg_shape settings_shape(void)
{
    return (struct rg_shape){.rows = rg_settings_rows, .row_count = rg_settings_row_count};
}

static const struct rg_option suite_rows[] = {
    {.key = "name", .type = RG_TEXT, .offset = offsetof(struct rg_suite, name), .required = true},
    {.key = "description", .type = RG_TEXT, .offset = offsetof(struct rg_suite, description), .required = true},
};

static const struct rg_shape suite_shape = {.rows = suite_rows,
    .row_count = 2,
    .others = (const char *const[]){"schema_version", "document", "defaults", "tests", NULL}};

static int read_tests(struct rg_suite *out, const struct rg_place *place, struct rg_error *err)
{
    struct rg_shape shape = settings_shape();
    struct rg_settings defaults;
    rg_json_clear(&shape, &defaults);
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(out->root, "defaults");
    if (given != NULL) {
        struct rg_place inside = rg_json_inside(place, "defaults", 0);
        /* `test` is required in a test and has no place among the defaults. */
        struct rg_shape rest = {.rows = rg_settings_rows + 1, .row_count = rg_settings_row_count - 1};
        int code = rg_json_read(given, &rest, &defaults, &inside, err);
        if (code != 0)
            return code;
    }
    const cJSON *tests = rg_json_array(out->root, "tests", place, err);
    if (tests == NULL)
        return -EINVAL;
    int count = cJSON_GetArraySize(tests);
    struct rg_place inside = rg_json_inside(place, "tests", 0);
    if (count < 1 || count > RG_SUITE_TESTS_MOST)
        return rg_json_refuse(&inside, err, "must hold 1 to %d tests", RG_SUITE_TESTS_MOST);
    out->tests = calloc((size_t)count, sizeof *out->tests);
    if (out->tests == NULL)
        return rg_json_refuse(place, err, "no memory for %d tests", count);
    const cJSON *test;
    cJSON_ArrayForEach(test, tests)
    {
        struct rg_place at = rg_json_inside(&inside, NULL, (int)out->test_count);
        struct rg_settings *settings = &out->tests[out->test_count];
        *settings = defaults;
        int code = rg_json_read(test, &shape, settings, &at, err);
        if (code != 0)
            return code;
        out->test_count++;
    }
    return 0;
}

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    return name[0] != '_' && name[0] != '-' && strlen(name) <= 64 && name[strspn(name, letters)] == '\0';
}

int rg_suite_read(cJSON *root, const char *name, struct rg_suite *out, struct rg_error *err)
{
    struct rg_suite suite = {.root = root};
    struct rg_place place = {.file = name};
    int code = rg_json_read(root, &suite_shape, &suite, &place, err);
    if (code == 0 && !is_name(suite.name)) {
        struct rg_place at = rg_json_inside(&place, "name", 0);
        code = rg_json_refuse(
            &at, err, "begins with a-z or 0-9, goes on with these, '_' and '-', and has 64 of them at most");
    }
    if (code == 0)
        code = read_tests(&suite, &place, err);
    if (code == 0 && (code = rg_suite_check(&suite, err)) != 0)
        rg_fail_in(err, code, "%s", name);
    if (code != 0) {
        rg_suite_close(&suite);
        return code;
    }
    *out = suite;
    return 0;
}

int rg_suite_load(const char *path, struct rg_suite *out, struct rg_error *err)
{
    cJSON *root;
    int code = rg_json_load(path, "suite", &root, err);
    return code == 0 ? rg_suite_read(root, path, out, err) : code;
}

int rg_suite_single(const char *test, struct rg_suite *out, struct rg_error *err)
{
    struct rg_shape shape = settings_shape();
    struct rg_suite suite = {
        .name = RG_SUITE_SINGLE, .description = "One test from the command line.", .test_count = 1};
    suite.tests = calloc(1, sizeof *suite.tests);
    if (suite.tests == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    rg_json_clear(&shape, suite.tests);
    suite.tests->test = test;
    *out = suite;
    return 0;
}

static int check_pattern(const struct rg_settings *s, enum rg_test_kind kind, struct rg_error *err)
{
    if (strcmp(s->direction, "both_ways") == 0 && kind != RG_TEST_BANDWIDTH)
        return rg_fail(err, -EINVAL, "direction both_ways is for bandwidth tests, not for %s", s->test);
    bool twosome =
        strcmp(s->pattern, "pairs") == 0 || strcmp(s->pattern, "screen") == 0 || strcmp(s->pattern, "loopback") == 0;
    if (strcmp(s->direction, "both_ways") == 0 && !twosome)
        return rg_fail(
            err, -EINVAL, "direction both_ways goes with pattern pairs, screen or loopback, not with %s", s->pattern);
    if (kind == RG_TEST_LATENCY && !twosome && strcmp(s->pattern, "congestion") != 0)
        return rg_fail(
            err, -EINVAL, "%s has one partner at a time: pattern pairs, screen, loopback or congestion", s->test);
    if (strcmp(s->pattern, "congestion") == 0 && s->iterations != RG_NONE)
        return rg_fail(err, -EINVAL, "pattern congestion is bounded by duration_s, not by iterations");
    return 0;
}

static int check_memory(const struct rg_settings *s, enum rg_test_kind kind, struct rg_error *err)
{
    if (strcmp(s->memory, "host") != 0 && s->inline_bytes > 0)
        return rg_fail(err, -EINVAL, "inline_bytes %lld: the processor cannot put GPU memory into a work request",
            (long long)s->inline_bytes);
    if (strcmp(s->memory, "host") != 0 && strcmp(s->write_poll, "last_byte") == 0)
        return rg_fail(err, -EINVAL, "write_poll last_byte: the processor cannot poll GPU memory; use immediate");
    if (strcmp(s->copy_by, "kernel") == 0 && strstr(s->copy, "host") != NULL && kind == RG_TEST_COPY)
        return rg_fail(err, -EINVAL, "copy_by kernel is not for %s", s->copy);
    if (rg_test_over_tcp(s->test) && strcmp(s->memory, "host") != 0 && strcmp(s->memory, "auto") != 0)
        return rg_fail(err, -EINVAL, "memory %s: TCP moves host memory, in %s", s->memory, s->test);
    if (strstr(s->memory, "_to_") != NULL && kind == RG_TEST_COLLECTIVE)
        return rg_fail(err, -EINVAL, "memory %s is for flows, not for %s", s->memory, s->test);
    return 0;
}

static int check_settings(const struct rg_settings *s, struct rg_error *err)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): every test has a name */
    enum rg_test_kind kind = rg_test_kind_of(s->test);
    if (s->signal_interval > s->depth)
        return rg_fail(err, -EINVAL, "signal_interval %lld is above depth %lld: no completion would ever come",
            (long long)s->signal_interval, (long long)s->depth);
    if (s->post_list > s->depth)
        return rg_fail(
            err, -EINVAL, "post_list %lld is above depth %lld", (long long)s->post_list, (long long)s->depth);
    if (s->signal_interval + s->post_list - 1 > s->depth)
        return rg_fail(err, -EINVAL,
            "depth %lld is too small for signal_interval %lld with post_list %lld: the queue could fill up with messages that ask for no completion",
            (long long)s->depth, (long long)s->signal_interval, (long long)s->post_list);
    if (kind == RG_TEST_LATENCY && s->iterations > RG_LATENCY_SAMPLES_MOST)
        return rg_fail(err, -EINVAL, "iterations %lld: a latency test keeps every sample, %d at most",
            (long long)s->iterations, RG_LATENCY_SAMPLES_MOST);
    if (s->mtu_bytes != RG_NONE && (s->mtu_bytes & (s->mtu_bytes - 1)) != 0)
        return rg_fail(err, -EINVAL, "mtu_bytes %lld is none of 256, 512, 1024, 2048, 4096", (long long)s->mtu_bytes);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): its row has a default and allows no null */
    if (strcmp(s->write_poll, "last_byte") == 0 && s->relaxed_ordering)
        return rg_fail(err, -EINVAL, "write_poll last_byte cannot be trusted with relaxed_ordering; use immediate");
    int code = check_pattern(s, kind, err);
    if (code == 0)
        code = check_memory(s, kind, err);
    if (code != 0)
        return code;
    if (kind != RG_TEST_COLLECTIVE && kind != RG_TEST_COPY)
        for (uint32_t i = 0; i < s->sizes.count; i++)
            if ((double)s->sizes.bytes[i] > RG_MESSAGE_MOST)
                return rg_fail(err, -EINVAL, "sizes_bytes (--size) %lld: a message has 1 GiB at most",
                    (long long)s->sizes.bytes[i]);
    return 0;
}

int rg_suite_check(const struct rg_suite *suite, struct rg_error *err)
{
    for (size_t i = 0; i < suite->test_count; i++) {
        int code = check_settings(&suite->tests[i], err);
        if (code != 0)
            return rg_fail_in(err, code, "tests[%zu]", i);
    }
    return 0;
}

cJSON *rg_suite_document(const struct rg_suite *suite)
{
    struct rg_shape shape = settings_shape();
    cJSON *object = rg_json_document("suite");
    rg_json_write(object, &suite_shape, suite);
    cJSON *tests = cJSON_AddArrayToObject(object, "tests");
    for (size_t i = 0; i < suite->test_count; i++) {
        cJSON *test = cJSON_CreateObject();
        rg_json_write(test, &shape, &suite->tests[i]);
        cJSON_AddItemToArray(tests, test);
    }
    return object;
}

void rg_suite_close(struct rg_suite *suite)
{
    free(suite->tests);
    cJSON_Delete(suite->root);
    *suite = (struct rg_suite){0};
}

void rg_suite_path(const char *name, const char *directory, char *out, size_t room)
{
    size_t length = strlen(name);
    bool is_path = strchr(name, '/') != NULL || (length > 5 && strcmp(name + length - 5, ".json") == 0);
    snprintf(out, room, is_path ? "%.0s%s" : "%s/%s.json", is_path ? "" : directory, name);
}
