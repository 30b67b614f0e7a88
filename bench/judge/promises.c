#include "judge/promises.h"

#include "data/measurement.h"
#include "judge/hold.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

size_t rg_promises_rails(const struct rg_run *run)
{
    size_t rails = 0;
    for (size_t i = 0; i < run->rank_count; i++)
        if ((size_t)run->ranks[i].rail.rail + 1 > rails)
            rails = (size_t)run->ranks[i].rail.rail + 1;
    return rails;
}

bool rg_promises_whole(const struct rg_run *run, const struct rg_machine *machine)
{
    return machine->rails == RG_NONE || run->rank_count == 0 || (size_t)machine->rails == rg_promises_rails(run);
}

/* Whether a test asks for that variant, which is written as in judge/measured. How memory is registered turns out. */
static bool asks_variant(const struct rg_settings *s, enum rg_test_kind kind, const char *variant)
{
    char asked[128];
    bool reduces = same(s->test, "all_reduce") || same(s->test, "reduce_scatter");
    bool host = same(s->copy, "host_to_device") || same(s->copy, "device_to_host");
    if (variant == NULL || (kind != RG_TEST_COLLECTIVE && kind != RG_TEST_COPY))
        return true;
    if (kind == RG_TEST_COLLECTIVE)
        snprintf(asked, sizeof asked, "%s%s%s %s %s%s%s", s->data_type, reduces ? " " : "", reduces ? s->reduction : "",
            s->in_place ? "in_place" : "out_of_place", s->group, s->cuda_graph ? " graph" : "",
            s->register_buffers ? " registered" : "");
    else
        snprintf(asked, sizeof asked, "%s %s%s%s", s->copy, s->copy_by, host ? " " : "", host ? s->numa : "");
    return same(asked, variant);
}

/* Whether a test asks for payload in that memory, where `auto` is the GPU's wherever there is one. */
static bool asks_memory(
    const struct rg_run *run, const struct rg_settings *s, enum rg_test_kind kind, const char *memory)
{
    if (!same(s->memory, "auto") || kind == RG_TEST_COPY)
        return same(s->memory, memory) || kind == RG_TEST_COPY;
    bool asked = run->rank_count == 0;
    for (size_t i = 0; i < run->rank_count; i++)
        asked |= same(memory, run->ranks[i].rail.gpu_device == RG_NONE ? "host" : "cuda");
    return asked;
}

/* A machine's file is about flows between the same rails of two nodes alone. */
static bool asks_pattern(const struct rg_settings *s, enum rg_test_kind kind)
{
    bool flows = kind == RG_TEST_BANDWIDTH || kind == RG_TEST_LATENCY;
    return !flows || (rg_measurement_exclusive_pattern(s->pattern) && !same(s->rails, "cross"));
}

/* Whether the suite asks for what an expectation is about. */
static bool asks(const struct rg_run *run, const struct rg_expectation *e)
{
    const struct rg_suite *suite = &run->suite;
    for (size_t i = 0; i < suite->test_count; i++) {
        const struct rg_settings *s = &suite->tests[i];
        enum rg_test_kind kind = rg_test_kind_of(s->test);
        if (!same(s->test, e->test) || !asks_memory(run, s, kind, e->memory) || !asks_pattern(s, kind) ||
            !asks_variant(s, kind, e->variant) || (e->direction != NULL && !same(s->direction, e->direction)) ||
            (e->queue_pairs != RG_NONE && kind == RG_TEST_BANDWIDTH && e->queue_pairs != s->queue_pairs))
            continue;
        for (uint32_t size = 0; size < s->sizes.count; size++)
            if (s->sizes.bytes[size] == e->size_bytes)
                return true;
    }
    return false;
}

int rg_promises_hold(const struct rg_machine *machine, bool whole, struct rg_row *row, struct rg_error *err)
{
    struct rg_test_point point = rg_point_of(row);
    const struct rg_expectation *e = rg_machine_expectation(machine, &point);
    if (e == NULL)
        return 0;
    row->source = e->source;
    if (isnan(e->expected))
        return 0;
    struct rg_bound by = {.kind = "machine",
        .source = e->source,
        .tolerance_source = machine->name,
        .expected = e->expected,
        .tolerance_percent = e->tolerance_percent};
    struct rg_bound *bound = rg_hold(row, &by);
    if (bound == NULL)
        return rg_fail(err, -ENOMEM, "no memory to judge the run");
    if (row->status != RG_UNJUDGED)
        return 0;
    if (strcmp(row->scope, "node") == 0 && !whole) {
        bound->status = RG_NOT_RUN;
        bound->reason = "the run did not use all rails of the machine";
    } else if (bound->status == RG_PASS && machine->hardware && !row->hardware) {
        bound->status = RG_NOT_RUN;
        bound->reason = "reached, but not on hardware: it cannot stand for this machine";
    }
    return 0;
}

/* What is expected of the same figure at that size, however it is to be measured; the last, NULL: nothing. */
static const struct rg_expectation *nearest(const struct rg_machine *machine, const struct rg_test_point *point)
{
    const struct rg_expectation *found = NULL;
    for (size_t i = 0; i < machine->expectation_count; i++) {
        const struct rg_expectation *e = &machine->expectations[i];
        if (same(e->test, point->test) && same(e->scope, point->scope) && same(e->metric, point->metric) &&
            e->size_bytes == point->size_bytes && !isnan(e->expected))
            found = e;
    }
    return found;
}

void rg_promises_note(const struct rg_machine *machine, struct rg_verdict *out)
{
    for (size_t p = 0; p < out->points.count; p++) {
        const struct rg_test_point *here = &out->points.at[p];
        bool node = strcmp(here->scope, "node") == 0; /* the flows' point says it */
        const struct rg_expectation *near = here->measured > 0 && !node ? nearest(machine, here) : NULL;
        if (near == NULL || rg_machine_expectation(machine, here) != NULL)
            continue;
        struct rg_test_point there = rg_machine_point(near);
        char name[200], words[300];
        if (there.variant == NULL) /* any */
            there.variant = here->variant;
        if (there.queue_pairs == RG_NONE)
            there.queue_pairs = here->queue_pairs;
        rg_point_say(here, name, sizeof name);
        rg_points_differ(&there, here, words, sizeof words);
        rg_verdict_note(out, "%s is not compared with %s: that expects it with %s", name, machine->name, words);
    }
}

static bool is_met(const struct rg_expectation *e, const struct rg_points *points)
{
    for (size_t i = 0; i < points->count; i++)
        if (rg_machine_expects(e, &points->at[i]))
            return true;
    return false;
}

static int add_absent(const struct rg_run *run, const struct rg_machine *machine, const struct rg_expectation *e,
    struct rg_verdict *out, struct rg_error *err)
{
    struct rg_row *row = rg_verdict_add(out);
    if (row == NULL)
        return rg_fail(err, -ENOMEM, "no memory to judge the run");
    row->asked = asks(run, e);
    row->status = RG_NOT_RUN;
    row->test = e->test;
    row->direction = e->direction;
    row->memory = e->memory;
    row->variant = e->variant;
    row->scope = e->scope;
    row->metric = e->metric;
    row->size_bytes = e->size_bytes;
    row->queue_pairs = e->queue_pairs;
    rg_hold_reason(
        row, row->asked ? "the suite asked for it, and there is no measurement" : "the suite did not ask for it");
    return rg_promises_hold(machine, true, row, err);
}

int rg_promises_absent(
    const struct rg_run *run, const struct rg_machine *machine, struct rg_verdict *out, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < machine->expectation_count; i++) {
        const struct rg_expectation *e = &machine->expectations[i];
        if (!isnan(e->expected) && !is_met(e, &out->points))
            code = add_absent(run, machine, e, out, err);
    }
    return code;
}
