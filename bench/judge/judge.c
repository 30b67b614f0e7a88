#include "judge/judge.h"

#include "data/plan.h"
#include "judge/earlier.h"
#include "judge/ends.h"
#include "judge/hold.h"
#include "judge/peers.h"
#include "judge/promises.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The row's ceiling holds the payload's share so far, summed over the rails of a node. */
static void add_ceiling(struct rg_row *row, const struct rg_machine *machine, size_t rails)
{
    double line_rate = machine ? machine->line_rate_gbps : NAN;
    double nominal = strcmp(row->scope, "node") == 0 ? line_rate * (double)rails : line_rate;
    bool whole = machine != NULL && (machine->rails == RG_NONE || machine->rails == (int64_t)rails);
    if (whole && strcmp(row->scope, "node") == 0 && !isnan(machine->node_nominal_gbps))
        nominal = machine->node_nominal_gbps;
    row->ceiling *= line_rate;
    if (!isnan(row->measured) && same(row->metric, "bandwidth_gbps") && !same(row->scope, "gpu")) {
        row->nominal_percent = 100 * row->measured / nominal;
        row->ceiling_percent = 100 * row->measured / row->ceiling;
    }
}

static bool verifies(const struct rg_suite *suite)
{
    for (size_t i = 0; i < suite->test_count; i++)
        if (!suite->tests[i].verify)
            return false;
    return true;
}

/* Puts the parts that are to blame before the rest of the summary. */
static void name_accused(struct rg_verdict *v)
{
    char rest[sizeof v->summary], first[400];
    size_t others = v->accused_count - 1;
    snprintf(rest, sizeof rest, "%s", v->summary);
    const char *sentence = v->accused[0].sentence, *end = strstr(sentence, "; ");
    while (end != NULL && (end[2] < '0' || end[2] > '9')) /* what follows is how many flows show it */
        end = strstr(end + 2, "; ");
    snprintf(first, sizeof first, "%.*s", end ? (int)(end - sentence) : (int)strlen(sentence), sentence);
    if (others > 0)
        snprintf(v->summary, sizeof v->summary, "%s; and %zu more suspect%s. %.560s", first, others,
            others > 1 ? "s" : "", rest);
    else
        snprintf(v->summary, sizeof v->summary, "%s. %.600s", first, rest);
}

/* whole: the run used all rails of the machine. */
static void conclude(const struct rg_run *run, bool whole, struct rg_verdict *v)
{
    bool complete = strcmp(run->status, "complete") == 0, compared = strcmp(v->against_kind, "none") != 0;
    size_t open = v->counts[RG_NOISY] + v->counts[RG_UNSUPPORTED] + v->counts[RG_NOT_RUN];
    size_t judged = v->counts[RG_PASS] + v->counts[RG_FAIL] + open;
    char rest[256];
    bool nothing = compared ? judged == 0 : v->row_count + v->left_out == 0;
    bool failed = v->counts[RG_FAIL] > 0 || v->accused_count > 0;
    v->status = failed ? RG_FAIL : open > 0 || !complete || !whole || nothing ? RG_NOISY : RG_PASS;
    v->exit_status = v->status == RG_PASS ? 0 : v->status == RG_FAIL ? 1 : 3;
    snprintf(
        rest, sizeof rest, "%s%s", complete ? "" : "; the run is incomplete: ", complete ? "" : run->incomplete_reason);
    if (!compared && v->status == RG_PASS)
        snprintf(v->summary, sizeof v->summary, "Everything was measured%s; it was compared with nothing.",
            v->verified > 0 && verifies(&run->suite) ? " and arrived intact" : "");
    else if (!compared && v->counts[RG_FAIL] == 0 && open == 0)
        snprintf(v->summary, sizeof v->summary, "There was no baseline to hold the %zu figures against%s.",
            v->counts[RG_UNJUDGED], rest);
    else if (!compared)
        snprintf(v->summary, sizeof v->summary, "%zu of %zu figures failed, %zu are open%s.", v->counts[RG_FAIL],
            judged + v->counts[RG_UNJUDGED], open, rest);
    else if (nothing)
        snprintf(
            v->summary, sizeof v->summary, "Nothing in the run could be held against %s%s.", v->against_name, rest);
    else
        snprintf(v->summary, sizeof v->summary, "%zu of %zu expectations of %s are met, %zu failed, %zu are open%s.",
            v->counts[RG_PASS], judged, v->against_name, v->counts[RG_FAIL], open, rest);
    if (v->accused_count > 0)
        name_accused(v);
}

void rg_judge_conclude_fleet(const struct rg_run *run, size_t flows, struct rg_verdict *io)
{
    char lost[256] = "";
    bool complete = strcmp(run->status, "complete") == 0 && flows > 0;
    io->status = io->accused_count > 0 ? RG_FAIL : complete ? RG_PASS : RG_NOISY;
    io->exit_status = io->status == RG_PASS ? 0 : io->status == RG_FAIL ? 1 : 3;
    if (run->incomplete_reason != NULL)
        snprintf(lost, sizeof lost, "The run is incomplete: %s.", run->incomplete_reason);
    if (flows == 0)
        snprintf(io->summary, sizeof io->summary,
            "Nothing was judged: the suite has neither bandwidth between nodes, one flow a rail, nor collectives of "
            "nodes, pairs or rails, by which parts are told apart; -o DIR keeps and shows what was measured.");
    else
        snprintf(io->summary, sizeof io->summary, "%s%s",
            io->accused_count > 0 ? "" : "No part does worse than its peers. ", lost);
    if (io->accused_count > 0)
        name_accused(io);
}

double rg_judge_least_loss_percent(const struct rg_run *run, const struct rg_machine *machine)
{
    if (machine != NULL && !isnan(machine->fleet_tolerance_percent))
        return machine->fleet_tolerance_percent;
    for (size_t i = 0; i < run->rank_count; i++)
        if (run->ranks[i].rail.soft)
            return RG_FLEET_LEAST_LOSS_SOFT_PERCENT;
    return RG_FLEET_LEAST_LOSS_PERCENT;
}

static const struct rg_machine *rates_of(const struct rg_yardstick *yardstick)
{
    return yardstick->rates ? yardstick->rates : yardstick->machine;
}

/* All that a run is held against while its rows are read. */
struct bench {
    const struct rg_run *run;
    const struct rg_yardstick *yardstick;
    struct rg_earlier **earlier; /* one a baseline */
    struct rg_peers peers;
    size_t rails;
    bool whole, several;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to judge the run");
}

/* A p99 is there to be held against an expectation; without one the median says enough. */
static bool is_unexpected_tail(const struct rg_row *row)
{
    return same(row->metric, "latency_p99_us") && row->status == RG_UNJUDGED && isnan(row->expected);
}

/* Whether a row stays in the list; if not, it was counted. */
static bool is_kept(const struct rg_row *row, size_t kept)
{
    bool well = row->status == RG_PASS || row->status == RG_UNJUDGED;
    return kept < (well ? RG_ROWS_KEPT : 2 * RG_ROWS_KEPT);
}

/* Concludes and counts the rows from first on, and keeps those that are to be kept. */
static int conclude_rows(const struct bench *bench, struct rg_verdict *verdict, size_t first, struct rg_error *err)
{
    size_t kept = first;
    int code = 0;
    for (size_t i = first; i < verdict->row_count; i++) {
        struct rg_row *row = &verdict->rows[i];
        if (code == 0 && rg_hold_conclude(row, bench->several) != 0)
            code = no_memory(err);
        bool counts = code == 0 && !is_unexpected_tail(row), keep = counts && is_kept(row, kept);
        if (counts && rg_verdict_tally(verdict, row, keep && rg_ends_are_open(row)) != 0)
            code = no_memory(err);
        verdict->left_out += counts && !keep;
        if (!keep)
            rg_row_close(row);
        else if (kept++ != i)
            verdict->rows[kept - 1] = *row;
    }
    verdict->row_count = kept;
    return code;
}

static int settle(void *context, struct rg_verdict *verdict, size_t first, struct rg_error *err)
{
    const struct bench *bench = context;
    const struct rg_yardstick *yardstick = bench->yardstick;
    int code = 0;
    for (size_t i = first; code == 0 && i < verdict->row_count; i++) {
        struct rg_row *row = &verdict->rows[i];
        add_ceiling(row, rates_of(yardstick), bench->rails);
        if (yardstick->machine != NULL)
            code = rg_promises_hold(yardstick->machine, bench->whole, row, err);
        for (size_t b = 0; code == 0 && b < yardstick->baseline_count; b++)
            code = rg_earlier_hold(bench->earlier[b], row, err);
        if (code == 0 && yardstick->baseline_count > 0 && row->bound_count == 0 && row->reason == NULL)
            rg_hold_reason(row, "the earlier run has no such measurement");
        if (code == 0 && yardstick->fleet)
            code = rg_peers_hold(&bench->peers, row, verdict, err);
    }
    return code == 0 ? conclude_rows(bench, verdict, first, err) : code;
}

/* The rows as measured and held, and who is to blame for flows that fell short of their peers. */
static int judge_rows(struct bench *bench, const char *directory, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_fleet_judge *fleet = NULL;
    struct rg_settler settler = {settle, bench};
    double least_loss = rg_judge_least_loss_percent(bench->run, rates_of(bench->yardstick));
    int code = rg_fleet_judge_open_run(bench->run, least_loss, &fleet, err);
    if (code == 0)
        code = rg_judge_measured_by(bench->run, directory, fleet, &settler, out, err);
    if (code == 0)
        code = rg_fleet_judge_conclude(fleet, &bench->run->suite, out, err);
    rg_fleet_judge_close(fleet);
    return code;
}

/* What was to be there and is not, and what could not be compared. */
static int add_absent(struct bench *bench, struct rg_verdict *out, struct rg_error *err)
{
    const struct rg_yardstick *yardstick = bench->yardstick;
    const struct rg_machine *machine = yardstick->machine;
    size_t first = out->row_count;
    int code = machine ? rg_promises_absent(bench->run, machine, out, err) : 0;
    if (code == 0)
        code = conclude_rows(bench, out, first, err);
    for (size_t b = 0; code == 0 && b < yardstick->baseline_count; b++) {
        first = out->row_count;
        while (rg_earlier_missing(bench->earlier[b], out, &code, err)) {
            code = conclude_rows(bench, out, first, err);
            first = out->row_count;
        }
        if (code == 0)
            rg_earlier_note(bench->earlier[b], out);
    }
    if (machine != NULL)
        rg_promises_note(machine, out);
    if (machine != NULL && machine->hardware && bench->run->hardware == 0)
        rg_verdict_note(out, "the run is not of hardware (%s), so nothing in it can pass the baseline of %s",
            bench->run->hardware_reason, machine->name);
    if (machine != NULL && !bench->whole)
        rg_verdict_note(
            out, "%s has %lld rails a node, the run used %zu", machine->name, (long long)machine->rails, bench->rails);
    return code;
}

/* "a3-ultra, run 2026... and the fleet" */
static void name_yardsticks(const struct bench *bench, struct rg_verdict *out)
{
    const struct rg_yardstick *yardstick = bench->yardstick;
    bool machine = yardstick->machine != NULL, fleet = yardstick->fleet;
    size_t runs = yardstick->baseline_count;
    char words[200], earlier[64] = "";
    if (runs == 1)
        snprintf(earlier, sizeof earlier, "%s%s", bench->several ? "run " : "", rg_earlier_run_id(bench->earlier[0]));
    else if (runs > 1)
        snprintf(earlier, sizeof earlier, "%zu earlier runs", runs);
    snprintf(words, sizeof words, "%.64s%s%s%s%s", machine ? yardstick->machine->name : "",
        machine && runs > 0 ? (fleet ? ", " : " and ") : "", earlier, fleet && (machine || runs > 0) ? " and " : "",
        fleet ? "the fleet" : "");
    out->against_kind = bench->several ? "several" : machine ? "machine" : fleet ? "fleet" : runs > 0 ? "run" : "none";
    out->against_name = words[0] ? rg_verdict_text(out, words) : NULL;
}

static int open_yardsticks(struct bench *bench, const char *directory, struct rg_verdict *out, struct rg_error *err)
{
    const struct rg_yardstick *yardstick = bench->yardstick;
    int code = 0;
    bench->earlier = calloc(yardstick->baseline_count + 1, sizeof *bench->earlier);
    if (bench->earlier == NULL)
        return no_memory(err);
    for (size_t b = 0; code == 0 && b < yardstick->baseline_count; b++)
        code = rg_earlier_open(yardstick->baselines[b], bench->run, yardstick, out, &bench->earlier[b], err);
    if (code == 0 && yardstick->fleet)
        code = rg_peers_open(bench->run, directory, rates_of(yardstick), out, &bench->peers, err);
    return code;
}

static void close_yardsticks(struct bench *bench)
{
    for (size_t b = 0; bench->earlier != NULL && b < bench->yardstick->baseline_count; b++)
        rg_earlier_close(bench->earlier[b]);
    free(bench->earlier);
    rg_peers_close(&bench->peers);
}

static void add_fleet_percents(struct rg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++) {
        struct rg_row *row = &verdict->rows[i];
        size_t point = isnan(row->measured) ? RG_NO_POINT : rg_points_find(&verdict->points, row);
        if (point != RG_NO_POINT && verdict->points.at[point].median > 0)
            row->fleet_percent = 100 * row->measured / verdict->points.at[point].median;
    }
}

/* Tests that so few nodes cannot do. */
static void note_impossible(const struct rg_run *run, struct rg_verdict *out)
{
    int nodes = 0;
    while (run->hosts != NULL && run->hosts[nodes] != NULL)
        nodes++;
    for (size_t i = 0; nodes > 0 && i < run->suite.test_count; i++) {
        struct rg_suite one = run->suite;
        one.tests = &run->suite.tests[i];
        one.test_count = 1;
        struct rg_plan plan = {&one, nodes, (int)run->ranks_per_node, 1};
        if (rg_plan_rounds(&plan) == 0)
            rg_verdict_note(out, "%s with pattern %s was not measured: there are too few nodes or rails for it",
                one.tests[0].test, one.tests[0].pattern);
    }
}

int rg_judge_run(const struct rg_run *run, const char *directory, const struct rg_yardstick *yardstick,
    struct rg_verdict *out, struct rg_error *err)
{
    struct rg_verdict verdict = {.run_id = run->run_id, .against_kind = "none", .hardware = run->hardware};
    struct bench bench = {.run = run, .yardstick = yardstick, .rails = rg_promises_rails(run)};
    bench.whole = yardstick->machine == NULL || rg_promises_whole(run, yardstick->machine);
    bench.several = (yardstick->machine != NULL) + yardstick->baseline_count + yardstick->fleet > 1;
    int code = open_yardsticks(&bench, directory, &verdict, err);
    if (code == 0) {
        name_yardsticks(&bench, &verdict);
        code = judge_rows(&bench, directory, &verdict, err);
    }
    if (code == 0)
        code = add_absent(&bench, &verdict, err);
    for (size_t i = 0; code == 0 && i < verdict.row_count; i++)
        if (verdict.rows[i].asked && rg_ends_are_open(&verdict.rows[i]) &&
            rg_ends_lay(run, &verdict, &verdict.rows[i]) != 0)
            code = no_memory(err);
    if (code == 0 && rg_points_sum_up(&verdict.points) != 0)
        code = no_memory(err);
    close_yardsticks(&bench);
    if (code != 0) {
        rg_verdict_close(&verdict);
        return code;
    }
    note_impossible(run, &verdict);
    add_fleet_percents(&verdict);
    conclude(run, bench.whole, &verdict);
    *out = verdict;
    return 0;
}
