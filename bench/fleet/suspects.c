#include "fleet/suspects.h"

#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ERRATIC 0.07         /* a faulty part's loss varies by this share of it */
#define COMING_AND_GOING 3.0 /* what a flow costs that a part with such a fault explains, in nats */
#define TIE 3.0              /* nats */
#define SHORT_SIGMAS 3.0
#define NOISE_LEAST 1e-4
#define SAMPLE 256 /* of many flows some tell where to look for the loss; all tell how large it is */

void rg_suspects_reference(double *rates, size_t count, double width, double *healthy, double *noise)
{
    struct rg_summary summary;
    rg_summary_of(rates, count, &summary);
    double top = rg_summary_quantile(rates, count, 0.95), bottom = top * (1 - width);
    size_t first = 0;
    while (rates[first] < bottom)
        first++;
    size_t left = count - first;
    *healthy = rg_summary_quantile(rates + first, left, 0.5);
    double *distances = malloc(left * sizeof *distances);
    *noise = NAN;
    if (distances == NULL || *healthy <= 0) {
        free(distances);
        return;
    }
    for (size_t i = 0; i < left; i++)
        distances[i] = fabs(rates[first + i] - *healthy);
    rg_summary_of(distances, left, &summary);
    *noise = 1.4826 * summary.p50 / *healthy;
    free(distances);
}

static int nics_of(const struct rg_fleet *fleet)
{
    return fleet->nodes * fleet->rails;
}

/* --- how well a part explains its sightings --- */

struct candidate {
    struct rg_part part;
    double gain, loss;
    double bound; /* of a path: what it could gain at most */
    bool comes_and_goes;
};

/* What short flows cost that nothing explains, by the parts that they pass through: no part can gain more. */
struct bounds {
    double *tx, *rx;           /* by NIC */
    double *leaf_tx, *leaf_rx; /* by leaf * rails + rail */
    int leaves;
};

struct search {
    struct rg_part_index index;
    const struct rg_suspicion *suspicion;
    float *predicted, *cost; /* of each sighting, by the parts accepted so far */
    double price[RG_PART_KINDS];
    struct rg_part_members members;
    double values[2 * SAMPLE];
    struct bounds bounds;
    struct candidate *candidates, *accepted; /* candidates: first the paths, sorted */
    size_t candidate_count, candidate_room, path_count, accepted_count, accepted_room;
};

static double square(double x)
{
    return x * x;
}

static double cost_of(const struct rg_sighting *s, double loss)
{
    double error = s->shortfall - loss, spread = square(s->noise) + square(ERRATIC * loss);
    return square(error) / (2 * fmax(spread, NOISE_LEAST * NOISE_LEAST));
}

static bool is_short(const struct search *search, const struct rg_sighting *s)
{
    return s->shortfall > fmax(search->suspicion->least_loss / 2, SHORT_SIGMAS * s->noise);
}

static double steady_gain(const struct search *search, double loss)
{
    double gain = 0;
    for (size_t i = 0; i < search->members.count; i++) {
        uint32_t at = search->members.at[i];
        if (search->predicted[at] < loss)
            gain += search->cost[at] - cost_of(&search->index.sightings[at], loss);
    }
    return gain;
}

/* The mean of the members near a loss. */
static double refine(const struct search *search, double loss)
{
    double sum = 0, weight = 0;
    for (size_t i = 0; i < search->members.count; i++) {
        const struct rg_sighting *s = &search->index.sightings[search->members.at[i]];
        double spread = square(s->noise) + square(ERRATIC * loss);
        if (fabs(s->shortfall - loss) > 3 * sqrt(spread))
            continue;
        sum += s->shortfall / spread;
        weight += 1 / spread;
    }
    return weight > 0 ? sum / weight : loss;
}

static void try_steady(struct search *search, struct candidate *c)
{
    struct rg_summary summary;
    size_t n = 0, step = search->members.count / SAMPLE | 1; /* odd, to meet all rails */
    for (size_t i = 0; i < search->members.count; i += step)
        search->values[n++] = search->index.sightings[search->members.at[i]].shortfall;
    rg_summary_of(search->values, n, &summary);
    double starts[] = {summary.p50, rg_summary_quantile(search->values, n, 0.25), summary.min, summary.mean};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        double loss = fmin(refine(search, starts[i]), 1);
        if (loss < search->suspicion->least_loss)
            continue;
        double gain = steady_gain(search, loss) - search->price[c->part.kind];
        if (gain > c->gain) {
            c->gain = gain;
            c->loss = loss;
            c->comes_and_goes = false;
        }
    }
}

/* What it costs to say which k of m flows fell short, in nats: m times the entropy of k/m. */
static double choice_cost(size_t k, size_t m)
{
    double share = (double)k / (double)m;
    if (k == 0 || k == m)
        return 0;
    return -(double)m * (share * log(share) + (1 - share) * log(1 - share));
}

/* Some flows fall short by any amount, others not at all: a loose cable, so only of a NIC or a path. */
static void try_coming_and_going(struct search *search, struct candidate *c)
{
    double gain = 0, sum = 0;
    size_t fell_short = 0, count = search->members.count;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = search->members.at[i];
        const struct rg_sighting *s = &search->index.sightings[at];
        sum += s->shortfall;
        if (!is_short(search, s) || search->cost[at] <= COMING_AND_GOING)
            continue;
        gain += search->cost[at] - COMING_AND_GOING;
        fell_short++;
    }
    gain -= search->price[c->part.kind] + log((double)count + 1) + choice_cost(fell_short, count);
    bool one_link = c->part.kind <= RG_PART_NIC || c->part.kind == RG_PART_PATH;
    if (!one_link || fell_short < 2 || gain <= c->gain)
        return;
    c->gain = gain;
    c->loss = sum / (double)count;
    c->comes_and_goes = true;
}

static int evaluate(struct search *search, struct candidate *c)
{
    int code = rg_part_gather(&search->index, &c->part, &search->members);
    c->gain = -INFINITY;
    if (code != 0 || search->members.count == 0)
        return code;
    try_steady(search, c);
    try_coming_and_going(search, c);
    return 0;
}

/* --- candidates --- */

static int add_candidate(struct search *search, struct rg_part part)
{
    if (search->candidate_count == search->candidate_room) {
        size_t room = search->candidate_room ? 2 * search->candidate_room : 256;
        struct candidate *grown = realloc(search->candidates, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        search->candidates = grown;
        search->candidate_room = room;
    }
    search->candidates[search->candidate_count++] = (struct candidate){.part = part, .gain = INFINITY};
    return 0;
}

static struct rg_part path_of(const struct rg_fleet *fleet, const struct rg_sighting *s)
{
    int low = s->from < s->to ? s->from : s->to, high = s->from < s->to ? s->to : s->from;
    return (struct rg_part){
        RG_PART_PATH, low / fleet->rails, low % fleet->rails, high / fleet->rails, high % fleet->rails};
}

static int by_part(const void *left, const void *right)
{
    const struct rg_part *a = &((const struct candidate *)left)->part, *b = &((const struct candidate *)right)->part;
    int order[] = {(int)a->kind - (int)b->kind, a->node - b->node, a->rail - b->rail, a->peer - b->peer,
        a->peer_rail - b->peer_rail};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] != 0)
            return order[i];
    return 0;
}

static int open_bounds(const struct rg_fleet *fleet, struct bounds *out)
{
    size_t nics = (size_t)nics_of(fleet);
    out->leaves = 1;
    for (int node = 0; node < fleet->nodes; node++)
        if (rg_part_leaf_of(fleet, node) >= out->leaves)
            out->leaves = rg_part_leaf_of(fleet, node) + 1;
    size_t trunks = (size_t)out->leaves * (size_t)fleet->rails;
    out->tx = calloc(2 * nics + 2 * trunks + 1, sizeof *out->tx);
    if (out->tx == NULL)
        return -ENOMEM;
    out->rx = out->tx + nics;
    out->leaf_tx = out->rx + nics;
    out->leaf_rx = out->leaf_tx + trunks;
    return 0;
}

static bool is_worth(const struct search *search, enum rg_part_kind kind, double bound)
{
    return bound - search->price[kind] > search->suspicion->caution;
}

/* What a part could gain at most, as things are. */
static double bound_of(const struct search *search, const struct candidate *c)
{
    const struct bounds *b = &search->bounds;
    const struct rg_part *part = &c->part;
    int rails = search->index.fleet->rails, at = part->node * rails + part->rail;
    double all = 0;
    switch (part->kind) {
    case RG_PART_TX:
        return b->tx[at];
    case RG_PART_RX:
        return b->rx[at];
    case RG_PART_NIC:
        return b->tx[at] + b->rx[at];
    case RG_PART_NODE:
        for (int rail = 0; rail < rails; rail++)
            all += b->tx[part->node * rails + rail] + b->rx[part->node * rails + rail];
        return all;
    case RG_PART_LEAF_TX:
        return b->leaf_tx[at];
    case RG_PART_LEAF_RX:
        return b->leaf_rx[at];
    case RG_PART_PATH:
    case RG_PART_KINDS:
        break;
    }
    return c->bound;
}

static int add_if_worth(struct search *search, struct rg_part part)
{
    struct candidate c = {.part = part};
    return is_worth(search, part.kind, bound_of(search, &c)) ? add_candidate(search, part) : 0;
}

static int add_nics(struct search *search)
{
    const struct rg_fleet *fleet = search->index.fleet;
    int code = 0;
    for (int node = 0; code == 0 && node < fleet->nodes; node++) {
        for (int rail = 0; code == 0 && rail < fleet->rails; rail++)
            for (int kind = RG_PART_TX; code == 0 && kind <= RG_PART_NIC; kind++)
                code = add_if_worth(search, (struct rg_part){(enum rg_part_kind)kind, node, rail, -1, -1});
        if (code == 0 && fleet->rails > 1)
            code = add_if_worth(search, (struct rg_part){RG_PART_NODE, node, -1, -1, -1});
    }
    return code;
}

static int add_leaves(struct search *search)
{
    const struct rg_fleet *fleet = search->index.fleet;
    int code = 0;
    for (int leaf = 0; search->bounds.leaves > 1 && leaf < search->bounds.leaves; leaf++)
        for (int rail = 0; code == 0 && rail < fleet->rails; rail++) {
            code = add_if_worth(search, (struct rg_part){RG_PART_LEAF_TX, leaf, rail, -1, -1});
            if (code == 0)
                code = add_if_worth(search, (struct rg_part){RG_PART_LEAF_RX, leaf, rail, -1, -1});
        }
    return code;
}

/* A short flow costs so much more than before. */
static void add_to_bounds(struct search *search, const struct rg_sighting *s, double cost)
{
    const struct rg_fleet *fleet = search->index.fleet;
    struct bounds *bounds = &search->bounds;
    struct candidate key = {.part = path_of(fleet, s)}, *path = NULL;
    if (search->path_count > 0)
        path = bsearch(&key, search->candidates, search->path_count, sizeof key, by_part);
    if (path != NULL)
        path->bound += cost;
    int from_leaf = rg_part_leaf_of(fleet, s->from / fleet->rails),
        to_leaf = rg_part_leaf_of(fleet, s->to / fleet->rails);
    bounds->tx[s->from] += cost;
    bounds->rx[s->to] += cost;
    if (from_leaf == to_leaf)
        return;
    bounds->leaf_tx[from_leaf * fleet->rails + s->from % fleet->rails] += cost;
    bounds->leaf_rx[to_leaf * fleet->rails + s->to % fleet->rails] += cost;
}

/* The paths of short flows, once each if they are worth it. */
static void merge_paths(struct search *search)
{
    struct candidate *c = search->candidates;
    size_t kept = 0;
    if (search->candidate_count > 0)
        qsort(c, search->candidate_count, sizeof *c, by_part);
    for (size_t i = 0, next; i < search->candidate_count; i = next) {
        double bound = 0;
        for (next = i; next < search->candidate_count && by_part(&c[next], &c[i]) == 0; next++)
            bound += c[next].bound;
        if (!is_worth(search, RG_PART_PATH, bound))
            continue;
        c[kept] = c[i];
        c[kept++].bound = bound;
    }
    search->candidate_count = search->path_count = kept;
}

/* Every part through which short flows pass, and that could explain enough of them. */
static int find_candidates(struct search *search)
{
    const struct rg_part_index *index = &search->index;
    int code = open_bounds(index->fleet, &search->bounds);
    for (size_t i = 0; code == 0 && i < index->count; i++) {
        const struct rg_sighting *s = &index->sightings[i];
        if (!is_short(search, s))
            continue;
        add_to_bounds(search, s, cost_of(s, 0));
        code = add_candidate(search, path_of(index->fleet, s));
        if (code == 0)
            search->candidates[search->candidate_count - 1].bound = cost_of(s, 0);
    }
    if (code == 0)
        merge_paths(search);
    if (code == 0)
        code = add_nics(search);
    if (code == 0)
        code = add_leaves(search);
    for (size_t i = 0; code == 0 && i < search->candidate_count; i++)
        search->candidates[i].gain = bound_of(search, &search->candidates[i]);
    return code;
}

/* --- the search --- */

/* What the sightings of a part cost with the parts that are accepted. Leaves them in search->members. */
static int explain_anew(struct search *search, const struct rg_part *part)
{
    int code = rg_part_gather(&search->index, part, &search->members);
    for (size_t i = 0; code == 0 && i < search->members.count; i++) {
        uint32_t at = search->members.at[i];
        const struct rg_sighting *s = &search->index.sightings[at];
        double loss = 0;
        bool loose = false;
        for (size_t a = 0; a < search->accepted_count; a++) {
            const struct candidate *c = &search->accepted[a];
            if (!rg_part_touches(search->index.fleet, &c->part, s->from, s->to))
                continue;
            loose |= c->comes_and_goes;
            if (!c->comes_and_goes)
                loss = fmax(loss, c->loss);
        }
        double cost = cost_of(s, loss), before = search->cost[at];
        bool is_low = is_short(search, s);
        search->predicted[at] = (float)loss;
        search->cost[at] = (float)(loose && is_low ? fmin(cost, COMING_AND_GOING) : cost);
        if (is_low)
            add_to_bounds(search, s, search->cost[at] - before);
    }
    return code;
}

static int accept(struct search *search, const struct candidate *c)
{
    if (search->accepted_count == search->accepted_room) {
        size_t room = search->accepted_room ? 2 * search->accepted_room : 16;
        struct candidate *grown = realloc(search->accepted, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        search->accepted = grown;
        search->accepted_room = room;
    }
    search->accepted[search->accepted_count++] = *c;
    return explain_anew(search, &c->part);
}

/* The strongest first. What a candidate gains only shrinks while others are accepted, so an old figure that is not the
 * largest need not be made anew. */
static int accept_all(struct search *search)
{
    int code = 0;
    while (code == 0) {
        struct candidate *best = NULL;
        for (size_t i = 0; i < search->candidate_count; i++)
            if (best == NULL || search->candidates[i].gain > best->gain)
                best = &search->candidates[i];
        if (best == NULL || best->gain <= search->suspicion->caution)
            return 0;
        double before = best->gain, bound = bound_of(search, best);
        if (!is_worth(search, best->part.kind, bound)) {
            best->gain = -INFINITY;
            continue;
        }
        if (bound < before) {
            best->gain = bound;
            continue;
        }
        code = evaluate(search, best);
        if (code != 0 || best->gain < before)
            continue;
        code = accept(search, best);
        best->gain = -INFINITY;
    }
    return code;
}

/* Whether the others explain what an accepted part explains; then it goes. */
static int look_back(struct search *search)
{
    int code = 0;
    for (size_t a = 0; code == 0 && a < search->accepted_count;) {
        struct candidate c = search->accepted[a];
        memmove(&search->accepted[a], &search->accepted[a + 1],
            (search->accepted_count - a - 1) * sizeof *search->accepted);
        search->accepted_count--;
        code = explain_anew(search, &c.part);
        if (code == 0)
            code = evaluate(search, &c);
        if (code == 0 && c.gain > search->suspicion->caution) {
            memmove(&search->accepted[a + 1], &search->accepted[a],
                (search->accepted_count - a) * sizeof *search->accepted);
            search->accepted[a++] = c;
            search->accepted_count++;
            code = explain_anew(search, &c.part);
        }
    }
    return code;
}

static void count_flows(const struct search *search, struct rg_suspect *out)
{
    for (size_t i = 0; i < search->members.count; i++) {
        const struct rg_sighting *s = &search->index.sightings[search->members.at[i]];
        if (is_short(search, s))
            out->short_flows++;
        else
            out->well_flows++;
    }
}

/* Parts that would do in place of this one. */
static int find_alternatives(struct search *search, size_t a, struct rg_suspect *out)
{
    struct candidate c = search->accepted[a];
    memmove(
        &search->accepted[a], &search->accepted[a + 1], (search->accepted_count - a - 1) * sizeof *search->accepted);
    search->accepted_count--;
    int code = explain_anew(search, &c.part);
    for (size_t i = 0; code == 0 && i < search->candidate_count; i++) {
        struct candidate other = search->candidates[i];
        double bound = bound_of(search, &other);
        if (rg_part_same(&other.part, &c.part) || bound - search->price[other.part.kind] + TIE < c.gain)
            continue;
        code = evaluate(search, &other);
        if (code == 0 && other.gain + TIE >= c.gain && out->alternative_count < RG_ALTERNATIVES_MOST)
            out->alternatives[out->alternative_count++] = other.part;
    }
    memmove(&search->accepted[a + 1], &search->accepted[a], (search->accepted_count - a) * sizeof *search->accepted);
    search->accepted[a] = c;
    search->accepted_count++;
    return code == 0 ? explain_anew(search, &c.part) : code;
}

static int stronger(const void *left, const void *right)
{
    double a = ((const struct rg_suspect *)left)->strength, b = ((const struct rg_suspect *)right)->strength;
    return (a < b) - (a > b);
}

static int report(struct search *search, struct rg_suspect **out, size_t *count)
{
    int code = 0;
    *count = 0;
    *out = calloc(search->accepted_count + 1, sizeof **out);
    if (*out == NULL)
        return -ENOMEM;
    for (size_t a = 0; code == 0 && a < search->accepted_count; a++) {
        struct candidate c = search->accepted[a];
        struct rg_suspect *suspect = &(*out)[(*count)++];
        *suspect =
            (struct rg_suspect){.part = c.part, .loss = c.loss, .strength = c.gain, .comes_and_goes = c.comes_and_goes};
        code = rg_part_gather(&search->index, &c.part, &search->members);
        if (code == 0) {
            count_flows(search, suspect);
            code = find_alternatives(search, a, suspect);
        }
    }
    qsort(*out, *count, sizeof **out, stronger);
    return code;
}

/* The more parts of a kind there are, the more must speak for one of them. */
static void set_prices(struct search *search)
{
    const struct rg_fleet *fleet = search->index.fleet;
    double nics = nics_of(fleet), nodes = fleet->nodes, leaves = 1;
    for (int node = 0; node < fleet->nodes; node++)
        leaves = fmax(leaves, rg_part_leaf_of(fleet, node) + 1);
    search->price[RG_PART_TX] = search->price[RG_PART_RX] = log(nics) + 1;
    search->price[RG_PART_NIC] = log(nics) + 2;
    search->price[RG_PART_NODE] = log(nodes) + 6;
    search->price[RG_PART_PATH] = log(nics * fmax(nodes - 1, 1) / 2 + 1) + 1;
    search->price[RG_PART_LEAF_TX] = search->price[RG_PART_LEAF_RX] = log(leaves * fleet->rails) + 4;
}

static int prepare(struct search *search)
{
    struct rg_part_index *index = &search->index;
    search->predicted = calloc(index->count + 1, sizeof *search->predicted);
    search->cost = calloc(index->count + 1, sizeof *search->cost);
    int code = search->predicted && search->cost ? 0 : -ENOMEM;
    if (code == 0)
        code = rg_part_index_open(index);
    for (size_t i = 0; code == 0 && i < index->count; i++)
        search->cost[i] = (float)cost_of(&index->sightings[i], 0);
    return code;
}

static void close_search(struct search *search)
{
    rg_part_index_close(&search->index);
    free(search->predicted);
    free(search->cost);
    free(search->members.at);
    free(search->candidates);
    free(search->bounds.tx);
    free(search->accepted);
}

int rg_suspects_find(const struct rg_fleet *fleet, const struct rg_sighting *sightings, size_t count,
    const struct rg_suspicion *suspicion, struct rg_suspect **out, size_t *out_count, struct rg_error *err)
{
    struct search search = {.index = {.fleet = fleet, .sightings = sightings, .count = count}, .suspicion = suspicion};
    struct rg_suspect *found = NULL;
    size_t found_count = 0;
    set_prices(&search);
    int code = find_candidates(&search);
    if (code == 0 && search.candidate_count > 0)
        code = prepare(&search);
    if (code == 0)
        code = accept_all(&search);
    if (code == 0)
        code = look_back(&search);
    if (code == 0)
        code = report(&search, &found, &found_count);
    close_search(&search);
    if (code != 0) {
        free(found);
        return rg_fail(err, code, "no memory to look for suspects");
    }
    *out = found;
    *out_count = found_count;
    return 0;
}
