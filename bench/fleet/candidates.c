#include "fleet/candidates.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int add_candidate(struct rg_search *search, struct rg_part part)
{
    if (search->candidate_count == search->candidate_room) {
        size_t room = search->candidate_room ? 2 * search->candidate_room : 256;
        struct rg_candidate *grown = realloc(search->candidates, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        search->candidates = grown;
        search->candidate_room = room;
    }
    search->candidates[search->candidate_count++] = (struct rg_candidate){.part = part, .gain = INFINITY};
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
    const struct rg_part *a = &((const struct rg_candidate *)left)->part,
                         *b = &((const struct rg_candidate *)right)->part;
    int order[] = {(int)a->kind - (int)b->kind, a->node - b->node, a->rail - b->rail, a->peer - b->peer,
        a->peer_rail - b->peer_rail};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] != 0)
            return order[i];
    return 0;
}

static int open_bounds(const struct rg_fleet *fleet, struct rg_search_bounds *out)
{
    size_t nics = (size_t)fleet->nodes * (size_t)fleet->rails;
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

bool rg_candidates_are_worth(const struct rg_search *search, enum rg_part_kind kind, double bound)
{
    return bound - search->price_of_kind[kind] > search->suspicion->caution;
}

/* What a part could gain at most, as things are. */
double rg_candidates_bound(const struct rg_search *search, const struct rg_candidate *c)
{
    const struct rg_search_bounds *b = &search->bounds;
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
    case RG_PART_RAIL:
        for (int node = 0; node < search->index.fleet->nodes; node++)
            all += b->tx[node * rails + part->rail] + b->rx[node * rails + part->rail];
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

static int add_if_worth(struct rg_search *search, struct rg_part part)
{
    struct rg_candidate c = {.part = part};
    return rg_candidates_are_worth(search, part.kind, rg_candidates_bound(search, &c)) ? add_candidate(search, part)
                                                                                       : 0;
}

static int add_nics(struct rg_search *search)
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

static int add_rails(struct rg_search *search)
{
    const struct rg_fleet *fleet = search->index.fleet;
    int code = 0;
    for (int rail = 0; code == 0 && fleet->rails > 1 && rail < fleet->rails; rail++)
        code = add_if_worth(search, (struct rg_part){RG_PART_RAIL, -1, rail, -1, -1});
    return code;
}

static int add_leaves(struct rg_search *search)
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
void rg_candidates_note(struct rg_search *search, const struct rg_sighting *s, double cost)
{
    const struct rg_fleet *fleet = search->index.fleet;
    struct rg_search_bounds *bounds = &search->bounds;
    struct rg_candidate key = {.part = path_of(fleet, s)}, *path = NULL;
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
static void merge_paths(struct rg_search *search)
{
    struct rg_candidate *c = search->candidates;
    size_t kept = 0;
    if (search->candidate_count > 0)
        qsort(c, search->candidate_count, sizeof *c, by_part);
    for (size_t i = 0, next; i < search->candidate_count; i = next) {
        double bound = 0;
        for (next = i; next < search->candidate_count && by_part(&c[next], &c[i]) == 0; next++)
            bound += c[next].bound;
        if (!rg_candidates_are_worth(search, RG_PART_PATH, bound))
            continue;
        c[kept] = c[i];
        c[kept++].bound = bound;
    }
    search->candidate_count = search->path_count = kept;
}

/* Every part through which short flows pass, and that could explain enough of them. */
int rg_candidates_find(struct rg_search *search)
{
    const struct rg_part_index *index = &search->index;
    int code = open_bounds(index->fleet, &search->bounds);
    for (size_t i = 0; code == 0 && i < index->count; i++) {
        const struct rg_sighting *s = &index->sightings[i];
        if (!rg_search_is_short(search, s))
            continue;
        rg_candidates_note(search, s, rg_search_cost(s, 0));
        code = add_candidate(search, path_of(index->fleet, s));
        if (code == 0)
            search->candidates[search->candidate_count - 1].bound = rg_search_cost(s, 0);
    }
    if (code == 0)
        merge_paths(search);
    if (code == 0)
        code = add_nics(search);
    if (code == 0)
        code = add_rails(search);
    if (code == 0)
        code = add_leaves(search);
    for (size_t i = 0; code == 0 && i < search->candidate_count; i++)
        search->candidates[i].gain = rg_candidates_bound(search, &search->candidates[i]);
    return code;
}

/* --- the queue --- */

/* Whether one place of the queue comes before another: by gain, then as they were found. */
static bool is_before(const struct rg_search *search, size_t one, size_t two)
{
    uint32_t a = search->queue[one], b = search->queue[two];
    double gain = search->candidates[a].gain, than = search->candidates[b].gain;
    return gain > than || (gain == than && a < b);
}

static void sink(struct rg_search *search, size_t place)
{
    for (size_t child; (child = 2 * place + 1) < search->candidate_count; place = child) {
        if (child + 1 < search->candidate_count && is_before(search, child + 1, child))
            child++;
        if (!is_before(search, child, place))
            return;
        uint32_t moved = search->queue[place];
        search->queue[place] = search->queue[child];
        search->queue[child] = moved;
    }
}

void rg_candidates_queue(struct rg_search *search)
{
    for (size_t i = 0; i < search->candidate_count; i++)
        search->queue[i] = (uint32_t)i;
    for (size_t i = search->candidate_count / 2; i > 0; i--)
        sink(search, i - 1);
}

struct rg_candidate *rg_candidates_first(const struct rg_search *search)
{
    return search->candidate_count > 0 ? &search->candidates[search->queue[0]] : NULL;
}

void rg_candidates_settle(struct rg_search *search)
{
    sink(search, 0);
}
