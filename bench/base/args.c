#include "base/args.h"

#include "base/wrap.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int rg_args_parse_bytes(const char *text, int64_t *out, struct rg_error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || !isdigit((unsigned char)text[0]) || errno != 0)
        return rg_fail(err, -EINVAL, "'%s' is no size; write bytes as 4096, 64K, 8M or 1G", text);
    const char *units = "KMGT";
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    end += unit != NULL;
    if (*end != '\0' || value > (INT64_MAX >> shift))
        return rg_fail(err, -EINVAL, "'%s' is no size; write bytes as 4096, 64K, 8M or 1G", text);
    *out = value << shift;
    return 0;
}

const char *rg_args_format_bytes(int64_t bytes, char out[24])
{
    static const char units[] = "\0KMGT";
    int unit = 0;
    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 24, "%lld%.1s", (long long)bytes, &units[unit]);
    return out;
}

const char *rg_args_say_bytes(int64_t bytes, char out[24])
{
    rg_args_format_bytes(bytes, out);
    size_t length = strlen(out);
    if (isdigit((unsigned char)out[length - 1]))
        snprintf(out + length, 24 - length, " B");
    return out;
}

static int parse_integer(const char *text, int64_t *out, struct rg_error *err)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || isspace((unsigned char)text[0]))
        return rg_fail(err, -EINVAL, "'%s' is no whole number", text);
    return 0;
}

static int parse_number(const char *text, double *out, struct rg_error *err)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*out) || isspace((unsigned char)text[0]))
        return rg_fail(err, -EINVAL, "'%s' is no number", text);
    return 0;
}

static int parse_flag(const char *text, bool *out, struct rg_error *err)
{
    *out = text == NULL || strcmp(text, "yes") == 0;
    if (!*out && strcmp(text, "no") != 0)
        return rg_fail(err, -EINVAL, "'%s' is neither yes nor no", text);
    return 0;
}

static int parse_choice(const struct rg_option *row, const char *text, const char **out, struct rg_error *err)
{
    char list[512] = "";
    for (const char *const *choice = row->choices; *choice != NULL; choice++) {
        if (strcmp(*choice, text) == 0) {
            *out = *choice;
            return 0;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", *choice);
    }
    return rg_fail(err, -EINVAL, "'%s' is none of: %s", text, list);
}

static int check_range(const struct rg_option *row, double value, struct rg_error *err)
{
    if (value >= row->min && value <= row->max)
        return 0;
    char low[24], high[24];
    if (row->type == RG_BYTES || row->type == RG_SIZES)
        return rg_fail(err, -EINVAL, "%.0f is not from %s to %s bytes", value,
            rg_args_format_bytes((int64_t)row->min, low), rg_args_format_bytes((int64_t)row->max, high));
    return rg_fail(err, -EINVAL, "%g is not from %g to %g", value, row->min, row->max);
}

static int parse_one(const struct rg_option *row, const char *text, int64_t *out, struct rg_error *err)
{
    return row->type == RG_COUNTS ? parse_integer(text, out, err) : rg_args_parse_bytes(text, out, err);
}

static int add_size(const struct rg_option *row, struct rg_sizes *sizes, int64_t value, struct rg_error *err)
{
    int code = check_range(row, (double)value, err);
    if (code != 0)
        return code;
    if (sizes->count == RG_SIZES_MOST)
        return rg_fail(err, -EINVAL, "more than %d of them", RG_SIZES_MOST);
    sizes->bytes[sizes->count++] = value;
    return 0;
}

/* FROM:TO or FROM:TO:FACTOR */
static int parse_size_range(const struct rg_option *row, char *text, struct rg_sizes *out, struct rg_error *err)
{
    char *to_text = strchr(text, ':');
    *to_text++ = '\0';
    char *factor_text = strchr(to_text, ':');
    if (factor_text != NULL)
        *factor_text++ = '\0';
    int64_t from, to;
    double factor = 2;
    int code = parse_one(row, text, &from, err);
    if (code == 0)
        code = parse_one(row, to_text, &to, err);
    if (code == 0 && factor_text != NULL)
        code = parse_number(factor_text, &factor, err);
    if (code == 0)
        code = check_range(row, (double)from, err);
    if (code != 0)
        return code;
    if (from > to)
        return rg_fail(
            err, -EINVAL, "the range %s:%s ends below its start; it is FROM:TO or FROM:TO:FACTOR", text, to_text);
    if (factor <= 1)
        return rg_fail(err, -EINVAL, "the factor of a range, FROM:TO:FACTOR, is above 1, not %s", factor_text);
    double step = 0;
    for (double size = (double)from; code == 0 && size <= (double)to; size = (double)from * pow(factor, step)) {
        int64_t value = (int64_t)llround(size);
        /* With a factor next to 1 many steps lead to the same size: on to the first that may lead to another. */
        step = fmax(step + 1, floor(log(((double)value + 0.5) / (double)from) / log(factor)));
        if (out->count == 0 || out->bytes[out->count - 1] != value)
            code = add_size(row, out, value, err);
    }
    return code;
}

static int parse_sizes(const struct rg_option *row, const char *text, struct rg_sizes *out, struct rg_error *err)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    out->count = 0;
    int code = 0;
    char *more = copy;
    for (char *word; code == 0 && (word = strsep(&more, ",")) != NULL;) {
        int64_t value;
        if (strchr(word, ':') != NULL) {
            code = parse_size_range(row, word, out, err);
            continue;
        }
        code = parse_one(row, word, &value, err);
        if (code == 0)
            code = add_size(row, out, value, err);
    }
    free(copy);
    return code;
}

static int set_field(const struct rg_option *row, void *target, const char *text, struct rg_error *err)
{
    void *field = (char *)target + row->offset;
    struct rg_sizes sizes;
    const char *choice = NULL;
    int64_t integer;
    double number;
    bool flag;
    int code;
    switch (row->type) {
    case RG_FLAG:
        code = parse_flag(text, &flag, err);
        if (code == 0)
            *(bool *)field = flag;
        return code;
    case RG_INTEGER:
    case RG_BYTES:
        code = row->type == RG_BYTES ? rg_args_parse_bytes(text, &integer, err) : parse_integer(text, &integer, err);
        if (code == 0)
            code = check_range(row, (double)integer, err);
        if (code == 0)
            *(int64_t *)field = integer;
        return code;
    case RG_NUMBER:
        code = parse_number(text, &number, err);
        if (code == 0)
            code = check_range(row, number, err);
        if (code == 0)
            *(double *)field = number;
        return code;
    case RG_CHOICE:
        code = parse_choice(row, text, &choice, err);
        if (code == 0)
            *(const char **)field = choice;
        return code;
    case RG_TEXT:
        if (text[0] == '\0')
            return rg_fail(err, -EINVAL, "is empty");
        *(const char **)field = text;
        return 0;
    case RG_SIZES:
    case RG_COUNTS:
        code = parse_sizes(row, text, &sizes, err);
        if (code == 0)
            *(struct rg_sizes *)field = sizes;
        return code;
    case RG_MAYBE:
    case RG_NUMBERS:
        break;
    }
    return rg_fail(err, -EINVAL, "cannot be given here");
}

int rg_args_set(const struct rg_option *row, void *target, const char *text, struct rg_error *err)
{
    int code = set_field(row, target, text, err);
    return code == 0 ? 0 : rg_fail_in(err, code, "--%s", row->name);
}

void rg_args_defaults(const struct rg_option_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct rg_option *row = &group->rows[i];
        void *field = (char *)group->target + row->offset;
        if (row->fallback != NULL && rg_args_set(row, group->target, row->fallback, NULL) == 0)
            continue;
        if (row->type == RG_INTEGER || row->type == RG_BYTES)
            *(int64_t *)field = RG_NONE;
        if (row->type == RG_NUMBER)
            *(double *)field = NAN;
    }
}

bool rg_args_given(const struct rg_args *args, const char *name)
{
    for (size_t i = 0; i < args->given_count; i++)
        if (strcmp(args->given[i].row->name, name) == 0)
            return true;
    return false;
}

/* getopt's view of the tables; `value` of an entry is its place in rows. */
struct getopt_view {
    struct option *longs;
    size_t row_count;
    const struct rg_option **rows;
    void **targets;
    char *shorts;
};

static void close_view(struct getopt_view *view)
{
    free(view->longs);
    free(view->rows);
    free(view->targets);
    free(view->shorts);
}

enum { VALUE_HELP = 1000, VALUE_MAN, VALUE_FIRST_ROW };

static int open_view(const struct rg_command *command, struct getopt_view *view)
{
    size_t total = 0, at = 0, letters = 0;
    for (size_t g = 0; g < command->group_count; g++)
        total += command->groups[g].count;
    view->longs = calloc(total + 3, sizeof *view->longs);
    view->rows = calloc(total + 1, sizeof *view->rows);
    view->targets = calloc(total + 1, sizeof *view->targets);
    view->shorts = calloc(total * 2 + 4, 1);
    if (!view->longs || !view->rows || !view->targets || !view->shorts)
        return -ENOMEM;
    view->shorts[letters++] = ':'; /* a missing argument is told from an unknown option */
    view->shorts[letters++] = 'h';
    for (size_t g = 0; g < command->group_count; g++) {
        for (size_t i = 0; i < command->groups[g].count; i++) {
            const struct rg_option *row = &command->groups[g].rows[i];
            if (row->name == NULL)
                continue;
            view->rows[at] = row;
            view->targets[at] = command->groups[g].target;
            view->longs[at] = (struct option){.name = row->name,
                .has_arg = row->type == RG_FLAG ? optional_argument : required_argument,
                .val = VALUE_FIRST_ROW + (int)at};
            if (row->letter != '\0') {
                view->shorts[letters++] = row->letter;
                if (row->type != RG_FLAG)
                    view->shorts[letters++] = ':';
            }
            at++;
        }
    }
    view->row_count = at;
    view->longs[at++] = (struct option){.name = "help", .val = VALUE_HELP};
    view->longs[at] = (struct option){.name = "man", .val = VALUE_MAN};
    return 0;
}

static size_t row_of(const struct getopt_view *view, int value)
{
    if (value >= VALUE_FIRST_ROW)
        return (size_t)(value - VALUE_FIRST_ROW);
    size_t at = 0;
    while (at + 1 < view->row_count && view->rows[at]->letter != (char)value)
        at++;
    return at;
}

static int take_option(const struct getopt_view *view, int value, struct rg_args *out, struct rg_error *err)
{
    size_t at = row_of(view, value);
    const struct rg_option *row = view->rows[at];
    if (row == NULL)
        return rg_fail(err, -EINVAL, "the command has no options");
    int code = rg_args_set(row, view->targets[at], optarg, err);
    if (code != 0)
        return code;
    if (out->given_count == RG_GIVEN_MOST)
        return rg_fail(err, -EINVAL, "more than %d options", RG_GIVEN_MOST);
    out->given[out->given_count].row = row;
    out->given[out->given_count++].text = optarg;
    return 0;
}

static int refuse(const struct rg_command *command, int value, char **argv, struct rg_error *err)
{
    const char *word = argv[optind - 1];
    if (value == ':')
        return rg_fail(err, -EINVAL, "option '%s' needs a value; see railgauge %s --help", word, command->name);
    if (optopt != 0 && optopt < 256)
        return rg_fail(err, -EINVAL, "unknown option '-%c'; see railgauge %s --help", optopt, command->name);
    return rg_fail(err, -EINVAL, "unknown option '%s'; see railgauge %s --help", word, command->name);
}

int rg_args_parse(const struct rg_command *command, int argc, char **argv, struct rg_args *out, struct rg_error *err)
{
    struct getopt_view view = {0};
    *out = (struct rg_args){0};
    int own = argc; /* words before `--` */
    for (int i = 1; i < argc && own == argc; i++)
        if (strcmp(argv[i], "--") == 0)
            own = i;
    out->rest = argv + own + (own < argc);
    out->rest_count = own < argc ? argc - own - 1 : 0;

    int code = open_view(command, &view);
    if (code != 0)
        code = rg_fail(err, code, "no memory");
    opterr = 0;
    optind = 0;
    while (code == 0) {
        int value = getopt_long(own, argv, view.shorts, view.longs, NULL);
        if (value == -1)
            break;
        if (value == VALUE_HELP || value == 'h' || value == VALUE_MAN) {
            out->help = value != VALUE_MAN;
            out->man = value == VALUE_MAN;
            break;
        }
        code = value == '?' || value == ':' ? refuse(command, value, argv, err) : take_option(&view, value, out, err);
    }
    close_view(&view);
    out->words = argv + optind;
    out->word_count = own - optind;
    return code;
}

static void option_head(const struct rg_option *row, char *out, size_t room)
{
    char letter[8] = "";
    if (row->letter != '\0')
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    if (row->type == RG_FLAG)
        snprintf(out, room, "%s--%s%s", letter, row->name,
            row->fallback != NULL && strcmp(row->fallback, "yes") == 0 ? "=no" : "");
    else
        snprintf(out, room, "%s--%s %s", letter, row->name, row->metavar ? row->metavar : "N");
}

static void option_text(const struct rg_option *row, char *out, size_t room)
{
    size_t used = (size_t)snprintf(out, room, "%s", row->help);
    if (row->type == RG_CHOICE && used < room) {
        used += (size_t)snprintf(out + used, room - used, " One of");
        for (const char *const *choice = row->choices; *choice && used < room; choice++)
            used += (size_t)snprintf(out + used, room - used, "%s %s", choice == row->choices ? "" : ",", *choice);
        if (used < room)
            used += (size_t)snprintf(out + used, room - used, ".");
    }
    if (row->fallback != NULL && row->type != RG_FLAG && used < room)
        snprintf(out + used, room - used, " [%s]", row->fallback);
}

static void print_examples(const struct rg_example *examples, FILE *out)
{
    if (examples != NULL)
        fputs("\nExamples:\n", out);
    for (const struct rg_example *e = examples; e != NULL && e->line != NULL; e++) {
        fprintf(out, "  %s\n      ", e->line);
        rg_wrap_print(e->does, 6, 6, out);
    }
}

void rg_args_print_help(const struct rg_command *command, FILE *out)
{
    char head[128], text[1024];
    fprintf(out, "Usage: railgauge %s %s\n\n", command->name, command->synopsis);
    rg_wrap_print(command->description, 0, 0, out);
    for (size_t g = 0; g < command->group_count; g++) {
        fprintf(out, "\n%s:\n", command->groups[g].title);
        for (size_t i = 0; i < command->groups[g].count; i++) {
            const struct rg_option *row = &command->groups[g].rows[i];
            if (row->hidden || row->name == NULL)
                continue;
            option_head(row, head, sizeof head);
            option_text(row, text, sizeof text);
            fprintf(out, "  %-28s%s", head, strlen(head) > 27 ? "\n                              " : "");
            rg_wrap_print(text, 30, 30, out);
        }
    }
    if (command->notes != NULL) {
        fputc('\n', out);
        rg_wrap_print(command->notes, 0, 0, out);
    }
    print_examples(command->examples, out);
}

/* Text for roff: backslashes and hyphens escaped, no line begins with a control character. */
static void print_roff(const char *text, FILE *out)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
    fputc('\n', out);
}

void rg_args_print_man(const struct rg_command *command, FILE *out)
{
    char head[128], text[1024];
    char upper[32];
    snprintf(upper, sizeof upper, "%s", command->name);
    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    fprintf(out, ".TH RAILGAUGE\\-%s 1 \"\" \"railgauge\" \"railgauge manual\"\n.SH NAME\n", upper);
    fprintf(
        out, "railgauge\\-%s \\- %s\n.SH SYNOPSIS\n.B railgauge %s\n", command->name, command->summary, command->name);
    print_roff(command->synopsis, out);
    fputs(".SH DESCRIPTION\n", out);
    print_roff(command->description, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t g = 0; g < command->group_count; g++) {
        fprintf(out, ".SS %s\n", command->groups[g].title);
        for (size_t i = 0; i < command->groups[g].count; i++) {
            const struct rg_option *row = &command->groups[g].rows[i];
            if (row->hidden || row->name == NULL)
                continue;
            option_head(row, head, sizeof head);
            option_text(row, text, sizeof text);
            fputs(".TP\n.B ", out);
            print_roff(head, out);
            print_roff(text, out);
        }
    }
    if (command->notes != NULL) {
        fputs(".SH NOTES\n", out);
        print_roff(command->notes, out);
    }
    if (command->examples != NULL)
        fputs(".SH EXAMPLES\n", out);
    for (const struct rg_example *e = command->examples; e != NULL && e->line != NULL; e++) {
        fputs(".TP\n.B ", out);
        print_roff(e->line, out);
        print_roff(e->does, out);
    }
}
