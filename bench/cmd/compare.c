/* railgauge compare: holds a run against a machine's baseline, earlier runs and its own fleet; or learns a baseline. */
#include "base/file.h"
#include "cmd/cmd.h"
#include "judge/judge.h"
#include "judge/learn.h"
#include "report/figure.h"
#include "report/format.h"
#include "report/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASELINES_MOST 16

struct options {
    const char *machine, *baseline, *format, *output;
    double tolerance_percent;
    bool all, fleet, learn;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help = "A machine's baseline, by name or path; without it, and without --baseline, the machine that the run "
                "was started with, which beside --baseline gives line rates alone."},
    {"baseline", NULL, RG_TEXT, AT(baseline), .metavar = "RUN",
        .help = "An earlier run's directory, held against place by place. May be given again."},
    {"fleet", NULL, RG_FLAG, AT(fleet),
        .help =
            "Holds each measurement against the median of its peers in the same run, less three standard deviations "
            "(by the median absolute deviation), or less what makes a part suspect, whichever is more. Reads the "
            "run twice."},
    {"tolerance", NULL, RG_NUMBER, AT(tolerance_percent), 0, 100, "5", .metavar = "PERCENT",
        .help = "How far below an earlier run a bandwidth may fall, or above it a latency rise."},
    {"format", NULL, RG_CHOICE, AT(format), .fallback = "text", .choices = rg_report_format_words, .metavar = "WORD",
        .letter = 'f',
        .help = "How to print the verdict. markdown is for pull requests and chats, junit for GitLab and Jenkins, "
                "openmetrics for Prometheus."},
    {"all", NULL, RG_FLAG, AT(all), .help = "Text: prints every row, even of a large fleet."},
    {"learn", NULL, RG_FLAG, AT(learn),
        .help =
            "Makes a machine's file of three or more good runs that are alike, instead: what they measured at the "
            "median, and how far they spread, so that 99 of 100 runs like these pass. --machine gives its rails, rates and names."},
    {"output", NULL, RG_TEXT, AT(output), .metavar = "FILE", .letter = 'o',
        .help = "Where to write what was learned; its name, less .json, is the machine's."},
};

static const char notes[] =
    "Exit status: 0 pass, 1 fail, 2 usage or invalid input, 3 inconclusive: nothing failed, but something that the suite "
    "asked for is noisy, unsupported or was not run.\n\n"
    "A bandwidth passes when it reaches the threshold (expected, less tolerance) and so does the low end of its 95 % "
    "interval; it is noisy when the interval leaves that open, and fails otherwise. % nominal is of the machine's line "
    "rate, % ceiling of what is left of it for payload after headers at this message size and MTU. What is held against "
    "several yardsticks is as bad as the worst of them says.\n\n"
    "Only like is held against like: the same test, size, direction, memory and how it was registered, queue pairs, "
    "pattern, place, and hardware or not. What could not be compared is listed with the reason.\n\n"
    "Of a run of more than 50,000 rows, those that pass are told of together: by test and size, and in markdown, junit "
    "and openmetrics by node, rail and side.";

static const struct rg_example examples[] = {
    {"railgauge compare run-1 --machine a3-ultra", "Holds a run against what is expected of a machine."},
    {"railgauge compare --learn run-1 run-2 run-3 --machine a3-ultra -o ours.json",
        "Learns from three good runs what this fabric gives."},
    {"railgauge compare run-4 --machine ./ours.json",
        "Holds a later run against that. A file of one's own is given by its path."},
    {"railgauge compare run-4 --baseline run-1 --fleet --format junit",
        "Against an earlier run and against its own peers, for a pipeline that reads JUnit."},
    {NULL, NULL},
};

/* The options as they stand on the command line, and what they need. */
struct comparison {
    struct options options;
    struct rg_args args;
    const char *baselines[BASELINES_MOST];
    size_t baseline_count;
};

/* A machine that nobody asked for gives line rates alone, and may be a file of another place. */
static int load_machine(
    const char *name, bool asked, struct rg_machine *machine, struct rg_yardstick *yardstick, struct rg_error *err)
{
    int code = name ? rg_cmd_load_machine(name, machine, err) : 0;
    if (name == NULL || (code != 0 && !asked))
        return 0;
    yardstick->rates = machine;
    yardstick->machine = asked ? machine : NULL;
    return code;
}

static int judge(const struct rg_run *run, const char *directory, const struct comparison *c)
{
    struct rg_error err = {{0}};
    struct rg_machine machine = {0};
    struct rg_verdict verdict = {0};
    const struct options *options = &c->options;
    struct rg_yardstick yardstick = {.baselines = c->baselines,
        .baseline_count = c->baseline_count,
        .tolerance_percent = options->tolerance_percent,
        .tolerance_source = rg_args_given(&c->args, "tolerance") ? "--tolerance" : "default",
        .fleet = options->fleet};
    bool asked = options->machine != NULL || c->baseline_count == 0;
    int code = load_machine(options->machine ? options->machine : run->machine, asked, &machine, &yardstick, &err);
    if (code == 0)
        code = rg_judge_run(run, directory, &yardstick, &verdict, &err);
    if (code != 0) {
        rg_machine_close(&machine);
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    }
    struct rg_text_style style = {.colour = isatty(STDOUT_FILENO) == 1, .all = options->all};
    rg_report_format_of(options->format)->print(run, &verdict, &style, stdout);
    int status = verdict.exit_status;
    rg_verdict_close(&verdict);
    rg_machine_close(&machine);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        rg_fail(&err, 0, "the verdict cannot be written: %s", strerror(errno));
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    }
    return status;
}

/* What was learned, read back from its file, and what was not. */
static int tell_learned(
    const struct comparison *c, const char *path, const struct rg_verdict *not_learned, struct rg_error *err)
{
    struct rg_machine machine;
    int code = rg_machine_load(path, &machine, err);
    if (code != 0)
        return code;
    printf("%s: %zu expectations from %d runs; 99 of 100 runs like these meet all of them\n\n", path,
        machine.expectation_count, c->args.word_count);
    for (size_t i = 0; i < machine.expectation_count; i++) {
        const struct rg_expectation *e = &machine.expectations[i];
        struct rg_test_point point = rg_machine_point(e);
        char words[200], figure[16];
        rg_naming_point(&point, words, sizeof words);
        printf("  %-56s %-5s %10s %-4s %c %4.1f %%\n", words, e->scope, rg_figure(e->expected, figure),
            rg_naming_unit(e->metric), strncmp(e->metric, "latency", 7) == 0 ? '+' : '-', e->tolerance_percent);
    }
    for (size_t i = 0; i < not_learned->incompatible_count; i++)
        printf("%s  %s\n", i == 0 ? "\n" : "", not_learned->incompatible[i]);
    printf("\nrailgauge compare RUN --machine %s%s judges by it.\n", strchr(path, '/') ? "" : "./", path);
    rg_machine_close(&machine);
    return 0;
}

static int learn_machine(const struct comparison *c, const struct rg_machine *like, struct rg_error *err)
{
    const char *path = c->options.output, *slash = strrchr(path, '/');
    char name[128], *text = NULL;
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    size_t length = strlen(name);
    struct rg_verdict not_learned = {0};
    if (length > 5 && strcmp(name + length - 5, ".json") == 0)
        name[length - 5] = '\0';
    if (access(path, F_OK) == 0)
        return rg_fail(err, -EEXIST, "%s: exists already; a baseline is never written over another", path);
    int code = rg_learn_machine(
        (const char *const *)c->args.words, (size_t)c->args.word_count, like, name, &text, &not_learned, err);
    if (code == 0)
        code = rg_file_write_atomic(path, text, err);
    if (code == 0)
        code = tell_learned(c, path, &not_learned, err);
    free(text);
    rg_verdict_close(&not_learned);
    return code;
}

static int learn(const struct comparison *c)
{
    struct rg_error err = {{0}};
    struct rg_machine like = {0};
    int code = c->options.machine ? rg_cmd_load_machine(c->options.machine, &like, &err) : 0;
    if (code == 0)
        code = learn_machine(c, c->options.machine ? &like : NULL, &err);
    rg_machine_close(&like);
    return code == 0 ? RG_EXIT_PASS : rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Takes the baselines from the command line, and refuses what does not go together. */
static int check_options(struct comparison *c, struct rg_error *err)
{
    const struct options *o = &c->options;
    for (size_t i = 0; i < c->args.given_count; i++) {
        if (strcmp(c->args.given[i].row->name, "baseline") != 0)
            continue;
        if (c->baseline_count == BASELINES_MOST)
            return rg_fail(err, -EINVAL, "--baseline: %d of them at most", BASELINES_MOST);
        c->baselines[c->baseline_count++] = c->args.given[i].text;
    }
    if (c->args.rest_count > 0)
        return rg_fail(err, -EINVAL, "unexpected word '%s' after --; see railgauge compare --help", c->args.rest[0]);
    if (o->learn && (c->baseline_count > 0 || o->fleet || rg_args_given(&c->args, "tolerance") ||
                        rg_args_given(&c->args, "format") || o->all))
        return rg_fail(err, -EINVAL, "--learn goes with --machine and --output alone");
    if (o->learn != (o->output != NULL))
        return rg_fail(err, -EINVAL, "--learn and --output go together: what is learned is written there");
    if (!o->learn && c->args.word_count > 1)
        return rg_fail(err, -EINVAL, "one run is compared at a time; to hold it against another: %s --baseline %s",
            c->args.words[0], c->args.words[1]);
    if (!o->learn && c->args.word_count != 1)
        return rg_fail(err, -EINVAL, "give the directory of one run; see railgauge compare --help");
    for (size_t i = 0; i < c->baseline_count; i++)
        if (same_file(c->args.words[0], c->baselines[i]))
            return rg_fail(err, -EINVAL, "--baseline: %s is the run itself", c->baselines[i]);
    if (!o->learn && c->baseline_count == 0 && rg_args_given(&c->args, "tolerance"))
        return rg_fail(err, -EINVAL, "--tolerance is for --baseline; a machine's file has its own");
    return 0;
}

int rg_cmd_compare(int argc, char **argv)
{
    struct comparison c = {.options = {0}};
    struct rg_command command = {
        .name = "compare",
        .synopsis = "RUN [options] | --learn RUN... -o FILE",
        .summary = "hold a run against a machine's baseline, earlier runs and its fleet",
        .description = "Judges a run's measurements one by one and prints the verdict.",
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &c.options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_run run;
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &c.args, &status))
        return status;
    if (check_options(&c, &err) != 0)
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    if (c.options.learn)
        return learn(&c);
    if (rg_run_load(c.args.words[0], &run, &err) != 0)
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    status = judge(&run, c.args.words[0], &c);
    rg_run_close(&run);
    return status;
}
