#include "judge/entry.h"

#include "data/namesakes.h"
#include "judge/judge.h"
#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to sum up the run");
}

/* --- figures --- */

/* What figures are listed from. */
struct lister {
    const struct rg_run *run;
    struct rg_verdict *rows; /* keeps the texts */
    const char *no_hardware; /* the origin of what is none of hardware */
    int64_t test_index, size_bytes;
    char rest[192]; /* of that test and size */
};

/* The variant, and what else tells the test from others of the suite: what is set otherwise is another series. */
static const char *variant_of(struct lister *l, int64_t test_index, int64_t size_bytes, const char *variant)
{
    char both[400];
    if (l->test_index != test_index || l->size_bytes != size_bytes) {
        l->test_index = test_index;
        l->size_bytes = size_bytes;
        rg_namesakes_tell_rest(&l->run->suite, (size_t)test_index, size_bytes, l->rest, sizeof l->rest);
    }
    if (l->rest[0] == '\0')
        return variant;
    snprintf(both, sizeof both, "%s%s%s", variant ? variant : "", variant ? ", " : "", l->rest);
    return rg_verdict_text(l->rows, both);
}

static struct rg_series series_of(struct lister *l, const struct rg_row *row)
{
    return (struct rg_series){.origin = row->hardware ? "hardware" : l->no_hardware,
        .test = row->test,
        .direction = row->direction,
        .memory = row->memory,
        .variant = variant_of(l, row->test_index, row->size_bytes, row->variant),
        .pattern = row->pattern,
        .scope = row->scope,
        .node = row->node,
        .peer_node = strcmp(row->scope, "group") == 0 ? row->peer_node : NULL,
        .side = row->side,
        .metric = row->metric,
        .size_bytes = row->size_bytes,
        .queue_pairs = row->queue_pairs,
        .rail = row->rail,
        .ranks = row->ranks};
}

/* What the fleet moves together. Fewer flows are another series. */
static size_t list_totals(struct lister *l, const char *origin, struct rg_figure *out)
{
    for (size_t i = 0; i < l->rows->total_count; i++) {
        const struct rg_total *total = &l->rows->totals[i];
        const char *pattern = l->run->suite.tests[total->test_index].pattern;
        out[i] = (struct rg_figure){.of = {.origin = origin,
                                        .test = total->test,
                                        .direction = total->direction,
                                        .memory = total->memory,
                                        .variant = variant_of(l, total->test_index, total->size_bytes, total->variant),
                                        .pattern = strcmp(pattern, "loopback") == 0 ? pattern : NULL,
                                        .scope = "fleet",
                                        .metric = "bandwidth_gbps",
                                        .size_bytes = total->size_bytes,
                                        .queue_pairs = total->queue_pairs,
                                        .rail = RG_NONE,
                                        .ranks = total->flows},
            .value = total->median_gbps,
            .measurements = total->rounds};
    }
    return l->rows->total_count;
}

/* How many times what it has alone a victim has beside a load. */
static size_t list_ratios(struct lister *l, const char *origin, struct rg_figure *out)
{
    size_t count = 0;
    for (size_t i = 0; i < 2 * l->rows->congestion_count; i++) {
        const struct rg_congestion *line = &l->rows->congestions[i / 2];
        bool latency = strcmp(line->metric, "latency_us") == 0, tail = i % 2 == 1;
        struct rg_figure figure = {.of = {.origin = origin,
                                       .test = line->test,
                                       .direction = line->direction,
                                       .memory = line->memory,
                                       .variant = variant_of(l, line->test_index, line->size_bytes, line->variant),
                                       .pattern = line->load,
                                       .scope = "victims",
                                       .metric = latency ? (tail ? "latency_ratio_p99" : "latency_ratio_p50")
                                                         : (tail ? "bandwidth_ratio_p99" : "bandwidth_ratio_p50"),
                                       .size_bytes = line->size_bytes,
                                       .queue_pairs = line->queue_pairs,
                                       .rail = line->rail,
                                       .ranks = RG_NONE},
            .value = tail ? line->ratio_p99 : line->ratio_p50,
            .measurements = line->victims};
        if (figure.value > 0 && isfinite(figure.value))
            out[count++] = figure;
    }
    return count;
}

/* A flow tells of what leaves its one end and of what reaches the other. */
static size_t list_ends(const struct rg_row *row, struct rg_figure figure, struct rg_figure *out)
{
    if (strcmp(row->scope, "rail") != 0) {
        out[0] = figure;
        return 1;
    }
    figure.of.side = "tx";
    out[0] = figure;
    figure.of.side = "rx";
    figure.of.node = row->peer_node;
    figure.of.rail = row->peer_rail;
    out[1] = figure;
    return 2;
}

/* The figures of each row; NAN where it was not measured, or failed for all that it has one. */
static size_t list_figures(struct lister *l, struct rg_figure *out)
{
    size_t count = 0;
    for (size_t i = 0; i < l->rows->row_count; i++) {
        const struct rg_row *row = &l->rows->rows[i];
        bool good = row->status == RG_UNJUDGED && row->measured > 0;
        struct rg_figure figure = {.of = series_of(l, row), .value = good ? row->measured : NAN, .measurements = 1};
        count += list_ends(row, figure, out + count);
        if (isnan(row->measured) && strcmp(row->metric, "latency_p50_us") == 0) { /* it has no row of its tail */
            figure.of.metric = "latency_p99_us";
            count += list_ends(row, figure, out + count);
        }
    }
    return count;
}

static int by_series(const void *a, const void *b)
{
    const struct rg_figure *x = a, *y = b;
    int order = rg_series_compare(&x->of, &y->of);
    if (order == 0)
        order = isnan(x->value) - isnan(y->value);
    return order != 0 ? order : (x->value > y->value) - (x->value < y->value);
}

/* The median of each series. One most of whose measurements failed has none: those that got through are not what the
 * part can do, and what is missing is told as such. */
static int sum_up(struct lister *l, struct rg_entry *out, struct rg_error *err)
{
    const struct rg_verdict *rows = l->rows;
    size_t most = 4 * rows->row_count + 2 * rows->congestion_count + rows->total_count + 1;
    struct rg_figure *all = calloc(most, sizeof *all);
    double *values = calloc(most, sizeof *values);
    if (all == NULL || values == NULL) {
        free(all);
        free(values);
        return no_memory(err);
    }
    size_t count = list_figures(l, all), kept = 0;
    count += list_totals(l, out->run.origin, all + count);
    count += list_ratios(l, out->run.origin, all + count);
    qsort(all, count, sizeof *all, by_series);
    for (size_t first = 0, next; first < count; first = next) {
        size_t good = 0;
        int64_t measurements = 0;
        for (next = first; next < count && rg_series_compare(&all[next].of, &all[first].of) == 0; next++)
            if (!isnan(all[next].value)) {
                measurements += all[next].measurements;
                values[good++] = all[next].value;
            }
        if (good == 0 || 2 * good < next - first)
            continue;
        struct rg_figure figure = all[first];
        figure.value = rg_summary_quantile(values, good, 0.5);
        figure.measurements = measurements;
        all[kept++] = figure;
    }
    free(values);
    out->figures = all;
    out->figure_count = kept;
    return 0;
}

/* --- facts --- */

/* A text or number of one rank. */
struct source {
    const char *name; /* for people */
    enum rg_option_type type;
    size_t offset;
};

#define OF(member) offsetof(struct rg_rank_facts, member)

static const struct source sources[] = {
    {"the kernel", RG_TEXT, OF(node.kernel)},
    {"the operating system", RG_TEXT, OF(node.os)},
    {"the processor", RG_TEXT, OF(node.cpu_model)},
    {"MPI", RG_TEXT, OF(node.mpi)},
    {"rdma-core", RG_TEXT, OF(node.rdma_core)},
    {"TCP's congestion control", RG_TEXT, OF(node.tcp_congestion)},
    {"the NIC's driver", RG_TEXT, OF(rail.driver)},
    {"the NIC's firmware", RG_TEXT, OF(rail.firmware)},
    {"the MTU", RG_INTEGER, OF(rail.active_mtu_bytes)},
    {"the network device's MTU", RG_INTEGER, OF(rail.netdev_mtu_bytes)},
    {"the link's Gb/s", RG_NUMBER, OF(rail.link_gbps)},
    {"the kind of GID", RG_TEXT, OF(rail.gid_type)},
    {"the way to the GPU", RG_TEXT, OF(rail.gpu_distance)},
    {"the GPU", RG_TEXT, OF(rail.gpu_facts.name)},
    {"the GPU's driver", RG_TEXT, OF(rail.gpu_facts.driver)},
    {"CUDA", RG_TEXT, OF(rail.gpu_facts.cuda_driver)},
    {"the GPU's VBIOS", RG_TEXT, OF(rail.gpu_facts.vbios)},
    {"the GPU's highest SM clock in MHz", RG_INTEGER, OF(rail.gpu_facts.sm_clock_max_mhz)},
    {"the GPU's power limit in W", RG_NUMBER, OF(rail.gpu_facts.power_limit_w)},
};

#define VALUE_LENGTH sizeof((struct rg_fact *)0)->value

/* Empty: not known. */
static void read_source(const struct source *source, const struct rg_rank_facts *rank, char *out)
{
    const char *at = (const char *)rank + source->offset, *text;
    int64_t integer;
    double number;
    out[0] = '\0';
    if (!rank->rail.has_gpu_facts && source->offset >= OF(rail.gpu_facts))
        return;
    if (source->type == RG_TEXT) {
        memcpy(&text, at, sizeof text);
        snprintf(out, VALUE_LENGTH, "%s", text ? text : "");
    } else if (source->type == RG_INTEGER) {
        memcpy(&integer, at, sizeof integer);
        if (integer != RG_NONE)
            snprintf(out, VALUE_LENGTH, "%lld", (long long)integer);
    } else {
        memcpy(&number, at, sizeof number);
        if (!isnan(number))
            snprintf(out, VALUE_LENGTH, "%g", number);
    }
}

static int add_fact(
    struct rg_entry *out, const char *name, const char *value, const char *node, int64_t rail, struct rg_error *err)
{
    struct rg_fact *grown = realloc(out->facts, (out->fact_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    out->facts = grown;
    struct rg_fact *fact = &grown[out->fact_count++];
    *fact = (struct rg_fact){.node = node, .rail = rail};
    snprintf(fact->name, sizeof fact->name, "%s", name);
    snprintf(fact->value, sizeof fact->value, "%s", value);
    return 0;
}

/* Once where all ranks are alike, once a node where those of each node are, else for each rank. */
static int add_source(const struct rg_run *run, const struct source *source, struct rg_entry *out, struct rg_error *err)
{
    char value[VALUE_LENGTH], first[VALUE_LENGTH] = "", of_node[VALUE_LENGTH] = "";
    bool alike = true, nodes_alike = true;
    const char *node = NULL;
    for (size_t i = 0; i < run->rank_count; i++) {
        const struct rg_rank_facts *rank = &run->ranks[i];
        read_source(source, rank, value);
        if (i == 0)
            memcpy(first, value, sizeof first);
        alike = alike && strcmp(value, first) == 0;
        if (node == NULL || strcmp(node, rank->node.node) != 0)
            memcpy(of_node, value, sizeof of_node);
        nodes_alike = nodes_alike && strcmp(value, of_node) == 0;
        node = rank->node.node;
    }
    if (alike)
        return first[0] ? add_fact(out, source->name, first, NULL, RG_NONE, err) : 0;
    int code = 0;
    node = NULL;
    for (size_t i = 0; code == 0 && i < run->rank_count; i++) {
        const struct rg_rank_facts *rank = &run->ranks[i];
        bool same_node = node != NULL && strcmp(node, rank->node.node) == 0;
        node = rank->node.node;
        read_source(source, rank, value);
        if (value[0] != '\0' && !(nodes_alike && same_node))
            code = add_fact(out, source->name, value, node, nodes_alike ? RG_NONE : rank->rail.rail, err);
    }
    return code;
}

static bool has_fact(const struct rg_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->fact_count; i++)
        if (strcmp(entry->facts[i].name, name) == 0)
            return true;
    return false;
}

/* "NCCL 2.28.9" is NCCL, 2.28.9. */
static int add_libraries(const struct rg_verdict *rows, struct rg_entry *out, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < rows->row_count; i++) {
        const struct rg_row *row = &rows->rows[i];
        const char *space = row->library ? strrchr(row->library, ' ') : NULL;
        char name[sizeof out->facts->name];
        if (space == NULL)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(space - row->library), row->library);
        if (!has_fact(out, name))
            code = add_fact(out, name, space + 1, NULL, RG_NONE, err);
        snprintf(name, sizeof name, "%.*s's plugin", (int)(space - row->library), row->library);
        if (code == 0 && row->plugin != NULL && !has_fact(out, name))
            code = add_fact(out, name, row->plugin, NULL, RG_NONE, err);
    }
    return code;
}

/* What tests are set to, each by what tells it from others of its name. The first row is the test itself; sizes are in
 * the series. */
static int add_settings(const struct rg_run *run, struct rg_entry *out, struct rg_error *err)
{
    char name[sizeof out->facts->name], told[128], text[64];
    size_t length;
    int code = 0;
    for (size_t t = 0; t < run->suite.test_count; t++) {
        rg_namesakes_tell(&run->suite, t, told, sizeof told);
        for (size_t i = 1; code == 0 && i < rg_settings_row_count; i++) {
            const struct rg_option *row = &rg_settings_rows[i];
            const char *value = rg_settings_text(row, &run->suite.tests[t], text);
            if (strcmp(value, "-") == 0 || row->hidden || rg_namesakes_value(told, row->key, &length) != NULL)
                continue;
            snprintf(
                name, sizeof name, "%s's %s%s%s", run->suite.tests[t].test, row->key, told[0] ? " with " : "", told);
            if (!has_fact(out, name))
                code = add_fact(out, name, value, NULL, RG_NONE, err);
        }
    }
    return code;
}

static int list_facts(
    const struct rg_run *run, const struct rg_verdict *rows, struct rg_entry *out, struct rg_error *err)
{
    int code = add_fact(out, "railgauge", run->version, NULL, RG_NONE, err);
    if (code == 0)
        code = add_libraries(rows, out, err);
    for (size_t i = 0; code == 0 && i < sizeof sources / sizeof *sources; i++)
        code = add_source(run, &sources[i], out, err);
    return code == 0 ? add_settings(run, out, err) : code;
}

/* --- the entry --- */

int rg_judge_entry(const struct rg_run *run, const char *directory, struct rg_verdict *rows, struct rg_entry *out,
    struct rg_error *err)
{
    const char *no_hardware = run->hardware_reason ? run->hardware_reason : "unknown"; /* nothing was measured */
    *out = (struct rg_entry){.run = {.run_id = run->run_id,
                                 .started_at = run->started_at,
                                 .status = run->status,
                                 .suite = run->suite.name,
                                 .machine = run->machine,
                                 .version = run->version,
                                 .origin = run->hardware == 1 ? "hardware" : no_hardware,
                                 .exit_status = run->exit_status,
                                 .nodes = (int64_t)rg_run_nodes(run),
                                 .ranks = (int64_t)run->rank_count}};
    struct lister lister = {.run = run, .rows = rows, .no_hardware = no_hardware, .test_index = RG_NONE};
    int code = rg_judge_measured(run, directory, NULL, rows, err);
    if (code == 0)
        code = sum_up(&lister, out, err);
    if (code == 0)
        code = list_facts(run, rows, out, err);
    out->run.rows = (int64_t)rows->row_count;
    out->run.figures = (int64_t)out->figure_count;
    if (code != 0)
        rg_entry_close(out);
    return code;
}
