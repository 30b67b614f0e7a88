#include "data/machine.h"

#include "data/suite.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {"one_way", "both_ways", NULL};
static const char *const scopes[] = {"rail", "node", "group", "gpu", NULL};
static const char *const metrics[] = {
    "bandwidth_gbps", "latency_p50_us", "latency_p99_us", "busbw_gigabytes_per_s", NULL};

#define AT(member) .offset = offsetof(struct rg_expectation, member)

static const struct rg_option expectation_rows[] = {
    {.key = "test", .type = RG_CHOICE, AT(test), .choices = rg_test_names, .required = true},
    {.key = "size_bytes", .type = RG_BYTES, AT(size_bytes), 1, RG_SIZE_MOST, .required = true},
    {.key = "direction", .type = RG_CHOICE, AT(direction), .choices = directions, .nullable = true, .required = true},
    {.key = "memory", .type = RG_CHOICE, AT(memory), .choices = rg_suite_memory_words, .required = true},
    {.key = "variant", .type = RG_TEXT, AT(variant), .nullable = true},
    {.key = "queue_pairs", .type = RG_INTEGER, AT(queue_pairs), 1, 1024, .nullable = true, .required = true},
    {.key = "scope", .type = RG_CHOICE, AT(scope), .choices = scopes, .required = true},
    {.key = "metric", .type = RG_CHOICE, AT(metric), .choices = metrics, .required = true},
    {.key = "expected", .type = RG_NUMBER, AT(expected), 1e-9, 1e12, .nullable = true, .required = true},
    {.key = "tolerance_percent",
        .type = RG_NUMBER,
        AT(tolerance_percent),
        0,
        10000,
        .nullable = true,
        .required = true},
    {.key = "source", .type = RG_TEXT, AT(source), .nullable = true, .required = true},
    {.key = "note", .type = RG_TEXT, AT(note), .nullable = true, .required = true},
};
static const struct rg_shape expectation_shape = {
    .rows = expectation_rows, .row_count = sizeof expectation_rows / sizeof *expectation_rows};

#undef AT
#define AT(member) .offset = offsetof(struct rg_machine, member)

static const struct rg_option machine_rows[] = {
    {.key = "name", .type = RG_TEXT, AT(name), .required = true},
    {.key = "description", .type = RG_TEXT, AT(description), .required = true},
    {.key = "hardware", .type = RG_FLAG, AT(hardware), .required = true},
    {.key = "rails", .type = RG_INTEGER, AT(rails), 1, 64, .nullable = true, .required = true},
    {.key = "line_rate_gbps", .type = RG_NUMBER, AT(line_rate_gbps), 1e-6, 1e6, .nullable = true, .required = true},
    {.key = "mtu_bytes", .type = RG_INTEGER, AT(mtu_bytes), 256, 4096, .nullable = true, .required = true},
    {.key = "ip_version", .type = RG_INTEGER, AT(ip_version), 4, 6, .required = true},
    {.key = "gpu", .type = RG_TEXT, AT(gpu), .nullable = true, .required = true},
    {.key = "nic", .type = RG_TEXT, AT(nic), .nullable = true, .required = true},
    {.key = "rdma", .type = RG_MAYBE, AT(rdma), .nullable = true},
    {.key = "nccl_net", .type = RG_TEXT, AT(nccl_net), .nullable = true},
    {.key = "fleet_tolerance_percent", .type = RG_NUMBER, AT(fleet_tolerance_percent), 0.1, 90, .nullable = true},
    {.key = "node_nominal_gbps",
        .type = RG_NUMBER,
        AT(node_nominal_gbps),
        1e-6,
        1e8,
        .nullable = true,
        .required = true},
};
static const struct rg_shape machine_shape = {.rows = machine_rows,
    .row_count = sizeof machine_rows / sizeof *machine_rows,
    .others = (const char *const[]){"schema_version", "document", "sources", "facts", "expectations", NULL}};

bool rg_machine_is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    return text[0] != '\0' && text[0] != '_' && text[0] != '-' && strlen(text) <= 64 &&
           text[strspn(text, letters)] == '\0';
}

static bool source_is_listed(const struct rg_machine *machine, const char *id)
{
    const cJSON *source;
    cJSON_ArrayForEach(source, cJSON_GetObjectItemCaseSensitive(machine->root, "sources"))
    {
        const cJSON *given = cJSON_GetObjectItemCaseSensitive(source, "id");
        if (cJSON_IsString(given) && strcmp(given->valuestring, id) == 0)
            return true;
    }
    return false;
}

static int read_expectation(
    const cJSON *item, struct rg_machine *out, const struct rg_place *place, struct rg_error *err)
{
    struct rg_expectation *expectation = &out->expectations[out->expectation_count++];
    rg_json_clear(&expectation_shape, expectation);
    int code = rg_json_read(item, &expectation_shape, expectation, place, err);
    if (code != 0)
        return code;
    bool number = !isnan(expectation->expected);
    if (number != !isnan(expectation->tolerance_percent) || (number && expectation->source == NULL))
        return rg_json_refuse(place, err, "an expected number has a tolerance_percent and a source; null has neither");
    bool upwards = strncmp(expectation->metric, "latency", 7) != 0; /* what must be reached, not stayed below */
    if (upwards && expectation->tolerance_percent > 100)
        return rg_json_refuse(
            place, err, "tolerance_percent: %g would let anything pass", expectation->tolerance_percent);
    if (expectation->source != NULL && !source_is_listed(out, expectation->source))
        return rg_json_refuse(place, err, "source \"%s\" is not among the sources", expectation->source);
    return 0;
}

static int read_expectations(struct rg_machine *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *items = rg_json_array(out->root, "expectations", place, err);
    if (items == NULL || rg_json_array(out->root, "sources", place, err) == NULL)
        return -EINVAL;
    out->expectations = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof *out->expectations);
    if (out->expectations == NULL)
        return rg_json_refuse(place, err, "no memory");
    struct rg_place inside = rg_json_inside(place, "expectations", 0);
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        struct rg_place at = rg_json_inside(&inside, NULL, (int)out->expectation_count);
        int code = read_expectation(item, out, &at, err);
        if (code != 0)
            return code;
    }
    return 0;
}

/* What the shape cannot say. */
static int check(const struct rg_machine *machine, const struct rg_place *place, struct rg_error *err)
{
    int64_t mtu = machine->mtu_bytes;
    if (mtu != RG_NONE && (mtu & (mtu - 1)) != 0)
        return rg_json_refuse(place, err, "mtu_bytes: %lld is none of 256, 512, 1024, 2048, 4096", (long long)mtu);
    if (machine->ip_version == 5)
        return rg_json_refuse(place, err, "ip_version: is 4 or 6");
    return 0;
}

int rg_machine_load(const char *path, struct rg_machine *out, struct rg_error *err)
{
    struct rg_machine machine = {0};
    struct rg_place place = {.file = path};
    int code = rg_json_load(path, "machine", &machine.root, err);
    if (code != 0)
        return code;
    rg_json_clear(&machine_shape, &machine);
    code = rg_json_read(machine.root, &machine_shape, &machine, &place, err);
    if (code == 0)
        code = check(&machine, &place, err);
    if (code == 0)
        code = read_expectations(&machine, &place, err);
    if (code != 0) {
        rg_machine_close(&machine);
        return code;
    }
    *out = machine;
    return 0;
}

/* --- writing --- */

static const char *const fact_words[] = {"rails", "line_rate_gbps", "mtu_bytes", "ip_version", "node_nominal_gbps"};

static void add_source(cJSON *sources, const char *id, const char *title, const cJSON *url, const char *note)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "id", id);
    cJSON_AddStringToObject(item, "title", title);
    cJSON_AddItemToObject(item, "url", url ? cJSON_Duplicate(url, true) : cJSON_CreateNull());
    cJSON_AddStringToObject(item, "note", note);
    cJSON_AddItemToArray(sources, item);
}

/* Facts of another machine, and the sources that they cite, each once. */
static void add_facts_of(cJSON *facts, cJSON *sources, const struct rg_machine *like)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(like->root, "facts"), *source;
    for (size_t i = 0; i < sizeof fact_words / sizeof *fact_words; i++) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(given, fact_words[i]);
        if (cJSON_IsString(id))
            cJSON_AddStringToObject(facts, fact_words[i], id->valuestring);
    }
    cJSON_ArrayForEach(source, cJSON_GetObjectItemCaseSensitive(like->root, "sources"))
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(source, "id"), *fact;
        bool cited = false;
        cJSON_ArrayForEach(fact, facts)
        {
            cited |= cJSON_IsString(id) && strcmp(fact->valuestring, id->valuestring) == 0;
        }
        if (cited)
            cJSON_AddItemToArray(sources, cJSON_Duplicate(source, true));
    }
}

char *rg_machine_text(const struct rg_machine *machine, const struct rg_machine *like, const struct rg_source *source)
{
    cJSON *object = rg_json_document("machine");
    rg_json_write(object, &machine_shape, machine);
    cJSON *sources = cJSON_AddArrayToObject(object, "sources"), *facts = cJSON_AddObjectToObject(object, "facts");
    if (like != NULL) {
        add_facts_of(facts, sources, like);
    } else {
        if (machine->rails != RG_NONE)
            cJSON_AddStringToObject(facts, "rails", source->id);
        cJSON_AddStringToObject(facts, "ip_version", source->id);
    }
    add_source(sources, source->id, source->title, NULL, source->note);
    cJSON *expectations = cJSON_AddArrayToObject(object, "expectations");
    for (size_t i = 0; i < machine->expectation_count; i++) {
        cJSON *item = cJSON_CreateObject();
        rg_json_write(item, &expectation_shape, &machine->expectations[i]);
        cJSON_AddItemToArray(expectations, item);
    }
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct rg_test_point rg_machine_point(const struct rg_expectation *e)
{
    return (struct rg_test_point){.test = e->test,
        .direction = e->direction,
        .memory = e->memory,
        .variant = e->variant,
        .scope = e->scope,
        .metric = e->metric,
        .size_bytes = e->size_bytes,
        .queue_pairs = e->queue_pairs};
}

bool rg_machine_expects(const struct rg_expectation *e, const struct rg_test_point *point)
{
    return point->pattern == NULL && same(e->test, point->test) && e->size_bytes == point->size_bytes &&
           same(e->direction, point->direction) && same(e->memory, point->memory) &&
           (e->variant == NULL || same(e->variant, point->variant)) && same(e->scope, point->scope) &&
           same(e->metric, point->metric) && (e->queue_pairs == RG_NONE || e->queue_pairs == point->queue_pairs);
}

const struct rg_expectation *rg_machine_expectation(const struct rg_machine *machine, const struct rg_test_point *point)
{
    const struct rg_expectation *found = NULL;
    for (size_t i = 0; i < machine->expectation_count; i++) {
        const struct rg_expectation *e = &machine->expectations[i];
        if (rg_machine_expects(e, point) && (found == NULL || e->queue_pairs != RG_NONE))
            found = e;
    }
    return found;
}

void rg_machine_close(struct rg_machine *machine)
{
    free(machine->expectations);
    cJSON_Delete(machine->root);
    *machine = (struct rg_machine){0};
}
