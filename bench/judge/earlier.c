#include "judge/earlier.h"

#include "judge/hold.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where something was measured; texts are the verdict's, so equal ones are the same. Without padding: it is hashed. */
struct place {
    const char *node, *peer_node, *opposite;
    uint32_t point, joins; /* joins: how many rails a node's sum is of, or ranks a collective's figure; 0: one */
    int16_t rail, peer_rail, side; /* -1: none */
    int16_t hardware;
};

struct entry {
    struct place place;
    double measured;
    bool taken;
};

/* How rows of this run fared that have a point of the earlier one's. */
struct meeting {
    size_t met, unmet;
    uint32_t joins, joined; /* of one that had no counterpart, here; and of the earlier run's first */
};

struct rg_earlier {
    struct rg_run run;
    bool alike; /* both are of hardware, or neither */
    double tolerance_percent;
    const char *run_id, *tolerance_source;
    struct rg_points points;
    struct meeting *meetings; /* by point */
    struct entry *entries;
    size_t count, room;
    uint32_t *slots; /* by hash, in the order of entering: number of an entry + 1 */
    size_t slot_room, next_missing;
    struct rg_verdict *out;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to read the earlier run");
}

static size_t hash(const struct place *place)
{
    const unsigned char *bytes = (const unsigned char *)place;
    uint64_t sum = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < sizeof *place; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    return (size_t)(sum ^ sum >> 32);
}

/* The row's place, among the points given; its point is RG_NO_POINT, cut short, where it has none. */
static struct place place_of(const struct rg_earlier *earlier, size_t point, const struct rg_row *row)
{
    struct place place;
    memset(&place, 0, sizeof place);
    place.node = rg_verdict_text(earlier->out, row->node);
    place.peer_node = rg_verdict_text(earlier->out, row->peer_node);
    place.opposite = rg_verdict_text(earlier->out, row->opposite);
    place.point = (uint32_t)point;
    place.joins = (uint32_t)(row->rails != RG_NONE ? row->rails : row->ranks != RG_NONE ? row->ranks : 0);
    place.rail = (int16_t)(row->rail == RG_NONE ? -1 : row->rail);
    place.peer_rail = (int16_t)(row->peer_rail == RG_NONE ? -1 : row->peer_rail);
    place.side = (int16_t)(row->side == NULL ? -1 : strcmp(row->side, "tx") == 0);
    place.hardware = row->hardware ? 1 : 0;
    return place;
}

static void enter(struct rg_earlier *earlier, uint32_t number)
{
    size_t slot = hash(&earlier->entries[number].place) & (earlier->slot_room - 1);
    while (earlier->slots[slot] != 0)
        slot = (slot + 1) & (earlier->slot_room - 1);
    earlier->slots[slot] = number + 1;
}

static int grow(struct rg_earlier *earlier, struct rg_error *err)
{
    size_t room = earlier->room ? 2 * earlier->room : 256;
    struct entry *entries = realloc(earlier->entries, room * sizeof *entries);
    if (entries == NULL)
        return no_memory(err);
    earlier->entries = entries;
    free(earlier->slots);
    earlier->slots = calloc(2 * room, sizeof *earlier->slots);
    if (earlier->slots == NULL)
        return no_memory(err);
    earlier->room = room;
    earlier->slot_room = 2 * room;
    for (size_t i = 0; i < earlier->count; i++)
        enter(earlier, (uint32_t)i);
    return 0;
}

/* What has no figure, or failed for all that it has one, is no yardstick. */
static int take(struct rg_earlier *earlier, struct rg_row *row, struct rg_error *err)
{
    const char **const texts[] = {
        &row->test, &row->direction, &row->memory, &row->variant, &row->pattern, &row->scope, &row->metric};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        *texts[t] = rg_verdict_text(earlier->out, *texts[t]);
    size_t point = rg_points_place(&earlier->points, row);
    if (point == RG_NO_POINT || point > UINT32_MAX)
        return no_memory(err);
    if (isnan(row->measured) || row->status != RG_UNJUDGED)
        return 0;
    int code = earlier->count == earlier->room ? grow(earlier, err) : 0;
    if (code == 0) {
        earlier->entries[earlier->count] = (struct entry){place_of(earlier, point, row), row->measured, false};
        enter(earlier, (uint32_t)earlier->count++);
    }
    return code;
}

/* The earlier run's rows as they are read: they stay here alone. */
static int settle(void *context, struct rg_verdict *before, size_t first, struct rg_error *err)
{
    int code = 0;
    for (size_t i = first; i < before->row_count; i++) {
        if (code == 0)
            code = take(context, &before->rows[i], err);
        rg_row_close(&before->rows[i]);
    }
    before->row_count = first;
    return code;
}

/* One a point, with what its first entry joins. */
static int open_meetings(struct rg_earlier *earlier, struct rg_error *err)
{
    earlier->meetings = calloc(earlier->points.count + 1, sizeof *earlier->meetings);
    if (earlier->meetings == NULL)
        return no_memory(err);
    for (size_t i = earlier->count; i-- > 0;)
        earlier->meetings[earlier->entries[i].place.point].joined = earlier->entries[i].place.joins;
    return 0;
}

/* Says what was set otherwise in the earlier run, test by test, in whatever order the suites have them. */
static void note_settings(const struct rg_suite *now, const struct rg_suite *before, struct rg_verdict *out)
{
    size_t counterpart[RG_SUITE_TESTS_MOST];
    rg_suite_pair(now, before, counterpart);
    for (size_t i = 0; i < now->test_count; i++) {
        char words[400];
        if (counterpart[i] != SIZE_MAX &&
            rg_settings_differ(&before->tests[counterpart[i]], &now->tests[i], words, sizeof words))
            rg_verdict_note(
                out, "%s was measured with other settings than in the earlier run: %s", now->tests[i].test, words);
    }
}

static bool has_screen(const struct rg_suite *suite)
{
    for (size_t i = 0; i < suite->test_count; i++)
        if (strcmp(suite->tests[i].pattern, "screen") == 0)
            return true;
    return false;
}

int rg_earlier_open(const char *directory, const struct rg_run *now, const struct rg_yardstick *yardstick,
    struct rg_verdict *out, struct rg_earlier **earlier, struct rg_error *err)
{
    struct rg_verdict before = {0};
    struct rg_earlier *e = calloc(1, sizeof *e);
    if (e == NULL)
        return no_memory(err);
    e->out = out;
    e->tolerance_percent = yardstick->tolerance_percent;
    e->tolerance_source = yardstick->tolerance_source;
    int code = rg_run_load(directory, &e->run, err);
    if (code == 0) {
        e->run_id = rg_verdict_text(out, e->run.run_id);
        e->alike = now->hardware == e->run.hardware;
        if (!e->alike)
            rg_verdict_note(
                out, "run %s: one run is of hardware and the other is not: nothing was compared", e->run_id);
        if (e->run.exit_status == 1)
            rg_verdict_note(out, "run %s failed by its own verdict: what was bad in it is a poor yardstick", e->run_id);
        note_settings(&now->suite, &e->run.suite, out);
        if (now->seed != e->run.seed && has_screen(&now->suite) && has_screen(&e->run.suite))
            rg_verdict_note(out,
                "run %s drew the pairs of its screens by seed %lld, this one by %lld, so that other nodes met: with the "
                "same --seed, or --pattern pairs, all have a counterpart",
                e->run_id, (long long)e->run.seed, (long long)now->seed);
        struct rg_settler settler = {settle, e};
        code = rg_judge_measured_by(&e->run, directory, NULL, &settler, &before, err);
    }
    rg_verdict_close(&before);
    if (code == 0)
        code = open_meetings(e, err);
    if (code != 0) {
        rg_earlier_close(e);
        return code;
    }
    *earlier = e;
    return 0;
}

void rg_earlier_close(struct rg_earlier *earlier)
{
    if (earlier == NULL)
        return;
    rg_run_close(&earlier->run);
    rg_points_close(&earlier->points);
    free(earlier->meetings);
    free(earlier->entries);
    free(earlier->slots);
    free(earlier);
}

const char *rg_earlier_run_id(const struct rg_earlier *earlier)
{
    return earlier->run_id;
}

static int hold(const struct rg_earlier *earlier, const struct entry *entry, struct rg_row *row, struct rg_error *err)
{
    struct rg_bound by = {.kind = "run",
        .source = earlier->run_id,
        .tolerance_source = earlier->tolerance_source,
        .expected = entry->measured,
        .tolerance_percent = earlier->tolerance_percent};
    return rg_hold(row, &by) ? 0 : no_memory(err);
}

int rg_earlier_hold(struct rg_earlier *earlier, struct rg_row *row, struct rg_error *err)
{
    size_t point = rg_points_find(&earlier->points, row);
    if (!earlier->alike || point == RG_NO_POINT)
        return 0;
    struct place place = place_of(earlier, point, row);
    struct meeting *meeting = &earlier->meetings[point];
    for (size_t slot = hash(&place) & (earlier->slot_room - 1); earlier->count > 0 && earlier->slots[slot] != 0;
         slot = (slot + 1) & (earlier->slot_room - 1)) {
        struct entry *entry = &earlier->entries[earlier->slots[slot] - 1];
        if (entry->taken || memcmp(&entry->place, &place, sizeof place) != 0)
            continue;
        entry->taken = true;
        meeting->met++;
        return hold(earlier, entry, row, err);
    }
    if (!isnan(row->measured) && meeting->unmet++ == 0)
        meeting->joins = place.joins;
    return 0;
}

bool rg_earlier_missing(struct rg_earlier *earlier, struct rg_verdict *out, int *code, struct rg_error *err)
{
    while (earlier->next_missing < earlier->count && earlier->entries[earlier->next_missing].taken)
        earlier->next_missing++;
    if (!earlier->alike || earlier->next_missing == earlier->count)
        return false;
    const struct entry *entry = &earlier->entries[earlier->next_missing++];
    const struct place *place = &entry->place;
    const struct rg_test_point *point = &earlier->points.at[place->point];
    struct rg_row *row = rg_verdict_add(out);
    if (row == NULL) {
        *code = no_memory(err);
        return false;
    }
    row->test = point->test;
    row->direction = point->direction;
    row->memory = point->memory;
    row->variant = point->variant;
    row->pattern = point->pattern;
    row->scope = point->scope;
    row->metric = point->metric;
    row->size_bytes = point->size_bytes;
    row->queue_pairs = point->queue_pairs;
    row->node = place->node;
    row->peer_node = place->peer_node;
    row->opposite = place->opposite;
    row->rail = place->rail < 0 ? RG_NONE : place->rail;
    row->peer_rail = place->peer_rail < 0 ? RG_NONE : place->peer_rail;
    row->side = place->side < 0 ? NULL : place->side ? "tx" : "rx";
    row->hardware = place->hardware;
    row->status = RG_NOT_RUN;
    rg_hold_reason(row, "the earlier run has it, this one does not");
    *code = hold(earlier, entry, row, err);
    return *code == 0;
}

/* Why rows of a point that both runs have found no counterpart; empty: all did. True: some did. */
static bool tell_unmet(const struct meeting *meeting, const char *scope, char *out, size_t room)
{
    const char *whats = strcmp(scope, "rail") == 0 ? "flows" : strcmp(scope, "gpu") == 0 ? "GPUs" : "groups";
    bool node = strcmp(scope, "node") == 0;
    out[0] = '\0';
    if (meeting->unmet > 0 && meeting->joins != meeting->joined && meeting->joined > 0)
        snprintf(
            out, room, "there it is of %u %s, here of %u", meeting->joined, node ? "rails" : "ranks", meeting->joins);
    else if (meeting->unmet > 0 && !node && meeting->met > 0) /* the flows' point says it for nodes */
        snprintf(
            out, room, "%zu of %zu %s have no counterpart there", meeting->unmet, meeting->unmet + meeting->met, whats);
    else if (meeting->unmet > 0 && !node)
        snprintf(out, room, "that has no such measurement between the same places");
    return meeting->met > 0;
}

/* Why a point of this run was not compared, or, if true, not all of it; empty: it was. */
static bool tell_point(const struct rg_earlier *earlier, const struct rg_test_point *now, char *out, size_t room)
{
    bool node = strcmp(now->scope, "node") == 0; /* the flows' point says it */
    snprintf(out, room, node ? "" : "that has no such measurement");
    for (size_t b = 0; b < earlier->points.count; b++) {
        const struct rg_test_point *before = &earlier->points.at[b];
        char words[300];
        if (strcmp(before->test, now->test) != 0 || strcmp(before->scope, now->scope) != 0 ||
            strcmp(before->metric, now->metric) != 0 || before->size_bytes != now->size_bytes)
            continue;
        rg_points_differ(before, now, words, sizeof words);
        if (words[0] == '\0')
            return tell_unmet(&earlier->meetings[b], now->scope, out, room);
        if (!node)
            snprintf(out, room, "that measured it with %s", words);
    }
    return false;
}

void rg_earlier_note(const struct rg_earlier *earlier, struct rg_verdict *out)
{
    for (size_t i = 0; earlier->alike && i < out->points.count; i++) {
        const struct rg_test_point *now = &out->points.at[i];
        char name[200], words[400];
        if (now->measured == 0 || strcmp(now->metric, "latency_p99_us") == 0) /* the median's point says it */
            continue;
        bool in_part = tell_point(earlier, now, words, sizeof words);
        rg_point_say(now, name, sizeof name);
        if (words[0] != '\0')
            rg_verdict_note(out, "%s%s is %scompared with run %s%s: %s",
                strcmp(now->scope, "node") == 0 ? "the sum over a node's rails of " : "", name, in_part ? "" : "not ",
                earlier->run_id, in_part ? " in part" : "", words);
    }
}
