#include "judge/congestion.h"

#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rg_victim {
    int64_t test_index, size_bytes, queue_pairs, rail, peer_rail, round;
    const char *from, *to; /* one pointer for one name */
    const char *memory, *variant;
    bool latency, loaded;
    double p50, p99;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to tell what the load cost");
}

/* The rates that half and 99 % of the sub-windows reach. */
static void rates_of(const struct rg_numbers *gbps, struct rg_victim *out)
{
    struct rg_summary summary;
    double *sorted = calloc(gbps->count + 1, sizeof *sorted);
    if (sorted == NULL || gbps->count == 0) {
        free(sorted);
        return;
    }
    memcpy(sorted, gbps->values, gbps->count * sizeof *sorted);
    rg_summary_of(sorted, gbps->count, &summary);
    out->p50 = summary.p50;
    out->p99 = rg_summary_quantile(sorted, gbps->count, 0.01);
    free(sorted);
}

int rg_congestion_add(
    struct rg_victims *victims, const struct rg_measurement *m, struct rg_verdict *verdict, struct rg_error *err)
{
    char variant[128];
    bool measured = m->has_latency || m->has_bandwidth;
    if (!measured || m->phase == NULL || strcmp(m->phase, "load") == 0 || strcmp(m->status, "ok") != 0)
        return 0;
    if (victims->count == victims->room) {
        size_t room = victims->room ? 2 * victims->room : 64;
        struct rg_victim *grown = realloc(victims->at, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        victims->at = grown;
        victims->room = room;
    }
    rg_measurement_variant(m, variant, sizeof variant);
    struct rg_victim victim = {.test_index = m->test_index,
        .size_bytes = m->size_bytes,
        .queue_pairs = m->queue_pairs,
        .rail = m->flow.from.rail,
        .peer_rail = m->flow.to.rail,
        .round = m->round,
        .from = rg_verdict_text(verdict, m->flow.from.node),
        .to = rg_verdict_text(verdict, m->flow.to.node),
        .memory = rg_verdict_text(verdict, m->memory),
        .variant = variant[0] ? rg_verdict_text(verdict, variant) : NULL,
        .latency = m->has_latency,
        .loaded = strcmp(m->phase, "loaded") == 0,
        .p50 = m->latency.p50_us,
        .p99 = m->latency.p99_us};
    if (victim.from == NULL || victim.to == NULL)
        return no_memory(err);
    if (!victim.latency)
        rates_of(&m->bandwidth.subwindows.gbps, &victim);
    victims->at[victims->count++] = victim;
    return 0;
}

/* By what is told together, then by flow, then in the order of measuring. */
static int in_order(const void *left, const void *right)
{
    const struct rg_victim *a = left, *b = right;
    const int64_t by[][2] = {{a->test_index, b->test_index}, {a->size_bytes, b->size_bytes}, {a->rail, b->rail}};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        if (by[i][0] != by[i][1])
            return by[i][0] < by[i][1] ? -1 : 1;
    int from = strcmp(a->from, b->from), to = strcmp(a->to, b->to);
    if (from != 0 || to != 0)
        return from != 0 ? from : to;
    if (a->peer_rail != b->peer_rail)
        return a->peer_rail < b->peer_rail ? -1 : 1;
    return a->round == b->round ? 0 : a->round < b->round ? -1 : 1;
}

static bool same_line(const struct rg_victim *a, const struct rg_victim *b)
{
    return a->test_index == b->test_index && a->size_bytes == b->size_bytes && a->rail == b->rail;
}

static bool same_flow(const struct rg_victim *a, const struct rg_victim *b)
{
    return same_line(a, b) && a->from == b->from && a->to == b->to && a->peer_rail == b->peer_rail;
}

static double median_of(double *values, size_t count)
{
    struct rg_summary summary;
    rg_summary_of(values, count, &summary);
    return summary.p50;
}

/* values: room for four a victim. */
static int add_line(const struct rg_victim *at, size_t count, const struct rg_suite *suite, double *values,
    struct rg_verdict *out, struct rg_error *err)
{
    double *alone_p50 = values, *alone_p99 = values + count, *loaded_p50 = values + 2 * count,
           *loaded_p99 = values + 3 * count;
    size_t pairs = 0;
    struct rg_congestion line = {.worst_ratio_p99 = NAN};
    for (size_t i = 0; i + 1 < count; i++) {
        if (at[i].loaded || !at[i + 1].loaded || !same_flow(&at[i], &at[i + 1]))
            continue;
        double ratio = at[i + 1].p99 / at[i].p99;
        bool worse = at[i].latency ? ratio > line.worst_ratio_p99 : ratio < line.worst_ratio_p99;
        if (worse || isnan(line.worst_ratio_p99)) {
            line.worst_ratio_p99 = ratio;
            line.worst_node = at[i].from;
        }
        alone_p50[pairs] = at[i].p50;
        alone_p99[pairs] = at[i].p99;
        loaded_p50[pairs] = at[i + 1].p50;
        loaded_p99[pairs++] = at[i + 1].p99;
    }
    if (pairs == 0)
        return 0;
    line.test = suite->tests[at->test_index].test;
    line.direction = at->latency ? NULL : suite->tests[at->test_index].direction;
    line.memory = at->memory;
    line.variant = at->variant;
    line.queue_pairs = at->queue_pairs;
    line.load = suite->tests[at->test_index].load;
    line.metric = at->latency ? "latency_us" : "bandwidth_gbps";
    line.test_index = at->test_index;
    line.size_bytes = at->size_bytes;
    line.rail = at->rail;
    line.victims = (int64_t)pairs;
    line.alone_p50 = median_of(alone_p50, pairs);
    line.alone_p99 = median_of(alone_p99, pairs);
    line.loaded_p50 = median_of(loaded_p50, pairs);
    line.loaded_p99 = median_of(loaded_p99, pairs);
    line.ratio_p50 = line.loaded_p50 / line.alone_p50;
    line.ratio_p99 = line.loaded_p99 / line.alone_p99;
    return rg_verdict_congest(out, &line) ? 0 : no_memory(err);
}

int rg_congestion_conclude(
    struct rg_victims *victims, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err)
{
    double *values = calloc(4 * victims->count + 1, sizeof *values);
    int code = values ? 0 : no_memory(err);
    if (victims->count > 0)
        qsort(victims->at, victims->count, sizeof *victims->at, in_order);
    for (size_t i = 0, next; code == 0 && i < victims->count; i = next) {
        for (next = i; next < victims->count && same_line(&victims->at[i], &victims->at[next]);)
            next++;
        if ((size_t)victims->at[i].test_index < suite->test_count)
            code = add_line(&victims->at[i], next - i, suite, values, out, err);
    }
    free(values);
    return code;
}

void rg_congestion_close(struct rg_victims *victims)
{
    free(victims->at);
    *victims = (struct rg_victims){0};
}
