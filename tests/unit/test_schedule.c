/* fleet/schedule: every pair meets once, in as few rounds as there can be. */
#include "helpers.h"

#include "fleet/schedule.h"

#include <stdlib.h>
#include <string.h>

/* A node can be in one pair a round: n (n - 1) / 2 pairs at floor(n / 2) a round. */
static void check_tournament(int nodes)
{
    int rounds = rg_schedule_tournament(nodes), met = 0;
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
        for (int round = 0; round < rg_schedule_tournament(nodes); round++)
            for (int node = 0; node < nodes; node++)
                sat_out[node] += rg_schedule_partner(nodes, round, node) == -1;
        for (int node = 0; node < nodes; node++)
            assert_int_equal(sat_out[node], 1);
    }
}

static void fewer_than_two_nodes_have_nobody_to_meet(void **state)
{
    (void)state;
    assert_int_equal(rg_schedule_tournament(1), 0);
    assert_int_equal(rg_schedule_tournament(0), 0);
}

/* --- patterns --- */

/* Every link of a round as both its ends see it: the same one, and each NIC at most once a way. */
static int check_round(const struct rg_schedule *s, int64_t round, bool many, int *met)
{
    size_t nics = (size_t)s->nodes * (size_t)s->rails;
    struct rg_link *links = calloc((size_t)RG_SCHEDULE_LINKS(s->nodes), sizeof *links);
    int *sends = calloc(nics, sizeof *sends), *receives = calloc(nics, sizeof *receives), flows = 0, arrivals = 0;
    assert_true(links && sends && receives);
    for (int nic = 0; nic < (int)nics; nic++) {
        int count = rg_schedule_links(s, round, nic / s->rails, nic % s->rails, links);
        assert_true(count <= RG_SCHEDULE_LINKS(s->nodes));
        for (int i = 0; i < count; i++) {
            int from = links[i].from_node * s->rails + links[i].from_rail;
            int to = links[i].to_node * s->rails + links[i].to_rail;
            assert_in_range(from, 0, nics - 1);
            assert_in_range(to, 0, nics - 1);
            assert_true(from == nic || to == nic);
            if (from == nic)
                flows++, sends[from]++;
            if (to == nic)
                arrivals++, receives[to]++;
            if (from == nic && met != NULL)
                met[(size_t)from * nics + (size_t)to]++;
            assert_int_equal(links[i].from_rail != links[i].to_rail, s->rail_use == RG_RAILS_CROSS);
        }
    }
    assert_int_equal(flows, arrivals);
    for (size_t nic = 0; !many && nic < nics; nic++)
        if (sends[nic] > 1 || receives[nic] > 1)
            fail_msg("%d nodes, pattern %d, round %lld: NIC %zu sends %d and receives %d flows", s->nodes,
                (int)s->pattern, (long long)round, nic, sends[nic], receives[nic]);
    free(links);
    free(sends);
    free(receives);
    return flows;
}

static void check_pattern(struct rg_schedule s)
{
    bool many = s.pattern == RG_PATTERN_INCAST || s.pattern == RG_PATTERN_OUTCAST;
    for (int64_t round = 0; round < rg_schedule_rounds(&s); round++)
        if (check_round(&s, round, many, NULL) == 0 && !(s.nodes == 1))
            fail_msg("%d nodes, pattern %d: nothing happens in round %lld", s.nodes, (int)s.pattern, (long long)round);
}

static void no_nic_is_used_twice_a_way_in_a_round(void **state)
{
    static const int nodes[] = {2, 3, 4, 5, 7, 8, 12, 31};
    (void)state;
    for (size_t n = 0; n < sizeof nodes / sizeof *nodes; n++)
        for (int pattern = RG_PATTERN_PAIRS; pattern <= RG_PATTERN_LOOPBACK; pattern++)
            for (int use = RG_RAILS_SAME; use <= RG_RAILS_ONE; use++)
                for (int both = 0; both < (pattern <= RG_PATTERN_SCREEN ? 2 : 1); both++)
                    check_pattern((struct rg_schedule){.pattern = (enum rg_pattern)pattern,
                        .rail_use = (enum rg_rail_use)use,
                        .both_ways = both,
                        .nodes = nodes[n],
                        .rails = 3,
                        .seed = 7});
}

/* What is said of a pattern is what its rounds do. */
static void flows_are_alone_on_their_nics_and_between_nodes_where_a_pattern_is_exclusive(void **state)
{
    struct rg_link links[RG_SCHEDULE_LINKS(12)];
    (void)state;
    for (int pattern = RG_PATTERN_PAIRS; pattern <= RG_PATTERN_CONGESTION; pattern++) {
        struct rg_schedule s = {
            .pattern = (enum rg_pattern)pattern, .incast_load = true, .nodes = 12, .rails = 1, .seed = 7};
        bool exclusive = true;
        for (int64_t round = 0; round < rg_schedule_rounds(&s); round++)
            for (int node = 0; node < s.nodes; node++) {
                int count = rg_schedule_links(&s, round, node, 0, links), sends = 0, receives = 0;
                for (int i = 0; i < count; i++) {
                    sends += links[i].from_node == node;
                    receives += links[i].to_node == node;
                    exclusive &= links[i].from_node != links[i].to_node;
                }
                exclusive &= sends <= 1 && receives <= 1;
            }
        assert_int_equal(rg_schedule_is_exclusive(s.pattern), exclusive);
    }
}

/* Each pair of NICs of different nodes and the same rail, both ways, exactly once; or of all different rails. */
static void check_all_pairs(int nodes, int rails, enum rg_pattern pattern, enum rg_rail_use use, bool both_ways)
{
    struct rg_schedule s = {
        .pattern = pattern, .rail_use = use, .both_ways = both_ways, .nodes = nodes, .rails = rails};
    size_t nics = (size_t)nodes * (size_t)rails;
    int *met = calloc(nics * nics, sizeof *met);
    for (int64_t round = 0; round < rg_schedule_rounds(&s); round++)
        check_round(&s, round, false, met);
    for (size_t i = 0; i < nics * nics; i++) {
        bool other_node = (int)(i / nics) / rails != (int)(i % nics) / rails;
        bool same_rail = (int)(i / nics) % rails == (int)(i % nics) % rails;
        int want = other_node && same_rail == (use != RG_RAILS_CROSS);
        if (met[i] != want)
            fail_msg("%d nodes: NIC %zu sends to %zu %d times, not %d", nodes, i / nics, i % nics, met[i], want);
    }
    free(met);
}

static void pairs_and_all_to_all_join_every_two_nics_once_each_way(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 13; nodes++)
        for (int use = RG_RAILS_SAME; use <= RG_RAILS_ONE; use++) {
            check_all_pairs(nodes, 3, RG_PATTERN_PAIRS, (enum rg_rail_use)use, false);
            check_all_pairs(nodes, 3, RG_PATTERN_PAIRS, (enum rg_rail_use)use, true);
            check_all_pairs(nodes, 3, RG_PATTERN_ALL_TO_ALL, (enum rg_rail_use)use, false);
        }
}

static void shuffling_is_a_permutation_that_can_be_undone(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 1025; n = n < 40 ? n + 1 : n + 197) {
        bool seen[1025] = {false};
        for (uint64_t x = 0; x < n; x++) {
            uint64_t number = rg_schedule_shuffle(n * 31, n, x);
            assert_true(number < n && !seen[number]);
            seen[number] = true;
            assert_int_equal(rg_schedule_unshuffle(n * 31, n, number), x);
        }
    }
}

static void a_screen_gives_each_node_three_partners_each_way(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 1025; nodes = nodes < 30 ? nodes + 1 : nodes + 199) {
        struct rg_schedule s = {
            .pattern = RG_PATTERN_SCREEN, .both_ways = true, .nodes = nodes, .rails = 1, .seed = (uint64_t)nodes};
        int *met = calloc((size_t)nodes * (size_t)nodes, sizeof *met);
        for (int64_t round = 0; round < rg_schedule_rounds(&s); round++)
            check_round(&s, round, false, met);
        for (int node = 0; node < nodes; node++) {
            int partners = 0;
            for (int other = 0; other < nodes; other++) {
                assert_true(met[node * nodes + other] <= 1);
                assert_int_equal(met[node * nodes + other], met[other * nodes + node]);
                partners += met[node * nodes + other];
            }
            if (partners < (nodes - 1 < 3 ? nodes - 1 : 3))
                fail_msg("node %d of %d meets %d others", node, nodes, partners);
        }
        free(met);
    }
}

static void screens_differ_with_their_seed(void **state)
{
    struct rg_schedule s = {.pattern = RG_PATTERN_SCREEN, .nodes = 64, .rails = 1, .both_ways = true};
    struct rg_link a[RG_SCHEDULE_LINKS(64)], b[RG_SCHEDULE_LINKS(64)];
    int same = 0;
    (void)state;
    for (int node = 0; node < 64; node++) {
        s.seed = 1;
        rg_schedule_links(&s, 0, node, 0, a);
        s.seed = 2;
        rg_schedule_links(&s, 0, node, 0, b);
        same += a[0].from_node + a[0].to_node == b[0].from_node + b[0].to_node;
    }
    assert_true(same < 16);
}

static void incast_and_outcast_have_each_node_as_their_centre_once(void **state)
{
    (void)state;
    for (int pattern = RG_PATTERN_INCAST; pattern <= RG_PATTERN_OUTCAST; pattern++) {
        struct rg_schedule s = {.pattern = (enum rg_pattern)pattern, .nodes = 5, .rails = 2};
        struct rg_link links[RG_SCHEDULE_LINKS(5)];
        assert_int_equal(rg_schedule_rounds(&s), 5);
        for (int centre = 0; centre < 5; centre++) {
            assert_int_equal(rg_schedule_links(&s, centre, centre, 1, links), 4);
            for (int i = 0; i < 4; i++)
                assert_int_equal(pattern == RG_PATTERN_INCAST ? links[i].to_node : links[i].from_node, centre);
            assert_int_equal(rg_schedule_links(&s, centre, (centre + 1) % 5, 1, links), 1);
        }
    }
}

static void victims_of_congestion_are_alone_first_and_loaded_then(void **state)
{
    (void)state;
    for (int incast = 0; incast < 2; incast++)
        for (int nodes = 4; nodes <= 40; nodes += 9) {
            struct rg_schedule s = {
                .pattern = RG_PATTERN_CONGESTION, .nodes = nodes, .rails = 2, .seed = 3, .incast_load = incast};
            struct rg_link links[RG_SCHEDULE_LINKS(40)];
            assert_int_equal(rg_schedule_rounds(&s), 6);
            for (int64_t round = 0; round < 6; round++) {
                int victims = 0, loads = 0;
                for (int node = 0; node < nodes; node++) {
                    int count = rg_schedule_links(&s, round, node, 0, links), mine = 0;
                    for (int i = 0; i < count; i++) {
                        mine += !links[i].load;
                        victims += !links[i].load && links[i].from_node == node;
                        loads += links[i].load && links[i].from_node == node;
                    }
                    assert_true(mine == 0 || count == 1); /* a victim carries no load */
                }
                assert_int_equal(victims, nodes < 20 ? 1 : nodes / 10);
                int loaders = nodes - 2 * victims;
                assert_int_equal(loads, round % 2 == 0 ? 0 : incast ? loaders - 1 : loaders);
                assert_int_equal(rg_schedule_is_loaded(&s, round), round % 2);
            }
        }
    assert_int_equal(rg_schedule_rounds(&(struct rg_schedule){.pattern = RG_PATTERN_CONGESTION, .nodes = 3}), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_up_to_200_nodes_meets_once),
        cmocka_unit_test(every_pair_of_a_large_fleet_meets_once),
        cmocka_unit_test(with_an_odd_number_each_node_sits_out_once),
        cmocka_unit_test(fewer_than_two_nodes_have_nobody_to_meet),
        cmocka_unit_test(no_nic_is_used_twice_a_way_in_a_round),
        cmocka_unit_test(flows_are_alone_on_their_nics_and_between_nodes_where_a_pattern_is_exclusive),
        cmocka_unit_test(pairs_and_all_to_all_join_every_two_nics_once_each_way),
        cmocka_unit_test(shuffling_is_a_permutation_that_can_be_undone),
        cmocka_unit_test(a_screen_gives_each_node_three_partners_each_way),
        cmocka_unit_test(screens_differ_with_their_seed),
        cmocka_unit_test(incast_and_outcast_have_each_node_as_their_centre_once),
        cmocka_unit_test(victims_of_congestion_are_alone_first_and_loaded_then),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
