/* What collectives tell of the ranks that hold them up: communicators of nodes, of pairs of nodes and of rails, each
 * against its like. */
#include "judge/evidence.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_LOSS_FACTOR 1.5 /* each communicator is measured once: it has to be so much further out than a flow */
#define NOISE_OF_LOSS 0.2     /* noise is taken to be this share of the least loss, at least: there are few of a kind */

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to look for stragglers");
}

int rg_evidence_add_circle(struct rg_fleet_judge *judge, const struct rg_measurement *m, struct rg_error *err)
{
    struct rg_circle circle = {
        rg_evidence_node(judge, m->group.node), rg_evidence_node(judge, m->group.peer_node), (int)m->group.rail, 0, 0};
    bool ok = strcmp(m->status, "ok") == 0 && m->has_group && m->group.ranks > 1 && m->has_collective &&
              m->collective.time_p50_us > 0;
    bool of_rail = circle.node < 0 && m->group.rail != RG_NONE && circle.rail < judge->fleet.rails;
    if (!ok || (circle.node < 0 && !of_rail) || (circle.node >= 0 && circle.peer == circle.node))
        return 0; /* of all ranks, which tells of nobody; of a pair, one of which is gone */
    if (circle.peer >= 0 && circle.peer < circle.node)
        circle = (struct rg_circle){circle.peer, circle.node, -1, 0, 0};
    circle.rail = of_rail ? circle.rail : -1;
    if (judge->circle_count == judge->circle_room) {
        size_t room = judge->circle_room ? 2 * judge->circle_room : 64;
        struct rg_heard_circle *grown = realloc(judge->circles, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        judge->circles = grown;
        judge->circle_room = room;
    }
    judge->circles[judge->circle_count++] =
        (struct rg_heard_circle){rg_json_word_place(rg_test_names, m->test), m->test_index, m->size_bytes, circle,
            m->collective.busbw_gigabytes_per_s * m->collective.time_avg_us / m->collective.time_p50_us};
    return 0;
}

/* --- what each lacks --- */

/* Whether a part that flows accuse may have a share in a communicator. */
static bool may_hold(const struct rg_fleet *fleet, const struct rg_circle *c, const struct rg_part *part)
{
    bool rail = c->rail < 0 || part->rail < 0 || c->rail == part->rail;
    bool node = part->node < 0 || c->node < 0 || c->node == part->node || c->peer == part->node;
    if (part->kind == RG_PART_PATH)
        node = c->node < 0 || (c->node == part->node && c->peer == part->peer) ||
               (c->node == part->peer && c->peer == part->node);
    if (part->kind >= RG_PART_LEAF_TX)
        node = c->node < 0 || (c->peer >= 0 && rg_part_leaf_of(fleet, c->node) != rg_part_leaf_of(fleet, c->peer));
    return rail && node;
}

/* Those of one kind, of a test at a size, against each other; one alone has no like. What is evidence goes to out; how
 * many that are. rates: room for all. */
static size_t hold_against_their_like(const struct rg_fleet_judge *judge, const struct rg_heard_circle *circles,
    size_t count, const struct rg_part *accused, size_t accused_count, double *rates, struct rg_circle *out)
{
    double healthy, noise;
    size_t kept = 0;
    if (count < 2)
        return 0;
    for (size_t i = 0; i < count; i++)
        rates[i] = circles[i].median_gigabytes_per_s;
    rg_evidence_reference(judge, rates, count, &healthy, &noise);
    for (size_t i = 0; i < count; i++) {
        bool explained = false;
        for (size_t a = 0; a < accused_count; a++)
            explained |= may_hold(&judge->fleet, &circles[i].circle, &accused[a]);
        if (explained)
            continue;
        out[kept] = circles[i].circle;
        out[kept].shortfall = (float)(1 - circles[i].median_gigabytes_per_s / healthy);
        out[kept++].noise = (float)fmax(noise, NOISE_OF_LOSS * judge->least_loss);
    }
    return kept;
}

/* --- words --- */

static void name_part(const struct rg_fleet_judge *judge, const struct rg_part *part, char *out, size_t room)
{
    const char *node = part->node < 0 ? "" : judge->names[part->node];
    switch (part->kind) {
    case RG_PART_NIC:
        snprintf(out, room, "%s, rail %d", node, part->rail);
        break;
    case RG_PART_NODE:
        snprintf(out, room, "%s, all rails; or one of them", node);
        break;
    case RG_PART_RAIL:
        snprintf(out, room, "rail %d of all nodes; or of one of them", part->rail);
        break;
    default:
        snprintf(out, room, "%s and %s together", node, judge->names[part->peer]);
    }
}

/* A finding, and where it was made. */
struct found {
    struct rg_straggler straggler;
    int test;
    int64_t size_bytes;
};

static bool is_open(const struct rg_straggler *s)
{
    return s->part.kind == RG_PART_NODE || s->part.kind == RG_PART_RAIL || s->alternative_count > 0;
}

static int accuse(
    const struct rg_fleet_judge *judge, const struct found *found, struct rg_verdict *out, struct rg_error *err)
{
    const struct rg_straggler *s = &found->straggler;
    const struct rg_part *part = &s->part;
    struct rg_accused *accused = rg_verdict_accuse(out);
    char names[1200], size[24];
    if (accused == NULL)
        return no_memory(err);
    accused->part = part->kind == RG_PART_NIC    ? "rank"
                    : part->kind == RG_PART_NODE ? "node"
                    : part->kind == RG_PART_RAIL ? "rail"
                                                 : "path";
    accused->fault = "slow";
    accused->status = is_open(s) ? "one_of" : "condemned";
    accused->node = part->node < 0 ? NULL : rg_verdict_text(out, judge->names[part->node]);
    accused->peer_node = part->peer < 0 ? NULL : rg_verdict_text(out, judge->names[part->peer]);
    accused->rail = part->rail < 0 ? RG_NONE : part->rail;
    accused->loss_percent = 100 * s->loss;
    accused->test = rg_test_names[found->test];
    accused->size_bytes = found->size_bytes;
    accused->flows_short = (int64_t)s->short_circles;
    accused->flows_well = (int64_t)s->well_circles;
    name_part(judge, part, names, sizeof names);
    for (size_t i = 0; i < s->alternative_count; i++) {
        size_t used = strlen(names);
        used += (size_t)snprintf(names + used, sizeof names - used, "; or ");
        if (used < sizeof names)
            name_part(judge, &s->alternatives[i], names + used, sizeof names - used);
    }
    snprintf(accused->sentence, sizeof accused->sentence,
        "%s%s: holds up collectives, by %.1f %%; %zu of %zu communicators with it show it, in %s %s%s.",
        is_open(s) ? "one of: " : "", names, 100 * s->loss, s->short_circles, s->short_circles + s->well_circles,
        rg_test_names[found->test], rg_args_format_bytes(found->size_bytes, size),
        judge->point_count > 0 ? "; its flows are as fast as others" : "");
    return 0;
}

/* --- the search --- */

static int by_test_and_size(const void *left, const void *right)
{
    const struct rg_heard_circle *a = left, *b = right;
    if (a->test != b->test)
        return a->test - b->test;
    if (a->size_bytes != b->size_bytes)
        return a->size_bytes < b->size_bytes ? -1 : 1;
    return (a->test_index > b->test_index) - (a->test_index < b->test_index);
}

/* A single rank before what has it among others, then by what it costs. */
static int surest_first(const void *left, const void *right)
{
    const struct rg_straggler *a = &((const struct found *)left)->straggler,
                              *b = &((const struct found *)right)->straggler;
    if (is_open(a) != is_open(b))
        return is_open(a) - is_open(b);
    return (a->loss < b->loss) - (a->loss > b->loss);
}

/* Whether one of the first findings is of this part, or of a rank in it. */
static bool is_told(const struct found *list, size_t count, const struct rg_part *part)
{
    bool of_node = part->kind == RG_PART_NODE, of_rail = part->kind == RG_PART_RAIL;
    for (size_t i = 0; i < count; i++) {
        const struct rg_part *told = &list[i].straggler.part;
        bool node = told->node == part->node && told->peer == part->peer, rail = told->rail == part->rail;
        if ((node && rail) || (of_node && node) || (of_rail && rail))
            return true;
    }
    return false;
}

/* Adds what the circles of one test at one size tell, whatever they are of. */
static int hear(const struct rg_fleet_judge *judge, const struct rg_heard_circle *first,
    const struct rg_circle *circles, size_t count, struct found **list, size_t *list_count, struct rg_error *err)
{
    struct rg_straggler *stragglers;
    size_t found;
    int code = rg_stragglers_find(
        &judge->fleet, circles, count, LEAST_LOSS_FACTOR * judge->least_loss, &stragglers, &found, err);
    if (code != 0)
        return code;
    struct found *grown = realloc(*list, (*list_count + found + 1) * sizeof *grown);
    if (grown != NULL)
        *list = grown;
    for (size_t i = 0; grown != NULL && i < found; i++)
        grown[(*list_count)++] = (struct found){stragglers[i], first->test, first->size_bytes};
    free(stragglers);
    return grown ? 0 : no_memory(err);
}

/* The end of the circles from `first` on that are alike. */
static size_t end_of(const struct rg_fleet_judge *judge, size_t first, bool one_test)
{
    const struct rg_heard_circle *c = judge->circles;
    size_t end = first;
    while (end < judge->circle_count && c[end].test == c[first].test && c[end].size_bytes == c[first].size_bytes &&
           (!one_test || c[end].test_index == c[first].test_index))
        end++;
    return end;
}

static int hear_all(struct rg_fleet_judge *judge, const struct rg_part *accused, size_t accused_count,
    struct found **list, size_t *list_count, struct rg_error *err)
{
    double *rates = calloc(judge->circle_count + 1, sizeof *rates);
    struct rg_circle *circles = calloc(judge->circle_count + 1, sizeof *circles);
    int code = rates && circles ? 0 : no_memory(err);
    if (judge->circle_count > 0)
        qsort(judge->circles, judge->circle_count, sizeof *judge->circles, by_test_and_size);
    for (size_t first = 0, end; code == 0 && first < judge->circle_count; first = end) {
        size_t count = 0;
        end = end_of(judge, first, false);
        for (size_t next, i = first; i < end; i = next) {
            next = end_of(judge, i, true);
            count += hold_against_their_like(
                judge, &judge->circles[i], next - i, accused, accused_count, rates, &circles[count]);
        }
        code = hear(judge, &judge->circles[first], circles, count, list, list_count, err);
    }
    free(rates);
    free(circles);
    return code;
}

int rg_evidence_accuse_stragglers(struct rg_fleet_judge *judge, const struct rg_part *accused, size_t accused_count,
    struct rg_verdict *out, struct rg_error *err)
{
    struct found *list = NULL;
    size_t count = 0, told = 0;
    int code = hear_all(judge, accused, accused_count, &list, &count, err);
    if (count > 0)
        qsort(list, count, sizeof *list, surest_first);
    for (size_t i = 0; code == 0 && i < count; i++) {
        if (is_told(list, told, &list[i].straggler.part))
            continue;
        list[told] = list[i];
        code = accuse(judge, &list[told++], out, err);
    }
    free(list);
    return code;
}
