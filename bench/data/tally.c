#include "data/tally.h"

#include "data/suite.h"
#include "data/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

int rg_status_weight(enum rg_status status)
{
    static const int weights[RG_STATUSES] = {
        [RG_FAIL] = 5, [RG_NOISY] = 4, [RG_NOT_RUN] = 3, [RG_UNSUPPORTED] = 2, [RG_PASS] = 1, [RG_UNJUDGED] = 0};
    return weights[status];
}

/* --- points --- */

size_t rg_points_find(const struct rg_points *points, const struct rg_row *row)
{
    for (size_t i = points->count; i > 0; i--) { /* mostly one of the last */
        const struct rg_test_point *p = &points->at[i - 1];
        if (p->size_bytes == row->size_bytes && p->queue_pairs == row->queue_pairs && same(p->test, row->test) &&
            same(p->scope, row->scope) && same(p->metric, row->metric) && same(p->direction, row->direction) &&
            same(p->memory, row->memory) && same(p->variant, row->variant) && same(p->pattern, row->pattern))
            return i - 1;
    }
    return RG_NO_POINT;
}

struct rg_test_point rg_point_of(const struct rg_row *row)
{
    return (struct rg_test_point){.test = row->test,
        .direction = row->direction,
        .memory = row->memory,
        .variant = row->variant,
        .pattern = row->pattern,
        .scope = row->scope,
        .metric = row->metric,
        .size_bytes = row->size_bytes,
        .queue_pairs = row->queue_pairs,
        .test_index = row->test_index,
        .least = NAN,
        .median = NAN,
        .most = NAN,
        .mad = NAN};
}

void rg_point_say(const struct rg_test_point *point, char *out, size_t room)
{
    char size[24];
    snprintf(out, room, "%s %s%s%s%s%s", point->test, rg_args_format_bytes(point->size_bytes, size),
        point->direction ? " " : "", point->direction ? point->direction : "", point->pattern ? ", " : "",
        point->pattern ? point->pattern : "");
}

size_t rg_points_place(struct rg_points *points, const struct rg_row *row)
{
    size_t found = rg_points_find(points, row);
    if (found != RG_NO_POINT)
        return found;
    if (points->count == points->room) {
        size_t room = points->room ? 2 * points->room : 16;
        struct rg_test_point *grown = realloc(points->at, room * sizeof *grown);
        if (grown == NULL)
            return RG_NO_POINT;
        points->at = grown;
        points->room = room;
    }
    points->at[points->count] = rg_point_of(row);
    return points->count++;
}

void rg_points_differ(const struct rg_test_point *there, const struct rg_test_point *here, char *out, size_t room)
{
    const struct {
        const char *name, *there, *here;
    } texts[] = {{"direction", there->direction, here->direction}, {"memory", there->memory, here->memory},
        {"variant", there->variant, here->variant}, {"pattern", there->pattern, here->pattern}};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof texts / sizeof *texts && used < room; i++)
        if (!same(texts[i].there, texts[i].here))
            used += (size_t)snprintf(out + used, room - used, "%s%s %s, here %s", used ? "; " : "", texts[i].name,
                texts[i].there ? texts[i].there : "-", texts[i].here ? texts[i].here : "-");
    if (there->queue_pairs != here->queue_pairs && used < room)
        snprintf(out + used, room - used, "%s%lld %s%s, here %lld", used ? "; " : "", (long long)there->queue_pairs,
            rg_test_channel_word(here->test), there->queue_pairs == 1 ? "" : "s", (long long)here->queue_pairs);
}

int rg_point_add(struct rg_test_point *point, const struct rg_row *row)
{
    point->rows++;
    point->counts[row->status]++;
    if (isnan(row->measured))
        return 0;
    if (point->measured == point->room) {
        size_t room = point->room ? 2 * point->room : 64;
        float *grown = realloc(point->values, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        point->values = grown;
        point->room = room;
    }
    point->values[point->measured++] = (float)row->measured;
    return 0;
}

static int ascending(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static double median_of(float *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : ((double)values[count / 2 - 1] + (double)values[count / 2]) / 2;
}

int rg_points_sum_up(struct rg_points *points)
{
    for (size_t i = 0; i < points->count; i++) {
        struct rg_test_point *p = &points->at[i];
        if (p->measured == 0)
            continue;
        float *off = calloc(p->measured, sizeof *off);
        if (off == NULL)
            return -ENOMEM;
        p->median = median_of(p->values, p->measured);
        p->least = p->values[0];
        p->most = p->values[p->measured - 1];
        for (size_t v = 0; v < p->measured; v++)
            off[v] = (float)fabs((double)p->values[v] - p->median);
        p->mad = median_of(off, p->measured);
        free(off);
    }
    return 0;
}

void rg_points_close(struct rg_points *points)
{
    for (size_t i = 0; i < points->count; i++)
        free(points->at[i].values);
    free(points->at);
    *points = (struct rg_points){0};
}

/* --- sides --- */

static size_t hash_text(const char *text)
{
    size_t sum = 5381;
    for (; text != NULL && *text != '\0'; text++)
        sum = sum * 33 + (unsigned char)*text;
    return sum;
}

static size_t hash_side(const struct rg_side *side)
{
    size_t sum = side->point;
    sum = sum * 1000003 + hash_text(side->node);
    sum = sum * 1000003 + hash_text(side->peer_node);
    sum = sum * 1000003 + hash_text(side->side);
    sum = sum * 1000003 + (size_t)side->rail;
    return sum ^ sum >> 29;
}

static bool same_side(const struct rg_side *a, const struct rg_side *b)
{
    return a->point == b->point && a->rail == b->rail && same(a->node, b->node) && same(a->side, b->side) &&
           same(a->peer_node, b->peer_node);
}

static size_t slot_of(const struct rg_sides *sides, const struct rg_side *key)
{
    size_t slot = hash_side(key) & (sides->slot_room - 1);
    while (sides->slots[slot] != 0 && !same_side(&sides->at[sides->slots[slot] - 1], key))
        slot = (slot + 1) & (sides->slot_room - 1);
    return slot;
}

static int grow(struct rg_sides *sides)
{
    size_t room = sides->room ? 2 * sides->room : 64;
    struct rg_side *at = realloc(sides->at, room * sizeof *at);
    if (at == NULL)
        return -ENOMEM;
    sides->at = at;
    uint32_t *slots = calloc(2 * room, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(sides->slots);
    sides->slots = slots;
    sides->slot_room = 2 * room;
    sides->room = room;
    for (size_t i = 0; i < sides->count; i++)
        sides->slots[slot_of(sides, &sides->at[i])] = (uint32_t)i + 1;
    return 0;
}

/* Whether a row did worse than the worst so far: by its status, then by how far it is from what it must reach. */
static bool is_worse(const struct rg_row *row, const struct rg_side *side)
{
    int weight = rg_status_weight(row->status), before = rg_status_weight(side->status);
    bool latency = row->metric != NULL && strncmp(row->metric, "latency", 7) == 0;
    bool first = side->rows == side->let_off;
    if (first || weight != before)
        return first || weight > before;
    if (isnan(row->measured) || isnan(side->worst))
        return isnan(row->measured) && !isnan(side->worst);
    return latency ? row->measured > side->worst : row->measured < side->worst;
}

static int add(struct rg_sides *sides, const struct rg_side *key, const struct rg_row *row, bool let_off)
{
    if (sides->count == sides->room && grow(sides) != 0)
        return -ENOMEM;
    size_t slot = slot_of(sides, key);
    if (sides->slots[slot] == 0) {
        struct rg_side *fresh = &sides->at[sides->count];
        *fresh = *key;
        fresh->status = RG_UNJUDGED;
        fresh->worst = fresh->expected = fresh->threshold = fresh->tolerance_percent = NAN;
        fresh->worst_nominal_percent = fresh->worst_ceiling_percent = NAN;
        sides->slots[slot] = (uint32_t)++sides->count;
    }
    struct rg_side *side = &sides->at[sides->slots[slot] - 1];
    if (let_off) {
        side->rows++;
        side->let_off++;
        return 0;
    }
    if (is_worse(row, side)) {
        free(side->reason);
        side->reason = row->reason && row->status != RG_UNJUDGED ? strdup(row->reason) : NULL;
        side->status = row->status;
        side->worst = row->measured;
        side->expected = row->expected;
        side->threshold = row->threshold;
        side->tolerance_percent = row->tolerance_percent;
        side->worst_nominal_percent = row->nominal_percent;
        side->worst_ceiling_percent = row->ceiling_percent;
        side->source = row->source;
    }
    side->rows++;
    side->counts[row->status]++;
    return 0;
}

int rg_sides_add(struct rg_sides *sides, size_t point, const struct rg_row *row, enum rg_laid laid)
{
    struct rg_side key = {.point = point, .node = row->node, .rail = row->rail, .side = row->side};
    bool flow = strcmp(row->scope, "rail") == 0 && row->node != NULL;
    if (flow)
        key.side = "tx";
    else if (strcmp(row->scope, "rail") != 0)
        key.peer_node = row->peer_node;
    int code = add(sides, &key, row, laid == RG_LAID_TO_SECOND);
    if (code != 0 || !flow)
        return code;
    key = (struct rg_side){.point = point, .node = row->peer_node, .rail = row->peer_rail, .side = "rx"};
    return add(sides, &key, row, laid == RG_LAID_TO_FIRST);
}

void rg_sides_close(struct rg_sides *sides)
{
    for (size_t i = 0; i < sides->count; i++)
        free(sides->at[i].reason);
    free(sides->at);
    free(sides->slots);
    *sides = (struct rg_sides){0};
}
