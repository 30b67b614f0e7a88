/* railgauge run: measures, judges, and leaves a run directory. */
#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/recorder.h"
#include "judge/judge.h"
#include "report/plan.h"
#include "report/text.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    const char *suite, *machine, *hosts, *hostfile, *output, *mpi_interface, *mpirun, *rank_program, *transport,
        *resume;
    int64_t ranks_per_node, seed, lost_most;
    double start_timeout_s;
    bool quiet, verbose, dry_run;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"suite", NULL, RG_TEXT, AT(suite), .metavar = "NAME", .letter = 's',
        .help =
            "What to measure: a suite by name or path. Options of the second group change it. [quick, unless --test is "
            "given]"},
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help = "What to expect: a machine by name or path. Without it nothing is judged but that all was measured."},
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
                "has lost. Everything that the run was started with holds again."},
    {"max-lost", NULL, RG_INTEGER, AT(lost_most), 0, 65536, .metavar = "N",
        .help = "Gives up when more than so many nodes were lost. [goes on as long as two are left]"},
    {"transport", NULL, RG_TEXT, AT(transport), .fallback = "verbs", .metavar = "WORD",
        .help =
            "verbs, or sim:FILE: a simulated fabric, as `railgauge simulate` writes it; one rank a rail runs here."},
    {"dry-run", NULL, RG_FLAG, AT(dry_run),
        .help = "Prints the plan (rounds, flows, time, memory) and measures nothing."},
    {"mpi-interface", NULL, RG_TEXT, AT(mpi_interface), .metavar = "NAME",
        .help =
            "The network interface for MPI's own traffic, which must not be a rail. [the one that leads to the first "
            "node]"},
    {"mpirun", NULL, RG_TEXT, AT(mpirun), .fallback = "mpirun", .metavar = "PROGRAM", .help = "Open MPI's mpirun."},
    {"start-timeout", NULL, RG_NUMBER, AT(start_timeout_s), 1, 3600, "120", .metavar = "SECONDS",
        .help = "How long the ranks may take to come up."},
    {"seed", NULL, RG_INTEGER, AT(seed), 0, 9007199254740991.0, "1", .help = "Seed of the payload."},
    {"quiet", NULL, RG_FLAG, AT(quiet), .letter = 'q', .help = "No progress; the verdict alone."},
    {"verbose", NULL, RG_FLAG, AT(verbose), .letter = 'v',
        .help = "Prints the mpirun command line and what mpirun and the ranks say."},
    {"rank-program", NULL, RG_TEXT, AT(rank_program), .metavar = "PATH", .hidden = true,
        .help = "railgauge-rank. [beside this program]"},
};

static const char description[] = "Starts one rank a rail on every node under Open MPI, measures what the suite asks "
                                  "for between all pairs of nodes, all rails "
                                  "at once, and writes run.json, measurements.ndjson and verdict.json into the run's "
                                  "directory. Without hosts it runs on this "
                                  "node alone. Words after `--` are passed on to mpirun.";

static const char notes[] = "Exit status: 0 pass, 1 fail, 2 usage or invalid input, 3 inconclusive, 4 could not run, "
                            "128+n stopped by signal n; the run "
                            "directory is valid in each case that it exists.\n\n"
                            "Bandwidth is payload whose completion was polled within the window, over the window; all "
                            "flows of a round start together. "
                            "Latency of write and send is half the round trip, of read the whole.";

struct front {
    struct options options;
    struct rg_fabric fabric;
    struct rg_args args;
    struct rg_machine machine;
    bool has_machine;
    struct rg_run run;
    char run_id[RG_RUN_ID_LENGTH], started_at[RG_TIMESTAMP_LENGTH], ended_at[RG_TIMESTAMP_LENGTH];
    char directory[PATH_MAX], rank_program[PATH_MAX], interface[64];
    struct rg_launch_plan launch;
    struct rg_recorder_end end;
    int node_count;
};

/* --- what was asked for --- */

static int choose_suite(struct front *front, struct rg_error *err)
{
    const struct options *o = &front->options;
    struct rg_suite *suite = &front->run.suite;
    bool single = rg_args_given(&front->args, "test");
    if (single && o->suite != NULL)
        return rg_fail(err, -EINVAL, "--suite and --test exclude each other: --test makes a suite of one test");
    int code = single ? rg_suite_single("rdma_write_bw", suite, err)
                      : rg_cmd_load_suite(o->suite ? o->suite : "quick", suite, err);
    return code == 0 ? rg_cmd_apply_settings(&front->args, suite, err) : code;
}

/* Active RDMA ports of this node, as sysfs tells; the front itself needs no verbs. */
static int64_t local_rails(void)
{
    int64_t count = 0;
    glob_t found;
    if (glob("/sys/class/infiniband/*/ports/*/state", 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *state;
        if (rg_file_read(found.gl_pathv[i], 4096, &state, NULL, NULL) != 0)
            continue;
        count += strstr(state, "ACTIVE") != NULL;
        free(state);
    }
    globfree(&found);
    return count;
}

static int choose_transport(struct front *front, struct rg_error *err)
{
    const char *transport = front->options.transport;
    if (strcmp(transport, "verbs") == 0)
        return 0;
    if (strncmp(transport, "sim:", 4) != 0 || transport[4] == '\0')
        return rg_fail(err, -EINVAL, "--transport: '%s' is neither verbs nor sim:FILE", transport);
    return rg_fabricdoc_load(transport + 4, &front->fabric, err);
}

/* The fabric's file says how many nodes and rails there are. */
static int choose_simulated_hosts(struct front *front, struct rg_error *err)
{
    const struct options *o = &front->options;
    int nodes = front->fabric.nodes;
    if (o->hosts != NULL || o->hostfile != NULL || o->ranks_per_node != RG_NONE)
        return rg_fail(err, -EINVAL, "--hosts, --hostfile and --ranks-per-node: a simulated fabric has its own nodes");
    front->run.hosts = calloc((size_t)nodes + 1, sizeof *front->run.hosts);
    for (int node = 0; front->run.hosts != NULL && node < nodes; node++) {
        char name[32];
        rg_fabricdoc_node_name(node, name);
        front->run.hosts[node] = strdup(name);
    }
    front->node_count = nodes;
    front->run.ranks_per_node = front->fabric.rails;
    return front->run.hosts ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static int choose_hosts(struct front *front, struct rg_error *err)
{
    struct options *o = &front->options;
    char local[] = "localhost";
    int slots = 0, code;
    if (o->hosts != NULL && o->hostfile != NULL)
        return rg_fail(err, -EINVAL, "--hosts and --hostfile exclude each other");
    if (front->fabric.nodes > 0)
        return choose_simulated_hosts(front, err);
    if (o->hostfile != NULL)
        code = rg_launch_read_hostfile(o->hostfile, &front->run.hosts, &slots, err);
    else
        code = rg_launch_split_hosts(o->hosts ? o->hosts : local, &front->run.hosts, err);
    if (code != 0)
        return code;
    for (; front->run.hosts[front->node_count] != NULL; front->node_count++)
        for (int i = 0; i < front->node_count; i++)
            if (strcmp(front->run.hosts[i], front->run.hosts[front->node_count]) == 0)
                return rg_fail(err, -EINVAL, "host '%s' is named twice", front->run.hosts[i]);
    int64_t rails = o->ranks_per_node;
    if (rails == RG_NONE && slots > 0)
        rails = slots;
    if (rails == RG_NONE && front->has_machine && front->machine.rails != RG_NONE)
        rails = front->machine.rails;
    if (rails == RG_NONE)
        rails = local_rails();
    front->run.ranks_per_node = rails > 0 ? rails : 1;
    return 0;
}

/* What a test asks for and so few nodes cannot give. One node has nobody to talk to but itself. */
static int check_test(const struct front *front, const struct rg_settings *s, struct rg_error *err)
{
    struct rg_suite one = front->run.suite;
    struct rg_settings copy = *s;
    one.tests = &copy;
    one.test_count = 1;
    struct rg_plan plan = {&one, front->node_count, (int)front->run.ranks_per_node, 1};
    enum rg_test_kind kind = rg_test_kind_of(s->test);
    if (rg_plan_rounds(&plan) > 0)
        return 0;
    if (front->node_count < 2 && kind == RG_TEST_COLLECTIVE)
        return rg_fail(
            err, -EINVAL, "%s among pairs of nodes needs two: name them with --hosts or --hostfile", s->test);
    if (front->node_count < 2)
        return rg_fail(err, -EINVAL,
            "%s needs two nodes: name them with --hosts or --hostfile, or let each NIC talk to itself with "
            "--pattern loopback",
            s->test);
    if (strcmp(s->rails, "cross") == 0 && front->run.ranks_per_node < 2)
        return rg_fail(err, -EINVAL, "%s with rails cross needs two rails a node", s->test);
    return rg_fail(err, -EINVAL, "%s with pattern %s needs four nodes, two that are measured and two that load",
        s->test, s->pattern);
}

static int check_tests(const struct front *front, struct rg_error *err)
{
    int code = 0;
    struct rg_error why = {{0}};
    size_t possible = 0;
    for (size_t i = 0; i < front->run.suite.test_count; i++) {
        int failed = check_test(front, &front->run.suite.tests[i], &why);
        possible += failed == 0;
        code = failed;
    }
    /* A suite's other tests make sense without those that so few nodes cannot do; the verdict tells of them. */
    if (possible > 0 && front->node_count > 1 && front->run.suite.test_count > 1)
        return 0;
    if (possible < front->run.suite.test_count)
        return rg_fail(err, -EINVAL, "%s", why.text);
    return code;
}

/* Loopback needs two ranks a NIC; a run that mixes both patterns has them idle in the others' rounds. */
static int ranks_each(const struct front *front)
{
    int each = (int)front->run.ranks_per_node;
    for (size_t i = 0; i < front->run.suite.test_count; i++)
        if (strcmp(front->run.suite.tests[i].pattern, "loopback") == 0 &&
            strcmp(front->run.suite.tests[i].rails, "cross") != 0)
            return 2 * each;
    return each;
}

/* What can be said of mpirun before it is known who takes part. */
static void choose_launch(struct front *front)
{
    const struct options *o = &front->options;
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = '\0';
    snprintf(front->rank_program, sizeof front->rank_program, "%s-rank", self);
    if (o->rank_program != NULL)
        snprintf(front->rank_program, sizeof front->rank_program, "%s", o->rank_program);
    if (o->mpi_interface != NULL)
        snprintf(front->interface, sizeof front->interface, "%s", o->mpi_interface);
    else if (front->fabric.nodes > 0)
        snprintf(front->interface, sizeof front->interface, "lo");
    else
        rg_launch_find_interface(front->run.hosts[0], front->interface, sizeof front->interface);
    for (int i = 1; o->mpi_interface == NULL && front->fabric.nodes == 0 && strcmp(front->interface, "lo") == 0 &&
                    i < front->node_count;
         i++)
        rg_launch_find_interface(front->run.hosts[i], front->interface, sizeof front->interface);
    front->run.mpi_interface = front->interface[0] ? front->interface : NULL;
    front->launch = (struct rg_launch_plan){o->mpirun, front->run.hosts, ranks_each(front), front->run.mpi_interface,
        front->args.rest, front->args.rest_count, front->rank_program};
}

/* The recorder frees these, which it makes itself in a new run. */
static void own_texts(struct rg_run *run)
{
    for (size_t i = 0; i < run->lost_count; i++)
        run->lost[i].where = strdup(run->lost[i].where);
    if (run->hardware_reason != NULL)
        run->hardware_reason = strdup(run->hardware_reason);
}

/* Everything that run.json holds is as it was. */
static int take_up(struct front *front, struct rg_error *err)
{
    static const char *const allowed[] = {
        "resume", "quiet", "verbose", "max-lost", "mpirun", "start-timeout", "rank-program", "dry-run"};
    struct rg_run *run = &front->run;
    for (size_t i = 0; i < front->args.given_count; i++) {
        bool ok = false;
        for (size_t a = 0; a < sizeof allowed / sizeof *allowed; a++)
            ok |= strcmp(front->args.given[i].row->name, allowed[a]) == 0;
        if (!ok)
            return rg_fail(err, -EINVAL, "--resume goes on with what the run was started with: --%s cannot be changed",
                front->args.given[i].row->name);
    }
    int code = rg_run_load(front->options.resume, run, err);
    if (code != 0)
        return code;
    own_texts(run);
    front->options.machine = run->machine;
    front->options.transport = run->transport;
    snprintf(front->directory, sizeof front->directory, "%s", front->options.resume);
    while (run->hosts[front->node_count] != NULL)
        front->node_count++;
    if (strcmp(run->status, "complete") == 0)
        code = rg_fail(err, -EINVAL, "%s: the run is complete; there is nothing left to measure", front->directory);
    if (code == 0)
        code = choose_transport(front, err);
    if (code == 0 && run->machine != NULL) {
        code = rg_cmd_load_machine(run->machine, &front->machine, err);
        front->has_machine = code == 0;
    }
    if (code == 0)
        choose_launch(front);
    return code;
}

static void begin_run(struct front *front)
{
    struct rg_run *run = &front->run;
    rg_run_new_id(front->run_id);
    rg_clock_timestamp(front->started_at);
    run->run_id = front->run_id;
    run->version = RG_VERSION;
    run->started_at = front->started_at;
    run->machine = front->options.machine;
    run->transport = front->options.transport;
    run->exit_status = run->hardware = RG_NONE;
    run->seed = front->options.seed;
    run->clock_error_us = NAN;
    struct rg_plan plan = {&run->suite, front->node_count, (int)run->ranks_per_node, (uint64_t)run->seed};
    run->rounds_planned = rg_plan_rounds(&plan);
    if (front->options.output != NULL)
        snprintf(front->directory, sizeof front->directory, "%s", front->options.output);
    else
        snprintf(front->directory, sizeof front->directory, "railgauge-%s", front->run_id);
}

static int prepare(struct front *front, struct rg_error *err)
{
    int code = 0;
    if (front->args.word_count > 0)
        return rg_fail(err, -EINVAL, "unexpected word '%s'; see railgauge run --help", front->args.words[0]);
    if (front->options.resume != NULL) {
        code = take_up(front, err);
    } else {
        if (front->options.machine != NULL) {
            code = rg_cmd_load_machine(front->options.machine, &front->machine, err);
            front->has_machine = code == 0;
        }
        if (code == 0)
            code = choose_suite(front, err);
        if (code == 0)
            code = choose_transport(front, err);
        if (code == 0)
            code = choose_hosts(front, err);
        if (code == 0)
            code = check_tests(front, err);
        if (code == 0) {
            choose_launch(front);
            begin_run(front);
        }
    }
    front->run.status = "incomplete";
    front->run.incomplete_reason = "the run has not ended";
    front->run.ended_at = NULL;
    return code;
}

static int make_directory(const struct front *front, struct rg_error *err)
{
    if (mkdir(front->directory, 0777) == 0)
        return 0;
    if (errno == EEXIST)
        return rg_fail(err, -EEXIST, "%s: exists already; a run is never written over another", front->directory);
    return rg_fail(err, -errno, "%s: cannot be made: %s", front->directory, strerror(errno));
}

/* --- after the measurements --- */

static int write_verdict(const struct front *front, const struct rg_verdict *verdict, struct rg_error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/verdict.json", front->directory) >= (int)sizeof path)
        return rg_fail(err, -ENAMETOOLONG, "%s: the path is too long", front->directory);
    char *text = rg_verdict_json(verdict);
    int code = text ? rg_file_write_atomic(path, text, err) : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

/* The status that the run ends with: of its verdict, unless it was cut short before anything could be measured, or by a
 * signal. */
static int judge(struct front *front, const struct rg_recorder_end *end, struct rg_error *err)
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

static int finish(struct front *front, const struct rg_recorder_end *end, struct rg_error *err)
{
    int status = RG_EXIT_CANNOT_RUN;
    rg_clock_timestamp(front->ended_at);
    front->run.ended_at = front->ended_at;
    front->run.status = end->reason[0] ? "incomplete" : "complete";
    front->run.incomplete_reason = end->reason[0] ? end->reason : NULL;
    if (end->started)
        status = judge(front, end, err);
    else if (end->signal_number > 0)
        status = 128 + end->signal_number;
    front->run.exit_status = status;
    if (!end->started)
        rg_fail(err, 0, "%s", end->reason);
    struct rg_error why = {{0}};
    if (rg_run_write(&front->run, front->directory, &why) != 0) {
        *err = why;
        return RG_EXIT_CANNOT_RUN;
    }
    if (status != RG_EXIT_CANNOT_RUN && end->started)
        printf("\nThe run is in %s.\n", front->directory);
    return status;
}

static int measure(struct front *front, struct rg_error *err)
{
    struct rg_recorder_plan plan = {
        .directory = front->directory,
        .node_count = front->node_count,
        .launch = &front->launch,
        .fabric = front->fabric.nodes > 0 ? &front->fabric : NULL,
        .lost_most = front->options.lost_most,
        .machine = front->has_machine ? &front->machine : NULL,
        .resumed = front->options.resume != NULL,
        .start_timeout_s = front->options.start_timeout_s,
        .quiet = front->options.quiet,
        .verbose = front->options.verbose,
    };
    int code = rg_recorder_run(&front->run, &plan, &front->end, err);
    return code == 0 ? finish(front, &front->end, err) : RG_EXIT_USAGE;
}

static int print_plan(const struct front *front)
{
    struct rg_plan plan = {
        &front->run.suite, front->node_count, (int)front->run.ranks_per_node, (uint64_t)front->run.seed};
    rg_report_plan(&plan, stdout);
    return RG_EXIT_PASS;
}

static void close_front(struct front *front)
{
    rg_launch_free_texts(front->run.mpirun);
    rg_run_close(&front->run);
    rg_machine_close(&front->machine);
    rg_fabric_close(&front->fabric);
}

int rg_cmd_run(int argc, char **argv)
{
    struct front front = {0};
    struct rg_settings scratch = {0};
    struct rg_error err = {{0}};
    struct rg_command command = {
        .name = "run",
        .synopsis = "[options] [-- MPIRUN-OPTION...]",
        .summary = "measure, judge, and leave a run directory",
        .description = description,
        .notes = notes,
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
    rg_recorder_forget(&front.run);
    close_front(&front);
    return status;
}
