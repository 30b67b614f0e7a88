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
    unsigned char *states; /* by series; of the run before */
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

static void mark(struct search *s)
{
    struct rg_trend *trend = s->trend;
    size_t last = s->past->run_count - 1;
    for (size_t i = 0; i < s->past->series_count; i++) {
        bool before = is_measured(s->past, i, trend->earlier), there = is_there(s->past, i, last);
        if (before) {
            s->states[i] = there ? MEASURED : MISSING;
            trend->earlier_series++;
            trend->missing_series += !there;
        } else if (!there && !is_there(s->past, i, trend->earlier)) {
            size_t run = find_measured(s, i);
            if (run == SIZE_MAX)
                continue;
            trend->gone_run = trend->gone_series > 0 && trend->gone_run > run ? trend->gone_run : run;
            trend->gone_series++;
        }
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
        return true;
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

static void say(struct rg_gap *gap, const struct rg_series *series)
{
    char words[160], count[64];
    snprintf(count, sizeof count, "%zu series", gap->series);
    if (strcmp(gap->part, "run") == 0)
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

static int add_gap(struct search *s, size_t with, enum common common, size_t count, struct rg_error *err)
{
    struct rg_trend *trend = s->trend;
    const struct rg_series *series = s->past->series;
    struct rg_gap *grown = realloc(trend->gaps, (trend->gap_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(err, -ENOMEM, "no memory for what was not measured");
    trend->gaps = grown;
    bool node = common == NODE || common == NIC, rail = common == RAIL || common == NIC;
    struct rg_gap *gap = &grown[trend->gap_count++];
    *gap = (struct rg_gap){
        part_names[common], node ? series[with].node : NULL, rail ? series[with].rail : RG_NONE, count, ""};
    say(gap, &series[with]);
    for (size_t i = 0; i < s->past->series_count; i++)
        if (s->states[i] == MISSING && have_in_common(&series[i], &series[with], common))
            s->states[i] = TOLD;
    return 0;
}

static int explain(struct search *s, struct rg_error *err)
{
    int code = 0;
    for (int common = EVERYTHING; code == 0 && common < COMMONS; common++)
        for (size_t i = 0; code == 0 && i < s->past->series_count; i++) {
            size_t count = s->states[i] == MISSING ? count_common(s, i, (enum common)common) : 0;
            if (count > 0)
                code = add_gap(s, i, (enum common)common, count, err);
        }
    return code;
}

/* Whether two runs measured any test alike. */
static bool share_a_test(const struct rg_past *past, size_t a, size_t b)
{
    for (size_t i = 0; i < past->series_count; i++)
        if (is_measured(past, i, a) && is_measured(past, i, b))
            return true;
    return false;
}

static bool has_figures(const struct rg_past *past, size_t run)
{
    for (size_t i = 0; i < past->series_count; i++)
        if (is_measured(past, i, run))
            return true;
    return false;
}

/* Runs of a suite measure the same; those of one test each, which are no suite, where they share it. */
static void find_like(struct search *s)
{
    const struct rg_past *past = s->past;
    size_t last = past->run_count - 1;
    const struct rg_past_run *run = &past->runs[last];
    bool single = same(run->suite, RG_SUITE_SINGLE) && has_figures(past, last);
    for (size_t r = 0; r < last; r++) {
        s->like[r] = same(past->runs[r].suite, run->suite) && same(past->runs[r].origin, run->origin) &&
                     (!single || share_a_test(past, r, last));
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
    if (code == 0 && io->earlier != SIZE_MAX)
        mark(&s);
    if (code == 0 && io->missing_series > 0)
        code = explain(&s, err);
    free(s.states);
    free(s.like);
    return code;
}
