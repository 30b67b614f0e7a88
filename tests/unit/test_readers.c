/* data: readers of files from outside, fed with what is broken. Run under ASan and UBSan, this is where they would
 * show. */
#include "helpers.h"

#include "data/event.h"
#include "data/plan.h"
#include "data/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE(name) SOURCE("results-schema/examples/valid/" name)

/* Reads a text of some bytes as the kind; the text is copied to just as much memory, so that reading on is seen. */
static int read_as(const char *kind, const char *text, size_t bytes, struct rg_error *err)
{
    char *copy = malloc(bytes + 1);
    int code;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (strcmp(kind, "suite") == 0) {
        struct rg_suite suite = {0};
        cJSON *root = NULL;
        code = rg_json_parse(copy, "the file", "suite", &root, err);
        if (code == 0)
            code = rg_suite_read(root, "the file", &suite, err);
        rg_suite_close(&suite);
    } else {
        struct rg_measurement measurement;
        code = rg_measurement_read(copy, "the file", &measurement, err);
        if (code == 0)
            rg_measurement_close(&measurement);
    }
    free(copy);
    return code;
}

/* Any prefix is refused, unless only blanks are missing. */
static void cut_everywhere(const char *kind, const char *text)
{
    size_t bytes = strlen(text), needed = bytes;
    while (strchr(" \n", text[needed - 1]) != NULL)
        needed--;
    for (size_t cut = 0; cut <= bytes; cut++) {
        struct rg_error err = {{0}};
        int code = read_as(kind, text, cut, &err);
        if (code != (cut < needed ? -EINVAL : 0))
            fail_msg("cut at %zu of %zu: %d, %s", cut, bytes, code, err.text);
        if (code != 0)
            assert_begins(err.text, "the file: ");
    }
}

static void a_suite_cut_off_at_any_byte_is_refused(void **state)
{
    char *text = read_text(EXAMPLE("suite-every-setting.json"));
    (void)state;
    cut_everywhere("suite", text);
    free(text);
}

static void a_measurement_cut_off_at_any_byte_is_refused(void **state)
{
    char *text = read_text(EXAMPLE("measurement-bandwidth.ndjson"));
    (void)state;
    text[strcspn(text, "\n")] = '\0';
    cut_everywhere("measurement", text);
    free(text);
}

static void a_run_cut_off_at_any_byte_is_refused(void **state)
{
    char *directory = new_directory(), *path = path_in(directory, "run.json");
    char *text = read_text(EXAMPLE("run-lost-node.json"));
    (void)state;
    for (size_t cut = strlen(text) - 2; cut > 7; cut -= 7) {
        struct rg_run run = {0};
        struct rg_error err = {{0}};
        text[cut] = '\0';
        write_text(path, text);
        assert_int_equal(rg_run_load(directory, &run, &err), -EINVAL);
        assert_begins(err.text, path);
    }
    free(text);
    free(path);
    remove_directory(directory);
}

static void no_single_wrong_byte_makes_a_reader_crash(void **state)
{
    static const char bytes[] = "{]\",-\x01";
    static const char *const files[] = {EXAMPLE("suite-every-setting.json"), EXAMPLE("measurement-latency.ndjson")};
    (void)state;
    for (size_t f = 0; f < COUNT_OF(files); f++) {
        char *text = read_text(files[f]);
        text[f == 0 ? strlen(text) : strcspn(text, "\n")] = '\0';
        size_t length = strlen(text), refused = 0;
        for (size_t at = 0; at < length; at++) {
            char kept = text[at];
            for (const char *byte = bytes; *byte != '\0'; byte++) {
                struct rg_error err = {{0}};
                text[at] = *byte;
                int code = read_as(f == 0 ? "suite" : "measurement", text, length, &err);
                assert_true(code == 0 || code == -EINVAL);
                refused += code != 0;
            }
            text[at] = kept;
        }
        assert_true(refused > length * strlen(bytes) / 2);
        free(text);
    }
}

static void an_empty_document_is_refused(void **state)
{
    static const char *const texts[] = {"", " ", "\n\n\t\r\n", "null", "[]", "{}", "0", "\"suite\"",
        "{\"document\": 1}", "{\"document\": \"suite\"}", "{\"schema_version\": 1.0, \"document\": \"suite\"}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct rg_error err = {{0}};
        assert_int_equal(read_as("suite", texts[i], strlen(texts[i]), &err), -EINVAL);
        assert_begins(err.text, "the file: ");
    }
}

static void an_empty_file_is_refused_by_name(void **state)
{
    char *directory = new_directory(), *path = path_in(directory, "empty.json");
    struct rg_suite suite = {0};
    struct rg_machine machine = {0};
    struct rg_error err = {{0}};
    (void)state;
    write_text(path, "");
    assert_int_equal(rg_suite_load(path, &suite, &err), -EINVAL);
    assert_begins(err.text, path);
    assert_has(err.text, "empty");
    assert_int_equal(rg_machine_load(path, &machine, &err), -EINVAL);
    assert_begins(err.text, path);
    free(path);
    remove_directory(directory);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct rg_suite suite = {0};
    struct rg_machine machine = {0};
    struct rg_run run = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_suite_load("/no/such/suite.json", &suite, &err), -ENOENT);
    assert_begins(err.text, "/no/such/suite.json");
    assert_int_equal(rg_machine_load("/no/such/machine.json", &machine, &err), -ENOENT);
    assert_begins(err.text, "/no/such/machine.json");
    assert_int_equal(rg_run_load("/no/such/run", &run, &err), -ENOENT);
    assert_begins(err.text, "/no/such/run is no run directory: it is not there; give the directory that");
    assert_int_equal(rg_run_load("/etc", &run, &err), -ENOENT);
    assert_begins(err.text, "/etc is no run directory: it has no run.json;");
    assert_int_equal(rg_run_load("/etc/passwd", &run, &err), -ENOENT);
    assert_begins(err.text, "/etc/passwd is no run directory: it is a file;");
}

static void another_kind_of_document_is_refused(void **state)
{
    struct rg_suite suite = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_suite_load(EXAMPLE("machine-with-expectations.json"), &suite, &err), -EINVAL);
    assert_has(err.text, "is a machine, but a suite was expected");
}

static void deep_nesting_is_refused(void **state)
{
    const size_t depth = 1000000;
    char *text = malloc(depth + 64);
    const char *begin = "{\"document\": \"suite\", \"tests\": ";
    (void)state;
    for (int objects = 0; objects < 2; objects++) {
        struct rg_error err = {{0}};
        size_t used = (size_t)sprintf(text, "%s", objects ? begin : "");
        memset(text + used, '[', depth);
        assert_int_equal(read_as("suite", text, used + depth, &err), -EINVAL);
        assert_begins(err.text, "the file: ");
    }
    free(text);
}

static void a_repeated_field_is_refused(void **state)
{
    const char *text = "{\"schema_version\": \"1.0\", \"document\": \"suite\", \"name\": \"a\", \"name\": \"b\", "
                       "\"description\": \"d\", \"tests\": [{\"test\": \"rdma_write_bw\"}]}";
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(read_as("suite", text, strlen(text), &err), -EINVAL);
    assert_has(err.text, "\"name\" is there twice");
}

static void text_after_the_document_is_refused(void **state)
{
    char *text = read_text(EXAMPLE("suite-one-test.json")), *more = NULL;
    struct rg_error err = {{0}};
    (void)state;
    assert_true(asprintf(&more, "%s{}", text) > 0);
    assert_int_equal(read_as("suite", more, strlen(more), &err), -EINVAL);
    free(more);
    free(text);
}

/* Puts each of the values in the place of each member of object, which lies in root; all must be refused. */
static void replace_each(cJSON *root, cJSON *object, const char *kind, const char *const *values, size_t count)
{
    for (int i = 0; i < cJSON_GetArraySize(object); i++) {
        for (size_t v = 0; v < count; v++) {
            struct rg_error err = {{0}};
            const char *key = cJSON_GetArrayItem(object, i)->string;
            if ((strcmp(key, "gpus") == 0 || strcmp(key, "counters") == 0) && strcmp(values[v], "[]") == 0)
                continue;                              /* none is right, too */
            cJSON *wrong = cJSON_CreateRaw(values[v]); /* cJSON itself would print 1e999 as null */
            const cJSON *right = cJSON_GetArrayItem(object, i);
            char name[64];
            snprintf(name, sizeof name, "%s", right->string);
            cJSON *kept = cJSON_Duplicate(right, true);
            cJSON_ReplaceItemInObjectCaseSensitive(object, name, wrong);
            char *text = cJSON_PrintUnformatted(root);
            if (read_as(kind, text, strlen(text), &err) != -EINVAL)
                fail_msg("%s of %s may be %s", name, kind, values[v]);
            assert_begins(err.text, "the file: ");
            free(text);
            cJSON_ReplaceItemInObjectCaseSensitive(object, name, kept);
        }
    }
}

static void a_setting_of_the_wrong_type_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"a\": 1}", "[]", "[[]]", "\"\"", "-1", "1e999", "[1, \"2\"]", "{\"from\": 1}"};
    char *text = read_text(EXAMPLE("suite-every-setting.json"));
    cJSON *root = cJSON_Parse(text);
    (void)state;
    replace_each(root, cJSON_GetObjectItem(root, "defaults"), "suite", wrong, COUNT_OF(wrong));
    replace_each(root, root, "suite", wrong, COUNT_OF(wrong));
    cJSON_Delete(root);
    free(text);
}

static void a_part_of_a_measurement_of_the_wrong_type_is_refused(void **state)
{
    static const char *const wrong[] = {"[]", "[1]", "{\"a\": 1}", "\"\"", "-1", "1e999"};
    static const char *const parts[] = {"flow", "path", "window", "bandwidth", "integrity"};
    char *text = read_text(EXAMPLE("measurement-bandwidth.ndjson"));
    (void)state;
    text[strcspn(text, "\n")] = '\0';
    cJSON *root = cJSON_Parse(text);
    replace_each(root, root, "measurement", wrong, COUNT_OF(wrong));
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        replace_each(root, cJSON_GetObjectItem(root, parts[i]), "measurement", wrong, COUNT_OF(wrong));
    cJSON *subwindows = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "bandwidth"), "subwindows");
    replace_each(root, subwindows, "measurement", wrong, COUNT_OF(wrong));
    cJSON_Delete(root);
    free(text);
}

static void a_latency_of_the_wrong_type_is_refused(void **state)
{
    static const char *const wrong[] = {"{\"a\": 1}", "\"\"", "[\"\"]", "1e999"};
    char *text = read_text(EXAMPLE("measurement-latency.ndjson"));
    (void)state;
    text[strcspn(text, "\n")] = '\0';
    cJSON *root = cJSON_Parse(text);
    replace_each(root, cJSON_GetObjectItem(root, "latency"), "measurement", wrong, COUNT_OF(wrong));
    cJSON_Delete(root);
    free(text);
}

static void a_stranger_s_line_is_no_event(void **state)
{
    static const char *const lines[] = {"", "mpirun noticed that", "{", "{}", "[]",
        "{\"event\": \"poem\", \"round\": 1, "
        "\"value\": 2}",
        "{\"event\": \"ready\"}", "{\"event\": 1, \"round\": 1, \"value\": 2}", "null"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct rg_event event = {0};
        assert_int_equal(rg_event_read(lines[i], &event), -EINVAL);
        assert_null(event.text);
    }
}

static void every_event_reads_back(void **state)
{
    char words[] = "a \"text\"\nof two lines", line[] = "{\"document\": \"measurement\"}";
    (void)state;
    for (int kind = RG_EVENT_RANK; kind <= RG_EVENT_MEASUREMENT; kind++) {
        struct rg_event event = {kind, 7, 2.5, kind == RG_EVENT_MEASUREMENT ? line : words}, back = {0};
        char *text = rg_event_line(&event);
        assert_null(strchr(text, '\n'));
        assert_int_equal(rg_event_read(text, &back), 0);
        assert_int_equal(back.kind, kind);
        assert_string_equal(back.text, event.text);
        if (kind != RG_EVENT_MEASUREMENT) {
            assert_int_equal(back.round, 7);
            assert_near(back.value, 2.5);
        }
        free(back.text);
        free(text);
    }
}

static void orders_read_back(void **state)
{
    struct rg_orders orders = {.run_id = MADE_RUN_ID, .seed = 42, .nodes = 3, .rails = 8}, back = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_suite_single("rdma_read_bw", &orders.suite, &err), 0);
    char *text = rg_orders_text(&orders);
    assert_null(strchr(text, '\n'));
    assert_int_equal(rg_orders_read(text, &back, &err), 0);
    assert_string_equal(back.run_id, MADE_RUN_ID);
    assert_int_equal(back.seed, 42);
    assert_int_equal(back.nodes, 3);
    assert_int_equal(back.rails, 8);
    assert_string_equal(back.suite.tests[0].test, "rdma_read_bw");
    rg_orders_close(&back);
    text[strlen(text) / 2] = '\0';
    assert_int_equal(rg_orders_read(text, &back, &err), -EINVAL);
    free(text);
    rg_suite_close(&orders.suite);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suite_cut_off_at_any_byte_is_refused),
        cmocka_unit_test(a_measurement_cut_off_at_any_byte_is_refused),
        cmocka_unit_test(a_run_cut_off_at_any_byte_is_refused),
        cmocka_unit_test(no_single_wrong_byte_makes_a_reader_crash),
        cmocka_unit_test(an_empty_document_is_refused),
        cmocka_unit_test(an_empty_file_is_refused_by_name),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(another_kind_of_document_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_repeated_field_is_refused),
        cmocka_unit_test(text_after_the_document_is_refused),
        cmocka_unit_test(a_setting_of_the_wrong_type_is_refused),
        cmocka_unit_test(a_part_of_a_measurement_of_the_wrong_type_is_refused),
        cmocka_unit_test(a_latency_of_the_wrong_type_is_refused),
        cmocka_unit_test(a_stranger_s_line_is_no_event),
        cmocka_unit_test(every_event_reads_back),
        cmocka_unit_test(orders_read_back),
    };
    return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
