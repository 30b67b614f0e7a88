/* data/digest: what measurements come to, and what is left out of it. */
#include "helpers.h"

#include "data/digest.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct made_run made;
static struct rg_digest *digest;

static void begin(int nodes, int rails, const struct rg_machine *machine)
{
    struct rg_error err = {{0}};
    make_run(&made, nodes, rails);
    made.run.root = cJSON_CreateObject(); /* the environment and the head are not looked at here */
    cJSON_AddArrayToObject(made.run.root, "nodes");
    assert_int_equal(rg_digest_open(&made.run, machine, 5, &digest, &err), 0);
}

static void add(struct rg_measurement m)
{
    struct rg_error err = {{0}};
    assert_int_equal(rg_digest_add(digest, &m, &err), 0);
    rg_measurement_close(&m);
}

/* The digest as JSON, the caller's to delete. */
static cJSON *end(size_t pictures_bytes)
{
    char *text = rg_digest_json(digest, NULL, pictures_bytes);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    free(text);
    rg_digest_close(digest);
    cJSON_Delete(made.run.root);
    made.run.root = NULL;
    close_made_run(&made);
    return root;
}

static const cJSON *point_in(const cJSON *root, int index)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "points"), index);
}

static double number_in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static double element(const cJSON *object, const char *key, int index)
{
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, key), index);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void a_point_has_its_spread_and_each_nic_its_median(void **state)
{
    (void)state;
    begin(3, 2, NULL);
    add(a_flow(&made, 0, 0, 1, 0, 90, 89, 91));
    add(a_flow(&made, 1, 0, 2, 0, 100, 99, 101));
    add(a_flow(&made, 2, 0, 1, 0, 98, 97, 99));
    add(a_flow(&made, 2, 1, 2, 1, 50, 49, 51));
    cJSON *root = end(1 << 20);
    const cJSON *point = point_in(root, 0), *spread = cJSON_GetObjectItemCaseSensitive(point, "spread");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(root, "points")), 1);
    assert_near(number_in(spread, "min"), 50);
    assert_near(number_in(spread, "max"), 100);
    assert_near(element(point, "tx", 0), 98);  /* node-a, rail 0: 90, 98, 100 */
    assert_near(element(point, "tx", 3), 50);  /* node-b, rail 1 */
    assert_near(element(point, "rx", 4), 100); /* node-c, rail 0 */
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(point, "tx"), 5)));
    assert_near(element(point, "pairs", 1), 90);         /* from node-a to node-b, the worst of two */
    assert_near(element(root, "overall_tx", 3), 0.5051); /* of 99, the median of the upper cluster */
    cJSON_Delete(root);
}

static void a_failed_flow_counts_as_nothing_and_is_told_with_its_reason(void **state)
{
    (void)state;
    begin(2, 1, NULL);
    add(a_flow(&made, 0, 0, 1, 0, 100, 99, 101));
    for (int round = 1; round < 4; round++) {
        struct rg_measurement m = a_flow(&made, round, 1, 0, 0, 100, 99, 101);
        spoil(&m, round < 3 ? "failed" : "not_run", round < 3 ? "the link went down" : "it was not asked");
        add(m);
    }
    cJSON *root = end(1 << 20);
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(root, "faults");
    assert_near(element(point_in(root, 0), "tx", 1), 0);
    assert_near(number_in(point_in(root, 0), "failed"), 2);
    assert_near(number_in(point_in(root, 0), "not_run"), 1);
    assert_int_equal(cJSON_GetArraySize(faults), 2);
    assert_near(number_in(cJSON_GetArrayItem(faults, 0), "count"), 2);
    cJSON_Delete(root);
}

static void what_arrived_damaged_counts_as_nothing(void **state)
{
    (void)state;
    begin(2, 1, NULL);
    add(a_flow(&made, 0, 0, 1, 0, 100, 99, 101));
    struct rg_measurement m = a_flow(&made, 1, 1, 0, 0, 100, 99, 101);
    m.status = "failed"; /* it keeps the rate at which they came */
    add(m);
    cJSON *root = end(1 << 20);
    assert_near(element(point_in(root, 0), "tx", 0), 100);
    assert_near(element(point_in(root, 0), "tx", 1), 0);
    assert_near(element(point_in(root, 0), "pairs", 2), 0); /* from node-b to node-a */
    cJSON_Delete(root);
}

static void flows_that_suspects_were_asked_for_are_no_sample_of_a_nic(void **state)
{
    (void)state;
    begin(2, 1, NULL);
    for (int round = 0; round < 5; round++) {
        struct rg_measurement m = a_flow(&made, round, 0, 1, 0, round < 2 ? 100 : 10, 99, 101);
        m.pattern = round < 2 ? m.pattern : "confirm";
        add(m);
    }
    cJSON *root = end(1 << 20);
    assert_near(element(point_in(root, 0), "tx", 0), 100);
    assert_near(element(point_in(root, 0), "pairs", 1), 10); /* but there is such a flow between the two */
    cJSON_Delete(root);
}

static void what_a_lost_rail_took_part_in_accuses_no_nic(void **state)
{
    (void)state;
    struct rg_lost_rank lost = {.node = "node-b", .where = "somewhere", .rank = 1, .rail = 0};
    begin(2, 1, NULL);
    rg_digest_close(digest);
    made.run.lost = &lost;
    made.run.lost_count = 1;
    struct rg_error err = {{0}};
    assert_int_equal(rg_digest_open(&made.run, NULL, 5, &digest, &err), 0);
    struct rg_measurement m = a_flow(&made, 0, 0, 1, 0, 100, 99, 101);
    spoil(&m, "failed", "node-b did not come");
    add(m);
    made.run.lost = NULL;
    made.run.lost_count = 0;
    cJSON *root = end(1 << 20);
    assert_near(number_in(point_in(root, 0), "failed"), 1);
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "overall_tx"), 0)));
    cJSON_Delete(root);
}

static void of_very_many_flows_an_even_sample_is_kept_and_the_extremes_are_exact(void **state)
{
    (void)state;
    begin(2, 1, NULL);
    for (int round = 0; round < 5000; round++)
        add(a_flow(&made, round, 0, 1, 0, round == 4321 ? 7 : 100 + round % 10, 99, 101));
    cJSON *root = end(1 << 20);
    const cJSON *spread = cJSON_GetObjectItemCaseSensitive(point_in(root, 0), "spread");
    assert_near(number_in(spread, "min"), 7);
    assert_near(number_in(spread, "max"), 109);
    assert_within(number_in(spread, "median"), 104.5, 1);
    assert_within(element(point_in(root, 0), "tx", 0), 104.5, 2);
    assert_near(number_in(point_in(root, 0), "ok"), 5000);
    cJSON_Delete(root);
}

static void a_nic_with_several_flows_in_a_round_is_heard_once(void **state)
{
    (void)state;
    struct rg_counter_report report = {.node = "node-a", .device = "mlx5_0", .rail = 0};
    report.change.known = 9;
    report.change.count = 1;
    report.change.at[0] = (struct rg_counter){"out_of_sequence", 5};
    begin(2, 1, NULL);
    for (int i = 0; i < 3; i++) { /* two flows in round 0, one in round 1 */
        struct rg_measurement m = a_flow(&made, i / 2, i % 2, 1 - i % 2, 0, 100, 99, 101);
        m.counters = &report;
        m.counter_count = 1;
        add(m);
    }
    cJSON *root = end(1 << 20);
    const cJSON *counter = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "counters"), 0);
    assert_near(number_in(counter, "added"), 10);
    assert_near(number_in(counter, "nics"), 1);
    cJSON_Delete(root);
}

static void counters_of_too_many_names_are_refused(void **state)
{
    (void)state;
    struct rg_error err = {{0}};
    struct rg_counter_report report = {.node = "node-a", .device = "mlx5_0", .rail = 0};
    int code = 0, round = 0;
    report.change.known = report.change.count = 1;
    begin(2, 1, NULL);
    for (; code == 0 && round < 1000; round++) {
        struct rg_measurement m = a_flow(&made, round, 0, 1, 0, 100, 99, 101);
        report.change.at[0].added = 1;
        snprintf(report.change.at[0].name, sizeof report.change.at[0].name, "made_up_%d", round);
        m.counters = &report;
        m.counter_count = 1;
        code = rg_digest_add(digest, &m, &err);
        rg_measurement_close(&m);
    }
    assert_int_equal(code, -EINVAL);
    assert_int_equal(round, 513);
    assert_has(err.text, "made_up_512");
    cJSON_Delete(end(0));
}

static void pictures_are_left_out_where_there_is_no_room(void **state)
{
    (void)state;
    begin(2, 1, NULL);
    add(a_flow(&made, 0, 0, 1, 0, 100, 99, 101));
    cJSON *root = end(10);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(point_in(root, 0), "pictures_left_out")));
    assert_null(cJSON_GetObjectItemCaseSensitive(point_in(root, 0), "tx"));
    assert_near(element(root, "overall_tx", 0), 1);
    cJSON_Delete(root);
}

static void a_machine_gives_ceiling_and_threshold(void **state)
{
    (void)state;
    /* Of its own number of queue pairs, after one of any. */
    struct rg_expectation expectations[] = {an_expectation(50, 4), an_expectation(95, 4)};
    struct rg_machine machine = a_machine(expectations, 2);
    expectations[1].queue_pairs = 1;
    begin(2, 1, &machine);
    struct rg_measurement m = a_flow(&made, 0, 0, 1, 0, 90, 89, 91);
    double share = m.path.payload_share;
    add(m);
    cJSON *root = end(1 << 20);
    assert_within(number_in(point_in(root, 0), "ceiling"), 100 * share, 0.01);
    assert_near(number_in(cJSON_GetObjectItemCaseSensitive(point_in(root, 0), "expectation"), "threshold"), 91.2);
    cJSON_Delete(root);
}

static void a_measurement_of_another_run_is_refused(void **state)
{
    (void)state;
    struct rg_error err = {{0}};
    begin(2, 1, NULL);
    struct rg_measurement m = a_flow(&made, 0, 0, 1, 0, 90, 89, 91);
    m.run_id = "20260302T020000Z-1a2b3c4d";
    assert_true(rg_digest_add(digest, &m, &err) < 0);
    assert_has(err.text, "20260302T020000Z-1a2b3c4d");
    rg_measurement_close(&m);
    cJSON_Delete(end(0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_has_its_spread_and_each_nic_its_median),
        cmocka_unit_test(a_failed_flow_counts_as_nothing_and_is_told_with_its_reason),
        cmocka_unit_test(what_arrived_damaged_counts_as_nothing),
        cmocka_unit_test(flows_that_suspects_were_asked_for_are_no_sample_of_a_nic),
        cmocka_unit_test(what_a_lost_rail_took_part_in_accuses_no_nic),
        cmocka_unit_test(of_very_many_flows_an_even_sample_is_kept_and_the_extremes_are_exact),
        cmocka_unit_test(a_nic_with_several_flows_in_a_round_is_heard_once),
        cmocka_unit_test(counters_of_too_many_names_are_refused),
        cmocka_unit_test(pictures_are_left_out_where_there_is_no_room),
        cmocka_unit_test(a_machine_gives_ceiling_and_threshold),
        cmocka_unit_test(a_measurement_of_another_run_is_refused),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
