/* base/args: --help and the man page, written from the same table. */
#include "helpers.h"

#include "base/args.h"
#include "data/suite.h"

#include <stdlib.h>
#include <string.h>

struct target {
    struct rg_settings settings;
    int64_t number, inner;
    const char *word;
    bool flag;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct rg_option rows[] = {
    {.name = "number",
        .type = RG_INTEGER,
        .offset = offsetof(struct target, number),
        .max = 9,
        .fallback = "4",
        .letter = 'n',
        .metavar = "COUNT",
        .help = "How many."},
    {.name = "secret",
        .type = RG_INTEGER,
        .offset = offsetof(struct target, number),
        .max = 9,
        .hidden = true,
        .help = "For tests alone."},
    {.name = "an-option-with-a-name-of-some-length",
        .type = RG_CHOICE,
        .offset = offsetof(struct target, word),
        .choices = colours,
        .fallback = "red",
        .metavar = "WORD",
        .help = "A colour."},
    {.name = "flag",
        .type = RG_FLAG,
        .offset = offsetof(struct target, flag),
        .fallback = "yes",
        .help = ".hidden dot, a back\\slash and a-hyphen."},
};

static const struct rg_example examples[] = {
    {"railgauge try --number 7 word", "Tries a word seven times."},
    {"railgauge try --flag=no word", "The same without the flag."},
    {NULL, NULL},
};

static struct rg_command command_of(struct target *target)
{
    return (struct rg_command){
        .name = "try",
        .synopsis = "[options] WORD...",
        .summary = "tries things",
        .description =
            "The first paragraph goes on and on, well beyond the width of any terminal that somebody may have, so "
            "that it has to be wrapped somewhere.\n\n'Second' paragraph.",
        .notes = "A note at the end.",
        .examples = examples,
        .groups = {{"Of its own", rows, COUNT_OF(rows), target},
            {"What is measured", rg_settings_rows, rg_settings_row_count, &target->settings}},
        .group_count = 2,
    };
}

static char *print(void (*printer)(const struct rg_command *, FILE *), const struct rg_command *command)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    printer(command, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The name with its hyphens as roff wants them. */
static void escaped(const char *name, char out[128])
{
    size_t used = 0;
    for (; *name != '\0' && used < 120; name++) {
        if (*name == '-')
            out[used++] = '\\';
        out[used++] = *name;
    }
    out[used] = '\0';
}

/* Whether text has the option itself, and not merely one whose name begins so. */
static bool has_option(const char *text, const char *form)
{
    for (const char *at = text; (at = strstr(at, form)) != NULL; at++)
        if (strchr(" =\n", at[strlen(form)]) != NULL)
            return true;
    return false;
}

static void check_each_row(const struct rg_command *command, const char *text, bool roff)
{
    for (size_t g = 0; g < command->group_count; g++) {
        for (size_t i = 0; i < command->groups[g].count; i++) {
            const struct rg_option *row = &command->groups[g].rows[i];
            char option[80], form[128];
            snprintf(option, sizeof option, "--%s", row->name);
            snprintf(form, sizeof form, "%s", option);
            if (roff)
                escaped(option, form);
            if (has_option(text, form) == row->hidden)
                fail_msg("%s is %s", option, row->hidden ? "shown" : "not there");
        }
        assert_has(text, command->groups[g].title);
    }
}

static void help_has_every_row_but_the_hidden_ones(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    char *text = print(rg_args_print_help, &command);
    (void)state;
    check_each_row(&command, text, false);
    assert_lacks(text, "For tests");
    assert_begins(text, "Usage: railgauge try [options] WORD...\n");
    assert_has(text, "  -n, --number COUNT          How many. [4]\n");
    assert_has(text, "A note at the end.\n");
    assert_has(text, "\nExamples:\n  railgauge try --number 7 word\n      Tries a word seven times.\n  railgauge try");
    free(text);
}

static void help_says_choices_and_defaults(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    char *text = print(rg_args_print_help, &command);
    (void)state;
    assert_has(text, "A colour. One of red, green. [red]\n");
    assert_has(text, "--flag=no"); /* what is set can only be taken back */
    assert_lacks(text, "[yes]");
    free(text);
}

static void no_line_of_help_is_wider_than_100_columns(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    char *text = print(rg_args_print_help, &command), *more = text;
    size_t widest = 0;
    (void)state;
    for (char *line; (line = strsep(&more, "\n")) != NULL;) {
        if (strlen(line) > 100)
            print_error("%s\n", line);
        widest = strlen(line) > widest ? strlen(line) : widest;
    }
    assert_in_range(widest, 80, 100);
    free(text);
}

static void the_man_page_has_every_row_but_the_hidden_ones(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    char *text = print(rg_args_print_man, &command);
    (void)state;
    check_each_row(&command, text, true);
    assert_lacks(text, "For tests");
    assert_begins(text, ".TH RAILGAUGE\\-TRY 1 ");
    assert_has(text, "railgauge\\-try \\- tries things\n");
    assert_has(text, ".B \\-n, \\-\\-number COUNT\nHow many. [4]\n");
    assert_has(text, ".SH NOTES\nA note at the end.\n");
    assert_has(text, ".SH EXAMPLES\n.TP\n.B railgauge try \\-\\-number 7 word\nTries a word seven times.\n.TP\n");
    free(text);
}

static void text_in_the_man_page_is_no_roff_command(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    char *text = print(rg_args_print_man, &command);
    (void)state;
    assert_has(text, "\n\\&.hidden dot, a back\\eslash and a\\-hyphen.\n");
    assert_has(text, "\n.PP\n\\&'Second' paragraph.\n");
    free(text);
}

static void the_man_page_is_one_that_mandoc_can_read(void **state)
{
    struct target target;
    struct rg_command command = command_of(&target);
    (void)state;
    if (system("command -v mandoc >/dev/null 2>&1") != 0) {
        print_message("# mandoc is not installed\n");
        skip();
    }
    char *text = print(rg_args_print_man, &command);
    FILE *reader = popen("mandoc -T lint -W error >&2", "we");
    assert_non_null(reader);
    assert_true(fputs(text, reader) >= 0);
    assert_int_equal(pclose(reader), 0);
    free(text);
}

static void a_row_that_is_only_in_documents_is_no_option(void **state)
{
    static const struct rg_option mixed[] = {
        {.key = "inner",
            .type = RG_INTEGER,
            .offset = offsetof(struct target, inner),
            .max = 9,
            .help = "In documents."},
        {.name = "number",
            .type = RG_INTEGER,
            .offset = offsetof(struct target, number),
            .max = 9,
            .help = "How many."},
    };
    struct target target = {0};
    struct rg_args args;
    struct rg_error err = {{0}};
    struct rg_command command = {.name = "try",
        .synopsis = "",
        .summary = "",
        .description = "",
        .groups = {{"Options", mixed, COUNT_OF(mixed), &target}},
        .group_count = 1};
    (void)state;
    assert_int_equal(rg_args_parse(&command, 3, (char *[]){"try", "--number", "5", NULL}, &args, &err), 0);
    assert_int_equal(target.number, 5);
    char *text = print(rg_args_print_help, &command);
    assert_lacks(text, "In documents.");
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_has_every_row_but_the_hidden_ones),
        cmocka_unit_test(help_says_choices_and_defaults),
        cmocka_unit_test(no_line_of_help_is_wider_than_100_columns),
        cmocka_unit_test(the_man_page_has_every_row_but_the_hidden_ones),
        cmocka_unit_test(text_in_the_man_page_is_no_roff_command),
        cmocka_unit_test(the_man_page_is_one_that_mandoc_can_read),
        cmocka_unit_test(a_row_that_is_only_in_documents_is_no_option),
    };
    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
