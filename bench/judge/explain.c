#include "judge/explain.h"

#include "judge/extent.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 3            /* runs by which dates of one event may lie apart */
#define EXPLAINED 1.25        /* so many times what a part loses may be its doing elsewhere, */
#define EXPLAINED_PERCENT 1.0 /* and by noise so much more */

static const struct rg_series *series_of(const struct rg_finder *f, size_t change)
{
    return &f->past->series[f->trend->changes[change].series];
}

/* --- one part --- */

/* The run that most of the part's open changes are dated at. */
static size_t run_of(const struct rg_finder *f, const struct rg_extent *part, size_t *told)
{
    size_t votes[2 * TOGETHER + 1] = {0}, best = 0, start = RG_EXTENT_NONE;
    *told = RG_EXTENT_NONE;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++) {
        const struct rg_change *c = &f->trend->changes[f->order[i]];
        if (!rg_extent_is_open(f, part, f->order[i]))
            continue;
        start = start == RG_EXTENT_NONE ? c->run : start;
        votes[c->run - start]++;
        *told = c->told < *told ? c->told : *told;
    }
    for (size_t i = 1; i <= TOGETHER; i++)
        best = votes[i] > votes[best] ? i : best;
    return start + best;
}

static int add_finding(struct rg_finder *f, const struct rg_finding *finding)
{
    struct rg_trend *trend = f->trend;
    struct rg_finding *grown = realloc(trend->findings, (trend->finding_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(f->err, -ENOMEM, "no memory for the findings");
    trend->findings = grown;
    grown[trend->finding_count++] = *finding;
    return 0;
}

/* Explains the part's open changes as one, if they are. */
static int try_part(struct rg_finder *f, const struct rg_extent *part)
{
    size_t lead = rg_extent_lead(f, part), told;
    if (lead == RG_EXTENT_NONE)
        return 0;
    struct rg_finding finding = {.part = part->name,
        .scope = part->scope,
        .node = part->node,
        .rail = part->rail,
        .lead = lead,
        .run = run_of(f, part, &told)};
    finding.told = told;
    finding.worse = rg_extent_is_worse(f->past, &f->trend->changes[lead]);
    if (!rg_extent_look_around(f, part, &finding))
        return 0;
    rg_extent_look_closer(f, part, &finding);
    rg_extent_compare_facts(f, part, &finding);
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (rg_extent_is_open(f, part, f->order[i]))
            f->finding_of[f->order[i]] = f->trend->finding_count;
    return add_finding(f, &finding);
}

/* --- one event --- */

/* A flow's other end shows what ails this one: on the same rail, the other way, and less of it; only of little is the
 * date so unsure that it may be another. */
static bool is_echo(const struct rg_finding *finding, const struct rg_series *series, const struct rg_change *change)
{
    size_t apart = change->run > finding->run ? change->run - finding->run : finding->run - change->run;
    return strcmp(finding->part, "nic") == 0 && strcmp(series->scope, "rail") == 0 && finding->rail == series->rail &&
           !rg_extent_same(finding->side, series->side) &&
           fabs(change->percent) < (apart <= 1 ? 2.0 / 3 : 1.0 / 3) * fabs(finding->percent);
}

/* What a node sums up over its rails, or ranks do together, goes with a part of theirs; it loses hardly more than that
 * part does. */
static bool is_of(const struct rg_finding *finding, const struct rg_series *series, const struct rg_change *change)
{
    if (fabs(change->percent) > EXPLAINED * fabs(finding->percent) + EXPLAINED_PERCENT)
        return false;
    bool node = finding->node == NULL || rg_extent_same(finding->node, series->node) ||
                rg_extent_same(finding->node, series->peer_node);
    if (strcmp(finding->scope, "group") == 0 &&
        (strcmp(series->scope, "group") != 0 || (finding->node == NULL && finding->rail == RG_NONE)))
        return false;
    if (strcmp(series->scope, "fleet") == 0)
        return strcmp(finding->scope, "victims") != 0 && strcmp(finding->scope, "gpu") != 0;
    if (strcmp(series->scope, "node") == 0)
        return node;
    return strcmp(series->scope, "group") == 0 && (node || series->node == NULL) &&
           (finding->rail == RG_NONE || series->rail == RG_NONE || finding->rail == series->rail);
}

static void attach(struct rg_finder *f)
{
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        for (size_t k = f->first_finding; k < f->trend->finding_count; k++) {
            struct rg_finding *finding = &f->trend->findings[k];
            const struct rg_change *change = &f->trend->changes[f->order[i]];
            const struct rg_series *series = series_of(f, f->order[i]);
            if (f->finding_of[f->order[i]] != RG_EXTENT_NONE ||
                !(is_of(finding, series, change) || is_echo(finding, series, change)))
                continue;
            f->finding_of[f->order[i]] = k;
            if (change->told < finding->told)
                finding->told = change->told;
        }
}

/* What no wider part explains, place by place: the one that changed most first. */
static int explain_places(struct rg_finder *f, const char *name, const char *scope)
{
    const struct rg_extent anywhere = {.name = name, .scope = scope, .rail = RG_NONE};
    int code = 0;
    for (size_t change; code == 0 && (change = rg_extent_greatest(f, &anywhere)) != RG_EXTENT_NONE;) {
        const struct rg_series *at = series_of(f, change);
        code = try_part(f, &(struct rg_extent){name, scope, at->node, at->rail, true});
        attach(f);
    }
    return code;
}

/* From the whole to its parts: the widest that most of it shows explains it. */
static int explain_scope(struct rg_finder *f, const char *scope)
{
    int code = try_part(f, &(struct rg_extent){.name = "fleet", .scope = scope, .rail = RG_NONE});
    for (int64_t rail = 0; code == 0 && rail < RG_EXTENT_RAILS; rail++)
        code = try_part(f, &(struct rg_extent){.name = "rail", .scope = scope, .rail = rail});
    for (size_t node = 0; code == 0 && node < f->node_count; node++)
        code =
            try_part(f, &(struct rg_extent){.name = "node", .scope = scope, .node = f->nodes[node], .rail = RG_NONE});
    if (code == 0)
        code = explain_places(f, "nic", scope);
    attach(f);
    return code;
}

/* What nodes sum up over their rails. */
static int explain_sums(struct rg_finder *f)
{
    int code = try_part(f, &(struct rg_extent){.name = "fleet", .scope = "node", .rail = RG_NONE});
    if (code == 0)
        code = explain_places(f, "node", "node");
    attach(f);
    return code;
}

/* A node or a rail whose collectives stand out, or else all together. */
static int explain_groups(struct rg_finder *f)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < f->node_count; i++)
        code =
            try_part(f, &(struct rg_extent){.name = "group", .scope = "group", .node = f->nodes[i], .rail = RG_NONE});
    attach(f);
    for (int64_t rail = 0; code == 0 && rail < RG_EXTENT_RAILS; rail++)
        code = try_part(f, &(struct rg_extent){.name = "group", .scope = "group", .rail = rail});
    attach(f);
    return code == 0 ? try_part(f, &(struct rg_extent){.name = "group", .scope = "group", .rail = RG_NONE}) : code;
}

static int explain(struct rg_finder *f)
{
    f->first_finding = f->trend->finding_count;
    int code = explain_scope(f, "rail");
    if (code == 0)
        code = explain_scope(f, "gpu");
    if (code == 0)
        code = explain_sums(f);
    if (code == 0)
        code = explain_groups(f);
    if (code == 0)
        code = explain_places(f, "total", "fleet");
    /* all rails' victims, or else those of each */
    if (code == 0)
        code = try_part(f, &(struct rg_extent){.name = "victims", .scope = "victims", .rail = RG_NONE});
    return code == 0 ? explain_places(f, "victims", "victims") : code;
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

static int explain_all(struct rg_finder *f)
{
    size_t count = f->trend->change_count;
    struct sortable *sorted = calloc(count + 1, sizeof *sorted);
    int code = sorted ? 0 : rg_fail(f->err, -ENOMEM, "no memory for %zu changes", count);
    for (size_t i = 0; code == 0 && i < count; i++) {
        const struct rg_change *change = &f->trend->changes[i];
        sorted[i] = (struct sortable){series_of(f, i)->origin, rg_extent_is_worse(f->past, change), change->run, i};
        f->finding_of[i] = RG_EXTENT_NONE;
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

static void name_nodes(struct rg_finder *f)
{
    const struct rg_past *past = f->past;
    for (size_t s = 0; s < past->series_count; s++) {
        size_t node = 0;
        f->node_of[s] = RG_EXTENT_NONE;
        if (past->series[s].node == NULL)
            continue;
        while (node < f->node_count && !rg_extent_same(f->nodes[node], past->series[s].node))
            node++;
        if (node == f->node_count)
            f->nodes[f->node_count++] = past->series[s].node;
        f->node_of[s] = node;
    }
}

static int open_finder(struct rg_finder *f)
{
    size_t series = f->past->series_count + 1, changes = f->trend->change_count + 1, runs = f->past->run_count + 1;
    f->nodes = calloc(series, sizeof *f->nodes);
    f->node_of = calloc(series, sizeof *f->node_of);
    if (f->nodes == NULL || f->node_of == NULL)
        return rg_fail(f->err, -ENOMEM, "no memory for %zu series", series);
    name_nodes(f);
    size_t places = (f->node_count + 1) * RG_EXTENT_RAILS;
    f->order = calloc(changes, sizeof *f->order);
    f->finding_of = calloc(changes, sizeof *f->finding_of);
    f->mean = calloc(2 * runs, sizeof *f->mean);
    f->scratch = calloc(2 * runs + changes, sizeof *f->scratch);
    f->kind_known = calloc(f->kind_count + 1, sizeof *f->kind_known);
    f->kind_shown = calloc(f->kind_count + 1, sizeof *f->kind_shown);
    f->known = calloc(places, 1);
    f->shown = calloc(places, 1);
    f->places = calloc(places, sizeof *f->places);
    f->others = calloc(places, sizeof *f->others);
    bool all = f->order && f->finding_of && f->mean && f->scratch && f->kind_known && f->kind_shown && f->known &&
               f->shown && f->places && f->others;
    return all ? 0 : rg_fail(f->err, -ENOMEM, "no memory for %zu changes", changes);
}

int rg_judge_explain(
    struct rg_trend *io, const size_t *kind_of, size_t kind_count, size_t **finding_of, struct rg_error *err)
{
    struct rg_finder f = {.past = io->past, .trend = io, .kind_of = kind_of, .kind_count = kind_count, .err = err};
    int code = open_finder(&f);
    if (code == 0)
        code = explain_all(&f);
    void *owned[] = {f.nodes, f.node_of, f.order, f.mean, f.scratch, f.kind_known, f.kind_shown, f.known, f.shown,
        f.places, f.others, code == 0 ? NULL : f.finding_of};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    if (code == 0)
        *finding_of = f.finding_of;
    return code;
}
