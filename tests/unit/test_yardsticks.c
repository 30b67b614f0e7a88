/* judge: a run held against several yardsticks at once, and against its own fleet. */
#include "helpers.h"

#include "judge/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NODES 6

struct three {
    struct made_run now, last, older;
};

static int setup(void **state)
{
    static struct three three;
    make_run(&three.now, NODES, 1);
    make_run(&three.last, NODES, 1);
    make_run(&three.older, NODES, 1);
    three.older.run.run_id = "20260201T020000Z-00000002";
    *state = &three;
    return 0;
}

static int teardown(void **state)
{
    struct three *three = *state;
    close_made_run(&three->now);
    close_made_run(&three->last);
    close_made_run(&three->older);
    return 0;
}

static void add_latency(struct made_run *made, int from, double p50)
{
    struct rg_measurement m = a_latency(made, from, from, (from + 1) % NODES, p50, p50 - 0.001, p50 + 0.001, 3 * p50);
    m.run_id = made->run.run_id;
    add_and_close(made, m);
}

static const struct rg_verdict *judge(
    struct three *three, const struct rg_machine *machine, size_t baselines, bool fleet)
{
    const char *earlier[] = {three->last.directory, three->older.directory};
    struct rg_error err = {{0}};
    struct rg_yardstick yardstick = {.machine = machine,
        .baselines = earlier,
        .baseline_count = baselines,
        .tolerance_percent = 5,
        .tolerance_source = "default",
        .fleet = fleet};
    end_run(&three->now);
    end_run(&three->last);
    end_run(&three->older);
    if (rg_judge_run(&three->now.run, three->now.directory, &yardstick, a_verdict(), &err) != 0)
        fail_msg("%s", err.text);
    return &last_verdict;
}

static const struct rg_row *median_from(const struct rg_verdict *verdict, const char *node)
{
    for (size_t i = 0; i < verdict->row_count; i++)
        if (strcmp(verdict->rows[i].metric, "latency_p50_us") == 0 && strcmp(verdict->rows[i].node, node) == 0)
            return &verdict->rows[i];
    fail_msg("no median from %s", node);
    return NULL;
}

static void a_row_is_as_bad_as_the_worst_of_its_yardsticks(void **state)
{
    struct three *three = *state;
    struct rg_expectation promise = {.test = "rdma_write_lat",
        .memory = "host",
        .scope = "rail",
        .metric = "latency_p50_us",
        .source = "lab-median",
        .size_bytes = 8,
        .queue_pairs = RG_NONE,
        .expected = 3,
        .tolerance_percent = 10};
    struct rg_machine machine = a_machine(&promise, 1);
    add_latency(&three->now, 0, 2);
    add_latency(&three->last, 0, 2);
    add_latency(&three->older, 0, 1.5); /* now a third more */
    const struct rg_verdict *verdict = judge(three, &machine, 2, false);
    const struct rg_row *row = median_from(verdict, "node-a");
    assert_int_equal(row->bound_count, 3);
    assert_int_equal(row->bounds[0].status, RG_PASS);
    assert_string_equal(row->bounds[0].kind, "machine");
    assert_string_equal(row->bounds[0].source, "lab-median");
    assert_string_equal(row->bounds[0].tolerance_source, "lab-2x100");
    assert_int_equal(row->bounds[1].status, RG_PASS);
    assert_int_equal(row->bounds[2].status, RG_FAIL);
    assert_int_equal(row->status, RG_FAIL);
    assert_near(row->expected, 1.5);
    assert_near(row->threshold, 1.5 * 1.05);
    assert_string_equal(row->source, "20260201T020000Z-00000002");
    assert_string_equal(row->reason, "by the run (20260201T020000Z-00000002)");
    assert_string_equal(verdict->against_kind, "several");
    assert_string_equal(verdict->against_name, "lab-2x100 and 2 earlier runs");
}

static void what_one_earlier_run_lacks_is_held_against_the_other_alone(void **state)
{
    struct three *three = *state;
    add_latency(&three->now, 0, 2);
    add_latency(&three->now, 1, 2);
    add_latency(&three->last, 0, 2);
    add_latency(&three->older, 1, 2);
    const struct rg_verdict *verdict = judge(three, NULL, 2, false);
    assert_int_equal(median_from(verdict, "node-a")->bound_count, 1);
    assert_int_equal(median_from(verdict, "node-b")->bound_count, 1);
    assert_int_equal(verdict->exit_status, 0);
}

static void what_was_measured_twice_is_held_against_the_first_and_the_second_time(void **state)
{
    struct three *three = *state;
    add_latency(&three->now, 0, 2);
    add_latency(&three->now, 0, 4);
    add_latency(&three->last, 0, 2);
    add_latency(&three->last, 0, 4);
    const struct rg_verdict *verdict = judge(three, NULL, 1, false);
    assert_int_equal(verdict->counts[RG_PASS], 4);
    for (size_t i = 0; i < verdict->row_count; i++)
        assert_near(verdict->rows[i].expected, verdict->rows[i].measured);
}

static void what_lags_behind_its_peers_fails_by_the_fleet(void **state)
{
    struct three *three = *state;
    for (int node = 0; node < NODES; node++)
        add_latency(&three->now, node, node == 2 ? 2.2 : 2 + 0.001 * node);
    const struct rg_verdict *verdict = judge(three, NULL, 0, true);
    const struct rg_row *slow = median_from(verdict, "node-c"), *well = median_from(verdict, "node-a");
    assert_int_equal(slow->status, RG_FAIL);
    assert_string_equal(slow->source, "median of 6");
    assert_string_equal(slow->bounds[0].tolerance_source, "default");
    assert_near(slow->tolerance_percent, RG_FLEET_LEAST_LOSS_PERCENT);
    assert_within(slow->expected, 2.0035, 1e-6);
    assert_within(slow->fleet_percent, 100 * 2.2 / 2.0035, 1e-4);
    assert_int_equal(well->status, RG_PASS);
    assert_string_equal(verdict->against_kind, "fleet");
    assert_int_equal(verdict->exit_status, 1);
}

static void what_arrived_damaged_is_no_peer(void **state)
{
    struct three *three = *state;
    for (int i = 0; i < 10; i++) {
        struct rg_measurement m = a_flow(&three->now, i, i % NODES, (i + 1) % NODES, 0, i < 5 ? 100 : 300, 99, 301);
        m.status = i < 5 ? m.status : "failed";
        m.reason = i < 5 ? m.reason : "data arrived damaged";
        add_and_close(&three->now, m);
    }
    const struct rg_verdict *verdict = judge(three, NULL, 0, true);
    assert_near(verdict->rows[0].expected, 100);
    assert_string_equal(verdict->rows[0].source, "median of 5");
}

static void a_fleet_that_spreads_is_given_three_of_its_deviations(void **state)
{
    struct three *three = *state;
    static const double medians[NODES] = {1.6, 1.8, 2, 2, 2.2, 2.4};
    for (int node = 0; node < NODES; node++)
        add_latency(&three->now, node, medians[node]);
    const struct rg_verdict *verdict = judge(three, NULL, 0, true);
    const struct rg_row *row = median_from(verdict, "node-f");
    assert_within(row->tolerance_percent, 100 * 3 * 1.4826 * 0.2 / 2, 1e-4); /* off by 0, 0, 0.2, 0.2, 0.4, 0.4 */
    assert_string_equal(row->bounds[0].tolerance_source, "3 deviations of the fleet");
    assert_int_equal(row->status, RG_PASS);
}

static void too_few_peers_are_no_yardstick_and_it_is_said(void **state)
{
    struct three *three = *state;
    for (int node = 0; node < 4; node++)
        add_latency(&three->now, node, 2);
    const struct rg_verdict *verdict = judge(three, NULL, 0, true);
    assert_int_equal(verdict->counts[RG_PASS], 0);
    assert_int_equal(verdict->exit_status, 3);
    assert_true(verdict->incompatible_count > 0);
    assert_string_equal(
        verdict->incompatible[0], "rdma_write_lat 8, rail: 4 measured are too few to be held against each other");
}

static void a_point_sums_up_its_rows(void **state)
{
    struct three *three = *state;
    static const double medians[NODES] = {1.6, 1.8, 2, 2, 2.2, 2.4};
    for (int node = 0; node < NODES; node++)
        add_latency(&three->now, node, medians[node]);
    const struct rg_verdict *verdict = judge(three, NULL, 0, false);
    assert_int_equal(verdict->points.count, 1);
    const struct rg_test_point *point = &verdict->points.at[0];
    assert_within(point->least, 1.6, 1e-6);
    assert_within(point->median, 2, 1e-6);
    assert_within(point->most, 2.4, 1e-6);
    assert_within(point->mad, 0.2, 1e-6);
    assert_int_equal(point->counts[RG_UNJUDGED], NODES);
    assert_int_equal(verdict->sides.count, 2 * NODES); /* each sends to one and receives of one */
}

static void a_side_tells_of_its_worst_flow(void **state)
{
    struct three *three = *state;
    for (int to = 1; to < NODES; to++) {
        add_and_close(&three->now, a_flow(&three->now, to, 0, to, 0, to == 3 ? 50 : 100, 49, 101));
        add_and_close(&three->last, a_flow(&three->last, to, 0, to, 0, 100, 99, 101));
    }
    const struct rg_verdict *verdict = judge(three, NULL, 1, false);
    const struct rg_side *found = NULL;
    for (size_t i = 0; i < verdict->sides.count; i++) {
        const struct rg_side *side = &verdict->sides.at[i];
        if (strcmp(side->node, "node-a") == 0 && side->rail == 0 && strcmp(side->side, "tx") == 0)
            found = side;
    }
    assert_non_null(found);
    assert_int_equal(found->rows, NODES - 1);
    assert_near(found->worst, 50);
    assert_near(found->threshold, 95);
}

/* More rows than are kept one by one: all are counted, those that fail are kept, and what passes is told of by point.
 */
static void of_a_very_large_run_rows_that_pass_are_left_out_and_counted(void **state)
{
    struct three *three = *state;
    const size_t rows = RG_ROWS_KEPT + 50;
    struct rg_measurement good = a_latency(&three->now, 0, 0, 1, 2, 1.9, 2.1, 3);
    char *line = rg_measurement_line(&good), *path = path_in(three->now.directory, "measurements.ndjson");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < rows; i++)
        fprintf(file, "%s\n", line);
    fclose(file);
    free(line);
    free(path);
    rg_measurement_close(&good);
    three->now.run.measurements = (int64_t)rows;
    add_latency(&three->last, 2, 2); /* missing now */
    const struct rg_verdict *verdict = judge(three, NULL, 1, false);
    assert_int_equal(verdict->counts[RG_UNJUDGED], rows);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 2);
    assert_int_equal(verdict->left_out, 50);
    assert_int_equal(verdict->row_count, RG_ROWS_KEPT + 2);
    assert_int_equal(verdict->rows[verdict->row_count - 1].status, RG_NOT_RUN);
    assert_int_equal(verdict->points.at[0].rows, rows + 1);
}

#define IN_RUNS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        IN_RUNS(a_row_is_as_bad_as_the_worst_of_its_yardsticks),
        IN_RUNS(what_one_earlier_run_lacks_is_held_against_the_other_alone),
        IN_RUNS(what_was_measured_twice_is_held_against_the_first_and_the_second_time),
        IN_RUNS(what_lags_behind_its_peers_fails_by_the_fleet),
        IN_RUNS(what_arrived_damaged_is_no_peer),
        IN_RUNS(a_fleet_that_spreads_is_given_three_of_its_deviations),
        IN_RUNS(too_few_peers_are_no_yardstick_and_it_is_said),
        IN_RUNS(a_point_sums_up_its_rows),
        IN_RUNS(a_side_tells_of_its_worst_flow),
        IN_RUNS(of_a_very_large_run_rows_that_pass_are_left_out_and_counted),
    };
    return cmocka_run_group_tests_name("yardsticks", tests, NULL, drop_verdict);
}
