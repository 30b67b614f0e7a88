#include "data/verdict.h"

#include "data/fields.h"
#include "data/suite.h"
#include "data/verdict_shapes.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const rg_status_names[RG_STATUSES + 1] = {
    "pass", "fail", "noisy", "unsupported", "not_run", "unjudged", NULL};

static const char *const directions[] = {"one_way", "both_ways", NULL};
static const char *const scopes[] = {"rail", "node", "group", "gpu", NULL};
static const char *const sides[] = {"tx", "rx", NULL};
static const char *const metrics[] = {
    "bandwidth_gbps", "latency_p50_us", "latency_p99_us", "busbw_gigabytes_per_s", NULL};
static const char *const parts[] = {"tx", "rx", "nic", "node", "rail", "path", "leaf_tx", "leaf_rx", NULL};
static const char *const faults[] = {"slow", "dead", "corrupt", "comes_and_goes", NULL};
static const char *const accused_statuses[] = {"condemned", "noisy", "one_of", NULL};
static const char *const loads[] = {"incast", "all_to_all", NULL};
static const char *const congested_metrics[] = {"bandwidth_gbps", "latency_us", NULL};

#define SIZE(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_BYTES, RG_FIELD_AT(member), .min = 1, .max = RG_FIELD_MOST                          \
    }

#define S rg_row
static const struct rg_option row_rows[] = {RG_FIELD_FLAG(asked), RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), RG_FIELD_WORD(memory, rg_suite_memory_words),
    RG_FIELD_TEXT_OR_NULL(variant), RG_FIELD_TEXT_OR_NULL(pattern),
    {.key = "queue_pairs", .type = RG_INTEGER, RG_FIELD_AT(queue_pairs), .min = 1, .max = 1024, .nullable = true},
    RG_FIELD_WORD(scope, scopes), RG_FIELD_TEXT_OR_NULL(node), RG_FIELD_RAIL_OR_NULL(rail),
    RG_FIELD_TEXT_OR_NULL(peer_node), RG_FIELD_RAIL_OR_NULL(peer_rail), RG_FIELD_WORD_OR_NULL(side, sides),
    RG_FIELD_COUNTED_OR_NULL(round), RG_FIELD_WORD(metric, metrics), RG_FIELD_REAL_OR_NULL(measured),
    RG_FIELD_REAL_OR_NULL(ci95_low), RG_FIELD_REAL_OR_NULL(ci95_high), RG_FIELD_REAL_OR_NULL(expected),
    RG_FIELD_REAL_OR_NULL(threshold), RG_FIELD_REAL_OR_NULL(tolerance_percent), RG_FIELD_TEXT_OR_NULL(source),
    RG_FIELD_REAL_OR_NULL(nominal_percent), RG_FIELD_REAL_OR_NULL(ceiling), RG_FIELD_REAL_OR_NULL(ceiling_percent),
    RG_FIELD_TEXT_OR_NULL(reason)};
#undef S
const struct rg_shape rg_verdict_row_shape = {
    .rows = row_rows, .row_count = RG_FIELD_COUNT(row_rows), .others = (const char *const[]){"status", NULL}};

#define S rg_accused
static const struct rg_option accused_rows[] = {RG_FIELD_WORD(part, parts), RG_FIELD_WORD(fault, faults),
    RG_FIELD_WORD(status, accused_statuses), RG_FIELD_TEXT_OR_NULL(node), RG_FIELD_COUNTED_OR_NULL(leaf),
    RG_FIELD_RAIL_OR_NULL(rail), RG_FIELD_TEXT_OR_NULL(peer_node), RG_FIELD_RAIL_OR_NULL(peer_rail),
    RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes), RG_FIELD_WORD_OR_NULL(direction, directions),
    {.key = "loss_percent", .type = RG_NUMBER, RG_FIELD_AT(loss_percent), .min = 0, .max = 100, .nullable = true},
    RG_FIELD_REAL_OR_NULL(healthy_gbps), RG_FIELD_COUNTED(flows_short), RG_FIELD_COUNTED(flows_well)};
#undef S
const struct rg_shape rg_verdict_accused_shape = {.rows = accused_rows,
    .row_count = RG_FIELD_COUNT(accused_rows),
    .others = (const char *const[]){"evidence", "sentence", NULL}};

#define S rg_evidence
static const struct rg_option evidence_rows[] = {RG_FIELD_TEXT(from_node), RG_FIELD_RAIL(from_rail),
    RG_FIELD_TEXT(to_node), RG_FIELD_RAIL(to_rail), RG_FIELD_REAL_OR_NULL(bandwidth_gbps),
    {.key = "short", .type = RG_FLAG, RG_FIELD_AT(fell_short)}, RG_FIELD_COUNTED(others_well),
    RG_FIELD_COUNTED(others_short)};
#undef S
const struct rg_shape rg_verdict_evidence_shape = RG_FIELD_SHAPE(evidence_rows);

#define S rg_total
static const struct rg_option total_rows[] = {RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), RG_FIELD_COUNTED(rounds), RG_FIELD_COUNTED(flows),
    RG_FIELD_REAL(median_gbps), RG_FIELD_REAL(least_gbps), RG_FIELD_COUNTED(least_round)};
#undef S
const struct rg_shape rg_verdict_total_shape = RG_FIELD_SHAPE(total_rows);

#define S rg_congestion
static const struct rg_option congestion_rows[] = {RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), RG_FIELD_WORD(load, loads), RG_FIELD_RAIL(rail),
    RG_FIELD_WORD(metric, congested_metrics), RG_FIELD_COUNTED(victims), RG_FIELD_REAL(alone_p50),
    RG_FIELD_REAL(loaded_p50), RG_FIELD_REAL_OR_NULL(ratio_p50), RG_FIELD_REAL(alone_p99), RG_FIELD_REAL(loaded_p99),
    RG_FIELD_REAL_OR_NULL(ratio_p99), RG_FIELD_TEXT(worst_node), RG_FIELD_REAL_OR_NULL(worst_ratio_p99)};
#undef S
const struct rg_shape rg_verdict_congestion_shape = RG_FIELD_SHAPE(congestion_rows);

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
    rg_json_clear(&rg_verdict_accused_shape, accused);
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
    rg_json_clear(&rg_verdict_row_shape, row);
    row->status = RG_UNJUDGED;
    row->asked = true;
    row->hardware = false;
    row->opposite = NULL;
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
        rg_json_write(suspect, &rg_verdict_accused_shape, &verdict->accused[i]);
        cJSON *evidence = cJSON_AddArrayToObject(suspect, "evidence");
        for (size_t e = 0; e < verdict->accused[i].evidence_count; e++)
            add_line(evidence, &rg_verdict_evidence_shape, &verdict->accused[i].evidence[e]);
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
        add_line(totals, &rg_verdict_total_shape, &verdict->totals[i]);
    cJSON *congestions = cJSON_AddArrayToObject(object, "congestion");
    for (size_t i = 0; i < verdict->congestion_count; i++)
        add_line(congestions, &rg_verdict_congestion_shape, &verdict->congestions[i]);
    cJSON *rows = cJSON_AddArrayToObject(object, "expectations");
    for (size_t i = 0; i < verdict->row_count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "status", rg_status_names[verdict->rows[i].status]);
        rg_json_write(row, &rg_verdict_row_shape, &verdict->rows[i]);
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
    cJSON_Delete(verdict->root);
    *verdict = (struct rg_verdict){0};
}
