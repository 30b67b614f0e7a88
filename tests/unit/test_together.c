/* judge/total and judge/congestion, and report/together: what a fleet moves at once, and what a load costs. */
#include "helpers.h"

#include "judge/judge.h"
#include "report/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    static struct made_run made;
    make_run(&made, 4, 2);
    *state = &made;
    return 0;
}

static int teardown(void **state)
{
    close_made_run(*state);
    return 0;
}

static const struct rg_verdict *judge(struct made_run *made)
{
    struct rg_yardstick yardstick = {0};
    struct rg_error err = {{0}};
    end_run(made);
    if (rg_judge_run(&made->run, made->directory, &yardstick, a_verdict(), &err) != 0)
        fail_msg("%s", err.text);
    return &last_verdict;
}

static char *told(const struct rg_verdict *verdict)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    rg_report_together(verdict, out);
    fclose(out);
    return text;
}

static void add_pair_of_flows(struct made_run *made, int round, double first, double second)
{
    add_and_close(made, a_flow(made, round, 0, 1, 0, first, first, first));
    add_and_close(made, a_flow(made, round, 2, 3, 0, second, second, second));
}

static void a_total_is_the_median_round_and_a_round_with_a_failed_flow_is_left_out(void **state)
{
    struct made_run *made = *state;
    add_pair_of_flows(made, 0, 40, 50);
    add_pair_of_flows(made, 1, 40, 30);
    add_pair_of_flows(made, 2, 41, 45);
    add_and_close(made, a_flow(made, 3, 0, 1, 0, 1, 1, 1));
    struct rg_measurement bad = a_flow(made, 3, 2, 3, 0, 1, 1, 1);
    spoil(&bad, "failed", "it broke");
    add_and_close(made, bad);
    const struct rg_verdict *verdict = judge(made);
    assert_int_equal(verdict->total_count, 1);
    const struct rg_total *total = &verdict->totals[0];
    assert_string_equal(total->test, "rdma_write_bw");
    assert_int_equal(total->rounds, 3);
    assert_int_equal(total->flows, 2);
    assert_near(total->median_gbps, 86);
    assert_near(total->least_gbps, 70);
    assert_int_equal(total->least_round, 1);
    char *text = told(verdict);
    assert_has(text, "86.00 Gb/s in 2 flows; least of 3 rounds 70.00, in\n    round 2");
    free(text);
}

/* Two flows of a test that writes from memory of one kind to memory of another. */
static void add_flows_between(struct made_run *made, int test, const char *memory, const char *from, const char *to)
{
    made->tests[test] = made->tests[0];
    made->tests[test].memory = memory;
    made->run.suite.test_count = (size_t)test + 1;
    for (int node = 0; node < 4; node += 2) {
        struct rg_measurement m = a_flow(made, test, node, node + 1, 0, 40 + 10 * test, 40, 60);
        m.test_index = test;
        m.memory = memory;
        m.flow.from.registration = from;
        m.flow.to.registration = to;
        add_and_close(made, m);
    }
}

static void totals_of_unlike_memory_are_told_apart(void **state)
{
    struct made_run *made = *state;
    add_flows_between(made, 0, "cuda", "dmabuf", "dmabuf");
    add_flows_between(made, 1, "cuda_to_host", "dmabuf", "host");
    add_flows_between(made, 2, "host", "host", "host");
    const struct rg_verdict *verdict = judge(made);
    assert_int_equal(verdict->total_count, 3);
    assert_string_equal(verdict->totals[0].memory, "cuda");
    assert_string_equal(verdict->totals[0].variant, "dmabuf");
    assert_string_equal(verdict->totals[1].memory, "cuda_to_host");
    assert_null(verdict->totals[2].variant);
    char *text = told(verdict);
    assert_has(text, "rdma_write_bw 64K both_ways, 1 queue pair, cuda, dmabuf: 80.00 Gb/s");
    assert_has(text, "rdma_write_bw 64K both_ways, 1 queue pair, cuda_to_host, dmabuf to host: 100.00 Gb/s");
    assert_has(text, "rdma_write_bw 64K both_ways, 1 queue pair: 120.0 Gb/s");
    free(text);
}

/* A latency test of a victim. */
static void add_victim(struct made_run *made, int round, int from, int rail, const char *phase, double p50, double p99)
{
    struct rg_measurement m = a_latency(made, round, from, from + 1, p50, p50, p50, p99);
    m.flow.from.rail = m.flow.to.rail = rail;
    m.pattern = "congestion";
    m.phase = phase;
    add_and_close(made, m);
}

static void a_load_costs_what_lies_between_alone_and_loaded(void **state)
{
    struct made_run *made = *state;
    made->tests[0].pattern = "congestion";
    made->tests[0].load = "incast";
    for (int rail = 0; rail < 2; rail++) {
        add_victim(made, 0, 0, rail, "alone", 2, 4);
        add_victim(made, 0, 2, rail, "alone", 4, 8);
    }
    for (int rail = 0; rail < 2; rail++) {
        add_victim(made, 1, 0, rail, "loaded", 3, rail == 0 ? 8 : 40);
        add_victim(made, 1, 2, rail, "loaded", 6, 24);
    }
    const struct rg_verdict *verdict = judge(made);
    assert_int_equal(verdict->congestion_count, 2);
    const struct rg_congestion *c = &verdict->congestions[0];
    assert_int_equal(c->rail, 0);
    assert_int_equal(c->victims, 2);
    assert_string_equal(c->metric, "latency_us");
    assert_null(c->direction);
    assert_string_equal(c->load, "incast");
    assert_near(c->alone_p50, 3); /* of 2 and 4 */
    assert_near(c->loaded_p50, 4.5);
    assert_near(c->ratio_p50, 1.5);
    assert_near(c->alone_p99, 6);
    assert_near(c->loaded_p99, 16); /* of 8 and 24 */
    assert_near(c->ratio_p99, 16.0 / 6);
    assert_near(c->worst_ratio_p99, 3); /* 24 / 8 */
    assert_string_equal(c->worst_node, "node-c");
    assert_near(verdict->congestions[1].worst_ratio_p99, 10);
    assert_string_equal(verdict->congestions[1].worst_node, "node-a");
    char *text = told(verdict);
    assert_has(text, "beside incast of the other nodes");
    assert_has(text, "3.00, node-c");
    free(text);
}

static void of_bandwidths_the_least_ratio_is_the_worst_and_p99_is_what_nearly_all_sub_windows_reach(void **state)
{
    struct made_run *made = *state;
    made->tests[0].pattern = "congestion";
    made->tests[0].load = "all_to_all";
    const struct {
        int from, round;
        const char *phase;
        double gbps, least;
    } flows[] = {
        {0, 0, "alone", 100, 100}, {2, 0, "alone", 100, 90}, {0, 1, "loaded", 80, 80}, {2, 1, "loaded", 50, 0}};
    for (size_t i = 0; i < COUNT_OF(flows); i++) {
        struct rg_measurement m = a_flow(
            made, flows[i].round, flows[i].from, flows[i].from + 1, 0, flows[i].gbps, flows[i].gbps, flows[i].gbps);
        m.pattern = "congestion";
        m.phase = flows[i].phase;
        m.bandwidth.subwindows.gbps.values[7] = flows[i].least;
        add_and_close(made, m);
    }
    const struct rg_verdict *verdict = judge(made);
    assert_int_equal(verdict->congestion_count, 1);
    const struct rg_congestion *c = &verdict->congestions[0];
    assert_string_equal(c->metric, "bandwidth_gbps");
    assert_near(c->alone_p50, 100);
    assert_near(c->loaded_p50, 65);
    /* 20 sub-windows: place 0.19 between the least and the next. */
    assert_near(c->alone_p99, (100 + 91.9) / 2);
    assert_near(c->loaded_p99, (80 + 9.5) / 2);
    assert_near(c->worst_ratio_p99, 9.5 / 91.9);
    assert_string_equal(c->worst_node, "node-c");
    assert_int_equal(verdict->total_count, 0);
}

static void a_victim_that_was_not_measured_both_ways_does_not_count(void **state)
{
    struct made_run *made = *state;
    made->tests[0].pattern = "congestion";
    made->tests[0].load = "incast";
    add_victim(made, 0, 0, 0, "alone", 2, 4);
    add_victim(made, 1, 2, 0, "loaded", 2, 4);
    add_victim(made, 1, 0, 1, "loaded", 2, 4);
    add_victim(made, 1, 0, 0, "load", 2, 4);
    assert_int_equal(judge(made)->congestion_count, 0);
}

static void where_nothing_was_moved_together_nothing_is_told(void **state)
{
    struct made_run *made = *state;
    add_and_close(made, a_latency(made, 0, 0, 1, 2, 2, 2, 4));
    char *text = told(judge(made));
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_RUN(a_total_is_the_median_round_and_a_round_with_a_failed_flow_is_left_out),
        WITH_RUN(totals_of_unlike_memory_are_told_apart),
        WITH_RUN(a_load_costs_what_lies_between_alone_and_loaded),
        WITH_RUN(of_bandwidths_the_least_ratio_is_the_worst_and_p99_is_what_nearly_all_sub_windows_reach),
        WITH_RUN(a_victim_that_was_not_measured_both_ways_does_not_count),
        WITH_RUN(where_nothing_was_moved_together_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, drop_verdict);
}
