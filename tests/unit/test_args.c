/* base/args: what option tables parse, refuse and print. */
#include "helpers.h"

#include "base/args.h"
#include "data/suite.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct target {
    bool flag, on;
    int64_t integer, bytes, unset, secret;
    double number;
    const char *choice, *text;
    struct rg_sizes sizes, counts;
};

#define AT(member) .offset = offsetof(struct target, member)

static const char *const words[] = {"red", "green", NULL};
static const struct rg_option rows[] = {
    {.name = "flag", .type = RG_FLAG, AT(flag), .letter = 'f', .help = "A flag."},
    {.name = "on", .type = RG_FLAG, AT(on), .fallback = "yes", .help = "Set unless told otherwise."},
    {.name = "integer",
        .type = RG_INTEGER,
        AT(integer),
        .min = -5,
        .max = 70,
        .fallback = "7",
        .letter = 'i',
        .help = "An integer."},
    {.name = "bytes",
        .type = RG_BYTES,
        AT(bytes),
        .min = 1,
        .max = 1048576,
        .fallback = "4K",
        .metavar = "SIZE",
        .help = "A size."},
    {.name = "unset", .type = RG_INTEGER, AT(unset), .min = 0, .max = 9, .help = "Without a default."},
    {.name = "number", .type = RG_NUMBER, AT(number), .min = 0.5, .max = 10, .fallback = "2.5", .help = "A number."},
    {.name = "choice", .type = RG_CHOICE, AT(choice), .choices = words, .fallback = "red", .help = "A word."},
    {.name = "text", .type = RG_TEXT, AT(text), .help = "A text."},
    {.name = "sizes", .type = RG_SIZES, AT(sizes), .min = 1, .max = 1073741824, .fallback = "64", .help = "Sizes."},
    {.name = "counts", .type = RG_COUNTS, AT(counts), .min = 2, .max = 64, .fallback = "2,16", .help = "Counts."},
    {.name = "secret",
        .type = RG_INTEGER,
        AT(secret),
        .min = 0,
        .max = 9,
        .fallback = "3",
        .hidden = true,
        .help = "Nobody sees this."},
};

static struct rg_option_group group_of(struct target *target)
{
    return (struct rg_option_group){.title = "Options", .rows = rows, .count = COUNT_OF(rows), .target = target};
}

static int parse(struct target *target, struct rg_args *args, struct rg_error *err, char **argv)
{
    struct rg_command command = {.name = "try", .groups = {group_of(target)}, .group_count = 1};
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    *target = (struct target){0};
    rg_args_defaults(&command.groups[0]);
    return rg_args_parse(&command, argc, argv, args, err);
}

#define PARSE(...) parse(&target, &args, &err, (char *[]){"try", __VA_ARGS__, NULL})

static const struct rg_option *row_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void a_size_is_a_number_with_a_power_of_1024(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {{"0", 0}, {"1", 1}, {"4096", 4096}, {"64K", 65536}, {"64k", 65536}, {"8M", 8388608},
        {"1G", 1073741824}, {"2T", 2199023255552}, {"8388607T", 8388607ll << 40}, {"9223372036854775807", INT64_MAX}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        int64_t bytes = -1;
        assert_int_equal(rg_args_parse_bytes(sizes[i].text, &bytes, NULL), 0);
        assert_true(bytes == sizes[i].bytes);
    }
}

static void assert_no_sizes(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rg_error err = {{0}};
        int64_t bytes = -7;
        if (rg_args_parse_bytes(texts[i], &bytes, &err) != -EINVAL)
            fail_msg("'%s' was taken for a size", texts[i]);
        assert_has(err.text, texts[i]);
        assert_true(bytes == -7);
    }
}

static void a_size_with_an_unknown_unit_is_refused(void **state)
{
    static const char *const texts[] = {"64Q", "64KB", "64 K", "64KK", "1P", "1E", "64K "};
    (void)state;
    assert_no_sizes(texts, COUNT_OF(texts));
}

static void a_size_that_is_no_whole_number_is_refused(void **state)
{
    static const char *const texts[] = {"", "K", "1e99", "-1", "+1", " 1", "0x10", "1.5G", "nan", "inf", "1,000"};
    (void)state;
    assert_no_sizes(texts, COUNT_OF(texts));
}

static void a_size_that_overflows_is_refused(void **state)
{
    static const char *const texts[] = {
        "9223372036854775808", "8388608T", "9007199254740992K", "99999999999999999999G"};
    (void)state;
    assert_no_sizes(texts, COUNT_OF(texts));
}

static void the_short_form_of_a_size_reads_back(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } forms[] = {{0, "0"}, {1, "1"}, {1023, "1023"}, {1024, "1K"}, {1536, "1536"}, {65536, "64K"}, {3 << 20, "3M"},
        {1ll << 40, "1T"}, {1ll << 50, "1024T"}, {INT64_MAX, "9223372036854775807"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char text[24];
        int64_t bytes = -1;
        assert_string_equal(rg_args_format_bytes(forms[i].bytes, text), forms[i].text);
        assert_int_equal(rg_args_parse_bytes(text, &bytes, NULL), 0);
        assert_true(bytes == forms[i].bytes);
    }
}

static void assert_sizes(const char *text, const int64_t *expected, size_t count)
{
    struct target target = {0};
    struct rg_error err = {{0}};
    if (rg_args_set(row_named("sizes"), &target, text, &err) != 0)
        fail_msg("'%s': %s", text, err.text);
    assert_int_equal(target.sizes.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(target.sizes.bytes[i] == expected[i]);
}

#define ASSERT_SIZES(text, ...)                                                                                        \
    assert_sizes(text, (const int64_t[]){__VA_ARGS__}, COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static void a_list_of_sizes_keeps_its_order(void **state)
{
    (void)state;
    ASSERT_SIZES("4K", 4096);
    ASSERT_SIZES("64,4K,1M", 64, 4096, 1048576);
    ASSERT_SIZES("1M,64", 1048576, 64);
    ASSERT_SIZES("3,1:4,1G", 3, 1, 2, 4, 1073741824);
}

static void a_range_of_sizes_multiplies_by_its_factor(void **state)
{
    (void)state;
    ASSERT_SIZES("1:16", 1, 2, 4, 8, 16);
    ASSERT_SIZES("1K:64K:4", 1024, 4096, 16384, 65536);
    ASSERT_SIZES("1:20:4", 1, 4, 16);     /* 64 lies beyond */
    ASSERT_SIZES("4:10:1.5", 4, 6, 9);    /* 4, 6, 9, 13.5 */
    ASSERT_SIZES("2:6:1.25", 2, 3, 4, 5); /* 2, 2.5, 3.125, 3.906, 4.883, 6.104; 2.5 goes up, 3 stands once */
    ASSERT_SIZES("8:8", 8);
    ASSERT_SIZES("1:1G:1073741824", 1, 1073741824);
}

static void odd_lists_and_ranges_of_sizes_are_refused(void **state)
{
    static const char *const texts[] = {"", ",", "4K,", ",4K", "1:", ":1", "8:4", "1:8:1", "1:8:0", "1:8:-2", "1:8:2:2",
        "1:8:x", "1:8:nan", "1:8:inf", "0:8", "0", "2G", "1:2G", "64Q"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct target target = {.sizes = {.count = 77}};
        struct rg_error err = {{0}};
        if (rg_args_set(row_named("sizes"), &target, texts[i], &err) != -EINVAL)
            fail_msg("'%s' was taken for sizes", texts[i]);
        assert_begins(err.text, "--sizes: ");
        assert_int_equal(target.sizes.count, 77);
    }
}

static void an_odd_range_is_refused_with_what_is_odd(void **state)
{
    struct target target = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_args_set(row_named("sizes"), &target, "64K:4K", &err), -EINVAL);
    assert_string_equal(err.text, "--sizes: the range 64K:4K ends below its start; it is FROM:TO or FROM:TO:FACTOR");
    assert_int_equal(rg_args_set(row_named("sizes"), &target, "4K:64K:1", &err), -EINVAL);
    assert_string_equal(err.text, "--sizes: the factor of a range, FROM:TO:FACTOR, is above 1, not 1");
    assert_int_equal(rg_args_set(row_named("sizes"), &target, "0:8", &err), -EINVAL);
    assert_string_equal(err.text, "--sizes: 0 is not from 1 to 1G bytes");
}

static void counts_are_no_bytes(void **state)
{
    static const struct {
        const char *text, *why;
    } odd[] = {{"0", "--counts: 0 is not from 2 to 64"}, {"abc", "--counts: 'abc' is no whole number"},
        {"1K", "--counts: '1K' is no whole number"}, {"8,65", "--counts: 65 is not from 2 to 64"},
        {"32:2", "--counts: the range 32:2 ends below its start; it is FROM:TO or FROM:TO:FACTOR"}};
    struct target target = {0};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_args_set(row_named("counts"), &target, "3,4:16", &err), 0);
    assert_int_equal(target.counts.count, 4);
    assert_int_equal(target.counts.bytes[3], 16);
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        assert_int_equal(rg_args_set(row_named("counts"), &target, odd[i].text, &err), -EINVAL);
        assert_string_equal(err.text, odd[i].why);
    }
}

static void a_size_in_a_sentence_has_a_unit(void **state)
{
    char text[24];
    (void)state;
    assert_string_equal(rg_args_say_bytes(1, text), "1 B");
    assert_string_equal(rg_args_say_bytes(1000, text), "1000 B");
    assert_string_equal(rg_args_say_bytes(65536, text), "64K");
}

static void more_sizes_than_there_is_room_for_are_refused(void **state)
{
    struct target target = {0};
    struct rg_error err = {{0}};
    char text[RG_SIZES_MOST * 2 + 4] = "1";
    (void)state;
    for (int i = 1; i < RG_SIZES_MOST; i++)
        strcat(text, ",1");
    assert_int_equal(rg_args_set(row_named("sizes"), &target, text, &err), 0);
    assert_int_equal(target.sizes.count, RG_SIZES_MOST);
    strcat(text, ",1");
    assert_int_equal(rg_args_set(row_named("sizes"), &target, text, &err), -EINVAL);
    assert_int_equal(rg_args_set(row_named("sizes"), &target, "1:1G:1.001", &err), -EINVAL);
}

static void set_a_crawling_range(void *context)
{
    rg_args_set(row_named("sizes"), context, "1:64K:1.000000000000001", NULL);
}

static void a_range_with_a_factor_next_to_one_comes_to_an_end(void **state)
{
    struct target target = {0};
    (void)state;
    assert_int_equal(in_child(set_a_crawling_range, &target, 5), 0);
}

static void defaults_are_those_of_the_table(void **state)
{
    struct target target = {0};
    struct rg_option_group group = group_of(&target);
    (void)state;
    rg_args_defaults(&group);
    assert_false(target.flag);
    assert_true(target.on);
    assert_int_equal(target.integer, 7);
    assert_int_equal(target.bytes, 4096);
    assert_true(target.unset == RG_NONE);
    assert_near(target.number, 2.5);
    assert_string_equal(target.choice, "red");
    assert_null(target.text);
    assert_int_equal(target.sizes.count, 1);
    assert_int_equal(target.sizes.bytes[0], 64);
    assert_int_equal(target.secret, 3);
}

static void every_type_of_option_is_parsed(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--flag", "--on=no", "--integer", "-5", "--bytes=1M", "--unset", "0", "--number", "0.5",
                         "--choice=green", "--text", "two words", "--sizes", "1,2", "--secret=9"),
        0);
    assert_true(target.flag);
    assert_false(target.on);
    assert_int_equal(target.integer, -5);
    assert_int_equal(target.bytes, 1048576);
    assert_int_equal(target.unset, 0);
    assert_near(target.number, 0.5);
    assert_string_equal(target.choice, "green");
    assert_string_equal(target.text, "two words");
    assert_int_equal(target.sizes.count, 2);
    assert_int_equal(target.secret, 9);
    assert_int_equal(args.given_count, 10);
    assert_true(rg_args_given(&args, "unset"));
    assert_string_equal(args.given[9].row->name, "secret");
    assert_string_equal(args.given[9].text, "9");
    assert_int_equal(PARSE("-i", "12", "-f", "--flag=yes"), 0);
    assert_int_equal(target.integer, 12);
    assert_true(target.flag);
    assert_false(rg_args_given(&args, "unset"));
    assert_true(rg_args_given(&args, "integer"));
}

static void a_flag_can_be_taken_back(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--flag", "--flag=no"), 0);
    assert_false(target.flag);
    assert_int_equal(PARSE("--flag=perhaps"), -EINVAL);
    assert_has(err.text, "--flag: 'perhaps' is neither yes nor no");
}

static void a_value_of_the_wrong_kind_or_range_is_refused(void **state)
{
    static char *const wrong[] = {"--integer=-6", "--integer=71", "--integer=1.5", "--integer=", "--integer= 1",
        "--integer=99999999999999999999", "--bytes=0", "--bytes=2M", "--bytes=1Q", "--number=0.4", "--number=10.1",
        "--number=nan", "--number=inf", "--number=1x", "--number=", "--choice=blue", "--choice=", "--choice=re",
        "--text="};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct target target;
        struct rg_args args;
        struct rg_error err = {{0}};
        if (PARSE(wrong[i]) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
        char name[32];
        snprintf(name, sizeof name, "%.*s: ", (int)strcspn(wrong[i], "="), wrong[i]);
        assert_begins(err.text, name);
        assert_int_equal(target.integer, 7);
        assert_int_equal(target.bytes, 4096);
        assert_string_equal(target.choice, "red");
    }
}

static void what_a_choice_or_range_allows_is_said(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--choice=blue"), -EINVAL);
    assert_has(err.text, "red, green");
    assert_int_equal(PARSE("--bytes=2M"), -EINVAL);
    assert_has(err.text, "from 1 to 1M bytes");
    assert_int_equal(PARSE("--integer=71"), -EINVAL);
    assert_has(err.text, "71 is not from -5 to 70");
}

static void an_unknown_option_is_refused_by_name(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--flag", "--colour"), -EINVAL);
    assert_has(err.text, "unknown option '--colour'");
    assert_has(err.text, "railgauge try --help");
    assert_int_equal(PARSE("--colour=red", "word"), -EINVAL);
    assert_has(err.text, "unknown option '--colour=red'");
    assert_int_equal(PARSE("-fx"), -EINVAL);
    assert_has(err.text, "unknown option '-x'");
}

static void an_option_without_its_value_is_refused_by_name(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--integer"), -EINVAL);
    assert_has(err.text, "'--integer' needs a value");
    assert_int_equal(PARSE("-i"), -EINVAL);
    assert_has(err.text, "'-i' needs a value");
    assert_int_equal(PARSE("--integer", "--", "5"), -EINVAL);
    assert_has(err.text, "'--integer' needs a value");
}

static void words_and_the_rest_after_two_dashes_are_told_apart(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("one", "--flag", "two", "--", "--integer", "--", "three"), 0);
    assert_true(target.flag);
    assert_int_equal(args.word_count, 2);
    assert_string_equal(args.words[0], "one");
    assert_string_equal(args.words[1], "two");
    assert_int_equal(args.rest_count, 3);
    assert_string_equal(args.rest[0], "--integer");
    assert_string_equal(args.rest[1], "--");
    assert_string_equal(args.rest[2], "three");
    assert_int_equal(PARSE("one", "--"), 0);
    assert_int_equal(args.word_count, 1);
    assert_int_equal(args.rest_count, 0);
}

static void help_is_not_in_the_way_of_other_faults(void **state)
{
    struct target target;
    struct rg_args args;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(PARSE("--help", "--colour"), 0);
    assert_true(args.help && !args.man);
    assert_int_equal(PARSE("-h"), 0);
    assert_true(args.help);
    assert_int_equal(PARSE("--man"), 0);
    assert_true(args.man && !args.help);
    assert_int_equal(PARSE("--flag"), 0);
    assert_false(args.help || args.man);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_is_a_number_with_a_power_of_1024),
        cmocka_unit_test(a_size_with_an_unknown_unit_is_refused),
        cmocka_unit_test(a_size_that_is_no_whole_number_is_refused),
        cmocka_unit_test(a_size_that_overflows_is_refused),
        cmocka_unit_test(the_short_form_of_a_size_reads_back),
        cmocka_unit_test(a_list_of_sizes_keeps_its_order),
        cmocka_unit_test(a_range_of_sizes_multiplies_by_its_factor),
        cmocka_unit_test(odd_lists_and_ranges_of_sizes_are_refused),
        cmocka_unit_test(an_odd_range_is_refused_with_what_is_odd),
        cmocka_unit_test(counts_are_no_bytes),
        cmocka_unit_test(a_size_in_a_sentence_has_a_unit),
        cmocka_unit_test(more_sizes_than_there_is_room_for_are_refused),
        cmocka_unit_test(a_range_with_a_factor_next_to_one_comes_to_an_end),
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(every_type_of_option_is_parsed),
        cmocka_unit_test(a_flag_can_be_taken_back),
        cmocka_unit_test(a_value_of_the_wrong_kind_or_range_is_refused),
        cmocka_unit_test(what_a_choice_or_range_allows_is_said),
        cmocka_unit_test(an_unknown_option_is_refused_by_name),
        cmocka_unit_test(an_option_without_its_value_is_refused_by_name),
        cmocka_unit_test(words_and_the_rest_after_two_dashes_are_told_apart),
        cmocka_unit_test(help_is_not_in_the_way_of_other_faults),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
