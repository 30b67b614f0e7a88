/* data: rules between fields. Without them a run could not be made as asked for, or a bad result could pass. */
#include "helpers.h"

#include "data/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct change {
    const char *path, *value;
};

/* Takes root. The member at path ("a.0.b") gets another value. */
static char *changed(cJSON *root, const struct change *change)
{
    char copy[128], *more = copy, *step = NULL;
    cJSON *at = root, *outer = NULL;
    snprintf(copy, sizeof copy, "%s", change->path);
    for (char *next; (next = strsep(&more, ".")) != NULL;) {
        outer = at;
        step = next;
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(step)) : cJSON_GetObjectItemCaseSensitive(at, step);
        assert_non_null(at);
    }
    cJSON_ReplaceItemInObjectCaseSensitive(outer, step, cJSON_CreateRaw(change->value));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

static int read_document(const char *kind, const char *path, struct rg_error *err)
{
    int code;
    if (strcmp(kind, "suite") == 0) {
        struct rg_suite suite = {0};
        code = rg_suite_load(path, &suite, err);
        rg_suite_close(&suite);
    } else if (strcmp(kind, "machine") == 0) {
        struct rg_machine machine = {0};
        code = rg_machine_load(path, &machine, err);
        rg_machine_close(&machine);
    } else {
        struct rg_measurement measurement;
        char *text = read_text(path);
        rg_measurement_clear(&measurement);
        code = rg_measurement_read(text, path, &measurement, err);
        rg_measurement_close(&measurement);
        free(text);
    }
    return code;
}

/* The first document of a valid example is accepted, and refused with each of the changes by itself. */
static void expect_refused(const char *kind, const char *name, const struct change *changes, size_t count)
{
    char *directory = new_directory(), *file = path_in(directory, name);
    char *example = path_in(SOURCE("results-schema/examples/valid"), name), *text = read_text(example);
    int accepted = 0;
    if (strstr(name, ".ndjson") != NULL)
        text[strcspn(text, "\n")] = '\0';
    write_text(file, text);
    int valid = read_document(kind, file, NULL);
    for (size_t i = 0; i < count; i++) {
        struct rg_error err = {{0}};
        char *wrong = changed(cJSON_Parse(text), &changes[i]);
        write_text(file, wrong);
        if (read_document(kind, file, &err) != -EINVAL || strncmp(err.text, file, strlen(file)) != 0) {
            print_error("%s: %s may be %s; \"%s\"\n", name, changes[i].path, changes[i].value, err.text);
            accepted++;
        }
        free(wrong);
    }
    free(text);
    free(example);
    free(file);
    remove_directory(directory);
    assert_int_equal(valid, 0);
    assert_int_equal(accepted, 0);
}

#define EXPECT_REFUSED(kind, name, ...)                                                                                \
    expect_refused(kind, name, (const struct change[]){__VA_ARGS__}, COUNT_OF(((const struct change[]){__VA_ARGS__})))

static void settings_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    EXPECT_REFUSED("suite", "suite-every-setting.json", {"defaults.signal_interval", "129"}, /* depth is 128 */
        {"defaults.post_list", "129"}, {"defaults.mtu_bytes", "1500"},
        {"defaults.direction", "\"both_ways\""},  /* of latencies, too */
        {"tests.3.write_poll", "\"last_byte\""}); /* with relaxed ordering */
}

static void a_baseline_cites_its_source(void **state)
{
    (void)state;
    EXPECT_REFUSED("machine", "machine-with-expectations.json", {"expectations.0.source", "\"nobody\""},
        {"expectations.0.source", "null"}, {"expectations.0.tolerance_percent", "null"},
        {"expectations.2.tolerance_percent", "3"}, {"mtu_bytes", "1500"}, {"ip_version", "5"});
}

static void a_tolerance_that_lets_everything_pass_is_refused(void **state)
{
    (void)state;
    EXPECT_REFUSED("machine", "machine-with-expectations.json", {"expectations.0.tolerance_percent", "101"},
        {"expectations.5.tolerance_percent", "101"}, {"expectations.0.tolerance_percent", "-1"});
}

static void a_measurement_of_damaged_data_is_not_ok(void **state)
{
    (void)state;
    EXPECT_REFUSED("measurement", "measurement-bandwidth.ndjson", {"integrity.status", "\"mismatch\""},
        {"integrity.mismatches", "1"});
}

static void a_measurement_has_the_result_of_its_test(void **state)
{
    (void)state;
    EXPECT_REFUSED("measurement", "measurement-bandwidth.ndjson", {"test", "\"rdma_write_lat\""});
    EXPECT_REFUSED("measurement", "measurement-latency.ndjson", {"test", "\"rdma_write_bw\""});
    EXPECT_REFUSED("measurement", "measurement-collective.ndjson", {"test", "\"rdma_write_lat\""});
    EXPECT_REFUSED("measurement", "measurement-bandwidth.ndjson", {"test", "\"tcp_bw\""}, {"transport", "\"tcp\""},
        {"path.gid_index_from", "null"}, {"path.gid_index_to", "null"});
    EXPECT_REFUSED("measurement", "measurement-tcp.ndjson", {"test", "\"rdma_write_bw\""}, {"transport", "\"verbs\""},
        {"path.gid_index_from", "1"});
}

static void a_measurement_explains_itself_just_when_it_must(void **state)
{
    (void)state;
    EXPECT_REFUSED("measurement", "measurement-bandwidth.ndjson", {"reason", "\"no need\""}, {"status", "\"failed\""},
        {"hardware", "true"}, {"hardware_reason", "null"}, {"flow", "null"}, {"kind", "\"collective\""},
        {"bandwidth", "null"}, {"bandwidth.subwindows.end_s", "[1]"}, {"run_id", "\"20260301T020000Z\""});
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_baseline_cites_its_source),
        cmocka_unit_test(a_tolerance_that_lets_everything_pass_is_refused),
        cmocka_unit_test(a_measurement_of_damaged_data_is_not_ok),
        cmocka_unit_test(a_measurement_has_the_result_of_its_test),
        cmocka_unit_test(a_measurement_explains_itself_just_when_it_must),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
