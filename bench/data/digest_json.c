/* A digest as JSON. Arrays of many numbers are written as text at once, with four significant digits. */
#include "data/digest_parts.h"
#include "data/fields.h"
#include "data/verdict_shapes.h"

#include "fleet/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 400 /* of a verdict, worst first */
#define CURVE_POINTS 9

static const double curve_shares[CURVE_POINTS] = {0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999};

void rg_digest_number(cJSON *object, const char *key, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", value);
    cJSON_AddItemToObject(object, key, isfinite(value) ? cJSON_CreateRaw(text) : cJSON_CreateNull());
}

/* --- arrays of numbers --- */

struct list {
    FILE *out;
    char *text;
    size_t bytes;
};

static bool list_open(struct list *list)
{
    *list = (struct list){0};
    list->out = open_memstream(&list->text, &list->bytes);
    if (list->out != NULL)
        fputc('[', list->out);
    return list->out != NULL;
}

/* null: there is none; -1: it failed, where less is better. */
static void list_add(struct list *list, double value)
{
    if (ftell(list->out) > 1)
        fputc(',', list->out);
    if (isnan(value))
        fputs("null", list->out);
    else
        fprintf(list->out, "%.4g", isfinite(value) ? value : -1.0);
}

/* Adds it and closes it; gives back its length. */
static size_t list_end(struct list *list, cJSON *object, const char *key)
{
    fputc(']', list->out);
    fclose(list->out);
    cJSON_AddItemToObject(object, key, cJSON_CreateRaw(list->text ? list->text : "[]"));
    free(list->text);
    return list->bytes;
}

static size_t add_cells(cJSON *object, const char *key, struct rg_cell *cells, size_t count)
{
    struct list list;
    if (cells == NULL || !list_open(&list)) {
        cJSON_AddNullToObject(object, key);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        list_add(&list, rg_cell_quantile(&cells[i], 0.5));
    return list_end(&list, object, key);
}

static size_t add_pairs(cJSON *object, const struct rg_digest *digest, const struct rg_digest_point *point)
{
    size_t count = (size_t)digest->blocks * (size_t)digest->blocks, bytes = 0;
    struct list values, rails;
    if (point->pairs == NULL || !list_open(&values)) {
        cJSON_AddNullToObject(object, "pairs");
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        list_add(&values, (double)point->pairs[i].value);
    bytes += list_end(&values, object, "pairs");
    if (!list_open(&rails))
        return bytes;
    for (size_t i = 0; i < count; i++)
        list_add(&rails, isnan(point->pairs[i].value) ? NAN : (double)point->pairs[i].rail);
    return bytes + list_end(&rails, object, "pair_rails");
}

/* --- points --- */

#define S rg_digest_point
static const struct rg_option point_rows[] = {RG_FIELD_TEXT(test), RG_FIELD_TEXT(kind), RG_FIELD_COUNTED(size_bytes),
    RG_FIELD_TEXT(direction), RG_FIELD_TEXT(memory), RG_FIELD_TEXT(variant), RG_FIELD_TEXT(pattern),
    RG_FIELD_COUNTED(queue_pairs), RG_FIELD_TEXT(transport), RG_FIELD_TEXT(backend), RG_FIELD_TEXT(library),
    RG_FIELD_TEXT(metric), RG_FIELD_TEXT(method), RG_FIELD_COUNTED(test_index), RG_FIELD_FLAG(hardware),
    RG_FIELD_TEXT(hardware_reason), RG_FIELD_COUNTED(ok), RG_FIELD_COUNTED(failed), RG_FIELD_COUNTED(unsupported),
    RG_FIELD_COUNTED(not_run), RG_FIELD_COUNTED(again), RG_FIELD_REAL(samples), RG_FIELD_REAL(clock_error_us),
    RG_FIELD_FLAG(up), RG_FIELD_FLAG(comparable)};
static const struct rg_shape point_shape = RG_FIELD_SHAPE(point_rows);
#undef S

static void add_spread(cJSON *object, const char *key, struct rg_cell *cell)
{
    cJSON *spread = cJSON_AddObjectToObject(object, key);
    rg_digest_number(spread, "min", cell->seen ? (double)cell->min : NAN);
    rg_digest_number(spread, "p5", rg_cell_quantile(cell, 0.05));
    rg_digest_number(spread, "median", rg_cell_quantile(cell, 0.5));
    rg_digest_number(spread, "p95", rg_cell_quantile(cell, 0.95));
    rg_digest_number(spread, "max", cell->seen ? (double)cell->max : NAN);
}

/* What the machine's file says of a point for each of its flows or groups, or NULL. */
static const struct rg_expectation *expectation_of(
    const struct rg_digest *digest, const struct rg_digest_point *point, const char *metric)
{
    bool flow = strcmp(point->kind, "flow") == 0, copy = strcmp(point->kind, "copy") == 0;
    struct rg_test_point held = {.test = point->test,
        .direction = point->direction,
        .memory = point->memory,
        .variant = point->variant,
        .pattern = point->pattern,
        .scope = flow   ? "rail"
                 : copy ? "gpu"
                        : "group",
        .metric = metric,
        .size_bytes = point->size_bytes,
        .queue_pairs = point->queue_pairs};
    return digest->machine ? rg_machine_expectation(digest->machine, &held) : NULL;
}

static void add_expected(cJSON *object, const char *key, const struct rg_digest *digest,
    const struct rg_digest_point *point, const char *metric)
{
    const struct rg_expectation *e = expectation_of(digest, point, metric);
    if (e == NULL || isnan(e->expected)) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    cJSON *expected = cJSON_AddObjectToObject(object, key);
    rg_digest_number(expected, "expected", e->expected);
    rg_digest_number(expected, "threshold", e->expected * (1 + (point->up ? -1 : 1) * e->tolerance_percent / 100));
    rg_digest_number(expected, "tolerance_percent", e->tolerance_percent);
    rg_json_add_text(expected, "source", e->source);
}

/* The rate that headers leave of the line rate; NAN: not known. */
static double ceiling_of(const struct rg_digest *digest, const struct rg_digest_point *point)
{
    double line_gbps = digest->machine ? digest->machine->line_rate_gbps : NAN;
    for (size_t i = 0; isnan(line_gbps) && i < digest->run->rank_count; i++)
        line_gbps = digest->run->ranks[i].rail.link_gbps;
    return strcmp(point->kind, "flow") == 0 ? line_gbps * point->payload_share : NAN;
}

/* What a healthy flow has: of rates the median of the uppermost cluster; of latencies the median of all. */
static double healthy_of(const struct rg_digest *digest, struct rg_digest_point *point)
{
    double healthy = rg_cell_quantile(&point->all, 0.5), noise;
    double *rates = calloc(point->all.kept + 1, sizeof *rates);
    for (uint32_t i = 0; rates != NULL && i < point->all.kept; i++)
        rates[i] = (double)point->all.values[i];
    if (rates != NULL && point->up && point->all.kept > 0)
        rg_reference_find(rates, point->all.kept, rg_reference_width(digest->least_loss), &healthy, &noise);
    free(rates);
    return healthy;
}

static void add_spot(cJSON *array, const struct rg_spot *spot)
{
    struct list list;
    cJSON *holder = cJSON_CreateObject();
    if (list_open(&list)) {
        list_add(&list, spot->node);
        list_add(&list, spot->rail);
        list_add(&list, spot->peer);
        list_add(&list, spot->peer_rail);
        list_add(&list, spot->value);
        fprintf(list.out, ",%lld", (long long)spot->round);
        list_end(&list, holder, "spot");
        cJSON_AddItemToArray(array, cJSON_DetachItemFromObject(holder, "spot"));
    }
    cJSON_Delete(holder);
}

/* Latencies of all samples that were kept, at the shares of `curve_shares`. */
static void add_curve(cJSON *object, const struct rg_digest_point *point)
{
    uint64_t total = 0, below = 0;
    struct list list;
    if (point->bins == NULL || !list_open(&list)) {
        cJSON_AddNullToObject(object, "curve");
        return;
    }
    for (int bin = 0; bin < RG_BINS; bin++)
        total += point->bins[bin];
    for (int at = 0, bin = 0; at < CURVE_POINTS; bin++) {
        if (bin < RG_BINS)
            below += point->bins[bin];
        for (; at < CURVE_POINTS && (bin >= RG_BINS || (double)below > curve_shares[at] * (double)total); at++)
            list_add(&list, exp2((fmin(bin, RG_BINS - 1) + 0.5) / 32 - 10));
    }
    list_end(&list, object, "curve");
}

static void add_latency(cJSON *object, const struct rg_digest *digest, struct rg_digest_point *point)
{
    struct list median, worst;
    if (!list_open(&median))
        return;
    for (int i = 0; i < RG_PERCENTILES; i++)
        list_add(&median, rg_cell_quantile(&point->percentiles[i], 0.5));
    list_end(&median, object, "percentiles_median");
    if (!list_open(&worst))
        return;
    for (int i = 0; i < RG_PERCENTILES; i++)
        list_add(&worst, point->percentiles[i].seen ? (double)point->percentiles[i].max : NAN);
    list_end(&worst, object, "percentiles_worst");
    add_curve(object, point);
    add_expected(object, "expected_p99", digest, point, "latency_p99_us");
}

/* Gives back what its pictures take. */
static size_t add_point(cJSON *points, struct rg_digest *digest, struct rg_digest_point *point, size_t pictures_bytes)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(points, object);
    rg_json_write(object, &point_shape, point);
    add_spread(object, "spread", &point->all);
    rg_digest_number(object, "healthy", point->healthy);
    rg_digest_number(object, "ceiling", ceiling_of(digest, point));
    rg_digest_number(object, "least_subwindow", point->least_subwindow);
    add_expected(object, "expectation", digest, point, point->metric);
    cJSON *worst = cJSON_AddArrayToObject(object, "worst");
    for (int i = 0; i < point->worst_count; i++)
        add_spot(worst, &point->worst[i]);
    if (strcmp(point->metric, "latency_p50_us") == 0)
        add_latency(object, digest, point);
    if (strcmp(point->kind, "collective") == 0) {
        add_spread(object, "algbw", &point->algorithm);
        add_spread(object, "time_p50_us", &point->time_p50);
        add_spread(object, "time_p99_us", &point->time_p99);
    }
    /* A number takes at most eight characters, mostly four. */
    size_t guess = 12 * rg_digest_nics(digest) + 6 * (size_t)digest->blocks * (size_t)digest->blocks;
    if (!point->comparable || point->tx == NULL)
        return 0;
    bool left_out = guess > pictures_bytes;
    cJSON_AddBoolToObject(object, "pictures_left_out", left_out);
    if (left_out)
        return 0;
    return add_cells(object, "tx", point->tx, rg_digest_nics(digest)) +
           add_cells(object, "rx", point->rx, rg_digest_nics(digest)) + add_pairs(object, digest, point);
}

/* For each NIC the smallest share of a healthy flow's rate, over all points of rates. */
static void add_overall(cJSON *object, struct rg_digest *digest, bool sends)
{
    struct list list;
    if (!list_open(&list))
        return;
    for (size_t nic = 0; nic < rg_digest_nics(digest); nic++) {
        double least = NAN;
        for (size_t p = 0; p < digest->point_count; p++) {
            struct rg_digest_point *point = &digest->points[p];
            struct rg_cell *cells = sends ? point->tx : point->rx;
            if (cells == NULL || cells[nic].kept == 0 || !point->judged)
                continue;
            double share = point->healthy > 0 ? rg_cell_quantile(&cells[nic], 0.5) / point->healthy : 0;
            least = fmin(isnan(least) ? share : least, share);
        }
        list_add(&list, least);
    }
    list_end(&list, object, sends ? "overall_tx" : "overall_rx");
}

void rg_digest_add_points(cJSON *object, struct rg_digest *digest, size_t pictures_bytes)
{
    cJSON *points = cJSON_AddArrayToObject(object, "points");
    for (size_t p = 0; p < digest->point_count; p++)
        digest->points[p].healthy = healthy_of(digest, &digest->points[p]);
    for (size_t p = 0; p < digest->point_count; p++) {
        size_t bytes = add_point(points, digest, &digest->points[p], pictures_bytes);
        pictures_bytes -= bytes < pictures_bytes ? bytes : pictures_bytes;
    }
    add_overall(object, digest, true);
    add_overall(object, digest, false);
}
