/* Reads what verdict.c writes. */
#include "data/fields.h"
#include "data/verdict_shapes.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {"pass", "fail", "inconclusive", NULL};
static const char *const kinds[] = {"machine", "run", "fleet", "several", "none", NULL};

struct against {
    const char *kind, *name;
};

struct head {
    const char *run_id, *status, *summary;
    int64_t exit_status, hardware, left_out;
};

struct tally {
    int64_t counts[RG_STATUSES], not_asked;
};

#define S against
static const struct rg_option against_rows[] = {RG_FIELD_WORD(kind, kinds), RG_FIELD_TEXT_OR_NULL(name)};
static const struct rg_shape against_shape = RG_FIELD_SHAPE(against_rows);
#undef S

#define S head
static const struct rg_option head_rows[] = {RG_FIELD_TEXT(run_id), RG_FIELD_WORD(status, words),
    RG_FIELD_COUNTED(exit_status), RG_FIELD_TEXT(summary), RG_FIELD_COUNTED(left_out),
    {.key = "hardware", .type = RG_MAYBE, RG_FIELD_AT(hardware), .nullable = true}};
#undef S
static const struct rg_shape head_shape = {.rows = head_rows,
    .row_count = RG_FIELD_COUNT(head_rows),
    .others = (const char *const[]){"schema_version", "document", "against", "counts", "suspects", "totals",
        "congestion", "points", "expectations", "incompatible", NULL}};

#define COUNT(word, at)                                                                                                \
    {                                                                                                                  \
        .key = (word), .type = RG_INTEGER, .offset = (at), .min = 0, .max = RG_FIELD_MOST, .required = true            \
    }
#define STATUS(word, status) COUNT(word, offsetof(struct tally, counts) + (status) * sizeof(int64_t))
static const struct rg_option tally_rows[] = {STATUS("pass", RG_PASS), STATUS("fail", RG_FAIL),
    STATUS("noisy", RG_NOISY), STATUS("unsupported", RG_UNSUPPORTED), STATUS("not_run", RG_NOT_RUN),
    STATUS("unjudged", RG_UNJUDGED), COUNT("not_asked", offsetof(struct tally, not_asked))};
static const struct rg_shape tally_shape = RG_FIELD_SHAPE(tally_rows);

static bool is_among(enum rg_status status, enum rg_status one, enum rg_status other)
{
    return status == one || status == other;
}

/* What a row's table cannot say; NULL: nothing is wrong. */
static const char *fault_of(const struct rg_row *row)
{
    bool measured = !isnan(row->measured), expected = !isnan(row->expected);
    bool node = strcmp(row->scope, "node") == 0, rail = strcmp(row->scope, "rail") == 0;
    if (is_among(row->status, RG_PASS, RG_NOISY) && (!measured || !expected))
        return "what passes or is noisy was measured, and something was expected";
    if (row->status == RG_FAIL && !measured && row->reason == NULL)
        return "what failed without having been measured has a reason";
    if (is_among(row->status, RG_UNSUPPORTED, RG_NOT_RUN) && row->reason == NULL)
        return "what is unsupported or not_run has a reason";
    if (measured && (row->status == RG_UNSUPPORTED || (row->status == RG_NOT_RUN && !expected)))
        return "what is unsupported, or not_run with nothing expected, was not measured";
    if (row->status == RG_UNJUDGED && (expected || !row->asked))
        return "unjudged is what was asked for, with nothing expected of it";
    if (!row->asked && (row->status != RG_NOT_RUN || measured))
        return "what was not asked for is not_run";
    if (expected != !isnan(row->threshold) || expected != !isnan(row->tolerance_percent))
        return "expected, threshold and tolerance_percent are there together, or null together";
    if (!measured &&
        !(isnan(row->ci95_low) && isnan(row->ci95_high) && isnan(row->nominal_percent) && isnan(row->ceiling_percent)))
        return "an interval or a percentage is of something measured";
    if ((row->side != NULL && !node) || (node && (row->rail != RG_NONE || row->peer_node != NULL)))
        return "a side is a node's, which has neither rail nor peer";
    if (row->peer_rail != RG_NONE && !rail)
        return "peer_rail is of the scope rail";
    if (measured && ((rail && (row->peer_node == NULL || row->rail == RG_NONE || row->peer_rail == RG_NONE)) ||
                        (node && row->side == NULL) || (strcmp(row->scope, "group") != 0 && row->node == NULL) ||
                        (strcmp(row->scope, "gpu") == 0 && row->rail == RG_NONE)))
        return "it does not say where it was measured";
    return NULL;
}

/* RG_STATUSES: it has none that there is. */
static enum rg_status status_of(const cJSON *item)
{
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(item, "status");
    return (enum rg_status)(
        cJSON_IsString(status) ? rg_json_word_place(rg_status_names, status->valuestring) : RG_STATUSES);
}

/* Bounds are checked, and not kept: the row has the worst. */
static int check_bounds(const cJSON *row, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *array = rg_json_array(row, "bounds", place, err), *item;
    int index = 0, code = array ? 0 : -EINVAL;
    struct rg_place all = rg_json_inside(place, "bounds", 0);
    cJSON_ArrayForEach(item, array)
    {
        struct rg_bound bound;
        struct rg_place at = rg_json_inside(&all, NULL, index++);
        if ((code = rg_json_read(item, &rg_verdict_bound_shape, &bound, &at, err)) != 0)
            return code;
        if (status_of(item) >= RG_UNJUDGED)
            return rg_json_refuse(&at, err, "status: is none of pass, fail, noisy, unsupported, not_run");
    }
    return code;
}

/* Points are checked, too. */
static int check_point(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    struct rg_test_point point;
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(item, "rows");
    const cJSON *measured = cJSON_GetObjectItemCaseSensitive(item, "measured");
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(item, "counts");
    double sum = 0;
    (void)out;
    int code = rg_json_read(item, &rg_verdict_point_shape, &point, at, err);
    if (code != 0)
        return code;
    if (!cJSON_IsNumber(rows) || rows->valuedouble < 1)
        return rg_json_refuse(at, err, "rows: must be a number from 1 up");
    if (!cJSON_IsNumber(measured) || measured->valuedouble < 0 || measured->valuedouble > rows->valuedouble)
        return rg_json_refuse(at, err, "measured: must be a number from 0 to that of rows");
    for (int i = 0; i < RG_STATUSES; i++) {
        const cJSON *count = cJSON_GetObjectItemCaseSensitive(counts, rg_status_names[i]);
        sum += cJSON_IsNumber(count) && count->valuedouble >= 0 ? count->valuedouble : NAN;
    }
    if (sum != rows->valuedouble)
        return rg_json_refuse(at, err, "counts: must be a number for each status, together that of rows");
    return 0;
}

static int read_row(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    struct rg_row *row = rg_verdict_add(out);
    if (row == NULL)
        return rg_json_refuse(at, err, "no memory");
    row->status = status_of(item);
    if (row->status == RG_STATUSES)
        return rg_json_refuse(at, err, "status: is none of pass, fail, noisy, unsupported, not_run, unjudged");
    int code = rg_json_read(item, &rg_verdict_row_shape, row, at, err);
    const char *fault = code == 0 ? fault_of(row) : NULL;
    row->reason = code == 0 && row->reason != NULL ? strdup(row->reason) : NULL; /* the verdict's rows own theirs */
    if (fault != NULL)
        return rg_json_refuse(at, err, "%s", fault);
    return code == 0 ? check_bounds(item, at, err) : code;
}

/* The last ones, if there are very many. */
static int read_evidence(
    const cJSON *suspect, struct rg_accused *accused, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *array = rg_json_array(suspect, "evidence", place, err), *item;
    int left = cJSON_GetArraySize(array), index = 0, code = array ? 0 : -EINVAL;
    struct rg_place all = rg_json_inside(place, "evidence", 0);
    cJSON_ArrayForEach(item, array)
    {
        struct rg_evidence evidence;
        struct rg_place at = rg_json_inside(&all, NULL, index++);
        if ((code = rg_json_read(item, &rg_verdict_evidence_shape, &evidence, &at, err)) != 0)
            return code;
        if (left-- <= RG_EVIDENCE_MOST)
            accused->evidence[accused->evidence_count++] = evidence;
    }
    return code;
}

static int read_accused(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    struct rg_accused *accused = rg_verdict_accuse(out);
    const cJSON *sentence = cJSON_GetObjectItemCaseSensitive(item, "sentence");
    if (accused == NULL)
        return rg_json_refuse(at, err, "no memory");
    if (!cJSON_IsString(sentence) || sentence->valuestring[0] == '\0' ||
        strlen(sentence->valuestring) >= sizeof accused->sentence)
        return rg_json_refuse(at, err, "sentence: must be a text of 1 to %zu bytes", sizeof accused->sentence - 1);
    snprintf(accused->sentence, sizeof accused->sentence, "%s", sentence->valuestring);
    int code = rg_json_read(item, &rg_verdict_accused_shape, accused, at, err);
    return code == 0 ? read_evidence(item, accused, at, err) : code;
}

static int read_total(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    struct rg_total total;
    int code = rg_json_read(item, &rg_verdict_total_shape, &total, at, err);
    return code != 0 || rg_verdict_total(out, &total) ? code : rg_json_refuse(at, err, "no memory");
}

static int read_congestion(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    struct rg_congestion congestion;
    int code = rg_json_read(item, &rg_verdict_congestion_shape, &congestion, at, err);
    return code != 0 || rg_verdict_congest(out, &congestion) ? code : rg_json_refuse(at, err, "no memory");
}

static int read_note(const cJSON *item, struct rg_verdict *out, const struct rg_place *at, struct rg_error *err)
{
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
        return rg_json_refuse(at, err, "must be a text that is not empty");
    rg_verdict_note(out, "%s", item->valuestring);
    return 0;
}

static int read_all(struct rg_verdict *out, const char *key,
    int (*read)(const cJSON *, struct rg_verdict *, const struct rg_place *, struct rg_error *),
    const struct rg_place *place, struct rg_error *err)
{
    const cJSON *array = rg_json_array(out->root, key, place, err), *item;
    if (array == NULL)
        return -EINVAL;
    struct rg_place all = rg_json_inside(place, key, 0);
    int index = 0, code = 0;
    cJSON_ArrayForEach(item, array)
    {
        struct rg_place at = rg_json_inside(&all, NULL, index++);
        if ((code = read(item, out, &at, err)) != 0)
            return code;
    }
    return 0;
}

static int read_head(struct rg_verdict *out, const struct rg_place *place, struct rg_error *err)
{
    struct head head;
    struct against against;
    struct tally tally;
    struct rg_place inner = rg_json_inside(place, "against", 0);
    int code = rg_json_read(out->root, &head_shape, &head, place, err);
    if (code == 0)
        code =
            rg_json_read(cJSON_GetObjectItemCaseSensitive(out->root, "against"), &against_shape, &against, &inner, err);
    inner = rg_json_inside(place, "counts", 0);
    if (code == 0)
        code = rg_json_read(cJSON_GetObjectItemCaseSensitive(out->root, "counts"), &tally_shape, &tally, &inner, err);
    if (code != 0)
        return code;
    if (!rg_json_is_run_id(head.run_id))
        return rg_json_refuse(place, err, "run_id: '%s' is no id of a run", head.run_id);
    if ((against.name == NULL) != (strcmp(against.kind, "none") == 0))
        return rg_json_refuse(place, err, "against: has a name just when its kind is not none");
    if (strlen(head.summary) >= sizeof out->summary)
        return rg_json_refuse(place, err, "summary: is longer than %zu bytes", sizeof out->summary - 1);
    out->run_id = head.run_id;
    out->against_kind = against.kind;
    out->against_name = against.name;
    out->status = strcmp(head.status, "pass") == 0 ? RG_PASS : strcmp(head.status, "fail") == 0 ? RG_FAIL : RG_NOISY;
    out->exit_status = (int)head.exit_status;
    out->hardware = head.hardware;
    snprintf(out->summary, sizeof out->summary, "%s", head.summary);
    for (int i = 0; i < RG_STATUSES; i++)
        out->counts[i] = (size_t)tally.counts[i];
    out->not_asked = (size_t)tally.not_asked;
    return 0;
}

/* What the tables cannot say. */
static int check(const struct rg_verdict *verdict, const struct rg_place *place, struct rg_error *err)
{
    const size_t *counts = verdict->counts;
    size_t open = counts[RG_NOISY] + counts[RG_UNSUPPORTED] + counts[RG_NOT_RUN];
    if (verdict->exit_status != (verdict->status == RG_PASS ? 0 : verdict->status == RG_FAIL ? 1 : 3))
        return rg_json_refuse(place, err, "status and exit_status disagree");
    if (verdict->status != RG_FAIL && counts[RG_FAIL] > 0)
        return rg_json_refuse(place, err, "something failed, but the status is not fail");
    if (verdict->status == RG_PASS && open > 0)
        return rg_json_refuse(place, err, "the status is pass, but something is noisy, unsupported or not_run");
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct rg_row *row = &verdict->rows[i];
        if (verdict->status == RG_PASS && row->asked && !is_among(row->status, RG_PASS, RG_UNJUDGED))
            return rg_json_refuse(place, err, "expectations[%zu]: did not pass, but the status is pass", i);
        if (strcmp(verdict->against_kind, "none") == 0 && (!row->asked || !isnan(row->expected)))
            return rg_json_refuse(place, err, "expectations[%zu]: against nothing, nothing is expected", i);
    }
    return 0;
}

bool rg_verdict_keep_document(struct rg_verdict *verdict)
{
    char *text = rg_verdict_json(verdict);
    verdict->root = text ? cJSON_Parse(text) : NULL;
    free(text);
    return verdict->root != NULL;
}

int rg_verdict_load(const char *directory, struct rg_verdict *out, struct rg_error *err)
{
    char path[PATH_MAX];
    struct rg_verdict verdict = {0};
    struct rg_place place = {.file = path};
    snprintf(path, sizeof path, "%s/verdict.json", directory);
    int code = rg_json_load(path, "verdict", &verdict.root, err);
    if (code != 0)
        return code;
    code = read_head(&verdict, &place, err);
    if (code == 0)
        code = read_all(&verdict, "suspects", read_accused, &place, err);
    if (code == 0)
        code = read_all(&verdict, "totals", read_total, &place, err);
    if (code == 0)
        code = read_all(&verdict, "congestion", read_congestion, &place, err);
    if (code == 0)
        code = read_all(&verdict, "points", check_point, &place, err);
    if (code == 0)
        code = read_all(&verdict, "expectations", read_row, &place, err);
    if (code == 0)
        code = read_all(&verdict, "incompatible", read_note, &place, err);
    if (code == 0)
        code = check(&verdict, &place, err);
    if (code == 0)
        *out = verdict;
    else
        rg_verdict_close(&verdict);
    return code;
}

int rg_verdict_load_of(
    const struct rg_run *run, const char *directory, struct rg_verdict *out, bool *there, struct rg_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/verdict.json", directory);
    *there = access(path, F_OK) == 0;
    int code = *there ? rg_verdict_load(directory, out, err) : 0;
    if (code == 0 && *there && rg_run_check_id(run, out->run_id, err) != 0)
        code = rg_fail_in(err, -EINVAL, "%s", path);
    return code;
}
