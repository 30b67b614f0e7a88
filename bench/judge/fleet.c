#include "judge/fleet.h"

#include "data/fabric.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER_WIDTH 1.6 /* of healthy rates, in units of the least loss */
#define ALARMS_MOST 6
#define SAMPLE 20000
#define NOISE_OF_LOSS 0.05 /* noise is taken to be this share of the least loss, at least */

struct flow {
    int32_t from, to;
    float gbps; /* NAN: it failed */
    int8_t intact;
    bool again; /* of a round in which suspects were measured: the load was another, so it is no reference */
};

/* One test at one size. */
struct point {
    int64_t test_index, size_bytes;
    struct flow *flows;
    size_t count, room, heard; /* heard: how many the inquiry has */
    struct rg_inquiry *inquiry;
    double healthy_gbps, noise;
    bool concluded;
};

struct rg_fleet_judge {
    struct rg_fleet fleet;
    char **names;
    int *leaf_of;
    bool *gone; /* by NIC */
    struct alarm {
        const char *words; /* static */
        int64_t added;
    } (*alarms)[ALARMS_MOST]; /* by NIC, of what they counted during short flows */
    uint64_t seed;
    double least_loss;
    struct point *points;
    size_t point_count;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to look for suspects");
}

int rg_fleet_judge_open(const char *const *node_names, int nodes, int rails, const int *leaf_of, uint64_t seed,
    double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err)
{
    struct rg_fleet_judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL)
        return no_memory(err);
    judge->seed = seed;
    judge->least_loss = least_loss_percent / 100;
    judge->names = calloc((size_t)nodes + 1, sizeof *judge->names);
    judge->gone = calloc((size_t)nodes * (size_t)rails + 1, sizeof *judge->gone);
    judge->leaf_of = leaf_of ? calloc((size_t)nodes + 1, sizeof *judge->leaf_of) : NULL;
    judge->alarms = calloc((size_t)nodes * (size_t)rails + 1, sizeof *judge->alarms);
    bool ok = judge->names && judge->gone && judge->alarms && (judge->leaf_of || leaf_of == NULL);
    for (int i = 0; ok && i < nodes; i++) {
        ok = (judge->names[i] = strdup(node_names[i])) != NULL;
        if (leaf_of != NULL)
            judge->leaf_of[i] = leaf_of[i];
    }
    judge->fleet = (struct rg_fleet){nodes, rails, judge->leaf_of};
    if (!ok) {
        rg_fleet_judge_close(judge);
        return no_memory(err);
    }
    *out = judge;
    return 0;
}

int rg_fleet_judge_open_run(
    const struct rg_run *run, double least_loss_percent, struct rg_fleet_judge **out, struct rg_error *err)
{
    const char **names = calloc(run->rank_count + 1, sizeof *names);
    int *leaves = calloc(run->rank_count + 1, sizeof *leaves);
    int nodes = 0, rails = 0, highest = 0;
    int code = names && leaves ? 0 : no_memory(err);
    for (size_t i = 0; code == 0 && i < run->rank_count; i++) {
        const struct rg_rank_facts *rank = &run->ranks[i];
        int n = 0;
        while (n < nodes && strcmp(names[n], rank->node.node) != 0)
            n++;
        if (n == nodes) {
            leaves[nodes] = rank->node.leaf == RG_NONE ? 0 : (int)rank->node.leaf;
            names[nodes++] = rank->node.node;
        }
        if (leaves[n] > highest)
            highest = leaves[n];
        if (rank->rail.rail >= rails)
            rails = (int)rank->rail.rail + 1;
    }
    if (code == 0)
        code = rg_fleet_judge_open(
            names, nodes, rails, highest > 0 ? leaves : NULL, (uint64_t)run->seed, least_loss_percent, out, err);
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
    free(judge->leaf_of);
    free(judge->gone);
    free(judge->alarms);
    free(judge->points);
    free(judge);
}

/* --- what is added --- */

static struct point *point_of(struct rg_fleet_judge *judge, int64_t test_index, int64_t size_bytes)
{
    for (size_t i = judge->point_count; i > 0; i--) /* mostly the last */
        if (judge->points[i - 1].test_index == test_index && judge->points[i - 1].size_bytes == size_bytes)
            return &judge->points[i - 1];
    struct point *grown = realloc(judge->points, (judge->point_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    judge->points = grown;
    grown[judge->point_count] = (struct point){.test_index = test_index, .size_bytes = size_bytes};
    return &grown[judge->point_count++];
}

int rg_fleet_judge_add_flow(struct rg_fleet_judge *judge, int64_t test_index, int64_t size_bytes,
    const struct rg_link *link, double gbps, int intact, struct rg_error *err)
{
    struct point *point = point_of(judge, test_index, size_bytes);
    if (point == NULL)
        return no_memory(err);
    if (point->count == point->room) {
        size_t room = point->room ? 2 * point->room : 256;
        struct flow *grown = realloc(point->flows, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        point->flows = grown;
        point->room = room;
    }
    point->flows[point->count++] = (struct flow){link->from_node * judge->fleet.rails + link->from_rail,
        link->to_node * judge->fleet.rails + link->to_rail, (float)gbps, (int8_t)intact, false};
    return 0;
}

static int number_of(const struct rg_fleet_judge *judge, const char *name)
{
    for (int i = 0; i < judge->fleet.nodes; i++)
        if (strcmp(judge->names[i], name) == 0)
            return i;
    return -1;
}

const char *rg_fleet_judge_name(const struct rg_fleet_judge *judge, int node)
{
    return judge->names[node];
}

static void add_alarm(struct alarm alarms[ALARMS_MOST], const char *words, int64_t added)
{
    for (int i = 0; i < ALARMS_MOST; i++) {
        if (alarms[i].words != NULL && strcmp(alarms[i].words, words) != 0)
            continue;
        alarms[i].words = words;
        alarms[i].added += added;
        return;
    }
}

/* What tells of trouble among what the NICs counted. */
static void add_alarms(struct rg_fleet_judge *judge, const struct rg_measurement *m)
{
    for (size_t i = 0; i < m->counter_count; i++) {
        const struct rg_counter_report *report = &m->counters[i];
        int node = number_of(judge, report->node);
        for (int64_t c = 0; node >= 0 && report->rail < judge->fleet.rails && c < report->change.count; c++) {
            const char *words = rg_counter_alarm(report->change.at[c].name);
            if (words != NULL)
                add_alarm(
                    judge->alarms[node * judge->fleet.rails + (int)report->rail], words, report->change.at[c].added);
        }
    }
}

int rg_fleet_judge_add(struct rg_fleet_judge *judge, const struct rg_measurement *m, struct rg_error *err)
{
    static const char *const shared[] = {"incast", "outcast", "congestion", "loopback"};
    bool failed = strcmp(m->status, "failed") == 0, damaged = m->has_integrity && m->integrity.mismatches > 0;
    bool counts = m->has_flow && rg_test_kind_of(m->test) == RG_TEST_BANDWIDTH && m->pattern != NULL &&
                  (failed || strcmp(m->status, "ok") == 0);
    for (size_t i = 0; counts && i < sizeof shared / sizeof *shared; i++)
        counts = strcmp(m->pattern, shared[i]) != 0;
    if (!counts)
        return 0;
    struct rg_link link = {number_of(judge, m->flow.from.node), (int)m->flow.from.rail,
        number_of(judge, m->flow.to.node), (int)m->flow.to.rail, false};
    if (link.from_node < 0 || link.to_node < 0 || link.from_rail >= judge->fleet.rails ||
        link.to_rail >= judge->fleet.rails)
        return 0;
    add_alarms(judge, m);
    bool verified = m->has_integrity && strcmp(m->integrity.status, "not_run") != 0;
    double gbps = failed && !damaged ? NAN : m->bandwidth.bandwidth_gbps;
    int code = rg_fleet_judge_add_flow(judge, m->test_index, m->size_bytes, &link, gbps, verified ? !damaged : -1, err);
    struct point *point = code == 0 ? point_of(judge, m->test_index, m->size_bytes) : NULL;
    if (point != NULL)
        point->flows[point->count - 1].again = strcmp(m->pattern, "confirm") == 0;
    return code;
}

void rg_fleet_judge_lose(struct rg_fleet_judge *judge, const char *node, int rail)
{
    int number = number_of(judge, node);
    for (int r = 0; number >= 0 && r < judge->fleet.rails; r++)
        if (rail < 0 || rail == r)
            judge->gone[number * judge->fleet.rails + r] = true;
}

/* --- questions --- */

static bool is_gone(const struct rg_fleet_judge *judge, const struct flow *flow)
{
    return judge->gone[flow->from] || judge->gone[flow->to];
}

/* What a healthy flow of a point has. False: nothing was measured. */
static bool find_reference(const struct rg_fleet_judge *judge, struct point *point)
{
    size_t count = 0, step = point->count / SAMPLE + 1; /* of very many flows some tell as much as all */
    double *rates = calloc(point->count / step + 1, sizeof *rates);
    for (size_t i = 0; rates != NULL && i < point->count; i += step)
        if (!isnan(point->flows[i].gbps) && !point->flows[i].again && !is_gone(judge, &point->flows[i]))
            rates[count++] = point->flows[i].gbps;
    if (count > 0) {
        double width = fmin(CLUSTER_WIDTH * judge->least_loss, 0.9);
        rg_suspects_reference(rates, count, width, &point->healthy_gbps, &point->noise);
        point->noise = fmax(point->noise, NOISE_OF_LOSS * judge->least_loss);
    }
    free(rates);
    return count > 0 && point->healthy_gbps > 0;
}

static int hear(struct rg_fleet_judge *judge, struct point *point, struct rg_error *err)
{
    int code = 0;
    if (point->inquiry == NULL) {
        if (!find_reference(judge, point)) {
            point->healthy_gbps = 1; /* whatever was tried failed: no rate is needed to see that */
            point->noise = NOISE_OF_LOSS;
        }
        code = rg_inquiry_open(
            &judge->fleet, judge->least_loss, judge->seed + (uint64_t)point->test_index, &point->inquiry, err);
    }
    for (; code == 0 && point->heard < point->count; point->heard++) {
        const struct flow *flow = &point->flows[point->heard];
        double shortfall = isnan(flow->gbps) ? 1 : 1 - (double)flow->gbps / point->healthy_gbps;
        struct rg_sighting sighting = {flow->from, flow->to, (float)shortfall, (float)point->noise};
        if (!is_gone(judge, flow))
            code = rg_inquiry_add(point->inquiry, &sighting, isnan(flow->gbps) ? -1 : flow->intact, err);
    }
    return code;
}

int rg_fleet_judge_ask(struct rg_fleet_judge *judge, int64_t *test_index, int64_t *size_bytes, struct rg_link **links,
    size_t *count, struct rg_error *err)
{
    *links = NULL;
    *count = 0;
    for (size_t i = 0; i < judge->point_count; i++) {
        struct point *point = &judge->points[i];
        if (point->concluded)
            continue;
        int code = hear(judge, point, err);
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

/* --- words --- */

static void name_part(const struct rg_fleet_judge *judge, const struct rg_part *part, char *out, size_t room)
{
    static const char *const sides[] = {", transmit side", ", receive side", ""};
    bool leaf = part->kind >= RG_PART_LEAF_TX;
    const char *node = leaf ? "" : judge->names[part->node];
    if (leaf)
        snprintf(out, room, "leaf %d, rail %d, %s", part->node, part->rail,
            part->kind == RG_PART_LEAF_TX ? "uplink" : "downlink");
    else if (part->kind == RG_PART_NODE)
        snprintf(out, room, "%s, all rails", node);
    else if (part->kind == RG_PART_PATH)
        snprintf(out, room, "path between %s, rail %d and %s, rail %d", node, part->rail, judge->names[part->peer],
            part->peer_rail);
    else
        snprintf(out, room, "%s, rail %d%s", node, part->rail, sides[part->kind]);
}

static const char *fault_of(const struct rg_finding *finding)
{
    if (finding->corrupts)
        return "corrupt";
    if (finding->suspect.comes_and_goes)
        return "comes_and_goes";
    return finding->suspect.loss > 0.98 ? "dead" : "slow";
}

/* "; meanwhile its NIC counted 812 retries, 40 packets out of sequence" */
static void tell_alarms(const struct rg_fleet_judge *judge, const struct rg_part *part, char *out, size_t room)
{
    out[0] = '\0';
    if (part->kind > RG_PART_NIC)
        return;
    const struct alarm *alarms = judge->alarms[part->node * judge->fleet.rails + part->rail];
    for (int i = 0; i < ALARMS_MOST && alarms[i].words != NULL; i++) {
        size_t used = strlen(out);
        snprintf(out + used, room - used, "%s %lld %s", i == 0 ? "; in all its flows its NIC counted" : ",",
            (long long)alarms[i].added, alarms[i].words);
    }
}

static void describe(const struct rg_fleet_judge *judge, const struct point *point, const struct rg_settings *settings,
    const struct rg_finding *finding, struct rg_accused *out)
{
    const struct rg_suspect *s = &finding->suspect;
    char name[400], size[24], how[160], counted[400], others[700] = "";
    tell_alarms(judge, &s->part, counted, sizeof counted);
    name_part(judge, &s->part, name, sizeof name);
    for (size_t i = 0; i < s->alternative_count; i++) {
        char other[400];
        size_t used = strlen(others);
        name_part(judge, &s->alternatives[i], other, sizeof other);
        snprintf(others + used, sizeof others - used, "%s%s", used ? "; or " : "", other);
    }
    if (finding->corrupts)
        snprintf(how, sizeof how, "data through it arrive damaged");
    else if (s->comes_and_goes)
        snprintf(
            how, sizeof how, "comes and goes: some flows through it fell short, %.1f %% on average", 100 * s->loss);
    else if (s->loss > 0.98)
        snprintf(how, sizeof how, "nothing gets through");
    else
        snprintf(how, sizeof how, "%.1f %% slow: %.4g instead of %.4g Gb/s", 100 * s->loss,
            (1 - s->loss) * point->healthy_gbps, point->healthy_gbps);
    snprintf(out->sentence, sizeof out->sentence, "%s%s%s%s: %s; %zu of %zu flows through it show it, in %s %s%s%s%s.",
        s->alternative_count > 0 ? "one of: " : "", name, s->alternative_count > 0 ? "; or " : "", others, how,
        s->short_flows, s->short_flows + s->well_flows, settings->test, rg_args_format_bytes(point->size_bytes, size),
        *settings->direction ? " " : "", settings->direction, counted);
}

static int accuse(const struct rg_fleet_judge *judge, const struct point *point, const struct rg_suite *suite,
    const struct rg_finding *finding, struct rg_verdict *out, struct rg_error *err)
{
    const struct rg_part *part = &finding->suspect.part;
    bool leaf = part->kind >= RG_PART_LEAF_TX;
    struct rg_accused *accused = rg_verdict_accuse(out);
    if (accused == NULL)
        return no_memory(err);
    accused->part = rg_fault_part_words[part->kind];
    accused->fault = fault_of(finding);
    accused->status = finding->suspect.alternative_count > 0 ? "one_of"
                      : finding->suspect.comes_and_goes      ? "noisy"
                                                             : "condemned";
    accused->node = leaf ? NULL : rg_verdict_text(out, judge->names[part->node]);
    accused->leaf = leaf ? part->node : RG_NONE;
    accused->rail = part->rail < 0 ? RG_NONE : part->rail;
    accused->peer_node = part->peer < 0 ? NULL : rg_verdict_text(out, judge->names[part->peer]);
    accused->peer_rail = part->peer < 0 ? RG_NONE : part->peer_rail;
    accused->loss_percent = finding->corrupts ? NAN : 100 * finding->suspect.loss;
    accused->healthy_gbps = finding->corrupts ? NAN : point->healthy_gbps;
    accused->test = suite->tests[point->test_index].test;
    accused->direction = suite->tests[point->test_index].direction;
    accused->size_bytes = point->size_bytes;
    accused->flows_short = (int64_t)finding->suspect.short_flows;
    accused->flows_well = (int64_t)finding->suspect.well_flows;
    describe(judge, point, &suite->tests[point->test_index], finding, accused);
    return 0;
}

/* The same part in another test: told once, by the point that shows most of it. */
static bool is_accused(const struct rg_fleet_judge *judge, const struct rg_verdict *verdict, const struct rg_finding *f)
{
    for (size_t i = 0; i < verdict->accused_count; i++) {
        const struct rg_accused *a = &verdict->accused[i];
        const struct rg_part *part = &f->suspect.part;
        bool same_kind =
            strcmp(a->part, rg_fault_part_words[part->kind]) == 0 && (strcmp(a->fault, "corrupt") == 0) == f->corrupts;
        bool same_node = part->kind >= RG_PART_LEAF_TX
                             ? a->leaf == part->node
                             : a->node != NULL && strcmp(a->node, judge->names[part->node]) == 0;
        bool same_peer = part->peer < 0 ? a->peer_node == NULL
                                        : a->peer_node != NULL && strcmp(a->peer_node, judge->names[part->peer]) == 0;
        if (same_kind && same_node && same_peer && a->rail == (part->rail < 0 ? RG_NONE : part->rail))
            return true;
    }
    return false;
}

static int ascending(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* Median shares of one side of every NIC at one point. shares: room for every flow; first: for every NIC and two more.
 */
static void add_heat(
    const struct rg_fleet_judge *judge, const struct point *point, bool sends, float *shares, size_t *first, float *io)
{
    size_t nics = (size_t)judge->fleet.nodes * (size_t)judge->fleet.rails;
    memset(first, 0, (nics + 2) * sizeof *first);
    for (size_t i = 0; i < point->count; i++)
        first[(sends ? point->flows[i].from : point->flows[i].to) + 2] += !is_gone(judge, &point->flows[i]);
    for (size_t nic = 2; nic < nics + 2; nic++)
        first[nic] += first[nic - 1];
    for (size_t i = 0; i < point->count; i++) {
        const struct flow *flow = &point->flows[i];
        if (!is_gone(judge, flow))
            shares[first[(sends ? flow->from : flow->to) + 1]++] =
                isnan(flow->gbps) ? 0 : flow->gbps / (float)point->healthy_gbps;
    }
    for (size_t nic = 0; nic < nics; nic++) {
        size_t count = first[nic + 1] - first[nic];
        if (count == 0)
            continue;
        qsort(shares + first[nic], count, sizeof *shares, ascending);
        io[nic] = fminf(isnan(io[nic]) ? INFINITY : io[nic], shares[first[nic] + count / 2]);
    }
}

static int draw_heat(const struct rg_fleet_judge *judge, struct rg_verdict *out, struct rg_error *err)
{
    size_t nics = (size_t)judge->fleet.nodes * (size_t)judge->fleet.rails;
    size_t flows = 0;
    for (size_t p = 0; p < judge->point_count; p++)
        flows = judge->points[p].count > flows ? judge->points[p].count : flows;
    float *shares = calloc(flows + 1, sizeof *shares);
    size_t *first = calloc(nics + 2, sizeof *first);
    struct rg_heat *heat = &out->heat;
    heat->names = calloc((size_t)judge->fleet.nodes + 1, sizeof *heat->names);
    heat->tx = calloc(nics + 1, sizeof *heat->tx);
    heat->rx = calloc(nics + 1, sizeof *heat->rx);
    int code = shares && first && heat->names && heat->tx && heat->rx ? 0 : no_memory(err);
    for (size_t i = 0; code == 0 && i < nics; i++)
        heat->tx[i] = heat->rx[i] = NAN;
    for (int node = 0; code == 0 && node < judge->fleet.nodes; node++)
        heat->names[node] = rg_verdict_text(out, judge->names[node]);
    for (size_t p = 0; code == 0 && p < judge->point_count; p++) {
        add_heat(judge, &judge->points[p], true, shares, first, heat->tx);
        add_heat(judge, &judge->points[p], false, shares, first, heat->rx);
    }
    if (code == 0 && judge->point_count > 0) {
        heat->nodes = judge->fleet.nodes;
        heat->rails = judge->fleet.rails;
    }
    free(shares);
    free(first);
    return code;
}

int rg_fleet_judge_conclude(
    struct rg_fleet_judge *judge, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err)
{
    int code = 0;
    for (size_t p = 0; code == 0 && p < judge->point_count; p++) {
        struct point *point = &judge->points[p];
        struct rg_finding *findings = NULL;
        size_t count = 0;
        code = hear(judge, point, err);
        if (code == 0)
            code = rg_inquiry_conclude(point->inquiry, &findings, &count, err);
        for (size_t i = 0; code == 0 && i < count; i++)
            if (!is_accused(judge, out, &findings[i]))
                code = accuse(judge, point, suite, &findings[i], out, err);
        free(findings);
    }
    return code == 0 ? draw_heat(judge, out, err) : code;
}
