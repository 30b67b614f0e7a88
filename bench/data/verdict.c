#include "data/verdict.h"

#include <errno.h>
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
    NUMBER(fleet_percent), TEXT(reason)};
static const struct rg_shape row_shape = {.rows = row_rows, .row_count = sizeof row_rows / sizeof *row_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_bound, member)

static const struct rg_option bound_rows[] = {TEXT(kind), TEXT(source), NUMBER(expected), NUMBER(tolerance_percent),
    TEXT(tolerance_source), NUMBER(threshold), TEXT(reason)};
static const struct rg_shape bound_shape = {.rows = bound_rows, .row_count = sizeof bound_rows / sizeof *bound_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_test_point, member)

static const struct rg_option point_rows[] = {TEXT(test), INTEGER(size_bytes), TEXT(direction), TEXT(memory),
    TEXT(variant), TEXT(pattern), INTEGER(queue_pairs), TEXT(scope), TEXT(metric), NUMBER(least), NUMBER(median),
    NUMBER(most), NUMBER(mad)};
static const struct rg_shape point_shape = {.rows = point_rows, .row_count = sizeof point_rows / sizeof *point_rows};

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
    rg_json_clear(&bound_shape, bound);
    bound->status = RG_UNJUDGED;
    bound->kind = kind;
    return bound;
}

int rg_verdict_tally(struct rg_verdict *verdict, const struct rg_row *row)
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
    return code == 0 ? rg_sides_add(&verdict->sides, point, row) : code;
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
    rg_json_write(item, &row_shape, row);
    cJSON *bounds = cJSON_AddArrayToObject(item, "bounds");
    for (size_t i = 0; i < row->bound_count; i++) {
        cJSON *bound = cJSON_CreateObject();
        cJSON_AddStringToObject(bound, "status", rg_status_names[row->bounds[i].status]);
        rg_json_write(bound, &bound_shape, &row->bounds[i]);
        cJSON_AddItemToArray(bounds, bound);
    }
    return item;
}

static cJSON *point_item(const struct rg_test_point *point)
{
    cJSON *item = cJSON_CreateObject();
    rg_json_write(item, &point_shape, point);
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
    rg_json_write(item, &accused_shape, accused);
    cJSON *evidence = cJSON_AddArrayToObject(item, "evidence");
    for (size_t i = 0; i < accused->evidence_count; i++)
        cJSON_AddItemToArray(evidence, line_item(&evidence_shape, &accused->evidence[i]));
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
        return line_item(&total_shape, &verdict->totals[i]);
    case CONGESTION:
        return line_item(&congestion_shape, &verdict->congestions[i]);
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
    *verdict = (struct rg_verdict){0};
}
