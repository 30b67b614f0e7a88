/* From the findings of the inquiries to the verdict's suspects, in words. */
#include "judge/evidence.h"

#include "data/fabric.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALARMS_TOLD 4

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to look for suspects");
}

/* --- words --- */

static void name_part(const struct rg_fleet_judge *judge, const struct rg_part *part, char *out, size_t room)
{
    static const char *const sides[] = {", transmit side", ", receive side", ""};
    bool leaf = part->kind >= RG_PART_LEAF_TX;
    const char *node = leaf || part->node < 0 ? "" : judge->names[part->node];
    if (leaf)
        snprintf(out, room, "leaf %d, rail %d, %s", part->node, part->rail,
            part->kind == RG_PART_LEAF_TX ? "uplink" : "downlink");
    else if (part->kind == RG_PART_NODE)
        snprintf(out, room, "%s, all rails", node);
    else if (part->kind == RG_PART_RAIL)
        snprintf(out, room, "rail %d of all nodes", part->rail);
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

static int most_first(const void *left, const void *right)
{
    int64_t a = ((const struct rg_alarm *)left)->added, b = ((const struct rg_alarm *)right)->added;
    return (a < b) - (a > b);
}

/* "; during its flows its NIC counted 812 retries, 40 packets out of sequence" */
static void tell_alarms(const struct rg_fleet_judge *judge, const struct rg_part *part, char *out, size_t room)
{
    struct rg_alarm alarms[RG_ALARMS_MOST];
    out[0] = '\0';
    if (part->kind > RG_PART_NIC)
        return;
    memcpy(alarms, judge->alarms[part->node * judge->fleet.rails + part->rail], sizeof alarms);
    qsort(alarms, RG_ALARMS_MOST, sizeof *alarms, most_first);
    for (int i = 0; i < ALARMS_TOLD && alarms[i].words != NULL; i++) {
        size_t used = strlen(out);
        snprintf(out + used, room - used, "%s %lld %s", i == 0 ? "; during its flows its NIC counted" : ",",
            (long long)alarms[i].added, alarms[i].words);
    }
}

/* "; the other ends of 6 of them do well with others" */
static void tell_witnesses(const struct rg_suspect *s, char *out, size_t room)
{
    size_t cleared = 0, short_flows = 0;
    out[0] = '\0';
    for (size_t i = 0; i < s->witness_count; i++) {
        const struct rg_witness *w = &s->witnesses[i];
        short_flows += w->fell_short;
        cleared += w->fell_short && w->others_well > w->others_short;
    }
    if (cleared == 0 || s->alternative_count > 0)
        return;
    if (cleared == s->short_flows)
        snprintf(out, room, "; the other ends of all of these do well with others");
    else if (cleared == short_flows)
        snprintf(out, room, "; the other ends of the last %zu do well with others", cleared);
    else
        snprintf(out, room, "; of the last %zu the other ends of %zu do well with others", short_flows, cleared);
}

static void describe(const struct rg_fleet_judge *judge, const struct rg_point *point,
    const struct rg_settings *settings, const struct rg_finding *finding, struct rg_accused *out)
{
    const struct rg_suspect *s = &finding->suspect;
    char name[400], size[24], how[160], counted[400], cleared[120], others[700] = "";
    tell_witnesses(s, cleared, sizeof cleared);
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
        snprintf(how, sizeof how, "comes and goes: %s, %.1f %% on average",
            s->well_flows > 0 ? "some flows through it fell short" : "what it costs differs from flow to flow",
            100 * s->loss);
    else if (s->loss > 0.9999)
        snprintf(how, sizeof how, "nothing gets through");
    else
        snprintf(how, sizeof how, "%.1f %% slow: %.4g instead of %.4g Gb/s", 100 * s->loss,
            (1 - s->loss) * point->healthy_gbps, point->healthy_gbps);
    snprintf(out->sentence, sizeof out->sentence,
        "%s%s%s%s: %s; %zu of %zu flows through it show it, in %s %s%s%s%s%s.",
        s->alternative_count > 0 ? "one of: " : "", name, s->alternative_count > 0 ? "; or " : "", others, how,
        s->short_flows, s->short_flows + s->well_flows, settings->test, rg_args_format_bytes(point->size_bytes, size),
        *settings->direction ? " " : "", settings->direction, cleared, counted);
}

static void add_evidence(const struct rg_fleet_judge *judge, const struct rg_point *point,
    const struct rg_finding *finding, struct rg_verdict *verdict, struct rg_accused *out)
{
    int rails = judge->fleet.rails;
    for (size_t i = 0; i < finding->suspect.witness_count && i < RG_EVIDENCE_MOST; i++) {
        const struct rg_witness *w = &finding->suspect.witnesses[i];
        out->evidence[out->evidence_count++] =
            (struct rg_evidence){.from_node = rg_verdict_text(verdict, judge->names[w->from / rails]),
                .from_rail = w->from % rails,
                .to_node = rg_verdict_text(verdict, judge->names[w->to / rails]),
                .to_rail = w->to % rails,
                .bandwidth_gbps =
                    finding->corrupts || w->shortfall >= 1 ? NAN : (1 - (double)w->shortfall) * point->healthy_gbps,
                .fell_short = w->fell_short,
                .others_well = w->others_well,
                .others_short = w->others_short};
    }
}

static int accuse(const struct rg_fleet_judge *judge, const struct rg_point *point, const struct rg_suite *suite,
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
    accused->node = leaf || part->node < 0 ? NULL : rg_verdict_text(out, judge->names[part->node]);
    accused->leaf = leaf ? part->node : RG_NONE;
    accused->rail = part->rail < 0 ? RG_NONE : part->rail;
    accused->peer_node = part->peer < 0 ? NULL : rg_verdict_text(out, judge->names[part->peer]);
    accused->peer_rail = part->peer < 0 ? RG_NONE : part->peer_rail;
    accused->loss_percent = finding->corrupts ? NAN : 100 * finding->suspect.loss;
    accused->healthy_gbps = finding->corrupts ? NAN : point->healthy_gbps;
    accused->test = suite->tests[point->test_index].test;
    accused->direction = suite->tests[point->test_index].direction;
    accused->size_bytes = point->size_bytes;
    add_evidence(judge, point, finding, out, accused);
    accused->flows_short = (int64_t)finding->suspect.short_flows;
    accused->flows_well = (int64_t)finding->suspect.well_flows;
    describe(judge, point, &suite->tests[point->test_index], finding, accused);
    return 0;
}

/* A finding, and where it was made. */
struct found {
    const struct rg_finding *finding;
    const struct rg_point *point;
};

/* 0 nothing else explains it, 1 something else does, 2 it comes and goes. */
static int doubt(const struct rg_finding *finding)
{
    return finding->suspect.alternative_count > 0 ? 1 : finding->suspect.comes_and_goes ? 2 : 0;
}

/* Slow parts before those that corrupt, the surer before the less sure, then by what they cost. */
static int surest_first(const void *left, const void *right)
{
    const struct rg_finding *a = ((const struct found *)left)->finding, *b = ((const struct found *)right)->finding;
    if (a->corrupts != b->corrupts)
        return a->corrupts - b->corrupts;
    if (doubt(a) != doubt(b))
        return doubt(a) - doubt(b);
    return (a->suspect.loss < b->suspect.loss) - (a->suspect.loss > b->suspect.loss);
}

/* Whether one of the first findings is of this part, or of one that would explain the same. */
static bool is_told(const struct found *list, size_t count, const struct rg_finding *finding)
{
    const struct rg_suspect *s = &finding->suspect;
    for (size_t i = 0; i < count; i++) {
        const struct rg_part *told = &list[i].finding->suspect.part;
        bool same = rg_part_same(told, &s->part);
        for (size_t a = 0; a < s->alternative_count; a++)
            same |= rg_part_same(told, &s->alternatives[a]);
        if (same && list[i].finding->corrupts == finding->corrupts)
            return true;
    }
    return false;
}

/* The same part in several tests and sizes is told once, where it is surest and costs most. *told: how many; they come
 * first in the list then. */
static int accuse_all(const struct rg_fleet_judge *judge, struct found *list, size_t count,
    const struct rg_suite *suite, size_t *told, struct rg_verdict *out, struct rg_error *err)
{
    int code = 0;
    *told = 0;
    if (count > 0)
        qsort(list, count, sizeof *list, surest_first);
    for (size_t i = 0; code == 0 && i < count; i++) {
        if (is_told(list, *told, list[i].finding))
            continue;
        list[*told] = list[i];
        code = accuse(judge, list[*told].point, suite, list[*told].finding, out, err);
        (*told)++;
    }
    return code;
}

/* What is slow in flows is slow in collectives, too; what corrupts data need not be. */
static int accuse_stragglers(
    struct rg_fleet_judge *judge, const struct found *told, size_t count, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_part *slow = calloc(count * (1 + RG_ALTERNATIVES_MOST) + 1, sizeof *slow);
    size_t slow_count = 0;
    if (slow == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct rg_suspect *s = &told[i].finding->suspect;
        if (told[i].finding->corrupts)
            continue;
        slow[slow_count++] = s->part;
        for (size_t a = 0; a < s->alternative_count; a++)
            slow[slow_count++] = s->alternatives[a];
    }
    int code = rg_evidence_accuse_stragglers(judge, slow, slow_count, out, err);
    free(slow);
    return code;
}

int rg_fleet_judge_conclude(
    struct rg_fleet_judge *judge, const struct rg_suite *suite, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_finding **findings = calloc(judge->point_count + 1, sizeof *findings);
    size_t *counts = calloc(judge->point_count + 1, sizeof *counts), all = 0, told = 0;
    int code = findings && counts ? 0 : no_memory(err);
    for (size_t p = 0; code == 0 && p < judge->point_count; p++) {
        code = rg_evidence_hear(judge, &judge->points[p], err);
        if (code == 0)
            code = rg_inquiry_conclude(judge->points[p].inquiry, &findings[p], &counts[p], err);
        rg_evidence_rest(&judge->points[p]);
        all += counts[p];
    }
    struct found *list = calloc(all + 1, sizeof *list);
    if (code == 0 && list == NULL)
        code = no_memory(err);
    all = 0;
    for (size_t p = 0; code == 0 && p < judge->point_count; p++)
        for (size_t i = 0; i < counts[p]; i++)
            list[all++] = (struct found){&findings[p][i], &judge->points[p]};
    if (code == 0)
        code = accuse_all(judge, list, all, suite, &told, out, err);
    if (code == 0)
        code = accuse_stragglers(judge, list, told, out, err);
    for (size_t p = 0; findings != NULL && p < judge->point_count; p++)
        free(findings[p]);
    free(findings);
    free(counts);
    free(list);
    return code == 0 ? rg_evidence_draw(judge, out, err) : code;
}
