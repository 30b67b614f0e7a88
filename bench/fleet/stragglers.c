#include "fleet/stragglers.h"

#include "fleet/search.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VARIES 0.25 /* a straggler costs communicators of different kinds more or less by this share */
#define CAUTION 8.0 /* nats */
#define TIE 3.0
#define STRAGGLERS_MOST 16

/* Circles by the nodes and the rails that they are of: those of place p (a node, or nodes + a rail) begin at entry
 * first[p] and go on at next[entry]; entries 2 * i and 2 * i + 1 are of circle i, -1 ends a list. */
struct hunt {
    const struct rg_fleet *fleet;
    const struct rg_circle *circles;
    size_t count;
    double least_loss;
    int64_t *first, *next;
    double *predicted; /* by circle */
    uint32_t *members;
    double *values; /* room for as many */
    size_t member_count;
    struct rg_straggler accepted[STRAGGLERS_MOST];
    size_t accepted_count;
};

/* One that is faster than its like needs no explanation. */
static double cost_of(const struct rg_circle *circle, double loss)
{
    const struct rg_sighting sighting = {0, 0, fmaxf(circle->shortfall, 0), circle->noise};
    double error = (double)sighting.shortfall - loss, varies = VARIES * loss;
    if (loss <= 0)
        return rg_search_cost(&sighting, 0);
    return error * error / (2 * ((double)circle->noise * circle->noise + varies * varies));
}

static bool holds(const struct rg_part *part, const struct rg_circle *circle)
{
    bool of_nodes = circle->node >= 0;
    bool has_node = of_nodes && (circle->node == part->node || circle->peer == part->node);
    bool is_rail = !of_nodes && circle->rail == part->rail;
    switch (part->kind) {
    case RG_PART_NIC:
        return has_node || is_rail;
    case RG_PART_NODE:
        return has_node;
    case RG_PART_RAIL:
        return is_rail;
    case RG_PART_PATH:
        return circle->node == part->node && circle->peer == part->peer;
    default:
        return false;
    }
}

static int hunt_open(struct hunt *hunt)
{
    size_t places = (size_t)hunt->fleet->nodes + (size_t)hunt->fleet->rails;
    hunt->first = calloc(places + 1, sizeof *hunt->first);
    hunt->next = calloc(2 * hunt->count + 1, sizeof *hunt->next);
    hunt->predicted = calloc(hunt->count + 1, sizeof *hunt->predicted);
    hunt->members = calloc(2 * hunt->count + 1, sizeof *hunt->members);
    hunt->values = calloc(2 * hunt->count + 1, sizeof *hunt->values);
    if (hunt->first == NULL || hunt->next == NULL || hunt->predicted == NULL || hunt->members == NULL ||
        hunt->values == NULL)
        return -ENOMEM;
    for (size_t place = 0; place < places; place++)
        hunt->first[place] = -1;
    for (size_t i = 0; i < hunt->count; i++) {
        const struct rg_circle *c = &hunt->circles[i];
        int at[] = {c->node >= 0 ? c->node : hunt->fleet->nodes + c->rail, c->node >= 0 ? c->peer : -1};
        for (size_t k = 0; k < 2; k++) {
            if (at[k] < 0)
                continue;
            hunt->next[2 * i + k] = hunt->first[at[k]];
            hunt->first[at[k]] = (int64_t)(2 * i + k);
        }
    }
    return 0;
}

static void hunt_close(struct hunt *hunt)
{
    free(hunt->first);
    free(hunt->next);
    free(hunt->predicted);
    free(hunt->members);
    free(hunt->values);
}

static void gather(struct hunt *hunt, const struct rg_part *part)
{
    int places[] = {part->kind == RG_PART_RAIL ? -1 : part->node,
        part->kind == RG_PART_RAIL || part->kind == RG_PART_NIC ? hunt->fleet->nodes + part->rail : -1};
    hunt->member_count = 0;
    for (size_t p = 0; p < 2; p++)
        for (int64_t entry = places[p] < 0 ? -1 : hunt->first[places[p]]; entry >= 0; entry = hunt->next[entry])
            if (holds(part, &hunt->circles[entry / 2]))
                hunt->members[hunt->member_count++] = (uint32_t)(entry / 2);
}

/* --- what a part explains --- */

static double price_of(const struct rg_fleet *fleet, enum rg_part_kind kind)
{
    double nodes = fleet->nodes, rails = fleet->rails;
    double of_kind = kind == RG_PART_NIC    ? nodes * rails
                     : kind == RG_PART_RAIL ? rails
                     : kind == RG_PART_PATH ? nodes * (nodes - 1) / 2
                                            : nodes;
    return log(fmax(of_kind, 1)) + 1;
}

static double gain_at(const struct hunt *hunt, double loss)
{
    double gain = 0;
    for (size_t i = 0; i < hunt->member_count; i++) {
        uint32_t at = hunt->members[i];
        if (hunt->predicted[at] < loss)
            gain += cost_of(&hunt->circles[at], hunt->predicted[at]) - cost_of(&hunt->circles[at], loss);
    }
    return gain;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Fills in loss and strength. */
static void weigh(struct hunt *hunt, struct rg_straggler *s)
{
    gather(hunt, &s->part);
    size_t n = hunt->member_count;
    double *values = hunt->values, sum = 0;
    s->strength = -INFINITY;
    for (size_t i = 0; i < n; i++)
        sum += values[i] = hunt->circles[hunt->members[i]].shortfall;
    qsort(values, n, sizeof *values, by_value);
    for (int quarter = 0; n > 0 && quarter <= 4; quarter++) { /* one of these is near what it costs, or their mean */
        double loss = fmin(quarter < 4 ? values[(n - 1) * (size_t)quarter / 3] : sum / (double)n, 1);
        double strength =
            loss < hunt->least_loss ? -INFINITY : gain_at(hunt, loss) - price_of(hunt->fleet, s->part.kind);
        if (strength > s->strength) {
            s->strength = strength;
            s->loss = loss;
        }
    }
}

/* --- candidates: whatever a short circle has in it --- */

static bool is_short(const struct hunt *hunt, const struct rg_circle *circle)
{
    return circle->shortfall > hunt->least_loss / 2;
}

static bool has_short(const struct hunt *hunt, int place)
{
    for (int64_t entry = hunt->first[place]; entry >= 0; entry = hunt->next[entry])
        if (is_short(hunt, &hunt->circles[entry / 2]))
            return true;
    return false;
}

/* Calls visit with each, weighed. */
static void each_candidate(struct hunt *hunt,
    void (*visit)(struct rg_straggler *of, const struct rg_straggler *candidate), struct rg_straggler *of)
{
    int nodes = hunt->fleet->nodes, rails = hunt->fleet->rails;
    struct rg_straggler s = {0};
    for (int node = -1; node < nodes; node++)
        for (int rail = -1; rail < rails; rail++) {
            if ((node < 0 && rail < 0) || (node >= 0 && !has_short(hunt, node)) ||
                (rail >= 0 && !has_short(hunt, nodes + rail)))
                continue;
            s.part = (struct rg_part){node < 0   ? RG_PART_RAIL
                                      : rail < 0 ? RG_PART_NODE
                                                 : RG_PART_NIC,
                node, rail, -1, -1};
            weigh(hunt, &s);
            visit(of, &s);
        }
    for (size_t i = 0; i < hunt->count; i++) {
        const struct rg_circle *c = &hunt->circles[i];
        if (c->peer < 0 || !is_short(hunt, c))
            continue;
        s.part = (struct rg_part){RG_PART_PATH, c->node, -1, c->peer, -1};
        weigh(hunt, &s);
        visit(of, &s);
    }
}

/* --- the search --- */

static void predict(struct hunt *hunt)
{
    for (size_t i = 0; i < hunt->count; i++) {
        hunt->predicted[i] = 0;
        for (size_t a = 0; a < hunt->accepted_count; a++)
            if (holds(&hunt->accepted[a].part, &hunt->circles[i]))
                hunt->predicted[i] = fmax(hunt->predicted[i], hunt->accepted[a].loss);
    }
}

static void keep_best(struct rg_straggler *best, const struct rg_straggler *candidate)
{
    if (candidate->strength > best->strength)
        *best = *candidate;
}

static void accept_all(struct hunt *hunt)
{
    while (hunt->accepted_count < STRAGGLERS_MOST) {
        struct rg_straggler best = {.strength = CAUTION};
        each_candidate(hunt, keep_best, &best);
        if (best.strength <= CAUTION)
            break;
        hunt->accepted[hunt->accepted_count++] = best;
        predict(hunt);
    }
}

static void add_alternative(struct rg_straggler *s, const struct rg_part *part)
{
    bool known = rg_part_same(&s->part, part);
    for (size_t i = 0; i < s->alternative_count; i++)
        known |= rg_part_same(&s->alternatives[i], part);
    if (!known && s->alternative_count < RG_STRAGGLER_ALTERNATIVES)
        s->alternatives[s->alternative_count++] = *part;
}

static void add_if_tied(struct rg_straggler *s, const struct rg_straggler *candidate)
{
    if (candidate->strength + TIE >= s->strength)
        add_alternative(s, &candidate->part);
}

/* What would do as well in the place of accepted part a, and how it stands with what it explains alone. */
static void look_at(struct hunt *hunt, size_t a)
{
    struct rg_straggler *s = &hunt->accepted[a], weighed = *s;
    s->part.kind = RG_PART_KINDS; /* which holds nothing */
    predict(hunt);
    weigh(hunt, &weighed);
    each_candidate(hunt, add_if_tied, &weighed);
    *s = weighed;
    gather(hunt, &s->part);
    for (size_t i = 0; i < hunt->member_count; i++) {
        bool fell_short = is_short(hunt, &hunt->circles[hunt->members[i]]);
        s->short_circles += fell_short;
        s->well_circles += !fell_short;
    }
    predict(hunt);
}

static double total_of(const struct hunt *hunt)
{
    double total = 0;
    for (size_t i = 0; i < hunt->count; i++)
        total += cost_of(&hunt->circles[i], hunt->predicted[i]);
    return total;
}

static void set_rail(struct rg_part *part, int rail)
{
    part->kind = rail < 0 ? RG_PART_NODE : RG_PART_NIC;
    part->rail = rail;
}

/* Of two nodes with a straggler each, rails may be told and not whose they are: then either may be of either. */
static void exchange_rails(struct hunt *hunt, size_t a, size_t b)
{
    struct rg_part *one = &hunt->accepted[a].part, *two = &hunt->accepted[b].part;
    const struct rg_part before[] = {*one, *two};
    bool nodes = (one->kind == RG_PART_NIC || one->kind == RG_PART_NODE) &&
                 (two->kind == RG_PART_NIC || two->kind == RG_PART_NODE);
    if (!nodes || one->rail == two->rail)
        return;
    double total = total_of(hunt);
    set_rail(one, before[1].rail);
    set_rail(two, before[0].rail);
    const struct rg_part after[] = {*one, *two};
    predict(hunt);
    bool tied = total_of(hunt) < total + TIE;
    *one = before[0];
    *two = before[1];
    predict(hunt);
    if (tied) {
        add_alternative(&hunt->accepted[a], &after[0]);
        add_alternative(&hunt->accepted[b], &after[1]);
    }
}

static int strongest_first(const void *left, const void *right)
{
    double a = ((const struct rg_straggler *)left)->strength, b = ((const struct rg_straggler *)right)->strength;
    return (a < b) - (a > b);
}

int rg_stragglers_find(const struct rg_fleet *fleet, const struct rg_circle *circles, size_t count, double least_loss,
    struct rg_straggler **out, size_t *out_count, struct rg_error *err)
{
    struct hunt hunt = {.fleet = fleet, .circles = circles, .count = count, .least_loss = least_loss};
    struct rg_straggler *found = calloc(STRAGGLERS_MOST, sizeof *found);
    if (found == NULL || hunt_open(&hunt) != 0) {
        hunt_close(&hunt);
        free(found);
        return rg_fail(err, -ENOMEM, "no memory to look for stragglers");
    }
    accept_all(&hunt);
    for (size_t a = 0; a < hunt.accepted_count; a++)
        look_at(&hunt, a);
    for (size_t a = 0; a < hunt.accepted_count; a++)
        for (size_t b = a + 1; b < hunt.accepted_count; b++)
            exchange_rails(&hunt, a, b);
    hunt_close(&hunt);
    memcpy(found, hunt.accepted, hunt.accepted_count * sizeof *found);
    qsort(found, hunt.accepted_count, sizeof *found, strongest_first);
    *out = found;
    *out_count = hunt.accepted_count;
    return 0;
}
