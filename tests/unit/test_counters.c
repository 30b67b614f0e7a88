/* hw/counters and data/counters: what NICs count, as deltas, and as the documents hold it. */
#include "helpers.h"

#include "data/counters.h"
#include "hw/counters.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *root; /* stands for /sys */

/* "hw_counters/out_of_sequence" of mlx5_0, port 1. */
static void count(const char *name, const char *value)
{
    static const char *const parts[] = {"class", "class/infiniband", "class/infiniband/mlx5_0",
        "class/infiniband/mlx5_0/ports", "class/infiniband/mlx5_0/ports/1", "class/infiniband/mlx5_0/ports/1/counters",
        "class/infiniband/mlx5_0/ports/1/hw_counters"};
    char path[512];
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        snprintf(path, sizeof path, "%s/%s", root, parts[i]);
        mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s/class/infiniband/mlx5_0/ports/1/%s", root, name);
    write_text(path, value);
}

static int new_root(void **state)
{
    (void)state;
    root = new_directory();
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    remove_directory(root);
    return 0;
}

static void what_was_added_is_told_by_name_and_what_stood_still_is_not(void **state)
{
    static struct rg_counters before, after;
    struct rg_counter_change change;
    (void)state;
    count("counters/port_xmit_data", "1000\n");
    count("counters/symbol_error", "3\n");
    count("hw_counters/out_of_sequence", "7\n");
    count("hw_counters/lifespan", "10\n");
    count("hw_counters/set_back", "100\n");
    count("hw_counters/no_number", "N/A\n");
    rg_counters_read(root, "mlx5_0", 1, &before);
    count("counters/port_xmit_data", "1500\n");
    count("hw_counters/out_of_sequence", "9\n");
    count("hw_counters/lifespan", "20\n");
    count("hw_counters/set_back", "5\n");
    count("hw_counters/new", "8\n");
    rg_counters_read(root, "mlx5_0", 1, &after);
    rg_counters_change(&before, &after, &change);
    assert_int_equal(before.count, 4);
    assert_int_equal(change.known, 5);
    assert_int_equal(change.count, 2);
    assert_string_equal(change.at[0].name, "out_of_sequence");
    assert_int_equal(change.at[0].added, 2);
    assert_string_equal(change.at[1].name, "port_xmit_data");
    assert_int_equal(change.at[1].added, 500);
}

static void a_device_without_counters_knows_none(void **state)
{
    static struct rg_counters none;
    struct rg_counter_change change;
    (void)state;
    rg_counters_read(root, "mlx5_7", 1, &none);
    rg_counters_change(&none, &none, &change);
    assert_int_equal(change.known, 0);
    assert_int_equal(change.count, 0);
}

static void trouble_has_the_same_words_for_every_driver(void **state)
{
    (void)state;
    assert_string_equal(rg_counter_alarm("out_of_sequence"), "packets out of sequence");
    assert_string_equal(rg_counter_alarm("out_of_seq_request"), "packets out of sequence");
    assert_string_equal(rg_counter_alarm("completer_retry_err"), "retries");
    assert_null(rg_counter_alarm("port_xmit_data"));
    assert_null(rg_counter_alarm(""));
}

static void reports_are_read_as_they_were_written(void **state)
{
    struct rg_counter_report reports[2] = {
        {.node = "node-a", .device = "mlx5_0", .rail = 3, .change = {.known = 40, .count = 1}},
        {.node = "node-b", .device = NULL, .rail = 0, .change = {.known = 0, .count = 0}}};
    struct rg_counter_report *read;
    struct rg_place place = {.file = "file"};
    struct rg_error err = {{0}};
    size_t number;
    (void)state;
    strcpy(reports[0].change.at[0].name, "out_of_sequence");
    reports[0].change.at[0].added = 812;
    cJSON *object = cJSON_CreateObject();
    rg_json_add_counters(object, "counters", reports, 2);
    assert_int_equal(rg_json_read_counters(object, "counters", &place, &read, &number, &err), 0);
    assert_int_equal(number, 2);
    assert_string_equal(read[0].node, "node-a");
    assert_int_equal(read[0].rail, 3);
    assert_int_equal(read[0].change.known, 40);
    assert_int_equal(read[0].change.count, 1);
    assert_string_equal(read[0].change.at[0].name, "out_of_sequence");
    assert_int_equal(read[0].change.at[0].added, 812);
    assert_null(read[1].device);
    free(read);
    cJSON_Delete(object);
}

static void reports_that_break_a_rule_are_refused_at_their_place(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "counters"},
        {"{\"counters\": [{\"node\": \"a\", \"device\": null, \"rail\": 0, \"known\": 1}]}", "added"},
        {"{\"counters\": [{\"node\": \"a\", \"device\": null, \"rail\": 0, \"known\": 1, \"added\": {\"x\": \"y\"}}]}",
            "added"},
        {"{\"counters\": [{\"node\": \"a\", \"device\": null, \"rail\": 0, \"known\": -1, \"added\": {}}]}", "known"},
        {"{\"counters\": [{\"node\": \"a\", \"device\": null, \"rail\": 0, \"known\": 1, \"added\": "
         "{\"a_name_that_is_longer_than_any_counter_has_ever_had\": 1}}]}",
            "added"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rg_counter_report *read = NULL;
        struct rg_place place = {.file = "file"};
        struct rg_error err = {{0}};
        size_t number;
        cJSON *object = cJSON_Parse(cases[i][0]);
        assert_non_null(object);
        assert_true(rg_json_read_counters(object, "counters", &place, &read, &number, &err) < 0);
        assert_has(err.text, cases[i][1]);
        cJSON_Delete(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_was_added_is_told_by_name_and_what_stood_still_is_not, new_root, remove_root),
        cmocka_unit_test_setup_teardown(a_device_without_counters_knows_none, new_root, remove_root),
        cmocka_unit_test(trouble_has_the_same_words_for_every_driver),
        cmocka_unit_test(reports_are_read_as_they_were_written),
        cmocka_unit_test(reports_that_break_a_rule_are_refused_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
