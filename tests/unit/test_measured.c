/* judge: from the lines of a run directory to rows; what a node sends and receives, and lines that are bad. */
#include "helpers.h"

#include "base/file.h"
#include "judge/judge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    static struct made_run made;
    make_run(&made, 2, 2);
    *state = &made;
    return 0;
}

static int teardown(void **state)
{
    close_made_run(*state);
    return 0;
}

static int try_judge(struct made_run *made, const struct rg_machine *machine, struct rg_error *err)
{
    struct rg_yardstick yardstick = {.machine = machine};
    return rg_judge_run(&made->run, made->directory, &yardstick, a_verdict(), err);
}

/* The verdict holds until the next call. */
static const struct rg_verdict *judge(struct made_run *made, const struct rg_machine *machine)
{
    struct rg_error err = {{0}};
    if (try_judge(made, machine, &err) != 0)
        fail_msg("%s", err.text);
    return &last_verdict;
}

/* The row of a node's side, the first one in that round. */
static const struct rg_row *side_of(const struct rg_verdict *verdict, int64_t round, const char *node, const char *side)
{
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct rg_row *row = &verdict->rows[i];
        if (strcmp(row->scope, "node") == 0 && row->round == round && strcmp(row->node, node) == 0 &&
            strcmp(row->side, side) == 0)
            return row;
    }
    fail_msg("no row of %s, %s, in round %d", node, side, (int)round);
    return NULL;
}

static size_t rows_of(const struct rg_verdict *verdict, const char *scope)
{
    size_t count = 0;
    for (size_t i = 0; i < verdict->row_count; i++)
        count += strcmp(verdict->rows[i].scope, scope) == 0;
    return count;
}

/* Both rails both ways: 40 + 41 Gb/s from node-a, 42 + 43 back. */
static void add_both_ways(struct made_run *made, int round)
{
    add_and_close(made, a_flow(made, round, 0, 1, 0, 40, 39, 41));
    add_and_close(made, a_flow(made, round, 0, 1, 1, 41, 40, 42));
    add_and_close(made, a_flow(made, round, 1, 0, 0, 42, 41, 43));
    add_and_close(made, a_flow(made, round, 1, 0, 1, 43, 42, 44));
}

static void each_flow_and_each_side_of_a_node_has_a_row(void **state)
{
    struct made_run *made = *state;
    add_both_ways(made, 0);
    const struct rg_verdict *verdict = judge(made, NULL);
    assert_int_equal(rows_of(verdict, "rail"), 4);
    assert_int_equal(rows_of(verdict, "node"), 4);
    const struct rg_row *flow = &verdict->rows[1];
    assert_string_equal(flow->node, "node-a");
    assert_int_equal(flow->rail, 1);
    assert_string_equal(flow->peer_node, "node-b");
    assert_int_equal(flow->peer_rail, 1);
    assert_near(flow->measured, 41);
    assert_near(flow->ci95_low, 40);
    assert_near(side_of(verdict, 0, "node-a", "tx")->measured, 81);
    assert_near(side_of(verdict, 0, "node-a", "rx")->measured, 85);
    assert_near(side_of(verdict, 0, "node-b", "tx")->measured, 85);
    assert_near(side_of(verdict, 0, "node-b", "rx")->measured, 81);
}

static void rounds_are_summed_apart(void **state)
{
    struct made_run *made = *state;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 40, 39, 41));
    add_and_close(made, a_flow(made, 0, 0, 1, 1, 41, 40, 42));
    add_and_close(made, a_flow(made, 1, 1, 0, 0, 30, 29, 31));
    add_and_close(made, a_flow(made, 1, 1, 0, 1, 31, 30, 32));
    add_and_close(made, a_flow(made, 2, 0, 1, 0, 20, 19, 21));
    add_and_close(made, a_flow(made, 2, 0, 1, 1, 21, 20, 22));
    const struct rg_verdict *verdict = judge(made, NULL);
    assert_int_equal(rows_of(verdict, "node"), 6);
    assert_near(side_of(verdict, 0, "node-a", "tx")->measured, 81);
    assert_near(side_of(verdict, 1, "node-a", "rx")->measured, 61);
    assert_near(side_of(verdict, 2, "node-a", "tx")->measured, 41);
}

static void a_node_is_judged_by_the_sum_of_its_rails(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(82, 0);
    struct rg_machine machine = a_machine(&expectation, 1);
    expectation.scope = "node";
    add_both_ways(made, 0);
    const struct rg_verdict *verdict = judge(made, &machine);
    assert_int_equal(side_of(verdict, 0, "node-a", "tx")->status, RG_FAIL); /* 81 */
    assert_int_equal(side_of(verdict, 0, "node-a", "rx")->status, RG_PASS); /* 85 */
    assert_int_equal(verdict->counts[RG_PASS], 2);
    assert_int_equal(verdict->counts[RG_FAIL], 2);
    assert_int_equal(verdict->counts[RG_UNJUDGED], 4); /* flows */
}

static void percent_of_nominal_and_of_the_ceiling_are_of_the_machine(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(82, 0);
    struct rg_machine machine = a_machine(&expectation, 1); /* 2 rails of 100 Gb/s; payload share 0.98 */
    add_both_ways(made, 0);
    const struct rg_verdict *verdict = judge(made, &machine);
    assert_near(verdict->rows[0].nominal_percent, 40);
    assert_near(verdict->rows[0].ceiling, 98);
    assert_near(verdict->rows[0].ceiling_percent, 100 * 40 / 98.0);
    const struct rg_row *side = side_of(verdict, 0, "node-a", "tx");
    assert_near(side->nominal_percent, 100 * 81 / 200.0);
    assert_near(side->ceiling, 196);
    assert_near(side->ceiling_percent, 100 * 81 / 196.0);
    verdict = judge(made, NULL);
    assert_near(verdict->rows[0].nominal_percent, NAN);
    assert_near(verdict->rows[0].ceiling, NAN);
    assert_near(verdict->rows[0].ceiling_percent, NAN);
}

static void a_node_with_a_failed_flow_is_not_summed(void **state)
{
    struct made_run *made = *state;
    struct rg_measurement broken = a_flow(made, 0, 0, 1, 1, 41, 40, 42);
    spoil(&broken, "failed", "the cable is loose");
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 40, 39, 41));
    add_and_close(made, broken);
    const struct rg_verdict *verdict = judge(made, NULL);
    const struct rg_row *side = side_of(verdict, 0, "node-a", "tx");
    assert_int_equal(side->status, RG_NOT_RUN);
    assert_near(side->measured, NAN); /* half a node is no sum */
    assert_has(side->reason, "node-a rail 1 to node-b rail 1 is failed");
    assert_int_equal(side_of(verdict, 0, "node-b", "rx")->status, RG_NOT_RUN);
    assert_string_equal(rg_verdict_word(verdict), "fail"); /* for the flow */
    assert_int_equal(verdict->counts[RG_FAIL], 1);
}

static void a_node_of_which_a_rail_is_missing_is_not_run(void **state)
{
    struct made_run *made = *state;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 40, 39, 41));
    const struct rg_verdict *verdict = judge(made, NULL);
    const struct rg_row *side = side_of(verdict, 0, "node-a", "tx");
    assert_int_equal(side->status, RG_NOT_RUN);
    assert_near(side->measured, NAN);
    assert_has(side->reason, "1 of its 2 rails");
    assert_string_equal(rg_verdict_word(verdict), "inconclusive");
}

static void flows_that_did_not_run_together_make_no_node(void **state)
{
    struct made_run *made = *state;
    struct rg_measurement late = a_flow(made, 0, 0, 1, 1, 41, 40, 42);
    late.window.start_s += 10;
    for (int i = 0; i < PARTS; i++)
        late.bandwidth.subwindows.end_s.values[i] += 10;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 40, 39, 41));
    add_and_close(made, late);
    const struct rg_verdict *verdict = judge(made, NULL);
    assert_int_equal(side_of(verdict, 0, "node-a", "tx")->status, RG_NOT_RUN);
    assert_non_null(side_of(verdict, 0, "node-a", "tx")->reason);
}

static void append(struct made_run *made, const char *text)
{
    char *path = path_in(made->directory, "measurements.ndjson");
    FILE *file = fopen(path, "ae");
    fputs(text, file);
    fclose(file);
    free(path);
}

static void a_bad_line_is_refused_by_file_and_number(void **state)
{
    struct made_run *made = *state;
    struct rg_error err = {{0}};
    char begin[300];
    add_both_ways(made, 0);
    append(made, "{\"document\": \"measurement\"}\n");
    assert_int_equal(try_judge(made, NULL, &err), -EINVAL);
    snprintf(begin, sizeof begin, "%s/measurements.ndjson: line 5: ", made->directory);
    assert_begins(err.text, begin);
    assert_int_equal(last_verdict.row_count, 0); /* set last */
}

static void a_measurement_of_another_run_is_refused_by_line(void **state)
{
    struct made_run *made = *state;
    struct rg_error err = {{0}};
    struct rg_measurement foreign = a_flow(made, 0, 0, 1, 0, 40, 39, 41);
    foreign.run_id = "20260301T020000Z-ffffffff";
    add_both_ways(made, 0);
    add_and_close(made, foreign);
    assert_int_equal(try_judge(made, NULL, &err), -EINVAL);
    assert_has(err.text, "line 5");
    assert_has(err.text, "20260301T020000Z-ffffffff");
}

static void the_line_that_a_run_was_killed_in_is_passed_over(void **state)
{
    struct made_run *made = *state;
    struct rg_error err = {{0}};
    add_both_ways(made, 0);
    append(made, "{\"schema_version\": \"1.0\", \"docum");
    /* A run that came to its end wrote whole lines. */
    assert_int_equal(try_judge(made, NULL, &err), -EINVAL);
    assert_has(err.text, "line 5");
    made->run.status = "incomplete";
    made->run.incomplete_reason = "the run has not ended";
    made->run.ended_at = NULL;
    const struct rg_verdict *verdict = judge(made, NULL);
    assert_int_equal(rows_of(verdict, "rail"), 4);
}

static void measurements_that_are_not_there_are_named(void **state)
{
    struct made_run *made = *state;
    struct rg_error err = {{0}};
    char *path = path_in(made->directory, "measurements.ndjson");
    assert_int_equal(remove(path), 0);
    assert_int_equal(try_judge(made, NULL, &err), -ENOENT);
    assert_begins(err.text, path);
    free(path);
}

static void a_run_with_fewer_measurements_than_it_counted_never_passes(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = {.test = "rdma_write_lat",
        .memory = "host",
        .scope = "rail",
        .metric = "latency_p50_us",
        .source = "lab-median",
        .size_bytes = 8,
        .queue_pairs = RG_NONE,
        .expected = 2,
        .tolerance_percent = 10};
    struct rg_machine machine = a_machine(&expectation, 1);
    struct rg_error err = {{0}};
    add_and_close(made, a_latency(made, 0, 0, 1, 2, 1.9, 2.1, 9));
    made->run.measurements = 2; /* and the second line is gone */
    int code = try_judge(made, &machine, &err);
    assert_true(code == -EINVAL || (code == 0 && last_verdict.status != RG_PASS));
}

#define IN_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_RUN(each_flow_and_each_side_of_a_node_has_a_row),
        IN_RUN(rounds_are_summed_apart),
        IN_RUN(a_node_is_judged_by_the_sum_of_its_rails),
        IN_RUN(percent_of_nominal_and_of_the_ceiling_are_of_the_machine),
        IN_RUN(a_node_with_a_failed_flow_is_not_summed),
        IN_RUN(a_node_of_which_a_rail_is_missing_is_not_run),
        IN_RUN(flows_that_did_not_run_together_make_no_node),
        IN_RUN(a_bad_line_is_refused_by_file_and_number),
        IN_RUN(a_measurement_of_another_run_is_refused_by_line),
        IN_RUN(the_line_that_a_run_was_killed_in_is_passed_over),
        IN_RUN(measurements_that_are_not_there_are_named),
        IN_RUN(a_run_with_fewer_measurements_than_it_counted_never_passes),
    };
    return cmocka_run_group_tests_name("measured", tests, NULL, drop_verdict);
}
