#include "judge/forecast_points.h"

#include "data/measurements.h"
#include "judge/cost.h"
#include "judge/entry.h"
#include "judge/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The run that is being read. */
struct reader {
    const struct rg_run *run;
    const char *run_id;
    struct rg_forecast *forecast;
    struct rg_samples *samples;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory for the points");
}

static int add_sample(struct reader *reader, const char *series, struct rg_sample sample, struct rg_error *err)
{
    struct rg_samples *all = reader->samples;
    if (all->count == all->room) {
        size_t room = 2 * all->room + 64;
        struct rg_sample *grown = realloc(all->at, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        all->at = grown;
        all->room = room;
    }
    sample.run_id = reader->run_id;
    sample.series = rg_forecast_text(reader->forecast, series);
    sample.test = rg_forecast_text(reader->forecast, sample.test);
    all->at[all->count++] = sample;
    return sample.series && sample.test ? 0 : no_memory(err);
}

/* --- collectives --- */

/* The place of the test's costs in the table; -1: no cost is known. */
static int cost_place(const char *test)
{
    for (int i = 0; rg_cost_table[i].test != NULL; i++)
        if (strcmp(rg_cost_table[i].test, test) == 0)
            return i;
    return -1;
}

static int take_collective(void *context, const struct rg_measurement *m, struct rg_error *err)
{
    struct reader *reader = context;
    const struct rg_collective_result *c = &m->collective;
    char series[256];
    if (m->hardware != (reader->forecast->hardware_reason == NULL))
        return rg_fail(err, -EINVAL, "is %sof hardware, unlike the run; the two are never put together",
            m->hardware ? "" : "not ");
    int order = cost_place(m->test);
    bool of_rail = m->has_group && strcmp(m->group.scope, "rail") == 0;
    bool whole = m->has_group && (of_rail || strcmp(m->group.scope, "world") == 0);
    int64_t each = of_rail ? 1 : reader->forecast->ranks_per_node;
    if (!m->has_collective || order < 0 || !whole || strcmp(m->status, "ok") != 0 || m->group.ranks % each != 0)
        return 0;
    if (m->group.ranks < 2 * each || c->moved_bytes < 1 || !(c->time_avg_us > 0))
        return 0;
    snprintf(series, sizeof series, "%s %s%s%s %s %s, %s memory, %s%s%s", m->test, c->data_type,
        c->reduction ? " " : "", c->reduction ? c->reduction : "", c->in_place ? "in_place" : "out_of_place",
        m->group.scope, m->memory, c->library, c->cuda_graph ? ", CUDA graph" : "",
        c->registered_buffers ? ", registered buffers" : "");
    return add_sample(reader, series,
        (struct rg_sample){.test = m->test,
            .kind = RG_SAMPLE_COLLECTIVE,
            .order = order,
            .of_rail = of_rail,
            .nodes = m->group.ranks / each,
            .ranks = m->group.ranks,
            .size_bytes = c->moved_bytes,
            .us = c->time_avg_us},
        err);
}

/* --- flows --- */

static int take_figure(struct reader *reader, const struct rg_figure *figure, int64_t nodes, struct rg_error *err)
{
    const struct rg_series *of = &figure->of;
    bool rate = strcmp(of->scope, "node") == 0, message = strcmp(of->metric, "latency_p50_us") == 0;
    char series[256];
    if ((!rate && !message) || of->pattern != NULL || of->size_bytes < 1)
        return 0;
    int used = snprintf(series, sizeof series, "%s%s%s%s%s, %s memory", of->test, of->direction ? " " : "",
        of->direction ? of->direction : "", of->variant ? " " : "", of->variant ? of->variant : "", of->memory);
    if (rate && used > 0 && used < (int)sizeof series)
        snprintf(series + used, sizeof series - (size_t)used, ", %lld %s%s a rail", (long long)of->queue_pairs,
            rg_test_channel_word(of->test), of->queue_pairs == 1 ? "" : "s");
    return add_sample(reader, series,
        (struct rg_sample){.test = of->test,
            .kind = rate ? RG_SAMPLE_NODE_RATE : RG_SAMPLE_MESSAGE,
            .nodes = nodes,
            .ranks = nodes * reader->forecast->ranks_per_node,
            .size_bytes = of->size_bytes,
            .us = rate ? (double)of->size_bytes * 8 / figure->value / 1e3 : figure->value},
        err);
}

static int take_figures(struct reader *reader, const char *directory, struct rg_error *err)
{
    struct rg_verdict measured = {0};
    struct rg_entry entry = {0};
    int code = rg_judge_entry(reader->run, directory, &measured, &entry, err);
    for (size_t i = 0; code == 0 && i < entry.figure_count; i++)
        code = take_figure(reader, &entry.figures[i], entry.run.nodes, err);
    rg_entry_close(&entry);
    rg_verdict_close(&measured);
    return code;
}

/* --- runs --- */

static const char *origin_of(const char *hardware_reason)
{
    return hardware_reason ? hardware_reason : "of hardware";
}

/* Only like is put together. */
static int check_run(struct reader *reader, const char *directory, struct rg_error *err)
{
    const struct rg_run *run = reader->run;
    struct rg_forecast *forecast = reader->forecast;
    if (run->hardware == RG_NONE)
        return rg_fail(err, -EINVAL, "%s: the run measured nothing", directory);
    for (size_t i = 0; i < forecast->run_count; i++)
        if (strcmp(forecast->run_ids[i], run->run_id) == 0)
            return rg_fail(err, -EINVAL, "%s: run %s is given twice", directory, run->run_id);
    const char *reason = run->hardware == 1 ? NULL : run->hardware_reason ? run->hardware_reason : "not hardware";
    if (forecast->run_count == 0) {
        forecast->ranks_per_node = run->ranks_per_node;
        forecast->hardware_reason = reason ? rg_forecast_text(forecast, reason) : NULL;
    }
    if (strcmp(origin_of(reason), origin_of(forecast->hardware_reason)) != 0)
        return rg_fail(err, -EINVAL,
            "%s: its figures are not like those of run %s (%s here, %s there); plan them apart", directory,
            forecast->run_ids[0], origin_of(reason), origin_of(forecast->hardware_reason));
    if (run->ranks_per_node != forecast->ranks_per_node)
        return rg_fail(err, -EINVAL, "%s: has %lld ranks a node, run %s has %lld; plan them apart", directory,
            (long long)run->ranks_per_node, forecast->run_ids[0], (long long)forecast->ranks_per_node);
    reader->run_id = rg_forecast_text(forecast, run->run_id);
    forecast->run_ids[forecast->run_count++] = reader->run_id;
    return reader->run_id ? 0 : no_memory(err);
}

static int add_doubt(struct rg_forecast *forecast, char *text, struct rg_error *err)
{
    const char *kept = text ? rg_forecast_text(forecast, text) : NULL;
    free(text);
    if (kept == NULL)
        return no_memory(err);
    forecast->doubts[forecast->doubt_count++] = kept;
    return 0;
}

/* What is wrong with a run shapes what is planned with it; people plan with what they have. */
static int doubt(struct reader *reader, const char *directory, struct rg_error *err)
{
    struct rg_yardstick alone = {0};
    struct rg_verdict verdict = {0};
    char *text = NULL;
    int code = rg_judge_run(reader->run, directory, &alone, &verdict, err);
    if (code == 0 && verdict.status != RG_PASS) {
        if (asprintf(&text, "run %s, in %s, is no good base: it %s: %s", reader->run_id, directory,
                verdict.status == RG_FAIL ? "failed" : "is inconclusive", verdict.summary) < 0)
            text = NULL;
        code = add_doubt(reader->forecast, text, err);
    }
    rg_verdict_close(&verdict);
    return code;
}

/* What was set otherwise than in the first run shapes it as well. */
static int doubt_settings(
    struct reader *reader, const struct rg_run *first, const char *directory, struct rg_error *err)
{
    const struct rg_suite *here = &reader->run->suite, *there = &first->suite;
    size_t counterpart[RG_SUITE_TESTS_MOST];
    rg_suite_pair(here, there, counterpart);
    for (size_t i = 0; i < here->test_count; i++) {
        char one[64], other[64], *text = NULL;
        if (counterpart[i] == SIZE_MAX)
            continue;
        const struct rg_settings *a = &there->tests[counterpart[i]], *b = &here->tests[i];
        const struct rg_option *row = rg_settings_odd_one(a, b);
        if (row == NULL)
            continue;
        if (asprintf(&text, "run %s, in %s, measured %s with %s %s, run %s with %s: a model of both is of neither",
                reader->run_id, directory, b->test, row->key, rg_settings_text(row, b, other), first->run_id,
                rg_settings_text(row, a, one)) < 0)
            text = NULL;
        return add_doubt(reader->forecast, text, err);
    }
    return 0;
}

/* first: the first of all runs; filled by itself. */
static int read_run(const char *directory, struct rg_run *first, struct rg_forecast *forecast,
    struct rg_samples *samples, struct rg_error *err)
{
    struct rg_run run = {0};
    struct reader reader = {.run = &run, .forecast = forecast, .samples = samples};
    int code = rg_run_load(directory, &run, err);
    if (code == 0)
        code = check_run(&reader, directory, err);
    if (code == 0)
        code = rg_measurements_each(&run, directory, take_collective, &reader, err);
    if (code == 0)
        code = take_figures(&reader, directory, err);
    if (code == 0)
        code = doubt(&reader, directory, err);
    if (code == 0 && first->run_id != NULL)
        code = doubt_settings(&reader, first, directory, err);
    if (first->run_id == NULL)
        *first = run;
    else
        rg_run_close(&run);
    return code;
}

/* --- medians --- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_point(const void *left, const void *right)
{
    const struct rg_sample *a = left, *b = right;
    int order = compare(a->kind, b->kind);
    order = order ? order : compare(a->order, b->order);
    order = order ? order : strcmp(a->series, b->series);
    order = order ? order : compare(a->nodes, b->nodes);
    order = order ? order : compare(a->ranks, b->ranks);
    order = order ? order : compare(a->size_bytes, b->size_bytes);
    return order ? order : strcmp(a->run_id, b->run_id);
}

static int by_point_and_time(const void *left, const void *right)
{
    const struct rg_sample *a = left, *b = right;
    int order = by_point(a, b);
    return order ? order : (a->us > b->us) - (a->us < b->us);
}

static void take_medians(struct rg_samples *io)
{
    size_t kept = 0;
    if (io->count > 0)
        qsort(io->at, io->count, sizeof *io->at, by_point_and_time);
    for (size_t first = 0, next; first < io->count; first = next) {
        for (next = first; next < io->count && by_point(&io->at[first], &io->at[next]) == 0; next++)
            ;
        struct rg_sample median = io->at[first + (next - first) / 2];
        if ((next - first) % 2 == 0)
            median.us = (median.us + io->at[first + (next - first) / 2 - 1].us) / 2;
        io->at[kept++] = median;
    }
    io->count = kept;
}

int rg_judge_forecast_read(
    const char *const *directories, size_t count, struct rg_forecast *io, struct rg_samples *out, struct rg_error *err)
{
    struct rg_run first = {0};
    int code = 0;
    *out = (struct rg_samples){NULL, 0, 0};
    for (size_t i = 0; code == 0 && i < count; i++)
        code = read_run(directories[i], &first, io, out, err);
    rg_run_close(&first);
    take_medians(out);
    return code;
}
