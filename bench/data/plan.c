#include "data/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLACK_S 60.0

/* Who talks to whom in a test with flows. */
static struct rg_schedule schedule_of(const struct rg_plan *plan, const struct rg_settings *settings)
{
    bool ping_pong = rg_test_kind_of(settings->test) == RG_TEST_LATENCY && strcmp(settings->test, "rdma_read_lat") != 0;
    return (struct rg_schedule){
        .pattern = (enum rg_pattern)rg_json_word_place(rg_suite_pattern_words, settings->pattern),
        .rail_use = (enum rg_rail_use)rg_json_word_place(rg_suite_rails_words, settings->rails),
        .both_ways = strcmp(settings->direction, "both_ways") == 0,
        .symmetric = ping_pong,
        .incast_load = strcmp(settings->load, "incast") == 0,
        .nodes = plan->nodes,
        .rails = plan->rails,
        .meetings = settings->partners == RG_NONE ? 0 : (int)settings->partners,
        .seed = plan->seed,
    };
}

/* Of one size. */
static int64_t rounds_of(const struct rg_plan *plan, const struct rg_settings *settings)
{
    enum rg_test_kind kind = rg_test_kind_of(settings->test);
    if (kind == RG_TEST_COLLECTIVE && strcmp(settings->group, "pair") == 0)
        return rg_schedule_tournament(plan->nodes);
    if (!rg_test_has_flows(kind))
        return 1;
    struct rg_schedule schedule = schedule_of(plan, settings);
    return rg_schedule_rounds(&schedule);
}

int64_t rg_plan_rounds(const struct rg_plan *plan)
{
    int64_t rounds = 0;
    for (size_t i = 0; i < plan->suite->test_count; i++)
        rounds += (int64_t)plan->suite->tests[i].sizes.count * rounds_of(plan, &plan->suite->tests[i]);
    return rounds;
}

struct rg_round rg_plan_round(const struct rg_plan *plan, int64_t n)
{
    struct rg_round round = {0};
    const struct rg_settings *settings = plan->suite->tests;
    int64_t each = rounds_of(plan, settings);
    while (n >= (int64_t)settings->sizes.count * each) {
        n -= (int64_t)settings->sizes.count * each;
        each = rounds_of(plan, ++settings);
        round.test_index++;
    }
    round.size_bytes = settings->sizes.bytes[n / each];
    round.turn = n % each;
    if (rg_test_has_flows(rg_test_kind_of(settings->test)))
        round.schedule = schedule_of(plan, settings);
    return round;
}

int rg_plan_links(const struct rg_round *round, int node, int rail, struct rg_link *out)
{
    int count = 0;
    if (round->links == NULL)
        return rg_schedule_links(&round->schedule, round->turn, node, rail, out);
    for (size_t i = 0; i < round->link_count; i++) {
        const struct rg_link *link = &round->links[i];
        if ((link->from_node == node && link->from_rail == rail) || (link->to_node == node && link->to_rail == rail))
            out[count++] = *link;
    }
    return count;
}

int rg_plan_each_link(const struct rg_plan *plan, const struct rg_round *round,
    int (*visit)(void *context, const struct rg_link *link), void *context)
{
    int code = 0;
    for (size_t i = 0; code == 0 && round->links != NULL && i < round->link_count; i++)
        code = visit(context, &round->links[i]);
    if (round->links != NULL)
        return code;
    struct rg_link *links = calloc((size_t)RG_SCHEDULE_LINKS(plan->nodes), sizeof *links);
    if (links == NULL)
        return -ENOMEM;
    for (int nic = 0; code == 0 && nic < plan->nodes * plan->rails; nic++) {
        int node = nic / plan->rails, rail = nic % plan->rails, count = rg_plan_links(round, node, rail, links);
        for (int i = 0; code == 0 && i < count; i++)
            if (links[i].from_node == node && links[i].from_rail == rail)
                code = visit(context, &links[i]);
    }
    free(links);
    return code;
}

const char *rg_plan_pattern(const struct rg_suite *suite, const struct rg_round *round)
{
    return round->links != NULL ? "confirm" : suite->tests[round->test_index].pattern;
}

double rg_plan_seconds(const struct rg_suite *suite, const struct rg_round *round)
{
    const struct rg_settings *settings = &suite->tests[round->test_index];
    return settings->iterations == RG_NONE ? settings->warmup_s + settings->duration_s : 1;
}

double rg_plan_begin_s(const struct rg_plan *plan, int64_t n)
{
    int64_t rounds = rg_plan_rounds(plan);
    double at_s = 0;
    for (int64_t before = 0; before < n && before < rounds; before++) {
        struct rg_round round = rg_plan_round(plan, before);
        at_s += rg_plan_seconds(plan->suite, &round);
    }
    return at_s;
}

double rg_plan_limit_s(const struct rg_suite *suite, const struct rg_round *round)
{
    const struct rg_settings *settings = &suite->tests[round->test_index];
    return SLACK_S + 7 * settings->deadline_s + settings->warmup_s + settings->duration_s;
}

void rg_plan_label(const struct rg_suite *suite, const struct rg_round *round, char *out, size_t room)
{
    const struct rg_settings *settings = &suite->tests[round->test_index];
    char size[24];
    bool bandwidth = rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH;
    const char *pattern = rg_test_has_flows(rg_test_kind_of(settings->test)) ? rg_plan_pattern(suite, round) : "pairs";
    bool told = strcmp(pattern, "pairs") != 0;
    snprintf(out, room, "%s %s%s%s%s%s%s", settings->test, rg_args_format_bytes(round->size_bytes, size),
        bandwidth ? " " : "", bandwidth ? settings->direction : "", told ? " " : "", told ? pattern : "",
        round->links == NULL && rg_schedule_is_loaded(&round->schedule, round->turn) ? ", loaded" : "");
}

static const struct rg_option orders_rows[] = {
    {.key = "run_id", .type = RG_TEXT, .offset = offsetof(struct rg_orders, run_id), .required = true},
    {.key = "seed",
        .type = RG_INTEGER,
        .offset = offsetof(struct rg_orders, seed),
        .min = 0,
        .max = 0x1p53,
        .required = true},
    {.key = "first_round",
        .type = RG_INTEGER,
        .offset = offsetof(struct rg_orders, first_round),
        .min = 0,
        .max = 0x1p53,
        .required = true},
    {.key = "nodes",
        .type = RG_INTEGER,
        .offset = offsetof(struct rg_orders, nodes),
        .min = 1,
        .max = 1e6,
        .required = true},
    {.key = "rails",
        .type = RG_INTEGER,
        .offset = offsetof(struct rg_orders, rails),
        .min = 1,
        .max = RG_MAX_RAILS,
        .required = true},
    {.key = "check", .type = RG_FLAG, .offset = offsetof(struct rg_orders, check), .required = true},
};

#define AT(member) .offset = offsetof(struct rg_machine, member)

static const struct rg_option machine_rows[] = {
    {.key = "name", .type = RG_TEXT, AT(name), .required = true},
    {.key = "hardware", .type = RG_FLAG, AT(hardware), .required = true},
    {.key = "rails", .type = RG_INTEGER, AT(rails), 1, RG_MAX_RAILS, .nullable = true, .required = true},
    {.key = "gpu", .type = RG_TEXT, AT(gpu), .nullable = true, .required = true},
    {.key = "ip_version", .type = RG_INTEGER, AT(ip_version), 4, 6, .required = true},
    {.key = "rdma", .type = RG_MAYBE, AT(rdma), .nullable = true, .required = true},
};
static const struct rg_shape machine_shape = {
    .rows = machine_rows, .row_count = sizeof machine_rows / sizeof *machine_rows};
static const struct rg_section orders_sections[] = {
    {"machine", &machine_shape, offsetof(struct rg_orders, machine), offsetof(struct rg_orders, has_machine), false}};
static const struct rg_shape orders_shape = {.rows = orders_rows,
    .row_count = sizeof orders_rows / sizeof *orders_rows,
    .sections = orders_sections,
    .section_count = sizeof orders_sections / sizeof *orders_sections,
    .others = (const char *const[]){"schema_version", "document", "suite", "present", "absent", "fabric", NULL}};

static void add_numbers(cJSON *array, const int *numbers, int count)
{
    for (int i = 0; i < count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateNumber(numbers[i]));
}

/* Exactly `count` whole numbers that are not negative. */
static bool take_numbers(const cJSON *array, int *numbers, int count)
{
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != count)
        return false;
    for (int i = 0; i < count; i++) {
        int64_t number;
        if (!rg_json_is_integer(cJSON_GetArrayItem(array, i), 0, 1000000, &number))
            return false;
        numbers[i] = (int)number;
    }
    return true;
}

char *rg_orders_text(const struct rg_orders *orders)
{
    cJSON *object = rg_json_document("orders");
    rg_json_write(object, &orders_shape, orders);
    cJSON_AddItemToObject(object, "suite", rg_suite_document(&orders->suite));
    add_numbers(cJSON_AddArrayToObject(object, "present"), orders->present, (int)orders->present_count);
    cJSON *absent = cJSON_AddArrayToObject(object, "absent");
    for (size_t i = 0; i < orders->absent_count; i++) {
        cJSON *pair = cJSON_CreateArray();
        add_numbers(pair, (int[]){orders->absent[i].node, orders->absent[i].rail}, 2);
        cJSON_AddItemToArray(absent, pair);
    }
    if (orders->fabric.nodes > 0)
        cJSON_AddItemToObject(object, "fabric", rg_fabricdoc_document(&orders->fabric));
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

struct rg_plan rg_orders_plan(const struct rg_orders *orders)
{
    return (struct rg_plan){&orders->suite, (int)orders->nodes, (int)orders->rails, (uint64_t)orders->seed};
}

static int read_presence(struct rg_orders *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *present = rg_json_array(out->root, "present", place, err);
    const cJSON *absent = present ? rg_json_array(out->root, "absent", place, err) : NULL, *pair;
    if (absent == NULL)
        return -EINVAL;
    out->present_count = (size_t)cJSON_GetArraySize(present);
    out->present = calloc(out->present_count + 1, sizeof *out->present);
    out->absent = calloc((size_t)cJSON_GetArraySize(absent) + 1, sizeof *out->absent);
    if (out->present == NULL || out->absent == NULL)
        return rg_json_refuse(place, err, "no memory");
    bool ok = take_numbers(present, out->present, (int)out->present_count);
    cJSON_ArrayForEach(pair, absent)
    {
        int numbers[2];
        ok = ok && take_numbers(pair, numbers, 2);
        if (ok)
            out->absent[out->absent_count++] = (struct rg_absentee){numbers[0], numbers[1]};
    }
    return ok ? 0 : rg_json_refuse(place, err, "present and absent hold numbers of nodes and rails");
}

static int read_parts(struct rg_orders *out, const struct rg_place *place, struct rg_error *err)
{
    int code = read_presence(out, place, err);
    const cJSON *fabric = cJSON_GetObjectItemCaseSensitive(out->root, "fabric");
    if (code == 0 && fabric != NULL)
        code = rg_fabricdoc_read(fabric, "orders: fabric", &out->fabric, err);
    cJSON *suite = cJSON_DetachItemFromObjectCaseSensitive(out->root, "suite");
    if (code == 0 && suite == NULL)
        return rg_json_refuse(place, err, "hold no suite");
    if (code == 0)
        return rg_suite_read(suite, "orders: suite", &out->suite, err);
    cJSON_Delete(suite);
    return code;
}

int rg_orders_read(const char *text, struct rg_orders *out, struct rg_error *err)
{
    struct rg_orders orders = {0};
    struct rg_place place = {.file = "orders"};
    int code = rg_json_parse(text, "orders", "orders", &orders.root, err);
    if (code == 0)
        code = rg_json_read(orders.root, &orders_shape, &orders, &place, err);
    if (code == 0)
        code = read_parts(&orders, &place, err);
    if (code != 0) {
        rg_orders_close(&orders);
        return code;
    }
    *out = orders;
    return 0;
}

void rg_orders_close(struct rg_orders *orders)
{
    rg_suite_close(&orders->suite);
    rg_fabric_close(&orders->fabric);
    free(orders->present);
    free(orders->absent);
    cJSON_Delete(orders->root);
    *orders = (struct rg_orders){0};
}

char *rg_orders_round_text(const struct rg_round *round)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "test_index", (double)round->test_index);
    cJSON_AddNumberToObject(object, "size_bytes", (double)round->size_bytes);
    cJSON *links = cJSON_AddArrayToObject(object, "links");
    for (size_t i = 0; i < round->link_count; i++) {
        const struct rg_link *link = &round->links[i];
        cJSON *item = cJSON_CreateArray();
        add_numbers(item, (int[]){link->from_node, link->from_rail, link->to_node, link->to_rail}, 4);
        cJSON_AddItemToArray(links, item);
    }
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

int rg_orders_round_read(const char *text, struct rg_round *out, struct rg_link **links, struct rg_error *err)
{
    cJSON *object = cJSON_Parse(text);
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(object, "links"), *item;
    int64_t test = 0, size = 0;
    bool ok =
        rg_json_is_integer(cJSON_GetObjectItemCaseSensitive(object, "test_index"), 0, RG_SUITE_TESTS_MOST - 1, &test) &&
        rg_json_is_integer(cJSON_GetObjectItemCaseSensitive(object, "size_bytes"), 0, (int64_t)RG_SIZE_MOST, &size) &&
        cJSON_IsArray(array);
    *out = (struct rg_round){0};
    *links = ok ? calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof **links) : NULL;
    ok = ok && *links != NULL;
    if (ok) {
        out->test_index = (size_t)test;
        out->size_bytes = size;
    }
    for (item = ok ? array->child : NULL; ok && item != NULL; item = item->next) {
        int n[4];
        ok = take_numbers(item, n, 4);
        if (ok)
            (*links)[out->link_count++] = (struct rg_link){n[0], n[1], n[2], n[3], false};
    }
    cJSON_Delete(object);
    out->links = *links;
    if (ok)
        return 0;
    free(*links);
    *links = NULL;
    return rg_fail(err, -EINVAL, "orders for a round cannot be read");
}
