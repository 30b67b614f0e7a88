/* railgauge simulate: the plan, the fabric's arithmetic and the judge in one process, for fleets of any size. */
#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/trials.h"
#include "data/fabric.h"
#include "data/measurement.h"
#include "data/plan.h"
#include "data/run.h"
#include "judge/cost.h"
#include "judge/judge.h"
#include "report/text.h"
#include "test/record.h"
#include "test/simulated.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    const char *suite, *fabric, *faults, *fault, *output, *machine;
    int64_t nodes, rails, seed, trials;
    double noise_percent;
    bool all;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"nodes", NULL, RG_INTEGER, AT(nodes), 2, RG_FABRIC_NODES_MOST, "16", .letter = 'n', .help = "Nodes of the fleet."},
    {"rails", NULL, RG_INTEGER, AT(rails), 1, 64, "8", .help = "Rails of each node."},
    {"fabric", NULL, RG_TEXT, AT(fabric), .metavar = "FILE",
        .help = "A fabric to simulate, faults and all, instead of one by these options; truth.json of another run is "
                "one."},
    {"fault", NULL, RG_TEXT, AT(fault), .metavar = "FAULT",
        .help =
            "A fault, as in slow,part=tx,node=17,rail=3,loss=20. slow, flaps (away for that share of the time) and "
            "straggles (a rank that holds up collectives: part=nic) have a loss= in percent; dead and corrupts none; "
            "dies (part=node) and hangs (part=nic) have at= in seconds of the plan. Parts: tx, rx, nic (both), node "
            "(no rail=), rail (no node=), path (with peer=), leaf_tx and leaf_rx (node= is the leaf's number; a "
            "fleet of more than 32 nodes has leaves of 16). A node may be given by its name, as sim017. May be given "
            "again."},
    {"faults", NULL, RG_TEXT, AT(faults), .metavar = "random:N",
        .help = "So many faults by lot, from the seed, of all kinds but straggles."},
    {"noise", NULL, RG_NUMBER, AT(noise_percent), 0, 50, "0.5", .metavar = "PERCENT",
        .help = "Standard deviation of a flow's rate."},
    {"seed", NULL, RG_INTEGER, AT(seed), 0, 9007199254740991.0, "1",
        .help =
            "Another seed is another fleet: it draws noise, --faults random:N, and who meets whom in --pattern screen "
            "and congestion."},
    {"suite", NULL, RG_TEXT, AT(suite), .metavar = "NAME", .letter = 's',
        .help = "What to measure, by name or path. [one rdma_write_bw, --pattern screen, unless --test is given]"},
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help = "A machine, by name or path; its fleet_tolerance_percent says how far below its peers a part is "
                "suspect. [5 %]"},
    {"output", NULL, RG_TEXT, AT(output), .metavar = "DIR", .letter = 'o',
        .help = "Writes run.json, measurements.ndjson, verdict.json, and truth.json with what is wrong with the "
                "fabric, into this directory, which must not exist. [nothing is written]"},
    {"trials", NULL, RG_INTEGER, AT(trials), 1, 1000000, .metavar = "N",
        .help = "Draws so many fleets of 3 to 512 nodes with up to 4 faults, and as many healthy ones, from the seed, "
                "and prints how often the judge named just the faulty parts, and each miss."},
    {"all", NULL, RG_FLAG, AT(all), .help = "Prints every row, even of a large fleet."},
};

static const char description[] =
    "Measures a simulated fabric as `railgauge run` measures a real one: the same plan, the same judge, suspects "
    "measured again. What is wrong with the fabric goes into truth.json, which the judge never reads. Everything that "
    "comes from here says hardware: false.";

static const char notes[] =
    "Exit status: 0 the judge found nothing wrong in the fleet, 1 it names suspects or a flow failed, 2 usage or invalid "
    "input, 3 inconclusive: ranks were lost, or the suite asks for what is not simulated (copies) or tells no parts "
    "apart.\n\n"
    "The model: every NIC sends and receives at the same rate at most, flows that share one share it equally, a faulty "
    "part takes its share away, and where several parts of a flow's way are short, the shortest decides. A collective "
    "goes at the pace of its slowest rank. A node that dies and a rank that hangs are lost, not suspects: from then on "
    "what they took part in is not measured.";

static const struct rg_example examples[] = {
    {"railgauge simulate --nodes 16 --fault slow,part=tx,node=7,rail=3,loss=20 -o sim-1",
        "A fleet with one side of a NIC that is 20 % slow: does the verdict name it?"},
    {"railgauge simulate --nodes 8 --pattern pairs --seed 2 -o sim-2",
        "Every pair of nodes, whatever the seed, so that runs of two seeds can be held against each other: railgauge "
        "compare sim-3 --baseline sim-2."},
    {"railgauge simulate --trials 1000", "How often are just the faulty parts named, in a thousand fleets?"},
    {NULL, NULL},
};

struct simulation {
    struct options options;
    struct rg_args args;
    struct rg_fabric fabric;
    struct rg_machine machine;
    struct rg_run run;
    struct rg_plan plan;
    struct rg_fleet_judge *judge;
    struct rg_journal *journal; /* NULL: nothing is written */
    struct rg_marks marks;
    struct rg_samples samples;
    char run_id[RG_RUN_ID_LENGTH], started_at[RG_TIMESTAMP_LENGTH], ended_at[RG_TIMESTAMP_LENGTH];
    char **names;
    int64_t left_out; /* rounds that are not simulated */
    char why_incomplete[160];
};

/* --- what to simulate --- */

static int make_fabric(struct simulation *s, struct rg_error *err)
{
    const struct options *o = &s->options;
    rg_fabricdoc_default((int)o->nodes, (int)o->rails, (uint64_t)o->seed, &s->fabric);
    s->fabric.noise = o->noise_percent / 100;
    return rg_fabric_prepare(&s->fabric, err);
}

/* Options that another one leaves without effect. */
static int check_options(const struct simulation *s, struct rg_error *err)
{
    static const char *const of_a_file[] = {"nodes", "rails", "noise", "faults"};
    for (size_t i = 0; s->options.fabric != NULL && i < sizeof of_a_file / sizeof *of_a_file; i++)
        if (rg_args_given(&s->args, of_a_file[i]))
            return rg_fail(err, -EINVAL, "--%s and --fabric exclude each other: the file says it", of_a_file[i]);
    for (size_t i = 0; s->options.trials != RG_NONE && i < s->args.given_count; i++) {
        const char *name = s->args.given[i].row->name;
        if (strcmp(name, "trials") != 0 && strcmp(name, "seed") != 0)
            return rg_fail(err, -EINVAL, "--%s and --trials exclude each other: trials draw all but the seed", name);
    }
    return 0;
}

static int choose_fabric(struct simulation *s, struct rg_error *err)
{
    const struct options *o = &s->options;
    long count = 0;
    char *end = NULL;
    int code = 0;
    if (o->fabric != NULL)
        code = rg_fabricdoc_load(o->fabric, &s->fabric, err);
    else
        code = make_fabric(s, err);
    if (code == 0 && o->faults != NULL) {
        if (strncmp(o->faults, "random:", 7) != 0 || (count = strtol(o->faults + 7, &end, 10)) < 0 || count > 1000 ||
            end == o->faults + 7 || *end != '\0')
            return rg_fail(err, -EINVAL, "--faults: '%s' is not random:N with N from 0 to 1000", o->faults);
        struct rg_plan plan = {&s->run.suite, s->fabric.nodes, s->fabric.rails, (uint64_t)o->seed};
        code = rg_fabric_draw_faults(&s->fabric, (int)count, rg_plan_begin_s(&plan, rg_plan_rounds(&plan)), err);
        if (code == 0 && s->fabric.fault_count < count)
            code =
                rg_fail(err, -EINVAL, "--faults: this fleet has room for %d faults that touch no part twice, not %ld",
                    s->fabric.fault_count, count);
    }
    for (size_t i = 0; code == 0 && i < s->args.given_count; i++)
        if (strcmp(s->args.given[i].row->name, "fault") == 0)
            code = rg_fabricdoc_add_fault(&s->fabric, s->args.given[i].text, err);
    return code;
}

static int choose_suite(struct simulation *s, struct rg_error *err)
{
    struct rg_suite *suite = &s->run.suite;
    if (s->options.suite != NULL && rg_args_given(&s->args, "test"))
        return rg_fail(err, -EINVAL, "--suite and --test exclude each other: --test makes a suite of one test");
    int code = s->options.suite ? rg_cmd_load_suite(s->options.suite, suite, err)
                                : rg_suite_single("rdma_write_bw", suite, err);
    if (code == 0 && s->options.suite == NULL)
        suite->tests[0].pattern = "screen";
    if (code == 0)
        code = rg_cmd_apply_settings(&s->args, suite, err);
    const struct rg_settings *tcp = code == 0 ? rg_suite_test_over_tcp(suite) : NULL;
    if (tcp != NULL)
        return rg_fail(err, -EINVAL, "%s is measured over real sockets: a simulated fabric has none", tcp->test);
    return code;
}

/* --- one flow --- */

static struct rg_end end_of(const struct simulation *s, int node, int rail)
{
    return (struct rg_end){
        .node = s->names[node], .rail = rail, .rank = (int64_t)node * s->fabric.rails + rail, .device = "sim"};
}

static void describe(const struct simulation *s, const struct rg_round *round, int64_t number,
    const struct rg_link *link, struct rg_measurement *out)
{
    const char *memory = s->run.suite.tests[round->test_index].memory;
    rg_measurement_clear(out);
    rg_record_plan(&s->run.suite, round, link->load, out);
    out->run_id = s->run.run_id;
    out->sequence = s->run.measurements;
    out->round = number;
    out->status = "ok";
    out->transport = "sim";
    out->memory = strcmp(memory, "auto") == 0 ? "host" : memory;
    out->hardware_reason = "simulated fabric";
    out->flow.from = end_of(s, link->from_node, link->from_rail);
    out->flow.to = end_of(s, link->to_node, link->to_rail);
}

static void describe_dead(struct rg_measurement *out)
{
    out->status = "failed";
    out->reason = "nothing gets through the simulated fabric";
    out->has_error = true;
    out->error = (struct rg_fault){.node = out->flow.from.node,
        .rail = out->flow.from.rail,
        .rank = out->flow.from.rank,
        .step = "run",
        .message = out->reason};
}

static void describe_outcome(struct simulation *s, const struct rg_settings *settings,
    const struct rg_simulated *simulated, struct rg_measurement *out, struct rg_record_texts *texts)
{
    struct rg_stream stream = {.subwindows = (uint64_t)settings->subwindows};
    stream.begin_ns = rg_seconds_to_ns(settings->warmup_s);
    stream.end_ns = stream.begin_ns + rg_seconds_to_ns(settings->duration_s);
    stream.messages = settings->iterations == RG_NONE ? 0 : (uint64_t)settings->iterations;
    out->has_path = true;
    out->path =
        (struct rg_path){4096, 4, 0, 0, rg_wire_payload_share(RG_OPERATION_WRITE, (uint64_t)out->size_bytes, 4096, 4)};
    if (rg_test_kind_of(out->test) == RG_TEST_BANDWIDTH) {
        struct rg_mismatch found;
        uint64_t words = (uint64_t)settings->working_set_bytes / 8, key = (uint64_t)out->round;
        struct rg_rank_facts at = {
            .node.node = out->flow.to.node, .rail.rail = out->flow.to.rail, .rail.rank = out->flow.to.rank};
        rg_simulated_bandwidth(simulated, &stream, (uint64_t)out->size_bytes, &s->marks);
        rg_record_bandwidth(&s->marks, 0, (uint64_t)out->size_bytes, out, texts);
        rg_simulated_integrity(simulated, words, key, &found);
        if (strcmp(out->status, "ok") == 0)
            rg_record_integrity(&found, settings->verify, &at, out, texts);
    } else {
        rg_simulated_latency(simulated, &stream, &s->samples);
        rg_record_latency(&s->samples, 0, settings->keep_samples, out, texts);
    }
    out->window.clock_error_us = 0;
}

static int write_measurement(struct simulation *s, const struct rg_measurement *m, struct rg_error *err)
{
    char *line = rg_measurement_line(m);
    int code = line ? rg_journal_append(s->journal, line, err) : rg_fail(err, -ENOMEM, "no memory");
    s->run.measurements += code == 0;
    free(line);
    return code;
}

static int write_flow(struct simulation *s, const struct rg_round *round, int64_t number,
    const struct rg_simulated *simulated, struct rg_error *err)
{
    struct rg_measurement m;
    struct rg_record_texts texts;
    describe(s, round, number, &simulated->link, &m);
    if (simulated->outcome.dead)
        describe_dead(&m);
    else
        describe_outcome(s, &s->run.suite.tests[round->test_index], simulated, &m, &texts);
    int code = write_measurement(s, &m, err);
    rg_measurement_close(&m);
    return code;
}

/* One round. */
struct visit {
    struct simulation *simulation;
    const struct rg_round *round;
    int64_t number;
    struct rg_error *err;
};

static int measure_flow(void *context, const struct rg_link *link)
{
    const struct visit *visit = context;
    struct simulation *s = visit->simulation;
    const struct rg_round *round = visit->round;
    struct rg_simulated simulated;
    rg_simulated_open(&s->fabric, round, visit->number, link, &simulated);
    if (simulated.outcome.gone)
        return 0;
    bool evidence = round->links != NULL || rg_schedule_is_exclusive(round->schedule.pattern);
    const struct rg_settings *settings = &s->run.suite.tests[round->test_index];
    int code = 0;
    if (evidence && rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH)
        code = rg_fleet_judge_add_flow(s->judge, (int64_t)round->test_index, round->size_bytes, link,
            simulated.outcome.dead ? NAN : simulated.outcome.rate_gbps,
            simulated.outcome.dead || !settings->verify ? -1 : !simulated.outcome.corrupt, visit->err);
    return code == 0 && s->journal != NULL ? write_flow(s, round, visit->number, &simulated, visit->err) : code;
}

/* --- collectives --- */

static int measure_circle(struct simulation *s, const struct rg_round *round, int64_t number,
    const struct rg_circle *circle, struct rg_error *err)
{
    const struct rg_settings *settings = &s->run.suite.tests[round->test_index];
    int *members = calloc((size_t)s->fabric.nodes * (size_t)s->fabric.rails, sizeof *members);
    struct rg_measurement m;
    if (members == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    int count = rg_simulated_members(&s->fabric, circle, round->at_s, members), code = 0;
    rg_measurement_clear(&m);
    m.run_id = s->run.run_id;
    m.sequence = s->run.measurements;
    m.round = number;
    m.test_index = (int64_t)round->test_index;
    m.test = settings->test;
    m.size_bytes = round->size_bytes;
    if (count > 0) {
        bool of_nodes = circle->node >= 0; /* of a pair, one may be gone */
        m.group = (struct rg_group){settings->group, of_nodes ? s->names[members[0] / s->fabric.rails] : NULL,
            circle->peer >= 0 ? s->names[members[count - 1] / s->fabric.rails] : NULL, count,
            circle->rail < 0 ? RG_NONE : circle->rail};
        rg_simulated_collective(&s->fabric, settings, members, count, rg_cost_bus(settings->test, count), &m);
        code = rg_fleet_judge_add(s->judge, &m, err);
    }
    if (code == 0 && count > 0 && s->journal != NULL)
        code = write_measurement(s, &m, err);
    free(members);
    return code;
}

static int measure_collectives(struct simulation *s, const struct rg_round *round, int64_t number, struct rg_error *err)
{
    const char *group = s->run.suite.tests[round->test_index].group;
    bool pair = strcmp(group, "pair") == 0, of_nodes = pair || strcmp(group, "node") == 0;
    bool of_rails = strcmp(group, "rail") == 0;
    int count = of_nodes ? s->fabric.nodes : of_rails ? s->fabric.rails : 1, code = 0;
    for (int i = 0; code == 0 && i < count; i++) {
        struct rg_circle circle = {of_nodes ? i : -1, -1, of_rails ? i : -1, 0, 0};
        if (pair)
            circle.peer = rg_schedule_partner(s->fabric.nodes, (int)round->turn, i);
        if (!pair || circle.peer > i)
            code = measure_circle(s, round, number, &circle, err);
    }
    return code;
}

/* --- rounds --- */

static int measure_round(struct simulation *s, const struct rg_round *round, int64_t number, struct rg_error *err)
{
    struct visit visit = {s, round, number, err};
    enum rg_test_kind kind = rg_test_kind_of(s->run.suite.tests[round->test_index].test);
    s->run.rounds_done = number + 1;
    s->left_out += kind == RG_TEST_COPY;
    if (kind == RG_TEST_COLLECTIVE)
        return measure_collectives(s, round, number, err);
    return kind == RG_TEST_COPY ? 0 : rg_plan_each_link(&s->plan, round, measure_flow, &visit);
}

/* Who has died or hung by the end is lost. */
static int lose_the_gone(struct simulation *s, double at_s, struct rg_error *err)
{
    s->run.lost = calloc((size_t)s->fabric.nodes * (size_t)s->fabric.rails + 1, sizeof *s->run.lost);
    if (s->run.lost == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    for (int nic = 0; nic < s->fabric.nodes * s->fabric.rails; nic++) {
        int node = nic / s->fabric.rails, rail = nic % s->fabric.rails;
        if (!rg_fabric_is_gone(&s->fabric, node, rail, at_s))
            continue;
        s->run.lost[s->run.lost_count++] =
            (struct rg_lost_rank){s->names[node], "did not come in time (simulated)", nic, rail};
        rg_fleet_judge_lose(s->judge, s->names[node], rail);
    }
    return 0;
}

static int measure_all(struct simulation *s, struct rg_error *err)
{
    double at_s = 0;
    int code = 0;
    for (int64_t n = 0; code == 0 && n < s->run.rounds_planned; n++) {
        struct rg_round round = rg_plan_round(&s->plan, n);
        round.at_s = at_s;
        at_s += rg_plan_seconds(&s->run.suite, &round);
        code = measure_round(s, &round, n, err);
    }
    if (code == 0)
        code = lose_the_gone(s, at_s, err);
    for (int64_t n = s->run.rounds_planned; code == 0; n++) {
        struct rg_round round = {.at_s = at_s};
        struct rg_link *links = NULL;
        int64_t test = 0;
        code = rg_fleet_judge_ask(s->judge, &test, &round.size_bytes, &links, &round.link_count, err);
        round.test_index = (size_t)test;
        round.links = links;
        if (code == 0 && links == NULL)
            return 0;
        if (code == 0)
            code = measure_round(s, &round, n, err);
        free(links);
    }
    return code;
}

/* --- files and verdict --- */

static int write_text(const struct simulation *s, const char *name, char *text, struct rg_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", s->options.output, name);
    int code = text ? rg_file_write_atomic(path, text, err) : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

static int open_files(struct simulation *s, struct rg_error *err)
{
    char path[PATH_MAX];
    const char *directory = s->options.output;
    if (directory == NULL)
        return 0;
    if (mkdir(directory, 0777) != 0)
        return rg_fail(err, -errno, "%s: cannot be made: %s", directory, strerror(errno));
    snprintf(path, sizeof path, "%s/measurements.ndjson", directory);
    int code = write_text(s, "truth.json", rg_fabricdoc_text(&s->fabric), err);
    if (code == 0)
        code = rg_run_write(&s->run, directory, err);
    return code == 0 ? rg_journal_open(path, &s->journal, err) : code;
}

static int prepare_run(struct simulation *s, struct rg_error *err)
{
    struct rg_run *run = &s->run;
    size_t nics = (size_t)s->fabric.nodes * (size_t)s->fabric.rails;
    rg_run_new_id(s->run_id);
    rg_clock_timestamp(s->started_at);
    run->run_id = s->run_id;
    run->version = RG_VERSION;
    run->status = "incomplete";
    run->incomplete_reason = "the run has not ended";
    run->started_at = s->started_at;
    run->transport = "sim";
    run->machine = s->options.machine;
    run->hardware = 0;
    run->hardware_reason = "simulated fabric";
    run->exit_status = RG_NONE;
    run->seed = s->options.seed;
    run->clock_error_us = NAN;
    run->ranks_per_node = s->fabric.rails;
    s->plan = (struct rg_plan){&run->suite, s->fabric.nodes, s->fabric.rails, (uint64_t)run->seed};
    run->rounds_planned = rg_plan_rounds(&s->plan);
    if (run->rounds_planned == 0)
        return rg_fail(err, -EINVAL, "nothing of this can be measured among %d nodes with %d rails: they are too few",
            s->fabric.nodes, s->fabric.rails);
    s->names = run->hosts = calloc((size_t)s->fabric.nodes + 1, sizeof *s->names);
    run->ranks = calloc(nics + 1, sizeof *run->ranks);
    s->samples =
        (struct rg_samples){.ns = calloc(RG_SIMULATED_SAMPLES, sizeof(uint64_t)), .room = RG_SIMULATED_SAMPLES};
    if (s->names == NULL || run->ranks == NULL || s->samples.ns == NULL)
        return rg_fail(err, -ENOMEM, "no memory for %zu rails", nics);
    for (size_t nic = 0; nic < nics; nic++) {
        int node = (int)nic / s->fabric.rails;
        char name[32];
        rg_fabricdoc_node_name(node, name);
        if (s->names[node] == NULL && (s->names[node] = strdup(name)) == NULL)
            return rg_fail(err, -ENOMEM, "no memory");
        struct rg_rank_facts *facts = &run->ranks[run->rank_count++];
        rg_rank_facts_clear(facts);
        facts->node = (struct rg_node_facts){.node = s->names[node],
            .kernel = "simulated",
            .leaf = s->fabric.leaf_of[node],
            .cpus = RG_NONE,
            .numa_nodes = RG_NONE,
            .memory_bytes = RG_NONE};
        facts->rail.rail = (int64_t)nic % s->fabric.rails;
        facts->rail.rank = (int64_t)nic;
        facts->rail.device = "sim";
        facts->rail.gpu_why = "simulated fabric";
    }
    int code = rg_marks_open(&s->marks, 1000, err);
    return code == 0 ? open_files(s, err) : code;
}

static void end_run(struct simulation *s)
{
    size_t lost = s->run.lost_count;
    char *at = s->why_incomplete;
    size_t room = sizeof s->why_incomplete;
    rg_clock_timestamp(s->ended_at);
    s->run.ended_at = s->ended_at;
    if (lost > 0)
        snprintf(at, room, "%zu rank%s lost, and what %s took part in was not measured", lost,
            lost == 1 ? " was" : "s were", lost == 1 ? "it" : "they");
    else if (s->left_out > 0)
        snprintf(at, room, "%lld round%s left out, since copies are not simulated", (long long)s->left_out,
            s->left_out == 1 ? " was" : "s were");
    s->run.status = lost > 0 || s->left_out > 0 ? "incomplete" : "complete";
    s->run.incomplete_reason = lost > 0 || s->left_out > 0 ? s->why_incomplete : NULL;
}

/* A run that was written is judged as `railgauge compare` judges it; of one that was not, there are the flows alone. */
static int judge(struct simulation *s, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_yardstick nothing = {0};
    if (s->journal != NULL)
        return rg_judge_run(&s->run, s->options.output, &nothing, out, err);
    *out = (struct rg_verdict){.run_id = s->run.run_id, .against_kind = "none", .hardware = 0};
    int code = rg_fleet_judge_conclude(s->judge, &s->run.suite, out, err);
    if (code == 0)
        rg_judge_conclude_fleet(&s->run, rg_fleet_judge_flows(s->judge), out);
    return code;
}

static int finish(struct simulation *s, struct rg_error *err)
{
    struct rg_verdict verdict = {0};
    end_run(s);
    int code = s->journal ? rg_journal_sync(s->journal, err) : 0;
    if (code == 0)
        code = judge(s, &verdict, err);
    s->run.exit_status = code == 0 ? verdict.exit_status : RG_NONE;
    if (code == 0 && s->journal != NULL)
        code = write_text(s, "verdict.json", rg_verdict_json(&verdict), err);
    if (code == 0 && s->journal != NULL)
        code = rg_run_write(&s->run, s->options.output, err);
    if (code == 0) {
        struct rg_text_style style = {.colour = isatty(STDOUT_FILENO) == 1, .all = s->options.all};
        rg_report_text(&s->run, &verdict, &style, stdout);
        if (s->journal != NULL)
            printf("\nThe run is in %s; what is wrong with the fabric, in its truth.json.\n", s->options.output);
    }
    int status = code == 0 ? verdict.exit_status : RG_EXIT_CANNOT_RUN;
    rg_verdict_close(&verdict);
    return status;
}

static void close_simulation(struct simulation *s)
{
    rg_journal_close(s->journal);
    rg_fleet_judge_close(s->judge);
    rg_marks_close(&s->marks);
    free(s->samples.ns);
    rg_run_close(&s->run); /* the names are its hosts */
    rg_machine_close(&s->machine);
    rg_fabric_close(&s->fabric);
}

static int simulate(struct simulation *s, struct rg_error *err)
{
    const struct rg_machine *machine = NULL;
    int code = rg_cmd_no_words("simulate", &s->args, err);
    if (code == 0)
        code = check_options(s, err);
    if (code != 0)
        return RG_EXIT_USAGE;
    if (s->options.trials != RG_NONE) {
        code = rg_trials_run(s->options.trials, (uint64_t)s->options.seed, stdout, err);
        return code < 0 ? RG_EXIT_CANNOT_RUN : code;
    }
    if (s->options.machine != NULL) {
        code = rg_cmd_load_machine(s->options.machine, &s->machine, err);
        machine = &s->machine;
    }
    if (code == 0)
        code = choose_suite(s, err);
    if (code == 0)
        code = choose_fabric(s, err);
    if (code == 0)
        code = prepare_run(s, err);
    if (code == 0)
        code = rg_fleet_judge_open_run(&s->run, rg_judge_least_loss_percent(&s->run, machine), &s->judge, err);
    if (code != 0)
        return RG_EXIT_USAGE;
    return measure_all(s, err) == 0 ? finish(s, err) : RG_EXIT_CANNOT_RUN;
}

int rg_cmd_simulate(int argc, char **argv)
{
    struct simulation s = {.run.clock_error_us = NAN};
    struct rg_settings scratch = {0};
    struct rg_error err = {{0}};
    struct rg_command command = {
        .name = "simulate",
        .synopsis = "[options]",
        .summary = "measure and judge a simulated fabric",
        .description = description,
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &s.options},
            {"What is measured (each changes every test of the suite)", rg_settings_rows, rg_settings_row_count,
                &scratch}},
        .group_count = 2,
    };
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &s.args, &status))
        return status;
    status = simulate(&s, &err);
    if (err.text[0] != '\0')
        rg_cmd_refuse("simulate", status, &err);
    close_simulation(&s);
    return status;
}
