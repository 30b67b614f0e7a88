/* data/plan: a suite unrolled into rounds. */
#include "helpers.h"

#include "data/plan.h"
#include "fleet/schedule.h"

#include <stdlib.h>
#include <string.h>

static struct rg_settings a_test(const char *name, const char *direction, int64_t size)
{
    struct rg_suite suite = {0};
    assert_int_equal(rg_suite_single(name, &suite, NULL), 0);
    struct rg_settings settings = suite.tests[0];
    rg_suite_close(&suite);
    settings.direction = direction;
    settings.sizes = (struct rg_sizes){.count = 1, .bytes = {size}};
    return settings;
}

static struct rg_suite suite_of(struct rg_settings *tests, size_t count)
{
    return (struct rg_suite){.name = "made", .description = "Made up.", .tests = tests, .test_count = count};
}

static struct rg_plan plan_of(const struct rg_suite *suite, int nodes)
{
    return (struct rg_plan){suite, nodes, 1, 1};
}

static int64_t rounds_in(const struct rg_suite *suite, int nodes)
{
    struct rg_plan plan = plan_of(suite, nodes);
    return rg_plan_rounds(&plan);
}

static struct rg_round round_in(const struct rg_suite *suite, int nodes, int64_t n)
{
    struct rg_plan plan = plan_of(suite, nodes);
    return rg_plan_round(&plan, n);
}

/* The partner of a node in a round, and whether data go to the higher of both, and to the lower. */
static int partner_in(const struct rg_round *round, int node, bool *forward, bool *backward)
{
    struct rg_link links[RG_SCHEDULE_LINKS(64)];
    int count = rg_plan_links(round, node, 0, links), partner = -1;
    *forward = *backward = false;
    for (int i = 0; i < count; i++) {
        partner = links[i].from_node == node ? links[i].to_node : links[i].from_node;
        *forward |= links[i].from_node <= links[i].to_node;
        *backward |= links[i].from_node > links[i].to_node;
    }
    return partner;
}

static int64_t rounds_of(const char *name, const char *direction, const char *pattern, int nodes)
{
    struct rg_settings settings = a_test(name, direction, 8);
    settings.pattern = pattern;
    struct rg_suite suite = suite_of(&settings, 1);
    return rounds_in(&suite, nodes);
}

static void flows_that_go_one_way_take_two_rounds_a_meeting(void **state)
{
    (void)state;
    assert_int_equal(rounds_of("rdma_write_bw", "one_way", "pairs", 2), 2);
    assert_int_equal(rounds_of("rdma_read_bw", "one_way", "pairs", 4), 2 * 3);
    assert_int_equal(rounds_of("rdma_send_bw", "one_way", "pairs", 5), 2 * 5);
    assert_int_equal(rounds_of("rdma_read_lat", "one_way", "pairs", 4), 2 * 3); /* only the reader measures */
}

static void flows_that_go_both_ways_take_one_round_a_meeting(void **state)
{
    (void)state;
    assert_int_equal(rounds_of("rdma_write_bw", "both_ways", "pairs", 2), 1);
    assert_int_equal(rounds_of("rdma_write_bw", "both_ways", "pairs", 8), 7);
    assert_int_equal(
        rounds_of("rdma_write_lat", "one_way", "pairs", 8), 7); /* a ping-pong tells the same from both ends */
    assert_int_equal(rounds_of("rdma_send_lat", "one_way", "pairs", 3), 3);
}

static void a_collective_or_a_loopback_takes_one_round(void **state)
{
    (void)state;
    assert_int_equal(rounds_of("all_reduce", "one_way", "pairs", 16), 1);
    assert_int_equal(rounds_of("all_reduce", "one_way", "pairs", 1), 1);
    assert_int_equal(rounds_of("rdma_write_bw", "one_way", "loopback", 16), 1);
    assert_int_equal(rounds_of("rdma_read_lat", "one_way", "loopback", 1), 1);
}

static void one_node_alone_has_no_pairs(void **state)
{
    (void)state;
    assert_int_equal(rounds_of("rdma_write_bw", "both_ways", "pairs", 1), 0);
}

static void rounds_follow_tests_then_sizes_then_meetings_then_directions(void **state)
{
    struct rg_settings tests[] = {a_test("rdma_write_bw", "one_way", 64), a_test("all_reduce", "one_way", 1024),
        a_test("rdma_write_bw", "both_ways", 4096)};
    struct rg_suite suite = suite_of(tests, 3);
    static const struct {
        size_t test;
        int64_t size;
        int meeting;
        bool forward, backward;
    } expected[] = {{0, 64, 0, true, false}, {0, 64, 0, false, true}, {0, 64, 1, true, false}, {0, 64, 1, false, true},
        {0, 64, 2, true, false}, {0, 64, 2, false, true}, {0, 8, 0, true, false}, {0, 8, 0, false, true},
        {0, 8, 1, true, false}, {0, 8, 1, false, true}, {0, 8, 2, true, false}, {0, 8, 2, false, true},
        {1, 1024, 0, true, false}, {2, 4096, 0, true, true}, {2, 4096, 1, true, true}, {2, 4096, 2, true, true}};
    (void)state;
    tests[0].sizes = (struct rg_sizes){.count = 2, .bytes = {64, 8}};
    assert_int_equal(rounds_in(&suite, 3), COUNT_OF(expected));
    for (size_t n = 0; n < COUNT_OF(expected); n++) {
        struct rg_round round = round_in(&suite, 3, (int64_t)n);
        if (round.test_index != expected[n].test || round.size_bytes != expected[n].size)
            fail_msg("round %zu: test %zu, %d bytes", n, round.test_index, (int)round.size_bytes);
        for (int node = 0; n != 12 && node < 3; node++) { /* a collective has no flows */
            bool forward, backward;
            int partner = partner_in(&round, node, &forward, &backward);
            assert_int_equal(partner, rg_schedule_partner(3, expected[n].meeting, node));
            if (partner >= 0) {
                assert_int_equal(forward, expected[n].forward);
                assert_int_equal(backward, expected[n].backward);
            }
        }
    }
}

static void a_test_without_rounds_is_passed_over(void **state)
{
    struct rg_settings tests[] = {a_test("rdma_write_bw", "one_way", 64), a_test("rdma_write_bw", "one_way", 128)};
    struct rg_suite suite = suite_of(tests, 2);
    (void)state;
    tests[1].pattern = "loopback";
    assert_int_equal(rounds_in(&suite, 1), 1);
    struct rg_round round = round_in(&suite, 1, 0);
    assert_int_equal(round.test_index, 1);
    bool forward, backward;
    assert_int_equal(partner_in(&round, 0, &forward, &backward), 0);
    assert_true(forward);
    assert_false(backward);
}

/* How often the flow from -> to runs at each size over the whole plan. */
static void check_flows(const char *test, const char *direction, int nodes, bool ordered)
{
    struct rg_settings settings = a_test(test, direction, 64);
    settings.sizes = (struct rg_sizes){.count = 2, .bytes = {64, 4096}};
    struct rg_suite suite = suite_of(&settings, 1);
    int *runs = calloc((size_t)(nodes * nodes * 2), sizeof *runs);
    for (int64_t n = 0; n < rounds_in(&suite, nodes); n++) {
        struct rg_round round = round_in(&suite, nodes, n);
        int *of_size = runs + (round.size_bytes == 4096) * nodes * nodes;
        for (int low = 0; low < nodes; low++) {
            bool forward, backward;
            int high = partner_in(&round, low, &forward, &backward);
            if (high <= low)
                continue;
            of_size[low * nodes + high] += forward;
            of_size[high * nodes + low] += backward;
        }
    }
    for (int i = 0; i < 2 * nodes * nodes; i++) {
        int from = i / nodes % nodes, to = i % nodes;
        int wanted = from == to ? 0 : ordered ? 1 : from < to;
        if (runs[i] != wanted)
            fail_msg("%s among %d nodes: %d to %d runs %d times", test, nodes, from, to, runs[i]);
    }
    free(runs);
}

static void every_pair_is_measured_once_in_each_direction_and_size(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 17; nodes++) {
        check_flows("rdma_write_bw", "one_way", nodes, true);
        check_flows("rdma_write_bw", "both_ways", nodes, true);
        check_flows("rdma_read_lat", "one_way", nodes, true);
        check_flows("rdma_write_lat", "one_way", nodes, false);
    }
}

static void tests_are_of_four_kinds(void **state)
{
    (void)state;
    for (const char *const *name = rg_test_names; *name != NULL; name++) {
        enum rg_test_kind kind = rg_test_kind_of(*name);
        size_t length = strlen(*name);
        assert_int_equal(kind == RG_TEST_BANDWIDTH, strcmp(*name + length - 3, "_bw") == 0);
        assert_int_equal(kind == RG_TEST_LATENCY, length > 4 && strcmp(*name + length - 4, "_lat") == 0);
        assert_int_equal(kind == RG_TEST_COPY, strcmp(*name, "gpu_copy") == 0);
        assert_int_equal(rg_test_has_flows(kind), strncmp(*name, "rdma_", 5) == 0 || rg_test_over_tcp(*name));
        assert_int_equal(rg_test_over_tcp(*name), strncmp(*name, "tcp_", 4) == 0);
    }
}

static void assert_label(struct rg_settings settings, const char *expected)
{
    struct rg_suite suite = suite_of(&settings, 1);
    struct rg_round round = round_in(&suite, 2, 0);
    char label[64];
    rg_plan_label(&suite, &round, label, sizeof label);
    assert_string_equal(label, expected);
}

static void a_label_says_test_size_and_direction(void **state)
{
    struct rg_settings loop = a_test("rdma_write_bw", "one_way", 1000);
    (void)state;
    assert_label(a_test("rdma_write_bw", "both_ways", 65536), "rdma_write_bw 64K both_ways");
    assert_label(a_test("rdma_read_bw", "one_way", 1), "rdma_read_bw 1 one_way");
    assert_label(a_test("rdma_write_lat", "one_way", 8), "rdma_write_lat 8");
    assert_label(a_test("all_reduce", "one_way", 1 << 20), "all_reduce 1M");
    loop.pattern = "loopback";
    assert_label(loop, "rdma_write_bw 1000 one_way loopback");
}

static void a_round_may_last_longer_than_it_is_thought_to_take(void **state)
{
    struct rg_settings settings = a_test("rdma_write_bw", "one_way", 64);
    struct rg_suite suite = suite_of(&settings, 1);
    struct rg_round round = round_in(&suite, 2, 0);
    (void)state;
    settings.warmup_s = 0.5;
    settings.duration_s = 3;
    settings.deadline_s = 20;
    assert_near(rg_plan_seconds(&suite, &round), 3.5);
    assert_true(rg_plan_limit_s(&suite, &round) > 3.5 + 20);
    settings.iterations = 1000; /* bounded by a count, it may take as long as the deadline allows */
    assert_true(rg_plan_seconds(&suite, &round) < 20);
    assert_true(rg_plan_limit_s(&suite, &round) > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_that_go_one_way_take_two_rounds_a_meeting),
        cmocka_unit_test(flows_that_go_both_ways_take_one_round_a_meeting),
        cmocka_unit_test(a_collective_or_a_loopback_takes_one_round),
        cmocka_unit_test(one_node_alone_has_no_pairs),
        cmocka_unit_test(rounds_follow_tests_then_sizes_then_meetings_then_directions),
        cmocka_unit_test(a_test_without_rounds_is_passed_over),
        cmocka_unit_test(every_pair_is_measured_once_in_each_direction_and_size),
        cmocka_unit_test(tests_are_of_four_kinds),
        cmocka_unit_test(a_label_says_test_size_and_direction),
        cmocka_unit_test(a_round_may_last_longer_than_it_is_thought_to_take),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
