#include "judge/total.h"

#include "judge/node.h"
#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rg_round_sum {
    const char *memory, *variant;
    int64_t test_index, size_bytes, queue_pairs, round, flows;
    double gbps;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to sum up the fleet");
}

/* NULL: there is none, or the flows differ in it. */
static const char *common_variant(const struct rg_measurement *const *flows, size_t count, struct rg_verdict *verdict)
{
    char first[128], other[128];
    rg_measurement_variant(flows[0], first, sizeof first);
    for (size_t i = 1; i < count; i++) {
        rg_measurement_variant(flows[i], other, sizeof other);
        if (strcmp(other, first) != 0)
            return NULL;
    }
    return first[0] ? rg_verdict_text(verdict, first) : NULL;
}

int rg_totals_add(struct rg_totals *totals, const struct rg_measurement *const *flows, size_t count,
    struct rg_verdict *verdict, struct rg_error *err)
{
    struct rg_node_sum sum;
    for (size_t i = 0; i < count; i++)
        if (!flows[i]->has_bandwidth || strcmp(flows[i]->status, "ok") != 0)
            return 0;
    if (count == 0)
        return 0;
    rg_node_sum_of(flows, count, &sum);
    if (isnan(sum.gbps))
        return 0;
    if (totals->count == totals->room) {
        size_t room = totals->room ? 2 * totals->room : 64;
        struct rg_round_sum *grown = realloc(totals->at, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        totals->at = grown;
        totals->room = room;
    }
    totals->at[totals->count++] = (struct rg_round_sum){.memory = rg_verdict_text(verdict, flows[0]->memory),
        .variant = common_variant(flows, count, verdict),
        .test_index = flows[0]->test_index,
        .size_bytes = flows[0]->size_bytes,
        .queue_pairs = flows[0]->queue_pairs,
        .round = flows[0]->round,
        .flows = (int64_t)count,
        .gbps = sum.gbps};
    return 0;
}

/* By point; of each the rounds with the most flows first, and these by their sums. */
static int in_order(const void *left, const void *right)
{
    const struct rg_round_sum *a = left, *b = right;
    if (a->test_index != b->test_index)
        return a->test_index < b->test_index ? -1 : 1;
    if (a->size_bytes != b->size_bytes)
        return a->size_bytes < b->size_bytes ? -1 : 1;
    if (a->flows != b->flows)
        return a->flows > b->flows ? -1 : 1;
    return (a->gbps > b->gbps) - (a->gbps < b->gbps);
}

static bool same_point(const struct rg_round_sum *a, const struct rg_round_sum *b)
{
    return a->test_index == b->test_index && a->size_bytes == b->size_bytes;
}

int rg_totals_conclude(
    struct rg_totals *totals, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err)
{
    if (totals->count > 0)
        qsort(totals->at, totals->count, sizeof *totals->at, in_order);
    for (size_t i = 0, next; i < totals->count; i = next) {
        const struct rg_round_sum *first = &totals->at[i];
        size_t rounds = 0;
        for (next = i; next < totals->count && same_point(&totals->at[next], first); next++)
            rounds += totals->at[next].flows == first->flows;
        if ((size_t)first->test_index >= suite->test_count)
            continue;
        const struct rg_round_sum *middle = &first[rounds / 2], *below = &first[(rounds - 1) / 2];
        struct rg_total line = {.test = suite->tests[first->test_index].test,
            .direction = suite->tests[first->test_index].direction,
            .memory = first->memory,
            .variant = first->variant,
            .size_bytes = first->size_bytes,
            .queue_pairs = first->queue_pairs,
            .rounds = (int64_t)rounds,
            .flows = first->flows,
            .median_gbps = (middle->gbps + below->gbps) / 2,
            .least_gbps = first->gbps,
            .least_round = first->round,
            .test_index = first->test_index};
        if (!rg_verdict_total(out, &line))
            return no_memory(err);
    }
    return 0;
}

void rg_totals_close(struct rg_totals *totals)
{
    free(totals->at);
    *totals = (struct rg_totals){0};
}
