/* railgauge run: measures, judges, and leaves a run directory. */
#include "base/file.h"
#include "cmd/argv.h"
#include "cmd/front.h"
#include "judge/judge.h"
#include "report/plan.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) .offset = offsetof(struct rg_front_options, member)

static const struct rg_option rows[] = {
    {"suite", NULL, RG_TEXT, AT(suite), .metavar = "NAME", .letter = 's',
        .help =
            "What to measure: a suite by name or path. Options of the second group change it. [quick, unless --test is "
            "given]"},
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help =
            "What is expected: a machine, by name or path. Without one, that all is measured and arrives intact, and "
            "that no part falls short of its peers."},
    {"hosts", NULL, RG_TEXT, AT(hosts), .metavar = "A,B", .help = "The nodes, by name."},
    {"hostfile", NULL, RG_TEXT, AT(hostfile), .metavar = "FILE", .help = "The nodes, a line each, as for mpirun."},
    {"ranks-per-node", NULL, RG_INTEGER, AT(ranks_per_node), 1, 64,
        .help =
            "Rails to use on each node. [slots of the hostfile; else the machine's rails; else the active RDMA devices "
            "here]"},
    {"output", NULL, RG_TEXT, AT(output), .metavar = "DIR", .letter = 'o',
        .help = "The run's directory, which must not exist. [railgauge-RUN_ID]"},
    {"resume", NULL, RG_TEXT, AT(resume), .metavar = "DIR",
        .help = "Goes on with the run in this directory: measures what is left of its plan, without the nodes that it "
                "has lost. Everything that the run was started with holds again, but for --max-lost, --mpirun, "
                "--no-check and --start-timeout where they are given anew."},
    {"max-lost", NULL, RG_INTEGER, AT(max_lost), 0, 65536, .metavar = "N",
        .help = "Gives up when more than so many nodes were lost. [goes on as long as two are left]"},
    {"transport", NULL, RG_TEXT, AT(transport), .fallback = "verbs", .metavar = "WORD",
        .help =
            "verbs, or sim:FILE: a simulated fabric, as truth.json of `railgauge simulate -o` is one; all its ranks run "
            "here."},
    {"dry-run", NULL, RG_FLAG, AT(dry_run),
        .help = "Prints the plan (rounds, flows, time, memory) and measures nothing."},
    {"no-check", NULL, RG_FLAG, AT(no_check),
        .help =
            "Measures even where a node fails one of the quick checks (see railgauge check --quick), which each node "
            "makes before anything is measured."},
    {"mpi-interface", NULL, RG_TEXT, AT(mpi_interface), .metavar = "NAME",
        .help =
            "The network interface for MPI's own traffic, which must not be a rail. [the one that leads to the first "
            "node]"},
    {"mpirun", NULL, RG_TEXT, AT(mpirun), .fallback = "mpirun", .metavar = "PROGRAM", .help = "Open MPI's mpirun."},
    {"start-timeout", NULL, RG_NUMBER, AT(start_timeout_s), 1, 3600, "120", .metavar = "SECONDS",
        .help = "How long the ranks may take to come up."},
    {"seed", NULL, RG_INTEGER, AT(seed), 0, 9007199254740991.0, "1",
        .help = "Draws the payload, and who meets whom in --pattern screen and congestion."},
    {"quiet", NULL, RG_FLAG, AT(quiet), .letter = 'q', .help = "No progress; the verdict alone."},
    {"verbose", NULL, RG_FLAG, AT(verbose), .letter = 'v',
        .help = "Prints the mpirun command line and what mpirun and the ranks say."},
    {"rank-program", NULL, RG_TEXT, AT(rank_program), .metavar = "PATH", .hidden = true,
        .help = "railgauge-rank. [beside this program]"},
};

static const char description[] = "Starts one rank a rail on every node under Open MPI, measures what the suite asks "
                                  "for, all rails "
                                  "at once, and writes run.json, measurements.ndjson and verdict.json into the run's "
                                  "directory. Without hosts it runs on this "
                                  "node alone. Words after `--` are passed on to mpirun.";

static const char notes[] =
    "Exit status: 0 pass, 1 fail, 2 usage or invalid input, 3 inconclusive, 4 could not run, "
    "128+n stopped by signal n; the run "
    "directory is valid in each case that it exists. It does not where nothing could be started.\n\n"
    "Bandwidth is payload whose completion was polled within the window, over the window, and of what was under way at "
    "its ends the share of the time; all flows of a round start together. "
    "Latency of write and send is half the round trip, of read the whole.";

static const struct rg_example examples[] = {
    {"railgauge run --suite acceptance --machine a3-ultra --hostfile hosts -o run-1",
        "Measures a new cluster, holds it against what is expected of its machine, and names the parts that fall short."},
    {"railgauge run --hosts node-a,node-b --test rdma_write_bw --size 64:8M:4 --queue-pairs 8",
        "One test instead of a suite, on two nodes, at sizes from 64 B to 8 MiB, each 4 times the one before."},
    {"railgauge run --suite nightly --hostfile hosts --dry-run",
        "Tells how long the suite would take; measures nothing."},
    {"railgauge run --resume run-1", "Measures what a run that was stopped left over."},
    {NULL, NULL},
};

static int prepare(struct rg_front *front, struct rg_error *err)
{
    if (front->args.word_count > 0)
        return rg_fail(err, -EINVAL, "unexpected word '%s'; see railgauge run --help", front->args.words[0]);
    int code = front->options.resume != NULL ? rg_front_resume(front, err) : rg_front_begin(front, err);
    front->run.status = "incomplete";
    front->run.incomplete_reason = "the run has not ended";
    front->run.ended_at = NULL;
    return code;
}

/* --- the directory --- */

static void path_in(const struct rg_front *front, const char *name, char out[PATH_MAX + 32])
{
    snprintf(out, PATH_MAX + 32, "%s/%s", front->directory, name);
}

/* As it was before: nothing was measured. */
static void remove_directory(const struct rg_front *front)
{
    char path[PATH_MAX + 32];
    path_in(front, "measurements.ndjson", path);
    unlink(path);
    path_in(front, "run.json", path);
    unlink(path);
    rmdir(front->directory);
}

static int make_directory(struct rg_front *front, struct rg_error *err)
{
    char path[PATH_MAX + 32];
    if (mkdir(front->directory, 0777) != 0)
        return errno == EEXIST
                   ? rg_fail(err, -EEXIST, "%s: exists already; a run is never written over another", front->directory)
                   : rg_fail(err, -errno, "%s: cannot be made: %s", front->directory, strerror(errno));
    path_in(front, "measurements.ndjson", path);
    int code = rg_run_write(&front->run, front->directory, err);
    if (code == 0)
        code = rg_journal_open(path, &front->journal, err);
    if (code != 0)
        remove_directory(front);
    return code;
}

/* --- after the measurements --- */

static int write_verdict(const struct rg_front *front, const struct rg_verdict *verdict, struct rg_error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/verdict.json", front->directory) >= (int)sizeof path)
        return rg_fail(err, -ENAMETOOLONG, "%s: the path is too long", front->directory);
    char *text = rg_verdict_json(verdict);
    int code = text ? rg_file_write_atomic(path, text, err) : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

/* The status that the run ends with: of its verdict, unless it was stopped by a signal. */
static int judge(struct rg_front *front, const struct rg_campaign_end *end, struct rg_error *err)
{
    struct rg_yardstick yardstick = {.machine = front->has_machine ? &front->machine : NULL};
    struct rg_verdict verdict = {0};
    int code = rg_judge_run(&front->run, front->directory, &yardstick, &verdict, err);
    if (code == 0)
        code = write_verdict(front, &verdict, err);
    if (code != 0) {
        rg_verdict_close(&verdict);
        return RG_EXIT_CANNOT_RUN;
    }
    struct rg_text_style style = {.colour = isatty(STDOUT_FILENO) == 1};
    rg_report_text(&front->run, &verdict, &style, stdout);
    int status = end->signal_number > 0 ? 128 + end->signal_number : verdict.exit_status;
    rg_verdict_close(&verdict);
    return status;
}

/* Where the run is, and how to go on with it. */
static void say_where(const struct rg_front *front, const struct rg_campaign_end *end)
{
    printf("\nThe run is in %s.\n", front->directory);
    fflush(stdout);
    if (end->more)
        fprintf(stderr, "railgauge run: to measure what is left: railgauge run --resume %s\n", front->directory);
}

static int finish(struct rg_front *front, const struct rg_campaign_end *end, struct rg_error *err)
{
    int status = end->signal_number > 0 ? 128 + end->signal_number : RG_EXIT_CANNOT_RUN;
    rg_clock_timestamp(front->ended_at);
    front->run.ended_at = front->ended_at;
    front->run.status = end->reason[0] ? "incomplete" : "complete";
    front->run.incomplete_reason = end->reason[0] ? end->reason : NULL;
    if (!end->started) {
        rg_fail(err, 0, "%s", end->reason);
        if (front->options.resume == NULL) {
            remove_directory(front);
            return status;
        }
    } else {
        status = judge(front, end, err);
    }
    front->run.exit_status = status;
    struct rg_error why = {{0}};
    if (rg_run_write(&front->run, front->directory, &why) != 0) {
        *err = why;
        return RG_EXIT_CANNOT_RUN;
    }
    if (status != RG_EXIT_CANNOT_RUN && end->started)
        say_where(front, end);
    return status;
}

static int measure(struct rg_front *front, struct rg_error *err)
{
    struct rg_campaign_end end = {.reason = ""};
    struct rg_signals signals;
    struct rg_campaign_plan plan = {
        .directory = front->directory,
        .launch = &front->launch,
        .signals = &signals,
        .journal = front->journal,
        .machine = front->has_machine ? &front->machine : NULL,
        .quiet = front->options.quiet,
        .verbose = front->options.verbose,
    };
    rg_signals_open(&signals);
    int code = rg_campaign_run(&front->run, &plan, &end, err);
    int status = code == 0 ? finish(front, &end, err) : RG_EXIT_USAGE;
    rg_signals_close(&signals);
    front->run.incomplete_reason = NULL; /* lies in `end` */
    return status;
}

static int print_plan(const struct rg_front *front)
{
    struct rg_plan plan = {
        &front->run.suite, front->node_count, (int)front->run.ranks_per_node, (uint64_t)front->run.seed};
    if (front->options.resume != NULL)
        rg_front_print_left(front, stdout);
    else
        rg_report_plan(&plan, stdout);
    return RG_EXIT_PASS;
}

static void close_front(struct rg_front *front)
{
    rg_recorder_forget(&front->run);
    rg_argv_free(front->run.mpirun);
    rg_run_close(&front->run);
    rg_machine_close(&front->machine);
    rg_journal_close(front->journal);
}

int rg_cmd_run(int argc, char **argv)
{
    struct rg_front front = {0};
    struct rg_settings scratch = {0};
    struct rg_error err = {{0}};
    struct rg_command command = {
        .name = "run",
        .synopsis = "[options] [-- MPIRUN-OPTION...]",
        .summary = "measure, judge, and leave a run directory",
        .description = description,
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &front.options},
            {"What is measured (each changes every test of the suite)", rg_settings_rows, rg_settings_row_count,
                &scratch}},
        .group_count = 2,
    };
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &front.args, &status))
        return status;
    status = RG_EXIT_USAGE;
    if (prepare(&front, &err) == 0) {
        if (front.options.dry_run)
            status = print_plan(&front);
        else if (front.options.resume != NULL || make_directory(&front, &err) == 0)
            status = measure(&front, &err);
    }
    if (err.text[0] != '\0')
        rg_cmd_refuse("run", status, &err);
    close_front(&front);
    return status;
}
