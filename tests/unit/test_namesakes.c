/* data/namesakes: what tells tests of one name apart, and which series are theirs. */
#include "helpers.h"

#include "data/namesakes.h"

#include <string.h>

static struct rg_settings tests[4];
static struct rg_suite suite = {.name = "made", .description = "Made up.", .tests = tests};

/* Tests of rdma_write_bw with default settings, to be changed. */
static void make_tests(size_t count)
{
    struct rg_suite single;
    struct rg_error err;
    assert_int_equal(rg_suite_single("rdma_write_bw", &single, &err), 0);
    for (size_t i = 0; i < count; i++)
        tests[i] = single.tests[0];
    suite.test_count = count;
    rg_suite_close(&single);
}

static void set_sizes(struct rg_settings *test, uint32_t count, int64_t first, int64_t last)
{
    test->sizes.count = count;
    test->sizes.bytes[0] = first;
    test->sizes.bytes[count - 1] = last;
}

static void assert_told(size_t test, const char *expected)
{
    char told[200];
    rg_namesakes_tell(&suite, test, told, sizeof told);
    assert_string_equal(told, expected);
}

static void assert_rest(size_t test, int64_t size_bytes, const char *expected)
{
    char told[200];
    rg_namesakes_tell_rest(&suite, test, size_bytes, told, sizeof told);
    assert_string_equal(told, expected);
}

static void the_only_test_of_its_name_needs_no_words(void **state)
{
    (void)state;
    make_tests(2);
    tests[1].test = "rdma_read_bw";
    tests[1].direction = "both_ways";
    assert_told(0, "");
    assert_rest(0, 65536, "");
}

static void tests_are_told_apart_by_what_their_figures_carry_whatever_else_is_set_otherwise(void **state)
{
    (void)state;
    make_tests(2);
    tests[1].direction = "both_ways";
    tests[1].depth = 16;
    set_sizes(&tests[1], 2, 65536, 1 << 20);
    assert_told(0, "sizes_bytes 64K, direction one_way");
    assert_told(1, "sizes_bytes 64K..1M, direction both_ways");
    assert_rest(1, 65536, "");
}

static void tests_whose_figures_carry_the_same_are_told_apart_by_the_rest_at_sizes_that_both_have(void **state)
{
    (void)state;
    make_tests(3);
    tests[1].depth = 16;
    set_sizes(&tests[1], 2, 65536, 1 << 20);
    tests[2].direction = "both_ways";
    tests[2].mtu_bytes = 1024;
    assert_told(1, "sizes_bytes 64K..1M, direction one_way, depth 16");
    assert_rest(0, 65536, ""); /* the first stays what it is without the others */
    assert_rest(1, 65536, "depth 16");
    assert_rest(1, 1 << 20, "");
    assert_rest(2, 65536, "");
}

/* Pairs and screen are one pattern to a figure; where payload lies that is "auto" is known when it was measured. */
static void settings_that_come_to_the_same_in_a_figure_do_not_tell_it_apart(void **state)
{
    (void)state;
    make_tests(2);
    tests[1].pattern = "screen";
    assert_rest(1, 65536, "pattern screen");
    tests[1].pattern = "incast";
    assert_rest(1, 65536, "");
    make_tests(2);
    tests[1].memory = "auto";
    assert_rest(1, 65536, "");
    tests[1].depth = 16;
    assert_rest(1, 65536, "depth 16");
    tests[1].memory = "cuda";
    assert_rest(1, 65536, "");
}

static void a_series_fits_what_does_not_say_otherwise_of_it(void **state)
{
    struct rg_series series = {.test = "rdma_write_bw",
        .direction = "both_ways",
        .memory = "cuda",
        .scope = "rail",
        .variant = "dmabuf, depth 16",
        .size_bytes = 65536,
        .queue_pairs = 8};
    static const char *const fits[] = {"", "direction both_ways", "memory auto", "queue_pairs 8, depth 16",
        "sizes_bytes 64K..1M", "pattern screen", "mtu_bytes 1024"};
    static const char *const others[] = {"direction one_way", "memory host", "queue_pairs 1",
        "queue_pairs 8, depth 128", "sizes_bytes 1M", "pattern incast"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fits); i++)
        assert_true(rg_namesakes_fit(fits[i], &series));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(rg_namesakes_fit(others[i], &series));
    series.pattern = "incast cross";
    assert_true(rg_namesakes_fit("pattern incast", &series));
    assert_false(rg_namesakes_fit("pattern pairs", &series));
    series = (struct rg_series){.test = "all_reduce", .scope = "group", .variant = "float32 sum out_of_place world"};
    assert_true(rg_namesakes_fit("group world", &series));
    assert_false(rg_namesakes_fit("group rail", &series));
}

int main(void)
{
    static const struct CMUnitTest all[] = {
        cmocka_unit_test(the_only_test_of_its_name_needs_no_words),
        cmocka_unit_test(tests_are_told_apart_by_what_their_figures_carry_whatever_else_is_set_otherwise),
        cmocka_unit_test(tests_whose_figures_carry_the_same_are_told_apart_by_the_rest_at_sizes_that_both_have),
        cmocka_unit_test(settings_that_come_to_the_same_in_a_figure_do_not_tell_it_apart),
        cmocka_unit_test(a_series_fits_what_does_not_say_otherwise_of_it),
    };
    return cmocka_run_group_tests_name("namesakes", all, NULL, NULL);
}
