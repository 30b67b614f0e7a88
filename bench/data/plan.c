#include "data/plan.h"

#include "fleet/schedule.h"

#include <errno.h>
#include <string.h>

#define SLACK_S 60.0

static bool loops_back(const struct rg_settings *settings)
{
    return strcmp(settings->pattern, "loopback") == 0;
}

/* Both ends initiate in turn, unless they do so at once, or the test tells the same from either end. */
static int phases_of(const struct rg_settings *settings)
{
    enum rg_test_kind kind = rg_test_kind_of(settings->test);
    bool ping_pong = kind == RG_TEST_LATENCY && strcmp(settings->test, "rdma_read_lat") != 0;
    bool at_once = strcmp(settings->direction, "both_ways") == 0 || !rg_test_has_flows(kind);
    return at_once || ping_pong || loops_back(settings) ? 1 : 2;
}

static int rounds_of(const struct rg_settings *settings, int nodes)
{
    enum rg_test_kind kind = rg_test_kind_of(settings->test);
    if (kind == RG_TEST_COLLECTIVE && strcmp(settings->group, "pair") == 0)
        return rg_schedule_rounds(nodes);
    if (!rg_test_has_flows(kind))
        return 1;
    int meetings = loops_back(settings) ? 1 : rg_schedule_rounds(nodes);
    return meetings * phases_of(settings);
}

int64_t rg_plan_rounds(const struct rg_suite *suite, int nodes)
{
    int64_t rounds = 0;
    for (size_t i = 0; i < suite->test_count; i++)
        rounds += (int64_t)suite->tests[i].sizes.count * rounds_of(&suite->tests[i], nodes);
    return rounds;
}

struct rg_round rg_plan_round(const struct rg_suite *suite, int nodes, int64_t n)
{
    struct rg_round round = {0};
    int64_t each = rounds_of(&suite->tests[0], nodes);
    while (n >= (int64_t)suite->tests[round.test_index].sizes.count * each) {
        n -= (int64_t)suite->tests[round.test_index].sizes.count * each;
        each = rounds_of(&suite->tests[++round.test_index], nodes);
    }
    const struct rg_settings *settings = &suite->tests[round.test_index];
    int phases = phases_of(settings);
    bool at_once = strcmp(settings->direction, "both_ways") == 0;
    round.size_bytes = settings->sizes.bytes[n / each];
    round.meeting = (int)(n % each) / phases;
    round.forward = at_once || n % each % phases == 0;
    round.backward = at_once || !round.forward;
    round.loopback = loops_back(settings);
    return round;
}

double rg_plan_seconds(const struct rg_suite *suite, const struct rg_round *round)
{
    const struct rg_settings *settings = &suite->tests[round->test_index];
    return settings->iterations == RG_NONE ? settings->warmup_s + settings->duration_s : 1;
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
    snprintf(out, room, "%s %s%s%s%s", settings->test, rg_args_format_bytes(round->size_bytes, size),
        rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH ? " " : "",
        rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH ? settings->direction : "",
        round->loopback ? " loopback" : "");
}

static const struct rg_option orders_rows[] = {
    {.key = "run_id", .type = RG_TEXT, .offset = offsetof(struct rg_orders, run_id), .required = true},
    {.key = "seed",
        .type = RG_INTEGER,
        .offset = offsetof(struct rg_orders, seed),
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
        .max = 64,
        .required = true},
};
static const struct rg_shape orders_shape = {.rows = orders_rows,
    .row_count = sizeof orders_rows / sizeof *orders_rows,
    .others = (const char *const[]){"schema_version", "document", "suite", NULL}};

char *rg_orders_text(const struct rg_orders *orders)
{
    cJSON *object = rg_json_document("orders");
    rg_json_write(object, &orders_shape, orders);
    cJSON_AddItemToObject(object, "suite", rg_suite_document(&orders->suite));
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

int rg_orders_read(const char *text, struct rg_orders *out, struct rg_error *err)
{
    struct rg_orders orders = {0};
    struct rg_place place = {.file = "orders"};
    int code = rg_json_parse(text, "orders", "orders", &orders.root, err);
    if (code == 0)
        code = rg_json_read(orders.root, &orders_shape, &orders, &place, err);
    if (code == 0) {
        cJSON *suite = cJSON_DetachItemFromObjectCaseSensitive(orders.root, "suite");
        code = suite ? rg_suite_read(suite, "orders: suite", &orders.suite, err)
                     : rg_json_refuse(&place, err, "hold no suite");
    }
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
    cJSON_Delete(orders->root);
    *orders = (struct rg_orders){0};
}
