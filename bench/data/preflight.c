#include "data/preflight.h"

#include "data/json.h"

#include <stdlib.h>

const char *const rg_preflight_words[] = {[RG_PREFLIGHT_PASS] = "pass",
    [RG_PREFLIGHT_WARN] = "warn",
    [RG_PREFLIGHT_FAIL] = "fail",
    [RG_PREFLIGHT_NOT_RUN] = "not_run",
    NULL};

void rg_preflight_count(const struct rg_preflight *preflight, int counts[RG_PREFLIGHT_STATUSES])
{
    for (int i = 0; i < RG_PREFLIGHT_STATUSES; i++)
        counts[i] = 0;
    for (int i = 0; i < preflight->row_count; i++)
        counts[preflight->rows[i].status]++;
}

int rg_preflight_exit_status(const struct rg_preflight *preflight)
{
    int status = 0;
    for (int i = 0; i < preflight->row_count; i++) {
        const struct rg_preflight_row *row = &preflight->rows[i];
        if (row->status == RG_PREFLIGHT_FAIL)
            return 1;
        if (row->status == RG_PREFLIGHT_NOT_RUN && row->decides)
            status = 3;
    }
    return status;
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

char *rg_preflight_json(const struct rg_preflight *preflight)
{
    int counts[RG_PREFLIGHT_STATUSES];
    cJSON *object = rg_json_document("check");
    cJSON_AddStringToObject(object, "node", preflight->node);
    rg_json_add_text(object, "machine", preflight->machine);
    cJSON_AddBoolToObject(object, "quick", preflight->quick);
    cJSON_AddNumberToObject(object, "exit_status", rg_preflight_exit_status(preflight));
    rg_preflight_count(preflight, counts);
    cJSON *tally = cJSON_AddObjectToObject(object, "counts");
    for (int i = 0; i < RG_PREFLIGHT_STATUSES; i++)
        cJSON_AddNumberToObject(tally, rg_preflight_words[i], counts[i]);
    cJSON *rows = cJSON_AddArrayToObject(object, "checks");
    for (int i = 0; i < preflight->row_count; i++) {
        const struct rg_preflight_row *row = &preflight->rows[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "check", row->check);
        cJSON_AddStringToObject(item, "status", rg_preflight_words[row->status]);
        cJSON_AddBoolToObject(item, "decides", row->decides);
        cJSON_AddStringToObject(item, "found", row->found);
        rg_json_add_text(item, "expected", text_or_null(row->expected));
        rg_json_add_text(item, "mend", text_or_null(row->mend));
        cJSON_AddItemToArray(rows, item);
    }
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

void rg_preflight_close(struct rg_preflight *preflight)
{
    free(preflight->rows);
    *preflight = (struct rg_preflight){0};
}
