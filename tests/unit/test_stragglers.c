/* fleet/stragglers and judge/collectives: which rank holds collectives up, as far as communicators tell. */
#include "helpers.h"

#include "fleet/random.h"
#include "fleet/stragglers.h"
#include "judge/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_LOSS 0.075
#define RANKS_MOST 4

enum { OF_NODES = 1, OF_PAIRS = 2, OF_RAILS = 4 };

/* A fleet, who straggles in it, and what was found. */
struct scene {
    struct rg_fleet fleet;
    double noise;
    uint64_t seed;
    struct {
        int node, rail; /* -1: all */
        double loss;
    } stragglers[RANKS_MOST];
    int straggler_count;
    struct rg_circle *circles;
    size_t count;
    struct rg_straggler *found;
    size_t found_count;
};

static struct scene a_scene(int nodes, int rails)
{
    return (struct scene){.fleet = {nodes, rails, NULL}, .noise = 0.01, .seed = 7};
}

static void slow_down(struct scene *scene, int node, int rail, double loss)
{
    int n = scene->straggler_count++;
    scene->stragglers[n].node = node;
    scene->stragglers[n].rail = rail;
    scene->stragglers[n].loss = loss;
}

static void add_circle(struct scene *scene, int node, int peer, int rail)
{
    double loss = 0;
    for (int i = 0; i < scene->straggler_count; i++) {
        bool has_node = node < 0 || scene->stragglers[i].node < 0 || scene->stragglers[i].node == node ||
                        scene->stragglers[i].node == peer;
        bool has_rail = rail < 0 || scene->stragglers[i].rail < 0 || scene->stragglers[i].rail == rail;
        loss = has_node && has_rail ? fmax(loss, scene->stragglers[i].loss) : loss;
    }
    double noise = scene->noise * rg_random_normal(rg_random_with(scene->seed, scene->count));
    scene->circles[scene->count++] =
        (struct rg_circle){node, peer, rail, (float)(1 - (1 - loss) * (1 + noise)), (float)scene->noise};
}

/* Measures one of each such communicator. */
static void hunt(struct scene *scene, int of)
{
    int nodes = scene->fleet.nodes, rails = scene->fleet.rails;
    scene->circles = calloc((size_t)(nodes * nodes + nodes + rails), sizeof *scene->circles);
    assert_non_null(scene->circles);
    for (int node = 0; node < nodes; node++) {
        if (of & OF_NODES)
            add_circle(scene, node, -1, -1);
        for (int peer = node + 1; (of & OF_PAIRS) && peer < nodes; peer++)
            add_circle(scene, node, peer, -1);
    }
    for (int rail = 0; (of & OF_RAILS) && rail < rails; rail++)
        add_circle(scene, -1, -1, rail);
    assert_int_equal(rg_stragglers_find(&scene->fleet, scene->circles, scene->count, LEAST_LOSS, &scene->found,
                         &scene->found_count, NULL),
        0);
}

static void close_scene(struct scene *scene)
{
    free(scene->circles);
    free(scene->found);
}

static bool is(const struct rg_part *part, enum rg_part_kind kind, int node, int rail)
{
    return part->kind == kind && part->node == node && part->rail == rail;
}

static void a_healthy_fleet_has_no_straggler(void **state)
{
    (void)state;
    for (int nodes = 2; nodes < 40; nodes++)
        for (int of = OF_NODES; of <= (OF_NODES | OF_PAIRS | OF_RAILS); of++) {
            struct scene scene = a_scene(nodes, 8);
            scene.noise = 0.02;
            scene.seed = (uint64_t)(nodes * 8 + of);
            hunt(&scene, of);
            assert_int_equal(scene.found_count, 0);
            close_scene(&scene);
        }
}

/* Where a communicator of a node crosses one of a rail. */
static void a_rank_is_named_where_communicators_cross(void **state)
{
    (void)state;
    for (int nodes = 3; nodes <= 24; nodes += 3)
        for (int of = OF_NODES | OF_RAILS; of <= (OF_NODES | OF_PAIRS | OF_RAILS); of++) {
            struct scene scene = a_scene(nodes, 8);
            slow_down(&scene, nodes - 1, 5, 0.12);
            hunt(&scene, of);
            assert_int_equal(scene.found_count, 1);
            const struct rg_straggler *s = scene.found;
            assert_true(is(&s->part, RG_PART_NIC, nodes - 1, 5));
            assert_within(s->loss, 0.12, 0.03);
            assert_int_equal(s->alternative_count, 0);
            assert_int_equal(s->short_circles, (of & OF_NODES ? 1 : 0) + (of & OF_PAIRS ? nodes - 1 : 0) + 1);
            assert_int_equal(s->well_circles, 0);
            close_scene(&scene);
        }
}

static void of_one_kind_of_communicator_the_node_or_the_rail_is_told(void **state)
{
    (void)state;
    for (int of = OF_NODES; of <= OF_RAILS; of *= 2) {
        struct scene scene = a_scene(8, 4);
        slow_down(&scene, 6, 2, 0.3);
        hunt(&scene, of);
        assert_int_equal(scene.found_count, 1);
        assert_true(
            of == OF_RAILS ? is(&scene.found->part, RG_PART_RAIL, -1, 2) : is(&scene.found->part, RG_PART_NODE, 6, -1));
        close_scene(&scene);
    }
}

static void two_ranks_that_cost_differently_are_told_apart(void **state)
{
    struct scene scene = a_scene(12, 8);
    (void)state;
    slow_down(&scene, 3, 1, 0.15);
    slow_down(&scene, 9, 6, 0.5);
    hunt(&scene, OF_PAIRS | OF_RAILS);
    assert_int_equal(scene.found_count, 2);
    assert_true(is(&scene.found[0].part, RG_PART_NIC, 9, 6));
    assert_true(is(&scene.found[1].part, RG_PART_NIC, 3, 1));
    assert_int_equal(scene.found[0].alternative_count + scene.found[1].alternative_count, 0);
    close_scene(&scene);
}

/* Two nodes and two rails are slow, and whose rail is whose nothing tells. */
static void of_two_ranks_that_cost_the_same_the_node_is_certain_and_the_rail_is_not(void **state)
{
    struct scene scene = a_scene(12, 8);
    (void)state;
    slow_down(&scene, 3, 1, 0.3);
    slow_down(&scene, 9, 6, 0.3);
    hunt(&scene, OF_PAIRS | OF_RAILS);
    assert_int_equal(scene.found_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct rg_straggler *s = &scene.found[i];
        assert_int_equal(s->alternative_count, 1);
        assert_int_equal(s->part.node, s->alternatives[0].node);
        assert_int_equal(s->part.rail + s->alternatives[0].rail, 1 + 6);
    }
    assert_int_equal(scene.found[0].part.node + scene.found[1].part.node, 3 + 9);
    close_scene(&scene);
}

/* A run that ended after the first round of pairs. */
static void a_node_that_met_one_other_is_one_of_both(void **state)
{
    const struct rg_circle circles[] = {{0, 1, -1, 0, 0.01f}, {2, 3, -1, 0.3f, 0.01f}, {4, 5, -1, 0, 0.01f}};
    const struct rg_fleet fleet = {6, 2, NULL};
    struct rg_straggler *found;
    size_t count;
    (void)state;
    assert_int_equal(rg_stragglers_find(&fleet, circles, COUNT_OF(circles), LEAST_LOSS, &found, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(found->alternative_count, 2); /* of node 2, node 3, and the two together */
    free(found);
}

static void two_nodes_that_are_slow_together_alone_are_told(void **state)
{
    struct scene scene = a_scene(6, 2);
    (void)state;
    hunt(&scene, OF_PAIRS);
    for (size_t i = 0; i < scene.count; i++)
        if (scene.circles[i].node == 1 && scene.circles[i].peer == 4)
            scene.circles[i].shortfall = 0.4f;
    free(scene.found);
    assert_int_equal(rg_stragglers_find(
                         &scene.fleet, scene.circles, scene.count, LEAST_LOSS, &scene.found, &scene.found_count, NULL),
        0);
    assert_int_equal(scene.found_count, 1);
    assert_int_equal(scene.found->part.kind, RG_PART_PATH);
    assert_int_equal(scene.found->part.node, 1);
    assert_int_equal(scene.found->part.peer, 4);
    assert_int_equal(scene.found->alternative_count, 0);
    close_scene(&scene);
}

/* Some of one node were measured without the other node, which was gone. */
static void what_is_faster_than_others_speaks_for_nothing(void **state)
{
    struct scene scene = a_scene(12, 4);
    (void)state;
    slow_down(&scene, 5, 1, 0.4);
    hunt(&scene, OF_PAIRS | OF_RAILS);
    for (size_t i = 0; i < scene.count; i++)
        if (scene.circles[i].peer == 9)
            scene.circles[i].shortfall -= 0.16f;
    free(scene.found);
    assert_int_equal(rg_stragglers_find(
                         &scene.fleet, scene.circles, scene.count, LEAST_LOSS, &scene.found, &scene.found_count, NULL),
        0);
    assert_int_equal(scene.found_count, 1);
    assert_true(is(&scene.found->part, RG_PART_NIC, 5, 1));
    close_scene(&scene);
}

/* --- the judge --- */

static const char *const names[] = {"node-a", "node-b", "node-c", "node-d"};

static void add_collective(
    struct rg_fleet_judge *judge, int test_index, const char *node, const char *peer, int64_t rail, double us)
{
    struct rg_measurement m;
    rg_measurement_clear(&m);
    m.test = "all_reduce";
    m.status = "ok";
    m.kind = "collective";
    m.test_index = test_index;
    m.size_bytes = 1048576;
    m.has_group = m.has_collective = true;
    m.group = (struct rg_group){.scope = "?", .node = node, .peer_node = peer, .ranks = 4, .rail = rail};
    m.collective.moved_bytes = m.size_bytes;
    m.collective.time_p50_us = m.collective.time_avg_us = us;
    m.collective.busbw_gigabytes_per_s = (double)m.size_bytes / us / 1e3;
    assert_int_equal(rg_fleet_judge_add(judge, &m, NULL), 0);
}

/* Collectives of pairs of nodes, of rails and of all, of which one rank takes twice as long. */
static struct rg_fleet_judge *a_judge(int slow_node, int slow_rail)
{
    struct rg_fleet_judge *judge;
    assert_int_equal(rg_fleet_judge_open(names, 4, 3, NULL, 1, 5, &judge, NULL), 0);
    for (int node = 0; node < 4; node++)
        for (int peer = node + 1; peer < 4; peer++)
            add_collective(
                judge, 0, names[peer], names[node], RG_NONE, node == slow_node || peer == slow_node ? 200 : 100);
    for (int rail = 0; rail < 3; rail++)
        add_collective(judge, 1, NULL, NULL, rail, rail == slow_rail ? 180 : 90);
    add_collective(judge, 2, NULL, NULL, RG_NONE, 200);
    return judge;
}

/* Flows of rail 1 in which what node-c sends has half the rate, or not. */
static void add_flows(struct rg_fleet_judge *judge, double share)
{
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++) {
            struct rg_link link = {from, 1, to, 1, false};
            double gbps = from == 2 ? 100 * share : 100 + 0.1 * to;
            if (from != to)
                assert_int_equal(rg_fleet_judge_add_flow(judge, 0, 65536, &link, gbps, 1, NULL), 0);
        }
}

static const struct rg_verdict *conclude(struct rg_fleet_judge *judge)
{
    struct rg_verdict *verdict = a_verdict();
    struct rg_suite suite;
    assert_int_equal(rg_suite_single("rdma_write_bw", &suite, NULL), 0);
    *verdict = (struct rg_verdict){.run_id = MADE_RUN_ID, .against_kind = "none"};
    assert_int_equal(rg_fleet_judge_conclude(judge, &suite, verdict, NULL), 0);
    rg_suite_close(&suite);
    rg_fleet_judge_close(judge);
    return verdict;
}

static void the_judge_names_the_rank(void **state)
{
    (void)state;
    const struct rg_verdict *verdict = conclude(a_judge(2, 1));
    assert_int_equal(verdict->accused_count, 1);
    const struct rg_accused *a = verdict->accused;
    assert_string_equal(a->part, "rank");
    assert_string_equal(a->node, "node-c");
    assert_int_equal(a->rail, 1);
    assert_string_equal(a->status, "condemned");
    assert_within(a->loss_percent, 50, 1);
    assert_int_equal(a->flows_short, 4);
    assert_has(a->sentence, "node-c, rail 1: holds up collectives, by 50.0 %; 4 of 4 communicators");
}

static void a_rank_whose_flows_do_well_is_told_with_that(void **state)
{
    struct rg_fleet_judge *judge = a_judge(2, 1);
    (void)state;
    add_flows(judge, 1);
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 1);
    assert_has(verdict->accused->sentence, "its flows are as fast as others");
}

static void what_flows_accuse_already_is_not_told_again_by_collectives(void **state)
{
    struct rg_fleet_judge *judge = a_judge(2, 1);
    (void)state;
    add_flows(judge, 0.5);
    const struct rg_verdict *verdict = conclude(judge);
    assert_int_equal(verdict->accused_count, 1);
    assert_string_equal(verdict->accused->part, "tx");
}

static void without_rails_the_judge_says_one_of(void **state)
{
    (void)state;
    const struct rg_verdict *verdict = conclude(a_judge(2, -1));
    assert_int_equal(verdict->accused_count, 1);
    assert_string_equal(verdict->accused->part, "node");
    assert_string_equal(verdict->accused->status, "one_of");
    assert_has(verdict->accused->sentence, "one of: node-c, all rails; or one of them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_fleet_has_no_straggler),
        cmocka_unit_test(a_rank_is_named_where_communicators_cross),
        cmocka_unit_test(of_one_kind_of_communicator_the_node_or_the_rail_is_told),
        cmocka_unit_test(two_ranks_that_cost_differently_are_told_apart),
        cmocka_unit_test(of_two_ranks_that_cost_the_same_the_node_is_certain_and_the_rail_is_not),
        cmocka_unit_test(a_node_that_met_one_other_is_one_of_both),
        cmocka_unit_test(two_nodes_that_are_slow_together_alone_are_told),
        cmocka_unit_test(what_is_faster_than_others_speaks_for_nothing),
        cmocka_unit_test(the_judge_names_the_rank),
        cmocka_unit_test(a_rank_whose_flows_do_well_is_told_with_that),
        cmocka_unit_test(what_flows_accuse_already_is_not_told_again_by_collectives),
        cmocka_unit_test(without_rails_the_judge_says_one_of),
    };
    return cmocka_run_group_tests(tests, NULL, drop_verdict);
}
