/* judge/node: what a node sends or receives over all its rails, worked out by hand. */
#include "helpers.h"

#include "judge/node.h"

#include <math.h>
#include <stdlib.h>

/* Flows are made of parts of one length, from start_s on. */
struct flow {
    struct rg_measurement measurement;
    double end_s[64], gbps[64];
};

static void make_flow(struct flow *flow, double start_s, double part_s, size_t parts, double gbps)
{
    *flow = (struct flow){0};
    for (size_t i = 0; i < parts; i++) {
        flow->end_s[i] = start_s + part_s * (double)(i + 1);
        flow->gbps[i] = gbps;
    }
    flow->measurement.has_window = flow->measurement.has_bandwidth = true;
    flow->measurement.window = (struct rg_window){.start_s = start_s, .duration_s = part_s * (double)parts};
    flow->measurement.bandwidth.subwindows.end_s = (struct rg_numbers){flow->end_s, parts};
    flow->measurement.bandwidth.subwindows.gbps = (struct rg_numbers){flow->gbps, parts};
}

static struct rg_node_sum sum_of(struct flow *flows, size_t count)
{
    const struct rg_measurement *list[8] = {0};
    struct rg_node_sum sum;
    for (size_t i = 0; i < count; i++)
        list[i] = &flows[i].measurement;
    rg_node_sum_of(list, count, &sum);
    return sum;
}

static void even_flows_add_up(void **state)
{
    struct flow flows[8];
    (void)state;
    for (int i = 0; i < 8; i++)
        make_flow(&flows[i], 0.5, 0.1, 20, 49);
    struct rg_node_sum sum = sum_of(flows, 8);
    assert_near(sum.gbps, 392);
    assert_near(sum.ci95_low_gbps, 392);
    assert_near(sum.ci95_high_gbps, 392);
    sum = sum_of(flows, 1);
    assert_near(sum.gbps, 49);
}

static void only_the_time_in_which_all_ran_counts(void **state)
{
    struct flow flows[2];
    (void)state;
    /* a: 100 until 1.0, then 80 until 2.5; b: 50 from 1.0 to 3.0. Together: 1.0 to 2.5, at 80 + 50. */
    make_flow(&flows[0], 0.5, 0.5, 4, 80);
    flows[0].gbps[0] = 100;
    make_flow(&flows[1], 1.0, 0.5, 4, 50);
    flows[1].gbps[3] = 7; /* 2.5 to 3.0, alone */
    struct rg_node_sum sum = sum_of(flows, 2);
    assert_near(sum.gbps, 130);
    assert_true(isnan(sum.ci95_low_gbps) && isnan(sum.ci95_high_gbps)); /* 4 parts are too few for an interval */
}

static void parts_of_different_length_are_cut_as_coarsely_as_the_coarsest(void **state)
{
    struct flow flows[2];
    (void)state;
    /* 0 to 1.2: a in 3 parts of 0.4 at 30, 60, 90, mean 60; b in 2 parts of 0.6 at 10, 20, mean 15. */
    make_flow(&flows[0], 0, 0.4, 3, 30);
    flows[0].gbps[1] = 60;
    flows[0].gbps[2] = 90;
    make_flow(&flows[1], 0, 0.6, 2, 10);
    flows[1].gbps[1] = 20;
    struct rg_node_sum sum = sum_of(flows, 2);
    assert_near(sum.gbps, 75);
    assert_true(
        isnan(sum.ci95_low_gbps) && isnan(sum.ci95_high_gbps)); /* 2 slices, whatever a finer cut would make up */
    /* 0 to 1.2: a in 12 parts of 0.1, b in 6 of 0.2. 6 slices of 0.2: a's means 10, 20, ... 60, b 100. All six: ranks 1
     * to 6. */
    struct flow fine[2];
    make_flow(&fine[0], 0, 0.1, 12, 0);
    make_flow(&fine[1], 0, 0.2, 6, 100);
    for (int i = 0; i < 12; i++)
        fine[0].gbps[i] = 10 * (i / 2 + 1) + (i % 2 ? 5 : -5);
    sum = sum_of(fine, 2);
    assert_near(sum.gbps, 135);
    assert_near(sum.ci95_low_gbps, 110);
    assert_near(sum.ci95_high_gbps, 160);
}

static void a_flow_that_flaps_widens_the_interval(void **state)
{
    struct flow flows[2];
    (void)state;
    make_flow(&flows[0], 0, 0.1, 20, 100);
    make_flow(&flows[1], 0, 0.1, 20, 100);
    for (int i = 10; i < 20; i++)
        flows[1].gbps[i] = 0;
    /* 10 slices of 200 and 10 of 100: ranks 5 and 16 of 20. */
    struct rg_node_sum sum = sum_of(flows, 2);
    assert_near(sum.gbps, 150);
    assert_near(sum.ci95_low_gbps, 100);
    assert_near(sum.ci95_high_gbps, 200);
}

static void a_short_drop_is_in_the_mean(void **state)
{
    struct flow flows[2];
    (void)state;
    make_flow(&flows[0], 0, 0.1, 20, 100);
    make_flow(&flows[1], 0, 0.1, 20, 100);
    flows[1].gbps[7] = 0;
    struct rg_node_sum sum = sum_of(flows, 2);
    assert_near(sum.gbps, 195); /* (19 * 200 + 100) / 20 */
    assert_near(sum.ci95_low_gbps, 200);
}

static void flows_with_no_time_in_common_have_no_sum(void **state)
{
    struct flow flows[3];
    (void)state;
    make_flow(&flows[0], 0, 0.1, 20, 100);
    make_flow(&flows[1], 2, 0.1, 20, 100); /* begins when the first ends */
    struct rg_node_sum sum = sum_of(flows, 2);
    assert_near(sum.gbps, NAN);
    assert_near(sum.ci95_low_gbps, NAN);
    make_flow(&flows[1], 0.5, 0.1, 20, 100);
    make_flow(&flows[2], 3, 0.1, 20, 100); /* two that overlap are not enough */
    assert_near(sum_of(flows, 3).gbps, NAN);
    assert_near(sum_of(flows, 0).gbps, NAN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_flows_add_up),
        cmocka_unit_test(only_the_time_in_which_all_ran_counts),
        cmocka_unit_test(parts_of_different_length_are_cut_as_coarsely_as_the_coarsest),
        cmocka_unit_test(a_flow_that_flaps_widens_the_interval),
        cmocka_unit_test(a_short_drop_is_in_the_mean),
        cmocka_unit_test(flows_with_no_time_in_common_have_no_sum),
    };
    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
