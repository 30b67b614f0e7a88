/* railgauge compare: holds a run against a machine's baseline or an earlier run. */
#include "cmd/cmd.h"
#include "judge/judge.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *machine, *baseline, *format;
    double tolerance_percent;
    bool all;
};

static const char *const formats[] = {"text", "json", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help = "A machine's baseline, by name or path; without it, the machine that the run was started with."},
    {"baseline", NULL, RG_TEXT, AT(baseline), .metavar = "RUN",
        .help = "An earlier run's directory, instead of a machine."},
    {"tolerance", NULL, RG_NUMBER, AT(tolerance_percent), 0, 100, "5", .metavar = "PERCENT",
        .help = "How far below an earlier run a bandwidth may fall, or above it a latency rise."},
    {"format", NULL, RG_CHOICE, AT(format), .fallback = "text", .choices = formats, .metavar = "WORD", .letter = 'f',
        .help = "How to print the verdict."},
    {"all", NULL, RG_FLAG, AT(all), .help = "Prints every row, even of a large fleet."},
};

static const char notes[] =
    "Exit status: 0 pass, 1 fail, 2 usage or invalid input, 3 inconclusive: nothing failed, but something that the suite "
    "asked for is noisy, unsupported or was not run.\n\n"
    "A bandwidth passes when it reaches the threshold (expected, less tolerance) and so does the low end of its 95 % "
    "interval; it is noisy when the interval leaves that open, and fails otherwise. % nominal is of the machine's line rate, % ceiling of "
    "what is left of it for payload after headers at this message size and MTU.";

static int judge(const struct rg_run *run, const char *directory, const struct options *options)
{
    struct rg_error err = {{0}};
    struct rg_machine machine = {0};
    struct rg_verdict verdict = {0};
    struct rg_yardstick yardstick = {.baseline = options->baseline, .tolerance_percent = options->tolerance_percent};
    const char *name = options->machine ? options->machine : options->baseline ? NULL : run->machine;
    int code = 0;
    if (name != NULL) {
        code = rg_cmd_load_machine(name, &machine, &err);
        yardstick.machine = &machine;
    }
    if (code == 0)
        code = rg_judge_run(run, directory, &yardstick, &verdict, &err);
    if (code != 0) {
        rg_machine_close(&machine);
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    }
    if (strcmp(options->format, "json") == 0) {
        char *text = rg_verdict_json(&verdict);
        puts(text ? text : "");
        free(text);
    } else {
        struct rg_text_style style = {.colour = isatty(STDOUT_FILENO) == 1, .all = options->all};
        rg_report_text(run, &verdict, &style, stdout);
    }
    int status = verdict.exit_status;
    rg_verdict_close(&verdict);
    rg_machine_close(&machine);
    return status;
}

int rg_cmd_compare(int argc, char **argv)
{
    struct options options = {0};
    struct rg_command command = {
        .name = "compare",
        .synopsis = "RUN [options]",
        .summary = "hold a run against a machine's baseline or an earlier run",
        .description = "Judges a run's measurements one by one and prints the verdict.",
        .notes = notes,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    struct rg_run run;
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    if (args.word_count != 1 || args.rest_count > 0)
        rg_fail(&err, 0, "give the directory of one run; see railgauge compare --help");
    else if (options.machine != NULL && options.baseline != NULL)
        rg_fail(&err, 0, "--machine and --baseline exclude each other");
    else if (options.baseline == NULL && rg_args_given(&args, "tolerance"))
        rg_fail(&err, 0, "--tolerance is for --baseline; a machine's file has its own");
    if (err.text[0] != '\0')
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    if (rg_run_load(args.words[0], &run, &err) != 0)
        return rg_cmd_refuse("compare", RG_EXIT_USAGE, &err);
    status = judge(&run, args.words[0], &options);
    rg_run_close(&run);
    return status;
}
