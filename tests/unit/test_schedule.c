/* fleet/schedule: every pair meets once, in as few rounds as there can be. */
#include "helpers.h"

#include "fleet/schedule.h"

#include <stdlib.h>
#include <string.h>

/* A node can be in one pair a round: n (n - 1) / 2 pairs at floor(n / 2) a round. */
static void check_tournament(int nodes)
{
    int rounds = rg_schedule_rounds(nodes), met = 0;
    bool *seen = calloc((size_t)nodes * (size_t)nodes, 1);
    assert_non_null(seen);
    if (rounds != (nodes % 2 == 0 ? nodes - 1 : nodes))
        fail_msg("%d nodes in %d rounds", nodes, rounds);
    for (int round = 0; round < rounds; round++) {
        int alone = 0;
        for (int node = 0; node < nodes; node++) {
            int partner = rg_schedule_partner(nodes, round, node);
            if (partner == -1) {
                alone++;
                continue;
            }
            if (partner < 0 || partner >= nodes || partner == node ||
                rg_schedule_partner(nodes, round, partner) != node)
                fail_msg("%d nodes, round %d: %d meets %d", nodes, round, node, partner);
            if (partner < node)
                continue;
            if (seen[node * nodes + partner])
                fail_msg("%d nodes: %d and %d meet twice", nodes, node, partner);
            seen[node * nodes + partner] = true;
            met++;
        }
        if (alone != nodes % 2)
            fail_msg("%d nodes, round %d: %d sit out", nodes, round, alone);
    }
    if (met != nodes * (nodes - 1) / 2)
        fail_msg("%d nodes: %d pairs met", nodes, met);
    free(seen);
}

static void every_pair_of_up_to_200_nodes_meets_once(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 200; nodes++)
        check_tournament(nodes);
}

static void every_pair_of_a_large_fleet_meets_once(void **state)
{
    static const int fleets[] = {255, 256, 257, 500, 511, 512, 513, 999, 1000, 1023, 1024, 1025};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fleets); i++)
        check_tournament(fleets[i]);
}

static void with_an_odd_number_each_node_sits_out_once(void **state)
{
    (void)state;
    for (int nodes = 3; nodes <= 101; nodes += 2) {
        int sat_out[101] = {0};
        for (int round = 0; round < rg_schedule_rounds(nodes); round++)
            for (int node = 0; node < nodes; node++)
                sat_out[node] += rg_schedule_partner(nodes, round, node) == -1;
        for (int node = 0; node < nodes; node++)
            assert_int_equal(sat_out[node], 1);
    }
}

static void fewer_than_two_nodes_have_nobody_to_meet(void **state)
{
    (void)state;
    assert_int_equal(rg_schedule_rounds(1), 0);
    assert_int_equal(rg_schedule_rounds(0), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_up_to_200_nodes_meets_once),
        cmocka_unit_test(every_pair_of_a_large_fleet_meets_once),
        cmocka_unit_test(with_an_odd_number_each_node_sits_out_once),
        cmocka_unit_test(fewer_than_two_nodes_have_nobody_to_meet),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
