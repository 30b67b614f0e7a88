#include "data/forecast.h"

#include "data/fields.h"

#include <stdlib.h>
#include <string.h>

#define S rg_forecast_point
static const struct rg_option point_rows[] = {RG_FIELD_TEXT(run_id), RG_FIELD_COUNTED(nodes), RG_FIELD_COUNTED(ranks),
    RG_FIELD_COUNTED(size_bytes), RG_FIELD_REAL(measured_us), RG_FIELD_REAL(fitted_us), RG_FIELD_REAL(residual_percent),
    RG_FIELD_REAL_OR_NULL(node_gbps)};
#undef S

#define S rg_forecast_term
static const struct rg_option term_rows[] = {
    RG_FIELD_TEXT(name), RG_FIELD_TEXT(unit), RG_FIELD_REAL(value), RG_FIELD_REAL(low), RG_FIELD_REAL(high)};
#undef S

#define S rg_forecast_projection
static const struct rg_option projection_rows[] = {RG_FIELD_COUNTED(nodes), RG_FIELD_COUNTED(ranks),
    RG_FIELD_COUNTED(size_bytes), RG_FIELD_REAL(time_us), RG_FIELD_REAL(time_low_us), RG_FIELD_REAL(time_high_us),
    RG_FIELD_REAL(node_gbps), RG_FIELD_REAL(node_low_gbps), RG_FIELD_REAL_OR_NULL(node_high_gbps),
    RG_FIELD_REAL(efficiency_percent), RG_FIELD_REAL_OR_NULL(step_percent), RG_FIELD_REAL(nodes_beyond),
    RG_FIELD_REAL(size_beyond)};
#undef S

#define S rg_forecast_fit
static const struct rg_option fit_rows[] = {RG_FIELD_TEXT(kind), RG_FIELD_TEXT(series), RG_FIELD_TEXT(model),
    RG_FIELD_TEXT(formula), RG_FIELD_TEXT_OR_NULL(rivals), RG_FIELD_COUNTED(fewest_nodes), RG_FIELD_COUNTED(most_nodes),
    RG_FIELD_COUNTED(least_size_bytes), RG_FIELD_COUNTED(most_size_bytes), RG_FIELD_REAL(deviation_percent),
    RG_FIELD_REAL(worst_percent), RG_FIELD_COUNTED_OR_NULL(nodes_at_efficiency),
    RG_FIELD_COUNTED_OR_NULL(nodes_at_share)};
#undef S

#define S rg_forecast_question
static const struct rg_option question_rows[] = {RG_FIELD_COUNTED_OR_NULL(size_bytes), RG_FIELD_REAL_OR_NULL(step_ms),
    RG_FIELD_REAL(efficiency_percent), RG_FIELD_REAL_OR_NULL(share_percent)};
#undef S

static const struct rg_shape point_shape = RG_FIELD_SHAPE(point_rows), term_shape = RG_FIELD_SHAPE(term_rows),
                             projection_shape = RG_FIELD_SHAPE(projection_rows), fit_shape = RG_FIELD_SHAPE(fit_rows),
                             question_shape = RG_FIELD_SHAPE(question_rows);

/* An array of objects of one shape, `size` bytes each. */
static void add_all(cJSON *object, const char *key, const struct rg_shape *shape, const void *at, size_t size, size_t n)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        rg_json_write(one, shape, (const char *)at + i * size);
        cJSON_AddItemToArray(array, one);
    }
}

static cJSON *fit_object(const struct rg_forecast_fit *fit)
{
    cJSON *object = cJSON_CreateObject();
    rg_json_write(object, &fit_shape, fit);
    cJSON_AddStringToObject(object, "sentence", fit->sentence);
    add_all(object, "terms", &term_shape, fit->terms, sizeof *fit->terms, fit->term_count);
    add_all(object, "points", &point_shape, fit->points, sizeof *fit->points, fit->point_count);
    add_all(
        object, "projections", &projection_shape, fit->projections, sizeof *fit->projections, fit->projection_count);
    return object;
}

static void add_texts(cJSON *object, const char *key, const char *const *texts, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(texts[i]));
}

char *rg_forecast_json(const struct rg_forecast *forecast)
{
    const struct rg_forecast_question *question = &forecast->question;
    cJSON *object = rg_json_document("forecast"), *asked = cJSON_CreateObject();
    add_texts(object, "runs", forecast->run_ids, forecast->run_count);
    cJSON_AddBoolToObject(object, "hardware", forecast->hardware_reason == NULL);
    rg_json_add_text(object, "hardware_reason", forecast->hardware_reason);
    cJSON_AddNumberToObject(object, "ranks_per_node", (double)forecast->ranks_per_node);
    add_texts(object, "doubts", forecast->doubts, forecast->doubt_count);
    cJSON *nodes = cJSON_AddArrayToObject(asked, "nodes");
    for (uint32_t i = 0; i < question->nodes.count; i++)
        cJSON_AddItemToArray(nodes, cJSON_CreateNumber((double)question->nodes.bytes[i]));
    rg_json_write(asked, &question_shape, question);
    cJSON_AddItemToObject(object, "asked", asked);
    cJSON *fits = cJSON_AddArrayToObject(object, "fits");
    for (size_t i = 0; i < forecast->fit_count; i++)
        cJSON_AddItemToArray(fits, fit_object(&forecast->fits[i]));
    add_texts(object, "left_out", (const char *const *)forecast->left_out, forecast->left_out_count);
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

const char *rg_forecast_text(struct rg_forecast *forecast, const char *text)
{
    for (size_t i = 0; i < forecast->text_count; i++)
        if (strcmp(forecast->texts[i], text) == 0)
            return forecast->texts[i];
    char **grown = realloc(forecast->texts, (forecast->text_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    forecast->texts = grown;
    char *copy = strdup(text);
    if (copy != NULL)
        grown[forecast->text_count++] = copy;
    return copy;
}

void rg_forecast_close(struct rg_forecast *forecast)
{
    for (size_t i = 0; i < forecast->fit_count; i++) {
        free(forecast->fits[i].points);
        free(forecast->fits[i].projections);
    }
    for (size_t i = 0; i < forecast->left_out_count; i++)
        free(forecast->left_out[i]);
    for (size_t i = 0; i < forecast->text_count; i++)
        free(forecast->texts[i]);
    free(forecast->fits);
    free(forecast->left_out);
    free(forecast->texts);
    *forecast = (struct rg_forecast){0};
}
