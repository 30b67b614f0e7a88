#include "judge/extent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SENDS 1 /* bits of what a place shows */
#define RECEIVES 2
#define OTHERWISE 4

bool rg_extent_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool rg_extent_is_worse(const struct rg_past *past, const struct rg_change *change)
{
    return rg_series_is_latency(&past->series[change->series]) == (change->percent > 0);
}

/* --- which series are of a part, and which of them show a change --- */

static bool is_of_groups(const struct rg_extent *part)
{
    return strcmp(part->scope, "group") == 0;
}

/* Collectives that neither a node nor a rail explains. */
static bool is_rest(const struct rg_extent *part)
{
    return part->node == NULL && part->rail == RG_NONE;
}

static bool is_in(const struct rg_finder *f, const struct rg_extent *part, size_t series)
{
    const struct rg_series *s = &f->past->series[series];
    bool node = rg_extent_same(s->node, part->node), peer = rg_extent_same(s->peer_node, part->node);
    if (strcmp(s->scope, part->scope) != 0)
        return false;
    if (part->alone)
        return node && s->rail == part->rail;
    return (part->node == NULL || node || peer) && (part->rail == RG_NONE || s->rail == part->rail);
}

bool rg_extent_is_open(const struct rg_finder *f, const struct rg_extent *part, size_t change)
{
    return f->finding_of[change] == RG_EXTENT_NONE && is_in(f, part, f->trend->changes[change].series);
}

static size_t place_of(const struct rg_finder *f, size_t series)
{
    int64_t rail = f->past->series[series].rail;
    size_t node = f->node_of[series];
    return (node == RG_EXTENT_NONE ? 0 : node) * RG_EXTENT_RAILS + (rail == RG_NONE ? 0 : (size_t)rail);
}

static unsigned char bit_of(const struct rg_series *series)
{
    return series->side == NULL ? OTHERWISE : strcmp(series->side, "tx") == 0 ? SENDS : RECEIVES;
}

/* The runs of a change's series between the changes beside it. */
static void window_of(const struct rg_finder *f, size_t change, size_t *first, size_t *last)
{
    const struct rg_change *c = &f->trend->changes[change];
    *first = 0;
    *last = f->past->run_count;
    if (change > 0 && c[-1].series == c->series)
        *first = c[-1].run;
    if (change + 1 < f->trend->change_count && c[1].series == c->series)
        *last = c[1].run;
}

/* Whether a series does at the finding's run about what its lead does, and more than by chance. *out: what it does. */
static bool goes_along(const struct rg_finder *f, size_t series, const struct rg_finding *finding, size_t first,
    size_t last, struct rg_change *out)
{
    const struct rg_change *lead = &f->trend->changes[finding->lead];
    *out = *lead;
    if (series == lead->series)
        return true;
    rg_change_measure(&f->past->values[series * f->past->run_count], first, finding->run, last, f->scratch, out);
    return out->p < 0.05 && out->percent / lead->percent > 2.0 / 3 && out->percent / lead->percent < 1.5;
}

/* --- the change that stands for others --- */

static double size_of(const struct rg_finder *f, size_t change)
{
    return fabs(f->trend->changes[change].percent);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

size_t rg_extent_greatest(const struct rg_finder *f, const struct rg_extent *part)
{
    size_t greatest = RG_EXTENT_NONE;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (rg_extent_is_open(f, part, f->order[i]) &&
            (greatest == RG_EXTENT_NONE || size_of(f, f->order[i]) > size_of(f, greatest)))
            greatest = f->order[i];
    return greatest;
}

static double middle_of(const struct rg_finder *f, const struct rg_extent *part)
{
    size_t count = 0;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (rg_extent_is_open(f, part, f->order[i]))
            f->scratch[count++] = size_of(f, f->order[i]);
    qsort(f->scratch, count, sizeof *f->scratch, by_number);
    return f->scratch[count / 2];
}

size_t rg_extent_lead(const struct rg_finder *f, const struct rg_extent *part)
{
    size_t greatest = rg_extent_greatest(f, part), lead = RG_EXTENT_NONE, most = 0, kind = 0;
    if (greatest == RG_EXTENT_NONE)
        return RG_EXTENT_NONE;
    double wanted = part->alone ? size_of(f, greatest) : middle_of(f, part), off = INFINITY;
    size_t *counts = f->kind_known;
    memset(counts, 0, f->kind_count * sizeof *counts);
    for (size_t i = f->cluster_first; i < f->cluster_last; i++) {
        double ratio = size_of(f, f->order[i]) / wanted;
        if (ratio < 2.0 / 3 || ratio > 1.5 || !rg_extent_is_open(f, part, f->order[i]))
            continue;
        size_t count = ++counts[f->kind_of[f->trend->changes[f->order[i]].series]];
        most = count > most ? count : most;
    }
    while (2 * counts[kind] < most)
        kind++;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++) {
        double by = fabs(size_of(f, f->order[i]) - wanted);
        if (f->kind_of[f->trend->changes[f->order[i]].series] != kind || by >= off ||
            !rg_extent_is_open(f, part, f->order[i]))
            continue;
        lead = f->order[i];
        off = by;
    }
    return lead;
}

/* --- how far it goes --- */

/* Adds up, run by run, what the series has of its level before. */
static void add_up(const struct rg_finder *f, size_t series, double before, size_t first, size_t last)
{
    size_t runs = f->past->run_count;
    for (size_t r = first; r < last; r++) {
        double value = f->past->values[series * runs + r];
        f->mean[r] += isnan(value) ? 0 : value / before;
        f->mean[runs + r] += !isnan(value);
    }
}

static bool is_most(size_t hit, size_t of)
{
    return of > 0 && 4 * hit >= 3 * of;
}

/* Marks the places of the part, and how they changed; sums up the lead's figure over those that go along. */
static void measure(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    const struct rg_past *past = f->past;
    struct rg_change change = f->trend->changes[io->lead];
    size_t first, last, lead = change.series;
    window_of(f, io->lead, &first, &last);
    for (size_t s = 0; s < past->series_count; s++) {
        if (f->kind_of[s] != f->kind_of[lead] || !is_in(f, part, s))
            continue;
        f->known[place_of(f, s)] = 1;
        if (!goes_along(f, s, io, first, last, &change))
            continue;
        f->shown[place_of(f, s)] |= bit_of(&past->series[s]);
        add_up(f, s, change.before, first, last);
    }
}

/* The same of collectives of all kinds, each of which has a place of its own. Whether those of the part stand out. */
static bool measure_groups(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    const struct rg_series *all = f->past->series, *lead = &all[f->trend->changes[io->lead].series];
    size_t first, last, others_hit = 0, others_of = 0;
    window_of(f, io->lead, &first, &last);
    for (size_t s = 0; s < f->past->series_count; s++) {
        struct rg_change change;
        bool beside = (all[s].node == NULL) == (lead->node == NULL) && (all[s].rail < 0) == (lead->rail < 0);
        bool own = is_in(f, part, s);
        if (strcmp(all[s].scope, part->scope) != 0 || strcmp(all[s].origin, lead->origin) != 0 || !(own || beside))
            continue;
        bool along = goes_along(f, s, io, first, last, &change);
        *(own ? &io->of : &others_of) += isnan(change.percent) ? 0 : 1;
        *(own ? &io->hit : &others_hit) += along;
        if (own && along)
            add_up(f, s, change.before, first, last);
    }
    return is_rest(part) || (others_of > 0 && is_most(io->hit, io->of) && !is_most(others_hit, others_of));
}

/* How much all that was added up changed. */
static void size_up(const struct rg_finder *f, struct rg_finding *io)
{
    struct rg_change change;
    size_t first, last, runs = f->past->run_count;
    window_of(f, io->lead, &first, &last);
    for (size_t r = first; r < last; r++)
        f->mean[r] /= f->mean[runs + r]; /* NAN where none was measured */
    rg_change_measure(f->mean, first, io->run, last, f->scratch, &change);
    io->percent = change.percent;
    io->low_percent = change.low_percent;
    io->high_percent = change.high_percent;
}

/* Counts what shows the change: the nodes of a rail, the rails of a node, or the fleet's places. */
static bool is_shared(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    size_t hit_nodes = 0, hit_rails;
    uint64_t rail_set = 0;
    for (size_t n = 0; n < f->node_count + 1; n++) {
        bool any = false;
        for (size_t r = 0; r < RG_EXTENT_RAILS; r++) {
            if (!f->known[n * RG_EXTENT_RAILS + r])
                continue;
            io->of++;
            io->hit += f->shown[n * RG_EXTENT_RAILS + r] != 0;
            any |= f->shown[n * RG_EXTENT_RAILS + r] != 0;
            rail_set |= f->shown[n * RG_EXTENT_RAILS + r] ? 1ull << r : 0;
        }
        hit_nodes += any;
    }
    hit_rails = (size_t)__builtin_popcountll(rail_set);
    bool enough = is_most(io->hit, io->of);
    if (strcmp(part->scope, "victims") == 0)
        return enough && hit_rails >= 2;
    if (strcmp(part->name, "fleet") == 0)
        return enough && hit_nodes >= 2 && (hit_rails >= 2 || strcmp(part->scope, "node") == 0);
    return enough && (part->rail == RG_NONE ? hit_rails : hit_nodes) >= 2;
}

bool rg_extent_look_around(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    size_t places = (f->node_count + 1) * RG_EXTENT_RAILS;
    bool groups = is_of_groups(part), told = true;
    memset(f->known, 0, places);
    memset(f->shown, 0, places);
    memset(f->mean, 0, 2 * f->past->run_count * sizeof *f->mean);
    if (groups)
        told = measure_groups(f, part, io);
    else
        measure(f, part, io);
    size_up(f, io);
    return told && (groups || part->alone || is_shared(f, part, io));
}

static const char *side_of(const struct rg_finder *f, const struct rg_extent *part)
{
    unsigned char all = 0;
    for (size_t i = 0; i < (f->node_count + 1) * RG_EXTENT_RAILS; i++)
        all |= f->shown[i];
    for (size_t i = f->cluster_first; i < f->cluster_last; i++)
        if (rg_extent_is_open(f, part, f->order[i]))
            all |= bit_of(&f->past->series[f->trend->changes[f->order[i]].series]);
    return all == SENDS ? "tx" : all == RECEIVES ? "rx" : NULL;
}

void rg_extent_look_closer(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    const struct rg_series *all = f->past->series, *lead = &all[f->trend->changes[io->lead].series];
    struct rg_change change;
    size_t first, last;
    io->side = side_of(f, part);
    window_of(f, io->lead, &first, &last);
    memset(f->kind_known, 0, f->kind_count * sizeof *f->kind_known);
    memset(f->kind_shown, 0, f->kind_count * sizeof *f->kind_shown);
    for (size_t s = 0; s < f->past->series_count; s++) {
        if (!is_in(f, part, s) || strcmp(all[s].origin, lead->origin) != 0 ||
            rg_series_is_latency(&all[s]) != rg_series_is_latency(lead) ||
            (io->side != NULL && !rg_extent_same(all[s].side, io->side)))
            continue;
        bool along = goes_along(f, s, io, first, last, &change);
        f->kind_known[f->kind_of[s]] += isnan(change.percent) ? 0 : 1;
        f->kind_shown[f->kind_of[s]] += along;
    }
    for (size_t k = 0; k < f->kind_count; k++) {
        bool own = k == f->kind_of[f->trend->changes[io->lead].series];
        io->tests_of += own || f->kind_known[k] > 0;
        io->tests_hit += own || (f->kind_shown[k] > 0 && 2 * f->kind_shown[k] >= f->kind_known[k]);
    }
}

/* --- what was recorded of it --- */

static size_t list_places(const struct rg_finder *f, const unsigned char *which, struct rg_judge_place *out)
{
    size_t count = 0;
    for (size_t n = 0; n < f->node_count; n++)
        for (size_t r = 0; r < RG_EXTENT_RAILS; r++)
            if (which[n * RG_EXTENT_RAILS + r])
                out[count++] = (struct rg_judge_place){f->nodes[n], (int64_t)r};
    return count;
}

/* Leaves known those that have the lead's figure, and do not change at the same time. */
static void mark_others(const struct rg_finder *f, const struct rg_extent *part, const struct rg_finding *finding)
{
    size_t kind = f->kind_of[f->trend->changes[finding->lead].series], places = (f->node_count + 1) * RG_EXTENT_RAILS;
    for (size_t s = 0; s < f->past->series_count; s++)
        if (f->kind_of[s] == kind)
            f->known[place_of(f, s)] = 1;
    for (size_t i = f->cluster_first; i < f->cluster_last; i++) {
        size_t series = f->trend->changes[f->order[i]].series;
        if (strcmp(f->past->series[series].scope, part->scope) == 0)
            f->known[place_of(f, series)] = 0;
    }
    for (size_t i = 0; i < places; i++)
        if (f->shown[i])
            f->known[i] = 0;
}

void rg_extent_compare_facts(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io)
{
    bool whole = f->node_of[f->trend->changes[io->lead].series] == RG_EXTENT_NONE;
    struct rg_judge_places places = {.here = f->places, .others = f->others, .count = 1};
    f->places[0] = (struct rg_judge_place){NULL, RG_NONE}; /* of what is of no one node */
    if (is_of_groups(part)) {
        f->places[0] = (struct rg_judge_place){part->node, part->rail};
    } else if (!whole) {
        places.count = list_places(f, f->shown, f->places);
        mark_others(f, part, io);
        places.other_count = list_places(f, f->known, f->others);
    }
    rg_judge_compare_facts(f->trend, &places, io);
}
