/* data/lines: measurements come in the order of their lines, however many threads read them. And what reports make of
 * characters. */
#include "helpers.h"

#include "data/event.h"
#include "data/lines.h"
#include "data/plan.h"
#include "report/naming.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *directory, *path;

static int setup(void **state)
{
    (void)state;
    directory = new_directory();
    path = path_in(directory, "measurements.ndjson");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(path);
    remove_directory(directory);
    return 0;
}

/* Lines with their number as the sequence; `bad` has a size of 0. */
static void write_lines(int count, int bad, const char *end)
{
    struct made_run made;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    make_run(&made, 2, 1);
    for (int i = 1; i <= count; i++) {
        struct rg_measurement m = a_flow(&made, 0, 0, 1, 0, 100, 99, 101);
        m.sequence = i;
        m.size_bytes = i == bad ? 0 : m.size_bytes;
        char *line = rg_measurement_line(&m);
        fprintf(file, "%s%s", line, i == count ? end : "\n");
        free(line);
        rg_measurement_close(&m);
    }
    fclose(file);
    close_made_run(&made);
}

/* How many come, in order; what ends them. */
static int read_all(bool may_be_cut, int64_t *count, struct rg_error *err)
{
    struct rg_lines *lines;
    struct rg_measurement m;
    int64_t number = 0;
    int more;
    *count = 0;
    assert_int_equal(rg_lines_open(path, may_be_cut, &lines, err), 0);
    while ((more = rg_lines_next(lines, &m, &number, err)) > 0) {
        assert_int_equal(number, ++*count);
        assert_int_equal(m.sequence, number);
        assert_string_equal(m.flow.from.node, "node-a");
        rg_measurement_close(&m);
    }
    rg_lines_close(lines);
    return more;
}

static void measurements_come_in_the_order_of_their_lines(void **state)
{
    static const int counts[] = {0, 1, 15, 16, 17, 255, 256, 257, 1000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        int64_t count;
        write_lines(counts[i], 0, "\n");
        assert_int_equal(read_all(false, &count, NULL), 0);
        assert_int_equal(count, counts[i]);
    }
}

static void a_bad_line_is_named_after_all_before_it_have_come(void **state)
{
    static const int bads[] = {1, 2, 100, 128, 129, 256, 257, 300};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        struct rg_error err = {{0}};
        char words[64];
        int64_t count;
        write_lines(300, bads[i], "\n");
        assert_int_equal(read_all(false, &count, &err), -EINVAL);
        assert_int_equal(count, bads[i] - 1);
        snprintf(words, sizeof words, "ndjson: line %d: size_bytes: ", bads[i]);
        assert_has(err.text, words);
    }
}

static void a_line_that_is_no_json_is_named_by_its_number_alone(void **state)
{
    static const char *const ends[] = {"\n{\"schema_version\":", "\n{\"schema_version\":\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct rg_error err = {{0}};
        int64_t count;
        write_lines(20, 0, ends[i]);
        assert_int_equal(read_all(false, &count, &err), -EINVAL);
        assert_int_equal(count, 20);
        assert_has(err.text, "ndjson: line 21: is not JSON, or is cut off there");
    }
}

static void a_last_line_that_was_cut_off_is_left_out_where_that_may_be(void **state)
{
    struct rg_error err = {{0}};
    int64_t count;
    (void)state;
    write_lines(20, 0, "");
    assert_int_equal(read_all(true, &count, &err), 0);
    assert_int_equal(count, 19);
    assert_int_equal(read_all(false, &count, &err), 0);
    assert_int_equal(count, 20);
}

static void texts_live_as_long_as_the_measurement(void **state)
{
    struct rg_measurement m;
    char *text = read_text(SOURCE("results-schema/examples/valid/measurement-not-ok.ndjson"));
    struct rg_error err = {{0}};
    (void)state;
    text[strcspn(text, "\n")] = '\0';
    assert_int_equal(rg_measurement_read(text, "line", &m, &err), 0);
    memset(text, 'x', strlen(text));
    free(text);
    assert_string_equal(m.run_id, MADE_RUN_ID);
    assert_true(strlen(m.reason) > 3);
    rg_measurement_close(&m);
}

/* --- found by fuzzers --- */

static void numbers_that_no_integer_holds_are_refused(void **state)
{
    struct rg_event event;
    struct rg_round round;
    struct rg_link *links;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_event_read("{\"event\":\"round\",\"round\":2e49,\"value\":1}", &event), -EINVAL);
    assert_int_equal(
        rg_orders_round_read("{\"test_index\":0,\"size_bytes\":6.9e110,\"links\":[]}", &round, &links, &err), -EINVAL);
    assert_int_equal(
        rg_orders_round_read("{\"test_index\":-1,\"size_bytes\":64,\"links\":[]}", &round, &links, &err), -EINVAL);
}

/* --- words --- */

static void what_is_not_utf8_becomes_the_replacement_character(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t characters[6];
    } texts[] = {{"a\xC3\xA9z", {'a', 0xE9, 'z'}}, {"\xE2\x82\xAC", {0x20AC}}, {"\xF0\x9F\x98\x80", {0x1F600}},
        {"\xFFz", {0xFFFD, 'z'}}, {"\xC0\x80", {0xFFFD, 0xFFFD}}, {"\xE2\x82", {0xFFFD, 0xFFFD}},
        {"\xED\xA0\x80", {0xFFFD, 0xFFFD, 0xFFFD}}, {"\x01\x1B[", {0xFFFD, 0xFFFD, '['}},
        {"\xC2\x9B[", {0xFFFD, 0xFFFD, '['}}, {"\xEF\xBF\xBF", {0xFFFD, 0xFFFD, 0xFFFD}}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *at = texts[i].bytes;
        for (size_t c = 0; texts[i].characters[c] != 0; c++)
            assert_int_equal(rg_naming_next(&at), texts[i].characters[c]);
        assert_int_equal(*at, '\0');
    }
}

static void a_character_is_written_as_it_was_read(void **state)
{
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    char *out = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&out, &bytes);
    (void)state;
    for (const char *at = text; *at != '\0';)
        rg_naming_put(rg_naming_next(&at), file);
    fclose(file);
    assert_string_equal(out, text);
    free(out);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_DIRECTORY(measurements_come_in_the_order_of_their_lines),
        IN_DIRECTORY(a_bad_line_is_named_after_all_before_it_have_come),
        IN_DIRECTORY(a_line_that_is_no_json_is_named_by_its_number_alone),
        IN_DIRECTORY(a_last_line_that_was_cut_off_is_left_out_where_that_may_be),
        cmocka_unit_test(texts_live_as_long_as_the_measurement),
        cmocka_unit_test(numbers_that_no_integer_holds_are_refused),
        cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
        cmocka_unit_test(a_character_is_written_as_it_was_read),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
