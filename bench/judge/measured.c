/* From the lines of measurements.ndjson to rows: one a flow, one a node and side, one a collective. */
#include "judge/judge.h"

#include "data/lines.h"
#include "judge/congestion.h"
#include "judge/node.h"
#include "judge/total.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct node_rails {
    const char *node;
    uint64_t rails; /* a bit each */
};

/* The flows of the round that is being read; what is summed needs them together. */
struct reader {
    const struct rg_run *run;
    struct rg_verdict *verdict;
    struct rg_fleet_judge *fleet;
    struct rg_measurement *flows; /* names of nodes are the verdict's, so equal ones are the same */
    size_t count, room;
    struct node_rails *nodes; /* by the address of the name */
    size_t node_count;
    int64_t round;
    struct rg_victims victims;
    struct rg_totals totals;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to judge the run");
}

static enum rg_status status_of(const struct rg_measurement *m)
{
    if (strcmp(m->status, "ok") == 0)
        return RG_UNJUDGED;
    if (strcmp(m->status, "failed") == 0)
        return RG_FAIL;
    return strcmp(m->status, "unsupported") == 0 ? RG_UNSUPPORTED : RG_NOT_RUN;
}

static struct rg_row *add_row(
    struct rg_verdict *verdict, const struct rg_measurement *m, const char *scope, const char *metric)
{
    char variant[128], pattern[64];
    struct rg_row *row = rg_verdict_add(verdict);
    if (row == NULL)
        return NULL;
    rg_measurement_variant(m, variant, sizeof variant);
    row->variant = variant[0] ? rg_verdict_text(verdict, variant) : NULL;
    rg_measurement_pattern(m, pattern, sizeof pattern);
    row->pattern = pattern[0] ? rg_verdict_text(verdict, pattern) : NULL;
    row->status = status_of(m);
    row->hardware = m->hardware;
    row->test = rg_verdict_text(verdict, m->test);
    row->direction = rg_verdict_text(verdict, m->direction);
    row->memory = rg_verdict_text(verdict, m->memory);
    row->scope = scope;
    row->metric = metric;
    row->size_bytes = m->size_bytes;
    row->queue_pairs = m->queue_pairs;
    row->round = m->round;
    row->test_index = m->test_index;
    row->reason = m->reason ? strdup(m->reason) : NULL;
    if (m->has_flow && strcmp(scope, "rail") == 0) {
        row->node = rg_verdict_text(verdict, m->flow.from.node);
        row->rail = m->flow.from.rail;
        row->peer_node = rg_verdict_text(verdict, m->flow.to.node);
        row->peer_rail = m->flow.to.rail;
    }
    if (m->has_group) {
        row->node = rg_verdict_text(verdict, m->group.node);
        row->peer_node = rg_verdict_text(verdict, m->group.peer_node);
        row->rail = m->group.rail;
        row->ranks = m->group.ranks;
    }
    if (m->has_collective) {
        row->library = rg_verdict_text(verdict, m->collective.library);
        row->plugin = rg_verdict_text(verdict, m->collective.plugin);
    }
    if (m->has_copy) {
        row->node = rg_verdict_text(verdict, m->copy.node);
        row->rail = m->copy.rail;
    }
    return row;
}

static int add_latency(struct rg_verdict *verdict, const struct rg_measurement *m, struct rg_error *err)
{
    struct rg_row *row = add_row(verdict, m, "rail", "latency_p50_us");
    if (row == NULL)
        return no_memory(err);
    if (!m->has_latency)
        return 0;
    row->measured = m->latency.p50_us;
    row->ci95_low = m->latency.ci95_low_us;
    row->ci95_high = m->latency.ci95_high_us;
    row = add_row(verdict, m, "rail", "latency_p99_us");
    if (row == NULL)
        return no_memory(err);
    row->measured = m->latency.p99_us;
    return 0;
}

static int add_bandwidth(struct rg_verdict *verdict, const struct rg_measurement *m, struct rg_error *err)
{
    struct rg_row *row = add_row(verdict, m, m->has_copy ? "gpu" : "rail", "bandwidth_gbps");
    if (row == NULL)
        return no_memory(err);
    if (m->has_path)
        row->ceiling = m->path.payload_share; /* of the line rate, which the yardstick knows */
    if (!m->has_bandwidth)
        return 0;
    row->measured = m->bandwidth.bandwidth_gbps;
    row->ci95_low = m->bandwidth.subwindows.ci95_low_gbps;
    row->ci95_high = m->bandwidth.subwindows.ci95_high_gbps;
    return 0;
}

static int add_collective(struct rg_verdict *verdict, const struct rg_measurement *m, struct rg_error *err)
{
    struct rg_row *row = add_row(verdict, m, "group", "busbw_gigabytes_per_s");
    if (row == NULL)
        return no_memory(err);
    if (m->has_collective)
        row->measured = m->collective.busbw_gigabytes_per_s;
    return 0;
}

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const struct node_rails *)left)->node;
    uintptr_t b = (uintptr_t)((const struct node_rails *)right)->node;
    return (a > b) - (a < b);
}

/* Loopback has two ranks on each rail. */
static int note_rails(struct reader *reader, struct rg_error *err)
{
    const struct rg_run *run = reader->run;
    size_t nodes = 0;
    struct node_rails *all = calloc(run->rank_count + 1, sizeof *all);
    if (all == NULL)
        return no_memory(err);
    for (size_t i = 0; i < run->rank_count; i++)
        all[i] = (struct node_rails){
            rg_verdict_text(reader->verdict, run->ranks[i].node.node), 1ull << run->ranks[i].rail.rail};
    qsort(all, run->rank_count, sizeof *all, by_address);
    for (size_t i = 0; i < run->rank_count; i++) {
        if (nodes > 0 && all[nodes - 1].node == all[i].node)
            all[nodes - 1].rails |= all[i].rails;
        else
            all[nodes++] = all[i];
    }
    reader->nodes = all;
    reader->node_count = nodes;
    return 0;
}

static size_t rails_of(const struct reader *reader, const char *node)
{
    struct node_rails key = {.node = node};
    const struct node_rails *found = bsearch(&key, reader->nodes, reader->node_count, sizeof key, by_address);
    return found ? (size_t)__builtin_popcountll(found->rails) : 0;
}

/* A node is summed only where all its rails were measured; else it says why not. */
static int explain_gap(
    struct rg_row *row, const struct rg_measurement *bad, size_t good, size_t rails, struct rg_error *err)
{
    int written = 0;
    row->status = RG_NOT_RUN;
    if (bad != NULL)
        written =
            asprintf(&row->reason, "not summed: the flow from %s rail %lld to %s rail %lld is %s", bad->flow.from.node,
                (long long)bad->flow.from.rail, bad->flow.to.node, (long long)bad->flow.to.rail, bad->status);
    else if (good < rails)
        written = asprintf(&row->reason, "not summed: only %zu of its %zu rails were measured", good, rails);
    else
        written = asprintf(&row->reason, "not summed: its flows have no time in common");
    return written < 0 ? no_memory(err) : 0;
}

static int add_node(struct reader *reader, const char *node, bool sends, const struct rg_measurement **flows,
    size_t count, struct rg_error *err)
{
    struct rg_node_sum sum = {NAN, NAN, NAN};
    size_t rails = rails_of(reader, node), good = 0;
    const struct rg_measurement *bad = NULL;
    double share = 0;
    for (size_t i = 0; i < count; i++) {
        bool ok = flows[i]->has_bandwidth && strcmp(flows[i]->status, "ok") == 0;
        good += ok;
        bad = ok ? bad : flows[i];
        share += flows[i]->has_path ? flows[i]->path.payload_share : NAN;
    }
    struct rg_row *row = add_row(reader->verdict, flows[0], "node", "bandwidth_gbps");
    if (row == NULL)
        return no_memory(err);
    free(row->reason);
    row->reason = NULL;
    row->status = RG_UNJUDGED;
    row->node = node;
    row->rails = (int64_t)rails;
    row->side = sends ? "tx" : "rx";
    row->opposite = sends ? flows[0]->flow.to.node : flows[0]->flow.from.node;
    row->ceiling = share; /* summed over the rails */
    if (bad == NULL && good >= rails)
        rg_node_sum_of(flows, count, &sum);
    row->measured = sum.gbps;
    row->ci95_low = sum.ci95_low_gbps;
    row->ci95_high = sum.ci95_high_gbps;
    return isnan(sum.gbps) ? explain_gap(row, bad, good, rails, err) : 0;
}

static void forget_flows(struct reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        rg_measurement_close(&reader->flows[i]);
    reader->count = 0;
}

/* Where one rail after the other is measured, or flows share NICs, there is nothing to sum. */
static bool is_summed(const struct reader *reader)
{
    if (reader->count == 0)
        return false;
    const struct rg_measurement *m = &reader->flows[0];
    const struct rg_suite *suite = &reader->run->suite;
    char pattern[64];
    rg_measurement_pattern(m, pattern, sizeof pattern);
    bool one = (size_t)m->test_index < suite->test_count && strcmp(suite->tests[m->test_index].rails, "one") == 0;
    return !one && (pattern[0] == '\0' || strcmp(pattern, "loopback") == 0);
}

/* A flow by one of its ends. */
struct end_of_flow {
    const char *node;
    size_t first; /* the flow's number, twice, and one more for its receiver; of a group's first: of the group */
    size_t count; /* of the group that begins here */
};

static int by_node_and_side(const void *left, const void *right)
{
    const struct end_of_flow *a = left, *b = right;
    if (a->node != b->node)
        return (uintptr_t)a->node < (uintptr_t)b->node ? -1 : 1;
    if (a->first % 2 != b->first % 2)
        return a->first % 2 < b->first % 2 ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static int by_first(const void *left, const void *right)
{
    size_t a = (*(const struct end_of_flow *const *)left)->first;
    size_t b = (*(const struct end_of_flow *const *)right)->first;
    return (a > b) - (a < b);
}

/* Groups the ends by node and side, the groups in the order of their first flows; how many there are. */
static size_t group_ends(
    const struct reader *reader, struct end_of_flow *ends, const struct end_of_flow **groups /* out */)
{
    size_t count = 0, begin = 0;
    for (size_t i = 0; i < 2 * reader->count; i++) {
        const struct rg_flow_ends *flow = &reader->flows[i / 2].flow;
        ends[i] = (struct end_of_flow){i % 2 == 0 ? flow->from.node : flow->to.node, i, 0};
    }
    qsort(ends, 2 * reader->count, sizeof *ends, by_node_and_side);
    for (size_t i = 0; i < 2 * reader->count; i++) {
        if (i == 0 || ends[i].node != ends[begin].node || ends[i].first % 2 != ends[begin].first % 2)
            groups[count++] = &ends[begin = i];
        ends[begin].count++;
    }
    qsort(groups, count, sizeof(const struct end_of_flow *), by_first);
    return count;
}

/* Both sides of every node that has a part in the round. */
static int add_nodes(struct reader *reader, struct rg_error *err)
{
    if (!is_summed(reader)) {
        forget_flows(reader);
        return 0;
    }
    const struct rg_measurement **flows = calloc(reader->count + 1, sizeof *flows);
    struct end_of_flow *ends = calloc(2 * reader->count + 1, sizeof *ends);
    const struct end_of_flow **groups = calloc(2 * reader->count + 1, sizeof *groups);
    int code = flows && ends && groups ? 0 : no_memory(err);
    size_t count = code == 0 ? group_ends(reader, ends, groups) : 0;
    for (size_t i = 0; code == 0 && i < reader->count; i++)
        flows[i] = &reader->flows[i];
    if (code == 0)
        code = rg_totals_add(&reader->totals, flows, reader->count, reader->verdict, err);
    for (size_t g = 0; code == 0 && g < count; g++) {
        for (size_t i = 0; i < groups[g]->count; i++)
            flows[i] = &reader->flows[groups[g][i].first / 2];
        code = add_node(reader, groups[g]->node, groups[g]->first % 2 == 0, flows, groups[g]->count, err);
    }
    free(flows);
    free(ends);
    free(groups);
    forget_flows(reader);
    return code;
}

/* Takes the measurement over. */
static int keep_flow(struct reader *reader, struct rg_measurement *m, struct rg_error *err)
{
    if (reader->count == reader->room) {
        size_t room = reader->room ? reader->room * 2 : 16;
        struct rg_measurement *grown = realloc(reader->flows, room * sizeof *grown);
        if (grown == NULL) {
            rg_measurement_close(m);
            return no_memory(err);
        }
        reader->flows = grown;
        reader->room = room;
    }
    free(m->counters); /* the fleet's judge has heard them */
    m->counters = NULL;
    m->counter_count = 0;
    m->flow.from.node = rg_verdict_text(reader->verdict, m->flow.from.node);
    m->flow.to.node = rg_verdict_text(reader->verdict, m->flow.to.node);
    reader->flows[reader->count++] = *m;
    return 0;
}

/* What was measured to find suspects, or to be in the way of something else, is no row of the verdict. */
static bool is_evidence_alone(const struct rg_measurement *m)
{
    return (m->pattern != NULL && strcmp(m->pattern, "confirm") == 0) ||
           (m->phase != NULL && strcmp(m->phase, "load") == 0);
}

static int take(struct reader *reader, struct rg_measurement *m, struct rg_error *err)
{
    enum rg_test_kind kind = rg_test_kind_of(m->test);
    int code = 0;
    if (m->round != reader->round)
        code = add_nodes(reader, err);
    reader->round = m->round;
    if (code == 0 && (size_t)m->test_index >= reader->run->suite.test_count)
        code = rg_fail(err, -EINVAL, "test_index: %lld is not one of the suite's %zu tests", (long long)m->test_index,
            reader->run->suite.test_count);
    if (code == 0)
        code = rg_run_check_id(reader->run, m->run_id, err);
    reader->verdict->verified += m->has_integrity && m->integrity.words_checked > 0;
    if (code == 0 && reader->fleet != NULL)
        code = rg_fleet_judge_add(reader->fleet, m, err);
    if (code == 0)
        code = rg_congestion_add(&reader->victims, m, reader->verdict, err);
    if (code == 0 && !is_evidence_alone(m))
        code = kind == RG_TEST_LATENCY      ? add_latency(reader->verdict, m, err)
               : kind == RG_TEST_COLLECTIVE ? add_collective(reader->verdict, m, err)
                                            : add_bandwidth(reader->verdict, m, err);
    if (code == 0 && kind == RG_TEST_BANDWIDTH && !is_evidence_alone(m))
        return keep_flow(reader, m, err);
    rg_measurement_close(m);
    return code;
}

/* Reads line by line, and has the rows of each settled before the next. */
static int read_lines(struct reader *reader, const char *path, struct rg_lines *lines, const struct rg_settler *settler,
    struct rg_error *err)
{
    const struct rg_run *run = reader->run;
    struct rg_measurement m;
    size_t settled = reader->verdict->row_count;
    int64_t number = 0;
    int code = note_rails(reader, err), more = code == 0;
    while (code == 0 && (more = rg_lines_next(lines, &m, &number, err)) > 0) {
        if ((code = take(reader, &m, err)) != 0)
            rg_fail_in(err, code, "%s: line %lld", path, (long long)number);
        if (code == 0 && settler != NULL)
            code = settler->settle(settler->context, reader->verdict, settled, err);
        settled = reader->verdict->row_count;
    }
    if (more < 0)
        code = more;
    if (code == 0 && number < run->measurements && run->ended_at != NULL)
        code = rg_fail(err, -EINVAL, "%s: holds %lld of the run's %lld measurements", path, (long long)number,
            (long long)run->measurements);
    if (code == 0)
        code = add_nodes(reader, err);
    if (code == 0 && settler != NULL)
        code = settler->settle(settler->context, reader->verdict, settled, err);
    if (code == 0)
        code = rg_totals_conclude(&reader->totals, &run->suite, reader->verdict, err);
    if (code == 0)
        code = rg_congestion_conclude(&reader->victims, &run->suite, reader->verdict, err);
    return code;
}

int rg_judge_measured_by(const struct rg_run *run, const char *directory, struct rg_fleet_judge *fleet,
    const struct rg_settler *settler, struct rg_verdict *out, struct rg_error *err)
{
    char path[PATH_MAX];
    struct reader reader = {.run = run, .verdict = out, .fleet = fleet, .round = -1};
    struct rg_lines *lines = NULL;
    snprintf(path, sizeof path, "%s/measurements.ndjson", directory);
    int code = rg_lines_open(path, run->ended_at == NULL, &lines, err);
    if (code == 0)
        code = read_lines(&reader, path, lines, settler, err);
    rg_lines_close(lines);
    rg_totals_close(&reader.totals);
    rg_congestion_close(&reader.victims);
    forget_flows(&reader);
    free(reader.flows);
    free(reader.nodes);
    return code;
}

int rg_judge_measured(const struct rg_run *run, const char *directory, struct rg_fleet_judge *fleet,
    struct rg_verdict *out, struct rg_error *err)
{
    return rg_judge_measured_by(run, directory, fleet, NULL, out, err);
}
