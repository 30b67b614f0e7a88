#include "data/series.h"

#include "data/fields.h"
#include "data/suite.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct rg_series, member)
#define TEXT(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, AT(member)                                                                    \
    }
#define INTEGER(member)                                                                                                \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, AT(member)                                                                 \
    }

const struct rg_option rg_series_rows[] = {TEXT(origin), TEXT(test), INTEGER(size_bytes), TEXT(direction), TEXT(memory),
    TEXT(variant), TEXT(pattern), INTEGER(queue_pairs), TEXT(scope), TEXT(node), INTEGER(rail), TEXT(peer_node),
    TEXT(side), INTEGER(ranks), TEXT(metric)};
const size_t rg_series_row_count = RG_FIELD_COUNT(rg_series_rows);

int rg_series_compare(const struct rg_series *a, const struct rg_series *b)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < rg_series_row_count; i++) {
        const char *at_a = (const char *)a + rg_series_rows[i].offset,
                   *at_b = (const char *)b + rg_series_rows[i].offset;
        if (rg_series_rows[i].type == RG_TEXT) {
            const char *text_a, *text_b;
            memcpy(&text_a, at_a, sizeof text_a);
            memcpy(&text_b, at_b, sizeof text_b);
            order = text_a == text_b ? 0 : strcmp(text_a ? text_a : "", text_b ? text_b : "");
        } else {
            int64_t number_a, number_b;
            memcpy(&number_a, at_a, sizeof number_a);
            memcpy(&number_b, at_b, sizeof number_b);
            order = (number_a > number_b) - (number_a < number_b);
        }
    }
    return order;
}

bool rg_series_is_latency(const struct rg_series *series)
{
    return strncmp(series->metric, "latency", 7) == 0;
}

const char *rg_series_unit(const struct rg_series *series)
{
    if (strstr(series->metric, "_ratio_") != NULL)
        return "times";
    if (rg_series_is_latency(series))
        return "us";
    return strcmp(series->metric, "bandwidth_gbps") == 0 ? "Gb/s" : "GB/s";
}

const char *rg_series_words(const struct rg_series *series, char *out, size_t room)
{
    char size[24], pairs[40] = "";
    if (series->queue_pairs > 1)
        snprintf(pairs, sizeof pairs, ", %lld %ss", (long long)series->queue_pairs, rg_test_channel_word(series->test));
    bool ratio = strstr(series->metric, "_ratio_") != NULL;
    const char *metric = strstr(series->metric, "_p99") != NULL ? ", p99" : ratio ? ", p50" : "";
    bool gpu = series->memory != NULL && strcmp(series->memory, "host") != 0;
    snprintf(out, room, "%s %s%s%s%s%s%s%s%s%s%s%s", series->test,
        series->size_bytes == RG_NONE ? "-" : rg_args_format_bytes(series->size_bytes, size),
        series->direction ? " " : "", series->direction ? series->direction : "", gpu ? " " : "",
        gpu ? series->memory : "", series->variant ? " " : "", series->variant ? series->variant : "",
        series->pattern ? " " : "", series->pattern ? series->pattern : "", pairs, metric);
    return out;
}

void rg_entry_close(struct rg_entry *entry)
{
    free(entry->figures);
    free(entry->facts);
    *entry = (struct rg_entry){0};
}

char *rg_series_line(const struct rg_past_run *run, const struct rg_figure *figure)
{
    const struct rg_shape shape = {.rows = rg_series_rows, .row_count = rg_series_row_count};
    cJSON *object = rg_json_document("figure");
    cJSON_AddStringToObject(object, "run_id", run->run_id);
    cJSON_AddStringToObject(object, "started_at", run->started_at);
    rg_json_add_text(object, "suite", run->suite);
    rg_json_add_text(object, "machine", run->machine);
    rg_json_write(object, &shape, &figure->of);
    cJSON_AddNumberToObject(object, "value", figure->value);
    cJSON_AddNumberToObject(object, "measurements", (double)figure->measurements);
    char *line = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return line;
}
