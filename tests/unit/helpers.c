#include "helpers.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- assertions --- */

void check_near(double value, double expected, double slack, const char *what, const char *file, int line)
{
    if (isnan(expected) ? isnan(value) : fabs(value - expected) <= slack)
        return;
    print_error("%s is %.17g, not %.17g\n", what, value, expected);
    _fail(file, line);
}

void check_has(const char *text, const char *part, bool wanted, const char *file, int line)
{
    if ((strstr(text, part) != NULL) == wanted)
        return;
    print_error("\"%s\" %s \"%s\"\n", text, wanted ? "lacks" : "has", part);
    _fail(file, line);
}

void check_begins(const char *text, const char *part, const char *file, int line)
{
    if (strncmp(text, part, strlen(part)) == 0)
        return;
    print_error("\"%s\" does not begin with \"%s\"\n", text, part);
    _fail(file, line);
}

int in_child(void (*body)(void *), void *context, unsigned seconds)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(seconds);
        body(context);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* --- files --- */

char *new_directory(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/railgauge-unit-XXXXXX", parent ? parent : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static void remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *inner = path_in(path, entry->d_name);
        remove_tree(inner);
        free(inner);
    }
    if (directory != NULL)
        closedir(directory);
    remove(path);
}

void remove_directory(char *path)
{
    remove_tree(path);
    free(path);
}

char *path_in(const char *directory, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
    return path;
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

char *read_text(const char *path)
{
    char *text = NULL;
    struct rg_error err = {{0}};
    if (rg_file_read(path, 1u << 28, &text, NULL, &err) != 0)
        fail_msg("%s", err.text);
    return text;
}

bool exists(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}

int entries_of(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

int for_each_example(const char *kind, const char *prefix, void (*body)(const char *path, const char *name))
{
    struct dirent **entries;
    char *directory = path_in(SOURCE("results-schema/examples"), kind);
    int count = scandir(directory, &entries, NULL, alphasort), used = 0;
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (strncmp(name, prefix, strlen(prefix)) == 0 && name[strlen(prefix)] == '-') {
            char *path = path_in(directory, name);
            body(path, name);
            free(path);
            used++;
        }
        free(entries[i]);
    }
    free(entries);
    free(directory);
    return used;
}

/* --- a made run --- */

static const char *const node_names[] = {"node-a", "node-b", "node-c", "node-d", "node-e", "node-f"};

static struct rg_rank_facts a_rank(int node, int rail, int rank)
{
    struct rg_rank_facts facts;
    rg_rank_facts_clear(&facts);
    facts.node.node = node_names[node];
    facts.node.kernel = "6.1.0";
    facts.node.cpus = 8;
    facts.node.numa_nodes = 1;
    facts.node.memory_bytes = 1 << 30;
    facts.rail.rail = rail;
    facts.rail.rank = rank;
    facts.rail.device = rail == 0 ? "mlx5_0" : "mlx5_1";
    facts.rail.soft = false;
    return facts;
}

void make_run(struct made_run *made, int nodes, int rails)
{
    struct rg_error err = {{0}};
    struct rg_suite suite;
    *made = (struct made_run){.directory = new_directory(), .rails = rails};
    assert_int_equal(rg_suite_single("rdma_write_bw", &suite, &err), 0);
    made->tests[0] = suite.tests[0];
    made->tests[0].direction = "both_ways";
    rg_suite_close(&suite);
    made->run = (struct rg_run){.run_id = MADE_RUN_ID,
        .transport = "verbs",
        .version = "0.1.0",
        .status = "complete",
        .started_at = "2026-03-01T02:00:00Z",
        .ended_at = "2026-03-01T02:00:21Z",
        .exit_status = RG_NONE,
        .seed = 1,
        .hardware = 1,
        .ranks_per_node = rails,
        .clock_error_us = NAN,
        .ranks = made->ranks,
        .rank_count = (size_t)(nodes * rails),
        .suite = {.name = "made", .description = "Made up.", .tests = made->tests, .test_count = 1}};
    assert_true(made->run.rank_count <= COUNT_OF(made->ranks) && (size_t)nodes <= COUNT_OF(node_names));
    for (int i = 0; i < nodes * rails; i++)
        made->ranks[i] = a_rank(i / rails, i % rails, i);
    char *path = path_in(made->directory, "measurements.ndjson");
    assert_int_equal(rg_journal_open(path, &made->journal, &err), 0);
    free(path);
}

void add_measurement(struct made_run *made, const struct rg_measurement *measurement)
{
    struct rg_error err = {{0}};
    struct rg_measurement numbered = *measurement;
    numbered.sequence = made->run.measurements++;
    char *line = rg_measurement_line(&numbered);
    assert_non_null(line);
    assert_int_equal(rg_journal_append(made->journal, line, &err), 0);
    free(line);
}

void add_and_close(struct made_run *made, struct rg_measurement measurement)
{
    add_measurement(made, &measurement);
    rg_measurement_close(&measurement);
}

void end_run(struct made_run *made)
{
    struct rg_error err = {{0}};
    if (rg_run_write(&made->run, made->directory, &err) != 0)
        fail_msg("%s", err.text);
}

void close_made_run(struct made_run *made)
{
    rg_journal_close(made->journal);
    remove_directory(made->directory);
}

static struct rg_measurement a_measurement(const struct made_run *made, int round, const char *test)
{
    struct rg_measurement m;
    rg_measurement_clear(&m);
    m.run_id = made->run.run_id;
    m.test = test;
    m.status = "ok";
    m.memory = "host";
    m.hardware = made->run.hardware != 0;
    m.hardware_reason = m.hardware ? NULL : "simulated";
    m.sequence = 0;
    m.round = round;
    m.test_index = 0;
    m.size_bytes = made->tests[0].sizes.bytes[0];
    m.has_window = true;
    m.window = (struct rg_window){.start_s = 0.5, .duration_s = 2, .clock_error_us = 1};
    return m;
}

static struct rg_end an_end(const struct made_run *made, int node, int rail)
{
    return (struct rg_end){.node = node_names[node],
        .device = "mlx5_0",
        .registration = "host",
        .rail = rail,
        .rank = node * made->rails + rail};
}

static void set_ends(const struct made_run *made, int from, int to, int rail, struct rg_measurement *m)
{
    m->kind = "flow";
    m->transport = "verbs";
    m->pattern = "pairs";
    m->has_flow = m->has_path = true;
    m->queue_pairs = 1;
    m->flow.initiator = "from";
    m->flow.from = an_end(made, from, rail);
    m->flow.to = an_end(made, to, rail);
    m->path = (struct rg_path){
        .mtu_bytes = 4096, .ip_version = 4, .gid_index_from = 3, .gid_index_to = 3, .payload_share = 0.98};
}

struct rg_measurement a_flow(
    const struct made_run *made, int round, int from, int to, int rail, double gbps, double low, double high)
{
    struct rg_measurement m = a_measurement(made, round, "rdma_write_bw");
    set_ends(made, from, to, rail, &m);
    m.direction = made->tests[0].direction;
    m.queue_pairs = made->tests[0].queue_pairs;
    m.has_bandwidth = true;
    m.bandwidth.bandwidth_gbps = gbps;
    m.bandwidth.bytes = (int64_t)(gbps * 2e9 / 8);
    m.bandwidth.messages = m.bandwidth.bytes / m.size_bytes;
    m.bandwidth.message_rate_per_s = (double)m.bandwidth.messages / 2;
    struct rg_subwindows *parts = &m.bandwidth.subwindows;
    parts->end_s = (struct rg_numbers){calloc(PARTS, sizeof(double)), PARTS};
    parts->gbps = (struct rg_numbers){calloc(PARTS, sizeof(double)), PARTS};
    for (int i = 0; i < PARTS; i++) {
        parts->end_s.values[i] = 0.5 + 0.1 * (i + 1);
        parts->gbps.values[i] = gbps;
    }
    parts->median_gbps = parts->p5_gbps = parts->min_gbps = gbps;
    parts->ci95_low_gbps = low;
    parts->ci95_high_gbps = high;
    m.has_integrity = true;
    m.integrity = (struct rg_integrity){.status = "ok", .words_checked = 8192, .mismatches = 0};
    return m;
}

struct rg_measurement a_latency(
    const struct made_run *made, int round, int from, int to, double p50, double low, double high, double p99)
{
    struct rg_measurement m = a_measurement(made, round, "rdma_write_lat");
    set_ends(made, from, to, 0, &m);
    m.size_bytes = 8;
    m.has_latency = true;
    m.latency = (struct rg_latency){.method = "half_round_trip",
        .arrival = "last_byte",
        .in_order_guaranteed = 1,
        .samples = 1000,
        .min_us = p50 / 2,
        .p50_us = p50,
        .p90_us = p50,
        .p99_us = p99,
        .p99_9_us = p99,
        .max_us = p99,
        .mean_us = p50,
        .stddev_us = 0.1,
        .ci95_low_us = low,
        .ci95_high_us = high};
    m.has_integrity = true;
    m.integrity = (struct rg_integrity){.status = "not_run", .reason = "latency tests do not verify"};
    return m;
}

struct rg_measurement a_collective(const struct made_run *made, int round, double busbw)
{
    struct rg_measurement m = a_measurement(made, round, "all_reduce");
    m.kind = "collective";
    m.transport = m.backend = "mpi";
    m.has_group = m.has_collective = true;
    m.group = (struct rg_group){.scope = "world", .ranks = (int64_t)made->run.rank_count, .rail = RG_NONE};
    m.collective = (struct rg_collective_result){.reduction = "sum",
        .data_type = "float32",
        .library = "Open MPI 4.1.4",
        .moved_bytes = m.size_bytes,
        .iterations = 100,
        .calls_per_sample = 1,
        .time_avg_us = 10,
        .time_min_us = 9,
        .time_max_us = 12,
        .time_p50_us = 10,
        .time_p99_us = 12,
        .algbw_gigabytes_per_s = busbw / 1.5,
        .busbw_gigabytes_per_s = busbw};
    m.has_integrity = true;
    m.integrity = (struct rg_integrity){.status = "ok", .words_checked = 8192, .mismatches = 0};
    return m;
}

void spoil(struct rg_measurement *m, const char *status, const char *reason)
{
    rg_measurement_close(m);
    m->status = status;
    m->reason = reason;
    m->has_window = m->has_bandwidth = m->has_latency = m->has_collective = m->has_integrity = false;
    m->has_path = false;
}

struct rg_verdict last_verdict;

struct rg_verdict *a_verdict(void)
{
    rg_verdict_close(&last_verdict);
    return &last_verdict;
}

int drop_verdict(void **state)
{
    (void)state;
    rg_verdict_close(&last_verdict);
    return 0;
}

struct rg_machine a_machine(struct rg_expectation *expectations, size_t count)
{
    return (struct rg_machine){.name = "lab-2x100",
        .description = "A lab.",
        .hardware = true,
        .rails = RG_NONE,
        .mtu_bytes = 4096,
        .ip_version = 4,
        .line_rate_gbps = 100,
        .node_nominal_gbps = 200,
        .fleet_tolerance_percent = NAN,
        .expectations = expectations,
        .expectation_count = count};
}

struct rg_expectation an_expectation(double expected, double tolerance_percent)
{
    return (struct rg_expectation){.test = "rdma_write_bw",
        .direction = "both_ways",
        .memory = "host",
        .scope = "rail",
        .metric = "bandwidth_gbps",
        .source = "lab-median",
        .size_bytes = 65536,
        .queue_pairs = RG_NONE,
        .expected = expected,
        .tolerance_percent = tolerance_percent};
}
