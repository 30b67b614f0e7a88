#include "data/preflight.h"

#include <errno.h>
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

struct read_rail {
    const char *name, *address, *netdev;
    int64_t netdev_mtu_bytes;
};

#define AT(member) .offset = offsetof(struct read_rail, member), .required = true

static const struct rg_option rail_rows[] = {
    {.key = "name", .type = RG_TEXT, AT(name)},
    {.key = "address", .type = RG_TEXT, AT(address)},
    {.key = "netdev", .type = RG_TEXT, AT(netdev)},
    {.key = "netdev_mtu_bytes", .type = RG_INTEGER, AT(netdev_mtu_bytes), .min = 68, .max = 1e9},
};
static const struct rg_shape rail_shape = {.rows = rail_rows, .row_count = sizeof rail_rows / sizeof *rail_rows};

char *rg_preflight_json(const struct rg_preflight *preflight, bool one_line)
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
    cJSON *rails = cJSON_AddArrayToObject(object, "rails");
    for (int i = 0; i < preflight->rail_count; i++) {
        cJSON *item = cJSON_CreateObject();
        rg_json_write(item, &rail_shape,
            &(struct read_rail){preflight->rails[i].name, preflight->rails[i].address, preflight->rails[i].netdev,
                preflight->rails[i].netdev_mtu_bytes});
        cJSON_AddItemToArray(rails, item);
    }
    char *text = one_line ? cJSON_PrintUnformatted(object) : cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

struct rg_preflight_row *rg_preflight_add(struct rg_preflight *preflight)
{
    struct rg_preflight_row *grown = realloc(preflight->rows, ((size_t)preflight->row_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    preflight->rows = grown;
    grown[preflight->row_count] = (struct rg_preflight_row){.check = ""};
    return &grown[preflight->row_count++];
}

void rg_preflight_unreachable(struct rg_preflight_row *out, const char *reason)
{
    *out = (struct rg_preflight_row){.check = "remote", .status = RG_PREFLIGHT_FAIL, .decides = true};
    snprintf(out->found, sizeof out->found, "it gave no answer: %s", reason[0] ? reason : "it said nothing");
    snprintf(
        out->expected, sizeof out->expected, "a remote shell without a password, and this railgauge in the same place");
    snprintf(out->mend, sizeof out->mend, "try `ssh HOST railgauge --version` until it works");
    for (char *at = out->found; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* --- reading --- */

#undef AT

struct read_row {
    const char *check, *status, *found, *expected, *mend;
    bool decides;
};

#define AT(member) .offset = offsetof(struct read_row, member), .required = true

static const struct rg_option row_rows[] = {
    {.key = "check", .type = RG_TEXT, AT(check)},
    {.key = "status", .type = RG_CHOICE, AT(status), .choices = rg_preflight_words},
    {.key = "decides", .type = RG_FLAG, AT(decides)},
    {.key = "found", .type = RG_TEXT, AT(found)},
    {.key = "expected", .type = RG_TEXT, AT(expected), .nullable = true},
    {.key = "mend", .type = RG_TEXT, AT(mend), .nullable = true},
};
static const struct rg_shape row_shape = {.rows = row_rows, .row_count = sizeof row_rows / sizeof *row_rows};

struct read_head {
    const char *node, *machine;
    int64_t exit_status;
    bool quick;
};

#undef AT
#define AT(member) .offset = offsetof(struct read_head, member), .required = true

static const struct rg_option head_rows[] = {
    {.key = "node", .type = RG_TEXT, AT(node)},
    {.key = "machine", .type = RG_TEXT, AT(machine), .nullable = true},
    {.key = "quick", .type = RG_FLAG, AT(quick)},
    {.key = "exit_status", .type = RG_INTEGER, AT(exit_status), .max = 3},
};
static const struct rg_shape head_shape = {.rows = head_rows,
    .row_count = sizeof head_rows / sizeof *head_rows,
    .others = (const char *const[]){"schema_version", "document", "counts", "checks", "rails", NULL}};

static int read_row(const cJSON *item, struct rg_preflight_row *out, const struct rg_place *place, struct rg_error *err)
{
    struct read_row row;
    rg_json_clear(&row_shape, &row);
    int code = rg_json_read(item, &row_shape, &row, place, err);
    if (code != 0)
        return code;
    snprintf(out->check, sizeof out->check, "%s", row.check);
    out->status = (enum rg_preflight_status)rg_json_word_place(rg_preflight_words, row.status);
    out->decides = row.decides;
    snprintf(out->found, sizeof out->found, "%s", row.found);
    snprintf(out->expected, sizeof out->expected, "%s", row.expected ? row.expected : "");
    snprintf(out->mend, sizeof out->mend, "%s", row.mend ? row.mend : "");
    return 0;
}

static int read_rows(struct rg_preflight *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *items = rg_json_array(out->root, "checks", place, err), *item;
    if (items == NULL)
        return -EINVAL;
    out->rows = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof *out->rows);
    if (out->rows == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory", place->file);
    struct rg_place inside = rg_json_inside(place, "checks", 0);
    int code = 0;
    cJSON_ArrayForEach(item, items)
    {
        struct rg_place at = rg_json_inside(&inside, NULL, out->row_count);
        if (code == 0)
            code = read_row(item, &out->rows[out->row_count++], &at, err);
    }
    return code;
}

static int read_rails(struct rg_preflight *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *item, *items = rg_json_array(out->root, "rails", place, err);
    if (items == NULL)
        return -EINVAL;
    out->rails = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof *out->rails);
    if (out->rails == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory", place->file);
    struct rg_place inside = rg_json_inside(place, "rails", 0);
    int code = 0;
    cJSON_ArrayForEach(item, items)
    {
        struct rg_place at = rg_json_inside(&inside, NULL, out->rail_count);
        struct read_rail read;
        rg_json_clear(&rail_shape, &read);
        if (code == 0)
            code = rg_json_read(item, &rail_shape, &read, &at, err);
        if (code != 0)
            break;
        struct rg_preflight_rail *rail = &out->rails[out->rail_count++];
        snprintf(rail->name, sizeof rail->name, "%s", read.name);
        snprintf(rail->address, sizeof rail->address, "%s", read.address);
        snprintf(rail->netdev, sizeof rail->netdev, "%s", read.netdev);
        rail->netdev_mtu_bytes = read.netdev_mtu_bytes;
    }
    return code;
}

int rg_preflight_parse(const char *text, const char *name, struct rg_preflight *out, struct rg_error *err)
{
    struct rg_preflight preflight = {0};
    struct rg_place place = {.file = name};
    struct read_head head;
    int code = rg_json_parse(text, name, "check", &preflight.root, err);
    if (code != 0)
        return code;
    rg_json_clear(&head_shape, &head);
    code = rg_json_read(preflight.root, &head_shape, &head, &place, err);
    if (code == 0)
        code = read_rows(&preflight, &place, err);
    if (code == 0)
        code = read_rails(&preflight, &place, err);
    if (code == 0) {
        snprintf(preflight.node, sizeof preflight.node, "%s", head.node);
        preflight.machine = head.machine;
        preflight.quick = head.quick;
        if (head.exit_status != rg_preflight_exit_status(&preflight))
            code = rg_json_refuse(
                &place, err, "exit_status: %lld is not what its checks make it", (long long)head.exit_status);
    }
    if (code != 0) {
        rg_preflight_close(&preflight);
        return code;
    }
    *out = preflight;
    return 0;
}

void rg_preflight_close(struct rg_preflight *preflight)
{
    free(preflight->rows);
    free(preflight->rails);
    cJSON_Delete(preflight->root);
    *preflight = (struct rg_preflight){0};
}
