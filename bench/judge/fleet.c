#include "judge/evidence.h"

#include "fleet/reference.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE 20000
#define NOISE_OF_LOSS 0.05 /* noise is taken to be this share of the least loss, at least */

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to look for suspects");
}

static bool take_nodes(struct rg_fleet_judge *judge, const char *const *node_names, int nodes, const int *leaf_of)
{
    for (int i = 0; i < nodes; i++) {
        judge->names[i] = strdup(node_names[i]);
        if (judge->names[i] == NULL)
            return false;
        rg_names_enter(&judge->numbers, judge->names[i], i);
        if (leaf_of != NULL)
            judge->leaf_of[i] = leaf_of[i];
    }
    return true;
}

int rg_fleet_judge_open(const char *const *node_names, int nodes, int rails, const int *leaf_of, uint64_t seed,
    double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err)
{
    size_t nics = (size_t)nodes * (size_t)rails;
    struct rg_fleet_judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL)
        return no_memory(err);
    judge->seed = seed;
    judge->least_loss = least_loss_percent / 100;
    judge->names = calloc((size_t)nodes + 1, sizeof *judge->names);
    judge->gone = calloc(nics + 1, sizeof *judge->gone);
    judge->leaf_of = leaf_of ? calloc((size_t)nodes + 1, sizeof *judge->leaf_of) : NULL;
    judge->alarms = calloc(nics + 1, sizeof *judge->alarms);
    judge->counted_round = calloc(nics + 1, sizeof *judge->counted_round);
    bool ok = judge->names && rg_names_open((size_t)nodes, &judge->numbers, err) == 0 && judge->gone && judge->alarms &&
              judge->counted_round && (judge->leaf_of || leaf_of == NULL);
    judge->fleet = (struct rg_fleet){nodes, rails, judge->leaf_of};
    for (size_t nic = 0; ok && nic < nics; nic++)
        judge->counted_round[nic] = -1;
    if (!ok || !take_nodes(judge, node_names, nodes, leaf_of)) {
        rg_fleet_judge_close(judge);
        return no_memory(err);
    }
    *out = judge;
    return 0;
}

/* The nodes of a run's ranks in the order in which they first come; how many, or -ENOMEM. names, leaves: room for every
 * rank. */
static int list_nodes(const struct rg_run *run, const char **names, int *leaves, struct rg_error *err)
{
    struct rg_names numbers;
    int nodes = 0;
    if (rg_names_open(run->rank_count, &numbers, err) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < run->rank_count; i++) {
        const struct rg_node_facts *facts = &run->ranks[i].node;
        if (rg_names_enter(&numbers, facts->node, nodes) < nodes)
            continue;
        names[nodes] = facts->node;
        leaves[nodes++] = facts->leaf == RG_NONE ? 0 : (int)facts->leaf;
    }
    rg_names_close(&numbers);
    return nodes;
}

static int note_directions(struct rg_fleet_judge *judge, const struct rg_suite *suite, struct rg_error *err)
{
    judge->test_count = suite->test_count;
    judge->both_ways = calloc(suite->test_count + 1, sizeof *judge->both_ways);
    if (judge->both_ways == NULL)
        return no_memory(err);
    for (size_t i = 0; i < suite->test_count; i++)
        judge->both_ways[i] = suite->tests[i].direction != NULL && strcmp(suite->tests[i].direction, "both_ways") == 0;
    return 0;
}

int rg_fleet_judge_open_run(
    const struct rg_run *run, double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err)
{
    const char **names = calloc(run->rank_count + 1, sizeof *names);
    int *leaves = calloc(run->rank_count + 1, sizeof *leaves);
    int rails = 0, highest = 0, nodes = names && leaves ? list_nodes(run, names, leaves, err) : no_memory(err);
    int code = nodes < 0 ? nodes : 0;
    for (int n = 0; n < nodes; n++)
        highest = leaves[n] > highest ? leaves[n] : highest;
    for (size_t i = 0; i < run->rank_count; i++)
        rails = run->ranks[i].rail.rail >= rails ? (int)run->ranks[i].rail.rail + 1 : rails;
    if (code == 0)
        code = rg_fleet_judge_open(
            names, nodes, rails, highest > 0 ? leaves : NULL, (uint64_t)run->seed, least_loss_percent, out, err);
    if (code == 0 && (code = note_directions(*out, &run->suite, err)) != 0)
        rg_fleet_judge_close(*out);
    for (size_t i = 0; code == 0 && i < run->lost_count; i++)
        rg_fleet_judge_lose(*out, run->lost[i].node, (int)run->lost[i].rail);
    free(names);
    free(leaves);
    return code;
}

void rg_fleet_judge_close(struct rg_fleet_judge *judge)
{
    if (judge == NULL)
        return;
    for (size_t i = 0; i < judge->point_count; i++) {
        free(judge->points[i].flows);
        rg_inquiry_close(judge->points[i].inquiry);
    }
    for (int i = 0; judge->names != NULL && i < judge->fleet.nodes; i++)
        free(judge->names[i]);
    free(judge->names);
    rg_names_close(&judge->numbers);
    free(judge->counted_round);
    free(judge->both_ways);
    free(judge->leaf_of);
    free(judge->gone);
    free(judge->alarms);
    free(judge->points);
    free(judge->circles);
    free(judge);
}

/* --- what is added --- */

static struct rg_point *point_of(struct rg_fleet_judge *judge, int64_t test_index, int64_t size_bytes)
{
    for (size_t i = judge->point_count; i > 0; i--) /* mostly the last */
        if (judge->points[i - 1].test_index == test_index && judge->points[i - 1].size_bytes == size_bytes)
            return &judge->points[i - 1];
    struct rg_point *grown = realloc(judge->points, (judge->point_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    judge->points = grown;
    grown[judge->point_count] = (struct rg_point){.test_index = test_index, .size_bytes = size_bytes};
    return &grown[judge->point_count++];
}

int rg_fleet_judge_add_flow(struct rg_fleet_judge *judge, int64_t test_index, int64_t size_bytes,
    const struct rg_link *link, double gbps, int intact, struct rg_error *err)
{
    struct rg_point *point = point_of(judge, test_index, size_bytes);
    if (point == NULL)
        return no_memory(err);
    if (point->count == point->room) {
        size_t room = point->room ? 2 * point->room : 256;
        struct rg_seen_flow *grown = realloc(point->flows, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        point->flows = grown;
        point->room = room;
    }
    point->flows[point->count++] = (struct rg_seen_flow){link->from_node * judge->fleet.rails + link->from_rail,
        link->to_node * judge->fleet.rails + link->to_rail, (float)gbps, (int8_t)intact, false};
    return 0;
}

int rg_evidence_node(const struct rg_fleet_judge *judge, const char *name)
{
    return rg_names_find(&judge->numbers, name);
}

const char *rg_fleet_judge_name(const struct rg_fleet_judge *judge, int node)
{
    return judge->names[node];
}

static void add_alarm(struct rg_alarm alarms[RG_ALARMS_MOST], const char *words, int64_t added)
{
    for (int i = 0; i < RG_ALARMS_MOST; i++) {
        if (alarms[i].words != NULL && strcmp(alarms[i].words, words) != 0)
            continue;
        alarms[i].words = words;
        alarms[i].added += added;
        return;
    }
}

/* What tells of trouble among what the NICs counted: once a round, however many flows a NIC had in it. */
static void add_alarms(struct rg_fleet_judge *judge, const struct rg_measurement *m)
{
    for (size_t i = 0; i < m->counter_count; i++) {
        const struct rg_counter_report *report = &m->counters[i];
        int node = rg_evidence_node(judge, report->node), nic = node * judge->fleet.rails + (int)report->rail;
        if (node < 0 || report->rail >= judge->fleet.rails || judge->counted_round[nic] == m->round)
            continue;
        judge->counted_round[nic] = m->round;
        for (int64_t c = 0; c < report->change.count; c++) {
            const char *words = rg_counter_alarm(report->change.at[c].name);
            if (words != NULL)
                add_alarm(judge->alarms[nic], words, report->change.at[c].added);
        }
    }
}

int rg_fleet_judge_add(struct rg_fleet_judge *judge, const struct rg_measurement *m, struct rg_error *err)
{
    bool failed = strcmp(m->status, "failed") == 0, damaged = m->has_integrity && m->integrity.mismatches > 0;
    bool counts = rg_test_kind_of(m->test) == RG_TEST_BANDWIDTH && rg_measurement_is_exclusive(m) &&
                  (failed || strcmp(m->status, "ok") == 0);
    if (rg_test_kind_of(m->test) == RG_TEST_COLLECTIVE)
        return rg_evidence_add_circle(judge, m, err);
    if (!counts)
        return 0;
    struct rg_link link = {rg_evidence_node(judge, m->flow.from.node), (int)m->flow.from.rail,
        rg_evidence_node(judge, m->flow.to.node), (int)m->flow.to.rail, false};
    if (link.from_node < 0 || link.to_node < 0 || link.from_rail >= judge->fleet.rails ||
        link.to_rail >= judge->fleet.rails)
        return 0;
    add_alarms(judge, m);
    bool verified = m->has_integrity && strcmp(m->integrity.status, "not_run") != 0;
    double gbps = failed && !damaged ? NAN : m->bandwidth.bandwidth_gbps;
    int code = rg_fleet_judge_add_flow(judge, m->test_index, m->size_bytes, &link, gbps, verified ? !damaged : -1, err);
    struct rg_point *point = code == 0 ? point_of(judge, m->test_index, m->size_bytes) : NULL;
    if (point != NULL && strcmp(m->pattern, "confirm") == 0) {
        point->flows[point->count - 1].again = true;
        point->rounds_again += point->rounds_again == 0 || point->round_again != m->round;
        point->round_again = m->round;
    }
    return code;
}

size_t rg_fleet_judge_flows(const struct rg_fleet_judge *judge)
{
    size_t flows = judge->circle_count;
    for (size_t p = 0; p < judge->point_count; p++)
        flows += judge->points[p].count;
    return flows;
}

void rg_fleet_judge_lose(struct rg_fleet_judge *judge, const char *node, int rail)
{
    int number = rg_evidence_node(judge, node);
    for (int r = 0; number >= 0 && r < judge->fleet.rails; r++)
        if (rail < 0 || rail == r)
            judge->gone[number * judge->fleet.rails + r] = true;
}

/* --- questions --- */

bool rg_evidence_is_void(const struct rg_fleet_judge *judge, const struct rg_seen_flow *flow)
{
    return isnan(flow->gbps) && (judge->gone[flow->from] || judge->gone[flow->to]);
}

/* What a healthy flow of a point has. Where nothing got through, no rate is needed to see that. */
void rg_evidence_reference(
    const struct rg_fleet_judge *judge, double *rates, size_t count, double *healthy, double *noise)
{
    rg_reference_find(rates, count, rg_reference_width(judge->least_loss), healthy, noise);
}

static void find_reference(const struct rg_fleet_judge *judge, struct rg_point *point)
{
    size_t count = 0, step = point->count / SAMPLE + 1; /* of very many flows some tell as much as all */
    double *rates = calloc(point->count / step + 1, sizeof *rates);
    point->healthy_gbps = NAN;
    point->noise = NOISE_OF_LOSS;
    for (size_t i = 0; rates != NULL && i < point->count; i += step)
        if (!isnan(point->flows[i].gbps) && !point->flows[i].again)
            rates[count++] = point->flows[i].gbps;
    if (count > 0) {
        double noise;
        rg_evidence_reference(judge, rates, count, &point->healthy_gbps, &noise);
        point->healthy_gbps = point->healthy_gbps > 0 ? point->healthy_gbps : NAN;
        point->noise = fmax(noise, NOISE_OF_LOSS * judge->least_loss);
    }
    free(rates);
}

int rg_evidence_hear(struct rg_fleet_judge *judge, struct rg_point *point, struct rg_error *err)
{
    int code = 0;
    if (point->inquiry == NULL) {
        size_t test = (size_t)point->test_index;
        find_reference(judge, point);
        code = rg_inquiry_open(&judge->fleet, judge->gone, judge->least_loss,
            test < judge->test_count && judge->both_ways[test], judge->seed + test, point->rounds_again,
            &point->inquiry, err);
    }
    for (; code == 0 && point->heard < point->count; point->heard++) {
        const struct rg_seen_flow *flow = &point->flows[point->heard];
        bool nothing = isnan(flow->gbps) || isnan(point->healthy_gbps);
        double shortfall = nothing ? 1 : 1 - (double)flow->gbps / point->healthy_gbps;
        struct rg_sighting sighting = {flow->from, flow->to, (float)shortfall, (float)point->noise};
        if (!rg_evidence_is_void(judge, flow))
            code = rg_inquiry_add(point->inquiry, &sighting, isnan(flow->gbps) ? -1 : flow->intact, err);
    }
    return code;
}

void rg_evidence_rest(struct rg_point *point)
{
    rg_inquiry_close(point->inquiry);
    point->inquiry = NULL;
    point->heard = 0;
}

int rg_fleet_judge_ask(struct rg_fleet_judge *judge, int64_t *test_index, int64_t *size_bytes, struct rg_link **links,
    size_t *count, struct rg_error *err)
{
    *links = NULL;
    *count = 0;
    for (size_t i = 0; i < judge->point_count; i++) {
        struct rg_point *point = &judge->points[i];
        if (point->concluded)
            continue;
        int code = rg_evidence_hear(judge, point, err);
        if (code == 0)
            code = rg_inquiry_ask(point->inquiry, links, count, err);
        if (code != 0)
            return code;
        *test_index = point->test_index;
        *size_bytes = point->size_bytes;
        if (*count > 0)
            return 0;
        free(*links);
        *links = NULL;
        point->concluded = true;
    }
    return 0;
}
