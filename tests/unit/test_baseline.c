/* judge: a run held against an earlier run, and the documents that come out of judging. */
#include "helpers.h"

#include "base/file.h"
#include "judge/judge.h"
#include "judge/learn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct both {
    struct made_run before, now;
    char *scratch;
};

static int setup(void **state)
{
    static struct both both;
    make_run(&both.before, 3, 1);
    make_run(&both.now, 3, 1);
    both.scratch = new_directory();
    *state = &both;
    return 0;
}

static int teardown(void **state)
{
    struct both *both = *state;
    close_made_run(&both->before);
    close_made_run(&both->now);
    remove_directory(both->scratch);
    return 0;
}

/* The verdict holds until the next call. */
static const struct rg_verdict *compare(struct both *both)
{
    const char *before = both->before.directory;
    struct rg_yardstick yardstick = {
        .baselines = &before, .baseline_count = 1, .tolerance_percent = 5, .tolerance_source = "default"};
    struct rg_error err = {{0}};
    end_run(&both->before);
    end_run(&both->now);
    if (rg_judge_run(&both->now.run, both->now.directory, &yardstick, a_verdict(), &err) != 0)
        fail_msg("%s", err.text);
    return &last_verdict;
}

static void add_flow(struct made_run *made, int round, int from, int to, double gbps)
{
    add_and_close(made, a_flow(made, round, from, to, 0, gbps, gbps - 0.1, gbps + 0.1));
}

static void add_latency(struct made_run *made, double p50)
{
    add_and_close(made, a_latency(made, 9, 0, 1, p50, p50 - 0.01, p50 + 0.01, 3 * p50));
}

static void a_run_as_good_as_the_earlier_one_passes(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_latency(&both->before, 2);
    add_flow(&both->now, 0, 0, 1, 96);
    add_latency(&both->now, 2.08);
    const struct rg_verdict *verdict = compare(both);
    assert_string_equal(verdict->against_kind, "run");
    assert_string_equal(verdict->against_name, MADE_RUN_ID);
    assert_int_equal(verdict->rows[0].status, RG_PASS);
    assert_near(verdict->rows[0].expected, 100);
    assert_near(verdict->rows[0].threshold, 95);
    assert_int_equal(verdict->counts[RG_PASS], verdict->row_count);
    assert_int_equal(verdict->row_count, 5); /* the flow, two sides, median and tail */
    assert_string_equal(rg_verdict_word(verdict), "pass");
}

static void what_fell_below_the_tolerance_fails(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_latency(&both->before, 2);
    add_flow(&both->now, 0, 0, 1, 94);
    add_latency(&both->now, 2.2); /* above 2.1 */
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_FAIL], 5);
    assert_int_equal(verdict->exit_status, 1);
}

static void what_the_earlier_run_had_and_this_one_lacks_is_not_run(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->before, 1, 1, 0, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_PASS], 3);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 3); /* the flow back, and two sides */
    assert_int_equal(verdict->exit_status, 3);
    for (size_t i = 0; i < verdict->row_count; i++)
        if (verdict->rows[i].status == RG_NOT_RUN) {
            assert_near(verdict->rows[i].measured, NAN);
            assert_near(verdict->rows[i].expected, 100);
            assert_non_null(verdict->rows[i].reason);
        }
}

static void what_is_missing_says_what_was_to_be_reached(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->before, 1, 1, 0, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    const struct rg_verdict *verdict = compare(both);
    for (size_t i = 0; i < verdict->row_count; i++) {
        assert_near(verdict->rows[i].threshold, 95);
        assert_near(verdict->rows[i].tolerance_percent, 5);
    }
}

static void a_flow_is_held_against_the_one_between_the_same_ends(void **state)
{
    struct both *both = *state;
    int seen = 0;
    for (int now = 0; now < 2; now++) {
        add_flow(now ? &both->now : &both->before, 0, 0, 1, 100);
        add_flow(now ? &both->now : &both->before, 1, 0, 2, 50);
        add_flow(now ? &both->now : &both->before, 2, 2, 0, 25);
    }
    const struct rg_verdict *verdict = compare(both);
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct rg_row *row = &verdict->rows[i];
        if (strcmp(row->scope, "rail") != 0)
            continue;
        assert_near(row->expected, row->measured);
        assert_int_equal(row->status, RG_PASS);
        seen++;
    }
    assert_int_equal(seen, 3);
}

static void what_is_new_is_unjudged(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    add_flow(&both->now, 1, 1, 0, 99);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_PASS], 3);
    assert_int_equal(verdict->counts[RG_UNJUDGED], 3);
    assert_int_equal(verdict->exit_status, 0);
    assert_int_equal(verdict->incompatible_count, 1);
    assert_string_equal(verdict->incompatible[0], "rdma_write_bw 64K both_ways is compared with run " MADE_RUN_ID
                                                  " in part: 1 of 2 flows have no counterpart there");
}

static void a_collective_is_not_held_against_one_of_other_ranks(void **state)
{
    struct both *both = *state;
    add_and_close(&both->before, a_collective(&both->before, 0, 20));
    struct rg_measurement m = a_collective(&both->now, 0, 10);
    m.group.ranks = 2;
    add_and_close(&both->now, m);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_FAIL], 0);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 1);
    assert_int_equal(verdict->counts[RG_UNJUDGED], 1);
    assert_int_equal(verdict->exit_status, 3);
    assert_string_equal(verdict->incompatible[0],
        "all_reduce 64K is not compared with run " MADE_RUN_ID ": there it is of 3 ranks, here of 2");
}

static void what_a_node_moves_is_not_held_against_a_sum_of_other_rails(void **state)
{
    struct both *both = *state;
    close_made_run(&both->before);
    make_run(&both->before, 3, 2);
    for (int rail = 0; rail < 2; rail++)
        add_and_close(&both->before, a_flow(&both->before, 0, 0, 1, rail, 100, 99.9, 100.1));
    add_flow(&both->now, 0, 0, 1, 100);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_FAIL], 0);
    assert_int_equal(verdict->counts[RG_PASS], 1);    /* the flow of rail 0 */
    assert_int_equal(verdict->counts[RG_NOT_RUN], 3); /* that of rail 1, and the sums of two rails */
    assert_int_equal(verdict->incompatible_count, 1);
    assert_string_equal(verdict->incompatible[0],
        "the sum over a node's rails of rdma_write_bw 64K both_ways is not compared with run " MADE_RUN_ID
        ": there it is of 2 rails, here of 1");
}

static void nothing_is_learned_from_collectives_of_other_ranks(void **state)
{
    static const char *const ids[] = {
        "20260301T020000Z-00000001", "20260302T020000Z-00000002", "20260303T020000Z-00000003"};
    struct made_run made[3];
    const char *directories[3];
    struct rg_error err = {{0}};
    char *text = NULL;
    struct rg_verdict notes = {0};
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        for (int i = 0; i < 3; i++) {
            make_run(&made[i], i == 2 && odd ? 2 : 3, 1);
            made[i].run.run_id = ids[i];
            struct rg_measurement m = a_collective(&made[i], 0, 20);
            m.run_id = ids[i];
            add_and_close(&made[i], m);
            end_run(&made[i]);
            directories[i] = made[i].directory;
        }
        int code = rg_learn_machine(directories, 3, NULL, "lab", &text, &notes, &err);
        if (code == 0)
            free(text);
        assert_int_equal(code, odd ? -EINVAL : 0);
        for (int i = 0; i < 3; i++)
            close_made_run(&made[i]);
    }
    rg_verdict_close(&notes);
    assert_has(err.text, "their collectives are of different numbers of ranks");
}

static void settings_are_told_of_counterparts_in_whatever_order(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    both->before.tests[1] = both->now.tests[1] = both->now.tests[0];
    both->before.tests[1].direction = "one_way";
    both->before.run.suite.test_count = both->now.run.suite.test_count = 2;
    both->now.tests[0].direction = "one_way";
    both->now.tests[0].depth = 16;
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->incompatible_count, 1);
    assert_string_equal(verdict->incompatible[0],
        "rdma_write_bw was measured with other settings than in the earlier run: depth 128, then 16");
}

static void the_same_tests_in_another_order_are_set_alike(void **state)
{
    struct both *both = *state;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    both->before.tests[1] = both->now.tests[1] = both->now.tests[0];
    both->before.run.suite.test_count = both->now.run.suite.test_count = 2;
    both->before.tests[1].depth = both->now.tests[0].depth = 16;
    assert_int_equal(compare(both)->incompatible_count, 0);
}

static void runs_whose_screens_drew_other_pairs_are_told(void **state)
{
    struct both *both = *state;
    both->before.tests[0].pattern = both->now.tests[0].pattern = "screen";
    both->now.run.seed = both->before.run.seed + 1;
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->incompatible_count, 1);
    assert_has(verdict->incompatible[0], "drew the pairs of its screens by seed 1, this one by 2");
}

static void what_arrived_damaged_before_is_no_yardstick(void **state)
{
    struct both *both = *state;
    struct rg_measurement m = a_flow(&both->before, 0, 0, 1, 0, 50, 49.9, 50.1);
    m.status = "failed";
    m.reason = "data arrived damaged";
    add_and_close(&both->before, m);
    add_flow(&both->now, 0, 0, 1, 60);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_PASS], 0);
    assert_int_equal(verdict->exit_status, 3);
}

static void an_earlier_run_that_failed_is_said_to_be_a_poor_yardstick(void **state)
{
    struct both *both = *state;
    both->before.run.exit_status = 1;
    add_flow(&both->before, 0, 0, 1, 50);
    add_flow(&both->now, 0, 0, 1, 50);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->exit_status, 0);
    assert_int_equal(verdict->incompatible_count, 1);
    assert_begins(verdict->incompatible[0], "run " MADE_RUN_ID " failed by its own verdict");
}

static void a_node_is_held_against_the_same_round_of_the_earlier_run(void **state)
{
    struct both *both = *state;
    /* node-a sends 100 to node-b and 50 to node-c; now 10 to node-c. */
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->before, 1, 0, 2, 50);
    add_flow(&both->now, 0, 0, 1, 100);
    add_flow(&both->now, 1, 0, 2, 10);
    const struct rg_verdict *verdict = compare(both);
    int seen = 0;
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct rg_row *row = &verdict->rows[i];
        if (strcmp(row->scope, "node") != 0 || strcmp(row->side, "tx") != 0)
            continue;
        assert_near(row->expected, row->round == 0 ? 100 : 50);
        assert_int_equal(row->status, row->round == 0 ? RG_PASS : RG_FAIL);
        seen++;
    }
    assert_int_equal(seen, 2);
}

static void a_run_of_hardware_is_not_held_against_one_that_is_not(void **state)
{
    struct both *both = *state;
    both->before.run.hardware = 0;
    both->before.run.hardware_reason = "simulated";
    add_flow(&both->before, 0, 0, 1, 100);
    add_flow(&both->now, 0, 0, 1, 100);
    const struct rg_verdict *verdict = compare(both);
    assert_int_equal(verdict->counts[RG_PASS], 0);
    assert_int_equal(verdict->exit_status, 3);
    assert_int_equal(verdict->incompatible_count, 1);
}

static void a_baseline_that_cannot_be_read_is_named(void **state)
{
    struct both *both = *state;
    const char *before = "/no/such/run";
    struct rg_yardstick yardstick = {.baselines = &before, .baseline_count = 1, .tolerance_percent = 5};
    struct rg_error err = {{0}};
    add_flow(&both->now, 0, 0, 1, 100);
    assert_int_equal(rg_judge_run(&both->now.run, both->now.directory, &yardstick, a_verdict(), &err), -ENOENT);
    assert_begins(err.text, "/no/such/run is no run directory");
}

/* --- what is written is what the schema says --- */

static void keep(const char *directory, const char *name, const struct rg_verdict *verdict)
{
    struct rg_error err = {{0}};
    char *path = path_in(directory, name), *text = rg_verdict_json(verdict);
    assert_non_null(text);
    assert_int_equal(rg_file_write_atomic(path, text, &err), 0);
    free(text);
    free(path);
}

static void fill(struct made_run *made)
{
    struct rg_measurement broken = a_flow(made, 2, 1, 2, 0, 1, 1, 1), unable = a_flow(made, 3, 2, 1, 0, 1, 1, 1);
    spoil(&broken, "failed", "the cable is loose");
    spoil(&unable, "unsupported", "the device cannot do it");
    add_flow(made, 0, 0, 1, 100);
    add_flow(made, 1, 0, 2, 80);
    add_and_close(made, a_flow(made, 1, 2, 0, 0, 98, 90, 99));
    add_and_close(made, broken);
    add_and_close(made, unable);
    add_latency(made, 2);
    add_and_close(made, a_collective(made, 10, 12));
}

static const struct rg_verdict *judge_by(struct made_run *made, const struct rg_machine *machine)
{
    struct rg_yardstick yardstick = {.machine = machine};
    assert_int_equal(rg_judge_run(&made->run, made->directory, &yardstick, a_verdict(), NULL), 0);
    return &last_verdict;
}

/* Files of a directory, or a run directory. */
static void validate(const char *directory, const char *files)
{
    char command[1024];
    if (system("/usr/bin/python3 -c 'import jsonschema' 2>/dev/null") != 0) {
        print_message("# python3-jsonschema is not installed\n");
        skip();
    }
    snprintf(command, sizeof command, "%s %s%s >&2", SOURCE("scripts/validate"), directory, files);
    assert_int_equal(system(command), 0);
}

static void a_verdict_of_any_kind_is_valid(void **state)
{
    struct both *both = *state;
    struct rg_expectation expectations[] = {an_expectation(100, 3), an_expectation(100, 3), an_expectation(100, 3)};
    struct rg_machine machine = a_machine(expectations, 3);
    expectations[1].size_bytes = 1 << 20; /* not asked */
    expectations[2].size_bytes = 4096;    /* asked and not measured */
    both->now.tests[0].sizes = (struct rg_sizes){.count = 2, .bytes = {65536, 4096}};
    fill(&both->now);
    const struct rg_verdict *verdict = judge_by(&both->now, &machine);
    for (int status = RG_PASS; status < RG_STATUSES; status++)
        assert_true(verdict->counts[status] > 0);
    assert_true(verdict->not_asked > 0);
    keep(both->scratch, "machine.json", verdict);
    verdict = judge_by(&both->now, NULL);
    keep(both->scratch, "nothing.json", verdict);
    validate(both->scratch, "/*.json");
}

static void a_verdict_against_an_earlier_run_is_valid(void **state)
{
    struct both *both = *state;
    fill(&both->before);
    add_flow(&both->before, 11, 1, 0, 77); /* missing now */
    fill(&both->now);
    const struct rg_verdict *verdict = compare(both);
    keep(both->scratch, "run.json", verdict);
    validate(both->scratch, "/run.json");
}

static void a_verdict_of_what_is_not_hardware_is_valid(void **state)
{
    struct both *both = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    struct rg_machine machine = a_machine(&expectation, 1);
    both->now.run.hardware = 0;
    both->now.run.hardware_reason = "simulated";
    fill(&both->now);
    const struct rg_verdict *verdict = judge_by(&both->now, &machine);
    keep(both->scratch, "soft.json", verdict);
    validate(both->scratch, "/soft.json");
}

static void a_run_directory_of_our_own_writers_is_valid(void **state)
{
    struct both *both = *state;
    fill(&both->now);
    end_run(&both->now);
    const struct rg_verdict *verdict = judge_by(&both->now, NULL);
    both->now.run.exit_status = verdict->exit_status;
    end_run(&both->now);
    keep(both->now.directory, "verdict.json", verdict);
    validate(both->now.directory, "");
}

#define IN_RUNS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_RUNS(a_run_as_good_as_the_earlier_one_passes),
        IN_RUNS(what_fell_below_the_tolerance_fails),
        IN_RUNS(what_the_earlier_run_had_and_this_one_lacks_is_not_run),
        IN_RUNS(what_is_missing_says_what_was_to_be_reached),
        IN_RUNS(a_flow_is_held_against_the_one_between_the_same_ends),
        IN_RUNS(what_is_new_is_unjudged),
        IN_RUNS(a_collective_is_not_held_against_one_of_other_ranks),
        IN_RUNS(what_a_node_moves_is_not_held_against_a_sum_of_other_rails),
        cmocka_unit_test(nothing_is_learned_from_collectives_of_other_ranks),
        IN_RUNS(settings_are_told_of_counterparts_in_whatever_order),
        IN_RUNS(the_same_tests_in_another_order_are_set_alike),
        IN_RUNS(runs_whose_screens_drew_other_pairs_are_told),
        IN_RUNS(what_arrived_damaged_before_is_no_yardstick),
        IN_RUNS(an_earlier_run_that_failed_is_said_to_be_a_poor_yardstick),
        IN_RUNS(a_node_is_held_against_the_same_round_of_the_earlier_run),
        IN_RUNS(a_run_of_hardware_is_not_held_against_one_that_is_not),
        IN_RUNS(a_baseline_that_cannot_be_read_is_named),
        IN_RUNS(a_verdict_of_any_kind_is_valid),
        IN_RUNS(a_verdict_against_an_earlier_run_is_valid),
        IN_RUNS(a_verdict_of_what_is_not_hardware_is_valid),
        IN_RUNS(a_run_directory_of_our_own_writers_is_valid),
    };
    return cmocka_run_group_tests_name("baseline", tests, NULL, drop_verdict);
}
