#include "data/plan.h"

#include <errno.h>
#include <string.h>

#define SLACK_S 60.0

static int place_of(const char *const *words, const char *word)
{
    int place = 0;
    while (words[place] != NULL && strcmp(words[place], word) != 0)
        place++;
    return place;
}

/* Who talks to whom in a test with flows. */
static struct rg_schedule schedule_of(const struct rg_plan *plan, const struct rg_settings *settings)
{
    bool ping_pong =
        rg_test_kind_of(settings->test) == RG_TEST_LATENCY && strcmp(settings->test, "rdma_read_lat") != 0;
    return (struct rg_schedule){
        .pattern = (enum rg_pattern)place_of(rg_suite_pattern_words, settings->pattern),
        .rail_use = (enum rg_rail_use)place_of(rg_suite_rails_words, settings->rails),
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

const char *rg_plan_pattern(const struct rg_suite *suite, const struct rg_round *round)
{
    return round->links != NULL ? "confirm" : suite->tests[round->test_index].pattern;
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

struct rg_plan rg_orders_plan(const struct rg_orders *orders)
{
    return (struct rg_plan){&orders->suite, (int)orders->nodes, (int)orders->rails, (uint64_t)orders->seed};
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
