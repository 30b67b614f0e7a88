#include "data/verdict.h"

#include "data/fields.h"
#include "data/suite.h"
#include "data/verdict_shapes.h"

#include <errno.h>
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
static const char *const parts[] = {"tx", "rx", "nic", "node", "rail", "path", "leaf_tx", "leaf_rx", "rank", NULL};
static const char *const faults[] = {"slow", "dead", "corrupt", "comes_and_goes", NULL};
static const char *const accused_statuses[] = {"condemned", "noisy", "one_of", NULL};
static const char *const bound_kinds[] = {"machine", "run", "fleet", NULL};
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
    RG_FIELD_REAL_OR_NULL(fleet_percent), RG_FIELD_TEXT_OR_NULL(reason)};
#undef S
const struct rg_shape rg_verdict_row_shape = {
    .rows = row_rows, .row_count = RG_FIELD_COUNT(row_rows), .others = (const char *const[]){"status", "bounds", NULL}};

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

/* What earlier versions left out of totals and of what a load costs. */
#define LATER_FIELDS                                                                                                   \
    {.key = "memory", .type = RG_CHOICE, LATER(memory), .choices = rg_suite_memory_words},                             \
        {.key = "variant", .type = RG_TEXT, LATER(variant)},                                                           \
    {                                                                                                                  \
        .key = "queue_pairs", .type = RG_INTEGER, LATER(queue_pairs), .min = 1, .max = 1024                            \
    }
#define LATER(member) .offset = offsetof(struct S, member), .nullable = true

#define S rg_total
static const struct rg_option total_rows[] = {RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), LATER_FIELDS, RG_FIELD_COUNTED(rounds), RG_FIELD_COUNTED(flows),
    RG_FIELD_REAL(median_gbps), RG_FIELD_REAL(least_gbps), RG_FIELD_COUNTED(least_round)};
#undef S
const struct rg_shape rg_verdict_total_shape = RG_FIELD_SHAPE(total_rows);

#define S rg_congestion
static const struct rg_option congestion_rows[] = {RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), LATER_FIELDS, RG_FIELD_WORD(load, loads), RG_FIELD_RAIL(rail),
    RG_FIELD_WORD(metric, congested_metrics), RG_FIELD_COUNTED(victims), RG_FIELD_REAL(alone_p50),
    RG_FIELD_REAL(loaded_p50), RG_FIELD_REAL_OR_NULL(ratio_p50), RG_FIELD_REAL(alone_p99), RG_FIELD_REAL(loaded_p99),
    RG_FIELD_REAL_OR_NULL(ratio_p99), RG_FIELD_TEXT(worst_node), RG_FIELD_REAL_OR_NULL(worst_ratio_p99)};
#undef S
const struct rg_shape rg_verdict_congestion_shape = RG_FIELD_SHAPE(congestion_rows);

#define S rg_bound
static const struct rg_option bound_rows[] = {RG_FIELD_WORD(kind, bound_kinds), RG_FIELD_TEXT(source),
    RG_FIELD_REAL_OR_NULL(expected), RG_FIELD_REAL_OR_NULL(tolerance_percent), RG_FIELD_TEXT_OR_NULL(tolerance_source),
    RG_FIELD_REAL_OR_NULL(threshold), RG_FIELD_TEXT_OR_NULL(reason)};
#undef S
const struct rg_shape rg_verdict_bound_shape = {
    .rows = bound_rows, .row_count = RG_FIELD_COUNT(bound_rows), .others = (const char *const[]){"status", NULL}};

#define S rg_test_point
static const struct rg_option point_rows[] = {RG_FIELD_WORD(test, rg_test_names), SIZE(size_bytes),
    RG_FIELD_WORD_OR_NULL(direction, directions), RG_FIELD_WORD(memory, rg_suite_memory_words),
    RG_FIELD_TEXT_OR_NULL(variant), RG_FIELD_TEXT_OR_NULL(pattern),
    {.key = "queue_pairs", .type = RG_INTEGER, RG_FIELD_AT(queue_pairs), .min = 1, .max = 1024, .nullable = true},
    RG_FIELD_WORD(scope, scopes), RG_FIELD_WORD(metric, metrics), RG_FIELD_REAL_OR_NULL(least),
    RG_FIELD_REAL_OR_NULL(median), RG_FIELD_REAL_OR_NULL(most), RG_FIELD_REAL_OR_NULL(mad)};
#undef S
const struct rg_shape rg_verdict_point_shape = {.rows = point_rows,
    .row_count = RG_FIELD_COUNT(point_rows),
    .others = (const char *const[]){"rows", "measured", "counts", NULL}};

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
    row->opposite = row->library = row->plugin = NULL;
    row->ranks = row->rails = row->test_index = RG_NONE;
    row->bounds = NULL;
    row->bound_count = 0;
    return row;
}

void rg_row_close(struct rg_row *row)
{
    free(row->reason);
    free(row->bounds);
    row->reason = NULL;
    row->bounds = NULL;
    row->bound_count = 0;
}

struct rg_bound *rg_row_bound(struct rg_row *row, const char *kind)
{
    struct rg_bound *grown = realloc(row->bounds, (row->bound_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    row->bounds = grown;
    struct rg_bound *bound = &grown[row->bound_count++];
    rg_json_clear(&rg_verdict_bound_shape, bound);
    bound->status = RG_UNJUDGED;
    bound->kind = kind;
    return bound;
}

int rg_verdict_tally(struct rg_verdict *verdict, const struct rg_row *row, bool sides_later)
{
    if (!row->asked) {
        verdict->not_asked++;
        return 0;
    }
    verdict->counts[row->status]++;
    size_t point = rg_points_place(&verdict->points, row);
    if (point == RG_NO_POINT)
        return -ENOMEM;
    int code = rg_point_add(&verdict->points.at[point], row);
    return code == 0 && !sides_later ? rg_sides_add(&verdict->sides, point, row, RG_LAID_TO_BOTH) : code;
}

const char *rg_verdict_text(struct rg_verdict *verdict, const char *text)
{
    return rg_texts_keep(&verdict->texts, text);
}

void rg_verdict_note(struct rg_verdict *verdict, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        if (strcmp(verdict->incompatible[i], text) == 0)
            return;
    char **grown = realloc(verdict->incompatible, (verdict->incompatible_count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    verdict->incompatible = grown;
    if ((grown[verdict->incompatible_count] = strdup(text)) != NULL)
        verdict->incompatible_count++;
}

const char *rg_verdict_word(const struct rg_verdict *verdict)
{
    return verdict->status == RG_PASS ? "pass" : verdict->status == RG_FAIL ? "fail" : "inconclusive";
}

static cJSON *row_item(const struct rg_row *row)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "status", rg_status_names[row->status]);
    rg_json_write(item, &rg_verdict_row_shape, row);
    cJSON *bounds = cJSON_AddArrayToObject(item, "bounds");
    for (size_t i = 0; i < row->bound_count; i++) {
        cJSON *bound = cJSON_CreateObject();
        cJSON_AddStringToObject(bound, "status", rg_status_names[row->bounds[i].status]);
        rg_json_write(bound, &rg_verdict_bound_shape, &row->bounds[i]);
        cJSON_AddItemToArray(bounds, bound);
    }
    return item;
}

static cJSON *point_item(const struct rg_test_point *point)
{
    cJSON *item = cJSON_CreateObject();
    rg_json_write(item, &rg_verdict_point_shape, point);
    cJSON_AddNumberToObject(item, "rows", (double)point->rows);
    cJSON_AddNumberToObject(item, "measured", (double)point->measured);
    cJSON *counts = cJSON_AddObjectToObject(item, "counts");
    for (int i = 0; i < RG_STATUSES; i++)
        cJSON_AddNumberToObject(counts, rg_status_names[i], (double)point->counts[i]);
    return item;
}

static cJSON *line_item(const struct rg_shape *shape, const void *line)
{
    cJSON *item = cJSON_CreateObject();
    rg_json_write(item, shape, line);
    return item;
}

static cJSON *accused_item(const struct rg_accused *accused)
{
    cJSON *item = cJSON_CreateObject();
    rg_json_write(item, &rg_verdict_accused_shape, accused);
    cJSON *evidence = cJSON_AddArrayToObject(item, "evidence");
    for (size_t i = 0; i < accused->evidence_count; i++)
        cJSON_AddItemToArray(evidence, line_item(&rg_verdict_evidence_shape, &accused->evidence[i]));
    cJSON_AddStringToObject(item, "sentence", accused->sentence);
    return item;
}

/* What comes before the lists. */
static cJSON *head_item(const struct rg_verdict *verdict)
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
    cJSON_AddNumberToObject(object, "left_out", (double)verdict->left_out);
    return object;
}

/* Takes the item over, and prints it without its last brace if it is to go on. */
static void print_item(cJSON *item, bool open, FILE *out)
{
    char *text = cJSON_PrintUnformatted(item);
    if (text != NULL)
        fprintf(out, "%.*s", (int)(strlen(text) - open), text);
    cJSON_free(text);
    cJSON_Delete(item);
}

enum part { SUSPECTS, TOTALS, CONGESTION, POINTS, EXPECTATIONS, INCOMPATIBLE, PARTS };

static cJSON *part_item(const struct rg_verdict *verdict, enum part part, size_t i)
{
    switch (part) {
    case SUSPECTS:
        return accused_item(&verdict->accused[i]);
    case TOTALS:
        return line_item(&rg_verdict_total_shape, &verdict->totals[i]);
    case CONGESTION:
        return line_item(&rg_verdict_congestion_shape, &verdict->congestions[i]);
    case POINTS:
        return point_item(&verdict->points.at[i]);
    case EXPECTATIONS:
        return row_item(&verdict->rows[i]);
    default:
        return cJSON_CreateString(verdict->incompatible[i]);
    }
}

/* Row by row, so that a large verdict is never in memory as a tree. */
void rg_verdict_print(const struct rg_verdict *verdict, FILE *out)
{
    static const char *const names[PARTS] = {
        "suspects", "totals", "congestion", "points", "expectations", "incompatible"};
    const size_t counts[PARTS] = {verdict->accused_count, verdict->total_count, verdict->congestion_count,
        verdict->points.count, verdict->row_count, verdict->incompatible_count};
    print_item(head_item(verdict), true, out);
    for (int part = 0; part < PARTS; part++) {
        fprintf(out, ",\n\"%s\":[", names[part]);
        for (size_t i = 0; i < counts[part]; i++) {
            fputs(i > 0 ? ",\n" : "\n", out);
            print_item(part_item(verdict, (enum part)part, i), false, out);
        }
        fputc(']', out);
    }
    fputs("}\n", out);
}

char *rg_verdict_json(const struct rg_verdict *verdict)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return NULL;
    rg_verdict_print(verdict, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

void rg_verdict_close(struct rg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++)
        rg_row_close(&verdict->rows[i]);
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        free(verdict->incompatible[i]);
    free(verdict->rows);
    free(verdict->accused);
    free(verdict->totals);
    free(verdict->congestions);
    free(verdict->heat.names);
    free(verdict->heat.tx);
    free(verdict->heat.rx);
    free(verdict->incompatible);
    rg_points_close(&verdict->points);
    rg_sides_close(&verdict->sides);
    rg_texts_close(&verdict->texts);
    cJSON_Delete(verdict->root);
    *verdict = (struct rg_verdict){0};
}
