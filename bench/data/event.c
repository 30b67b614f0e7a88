#include "data/event.h"

#include <errno.h>
#include <string.h>

#define ROUND_MOST (1ll << 53)

static const char *const names[] = {"rank", "ready", "round", "round_done", "lost", "failed", "ask", "done"};

char *rg_event_line(const struct rg_event *event)
{
    if (event->kind == RG_EVENT_MEASUREMENT)
        return strdup(event->text);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", names[event->kind]);
    cJSON_AddNumberToObject(object, "round", (double)event->round);
    cJSON_AddNumberToObject(object, "value", event->value);
    rg_json_add_text(object, "text", event->text);
    char *line = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return line;
}

int rg_event_read(const char *line, struct rg_event *out)
{
    struct rg_event event = {.kind = RG_EVENT_MEASUREMENT};
    cJSON *object = cJSON_Parse(line);
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(object);
        return -EINVAL;
    }
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "event");
    int64_t round = 0;
    bool counts =
        rg_json_is_integer(cJSON_GetObjectItemCaseSensitive(object, "round"), -ROUND_MOST, ROUND_MOST, &round);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, "value");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(object, "text");
    int code = 0;
    if (!cJSON_IsString(name) && cJSON_HasObjectItem(object, "document")) {
        event.text = strdup(line);
    } else if (name != NULL && cJSON_IsString(name) && counts && cJSON_IsNumber(value)) {
        size_t kind = 0;
        while (kind < sizeof names / sizeof *names && strcmp(names[kind], name->valuestring) != 0)
            kind++;
        code = kind < sizeof names / sizeof *names ? 0 : -EINVAL;
        event.kind = (enum rg_event_kind)kind;
        event.round = round;
        event.value = value->valuedouble;
        event.text = code == 0 && cJSON_IsString(text) ? strdup(text->valuestring) : NULL;
    } else {
        code = -EINVAL;
    }
    cJSON_Delete(object);
    if (code == 0)
        *out = event;
    return code;
}
