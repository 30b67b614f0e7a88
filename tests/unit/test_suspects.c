/* fleet/suspects, inquiry and fabric: planted faults are named, and nothing else is. */
#include "helpers.h"

#include "fleet/fabric.h"
#include "fleet/inquiry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_LOSS 0.05

/* A fabric, its plan, and what an inquiry found. */
struct scene {
    struct rg_fabric fabric;
    struct rg_finding *findings;
    size_t count;
};

static struct rg_part part(enum rg_part_kind kind, int node, int rail, int peer)
{
    return (struct rg_part){kind, node, rail, peer, peer < 0 ? -1 : rail};
}

static struct scene a_scene(int nodes, int rails, int nodes_per_leaf, double noise)
{
    struct scene scene = {.fabric = {.nodes = nodes,
                              .rails = rails,
                              .nodes_per_leaf = nodes_per_leaf,
                              .rate_gbps = 390,
                              .latency_us = 2,
                              .noise = noise,
                              .load_slowdown = 1,
                              .load_latency = 1,
                              .seed = 11}};
    assert_int_equal(rg_fabric_prepare(&scene.fabric, NULL), 0);
    scene.fabric.faults = calloc(8, sizeof *scene.fabric.faults);
    assert_non_null(scene.fabric.faults);
    return scene;
}

static void plant(struct scene *scene, enum rg_fault_kind kind, struct rg_part where, double loss)
{
    scene->fabric.faults[scene->fabric.fault_count++] = (struct rg_fault_plan){kind, where, loss, 0};
}

static void add_flow(struct scene *scene, struct rg_inquiry *inquiry, const struct rg_link *link, int64_t round)
{
    struct rg_flow_outcome outcome;
    struct rg_moment moment = {.round = round, .senders = 1, .receivers = 1};
    const struct rg_fabric *fabric = &scene->fabric;
    rg_fabric_flow(fabric, link, &moment, &outcome);
    struct rg_sighting sighting = {link->from_node * fabric->rails + link->from_rail,
        link->to_node * fabric->rails + link->to_rail, outcome.dead ? 1 : (float)(1 - outcome.rate_gbps / 390),
        (float)fmax(fabric->noise, 0.002)};
    assert_int_equal(rg_inquiry_add(inquiry, &sighting, outcome.dead ? -1 : !outcome.corrupt, NULL), 0);
}

static void investigate(struct scene *scene, enum rg_pattern pattern)
{
    const struct rg_fabric *fabric = &scene->fabric;
    struct rg_fleet fleet = {fabric->nodes, fabric->rails, fabric->leaf_of};
    struct rg_schedule schedule = {.pattern = pattern, .nodes = fabric->nodes, .rails = fabric->rails, .seed = 3};
    struct rg_link *links = calloc((size_t)RG_SCHEDULE_LINKS(fabric->nodes), sizeof *links);
    struct rg_inquiry *inquiry;
    assert_int_equal(rg_inquiry_open(&fleet, LEAST_LOSS, 5, &inquiry, NULL), 0);
    int64_t rounds = rg_schedule_rounds(&schedule);
    for (int64_t round = 0; round < rounds; round++)
        for (int nic = 0; nic < fabric->nodes * fabric->rails; nic++) {
            int node = nic / fabric->rails, rail = nic % fabric->rails;
            int count = rg_schedule_links(&schedule, round, node, rail, links);
            for (int i = 0; i < count; i++)
                if (links[i].from_node == node && links[i].from_rail == rail)
                    add_flow(scene, inquiry, &links[i], round);
        }
    free(links);
    for (size_t asked = 1; asked > 0; rounds++) {
        assert_int_equal(rg_inquiry_ask(inquiry, &links, &asked, NULL), 0);
        for (size_t i = 0; i < asked; i++)
            add_flow(scene, inquiry, &links[i], rounds);
        free(links);
    }
    assert_int_equal(rg_inquiry_conclude(inquiry, &scene->findings, &scene->count, NULL), 0);
    rg_inquiry_close(inquiry);
}

static void close_scene(struct scene *scene)
{
    free(scene->findings);
    rg_fabric_close(&scene->fabric);
}

static const struct rg_finding *finding_of(const struct scene *scene, struct rg_part where)
{
    for (size_t i = 0; i < scene->count; i++)
        if (rg_part_same(&scene->findings[i].suspect.part, &where))
            return &scene->findings[i];
    fail_msg("one of %zu findings should be of kind %d, node %d", scene->count, (int)where.kind, where.node);
    return NULL;
}

static void a_healthy_fleet_is_not_accused(void **state)
{
    (void)state;
    for (int nodes = 2; nodes <= 66; nodes += 16) {
        struct scene scene = a_scene(nodes, 4, 0, 0.02);
        investigate(&scene, nodes % 32 ? RG_PATTERN_PAIRS : RG_PATTERN_SCREEN);
        assert_int_equal(scene.count, 0);
        close_scene(&scene);
    }
}

/* Each kind of part, alone, in a screen and among all pairs. */
static void a_slow_part_is_named_with_what_it_costs(void **state)
{
    const struct rg_part parts[] = {part(RG_PART_TX, 5, 1, -1), part(RG_PART_RX, 30, 3, -1),
        part(RG_PART_NIC, 17, 0, -1), part(RG_PART_NODE, 9, -1, -1), part(RG_PART_PATH, 3, 2, 31),
        part(RG_PART_LEAF_TX, 1, 2, -1), part(RG_PART_LEAF_RX, 3, 0, -1)};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        for (int pattern = RG_PATTERN_PAIRS; pattern <= RG_PATTERN_SCREEN; pattern++) {
            struct scene scene = a_scene(32, 4, 8, 0.01);
            if (parts[i].kind == RG_PART_PATH && pattern == RG_PATTERN_SCREEN) {
                close_scene(&scene); /* a few random pairs need not include it */
                continue;
            }
            plant(&scene, RG_FAULT_SLOW, parts[i], 0.2);
            investigate(&scene, (enum rg_pattern)pattern);
            assert_int_equal(scene.count, 1);
            const struct rg_finding *found = finding_of(&scene, parts[i]);
            assert_true(fabs(found->suspect.loss - 0.2) < 0.02);
            assert_false(found->suspect.comes_and_goes || found->corrupts);
            assert_int_equal(found->suspect.well_flows, 0);
            close_scene(&scene);
        }
}

static void several_faults_at_once_are_all_named(void **state)
{
    struct scene scene = a_scene(24, 8, 0, 0.005);
    (void)state;
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 3, 1, -1), 0.3);
    plant(&scene, RG_FAULT_DEAD, part(RG_PART_RX, 7, 1, -1), 0);
    plant(&scene, RG_FAULT_CORRUPTS, part(RG_PART_NIC, 12, 5, -1), 0);
    plant(&scene, RG_FAULT_FLAPS, part(RG_PART_TX, 20, 2, -1), 0.4);
    investigate(&scene, RG_PATTERN_PAIRS);
    assert_int_equal(scene.count, 4);
    finding_of(&scene, part(RG_PART_TX, 3, 1, -1));
    assert_true(finding_of(&scene, part(RG_PART_RX, 7, 1, -1))->suspect.loss > 0.99);
    assert_true(finding_of(&scene, part(RG_PART_NIC, 12, 5, -1))->corrupts);
    assert_true(finding_of(&scene, part(RG_PART_TX, 20, 2, -1))->suspect.comes_and_goes);
    close_scene(&scene);
}

static void what_two_nodes_cannot_tell_apart_is_one_of_both(void **state)
{
    struct scene scene = a_scene(2, 4, 0, 0.005);
    (void)state;
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 0, 2, -1), 0.5);
    investigate(&scene, RG_PATTERN_PAIRS);
    assert_int_equal(scene.count, 1);
    const struct rg_suspect *suspect = &scene.findings[0].suspect;
    struct rg_part ends[] = {part(RG_PART_TX, 0, 2, -1), part(RG_PART_RX, 1, 2, -1)};
    assert_int_equal(suspect->alternative_count, 1);
    assert_true(rg_part_same(&suspect->part, &ends[0]) != rg_part_same(&suspect->part, &ends[1]));
    assert_true(rg_part_same(&suspect->alternatives[0], &ends[0]) != rg_part_same(&suspect->alternatives[0], &ends[1]));
    close_scene(&scene);
}

static void a_third_node_tells_them_apart(void **state)
{
    struct scene scene = a_scene(3, 4, 0, 0.005);
    (void)state;
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 0, 2, -1), 0.5);
    investigate(&scene, RG_PATTERN_PAIRS);
    assert_int_equal(scene.count, 1);
    assert_int_equal(finding_of(&scene, part(RG_PART_TX, 0, 2, -1))->suspect.alternative_count, 0);
    close_scene(&scene);
}

static void the_healthy_rate_is_that_of_the_uppermost_cluster(void **state)
{
    double rates[] = {200, 201, 199, 200, 202, 198, 200, 390, 391, 389}, healthy, noise;
    (void)state;
    rg_suspects_reference(rates, COUNT_OF(rates), 0.1, &healthy, &noise);
    assert_true(fabs(healthy - 390) < 0.5);
    assert_true(noise > 0 && noise < 0.01);
}

static void links_to_measure_again_use_no_nic_twice_and_nobody_accused_as_a_witness(void **state)
{
    struct scene scene = a_scene(8, 2, 0, 0.005);
    struct rg_fleet fleet = {8, 2, NULL};
    struct rg_inquiry *inquiry;
    struct rg_link *links;
    size_t count;
    (void)state;
    assert_int_equal(rg_inquiry_open(&fleet, LEAST_LOSS, 5, &inquiry, NULL), 0);
    for (int from = 0; from < 16; from++)
        for (int to = from % 2; to < 16; to += 2) {
            struct rg_sighting s = {from, to, from == 4 || to == 9 ? 0.5f : 0, 0.005f};
            if (from != to)
                assert_int_equal(rg_inquiry_add(inquiry, &s, 1, NULL), 0);
        }
    assert_int_equal(rg_inquiry_ask(inquiry, &links, &count, NULL), 0);
    assert_true(count >= 2);
    int sends[16] = {0}, receives[16] = {0};
    for (size_t i = 0; i < count; i++) {
        int from = links[i].from_node * 2 + links[i].from_rail, to = links[i].to_node * 2 + links[i].to_rail;
        assert_true(++sends[from] == 1 && ++receives[to] == 1 && from != to);
        assert_true((from == 4) != (to == 9)); /* one end is asked about, the other is a witness */
    }
    free(links);
    rg_inquiry_close(inquiry);
    close_scene(&scene);
}

static void faults_drawn_by_lot_have_no_nic_in_common(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rg_fabric fabric = {.nodes = 40, .rails = 8, .nodes_per_leaf = 16, .seed = seed};
        assert_int_equal(rg_fabric_prepare(&fabric, NULL), 0);
        assert_int_equal(rg_fabric_draw_faults(&fabric, 4, NULL), 0);
        assert_int_equal(fabric.fault_count, 4);
        for (int a = 0; a < 4; a++) {
            assert_true(fabric.faults[a].loss >= 0.1 && fabric.faults[a].loss <= 0.9);
            for (int b = 0; b < a; b++)
                assert_false(rg_part_same(&fabric.faults[a].part, &fabric.faults[b].part));
        }
        rg_fabric_close(&fabric);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_fleet_is_not_accused),
        cmocka_unit_test(a_slow_part_is_named_with_what_it_costs),
        cmocka_unit_test(several_faults_at_once_are_all_named),
        cmocka_unit_test(what_two_nodes_cannot_tell_apart_is_one_of_both),
        cmocka_unit_test(a_third_node_tells_them_apart),
        cmocka_unit_test(the_healthy_rate_is_that_of_the_uppermost_cluster),
        cmocka_unit_test(links_to_measure_again_use_no_nic_twice_and_nobody_accused_as_a_witness),
        cmocka_unit_test(faults_drawn_by_lot_have_no_nic_in_common),
    };
    return cmocka_run_group_tests_name("suspects", tests, NULL, NULL);
}
