#include "judge/forecast.h"

#include "judge/cost.h"
#include "judge/forecast_points.h"
#include "judge/forecast_words.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory for the models");
}

/* --- models --- */

enum term { TERM_STEP, TERM_VOLUME, TERM_START, TERM_BYTE, TERM_LEVEL };

#define MIB 1048576.0

static const struct {
    const char *name, *unit;
    double bytes; /* that the unit is for */
} terms[] = {[TERM_STEP] = {"a", "us a step", 1},
    [TERM_VOLUME] = {"b", "us a MiB", MIB},
    [TERM_START] = {"c", "us to start", 1},
    [TERM_BYTE] = {"b", "us a MiB", MIB},
    [TERM_LEVEL] = {"d", "us a MiB and doubling of nodes", MIB}};

/* Sums of terms that are tried for one kind of sample; of collectives with each algorithm. */
struct form {
    enum rg_sample_kind kind;
    const char *model, *formula; /* NULL: the algorithm's */
    enum term terms[RG_FIT_TERMS_MOST];
    size_t term_count;
};

static const struct form forms[] = {
    {RG_SAMPLE_COLLECTIVE, NULL, "", {TERM_STEP, TERM_VOLUME}, 2},
    {RG_SAMPLE_COLLECTIVE, NULL, " + c", {TERM_STEP, TERM_VOLUME, TERM_START}, 3},
    {RG_SAMPLE_NODE_RATE, "the same at any number of nodes", "m b", {TERM_BYTE}, 1},
    {RG_SAMPLE_NODE_RATE, "the same at any number of nodes, with a start", "m b + c", {TERM_BYTE, TERM_START}, 2},
    {RG_SAMPLE_NODE_RATE, "slower with each doubling of nodes", "m b + log2(n) m d", {TERM_BYTE, TERM_LEVEL}, 2},
    {RG_SAMPLE_NODE_RATE, "slower with each doubling of nodes, with a start", "m b + c + log2(n) m d",
        {TERM_BYTE, TERM_START, TERM_LEVEL}, 3},
    {RG_SAMPLE_MESSAGE, "latency and bandwidth (Hockney)", "m b + c", {TERM_BYTE, TERM_START}, 2},
};

/* A form, and the algorithm of a collective, as fitted. */
struct model {
    const struct form *form;
    const struct rg_cost *cost; /* NULL: no collective */
    struct rg_fit fit;
};

#define MODELS_MOST 16

struct models {
    struct model at[MODELS_MOST];
    size_t count; /* not ruled out; the preferred one first */
};

/* Where a time is asked for. */
struct spot {
    double nodes, ranks, bytes;
};

static void fill_terms(const struct form *form, const struct rg_cost *cost, const struct spot *spot, double *x)
{
    for (size_t k = 0; k < form->term_count; k++) {
        switch (form->terms[k]) {
        case TERM_STEP:
            x[k] = cost ? cost->steps(spot->ranks) : 0;
            break;
        case TERM_VOLUME:
            x[k] = cost ? cost->volume(spot->ranks) * spot->bytes / MIB : 0;
            break;
        case TERM_START:
            x[k] = 1;
            break;
        case TERM_BYTE:
            x[k] = spot->bytes / MIB;
            break;
        case TERM_LEVEL:
            x[k] = log2(spot->nodes) * spot->bytes / MIB;
            break;
        }
    }
}

static double time_at(const struct model *model, const struct spot *spot, double *low, double *high)
{
    double x[RG_FIT_TERMS_MOST] = {0};
    fill_terms(model->form, model->cost, spot, x);
    return rg_fit_at(&model->fit, x, low, high);
}

static struct spot spot_of(const struct rg_sample *sample)
{
    return (struct spot){(double)sample->nodes, (double)sample->ranks, (double)sample->size_bytes};
}

static void try_model(const struct form *form, const struct rg_cost *cost, const struct rg_sample *samples,
    size_t count, double (*x)[RG_FIT_TERMS_MOST], double *y, struct models *io)
{
    struct model model = {.form = form, .cost = cost};
    for (size_t i = 0; i < count; i++) {
        struct spot spot = spot_of(&samples[i]);
        fill_terms(form, cost, &spot, x[i]);
        y[i] = samples[i].us;
    }
    if (rg_fit_find((const double(*)[RG_FIT_TERMS_MOST])x, y, count, form->term_count, &model.fit) == 0 &&
        isfinite(model.fit.aicc) && io->count < MODELS_MOST)
        io->at[io->count++] = model;
}

static int by_criterion(const void *left, const void *right)
{
    double a = ((const struct model *)left)->fit.aicc, b = ((const struct model *)right)->fit.aicc;
    return (a > b) - (a < b);
}

static int find_models(const struct rg_sample *samples, size_t count, struct models *out, struct rg_error *err)
{
    double(*x)[RG_FIT_TERMS_MOST] = calloc(count, sizeof *x), *y = calloc(count, sizeof *y);
    bool collective = samples[0].kind == RG_SAMPLE_COLLECTIVE;
    out->count = 0;
    for (size_t f = 0; x != NULL && y != NULL && f < sizeof forms / sizeof *forms; f++) {
        if (forms[f].kind != samples[0].kind)
            continue;
        if (!collective)
            try_model(&forms[f], NULL, samples, count, x, y, out);
        for (const struct rg_cost *cost = rg_cost_table; collective && cost->test != NULL; cost++)
            if (strcmp(cost->test, samples[0].test) == 0)
                try_model(&forms[f], cost, samples, count, x, y, out);
    }
    bool whole = x != NULL && y != NULL;
    free(x);
    free(y);
    qsort(out->at, out->count, sizeof *out->at, by_criterion);
    while (out->count > 1 && out->at[out->count - 1].fit.aicc > out->at[0].fit.aicc + RG_FORECAST_RIVAL)
        out->count--;
    return whole ? 0 : no_memory(err);
}

/* --- a fit --- */

struct work {
    struct rg_forecast *out;
    const struct rg_sample *samples; /* of one series */
    size_t count;
    struct models models;
};

static const char *model_name(struct rg_forecast *forecast, const struct model *model, bool formula)
{
    char text[160];
    const struct rg_cost *cost = model->cost;
    if (cost == NULL)
        snprintf(text, sizeof text, "%s", formula ? model->form->formula : model->form->model);
    else
        snprintf(text, sizeof text, "%s%s", formula ? cost->formula : cost->algorithm,
            formula                       ? model->form->formula
            : model->form->term_count > 2 ? ", with a start"
                                          : "");
    return rg_forecast_text(forecast, text);
}

static int name_models(const struct work *work, struct rg_forecast_fit *fit, struct rg_error *err)
{
    char rivals[640] = "";
    size_t used = 0;
    fit->model = model_name(work->out, &work->models.at[0], false);
    fit->formula = model_name(work->out, &work->models.at[0], true);
    for (size_t i = 1; i < work->models.count && used < sizeof rivals; i++) {
        const char *name = model_name(work->out, &work->models.at[i], false);
        used += (size_t)snprintf(rivals + used, sizeof rivals - used, "%s%s", i > 1 ? "; " : "", name ? name : "");
    }
    fit->rivals = used > 0 ? rg_forecast_text(work->out, rivals) : NULL;
    return fit->model && fit->formula && (used == 0 || fit->rivals) ? 0 : no_memory(err);
}

/* --- projections --- */

static struct spot spot_at(const struct work *work, int64_t nodes, int64_t bytes)
{
    double each = work->samples[0].of_rail ? 1 : (double)work->out->ranks_per_node;
    return (struct spot){(double)nodes, (double)nodes * each, (double)bytes};
}

/* Bytes that count as moved, for a byte of the buffer. */
static double bus_at(const struct work *work, const struct spot *spot)
{
    const struct rg_cost *cost = work->models.at[0].cost;
    return cost ? cost->bus(spot->ranks) : 1;
}

/* What leaves a node, for what a rank moves: a ring among all ranks leaves it once, groups of a rail once each, and of
 * what goes from each to each, what is for other nodes. */
static double edge_at(const struct work *work, const struct spot *spot)
{
    double each = (double)work->out->ranks_per_node;
    if (work->samples[0].kind != RG_SAMPLE_COLLECTIVE)
        return 1;
    if (work->samples[0].of_rail)
        return each;
    return strcmp(work->samples[0].test, "all_to_all") == 0 ? each * (spot->ranks - each) / (spot->ranks - 1) : 1;
}

/* What one of that size gets out of a node; over its time in us, Gb/s. */
static double megabits_at(const struct work *work, const struct spot *spot)
{
    return bus_at(work, spot) * edge_at(work, spot) * spot->bytes * 8 / 1e3;
}

static int list_points(const struct work *work, struct rg_forecast_fit *fit, struct rg_error *err)
{
    double low, high;
    fit->points = calloc(work->count, sizeof *fit->points);
    if (fit->points == NULL)
        return no_memory(err);
    fit->point_count = work->count;
    fit->fewest_nodes = fit->least_size_bytes = INT64_MAX;
    for (size_t i = 0; i < work->count; i++) {
        const struct rg_sample *s = &work->samples[i];
        struct spot spot = spot_of(s);
        double fitted = time_at(&work->models.at[0], &spot, &low, &high), residual = 100 * (s->us / fitted - 1);
        double gbps = s->kind == RG_SAMPLE_MESSAGE ? NAN : megabits_at(work, &spot) / s->us;
        fit->points[i] =
            (struct rg_forecast_point){s->run_id, s->nodes, s->ranks, s->size_bytes, s->us, fitted, residual, gbps};
        fit->fewest_nodes = s->nodes < fit->fewest_nodes ? s->nodes : fit->fewest_nodes;
        fit->most_nodes = s->nodes > fit->most_nodes ? s->nodes : fit->most_nodes;
        fit->least_size_bytes = s->size_bytes < fit->least_size_bytes ? s->size_bytes : fit->least_size_bytes;
        fit->most_size_bytes = s->size_bytes > fit->most_size_bytes ? s->size_bytes : fit->most_size_bytes;
        fit->worst_percent = fmax(fit->worst_percent, fabs(residual));
    }
    fit->deviation_percent = 100 * work->models.at[0].fit.deviation;
    const struct model *best = &work->models.at[0];
    fit->term_count = best->form->term_count;
    for (size_t k = 0; k < fit->term_count; k++) {
        enum term term = best->form->terms[k];
        fit->terms[k] = (struct rg_forecast_term){
            terms[term].name, terms[term].unit, best->fit.value[k], best->fit.low[k], best->fit.high[k]};
    }
    return 0;
}

static double rate_at(const struct work *work, const struct model *model, int64_t nodes, int64_t bytes)
{
    double low, high;
    struct spot spot = spot_at(work, nodes, bytes);
    return megabits_at(work, &spot) / time_at(model, &spot, &low, &high);
}

static double step_percent(const struct work *work, double time_us)
{
    return time_us / 1e3 / work->out->question.step_ms * 100;
}

/* So many times what was measured at most; below 1, at least; 1 between. */
static double beyond(int64_t asked, int64_t least, int64_t most)
{
    int64_t nearest = asked < least ? least : asked > most ? most : asked;
    return (double)asked / (double)nearest;
}

static struct rg_forecast_projection project(
    const struct work *work, const struct rg_forecast_fit *fit, int64_t nodes, int64_t bytes)
{
    struct rg_forecast_projection p = {.nodes = nodes, .size_bytes = bytes};
    struct spot spot = spot_at(work, nodes, bytes);
    p.ranks = (int64_t)spot.ranks;
    p.time_us = time_at(&work->models.at[0], &spot, &p.time_low_us, &p.time_high_us);
    for (size_t i = 1; i < work->models.count; i++) {
        double low, high;
        time_at(&work->models.at[i], &spot, &low, &high);
        p.time_low_us = fmin(p.time_low_us, low);
        p.time_high_us = fmax(p.time_high_us, high);
    }
    double megabits = megabits_at(work, &spot);
    p.node_gbps = megabits / p.time_us;
    p.node_low_gbps = megabits / p.time_high_us;
    p.node_high_gbps = p.time_low_us > 0 ? megabits / p.time_low_us : NAN;
    p.efficiency_percent = 100 * rate_at(work, &work->models.at[0], nodes, bytes) /
                           rate_at(work, &work->models.at[0], fit->fewest_nodes, bytes);
    p.step_percent = step_percent(work, p.time_us);
    p.nodes_beyond = beyond(nodes, fit->fewest_nodes, fit->most_nodes);
    p.size_beyond = beyond(bytes, fit->least_size_bytes, fit->most_size_bytes);
    return p;
}

/* Whether the model keeps the target there. */
static bool holds_at(const struct work *work, const struct model *model, const struct rg_forecast_fit *fit,
    int64_t nodes, int64_t bytes, bool of_step)
{
    double low, high;
    struct spot spot = spot_at(work, nodes, bytes);
    if (of_step)
        return step_percent(work, time_at(model, &spot, &low, &high)) <= work->out->question.share_percent;
    return 100 * rate_at(work, model, nodes, bytes) / rate_at(work, model, fit->fewest_nodes, bytes) >=
           work->out->question.efficiency_percent;
}

/* Up to how many nodes, from the fewest measured, it goes on by every model that is not ruled out. */
static int64_t count_on(const struct work *work, const struct rg_forecast_fit *fit, int64_t bytes, bool of_step)
{
    const struct rg_forecast_question *question = &work->out->question;
    if (isnan(of_step ? question->share_percent : question->efficiency_percent))
        return RG_NONE;
    for (int64_t nodes = fit->fewest_nodes; nodes <= RG_FORECAST_NODES_MOST; nodes++)
        for (size_t i = 0; i < work->models.count; i++)
            if (!holds_at(work, &work->models.at[i], fit, nodes, bytes, of_step))
                return nodes > fit->fewest_nodes ? nodes - 1 : RG_NONE;
    return RG_FORECAST_NODES_MOST;
}

static int project_all(const struct work *work, struct rg_forecast_fit *fit, struct rg_error *err)
{
    const struct rg_forecast_question *question = &work->out->question;
    bool collective = work->samples[0].kind == RG_SAMPLE_COLLECTIVE;
    int64_t bytes = collective && question->size_bytes != RG_NONE ? question->size_bytes : fit->most_size_bytes;
    fit->nodes_at_efficiency = fit->nodes_at_share = RG_NONE;
    if (work->samples[0].kind == RG_SAMPLE_MESSAGE)
        return 0;
    fit->projections = calloc(question->nodes.count, sizeof *fit->projections);
    if (fit->projections == NULL)
        return no_memory(err);
    for (uint32_t i = 0; i < question->nodes.count; i++) {
        struct rg_forecast_projection *p = &fit->projections[fit->projection_count++];
        *p = project(work, fit, question->nodes.bytes[i], bytes);
        p->step_percent = collective ? p->step_percent : NAN;
    }
    fit->nodes_at_efficiency = count_on(work, fit, bytes, false);
    fit->nodes_at_share = collective ? count_on(work, fit, bytes, true) : RG_NONE;
    return 0;
}

/* --- all series --- */

static int leave_out(struct rg_forecast *forecast, struct rg_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int leave_out(struct rg_forecast *forecast, struct rg_error *err, const char *format, ...)
{
    va_list list;
    char *text = NULL, **grown = realloc(forecast->left_out, (forecast->left_out_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    forecast->left_out = grown;
    va_start(list, format);
    int written = vasprintf(&text, format, list);
    va_end(list);
    if (written < 0)
        return no_memory(err);
    grown[forecast->left_out_count++] = text;
    return 0;
}

/* Fewer points than this tell no model from another. */
enum { POINTS_OF_COLLECTIVE = 5, POINTS_OF_FLOWS = 4 };

/* What the points lack for a model; false: nothing. */
static bool lacks(const struct work *work, char *out, size_t room)
{
    const struct rg_sample *s = work->samples;
    size_t nodes = 1, sizes = 1, least = s->kind == RG_SAMPLE_COLLECTIVE ? POINTS_OF_COLLECTIVE : POINTS_OF_FLOWS;
    for (size_t i = 1; i < work->count; i++) {
        nodes += s[i].nodes != s[i - 1].nodes;
        sizes = s[i].size_bytes != s[0].size_bytes ? 2 : sizes;
    }
    if (nodes < 2 && s->kind != RG_SAMPLE_MESSAGE)
        snprintf(out, room,
            "was measured at %lld nodes alone; at least two numbers of nodes are needed: make such a run with more, or "
            "fewer",
            (long long)s->nodes);
    else if (sizes < 2 && s->kind != RG_SAMPLE_NODE_RATE)
        snprintf(
            out, room, "was measured with one size alone; at least two are needed: make the runs with more (--size)");
    else if (work->count < least)
        snprintf(out, room,
            "has %zu point%s of a size and a number of nodes; at least %zu are needed: make the runs with more sizes "
            "(--size), or one more at another number of nodes",
            work->count, work->count == 1 ? "" : "s", least);
    else
        return false;
    return true;
}

static int fit_series(struct work *work, struct rg_error *err)
{
    static const char *const kinds[] = {"collective", "node_rate", "message"};
    struct rg_forecast *out = work->out;
    char why[240];
    if (lacks(work, why, sizeof why))
        return leave_out(out, err, "%s: %s", work->samples[0].series, why);
    int code = find_models(work->samples, work->count, &work->models, err);
    if (code != 0)
        return code;
    if (work->models.count == 0)
        return leave_out(out, err,
            "%s: its points tell no model's terms apart; other sizes or numbers of nodes are needed",
            work->samples[0].series);
    struct rg_forecast_fit *grown = realloc(out->fits, (out->fit_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    out->fits = grown;
    struct rg_forecast_fit *fit = &grown[out->fit_count++];
    *fit = (struct rg_forecast_fit){.kind = kinds[work->samples[0].kind], .series = work->samples[0].series};
    code = name_models(work, fit, err);
    if (code == 0)
        code = list_points(work, fit, err);
    if (code == 0)
        code = project_all(work, fit, err);
    if (code == 0)
        rg_judge_forecast_say(out, &work->samples[0], fit);
    return code;
}

static int refuse(const struct rg_forecast *forecast, struct rg_error *err)
{
    char text[RG_ERROR_LENGTH - 120] = "";
    size_t used = 0, shown = 0;
    for (; shown < forecast->left_out_count && used < sizeof text / 2; shown++)
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s %s", shown > 0 ? ";" : ":", forecast->left_out[shown]);
    if (shown < forecast->left_out_count)
        snprintf(text + used, sizeof text - used, "; and %zu more", forecast->left_out_count - shown);
    return rg_fail(err, -EINVAL, "too few points to plan with%s",
        used > 0 ? text : ": no collective of several nodes, and no node with all its rails, was measured");
}

int rg_judge_forecast(const char *const *directories, size_t count, const struct rg_forecast_question *question,
    struct rg_forecast *out, struct rg_error *err)
{
    struct rg_samples samples = {NULL, 0, 0};
    *out = (struct rg_forecast){.question = *question};
    if (count > RG_FORECAST_RUNS_MOST)
        return rg_fail(err, -EINVAL, "%d runs at most", RG_FORECAST_RUNS_MOST);
    int code = rg_judge_forecast_read(directories, count, out, &samples, err);
    bool projects = false;
    for (size_t first = 0, next; code == 0 && first < samples.count; first = next) {
        for (next = first; next < samples.count && samples.at[next].series == samples.at[first].series &&
                           samples.at[next].kind == samples.at[first].kind;
             next++)
            ;
        struct work work = {.out = out, .samples = &samples.at[first], .count = next - first};
        code = fit_series(&work, err);
    }
    for (size_t i = 0; i < out->fit_count; i++)
        projects = projects || out->fits[i].projection_count > 0;
    free(samples.at);
    return code == 0 && !projects ? refuse(out, err) : code;
}
