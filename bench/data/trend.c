#include "data/trend.h"

#include "data/trend_parts.h"

#include <math.h>
#include <stdlib.h>

void rg_trend_add_number(cJSON *object, const char *key, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

void rg_trend_add_size(cJSON *object, double percent, double low, double high)
{
    rg_trend_add_number(object, "percent", percent);
    rg_trend_add_number(object, "low_percent", fmin(low, high));
    rg_trend_add_number(object, "high_percent", fmax(low, high));
}

void rg_trend_add_runs(cJSON *object, const struct rg_past *past, size_t run, size_t told)
{
    cJSON_AddStringToObject(object, "since", past->runs[run].started_at);
    cJSON_AddStringToObject(object, "run_id", past->runs[run].run_id);
    cJSON_AddStringToObject(object, "told_run_id", past->runs[told].run_id);
}

static cJSON *change_object(const struct rg_past *past, const struct rg_change *change)
{
    const struct rg_shape shape = {.rows = rg_series_rows, .row_count = rg_series_row_count};
    cJSON *object = cJSON_CreateObject();
    rg_trend_add_runs(object, past, change->run, change->told);
    rg_json_write(object, &shape, &past->series[change->series]);
    rg_trend_add_number(object, "before", change->before);
    rg_trend_add_number(object, "after", change->after);
    rg_trend_add_size(object, change->percent, change->low_percent, change->high_percent);
    rg_trend_add_number(object, "p", change->p);
    return object;
}

static cJSON *difference_object(const struct rg_difference *difference)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", difference->name);
    rg_json_add_text(object, "before", difference->before[0] ? difference->before : NULL);
    cJSON_AddStringToObject(object, "after", difference->after);
    cJSON_AddNumberToObject(object, "places", (double)difference->places);
    cJSON_AddNumberToObject(object, "of", (double)difference->of);
    cJSON_AddNumberToObject(object, "elsewhere", (double)difference->elsewhere);
    cJSON_AddNumberToObject(object, "elsewhere_of", (double)difference->elsewhere_of);
    return object;
}

cJSON *rg_trend_finding_object(const struct rg_trend *trend, const struct rg_finding *finding)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "status", finding->worse ? "worse" : "better");
    cJSON_AddBoolToObject(object, "new", finding->fresh);
    cJSON_AddBoolToObject(object, "stands", finding->stands);
    rg_trend_add_runs(object, trend->past, finding->run, finding->told);
    cJSON_AddStringToObject(object, "part", finding->part);
    cJSON_AddStringToObject(object, "scope", finding->scope);
    rg_json_add_text(object, "node", finding->node);
    if (finding->rail == RG_NONE)
        cJSON_AddNullToObject(object, "rail");
    else
        cJSON_AddNumberToObject(object, "rail", (double)finding->rail);
    rg_json_add_text(object, "side", finding->side);
    cJSON_AddNumberToObject(object, "hit", (double)finding->hit);
    cJSON_AddNumberToObject(object, "of", (double)finding->of);
    cJSON_AddNumberToObject(object, "tests_hit", (double)finding->tests_hit);
    cJSON_AddNumberToObject(object, "tests_of", (double)finding->tests_of);
    rg_trend_add_size(object, finding->percent, finding->low_percent, finding->high_percent);
    cJSON_AddStringToObject(object, "sentence", finding->sentence);
    cJSON *environment = cJSON_AddArrayToObject(object, "environment");
    for (size_t i = 0; i < finding->difference_count; i++)
        cJSON_AddItemToArray(environment, difference_object(&finding->differences[i]));
    return object;
}

static cJSON *whole_finding(const struct rg_trend *trend, const struct rg_finding *finding)
{
    cJSON *object = rg_trend_finding_object(trend, finding);
    cJSON *changes = cJSON_AddArrayToObject(object, "changes");
    for (size_t i = 0; i < finding->count; i++)
        cJSON_AddItemToArray(changes, change_object(trend->past, &trend->changes[finding->first + i]));
    return object;
}

static void add_gaps(cJSON *object, const char *key, const struct rg_gaps *gaps)
{
    cJSON *parts = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < gaps->count; i++) {
        const struct rg_gap *gap = &gaps->at[i];
        cJSON *part = cJSON_CreateObject();
        cJSON_AddStringToObject(part, "part", gap->part);
        rg_json_add_text(part, "node", gap->node);
        rg_trend_add_number(part, "rail", gap->rail == RG_NONE ? NAN : (double)gap->rail);
        cJSON_AddNumberToObject(part, "series", (double)gap->series);
        cJSON_AddStringToObject(part, "sentence", gap->sentence);
        cJSON_AddItemToArray(parts, part);
    }
}

cJSON *rg_trend_gaps_object(const struct rg_trend *trend)
{
    cJSON *object = cJSON_CreateObject();
    bool compared = trend->earlier != SIZE_MAX;
    rg_json_add_text(object, "earlier_run_id", compared ? trend->past->runs[trend->earlier].run_id : NULL);
    cJSON_AddNumberToObject(object, "series", (double)trend->missing_series);
    cJSON_AddNumberToObject(object, "of", (double)trend->earlier_series);
    cJSON_AddNumberToObject(object, "gone", (double)trend->gone_series);
    rg_json_add_text(object, "gone_run_id", trend->gone_series > 0 ? trend->past->runs[trend->gone_run].run_id : NULL);
    add_gaps(object, "parts", &trend->missing);
    add_gaps(object, "gone_parts", &trend->gone);
    return object;
}

char *rg_trend_json(const struct rg_trend *trend)
{
    const struct rg_past *past = trend->past;
    cJSON *object = rg_json_document("trend");
    cJSON_AddNumberToObject(object, "runs", (double)past->run_count);
    rg_json_add_text(object, "first_run_id", past->run_count > 0 ? past->runs[0].run_id : NULL);
    rg_json_add_text(object, "last_run_id", past->run_count > 0 ? past->runs[past->run_count - 1].run_id : NULL);
    cJSON_AddNumberToObject(object, "series", (double)past->series_count);
    cJSON_AddNumberToObject(object, "least_runs", (double)trend->least_runs);
    cJSON_AddNumberToObject(object, "short_series", (double)trend->short_series);
    cJSON_AddNumberToObject(object, "level", trend->level);
    cJSON_AddNumberToObject(object, "least_percent", trend->least_percent);
    rg_json_add_text(object, "seen_run_id", trend->seen > 0 ? past->runs[trend->seen - 1].run_id : NULL);
    cJSON_AddNumberToObject(object, "new_regressions", (double)trend->fresh_regressions);
    cJSON_AddNumberToObject(object, "standing_regressions", (double)trend->standing_regressions);
    cJSON_AddItemToObject(object, "not_measured", rg_trend_gaps_object(trend));
    cJSON *findings = cJSON_AddArrayToObject(object, "findings");
    for (size_t i = 0; i < trend->finding_count; i++)
        cJSON_AddItemToArray(findings, whole_finding(trend, &trend->findings[i]));
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

void rg_trend_close(struct rg_trend *trend)
{
    free(trend->changes);
    free(trend->findings);
    free(trend->missing.at);
    free(trend->gone.at);
    *trend = (struct rg_trend){0};
}
