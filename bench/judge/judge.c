#include "judge/judge.h"

#include "data/plan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_latency(const char *metric)
{
    return strncmp(metric, "latency", 7) == 0;
}

static void set_reason(struct rg_row *row, const char *text)
{
    free(row->reason);
    row->reason = strdup(text);
}

/* Holds a measured row against an expected value. */
static void hold_against(struct rg_row *row, double expected, double tolerance_percent, const char *source)
{
    double sign = is_latency(row->metric) ? -1 : 1; /* latencies must stay below */
    row->expected = expected;
    row->source = source;
    if (isnan(expected))
        return;
    row->tolerance_percent = tolerance_percent;
    row->threshold = expected * (1 - sign * tolerance_percent / 100);
    if (row->status != RG_UNJUDGED || isnan(row->measured))
        return;
    double doubtful = sign > 0 ? row->ci95_low : row->ci95_high, hopeful = sign > 0 ? row->ci95_high : row->ci95_low;
    bool reached = sign * row->measured >= sign * row->threshold;
    bool surely = isnan(doubtful) || sign * doubtful >= sign * row->threshold;
    bool perhaps = !isnan(hopeful) && sign * hopeful >= sign * row->threshold;
    /* The interval is the median's. Where the mean of the window lies outside it, the link was down or slow for a part
     * of the time: what was moved is then too little, however well the rest went. */
    bool typical = row->ci95_low <= row->measured && row->measured <= row->ci95_high;
    if (reached)
        row->status = surely ? RG_PASS : RG_NOISY;
    else
        row->status = perhaps && typical ? RG_NOISY : RG_FAIL;
    if (row->status == RG_NOISY)
        set_reason(row, "its 95 % interval lies on both sides of the threshold");
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

static size_t rails_per_node(const struct rg_run *run)
{
    size_t rails = 0;
    for (size_t i = 0; i < run->rank_count; i++)
        if ((size_t)run->ranks[i].rail.rail + 1 > rails)
            rails = (size_t)run->ranks[i].rail.rail + 1;
    return rails;
}

static bool uses_all_rails(const struct rg_run *run, const struct rg_machine *machine)
{
    return machine->rails == RG_NONE || run->rank_count == 0 || (size_t)machine->rails == rails_per_node(run);
}

static bool expects(const struct rg_expectation *e, const struct rg_row *row)
{
    return row->pattern == NULL && same(e->test, row->test) && e->size_bytes == row->size_bytes &&
           same(e->direction, row->direction) && same(e->memory, row->memory) &&
           (e->variant == NULL || same(e->variant, row->variant)) && same(e->scope, row->scope) &&
           same(e->metric, row->metric) && (e->queue_pairs == RG_NONE || e->queue_pairs == row->queue_pairs);
}

/* Whether a test asks for that variant, which is written as in judge/measured. How memory is registered turns out. */
static bool asks_variant(const struct rg_settings *s, enum rg_test_kind kind, const char *variant)
{
    char asked[128];
    bool reduces = same(s->test, "all_reduce") || same(s->test, "reduce_scatter");
    bool host = same(s->copy, "host_to_device") || same(s->copy, "device_to_host");
    if (variant == NULL || (kind != RG_TEST_COLLECTIVE && kind != RG_TEST_COPY))
        return true;
    if (kind == RG_TEST_COLLECTIVE)
        snprintf(asked, sizeof asked, "%s%s%s %s %s", s->data_type, reduces ? " " : "", reduces ? s->reduction : "",
            s->in_place ? "in_place" : "out_of_place", s->group);
    else
        snprintf(asked, sizeof asked, "%s %s%s%s", s->copy, s->copy_by, host ? " " : "", host ? s->numa : "");
    return same(asked, variant);
}

/* Whether the suite asks for what an expectation is about. */
static bool asks(const struct rg_suite *suite, const struct rg_expectation *e)
{
    for (size_t i = 0; i < suite->test_count; i++) {
        const struct rg_settings *s = &suite->tests[i];
        enum rg_test_kind kind = rg_test_kind_of(s->test);
        bool memory = same(s->memory, e->memory) || same(s->memory, "auto") || kind == RG_TEST_COPY;
        if (!same(s->test, e->test) || !memory || !asks_variant(s, kind, e->variant) ||
            (e->direction != NULL && !same(s->direction, e->direction)) ||
            (e->queue_pairs != RG_NONE && kind == RG_TEST_BANDWIDTH && e->queue_pairs != s->queue_pairs))
            continue;
        for (uint32_t size = 0; size < s->sizes.count; size++)
            if (s->sizes.bytes[size] == e->size_bytes)
                return true;
    }
    return false;
}

/* What a row is held against: an expectation of just its queue pairs comes before one of any number. */
static const struct rg_expectation *expectation_of(const struct rg_machine *machine, const struct rg_row *row)
{
    const struct rg_expectation *found = NULL;
    for (size_t i = 0; i < machine->expectation_count; i++) {
        const struct rg_expectation *e = &machine->expectations[i];
        if (expects(e, row) && (found == NULL || e->queue_pairs != RG_NONE))
            found = e;
    }
    return found;
}

static int add_absent(
    const struct rg_run *run, const struct rg_expectation *e, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_row *row = rg_verdict_add(out);
    if (row == NULL)
        return rg_fail(err, -ENOMEM, "no memory to judge the run");
    row->asked = asks(&run->suite, e);
    row->status = RG_NOT_RUN;
    row->test = e->test;
    row->direction = e->direction;
    row->memory = e->memory;
    row->variant = e->variant;
    row->scope = e->scope;
    row->metric = e->metric;
    row->size_bytes = e->size_bytes;
    row->queue_pairs = e->queue_pairs;
    hold_against(row, e->expected, e->tolerance_percent, e->source);
    set_reason(
        row, row->asked ? "the suite asked for it, and there is no measurement" : "the suite did not ask for it");
    return 0;
}

static int judge_by_machine(
    const struct rg_run *run, const struct rg_machine *machine, struct rg_verdict *out, struct rg_error *err)
{
    size_t measured = out->row_count;
    for (size_t i = 0; i < machine->expectation_count; i++) {
        const struct rg_expectation *e = &machine->expectations[i];
        bool met = false;
        for (size_t r = 0; r < measured; r++) {
            struct rg_row *row = &out->rows[r];
            if (!expects(e, row))
                continue;
            met = true;
            if (expectation_of(machine, row) != e)
                continue;
            bool whole = strcmp(row->scope, "node") != 0 || uses_all_rails(run, machine);
            if (!whole && !isnan(e->expected) && row->status == RG_UNJUDGED) {
                row->status = RG_NOT_RUN;
                set_reason(row, "the run did not use all rails of the machine");
            }
            hold_against(row, e->expected, e->tolerance_percent, e->source);
            if (row->status == RG_PASS && machine->hardware && !row->hardware) {
                row->status = RG_NOT_RUN;
                set_reason(row, "reached, but not on hardware: it cannot stand for this machine");
            }
        }
        int code = !met && !isnan(e->expected) ? add_absent(run, e, out, err) : 0;
        if (code != 0)
            return code;
    }
    if (machine->hardware && run->hardware == 0)
        rg_verdict_note(out, "the run is not of hardware (%s), so nothing in it can pass the baseline of %s",
            run->hardware_reason, machine->name);
    if (!uses_all_rails(run, machine))
        rg_verdict_note(out, "%s has %lld rails a node, the run used %zu", machine->name, (long long)machine->rails,
            rails_per_node(run));
    return 0;
}

static bool same_place(const struct rg_row *a, const struct rg_row *b)
{
    return same(a->test, b->test) && a->size_bytes == b->size_bytes && same(a->direction, b->direction) &&
           same(a->memory, b->memory) && same(a->variant, b->variant) && same(a->pattern, b->pattern) &&
           a->queue_pairs == b->queue_pairs && same(a->scope, b->scope) && same(a->metric, b->metric) &&
           same(a->node, b->node) && a->rail == b->rail && same(a->peer_node, b->peer_node) &&
           a->peer_rail == b->peer_rail && same(a->side, b->side) && same(a->opposite, b->opposite);
}

/* Measured then, and not now. */
static int add_missing(const struct rg_row *before, double tolerance_percent, const char *source,
    struct rg_verdict *out, struct rg_error *err)
{
    struct rg_row *row = rg_verdict_add(out);
    if (row == NULL)
        return rg_fail(err, -ENOMEM, "no memory to judge the run");
    *row = *before;
    row->test = rg_verdict_text(out, before->test);
    row->direction = rg_verdict_text(out, before->direction);
    row->memory = rg_verdict_text(out, before->memory);
    row->variant = rg_verdict_text(out, before->variant);
    row->pattern = rg_verdict_text(out, before->pattern);
    row->node = rg_verdict_text(out, before->node);
    row->peer_node = rg_verdict_text(out, before->peer_node);
    row->status = RG_NOT_RUN;
    row->round = RG_NONE;
    row->reason = strdup("the earlier run has it, this one does not");
    row->measured = row->ci95_low = row->ci95_high = row->ceiling = NAN;
    row->opposite = rg_verdict_text(out, before->opposite);
    row->library = row->plugin = NULL;
    hold_against(row, before->measured, tolerance_percent, source);
    return 0;
}

/* A suite may measure the same place twice; the k-th time then is held against the k-th. */
static int hold_against_rows(
    const struct rg_verdict *before, double tolerance_percent, struct rg_verdict *out, struct rg_error *err)
{
    size_t now = out->row_count;
    bool *taken = calloc(now + 1, sizeof *taken);
    int code = taken ? 0 : rg_fail(err, -ENOMEM, "no memory to judge the run");
    for (size_t i = 0; code == 0 && i < before->row_count; i++) {
        const struct rg_row *old = &before->rows[i];
        size_t r = 0;
        if (isnan(old->measured))
            continue;
        while (r < now && (taken[r] || !same_place(old, &out->rows[r])))
            r++;
        if (r == now) {
            code = add_missing(old, tolerance_percent, out->against_name, out, err);
            continue;
        }
        taken[r] = true;
        hold_against(&out->rows[r], old->measured, tolerance_percent, out->against_name);
    }
    for (size_t r = 0; code == 0 && r < now; r++)
        if (!taken[r] && out->rows[r].reason == NULL)
            set_reason(&out->rows[r], "the earlier run has no such measurement");
    free(taken);
    return code;
}

/* Says what was set otherwise in the earlier run, test by test. */
static void note_settings(const struct rg_suite *now, const struct rg_suite *before, struct rg_verdict *out)
{
    for (size_t i = 0; i < now->test_count && i < before->test_count; i++) {
        char words[400];
        if (strcmp(now->tests[i].test, before->tests[i].test) == 0 &&
            rg_settings_differ(&before->tests[i], &now->tests[i], words, sizeof words))
            rg_verdict_note(
                out, "%s was measured with other settings than in the earlier run: %s", now->tests[i].test, words);
    }
}

static int judge_by_run(
    const struct rg_run *run, const struct rg_yardstick *yardstick, struct rg_verdict *out, struct rg_error *err)
{
    struct rg_run earlier;
    struct rg_verdict before = {0};
    int code = rg_run_load(yardstick->baseline, &earlier, err);
    if (code != 0)
        return code;
    out->against_name = rg_verdict_text(out, earlier.run_id);
    code = rg_judge_measured(&earlier, yardstick->baseline, NULL, &before, err);
    if (code == 0 && run->hardware != earlier.hardware)
        rg_verdict_note(out, "one run is of hardware and the other is not: nothing was compared");
    if (code == 0)
        note_settings(&run->suite, &earlier.suite, out);
    if (code == 0 && run->hardware == earlier.hardware)
        code = hold_against_rows(&before, yardstick->tolerance_percent, out, err);
    rg_verdict_close(&before);
    rg_run_close(&earlier);
    return code;
}

/* A p99 is there to be held against an expectation; without one the median says enough. */
static void drop_unexpected_tails(struct rg_verdict *verdict)
{
    size_t kept = 0;
    for (size_t i = 0; i < verdict->row_count; i++) {
        struct rg_row *row = &verdict->rows[i];
        if (same(row->metric, "latency_p99_us") && row->status == RG_UNJUDGED && isnan(row->expected)) {
            free(row->reason);
            continue;
        }
        verdict->rows[kept++] = *row;
    }
    verdict->row_count = kept;
}

static void count(struct rg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++) {
        if (verdict->rows[i].asked)
            verdict->counts[verdict->rows[i].status]++;
        else
            verdict->not_asked++;
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
    char rest[sizeof v->summary], first[200];
    size_t others = v->accused_count - 1;
    snprintf(rest, sizeof rest, "%s", v->summary);
    const char *sentence = v->accused[0].sentence, *end = strstr(sentence, "; ");
    while (end != NULL && (end[2] < '0' || end[2] > '9')) /* what follows is how many flows show it */
        end = strstr(end + 2, "; ");
    snprintf(first, sizeof first, "%.*s", end ? (int)(end - sentence) : (int)strlen(sentence), sentence);
    if (others > 0)
        snprintf(v->summary, sizeof v->summary, "%s; and %zu more suspect%s. %.200s", first, others,
            others > 1 ? "s" : "", rest);
    else
        snprintf(v->summary, sizeof v->summary, "%s. %.250s", first, rest);
}

/* whole: the run used all rails of the machine. */
static void conclude(const struct rg_run *run, bool whole, struct rg_verdict *v)
{
    bool complete = strcmp(run->status, "complete") == 0, compared = strcmp(v->against_kind, "none") != 0;
    size_t open = v->counts[RG_NOISY] + v->counts[RG_UNSUPPORTED] + v->counts[RG_NOT_RUN];
    size_t judged = v->counts[RG_PASS] + v->counts[RG_FAIL] + open;
    char rest[256];
    bool nothing = compared ? judged == 0 : v->row_count == 0;
    bool failed = v->counts[RG_FAIL] > 0 || v->accused_count > 0;
    v->status = failed ? RG_FAIL : open > 0 || !complete || !whole || nothing ? RG_NOISY : RG_PASS;
    v->exit_status = v->status == RG_PASS ? 0 : v->status == RG_FAIL ? 1 : 3;
    snprintf(
        rest, sizeof rest, "%s%s", complete ? "" : "; the run is incomplete: ", complete ? "" : run->incomplete_reason);
    if (!compared && v->status == RG_PASS)
        snprintf(v->summary, sizeof v->summary, "Everything was measured%s; it was compared with nothing.",
            v->verified > 0 && verifies(&run->suite) ? " and arrived intact" : "");
    else if (!compared)
        snprintf(v->summary, sizeof v->summary, "%zu measurements failed, %zu are open, %zu were made%s.",
            v->counts[RG_FAIL], open, v->counts[RG_UNJUDGED], rest);
    else if (nothing)
        snprintf(
            v->summary, sizeof v->summary, "Nothing in the run could be held against %s%s.", v->against_name, rest);
    else
        snprintf(v->summary, sizeof v->summary, "%zu of %zu expectations of %s are met, %zu failed, %zu are open%s.",
            v->counts[RG_PASS], judged, v->against_name, v->counts[RG_FAIL], open, rest);
    if (v->accused_count > 0)
        name_accused(v);
}

void rg_judge_conclude_fleet(const struct rg_run *run, struct rg_verdict *io)
{
    bool bad = io->accused_count > 0, lost = run->lost_count > 0;
    io->status = bad || lost ? RG_FAIL : RG_PASS;
    io->exit_status = bad || lost ? 1 : 0;
    snprintf(io->summary, sizeof io->summary, "%s%zu of %zu ranks were lost.",
        bad    ? ""
        : lost ? "No other part is to blame: "
               : "Nothing is wrong with the fleet: ",
        run->lost_count, run->rank_count);
    if (bad)
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

/* The rows as measured, and who is to blame for flows that fell short of their peers. */
static int judge_fleet(const struct rg_run *run, const char *directory, const struct rg_yardstick *yardstick,
    struct rg_verdict *out, struct rg_error *err)
{
    struct rg_fleet_judge *fleet = NULL;
    double least_loss = rg_judge_least_loss_percent(run, yardstick->machine);
    int code = rg_fleet_judge_open_run(run, least_loss, &fleet, err);
    if (code == 0)
        code = rg_judge_measured(run, directory, fleet, out, err);
    if (code == 0)
        code = rg_fleet_judge_conclude(fleet, &run->suite, out, err);
    rg_fleet_judge_close(fleet);
    return code;
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
    int code = judge_fleet(run, directory, yardstick, &verdict, err);
    if (code == 0 && yardstick->machine != NULL) {
        verdict.against_kind = "machine";
        verdict.against_name = yardstick->machine->name;
        code = judge_by_machine(run, yardstick->machine, &verdict, err);
    } else if (code == 0 && yardstick->baseline != NULL) {
        verdict.against_kind = "run";
        code = judge_by_run(run, yardstick, &verdict, err);
    }
    if (code != 0) {
        rg_verdict_close(&verdict);
        return code;
    }
    note_impossible(run, &verdict);
    for (size_t i = 0; i < verdict.row_count; i++)
        add_ceiling(&verdict.rows[i], yardstick->machine, rails_per_node(run));
    drop_unexpected_tails(&verdict);
    count(&verdict);
    conclude(run, yardstick->machine == NULL || uses_all_rails(run, yardstick->machine), &verdict);
    *out = verdict;
    return 0;
}
