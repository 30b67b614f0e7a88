#include "judge/gaps.h"

#include "data/suite.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { NOT_THERE, MEASURED, MISSING, TOLD };

/* What series that are missing can have in common, the widest first; the last two need not be missing as a whole. */
enum common { EVERYTHING, TEST, NODE, RAIL, NIC, GROUP, COMMONS };
static const char *const part_names[COMMONS] = {"run", "test", "node", "rail", "nic", "group"};

struct search {
    struct rg_trend *trend;
    const struct rg_past *past;
    unsigned char *states; /* by series */
    bool *like;            /* by run: whether what the last one lacks of it is missing */
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_measured(const struct rg_past *past, size_t series, size_t run)
{
    return !isnan(past->values[series * past->run_count + run]);
}

/* --- which series are missing --- */

/* The same figure of the same part, of whatever side and however many ranks; metric: or any other of its figures. */
static bool is_same_part(const struct rg_series *a, const struct rg_series *b, bool any_metric)
{
    struct rg_series moved = *a;
    moved.side = b->side;
    moved.ranks = b->ranks;
    moved.metric = any_metric ? b->metric : a->metric;
    return rg_series_compare(&moved, b) == 0;
}

/* Whether it stands for the wanted one: a latency is of whichever end began, by lot; what is sent is not what is
 * received. Those of one part are side by side. */
static bool stands_for(const struct rg_series *series, const struct rg_series *wanted)
{
    return is_same_part(wanted, series, false) && (rg_series_is_latency(wanted) || same(wanted->side, series->side));
}

static bool is_there(const struct rg_past *past, size_t series, size_t run)
{
    const struct rg_series *all = past->series, *wanted = &all[series];
    size_t first = series;
    while (first > 0 && is_same_part(wanted, &all[first - 1], true))
        first--;
    for (size_t i = first; i < past->series_count && is_same_part(wanted, &all[i], true); i++)
        if (is_measured(past, i, run) && stands_for(&all[i], wanted))
            return true;
    return false;
}

/* The latest run like the last one that measured the series, before the earlier one; SIZE_MAX: there is none. */
static size_t find_measured(const struct search *s, size_t series)
{
    for (size_t r = s->trend->earlier; r-- > 0;)
        if (s->like[r] && is_measured(s->past, series, r))
            return r;
    return SIZE_MAX;
}

/* What the earlier run measured. */
static void mark_missing(struct search *s)
{
    struct rg_trend *trend = s->trend;
    for (size_t i = 0; i < s->past->series_count; i++) {
        if (!is_measured(s->past, i, trend->earlier))
            continue;
        s->states[i] = is_there(s->past, i, s->past->run_count - 1) ? MEASURED : MISSING;
        trend->earlier_series++;
        trend->missing_series += s->states[i] == MISSING;
    }
}

/* What the earlier run lacks as well, and runs before it measured. */
static void mark_gone(struct search *s)
{
    struct rg_trend *trend = s->trend;
    for (size_t i = 0; i < s->past->series_count; i++) {
        bool there = is_there(s->past, i, s->past->run_count - 1);
        s->states[i] = there ? MEASURED : NOT_THERE;
        size_t run = there || is_there(s->past, i, trend->earlier) ? SIZE_MAX : find_measured(s, i);
        if (run == SIZE_MAX)
            continue;
        s->states[i] = MISSING;
        trend->gone_run = trend->gone_series > 0 && trend->gone_run > run ? trend->gone_run : run;
        trend->gone_series++;
    }
}

/* --- what they have in common --- */

/* Of one test, its size and settings, wherever. */
static bool is_same_test(const struct rg_series *a, const struct rg_series *b)
{
    struct rg_series moved = *a;
    moved.node = b->node;
    moved.peer_node = b->peer_node;
    moved.rail = b->rail;
    moved.side = b->side;
    moved.scope = b->scope;
    moved.metric = b->metric;
    moved.ranks = b->ranks;
    return rg_series_compare(&moved, b) == 0;
}

static bool have_in_common(const struct rg_series *a, const struct rg_series *b, enum common common)
{
    switch (common) {
    case EVERYTHING:
        return same(a->origin, b->origin);
    case TEST:
        return is_same_test(a, b);
    case NODE:
        return a->node != NULL && same(a->node, b->node);
    case RAIL:
        return a->rail != RG_NONE && a->rail == b->rail;
    case NIC:
        return a->node != NULL && same(a->node, b->node) && a->rail == b->rail;
    default:
        return is_same_test(a, b);
    }
}

/* How many missing ones have it in common with that one; 0: some of them are not missing. */
static size_t count_common(const struct search *s, size_t with, enum common common)
{
    const struct rg_series *series = s->past->series;
    size_t count = 0;
    for (size_t i = 0; i < s->past->series_count; i++) {
        if (s->states[i] == NOT_THERE || !have_in_common(&series[i], &series[with], common))
            continue;
        if (s->states[i] == MEASURED && common < NIC)
            return 0;
        count += s->states[i] == MISSING;
    }
    return count;
}

/* Figures of another origin are never compared, so that all of the one are missing where a run is of the other. */
static void say(struct rg_gap *gap, const struct rg_series *series, const struct rg_past_run *last)
{
    char words[160], count[64];
    snprintf(count, sizeof count, "%zu series", gap->series);
    if (strcmp(gap->part, "run") == 0 && last->figures > 0 && !same(series->origin, last->origin))
        snprintf(gap->sentence, sizeof gap->sentence, "everything: %s; these are of %.100s, the last run is of %.100s",
            count, series->origin, last->origin);
    else if (strcmp(gap->part, "run") == 0)
        snprintf(gap->sentence, sizeof gap->sentence, "everything: %s", count);
    else if (strcmp(gap->part, "node") == 0)
        snprintf(gap->sentence, sizeof gap->sentence, "all of %s: %s", gap->node, count);
    else if (strcmp(gap->part, "rail") == 0)
        snprintf(gap->sentence, sizeof gap->sentence, "all of rail %lld: %s", (long long)gap->rail, count);
    else if (strcmp(gap->part, "nic") == 0 && gap->rail == RG_NONE)
        snprintf(gap->sentence, sizeof gap->sentence, "of %s, all its rails together: %s", gap->node, count);
    else if (strcmp(gap->part, "nic") == 0)
        snprintf(gap->sentence, sizeof gap->sentence, "of %s rail %lld: %s", gap->node, (long long)gap->rail, count);
    else
        snprintf(gap->sentence, sizeof gap->sentence, "%s%s: %s", strcmp(gap->part, "test") == 0 ? "all of " : "",
            rg_series_words(series, words, sizeof words), count);
}

static int add_gap(
    struct search *s, size_t with, enum common common, size_t count, struct rg_gaps *out, struct rg_error *err)
{
    const struct rg_series *series = s->past->series;
    struct rg_gap *grown = realloc(out->at, (out->count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(err, -ENOMEM, "no memory for what was not measured");
    out->at = grown;
    bool node = common == NODE || common == NIC, rail = common == RAIL || common == NIC;
    struct rg_gap *gap = &grown[out->count++];
    *gap = (struct rg_gap){
        part_names[common], node ? series[with].node : NULL, rail ? series[with].rail : RG_NONE, count, ""};
    say(gap, &series[with], &s->past->runs[s->past->run_count - 1]);
    for (size_t i = 0; i < s->past->series_count; i++)
        if (s->states[i] == MISSING && have_in_common(&series[i], &series[with], common))
            s->states[i] = TOLD;
    return 0;
}

static int explain(struct search *s, struct rg_gaps *out, struct rg_error *err)
{
    int code = 0;
    for (int common = EVERYTHING; code == 0 && common < COMMONS; common++)
        for (size_t i = 0; code == 0 && i < s->past->series_count; i++) {
            size_t count = s->states[i] == MISSING ? count_common(s, i, (enum common)common) : 0;
            if (count > 0)
                code = add_gap(s, i, (enum common)common, count, out, err);
        }
    return code;
}

static int by_series(const void *a, const void *b)
{
    return rg_series_compare(a, b);
}

/* Whether two runs measured any series, be it on hardware or not. */
static bool share_a_series(const struct rg_past *past, size_t a, size_t b)
{
    for (size_t i = 0; i < past->series_count; i++) {
        struct rg_series wanted = past->series[i];
        if (!is_measured(past, i, a))
            continue;
        wanted.origin = past->runs[b].origin;
        const struct rg_series *found = bsearch(&wanted, past->series, past->series_count, sizeof wanted, by_series);
        if (is_measured(past, i, b) || (found != NULL && is_measured(past, (size_t)(found - past->series), b)))
            return true;
    }
    return false;
}

static bool has_figures(const struct rg_past *past, size_t run)
{
    for (size_t i = 0; i < past->series_count; i++)
        if (is_measured(past, i, run))
            return true;
    return false;
}

/* Whether the last run is held against one before it: of the same suite and machine, that measured something; on
 * hardware, or on what the last one is on, so that a night on soft-RoCE lacks what was measured on hardware, but not
 * the other way round; and of single tests, which are no suite, one that measured the same. */
static bool is_like(const struct rg_past *past, size_t r, size_t last, bool last_measured)
{
    const struct rg_past_run *run = &past->runs[last], *before = &past->runs[r];
    if (!same(before->suite, run->suite) || !same(before->machine, run->machine) || !has_figures(past, r))
        return false;
    if (!last_measured) /* what it was on, and which test it was of, is not known */
        return true;
    return (same(before->origin, "hardware") || same(before->origin, run->origin)) &&
           (!same(run->suite, RG_SUITE_SINGLE) || share_a_series(past, r, last));
}

static void find_like(struct search *s)
{
    size_t last = s->past->run_count - 1;
    bool measured = has_figures(s->past, last);
    for (size_t r = 0; r < last; r++) {
        s->like[r] = is_like(s->past, r, last, measured);
        s->trend->earlier = s->like[r] ? r : s->trend->earlier;
    }
}

int rg_judge_gaps(struct rg_trend *io, struct rg_error *err)
{
    struct search s = {.trend = io, .past = io->past};
    io->earlier = SIZE_MAX;
    if (io->past->run_count == 0)
        return 0;
    s.states = calloc(io->past->series_count + 1, 1);
    s.like = calloc(io->past->run_count, sizeof *s.like);
    int code = s.states && s.like ? 0 : rg_fail(err, -ENOMEM, "no memory for %zu series", io->past->series_count);
    if (code == 0)
        find_like(&s);
    if (code == 0 && io->earlier != SIZE_MAX) {
        mark_missing(&s);
        code = explain(&s, &io->missing, err);
    }
    if (code == 0 && io->earlier != SIZE_MAX) {
        mark_gone(&s);
        code = explain(&s, &io->gone, err);
    }
    free(s.states);
    free(s.like);
    return code;
}
