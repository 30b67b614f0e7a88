/* A trend for a page: with the figures that a picture is drawn from. */
#include "data/trend_parts.h"

#include <math.h>
#include <stdlib.h>

#define RUNS_DRAWN 730 /* the latest */
#define FINDINGS_MOST 60
#define VALUE_BYTES 24

/* A change, by its series. */
struct mark {
    const struct rg_change *change;
    size_t finding;
};

/* The changes of one series. */
struct chart {
    const struct mark *marks;
    size_t count;
    bool leads;  /* it got worst of a finding's series */
    double harm; /* in percent; below zero: it got better */
};

struct page {
    const struct rg_trend *trend;
    const bool *wanted;
    struct mark *marks;
    struct chart *charts;
    size_t *number; /* by finding: among those that are shown; SIZE_MAX: it is not */
    size_t *worst;  /* by finding: the mark of the series that got worst */
    size_t mark_count, chart_count, shown, concerned;
};

static double harm_of(const struct page *page, const struct mark *mark)
{
    return page->trend->findings[mark->finding].worse ? fabs(mark->change->percent) : -fabs(mark->change->percent);
}

static int by_series(const void *a, const void *b)
{
    const struct rg_change *x = ((const struct mark *)a)->change, *y = ((const struct mark *)b)->change;
    if (x->series != y->series)
        return x->series < y->series ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

static int by_harm(const void *a, const void *b)
{
    const struct chart *x = a, *y = b;
    if (x->leads != y->leads)
        return x->leads ? -1 : 1;
    if (x->harm != y->harm)
        return x->harm > y->harm ? -1 : 1;
    return (x->marks > y->marks) - (x->marks < y->marks);
}

/* The wanted changes of the findings; those of one series side by side. */
static void list_marks(struct page *page)
{
    const struct rg_trend *trend = page->trend;
    for (size_t k = 0; k < trend->finding_count; k++) {
        const struct rg_finding *finding = &trend->findings[k];
        size_t before = page->mark_count;
        for (size_t i = 0; i < finding->count; i++) {
            const struct rg_change *change = &trend->changes[finding->first + i];
            if (page->wanted[change->series])
                page->marks[page->mark_count++] = (struct mark){change, k};
        }
        page->concerned += page->mark_count > before;
        page->number[k] = SIZE_MAX;
        if (page->mark_count > before && page->shown < FINDINGS_MOST)
            page->number[k] = page->shown++;
    }
    qsort(page->marks, page->mark_count, sizeof *page->marks, by_series);
}

/* Of each finding the mark of the series that got worst. */
static void find_worst(const struct page *page)
{
    for (size_t k = 0; k < page->trend->finding_count; k++)
        page->worst[k] = SIZE_MAX;
    for (size_t i = 0; i < page->mark_count; i++) {
        size_t *worst = &page->worst[page->marks[i].finding];
        if (*worst == SIZE_MAX || harm_of(page, &page->marks[i]) > harm_of(page, &page->marks[*worst]))
            *worst = i;
    }
}

static void list_charts(struct page *page)
{
    for (size_t first = 0, next; first < page->mark_count; first = next) {
        struct chart chart = {.marks = &page->marks[first], .harm = -INFINITY};
        for (next = first;
             next < page->mark_count && page->marks[next].change->series == page->marks[first].change->series; next++) {
            chart.harm = fmax(chart.harm, harm_of(page, &page->marks[next]));
            chart.leads = chart.leads || page->worst[page->marks[next].finding] == next;
        }
        chart.count = next - first;
        page->charts[page->chart_count++] = chart;
    }
    qsort(page->charts, page->chart_count, sizeof *page->charts, by_harm);
}

static cJSON *mark_object(const struct page *page, const struct mark *mark)
{
    cJSON *object = cJSON_CreateObject();
    const struct rg_change *change = mark->change;
    rg_trend_add_runs(object, page->trend->past, change->run, change->told);
    rg_trend_add_number(object, "before", change->before);
    rg_trend_add_number(object, "after", change->after);
    rg_trend_add_size(object, change->percent, change->low_percent, change->high_percent);
    cJSON_AddBoolToObject(object, "worse", page->trend->findings[mark->finding].worse);
    rg_trend_add_number(
        object, "finding", page->number[mark->finding] == SIZE_MAX ? NAN : (double)page->number[mark->finding]);
    return object;
}

static size_t first_drawn(const struct rg_past *past)
{
    return past->run_count > RUNS_DRAWN ? past->run_count - RUNS_DRAWN : 0;
}

/* "[389.73,null,390.1]": five digits are more than a picture shows. */
static int add_values(cJSON *object, const struct rg_past *past, size_t series)
{
    size_t first = first_drawn(past), used = 0, room = (past->run_count - first) * VALUE_BYTES + 3;
    char *text = malloc(room);
    if (text == NULL)
        return -1;
    for (size_t r = first; r < past->run_count; r++) {
        double value = past->values[series * past->run_count + r];
        const char *comma = r > first ? "," : "[";
        used += (size_t)(isnan(value) ? snprintf(text + used, room - used, "%snull", comma)
                                      : snprintf(text + used, room - used, "%s%.5g", comma, value));
    }
    snprintf(text + used, room - used, "]");
    bool added = cJSON_AddRawToObject(object, "values", text) != NULL;
    free(text);
    return added ? (int)used : -1;
}

/* Beside its figures a series takes about so much. */
#define CHART_BYTES 500
#define MARK_BYTES 300

static size_t add_charts(const struct page *page, cJSON *array, size_t room)
{
    const struct rg_shape shape = {.rows = rg_series_rows, .row_count = rg_series_row_count};
    const struct rg_past *past = page->trend->past;
    size_t added = 0, used = 0;
    for (; added < page->chart_count; added++) {
        const struct chart *chart = &page->charts[added];
        size_t series = chart->marks[0].change->series;
        cJSON *object = cJSON_CreateObject();
        rg_json_write(object, &shape, &past->series[series]);
        int bytes = add_values(object, past, series);
        used += (size_t)(bytes < 0 ? 0 : bytes) + CHART_BYTES + chart->count * MARK_BYTES;
        if (bytes < 0 || used > room) {
            cJSON_Delete(object);
            break;
        }
        cJSON *changes = cJSON_AddArrayToObject(object, "changes");
        for (size_t i = 0; i < chart->count; i++)
            cJSON_AddItemToArray(changes, mark_object(page, &chart->marks[i]));
        cJSON_AddItemToArray(array, object);
    }
    return added;
}

static void add_head(cJSON *object, const struct page *page, const char *const *absent, size_t absent_count)
{
    const struct rg_past *past = page->trend->past;
    size_t series = 0;
    for (size_t s = 0; s < past->series_count; s++)
        series += page->wanted[s];
    cJSON_AddNumberToObject(object, "runs", (double)past->run_count);
    cJSON_AddNumberToObject(object, "series", (double)series);
    rg_json_add_text(object, "first", past->run_count > 0 ? past->runs[0].started_at : NULL);
    rg_json_add_text(object, "last", past->run_count > 0 ? past->runs[past->run_count - 1].started_at : NULL);
    rg_json_add_text(object, "last_run_id", past->run_count > 0 ? past->runs[past->run_count - 1].run_id : NULL);
    cJSON *array = cJSON_AddArrayToObject(object, "absent");
    for (size_t i = 0; i < absent_count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(absent[i]));
    cJSON *began = cJSON_AddArrayToObject(object, "began"), *ids = cJSON_AddArrayToObject(object, "run_ids");
    for (size_t r = first_drawn(past); page->mark_count > 0 && r < past->run_count; r++) {
        cJSON_AddItemToArray(began, cJSON_CreateString(past->runs[r].started_at));
        cJSON_AddItemToArray(ids, cJSON_CreateString(past->runs[r].run_id));
    }
}

char *rg_trend_page_json(const struct rg_trend *trend, const char *name, const bool *wanted, const char *const *absent,
    size_t absent_count, size_t room)
{
    struct page page = {.trend = trend, .wanted = wanted};
    char *text = NULL;
    page.marks = calloc(trend->change_count + 1, sizeof *page.marks);
    page.charts = calloc(trend->change_count + 1, sizeof *page.charts);
    page.number = calloc(trend->finding_count + 1, sizeof *page.number);
    page.worst = calloc(trend->finding_count + 1, sizeof *page.worst);
    if (page.marks != NULL && page.charts != NULL && page.number != NULL && page.worst != NULL) {
        list_marks(&page);
        find_worst(&page);
        list_charts(&page);
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", name);
        add_head(object, &page, absent, absent_count);
        cJSON_AddItemToObject(object, "not_measured", rg_trend_gaps_object(trend));
        cJSON *findings = cJSON_AddArrayToObject(object, "findings");
        for (size_t k = 0; k < trend->finding_count; k++)
            if (page.number[k] != SIZE_MAX)
                cJSON_AddItemToArray(findings, rg_trend_finding_object(trend, &trend->findings[k]));
        cJSON_AddNumberToObject(object, "findings_left_out", (double)(page.concerned - page.shown));
        size_t drawn = add_charts(&page, cJSON_AddArrayToObject(object, "charts"), room);
        cJSON_AddNumberToObject(object, "charts_left_out", (double)(page.chart_count - drawn));
        text = cJSON_PrintUnformatted(object);
        cJSON_Delete(object);
    }
    free(page.marks);
    free(page.charts);
    free(page.number);
    free(page.worst);
    return text;
}
