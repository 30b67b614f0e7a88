/* railgauge plan: what a fabric is to give at numbers of nodes at which it was not measured. */
#include "cmd/plan.h"

#include "cmd/cmd.h"
#include "judge/forecast.h"
#include "report/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct rg_forecast_question question;
    const char *format;
};

static const char *const formats[] = {"text", "json", "markdown", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"nodes", NULL, RG_COUNTS, AT(question.nodes), 2, RG_FORECAST_NODES_MOST, "2,16,256", .metavar = "LIST",
        .letter = 'n', .help = "Numbers of nodes to tell of, as 2,16,256, or 2:256 for each doubling."},
    {"bytes", NULL, RG_BYTES, AT(question.size_bytes), 1, 9007199254740992.0, .metavar = "BYTES", .letter = 'b',
        .help = "How much a collective works on, as 16G. [the largest that was measured]"},
    {"step-ms", NULL, RG_NUMBER, AT(question.step_ms), 0.001, 1e9, .metavar = "MS",
        .help =
            "How long a training step takes: tells the share of it that one collective takes, if nothing overlaps it."},
    {"efficiency", NULL, RG_NUMBER, AT(question.efficiency_percent), 1, 100, "90", .metavar = "PERCENT",
        .help = "Tells up to how many nodes so much is kept of the rate that the fewest nodes measured give."},
    {"share", NULL, RG_NUMBER, AT(question.share_percent), 0.001, 100, .metavar = "PERCENT",
        .help = "Tells up to how many nodes a collective takes no more of a step than this; needs --step-ms."},
    {"format", NULL, RG_CHOICE, AT(format), .choices = formats, .fallback = "text", .metavar = "WORD", .letter = 'f',
        .help = "How to print it."},
};

void rg_cmd_plan_question(struct rg_forecast_question *out)
{
    struct options options = {.format = NULL};
    rg_args_defaults(&(struct rg_option_group){"Options", rows, sizeof rows / sizeof *rows, &options});
    *out = options.question;
}

static const char description[] =
    "Fits models of latency and bandwidth to runs at two or more numbers of nodes, and tells what other numbers of nodes are "
    "to give: the time of a collective, how much a node moves, which share that is of what few nodes give, and up to "
    "how many nodes a target is kept. It says how far that is from what was measured.";

static const char notes[] =
    "A collective of p ranks and m bytes takes steps(p) a + volume(p) m b, with a start c where the points ask for it "
    "(Hockney, \"The communication challenge for MPP\", Parallel Computing 20, 1994); steps and volume are those of the "
    "algorithms of Thakur, Rabenseifner and Gropp, \"Optimization of Collective Communication Operations in MPICH\", IJHPCA "
    "19 (2005): for an all_reduce ring, halving and doubling, and recursive doubling. What all rails of a node move takes a "
    "time a byte, a start, and a time a byte and doubling of nodes, which no theory gives. The fit is by least squares of "
    "relative errors; of several models the one that Akaike's criterion prefers, and intervals are around all that it does "
    "not rule out.\n\n"
    "Tb/s a node: of a collective among all ranks its bus bandwidth, which is what a ring carries out of a node, over one "
    "of its rails or over all, as the library lays its rings (a simulated fabric has one); of groups of a rail that of all "
    "rails; of an all_to_all what is for other nodes. Efficiency is that beside what the fewest nodes measured give, with "
    "as many bytes.\n\n"
    "A run that is not good by itself, as railgauge compare --learn judges it, is named first with what is wrong. A model "
    "that misses any point by more than 10 % does not fit, and the answer begins with that.\n\n"
    "Needed are two numbers of nodes; of a collective two sizes and five points in all, of flows four. Runs must be alike "
    "in ranks a node, and either all of hardware or all of the same substitute.\n\n"
    "Exit status: 0 the plan was printed; 2 usage, invalid input, or too few points, with what is missing; 4 it could not "
    "be written.";

static const struct rg_example examples[] = {
    {"railgauge plan run-2 run-4 run-8", "What 2, 16 and 256 nodes are to give, from runs at 2, 4 and 8 nodes."},
    {"railgauge plan run-2 run-4 run-8 --nodes 16:1024:2 --bytes 16G --step-ms 2500 --share 25",
        "How long an operation on 16 GiB takes, which share that is of a step of 2.5 s, and up to how many nodes it is no "
        "more than a quarter."},
    {NULL, NULL},
};

static int print(const struct rg_forecast *forecast, const char *format, struct rg_error *err)
{
    if (strcmp(format, "json") == 0) {
        char *text = rg_forecast_json(forecast);
        if (text == NULL)
            return rg_fail(err, -ENOMEM, "no memory");
        puts(text);
        free(text);
    } else if (strcmp(format, "markdown") == 0) {
        rg_report_forecast_markdown(forecast, stdout);
    } else {
        rg_report_forecast(forecast, stdout);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        return rg_fail(err, -EIO, "the plan cannot be written: %s", strerror(errno));
    return 0;
}

static int plan(const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    struct rg_forecast forecast = {.run_count = 0};
    if (args->rest_count > 0 || args->word_count < 1)
        return rg_fail(err, -EINVAL, "give the directories of runs; see railgauge plan --help");
    if (!isnan(options->question.share_percent) && isnan(options->question.step_ms))
        return rg_fail(err, -EINVAL, "--share needs --step-ms: a share of which step?");
    int code = rg_judge_forecast(
        (const char *const *)args->words, (size_t)args->word_count, &options->question, &forecast, err);
    if (code == 0)
        code = print(&forecast, options->format, err);
    rg_forecast_close(&forecast);
    return code;
}

int rg_cmd_plan(int argc, char **argv)
{
    struct options options = {.format = NULL};
    struct rg_command command = {
        .name = "plan",
        .synopsis = "RUN... [options]",
        .summary = "tell what other numbers of nodes are to give",
        .description = description,
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    int code = plan(&options, &args, &err);
    return code == 0
               ? RG_EXIT_PASS
               : rg_cmd_refuse("plan", code == -ENOMEM || code == -EIO ? RG_EXIT_CANNOT_RUN : RG_EXIT_USAGE, &err);
}
