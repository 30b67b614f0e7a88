#include "judge/trend.h"

#include "judge/explain.h"
#include "judge/gaps.h"
#include "judge/trend_words.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- what is alike --- */

/* The same figure of another place. */
static bool is_alike(const struct rg_series *a, const struct rg_series *b)
{
    struct rg_series moved = *a;
    moved.node = b->node;
    moved.rail = b->rail;
    moved.side = b->side;
    return rg_series_compare(&moved, b) == 0;
}

/* The same also of another pair of nodes, or of more ranks. */
static bool is_of_kind(const struct rg_series *a, const struct rg_series *b)
{
    struct rg_series moved = *a;
    moved.peer_node = b->peer_node;
    moved.ranks = b->ranks;
    return is_alike(&moved, b);
}

/* Gives those that are alike the same number, in the order of the series. How many there are; 0: no memory. */
static size_t number(
    const struct rg_past *past, bool (*alike)(const struct rg_series *a, const struct rg_series *b), size_t *numbers)
{
    size_t count = 0;
    const struct rg_series **firsts = calloc(past->series_count + 1, sizeof *firsts);
    if (firsts == NULL)
        return 0;
    for (size_t s = 0; s < past->series_count; s++) {
        size_t at = 0;
        while (at < count && !alike(firsts[at], &past->series[s]))
            at++;
        if (at == count)
            firsts[count++] = &past->series[s];
        numbers[s] = at;
    }
    free(firsts);
    return count;
}

static int find(struct rg_trend *io, struct rg_error *err)
{
    const struct rg_past *past = io->past;
    const double **values = calloc(past->series_count + 1, sizeof *values);
    size_t *families = calloc(past->series_count + 1, sizeof *families), count = 0;
    for (size_t s = 0; values != NULL && s < past->series_count; s++)
        values[s] = &past->values[s * past->run_count];
    if (values != NULL && families != NULL)
        count = number(past, is_alike, families);
    const struct rg_change_settings settings = {io->level, io->least_percent, families, count};
    int code = count > 0 || past->series_count == 0
                   ? rg_change_find(
                         values, past->series_count, past->run_count, &settings, &io->changes, &io->change_count, err)
                   : rg_fail(err, -ENOMEM, "no memory for %zu series", past->series_count);
    free(values);
    free(families);
    return code;
}

/* --- the order of telling --- */

static int by_news(const void *a, const void *b)
{
    const struct rg_finding *x = a, *y = b;
    int x_news = x->fresh && x->worse, y_news = y->fresh && y->worse;
    if (x_news != y_news)
        return y_news - x_news;
    if (x->run != y->run)
        return x->run < y->run ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Puts the changes in the order of the findings, and the findings in that of telling. */
static int arrange(struct rg_trend *io, const size_t *finding_of, struct rg_error *err)
{
    struct rg_change *arranged = calloc(io->change_count + 1, sizeof *arranged);
    size_t next = 0;
    if (arranged == NULL)
        return rg_fail(err, -ENOMEM, "no memory for %zu changes", io->change_count);
    for (size_t k = 0; k < io->finding_count; k++) {
        io->findings[k].first = k;
        io->findings[k].fresh = io->findings[k].told >= io->seen;
    }
    qsort(io->findings, io->finding_count, sizeof *io->findings, by_news);
    for (size_t k = 0; k < io->finding_count; k++) {
        struct rg_finding *finding = &io->findings[k];
        size_t was = finding->first, lead = finding->lead;
        finding->first = next;
        for (size_t i = 0; i < io->change_count; i++) {
            if (finding_of[i] != was)
                continue;
            if (i == lead)
                finding->lead = next;
            arranged[next++] = io->changes[i];
        }
        finding->count = next - finding->first;
    }
    free(io->changes);
    io->changes = arranged;
    io->change_count = next;
    return 0;
}

/* Whether most of the series that show it are still worse than before it, after whatever else became of them. */
static bool stands(const struct rg_trend *trend, const struct rg_finding *finding, const size_t *latest)
{
    size_t worse = 0;
    for (size_t i = finding->first; i < finding->first + finding->count; i++) {
        const struct rg_change *change = &trend->changes[i], *last = &trend->changes[latest[change->series]];
        double percent = 100 * (last->after / change->before - 1);
        bool latency = rg_series_is_latency(&trend->past->series[change->series]);
        worse += (latency ? percent : -percent) >= trend->least_percent;
    }
    return finding->worse && 2 * worse >= finding->count;
}

static int count_regressions(struct rg_trend *io, struct rg_error *err)
{
    size_t *latest = calloc(io->past->series_count + 1, sizeof *latest); /* by series: its last change */
    if (latest == NULL)
        return rg_fail(err, -ENOMEM, "no memory for %zu series", io->past->series_count);
    for (size_t i = 0; i < io->change_count; i++) {
        size_t *last = &latest[io->changes[i].series];
        if (io->changes[*last].series != io->changes[i].series || io->changes[*last].run < io->changes[i].run)
            *last = i;
    }
    for (size_t k = 0; k < io->finding_count; k++) {
        struct rg_finding *finding = &io->findings[k];
        finding->stands = stands(io, finding, latest);
        io->fresh_regressions += finding->fresh && finding->worse;
        io->standing_regressions += finding->stands;
    }
    free(latest);
    return 0;
}

static int explain(struct rg_trend *io, struct rg_error *err)
{
    const struct rg_past *past = io->past;
    size_t *kinds = calloc(past->series_count + 1, sizeof *kinds), count = 0, *finding_of = NULL;
    if (kinds != NULL)
        count = number(past, is_of_kind, kinds);
    int code = count > 0 ? rg_judge_explain(io, kinds, count, &finding_of, err)
                         : rg_fail(err, -ENOMEM, "no memory for %zu series", past->series_count);
    if (code == 0)
        code = arrange(io, finding_of, err);
    if (code == 0)
        code = count_regressions(io, err);
    for (size_t k = 0; code == 0 && k < io->finding_count; k++)
        rg_judge_say(io, &io->findings[k]);
    free(kinds);
    free(finding_of);
    return code;
}

/* Of what the last run measured, what could not be told of whatever it had shown. */
static void count_short(struct rg_trend *trend)
{
    const struct rg_past *past = trend->past;
    const double *values = past->values;
    for (size_t s = 0; s < past->series_count; s++)
        trend->last_series += isnan(values[(s + 1) * past->run_count - 1]) ? 0 : 1;
    trend->least_runs = rg_change_least_values(trend->last_series ? trend->last_series : 1, trend->level);
    for (size_t s = 0; s < past->series_count; s++, values += past->run_count) {
        size_t count = 0;
        for (size_t r = 0; r < past->run_count; r++)
            count += isnan(values[r]) ? 0 : 1;
        trend->short_series += !isnan(values[past->run_count - 1]) && count < trend->least_runs ? 1 : 0;
    }
}

int rg_judge_trend(
    const struct rg_past *past, double least_percent, size_t seen, struct rg_trend *out, struct rg_error *err)
{
    if (seen == SIZE_MAX)
        seen = past->run_count > 0 ? past->run_count - 1 : 0;
    *out = (struct rg_trend){.past = past, .seen = seen, .level = RG_CHANGE_LEVEL, .least_percent = least_percent};
    int code = find(out, err);
    if (code == 0 && past->run_count > 0)
        count_short(out);
    if (code == 0 && out->change_count > 0)
        code = explain(out, err);
    if (code == 0)
        code = rg_judge_gaps(out, err);
    if (code != 0)
        rg_trend_close(out);
    return code;
}
