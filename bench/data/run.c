#include "data/run.h"

#include "base/clock.h"
#include "base/file.h"
#include "data/fields.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define S rg_node_facts
static const struct rg_option node_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_TEXT(kernel), RG_FIELD_TEXT_OR_NULL(os),
    RG_FIELD_TEXT_OR_NULL(cpu_model), RG_FIELD_COUNTED_OR_NULL(cpus), RG_FIELD_COUNTED_OR_NULL(numa_nodes),
    RG_FIELD_COUNTED_OR_NULL(memory_bytes),
    {.key = "leaf", .type = RG_INTEGER, RG_FIELD_AT(leaf), .min = 0, .max = 65535, .nullable = true},
    RG_FIELD_TEXT_OR_NULL(mpi), RG_FIELD_TEXT_OR_NULL(rdma_core),
    {.key = "tcp_congestion",
        .type = RG_TEXT,
        .offset = offsetof(struct S, tcp_congestion),
        .nullable = true}}; /* earlier versions left it out */
#undef S
static const struct rg_shape node_shape = {
    .rows = node_rows, .row_count = RG_FIELD_COUNT(node_rows), .others = (const char *const[]){"rails", NULL}};

#define S rg_rail_facts
static const struct rg_option rail_rows[] = {RG_FIELD_RAIL(rail), RG_FIELD_COUNTED(rank), RG_FIELD_TEXT_OR_NULL(device),
    RG_FIELD_COUNTED_OR_NULL(port), RG_FIELD_TEXT_OR_NULL(netdev), RG_FIELD_TEXT_OR_NULL(driver),
    RG_FIELD_TEXT_OR_NULL(firmware), RG_FIELD_TEXT_OR_NULL(gid), RG_FIELD_COUNTED_OR_NULL(gid_index),
    RG_FIELD_TEXT_OR_NULL(gid_type), RG_FIELD_TEXT_OR_NULL(link_layer),
    {.key = "link_gbps", .type = RG_NUMBER, RG_FIELD_AT(link_gbps), .nullable = true},
    RG_FIELD_TEXT_OR_NULL(port_state), RG_FIELD_COUNTED_OR_NULL(active_mtu_bytes),
    RG_FIELD_COUNTED_OR_NULL(netdev_mtu_bytes), RG_FIELD_COUNTED_OR_NULL(numa_node), RG_FIELD_TEXT_OR_NULL(pci_address),
    {.key = "soft", .type = RG_FLAG, RG_FIELD_AT(soft)}, RG_FIELD_TEXT_OR_NULL(gpu),
    RG_FIELD_COUNTED_OR_NULL(gpu_device),
    {.key = "gpu_numa_node",
        .type = RG_INTEGER,
        .offset = offsetof(struct S, gpu_numa_node),
        .min = 0,
        .max = RG_FIELD_MOST,
        .nullable = true}, /* earlier versions left it out */
    RG_FIELD_TEXT_OR_NULL(gpu_distance), RG_FIELD_TEXT_OR_NULL(gpu_why)};
static const struct rg_section rail_sections[] = {
    {"gpu_facts", &rg_json_gpu_facts, offsetof(struct S, gpu_facts), offsetof(struct S, has_gpu_facts), false},
};
#undef S
static const struct rg_shape rail_shape = {
    rail_rows, RG_FIELD_COUNT(rail_rows), rail_sections, RG_FIELD_COUNT(rail_sections), NULL};

#define S rg_lost_rank
static const struct rg_option lost_rows[] = {
    RG_FIELD_COUNTED(rank), RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail), RG_FIELD_TEXT(where)};
#undef S
static const struct rg_shape lost_shape = {.rows = lost_rows, .row_count = RG_FIELD_COUNT(lost_rows)};

#define S rg_run_options
static const struct rg_option option_rows[] = {RG_FIELD_TEXT(mpirun), RG_FIELD_COUNTED_OR_NULL(max_lost),
    {.key = "start_timeout_s", .type = RG_NUMBER, RG_FIELD_AT(start_timeout_s), .min = 1, .max = 3600},
    {.key = "check",
        .type = RG_MAYBE,
        .offset = offsetof(struct S, check),
        .nullable = true}}; /* earlier versions left it out, and did not look */
#undef S
static const struct rg_shape options_shape = {.rows = option_rows,
    .row_count = RG_FIELD_COUNT(option_rows),
    .others = (const char *const[]){"mpirun_options", "fabric", NULL}};

static const char *const statuses[] = {"complete", "incomplete", NULL};

#define S rg_run
static const struct rg_option run_rows[] = {RG_FIELD_TEXT(run_id),
    {.key = "railgauge_version", .type = RG_TEXT, RG_FIELD_AT(version)},
    {.key = "status", .type = RG_CHOICE, RG_FIELD_AT(status), .choices = statuses},
    RG_FIELD_TEXT_OR_NULL(incomplete_reason), RG_FIELD_TEXT(started_at), RG_FIELD_TEXT_OR_NULL(ended_at),
    {.key = "exit_status", .type = RG_INTEGER, RG_FIELD_AT(exit_status), .min = 0, .max = 255, .nullable = true},
    RG_FIELD_COUNTED(seed), RG_FIELD_TEXT_OR_NULL(machine),
    {.key = "hardware", .type = RG_MAYBE, RG_FIELD_AT(hardware), .nullable = true},
    RG_FIELD_TEXT_OR_NULL(hardware_reason), RG_FIELD_COUNTED(rounds_planned), RG_FIELD_COUNTED(rounds_done),
    RG_FIELD_COUNTED(measurements)};
static const struct rg_option launch_rows[] = {
    {.key = "ranks_per_node", .type = RG_INTEGER, RG_FIELD_AT(ranks_per_node), .min = 1, .max = 64},
    RG_FIELD_TEXT_OR_NULL(mpi_interface), RG_FIELD_TEXT(transport)};
static const struct rg_option clock_rows[] = {
    {.key = "error_us", .type = RG_NUMBER, RG_FIELD_AT(clock_error_us), .min = 0, .max = 1e12}};
#undef S
static const struct rg_shape run_shape = {.rows = run_rows,
    .row_count = RG_FIELD_COUNT(run_rows),
    .others = (const char *const[]){"schema_version", "document", "launch", "suite", "clock", "nodes", "lost", NULL}};
static const struct rg_shape launch_shape = {.rows = launch_rows,
    .row_count = RG_FIELD_COUNT(launch_rows),
    .others = (const char *const[]){"hosts", "mpirun", "options", NULL}};
static const struct rg_shape clock_shape = {.rows = clock_rows, .row_count = RG_FIELD_COUNT(clock_rows)};

void rg_run_new_id(char out[RG_RUN_ID_LENGTH])
{
    unsigned char random[4] = {0};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memcpy(random, &(uint32_t){(uint32_t)clock()}, sizeof random);
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    size_t used = strftime(out, RG_RUN_ID_LENGTH, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(out + used, RG_RUN_ID_LENGTH - used, "-%02x%02x%02x%02x", random[0], random[1], random[2], random[3]);
}

static void add_texts(cJSON *object, const char *key, char *const *texts)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (; texts != NULL && *texts != NULL; texts++)
        cJSON_AddItemToArray(array, cJSON_CreateString(*texts));
}

static void add_options(cJSON *launch, const struct rg_run *run)
{
    if (!run->has_options) {
        cJSON_AddNullToObject(launch, "options");
        return;
    }
    cJSON *options = cJSON_AddObjectToObject(launch, "options");
    rg_json_write(options, &options_shape, &run->options);
    add_texts(options, "mpirun_options", run->options.mpirun_options);
    if (run->options.fabric.nodes > 0)
        cJSON_AddItemToObject(options, "fabric", rg_fabricdoc_document(&run->options.fabric));
    else
        cJSON_AddNullToObject(options, "fabric");
}

/* Ranks are grouped by node, nodes in the order of their first rank. */
static void add_nodes(cJSON *object, const struct rg_run *run)
{
    cJSON *nodes = cJSON_AddArrayToObject(object, "nodes"), *node = NULL, *each;
    const char *last = "";
    for (size_t i = 0; i < run->rank_count; i++) {
        const struct rg_node_facts *facts = &run->ranks[i].node;
        if (facts->node == NULL)
            continue;
        if (strcmp(last, facts->node) != 0) { /* mostly a node's ranks follow each other */
            node = NULL;
            cJSON_ArrayForEach(each, nodes)
            {
                if (strcmp(cJSON_GetObjectItemCaseSensitive(each, "node")->valuestring, facts->node) == 0)
                    node = each;
            }
        }
        last = facts->node;
        if (node == NULL) {
            node = cJSON_CreateObject();
            rg_json_write(node, &node_shape, facts);
            cJSON_AddArrayToObject(node, "rails");
            cJSON_AddItemToArray(nodes, node);
        }
        cJSON *rail = cJSON_CreateObject();
        rg_json_write(rail, &rail_shape, &run->ranks[i].rail);
        cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(node, "rails"), rail);
    }
}

static cJSON *run_document(const struct rg_run *run)
{
    cJSON *object = rg_json_document("run");
    rg_json_write(object, &run_shape, run);
    cJSON *launch = cJSON_AddObjectToObject(object, "launch");
    add_texts(launch, "hosts", run->hosts);
    rg_json_write(launch, &launch_shape, run);
    add_texts(launch, "mpirun", run->mpirun);
    add_options(launch, run);
    cJSON_AddItemToObject(object, "suite", rg_suite_document(&run->suite));
    if (isnan(run->clock_error_us))
        cJSON_AddNullToObject(object, "clock");
    else
        rg_json_write(cJSON_AddObjectToObject(object, "clock"), &clock_shape, run);
    add_nodes(object, run);
    cJSON *lost = cJSON_AddArrayToObject(object, "lost");
    for (size_t i = 0; i < run->lost_count; i++) {
        cJSON *rank = cJSON_CreateObject();
        rg_json_write(rank, &lost_shape, &run->lost[i]);
        cJSON_AddItemToArray(lost, rank);
    }
    return object;
}

size_t rg_run_nodes(const struct rg_run *run)
{
    size_t nodes = 0;
    for (size_t i = 0; i < run->rank_count; i++)
        nodes += i == 0 || strcmp(run->ranks[i].node.node, run->ranks[i - 1].node.node) != 0;
    return nodes;
}

int rg_run_write(const struct rg_run *run, const char *directory, struct rg_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.json", directory);
    cJSON *object = run_document(run);
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    if (text == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory to write it", path);
    int code = rg_file_write_atomic(path, text, err);
    free(text);
    return code;
}

static int read_nodes(struct rg_run *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *nodes = rg_json_array(out->root, "nodes", place, err), *node, *rail;
    if (nodes == NULL)
        return -EINVAL;
    size_t total = 0;
    cJSON_ArrayForEach(node, nodes)
    {
        total += (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(node, "rails"));
    }
    out->ranks = calloc(total + 1, sizeof *out->ranks);
    if (out->ranks == NULL)
        return rg_json_refuse(place, err, "no memory");
    struct rg_place all = rg_json_inside(place, "nodes", 0);
    int index = 0;
    cJSON_ArrayForEach(node, nodes)
    {
        struct rg_place at = rg_json_inside(&all, NULL, index++);
        struct rg_node_facts facts;
        rg_json_clear(&node_shape, &facts);
        int code = rg_json_read(node, &node_shape, &facts, &at, err);
        const cJSON *rails = code == 0 ? rg_json_array(node, "rails", &at, err) : NULL;
        if (rails == NULL)
            return -EINVAL;
        cJSON_ArrayForEach(rail, rails)
        {
            struct rg_rank_facts *rank = &out->ranks[out->rank_count++];
            rg_json_clear(&rail_shape, &rank->rail);
            rank->node = facts;
            code = rg_json_read(rail, &rail_shape, &rank->rail, &at, err);
            if (code != 0)
                return code;
        }
    }
    return 0;
}

static int read_lost(struct rg_run *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *lost = rg_json_array(out->root, "lost", place, err), *item;
    if (lost == NULL)
        return -EINVAL;
    out->lost = calloc((size_t)cJSON_GetArraySize(lost) + 1, sizeof *out->lost);
    if (out->lost == NULL)
        return rg_json_refuse(place, err, "no memory");
    struct rg_place all = rg_json_inside(place, "lost", 0);
    cJSON_ArrayForEach(item, lost)
    {
        struct rg_place at = rg_json_inside(&all, NULL, (int)out->lost_count);
        int code = rg_json_read(item, &lost_shape, &out->lost[out->lost_count++], &at, err);
        if (code != 0)
            return code;
    }
    return 0;
}

static void free_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++)
        free(*text);
    free(texts);
}

/* *out holds what was read so far, even after an error. */
static int read_texts(
    const cJSON *object, const char *key, char ***out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *array = rg_json_array(object, key, place, err), *item;
    size_t count = 0;
    if (array == NULL)
        return -EINVAL;
    *out = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof **out);
    if (*out == NULL)
        return rg_json_refuse(place, err, "no memory");
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
            return rg_json_refuse(place, err, "%s: holds texts", key);
        if (((*out)[count++] = strdup(item->valuestring)) == NULL)
            return rg_json_refuse(place, err, "no memory");
    }
    return 0;
}

/* Earlier versions left them out. */
static int read_options(struct rg_run *out, const cJSON *launch, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(launch, "options");
    struct rg_place at = rg_json_inside(place, "options", 0);
    if (object == NULL || cJSON_IsNull(object))
        return 0;
    out->has_options = true;
    int code = rg_json_read(object, &options_shape, &out->options, &at, err);
    if (code == 0)
        code = read_texts(object, "mpirun_options", &out->options.mpirun_options, &at, err);
    const cJSON *fabric = cJSON_GetObjectItemCaseSensitive(object, "fabric");
    if (code == 0 && fabric == NULL)
        code = rg_json_refuse(&at, err, "field \"fabric\" is missing");
    if (code != 0 || cJSON_IsNull(fabric))
        return code;
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s: fabric", place->file);
    return rg_fabricdoc_read(fabric, name, &out->options.fabric, err);
}

static int read_parts(struct rg_run *out, const struct rg_place *place, struct rg_error *err)
{
    struct rg_place launch = rg_json_inside(place, "launch", 0), clock = rg_json_inside(place, "clock", 0);
    const cJSON *launch_item = cJSON_GetObjectItemCaseSensitive(out->root, "launch");
    int code = rg_json_read(launch_item, &launch_shape, out, &launch, err);
    const cJSON *clock_item = cJSON_GetObjectItemCaseSensitive(out->root, "clock");
    if (code == 0 && !cJSON_IsNull(clock_item))
        code = rg_json_read(clock_item, &clock_shape, out, &clock, err);
    if (code == 0)
        code = read_texts(launch_item, "hosts", &out->hosts, &launch, err);
    if (code == 0)
        code = read_options(out, launch_item, &launch, err);
    if (code == 0)
        code = read_nodes(out, place, err);
    if (code == 0)
        code = read_lost(out, place, err);
    if (code != 0)
        return code;
    cJSON *suite = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(out->root, "suite"), true);
    if (suite == NULL)
        return rg_json_refuse(place, err, "field \"suite\" is missing");
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s: suite", place->file);
    return rg_suite_read(suite, name, &out->suite, err);
}

static int check_time(const char *key, const char *text, const struct rg_place *place, struct rg_error *err)
{
    time_t second;
    if (rg_clock_read_timestamp(text, &second))
        return 0;
    return rg_json_refuse(place, err, "%s: '%s' is no time in UTC as 2026-11-22T09:30:00Z", key, text);
}

/* What the shape cannot say. */
static int check(const struct rg_run *run, const struct rg_place *place, struct rg_error *err)
{
    if (!rg_json_is_run_id(run->run_id))
        return rg_json_refuse(place, err, "run_id: '%s' is no id of a run", run->run_id);
    int code = check_time("started_at", run->started_at, place, err);
    if (code == 0 && run->ended_at != NULL)
        code = check_time("ended_at", run->ended_at, place, err);
    if (code != 0)
        return code;
    if ((strcmp(run->status, "complete") == 0) != (run->incomplete_reason == NULL))
        return rg_json_refuse(place, err, "a run has an incomplete_reason just when it is incomplete");
    if ((run->hardware == 0) != (run->hardware_reason != NULL))
        return rg_json_refuse(place, err, "a run has a hardware_reason just when hardware is false");
    return 0;
}

/* What was given is something else than a run, by a slip most likely. */
static int refuse_directory(const char *directory, int code, struct rg_error *err)
{
    const char *why = access(directory, F_OK) != 0 ? "it is not there"
                      : code == -ENOTDIR           ? "it is a file"
                                                   : "it has no run.json";
    return rg_fail(
        err, -ENOENT, "%s is no run directory: %s; give the directory that `railgauge run -o` wrote", directory, why);
}

int rg_run_load(const char *directory, struct rg_run *out, struct rg_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.json", directory);
    struct rg_run run = {.clock_error_us = NAN};
    struct rg_place place = {.file = path};
    int code = rg_json_load(path, "run", &run.root, err);
    if (code == -ENOENT || code == -ENOTDIR)
        return refuse_directory(directory, code, err);
    if (code != 0)
        return code;
    rg_json_clear(&run_shape, &run);
    code = rg_json_read(run.root, &run_shape, &run, &place, err);
    if (code == 0)
        code = check(&run, &place, err);
    if (code == 0)
        code = read_parts(&run, &place, err);
    if (code != 0) {
        rg_run_close(&run);
        return code;
    }
    *out = run;
    return 0;
}

int rg_run_check_id(const struct rg_run *run, const char *run_id, struct rg_error *err)
{
    if (strcmp(run->run_id, run_id) == 0)
        return 0;
    return rg_fail(err, -EINVAL,
        "is of run %s, not of %s: run.json, measurements.ndjson and verdict.json must name one run", run_id,
        run->run_id);
}

void rg_run_close(struct rg_run *run)
{
    rg_suite_close(&run->suite);
    free_texts(run->hosts);
    free_texts(run->options.mpirun_options);
    rg_fabric_close(&run->options.fabric);
    free(run->ranks);
    free(run->lost);
    cJSON_Delete(run->root);
    *run = (struct rg_run){0};
}

void rg_rank_facts_clear(struct rg_rank_facts *out)
{
    rg_json_clear(&node_shape, &out->node);
    rg_json_clear(&rail_shape, &out->rail);
    out->root = NULL;
}

char *rg_rank_facts_line(const struct rg_rank_facts *facts)
{
    cJSON *object = cJSON_CreateObject();
    rg_json_write(cJSON_AddObjectToObject(object, "node"), &node_shape, &facts->node);
    rg_json_write(cJSON_AddObjectToObject(object, "rail"), &rail_shape, &facts->rail);
    char *line = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return line;
}

int rg_rank_facts_read(const char *line, struct rg_rank_facts *out, struct rg_error *err)
{
    struct rg_place place = {.file = "facts of a rank"};
    struct rg_rank_facts facts;
    rg_rank_facts_clear(&facts);
    facts.root = cJSON_Parse(line);
    if (facts.root == NULL)
        return rg_json_refuse(&place, err, "are not JSON");
    int code =
        rg_json_read(cJSON_GetObjectItemCaseSensitive(facts.root, "node"), &node_shape, &facts.node, &place, err);
    if (code == 0)
        code =
            rg_json_read(cJSON_GetObjectItemCaseSensitive(facts.root, "rail"), &rail_shape, &facts.rail, &place, err);
    if (code != 0)
        rg_rank_facts_close(&facts);
    else
        *out = facts;
    return code;
}

void rg_rank_facts_close(struct rg_rank_facts *facts)
{
    cJSON_Delete(facts->root);
    facts->root = NULL;
}
