#include "judge/trend.h"

#include "judge/gaps.h"
#include "judge/trend_words.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 3 /* runs by which dates of one event may lie apart */
#define RAILS_MOST 64
#define NONE SIZE_MAX
#define SENDS 1 /* bits of what a place shows */
#define RECEIVES 2
#define OTHERWISE 4

/* A part of the fleet; node NONE and rail RG_NONE: all. */
struct part {
    const char *name, *scope;
    size_t node;
    int64_t rail;
};

struct finder {
    const struct rg_past *past;
    struct rg_trend *trend;
    const char **nodes; /* the series' nodes, each once */
    size_t *node_of;    /* by series; NONE: it is of no node */
    size_t *order;      /* of the changes: those of one event side by side */
    size_t *finding_of; /* by change; NONE: not explained yet */
    struct rg_judge_place *places;
    unsigned char *known, *shown; /* by node * RAILS_MOST + rail: a place that was measured, and how it changed */
    double *mean, *scratch;
    size_t node_count, cluster_first, cluster_last, first_finding;
    struct rg_error *err;
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const struct rg_series *series_of(const struct finder *f, size_t change)
{
    return &f->past->series[f->trend->changes[change].series];
}

static bool is_worse(const struct rg_past *past, const struct rg_change *change)
{
    return rg_series_is_latency(&past->series[change->series]) == (change->percent > 0);
}

/* --- which series are of a part, and which of them show a change --- */

static bool is_in(const struct finder *f, const struct part *part, size_t series)
{
    const struct rg_series *s = &f->past->series[series];
    return strcmp(s->scope, part->scope) == 0 && (part->node == NONE || f->node_of[series] == part->node) &&
           (part->rail == RG_NONE || s->rail == part->rail);
}

/* The same figure of another place. */
static bool is_alike(const struct rg_series *a, const struct rg_series *b)
{
    struct rg_series moved = *a;
    moved.node = b->node;
    moved.rail = b->rail;
    moved.side = b->side;
    return rg_series_compare(&moved, b) == 0;
}

static size_t place_of(const struct finder *f, size_t series)
{
    int64_t rail = f->past->series[series].rail;
    size_t node = f->node_of[series];
    return (node == NONE ? 0 : node) * RAILS_MOST + (rail == RG_NONE ? 0 : (size_t)rail);
}

static unsigned char bit_of(const struct rg_series *series)
{
    return series->side == NULL ? OTHERWISE : strcmp(series->side, "tx") == 0 ? SENDS : RECEIVES;
}

/* The runs of a change's series between the changes beside it. */
static void window_of(const struct finder *f, size_t change, size_t *first, size_t *last)
{
    const struct rg_change *c = &f->trend->changes[change];
    *first = 0;
    *last = f->past->run_count;
    if (change > 0 && c[-1].series == c->series)
        *first = c[-1].run;
    if (change + 1 < f->trend->change_count && c[1].series == c->series)
        *last = c[1].run;
}

/* Whether a series does at that run about what the lead does, and more than by chance. */
static bool goes_along(
    const struct finder *f, size_t series, size_t lead, size_t first, size_t run, size_t last, struct rg_change *out)
{
    double wanted = f->trend->changes[lead].percent;
    rg_change_measure(&f->past->values[series * f->past->run_count], first, run, last, f->scratch, out);
    return out->p < 0.05 && out->percent / wanted > 2.0 / 3 && out->percent / wanted < 1.5;
}

/* --- one part --- */

static bool is_open(const struct finder *f, const struct part *part, size_t change)
{
    return f->finding_of[change] == NONE && is_in(f, part, f->trend->changes[change].series);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The open change of the part whose size is in the middle, or, of one place alone, the greatest; NONE: there is none.
 */
static size_t lead_of(const struct finder *f, const struct part *part)
{
    double *sizes = f->scratch;
    size_t count = 0, lead = NONE;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (is_open(f, part, f->order[i]))
            sizes[count++] = fabs(f->trend->changes[f->order[i]].percent);
    if (count == 0)
        return NONE;
    qsort(sizes, count, sizeof *sizes, by_number);
    bool alone = strcmp(part->name, "nic") == 0 || strcmp(part->name, "group") == 0;
    double wanted = sizes[alone ? count - 1 : count / 2];
    for (size_t i = f->cluster_first; lead == NONE && i < f->cluster_last; i++)
        if (is_open(f, part, f->order[i]) && fabs(f->trend->changes[f->order[i]].percent) == wanted)
            lead = f->order[i];
    return lead;
}

/* The run that most of the part's open changes are dated at. */
static size_t run_of(const struct finder *f, const struct part *part, size_t *told)
{
    size_t votes[2 * TOGETHER + 1] = {0}, best = 0, start = NONE;
    *told = NONE;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++) {
        const struct rg_change *c = &f->trend->changes[f->order[i]];
        if (!is_open(f, part, f->order[i]))
            continue;
        start = start == NONE ? c->run : start;
        votes[c->run - start]++;
        *told = c->told < *told ? c->told : *told;
    }
    for (size_t i = 1; i <= TOGETHER; i++)
        best = votes[i] > votes[best] ? i : best;
    return start + best;
}

/* Marks the places of the part, and how they changed; sums up the lead's figure over those that go along. */
static void look_around(const struct finder *f, const struct part *part, struct rg_finding *finding)
{
    const struct rg_past *past = f->past;
    const struct rg_change *lead = &f->trend->changes[finding->lead];
    size_t first, last, count = 0, places = f->node_count * RAILS_MOST + RAILS_MOST;
    struct rg_change change;
    window_of(f, finding->lead, &first, &last);
    memset(f->known, 0, places);
    memset(f->shown, 0, places);
    memset(f->mean, 0, 2 * past->run_count * sizeof *f->mean);
    for (size_t s = 0; s < past->series_count; s++) {
        if (!is_in(f, part, s) || !is_alike(&past->series[s], &past->series[lead->series]))
            continue;
        f->known[place_of(f, s)] = 1;
        if (s != lead->series && !goes_along(f, s, finding->lead, first, finding->run, last, &change))
            continue;
        if (s == lead->series)
            change = *lead;
        f->shown[place_of(f, s)] |= bit_of(&past->series[s]);
        count++;
        for (size_t r = first; r < last; r++) {
            double value = past->values[s * past->run_count + r];
            f->mean[r] += isnan(value) ? 0 : value / change.before;
            f->mean[past->run_count + r] += !isnan(value);
        }
    }
    for (size_t r = first; r < last; r++)
        f->mean[r] /= f->mean[past->run_count + r]; /* NAN where none was measured */
    change = *lead;
    if (count > 1)
        rg_change_measure(f->mean, first, finding->run, last, f->scratch, &change);
    finding->percent = change.percent;
    finding->low_percent = change.low_percent;
    finding->high_percent = change.high_percent;
}

/* Counts what shows the change: the nodes of a rail, the rails of a node, or the fleet's places. Three in four must,
 * and two at least; in a fleet, on two nodes and two rails. */
static bool is_shared(const struct finder *f, const struct part *part, struct rg_finding *finding)
{
    size_t hit_nodes = 0, hit_rails;
    uint64_t rail_set = 0;
    for (size_t n = 0; n < f->node_count; n++) {
        bool any = false;
        for (size_t r = 0; r < RAILS_MOST; r++) {
            if (!f->known[n * RAILS_MOST + r])
                continue;
            finding->of++;
            finding->hit += f->shown[n * RAILS_MOST + r] != 0;
            any |= f->shown[n * RAILS_MOST + r] != 0;
            rail_set |= f->shown[n * RAILS_MOST + r] ? 1ull << r : 0;
        }
        hit_nodes += any;
    }
    hit_rails = (size_t)__builtin_popcountll(rail_set);
    bool enough = 4 * finding->hit >= 3 * finding->of;
    if (strcmp(part->scope, "victims") == 0)
        return enough && hit_rails >= 2;
    if (strcmp(part->name, "fleet") == 0)
        return enough && hit_nodes >= 2 && (hit_rails >= 2 || strcmp(part->scope, "node") == 0);
    return enough && (part->rail == RG_NONE ? hit_rails : hit_nodes) >= 2;
}

static const char *side_of(const struct finder *f, const struct part *part)
{
    unsigned char all = 0;
    for (size_t i = 0; i < (f->node_count + 1) * RAILS_MOST; i++)
        all |= f->shown[i];
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (is_open(f, part, f->order[i]))
            all |= bit_of(series_of(f, f->order[i]));
    return all == SENDS ? "tx" : all == RECEIVES ? "rx" : NULL;
}

static size_t list_places(const struct finder *f)
{
    size_t count = 0;
    for (size_t n = 0; n < f->node_count; n++)
        for (size_t r = 0; r < RAILS_MOST; r++)
            if (f->shown[n * RAILS_MOST + r])
                f->places[count++] = (struct rg_judge_place){f->nodes[n], (int64_t)r};
    return count;
}

static int add_finding(struct finder *f, const struct rg_finding *finding)
{
    struct rg_trend *trend = f->trend;
    struct rg_finding *grown = realloc(trend->findings, (trend->finding_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(f->err, -ENOMEM, "no memory for the findings");
    trend->findings = grown;
    grown[trend->finding_count++] = *finding;
    return 0;
}

/* Of no NIC or node: a collective, what the fleet moves together, or a rail's victims. */
static bool is_whole(const struct part *part)
{
    bool victims = strcmp(part->scope, "victims") == 0;
    return strcmp(part->scope, "group") == 0 || strcmp(part->scope, "fleet") == 0 || (victims && part->rail != RG_NONE);
}

/* Explains the part's open changes as one, if they are. */
static int try_part(struct finder *f, const struct part *part)
{
    size_t lead = lead_of(f, part), told;
    if (lead == NONE)
        return 0;
    bool place = strcmp(part->name, "nic") == 0, group = is_whole(part);
    bool node_sum = strcmp(part->scope, "node") == 0 && part->node != NONE;
    struct rg_finding finding = {.part = part->name,
        .scope = part->scope,
        .node = part->node == NONE ? NULL : f->nodes[part->node],
        .rail = part->rail,
        .lead = lead,
        .run = run_of(f, part, &told)};
    finding.told = told;
    finding.worse = is_worse(f->past, &f->trend->changes[lead]);
    finding.fresh = told + 1 == f->past->run_count;
    look_around(f, part, &finding);
    if (!place && !group && !node_sum && !is_shared(f, part, &finding))
        return 0;
    finding.side = side_of(f, part);
    if (group) {
        finding.node = series_of(f, lead)->node;
        finding.rail = series_of(f, lead)->rail;
        f->places[0] = (struct rg_judge_place){NULL, RG_NONE};
    }
    rg_judge_compare_facts(f->trend, f->places, group ? 1 : list_places(f), &finding);
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (is_open(f, part, f->order[i]))
            f->finding_of[f->order[i]] = f->trend->finding_count;
    return add_finding(f, &finding);
}

/* --- one event --- */

/* A flow's other end shows what ails this one: on the same rail, the other way, and less of it. */
static bool is_echo(const struct rg_finding *finding, const struct rg_series *series, double percent)
{
    return strcmp(finding->part, "nic") == 0 && strcmp(series->scope, "rail") == 0 && finding->rail == series->rail &&
           !same(finding->side, series->side) && fabs(percent) < 2.0 / 3 * fabs(finding->percent);
}

/* What a node sums up over its rails, or ranks do together, goes with a part of theirs. */
static bool is_of(const struct rg_finding *finding, const struct rg_series *series)
{
    bool node = finding->node == NULL || same(finding->node, series->node) || same(finding->node, series->peer_node);
    if (strcmp(series->scope, "fleet") == 0)
        return strcmp(finding->scope, "victims") != 0 && strcmp(finding->scope, "gpu") != 0;
    if (strcmp(series->scope, "node") == 0)
        return node;
    return strcmp(series->scope, "group") == 0 && (node || series->node == NULL) &&
           (finding->rail == RG_NONE || series->rail == RG_NONE || finding->rail == series->rail);
}

static void attach(struct finder *f)
{
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        for (size_t k = f->first_finding; k < f->trend->finding_count; k++) {
            struct rg_finding *finding = &f->trend->findings[k];
            const struct rg_change *change = &f->trend->changes[f->order[i]];
            const struct rg_series *series = series_of(f, f->order[i]);
            if (f->finding_of[f->order[i]] != NONE ||
                !(is_of(finding, series) || is_echo(finding, series, change->percent)))
                continue;
            f->finding_of[f->order[i]] = k;
            if (change->told < finding->told)
                finding->told = change->told;
            finding->fresh = finding->told + 1 == f->past->run_count;
        }
}

/* From the whole to its parts: the widest that most of it shows explains it. */
static int explain_scope(struct finder *f, const char *scope)
{
    bool sum = strcmp(scope, "node") == 0;
    int code = try_part(f, &(struct part){"fleet", scope, NONE, RG_NONE});
    for (int64_t rail = 0; code == 0 && !sum && rail < RAILS_MOST; rail++)
        code = try_part(f, &(struct part){"rail", scope, NONE, rail});
    for (size_t node = 0; code == 0 && node < f->node_count; node++)
        code = try_part(f, &(struct part){"node", scope, node, RG_NONE});
    while (code == 0 && !sum) {
        size_t lead = lead_of(f, &(struct part){"nic", scope, NONE, RG_NONE});
        if (lead == NONE)
            break;
        const struct rg_series *series = series_of(f, lead);
        code = try_part(f, &(struct part){"nic", scope, f->node_of[f->trend->changes[lead].series], series->rail});
        attach(f);
    }
    return code;
}

static int explain(struct finder *f)
{
    f->first_finding = f->trend->finding_count;
    int code = explain_scope(f, "rail");
    if (code == 0)
        code = explain_scope(f, "gpu");
    attach(f);
    if (code == 0)
        code = explain_scope(f, "node");
    attach(f);
    if (code == 0)
        code = try_part(f, &(struct part){"group", "group", NONE, RG_NONE});
    if (code == 0)
        code = try_part(f, &(struct part){"total", "fleet", NONE, RG_NONE});
    /* all rails' victims, or else those of each */
    if (code == 0)
        code = try_part(f, &(struct part){"victims", "victims", NONE, RG_NONE});
    for (int64_t rail = 0; code == 0 && rail < RAILS_MOST; rail++)
        code = try_part(f, &(struct part){"victims", "victims", NONE, rail});
    return code;
}

/* --- all events --- */

struct sortable {
    const char *origin;
    bool worse;
    size_t run, change;
};

static int by_event(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    int order = strcmp(x->origin, y->origin);
    if (order == 0)
        order = x->worse - y->worse;
    if (order == 0)
        order = (x->run > y->run) - (x->run < y->run);
    return order != 0 ? order : (x->change > y->change) - (x->change < y->change);
}

static int explain_all(struct finder *f)
{
    size_t count = f->trend->change_count;
    struct sortable *sorted = calloc(count + 1, sizeof *sorted);
    int code = sorted ? 0 : rg_fail(f->err, -ENOMEM, "no memory for %zu changes", count);
    for (size_t i = 0; code == 0 && i < count; i++) {
        const struct rg_change *change = &f->trend->changes[i];
        sorted[i] = (struct sortable){series_of(f, i)->origin, is_worse(f->past, change), change->run, i};
        f->finding_of[i] = NONE;
    }
    if (code == 0)
        qsort(sorted, count, sizeof *sorted, by_event);
    for (size_t i = 0; code == 0 && i < count; i++)
        f->order[i] = sorted[i].change;
    for (size_t first = 0, last; code == 0 && first < count; first = last) {
        for (last = first + 1; last < count && strcmp(sorted[last].origin, sorted[first].origin) == 0 &&
                               sorted[last].worse == sorted[first].worse &&
                               sorted[last].run <= sorted[first].run + TOGETHER;)
            last++;
        f->cluster_first = first;
        f->cluster_last = last;
        code = explain(f);
    }
    free(sorted);
    return code;
}

/* --- the order of telling --- */

static int by_news(const void *a, const void *b)
{
    const struct rg_finding *x = a, *y = b;
    int x_news = x->fresh && x->worse, y_news = y->fresh && y->worse;
    if (x_news != y_news)
        return y_news - x_news;
    if (x->run != y->run)
        return x->run < y->run ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Puts the changes in the order of the findings, and the findings in that of telling. */
static int arrange(struct finder *f)
{
    struct rg_trend *trend = f->trend;
    struct rg_change *arranged = calloc(trend->change_count + 1, sizeof *arranged);
    size_t next = 0;
    if (arranged == NULL)
        return rg_fail(f->err, -ENOMEM, "no memory for %zu changes", trend->change_count);
    for (size_t k = 0; k < trend->finding_count; k++)
        trend->findings[k].first = k;
    qsort(trend->findings, trend->finding_count, sizeof *trend->findings, by_news);
    for (size_t k = 0; k < trend->finding_count; k++) {
        struct rg_finding *finding = &trend->findings[k];
        size_t number = finding->first, lead = finding->lead;
        finding->first = next;
        for (size_t i = 0; i < trend->change_count; i++) {
            if (f->finding_of[i] != number)
                continue;
            if (i == lead)
                finding->lead = next;
            arranged[next++] = trend->changes[i];
        }
        finding->count = next - finding->first;
        trend->fresh_regressions += finding->fresh && finding->worse;
    }
    free(trend->changes);
    trend->changes = arranged;
    trend->change_count = next;
    for (size_t k = 0; k < trend->finding_count; k++)
        rg_judge_say(trend, &trend->findings[k]);
    return 0;
}

static int name_nodes(struct finder *f)
{
    const struct rg_past *past = f->past;
    for (size_t s = 0; s < past->series_count; s++) {
        size_t node = 0;
        f->node_of[s] = NONE;
        if (past->series[s].node == NULL)
            continue;
        while (node < f->node_count && !same(f->nodes[node], past->series[s].node))
            node++;
        if (node == f->node_count)
            f->nodes[f->node_count++] = past->series[s].node;
        f->node_of[s] = node;
    }
    return 0;
}

/* Series that are alike but for their place are a family. How many there are; 0: no memory. */
static size_t number_families(const struct rg_past *past, size_t *families)
{
    size_t count = 0;
    const struct rg_series **firsts = calloc(past->series_count + 1, sizeof *firsts);
    if (firsts == NULL)
        return 0;
    for (size_t s = 0; s < past->series_count; s++) {
        size_t family = 0;
        while (family < count && !is_alike(firsts[family], &past->series[s]))
            family++;
        if (family == count)
            firsts[count++] = &past->series[s];
        families[s] = family;
    }
    free(firsts);
    return count;
}

static int find(struct finder *f)
{
    const struct rg_past *past = f->past;
    const double **values = calloc(past->series_count + 1, sizeof *values);
    size_t *families = calloc(past->series_count + 1, sizeof *families), count = 0;
    for (size_t s = 0; values != NULL && s < past->series_count; s++)
        values[s] = &past->values[s * past->run_count];
    if (values != NULL && families != NULL)
        count = number_families(past, families);
    const struct rg_change_settings settings = {f->trend->level, f->trend->least_percent, families, count};
    int code = count > 0 || past->series_count == 0
                   ? rg_change_find(values, past->series_count, past->run_count, &settings, &f->trend->changes,
                         &f->trend->change_count, f->err)
                   : rg_fail(f->err, -ENOMEM, "no memory for %zu series", past->series_count);
    free(values);
    free(families);
    return code;
}

static int explain_found(struct finder *f)
{
    size_t series = f->past->series_count + 1, changes = f->trend->change_count + 1, runs = f->past->run_count + 1;
    f->nodes = calloc(series, sizeof *f->nodes);
    f->node_of = calloc(series, sizeof *f->node_of);
    f->order = calloc(changes, sizeof *f->order);
    f->finding_of = calloc(changes, sizeof *f->finding_of);
    f->mean = calloc(2 * runs, sizeof *f->mean);
    f->scratch = calloc(2 * runs + changes, sizeof *f->scratch);
    int code = f->nodes && f->node_of && f->order && f->finding_of && f->mean && f->scratch ? name_nodes(f) : -ENOMEM;
    size_t places = (f->node_count + 1) * RAILS_MOST;
    f->known = calloc(places, 1);
    f->shown = calloc(places, 1);
    f->places = calloc(places, sizeof *f->places);
    if (code != 0 || f->known == NULL || f->shown == NULL || f->places == NULL)
        code = rg_fail(f->err, -ENOMEM, "no memory for %zu changes", changes);
    if (code == 0)
        code = explain_all(f);
    return code == 0 ? arrange(f) : code;
}

/* Of what the last run measured, what could not be told of whatever it had shown. */
static void count_short(struct rg_trend *trend)
{
    const struct rg_past *past = trend->past;
    const double *values = past->values;
    for (size_t s = 0; s < past->series_count; s++)
        trend->last_series += isnan(values[(s + 1) * past->run_count - 1]) ? 0 : 1;
    trend->least_runs = rg_change_least_values(trend->last_series ? trend->last_series : 1, trend->level);
    for (size_t s = 0; s < past->series_count; s++, values += past->run_count) {
        size_t count = 0;
        for (size_t r = 0; r < past->run_count; r++)
            count += isnan(values[r]) ? 0 : 1;
        trend->short_series += !isnan(values[past->run_count - 1]) && count < trend->least_runs ? 1 : 0;
    }
}

int rg_judge_trend(const struct rg_past *past, double least_percent, struct rg_trend *out, struct rg_error *err)
{
    *out = (struct rg_trend){.past = past, .level = RG_CHANGE_LEVEL, .least_percent = least_percent};
    struct finder f = {.past = past, .trend = out, .err = err};
    int code = find(&f);
    if (code == 0 && past->run_count > 0)
        count_short(out);
    if (code == 0 && out->change_count > 0)
        code = explain_found(&f);
    if (code == 0)
        code = rg_judge_gaps(out, err);
    void *owned[] = {f.nodes, f.node_of, f.order, f.finding_of, f.places, f.known, f.shown, f.mean, f.scratch};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    if (code != 0)
        rg_trend_close(out);
    return code;
}
