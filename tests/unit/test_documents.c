/* data: the examples beside the schemas, and documents written and read back. */
#include "helpers.h"

#include "base/clock.h"
#include "data/suite.h"
#include "data/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- one reader for each kind; each gives back the reader's code and leaves nothing open --- */

static int read_suite(const char *path, const char *name, struct rg_error *err)
{
    struct rg_suite suite = {0};
    (void)name;
    int code = rg_suite_load(path, &suite, err);
    rg_suite_close(&suite);
    return code;
}

static int read_machine(const char *path, const char *name, struct rg_error *err)
{
    struct rg_machine machine = {0};
    (void)name;
    int code = rg_machine_load(path, &machine, err);
    rg_machine_close(&machine);
    return code;
}

/* Up to the first line that is refused. */
static int read_measurements(const char *path, const char *name, struct rg_error *err)
{
    char *text = read_text(path), *more = text;
    int code = 0, count = 0;
    for (char *line; code == 0 && (line = strsep(&more, "\n")) != NULL;) {
        struct rg_measurement measurement;
        if (line[0] == '\0')
            continue;
        code = rg_measurement_read(line, name, &measurement, err);
        if (code == 0)
            rg_measurement_close(&measurement);
        count++;
    }
    assert_true(count > 0);
    free(text);
    return code;
}

static char *scratch; /* stands for run directories, one after the other */

static int read_run(const char *path, const char *name, struct rg_error *err)
{
    struct rg_run run = {0};
    char *copy = path_in(scratch, "run.json"), *text = read_text(path);
    (void)name;
    write_text(copy, text);
    int code = rg_run_load(scratch, &run, err);
    rg_run_close(&run);
    free(text);
    free(copy);
    return code;
}

static int read_verdict(const char *path, const char *name, struct rg_error *err)
{
    struct rg_verdict verdict = {0};
    char *copy = path_in(scratch, "verdict.json"), *text = read_text(path);
    write_text(copy, text);
    (void)name;
    int code = rg_verdict_load(scratch, &verdict, err);
    rg_verdict_close(&verdict);
    free(text);
    free(copy);
    return code;
}

typedef int reader_function(const char *path, const char *name, struct rg_error *err);

static reader_function *reader_of(const char *name)
{
    static const struct {
        const char *prefix;
        reader_function *read;
    } readers[] = {{"suite", read_suite}, {"machine", read_machine}, {"measurement", read_measurements},
        {"run", read_run}, {"verdict", read_verdict}};
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        if (strncmp(name, readers[i].prefix, strlen(readers[i].prefix)) == 0)
            return readers[i].read;
    fail_msg("no reader for %s", name);
    return NULL;
}

static int faults; /* of the examples so far, so that all are shown at once */

static void expect_accepted(const char *path, const char *name)
{
    struct rg_error err = {{0}};
    if (reader_of(name)(path, name, &err) != 0) {
        print_error("%s was refused: %s\n", name, err.text);
        faults++;
    }
}

static void expect_refused(const char *path, const char *name)
{
    struct rg_error err = {{0}};
    int code = reader_of(name)(path, name, &err);
    char *run = path_in(scratch, "run.json"), *verdict = path_in(scratch, "verdict.json");
    const char *file = strncmp(name, "run", 3) == 0            ? run
                       : strncmp(name, "verdict", 7) == 0      ? verdict
                       : strncmp(name, "measurement", 11) == 0 ? name
                                                               : path;
    char begin[512];
    snprintf(begin, sizeof begin, "%s: ", file);
    if (code != -EINVAL || strncmp(err.text, begin, strlen(begin)) != 0 || strlen(err.text) <= strlen(begin)) {
        print_error("%s: code %d, \"%s\"\n", name, code, err.text);
        faults++;
    }
    free(run);
    free(verdict);
}

static void check_examples(const char *kind, const char *prefix, void (*check)(const char *, const char *))
{
    scratch = new_directory();
    faults = 0;
    assert_true(for_each_example(kind, prefix, check) >= 2);
    remove_directory(scratch);
    assert_int_equal(faults, 0);
}

static void valid_examples_are_accepted(void **state)
{
    (void)state;
    check_examples("valid", "suite", expect_accepted);
    check_examples("valid", "machine", expect_accepted);
    check_examples("valid", "run", expect_accepted);
    check_examples("valid", "measurement", expect_accepted);
    check_examples("valid", "verdict", expect_accepted);
}

static void invalid_suites_are_refused_by_name(void **state)
{
    (void)state;
    check_examples("invalid", "suite", expect_refused);
}

static void invalid_machines_are_refused_by_name(void **state)
{
    (void)state;
    check_examples("invalid", "machine", expect_refused);
}

static void invalid_runs_are_refused_by_name(void **state)
{
    (void)state;
    check_examples("invalid", "run", expect_refused);
}

static void invalid_measurements_are_refused_by_name(void **state)
{
    (void)state;
    check_examples("invalid", "measurement", expect_refused);
}

static void invalid_verdicts_are_refused_by_name(void **state)
{
    (void)state;
    check_examples("invalid", "verdict", expect_refused);
}

static void a_time_is_one_of_the_calendar_in_utc(void **state)
{
    static const char *const good[] = {
        "2026-11-22T09:30:00Z", "2024-02-29T23:59:59Z", "2026-11-22T09:30:00.123456789Z"};
    static const char *const bad[] = {"", "yesterday", "2026-11-22", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T09:30:00", "2026-11-22T09:30:00+02:00", "2026-11-22T09:30:00.Z",
        "2026-11-22T09:30:00.1234567890Z", "2026-11-22T9:30:00Z", " 2026-11-22T09:30:00Z", "2026-11-22T09:30:00ZZ"};
    time_t second;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(rg_clock_read_timestamp(good[i], &second));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rg_clock_read_timestamp(bad[i], &second));
    assert_true(rg_clock_read_timestamp("1970-01-02T00:00:01.9Z", &second));
    assert_int_equal(second, 86401);
    assert_true(rg_clock_read_day("1970-01-03", &second));
    assert_int_equal(second, 2 * 86400);
    assert_false(rg_clock_read_day("2026-1-1", &second));
    assert_false(rg_clock_read_day("2026-01-01T00:00:00Z", &second));
}

static void delivered_suites_and_machines_are_accepted(void **state)
{
    static const char *const files[] = {SOURCE("jobs/suites/demo.json"), SOURCE("jobs/suites/quick.json"),
        SOURCE("jobs/suites/tcp.json"), SOURCE("results-schema/machines/gvnic.json"),
        SOURCE("results-schema/machines/a3-ultra.json"), SOURCE("results-schema/machines/soft-roce.json")};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct rg_error err = {{0}};
        if ((i < 3 ? read_suite : read_machine)(files[i], "", &err) != 0)
            fail_msg("%s", err.text);
    }
}

/* --- there and back --- */

static void assert_same_document(const char *a, const char *b)
{
    cJSON *left = cJSON_Parse(a), *right = cJSON_Parse(b);
    if (!cJSON_Compare(left, right, true))
        fail_msg("%s\nbecame\n%s", a, b);
    cJSON_Delete(left);
    cJSON_Delete(right);
}

static void rewrite_measurements(const char *path, const char *name)
{
    char *text = read_text(path), *more = text;
    struct rg_error err = {{0}};
    for (char *line; (line = strsep(&more, "\n")) != NULL;) {
        struct rg_measurement first, second;
        if (line[0] == '\0')
            continue;
        assert_int_equal(rg_measurement_read(line, name, &first, &err), 0);
        char *once = rg_measurement_line(&first);
        assert_same_document(line, once);
        assert_int_equal(rg_measurement_read(once, name, &second, &err), 0);
        char *twice = rg_measurement_line(&second);
        assert_string_equal(once, twice);
        assert_null(strchr(once, '\n'));
        free(once);
        free(twice);
        rg_measurement_close(&first);
        rg_measurement_close(&second);
    }
    free(text);
}

static void a_measurement_that_is_read_and_written_stays_the_same(void **state)
{
    (void)state;
    assert_true(for_each_example("valid", "measurement", rewrite_measurements) >= 4);
}

/* The launch's command is written and not read. */
static char **texts_of(const cJSON *array)
{
    char **texts = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof *texts);
    for (int i = 0; i < cJSON_GetArraySize(array); i++)
        texts[i] = cJSON_GetArrayItem(array, i)->valuestring;
    return texts;
}

static void rewrite_run(const char *path, const char *name)
{
    char *file = path_in(scratch, "run.json"), *text = read_text(path);
    struct rg_error err = {{0}};
    struct rg_run run = {0};
    write_text(file, text);
    assert_int_equal(rg_run_load(scratch, &run, &err), 0);
    const cJSON *launch = cJSON_GetObjectItemCaseSensitive(run.root, "launch");
    run.mpirun = texts_of(cJSON_GetObjectItemCaseSensitive(launch, "mpirun"));
    assert_int_equal(rg_run_write(&run, scratch, &err), 0);
    char *once = read_text(file);
    if (strcmp(name, "run-of-earlier-version.json") != 0) /* what that one lacks is written as null */
        assert_same_document(text, once);
    assert_int_equal(rg_run_write(&run, scratch, &err), 0);
    char *twice = read_text(file);
    assert_string_equal(once, twice);
    free(run.mpirun);
    rg_run_close(&run);
    free(once);
    free(twice);
    free(text);
    free(file);
}

static void what_earlier_versions_left_out_of_a_run_is_null(void **state)
{
    (void)state;
    scratch = new_directory();
    struct rg_run run = {0};
    struct rg_error err = {{0}};
    char *file = path_in(scratch, "run.json"),
         *text = read_text(SOURCE("results-schema/examples/valid/run-of-earlier-version.json"));
    assert_lacks(text, "gpu_numa_node");
    assert_lacks(text, "\"options\"");
    write_text(file, text);
    assert_int_equal(rg_run_load(scratch, &run, &err), 0);
    assert_true(run.ranks[0].rail.gpu_numa_node == RG_NONE);
    assert_false(run.has_options);
    assert_null(run.options.mpirun);
    rg_run_close(&run);
    free(text);
    free(file);
    remove_directory(scratch);
}

static void what_a_run_was_asked_for_is_read_back(void **state)
{
    (void)state;
    scratch = new_directory();
    struct rg_run run = {0};
    struct rg_error err = {{0}};
    char *file = path_in(scratch, "run.json"),
         *text = read_text(SOURCE("results-schema/examples/valid/run-lost-node.json"));
    write_text(file, text);
    assert_int_equal(rg_run_load(scratch, &run, &err), 0);
    assert_true(run.has_options);
    assert_int_equal(run.options.max_lost, 1);
    assert_string_equal(run.options.mpirun, "mpirun");
    assert_string_equal(run.options.mpirun_options[2], "-p 2222");
    assert_null(run.options.mpirun_options[3]);
    assert_int_equal(run.options.fabric.nodes, 0);
    rg_run_close(&run);
    free(text);
    free(file);
    remove_directory(scratch);
}

static void a_run_that_is_read_and_written_stays_the_same(void **state)
{
    (void)state;
    scratch = new_directory();
    assert_true(for_each_example("valid", "run", rewrite_run) >= 3);
    remove_directory(scratch);
}

static void a_suite_that_is_written_has_every_setting(void **state)
{
    struct rg_suite suite = {0}, again = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_suite_load(SOURCE("results-schema/examples/valid/suite-every-setting.json"), &suite, &err), 0);
    cJSON *once = rg_suite_document(&suite);
    char *text = cJSON_PrintUnformatted(once);
    for (size_t i = 0; i < rg_settings_row_count; i++)
        assert_has(text, rg_settings_rows[i].key);
    assert_int_equal(rg_suite_read(once, "again", &again, &err), 0);
    cJSON *twice = rg_suite_document(&again);
    char *text_again = cJSON_PrintUnformatted(twice);
    assert_string_equal(text, text_again);
    assert_int_equal(again.test_count, suite.test_count);
    assert_int_equal(again.tests[0].sizes.count, suite.tests[0].sizes.count);
    free(text);
    free(text_again);
    cJSON_Delete(twice);
    rg_suite_close(&suite);
    rg_suite_close(&again);
}

static void settings_of_a_test_come_before_those_of_the_suite(void **state)
{
    struct rg_suite suite = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_suite_load(SOURCE("results-schema/examples/valid/suite-every-setting.json"), &suite, &err), 0);
    assert_string_equal(suite.tests[0].direction, "both_ways"); /* its own */
    assert_true(suite.tests[0].iterations == RG_NONE);          /* its own null */
    assert_int_equal(suite.tests[1].iterations, 5000);          /* the suite's */
    assert_int_equal(suite.tests[1].queue_pairs, 4);
    assert_int_equal(suite.tests[2].queue_pairs, 1);
    rg_suite_close(&suite);
    assert_int_equal(rg_suite_load(SOURCE("results-schema/examples/valid/suite-one-test.json"), &suite, &err), 0);
    assert_int_equal(suite.tests[0].depth, 128); /* the table's */
    assert_near(suite.tests[0].duration_s, 2);
    assert_true(suite.tests[0].verify);
    rg_suite_close(&suite);
}

static void a_fault_says_where_in_which_file_it_is(void **state)
{
    struct rg_suite suite = {0};
    struct rg_error err = {{0}};
    const char *path = SOURCE("results-schema/examples/invalid/suite-depth-zero.json");
    (void)state;
    assert_int_equal(rg_suite_load(path, &suite, &err), -EINVAL);
    assert_begins(err.text, path);
    assert_has(err.text, ".depth: 0 is not from 1 to 32768");
}

static void a_suite_is_found_by_name_or_path(void **state)
{
    char path[64];
    (void)state;
    rg_suite_path("quick", "/usr/share/suites", path, sizeof path);
    assert_string_equal(path, "/usr/share/suites/quick.json");
    rg_suite_path("./quick", "/usr/share/suites", path, sizeof path);
    assert_string_equal(path, "./quick");
    rg_suite_path("mine.json", "/usr/share/suites", path, sizeof path);
    assert_string_equal(path, "mine.json");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_examples_are_accepted),
        cmocka_unit_test(invalid_suites_are_refused_by_name),
        cmocka_unit_test(invalid_machines_are_refused_by_name),
        cmocka_unit_test(invalid_runs_are_refused_by_name),
        cmocka_unit_test(a_time_is_one_of_the_calendar_in_utc),
        cmocka_unit_test(invalid_measurements_are_refused_by_name),
        cmocka_unit_test(invalid_verdicts_are_refused_by_name),
        cmocka_unit_test(delivered_suites_and_machines_are_accepted),
        cmocka_unit_test(a_measurement_that_is_read_and_written_stays_the_same),
        cmocka_unit_test(a_run_that_is_read_and_written_stays_the_same),
        cmocka_unit_test(what_earlier_versions_left_out_of_a_run_is_null),
        cmocka_unit_test(what_a_run_was_asked_for_is_read_back),
        cmocka_unit_test(a_suite_that_is_written_has_every_setting),
        cmocka_unit_test(settings_of_a_test_come_before_those_of_the_suite),
        cmocka_unit_test(a_fault_says_where_in_which_file_it_is),
        cmocka_unit_test(a_suite_is_found_by_name_or_path),
    };
    return cmocka_run_group_tests_name("documents", tests, NULL, NULL);
}
