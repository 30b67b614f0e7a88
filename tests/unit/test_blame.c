/* judge/fleet and judge/accuse: from flows of several tests to suspects in words. */
#include "helpers.h"

#include "judge/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"node-a", "node-b", "node-c", "node-d", "node-e", "node-f"};
static struct rg_suite suite;

static int setup(void **state)
{
    struct rg_fleet_judge *judge;
    assert_int_equal(rg_suite_single("rdma_write_bw", &suite, NULL), 0);
    assert_int_equal(rg_fleet_judge_open(names, 6, 1, NULL, 1, 5, &judge, NULL), 0);
    *state = judge;
    return 0;
}

static int teardown(void **state)
{
    rg_fleet_judge_close(*state);
    rg_suite_close(&suite);
    return 0;
}

/* A round in which each node sends to the one `shift` after it; what leaves the node `slow` has only a share. */
static void add_round(struct rg_fleet_judge *judge, int64_t size, int shift, int slow, double share)
{
    for (int from = 0; from < 6; from++) {
        struct rg_link link = {from, 0, (from + shift) % 6, 0, false};
        double gbps = (100 + 0.1 * shift) * (from == slow ? share : 1);
        assert_int_equal(rg_fleet_judge_add_flow(judge, 0, size, &link, gbps, 1, NULL), 0);
    }
}

static const struct rg_verdict *conclude(struct rg_fleet_judge *judge)
{
    struct rg_verdict *verdict = a_verdict();
    *verdict = (struct rg_verdict){.run_id = MADE_RUN_ID, .against_kind = "none"};
    assert_int_equal(rg_fleet_judge_conclude(judge, &suite, verdict, NULL), 0);
    return verdict;
}

static void a_part_is_told_once_where_it_is_surest(void **state)
{
    struct rg_fleet_judge *judge = *state;
    const double comes_and_goes[] = {1, 0.02, 0.05, 0.03, 1}; /* costs more on average than what is steady */
    for (int shift = 1; shift < 6; shift++)
        add_round(judge, 65536, shift, 2, comes_and_goes[shift - 1]);
    for (int shift = 1; shift < 6; shift++)
        add_round(judge, 1048576, shift, 2, 0.7);
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 1);
    const struct rg_accused *a = &verdict->accused[0];
    assert_string_equal(a->node, "node-c");
    assert_string_equal(a->part, "tx");
    assert_string_equal(a->status, "condemned");
    assert_int_equal(a->size_bytes, 1048576);
    assert_within(a->loss_percent, 30, 0.5);
    assert_has(a->sentence, "the other ends of all of these do well with others");
    assert_int_equal(a->evidence_count, 5);
    assert_string_equal(a->evidence[0].from_node, "node-c");
    assert_string_equal(a->evidence[0].to_node, "node-d");
    assert_within(a->evidence[0].bandwidth_gbps, 70, 0.5);
    assert_true(a->evidence[0].fell_short);
    assert_int_equal(a->evidence[0].others_well, 4);
}

static void where_nothing_gets_through_no_healthy_rate_is_made_up(void **state)
{
    struct rg_fleet_judge *judge = *state;
    for (int from = 0; from < 6; from++)
        for (int shift = 1; shift < 6; shift++) {
            struct rg_link link = {from, 0, (from + shift) % 6, 0, false};
            assert_int_equal(rg_fleet_judge_add_flow(judge, 0, 65536, &link, NAN, -1, NULL), 0);
        }
    const struct rg_verdict *verdict = conclude(judge);
    assert_true(verdict->accused_count > 0);
    for (size_t i = 0; i < verdict->accused_count; i++)
        assert_near(verdict->accused[i].healthy_gbps, NAN);
}

static void what_a_node_did_before_it_was_lost_still_counts(void **state)
{
    struct rg_fleet_judge *judge = *state;
    for (int shift = 1; shift < 6; shift++)
        add_round(judge, 65536, shift, 0, 0.7);
    struct rg_link failed = {0, 0, 3, 0, false};
    assert_int_equal(rg_fleet_judge_add_flow(judge, 0, 65536, &failed, NAN, -1, NULL), 0);
    rg_fleet_judge_lose(judge, "node-b", -1);
    rg_fleet_judge_lose(judge, "node-c", -1);
    rg_fleet_judge_lose(judge, "node-d", -1);
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 1);
    assert_string_equal(verdict->accused[0].node, "node-a");
    assert_string_equal(verdict->accused[0].part, "tx");
    assert_string_equal(verdict->accused[0].status, "condemned");
    assert_int_equal(verdict->accused[0].flows_short, 5); /* the failed one's other end is lost */
}

/* NICs count for all their flows of a round together. */
static void what_a_nic_counted_in_a_round_is_added_once(void **state)
{
    struct made_run made;
    struct rg_fleet_judge *judge;
    (void)state;
    make_run(&made, 4, 1);
    assert_int_equal(rg_fleet_judge_open_run(&made.run, 5, &judge, NULL), 0);
    for (int round = 0; round < 3; round++)
        for (int from = 0; from < 4; from++) {
            int to = (from + round + 1) % 4;
            double gbps = from == 2 ? 50 : 100;
            struct rg_measurement m = a_flow(&made, round, from, to, 0, gbps, gbps, gbps);
            struct rg_counter_report reports[2] = {{.node = m.flow.from.node}, {.node = m.flow.to.node}};
            for (int i = 0; i < 2; i++) {
                reports[i].change = (struct rg_counter_change){.known = 9, .count = 1};
                strcpy(reports[i].change.at[0].name, "out_of_sequence");
                reports[i].change.at[0].added = 10;
            }
            m.pattern = "pairs";
            m.counters = reports;
            m.counter_count = 2;
            assert_int_equal(rg_fleet_judge_add(judge, &m, NULL), 0);
            m.counters = NULL;
            m.counter_count = 0;
            rg_measurement_close(&m);
        }
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 1);
    assert_has(verdict->accused[0].sentence, "its NIC counted 30 packets out of sequence");
    rg_fleet_judge_close(judge);
    close_made_run(&made);
}

/* Of what node 2 sends half is lost; each round of 4 nodes is a ring. */
static void hear_round(struct rg_fleet_judge *judge, const struct made_run *made, int round, const char *pattern)
{
    for (int from = 0; from < 4; from++) {
        double gbps = from == 2 ? 50 : 100 + 0.1 * from;
        struct rg_measurement m = a_flow(made, round, from, (from + round % 3 + 1) % 4, 0, gbps, gbps, gbps);
        m.pattern = pattern;
        assert_int_equal(rg_fleet_judge_add(judge, &m, NULL), 0);
        rg_measurement_close(&m);
    }
}

/* They were asked four times before the run was taken up, and are asked as often as there is something left to ask. */
static void suspects_of_a_run_that_is_taken_up_are_not_asked_all_over_again(void **state)
{
    (void)state;
    for (int before = 0; before <= 4; before++) {
        struct made_run made;
        struct rg_fleet_judge *judge;
        struct rg_link *links;
        size_t count;
        int64_t test, size;
        int asked = -1;
        make_run(&made, 4, 1);
        assert_int_equal(rg_fleet_judge_open_run(&made.run, 5, &judge, NULL), 0);
        for (int round = 0; round < 3 + before; round++)
            hear_round(judge, &made, round, round < 3 ? "pairs" : "confirm");
        do {
            assert_int_equal(rg_fleet_judge_ask(judge, &test, &size, &links, &count, NULL), 0);
            free(links);
            asked++;
        } while (count > 0);
        assert_int_equal(asked, 4 - before);
        rg_fleet_judge_close(judge);
        close_made_run(&made);
    }
}

/* What a busy cluster of three soft-RoCE nodes measured, whose healthy flows differed by half; node-b's rail 0 was
 * throttled as it sends, node-c's rail 1 lost packets. */
static void what_is_far_out_is_told_even_among_flows_that_differ_much(void **state)
{
    static const struct {
        struct rg_link link;
        double mbps;
    } flows[] = {{{0, 0, 1, 0, false}, 43.1}, {{0, 1, 1, 1, false}, 25.8}, {{1, 0, 0, 0, false}, 2.01},
        {{1, 1, 0, 1, false}, 25.8}, {{1, 0, 2, 0, false}, 2.01}, {{1, 1, 2, 1, false}, 3.1},
        {{2, 0, 1, 0, false}, 43.1}, {{2, 1, 1, 1, false}, 3.4}, {{0, 0, 2, 0, false}, 31.0},
        {{0, 1, 2, 1, false}, 2.8}, {{2, 0, 0, 0, false}, 43.1}, {{2, 1, 0, 1, false}, 3.2}};
    struct rg_fleet_judge *judge;
    (void)state;
    assert_int_equal(rg_fleet_judge_open(names, 3, 2, NULL, 1, RG_FLEET_LEAST_LOSS_SOFT_PERCENT, &judge, NULL), 0);
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++)
        assert_int_equal(rg_fleet_judge_add_flow(judge, 0, 4096, &flows[i].link, flows[i].mbps / 1000, 1, NULL), 0);
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct rg_accused *a = &verdict->accused[i];
        bool throttled = strcmp(a->part, "tx") == 0;
        assert_string_equal(a->part, throttled ? "tx" : "nic");
        assert_string_equal(a->node, throttled ? "node-b" : "node-c");
        assert_int_equal(a->rail, throttled ? 0 : 1);
    }
    assert_string_not_equal(verdict->accused[0].part, verdict->accused[1].part);
    rg_fleet_judge_close(judge);
}

int main(void)
{
#define WITH_JUDGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_JUDGE(a_part_is_told_once_where_it_is_surest),
        WITH_JUDGE(where_nothing_gets_through_no_healthy_rate_is_made_up),
        WITH_JUDGE(what_a_node_did_before_it_was_lost_still_counts),
        WITH_JUDGE(what_a_nic_counted_in_a_round_is_added_once),
        WITH_JUDGE(suspects_of_a_run_that_is_taken_up_are_not_asked_all_over_again),
        WITH_JUDGE(what_is_far_out_is_told_even_among_flows_that_differ_much),
    };
    return cmocka_run_group_tests(tests, NULL, drop_verdict);
}
