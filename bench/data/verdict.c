#include "data/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const rg_status_names[RG_STATUSES + 1] = {
    "pass", "fail", "noisy", "unsupported", "not_run", "unjudged", NULL};

#define AT(member) .offset = offsetof(struct rg_row, member)
#define TEXT(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, AT(member)                                                                    \
    }
#define INTEGER(member)                                                                                                \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, AT(member)                                                                 \
    }
#define NUMBER(member)                                                                                                 \
    {                                                                                                                  \
        .key = #member, .type = RG_NUMBER, AT(member)                                                                  \
    }

static const struct rg_option row_rows[] = {{.key = "asked", .type = RG_FLAG, AT(asked)}, TEXT(test),
    INTEGER(size_bytes), TEXT(direction), TEXT(memory), TEXT(variant), TEXT(pattern), INTEGER(queue_pairs), TEXT(scope),
    TEXT(node), INTEGER(rail), TEXT(peer_node), INTEGER(peer_rail), TEXT(side), INTEGER(round), TEXT(metric),
    NUMBER(measured), NUMBER(ci95_low), NUMBER(ci95_high), NUMBER(expected), NUMBER(threshold),
    NUMBER(tolerance_percent), TEXT(source), NUMBER(nominal_percent), NUMBER(ceiling), NUMBER(ceiling_percent),
    TEXT(reason)};
static const struct rg_shape row_shape = {.rows = row_rows, .row_count = sizeof row_rows / sizeof *row_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_accused, member)

static const struct rg_option accused_rows[] = {TEXT(part), TEXT(fault), TEXT(status), TEXT(node), INTEGER(leaf),
    INTEGER(rail), TEXT(peer_node), INTEGER(peer_rail), TEXT(test), INTEGER(size_bytes), TEXT(direction),
    NUMBER(loss_percent), NUMBER(healthy_gbps), INTEGER(flows_short), INTEGER(flows_well)};
static const struct rg_shape accused_shape = {
    .rows = accused_rows, .row_count = sizeof accused_rows / sizeof *accused_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_evidence, member)

static const struct rg_option evidence_rows[] = {TEXT(from_node), INTEGER(from_rail), TEXT(to_node), INTEGER(to_rail),
    NUMBER(bandwidth_gbps), {.key = "short", .type = RG_FLAG, AT(fell_short)}, INTEGER(others_well),
    INTEGER(others_short)};
static const struct rg_shape evidence_shape = {
    .rows = evidence_rows, .row_count = sizeof evidence_rows / sizeof *evidence_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_total, member)

static const struct rg_option total_rows[] = {TEXT(test), INTEGER(size_bytes), TEXT(direction), INTEGER(rounds),
    INTEGER(flows), NUMBER(median_gbps), NUMBER(least_gbps), INTEGER(least_round)};
static const struct rg_shape total_shape = {.rows = total_rows, .row_count = sizeof total_rows / sizeof *total_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_congestion, member)

static const struct rg_option congestion_rows[] = {TEXT(test), INTEGER(size_bytes), TEXT(direction), TEXT(load),
    INTEGER(rail), TEXT(metric), INTEGER(victims), NUMBER(alone_p50), NUMBER(loaded_p50), NUMBER(ratio_p50),
    NUMBER(alone_p99), NUMBER(loaded_p99), NUMBER(ratio_p99), TEXT(worst_node), NUMBER(worst_ratio_p99)};
static const struct rg_shape congestion_shape = {
    .rows = congestion_rows, .row_count = sizeof congestion_rows / sizeof *congestion_rows};

/* Room for one more; NULL without memory. */
static void *grow(void **list, size_t *count, size_t size)
{
    char *grown = realloc(*list, (*count + 1) * size);
    if (grown == NULL)
        return NULL;
    *list = grown;
    return grown + (*count)++ * size;
}

struct rg_accused *rg_verdict_accuse(struct rg_verdict *verdict)
{
    void *list = verdict->accused;
    struct rg_accused *accused = grow(&list, &verdict->accused_count, sizeof *accused);
    verdict->accused = list;
    if (accused == NULL)
        return NULL;
    rg_json_clear(&accused_shape, accused);
    accused->evidence_count = 0;
    accused->sentence[0] = '\0';
    return accused;
}

bool rg_verdict_total(struct rg_verdict *verdict, const struct rg_total *line)
{
    void *list = verdict->totals;
    struct rg_total *added = grow(&list, &verdict->total_count, sizeof *line);
    verdict->totals = list;
    if (added != NULL)
        *added = *line;
    return added != NULL;
}

bool rg_verdict_congest(struct rg_verdict *verdict, const struct rg_congestion *line)
{
    void *list = verdict->congestions;
    struct rg_congestion *added = grow(&list, &verdict->congestion_count, sizeof *line);
    verdict->congestions = list;
    if (added != NULL)
        *added = *line;
    return added != NULL;
}

struct rg_row *rg_verdict_add(struct rg_verdict *verdict)
{
    if (verdict->row_count == verdict->row_room) {
        size_t room = verdict->row_room ? verdict->row_room * 2 : 64;
        struct rg_row *grown = realloc(verdict->rows, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        verdict->rows = grown;
        verdict->row_room = room;
    }
    struct rg_row *row = &verdict->rows[verdict->row_count++];
    rg_json_clear(&row_shape, row);
    row->status = RG_UNJUDGED;
    row->asked = true;
    row->hardware = false;
    row->opposite = row->library = row->plugin = NULL;
    row->ranks = RG_NONE;
    return row;
}

/* Adds to a list of texts, once. */
static char *add_once(char ***list, size_t *count, const char *text)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], text) == 0)
            return (*list)[i];
    char **grown = realloc(*list, (*count + 1) * sizeof *grown);
    char *copy = grown ? strdup(text) : NULL;
    if (grown != NULL)
        *list = grown;
    if (copy != NULL)
        grown[(*count)++] = copy;
    return copy;
}

const char *rg_verdict_text(struct rg_verdict *verdict, const char *text)
{
    return text ? add_once(&verdict->texts, &verdict->text_count, text) : NULL;
}

void rg_verdict_note(struct rg_verdict *verdict, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_once(&verdict->incompatible, &verdict->incompatible_count, text);
}

const char *rg_verdict_word(const struct rg_verdict *verdict)
{
    return verdict->status == RG_PASS ? "pass" : verdict->status == RG_FAIL ? "fail" : "inconclusive";
}

static void add_line(cJSON *list, const struct rg_shape *shape, const void *line)
{
    cJSON *object = cJSON_CreateObject();
    rg_json_write(object, shape, line);
    cJSON_AddItemToArray(list, object);
}

static void add_suspects(cJSON *object, const struct rg_verdict *verdict)
{
    cJSON *suspects = cJSON_AddArrayToObject(object, "suspects");
    for (size_t i = 0; i < verdict->accused_count; i++) {
        cJSON *suspect = cJSON_CreateObject();
        rg_json_write(suspect, &accused_shape, &verdict->accused[i]);
        cJSON *evidence = cJSON_AddArrayToObject(suspect, "evidence");
        for (size_t e = 0; e < verdict->accused[i].evidence_count; e++)
            add_line(evidence, &evidence_shape, &verdict->accused[i].evidence[e]);
        cJSON_AddStringToObject(suspect, "sentence", verdict->accused[i].sentence);
        cJSON_AddItemToArray(suspects, suspect);
    }
}

char *rg_verdict_json(const struct rg_verdict *verdict)
{
    cJSON *object = rg_json_document("verdict");
    cJSON_AddStringToObject(object, "run_id", verdict->run_id);
    cJSON *against = cJSON_AddObjectToObject(object, "against");
    cJSON_AddStringToObject(against, "kind", verdict->against_kind);
    rg_json_add_text(against, "name", verdict->against_name);
    cJSON_AddStringToObject(object, "status", rg_verdict_word(verdict));
    cJSON_AddNumberToObject(object, "exit_status", verdict->exit_status);
    cJSON_AddStringToObject(object, "summary", verdict->summary);
    if (verdict->hardware == RG_NONE)
        cJSON_AddNullToObject(object, "hardware");
    else
        cJSON_AddBoolToObject(object, "hardware", verdict->hardware != 0);
    cJSON *counts = cJSON_AddObjectToObject(object, "counts");
    for (int i = 0; i < RG_STATUSES; i++)
        cJSON_AddNumberToObject(counts, rg_status_names[i], (double)verdict->counts[i]);
    cJSON_AddNumberToObject(counts, "not_asked", (double)verdict->not_asked);
    add_suspects(object, verdict);
    cJSON *totals = cJSON_AddArrayToObject(object, "totals");
    for (size_t i = 0; i < verdict->total_count; i++)
        add_line(totals, &total_shape, &verdict->totals[i]);
    cJSON *congestions = cJSON_AddArrayToObject(object, "congestion");
    for (size_t i = 0; i < verdict->congestion_count; i++)
        add_line(congestions, &congestion_shape, &verdict->congestions[i]);
    cJSON *rows = cJSON_AddArrayToObject(object, "expectations");
    for (size_t i = 0; i < verdict->row_count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "status", rg_status_names[verdict->rows[i].status]);
        rg_json_write(row, &row_shape, &verdict->rows[i]);
        cJSON_AddItemToArray(rows, row);
    }
    cJSON *notes = cJSON_AddArrayToObject(object, "incompatible");
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        cJSON_AddItemToArray(notes, cJSON_CreateString(verdict->incompatible[i]));
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

void rg_verdict_close(struct rg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++)
        free(verdict->rows[i].reason);
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        free(verdict->incompatible[i]);
    for (size_t i = 0; i < verdict->text_count; i++)
        free(verdict->texts[i]);
    free(verdict->rows);
    free(verdict->accused);
    free(verdict->totals);
    free(verdict->congestions);
    free(verdict->heat.names);
    free(verdict->heat.tx);
    free(verdict->heat.rx);
    free(verdict->incompatible);
    free(verdict->texts);
    *verdict = (struct rg_verdict){0};
}
