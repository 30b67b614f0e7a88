/* fleet/suspects, inquiry and fabric: planted faults are named, and nothing else is. */
#include "helpers.h"

#include "fleet/fabric.h"
#include "fleet/inquiry.h"
#include "fleet/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_LOSS 0.05

static const bool nobody[4096]; /* is gone */

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
    assert_int_equal(rg_inquiry_open(&fleet, nobody, LEAST_LOSS, false, 5, 0, &inquiry, NULL), 0);
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
        part(RG_PART_NIC, 17, 0, -1), part(RG_PART_NODE, 9, -1, -1), part(RG_PART_RAIL, -1, 1, -1),
        part(RG_PART_PATH, 3, 2, 31), part(RG_PART_LEAF_TX, 1, 2, -1), part(RG_PART_LEAF_RX, 3, 0, -1)};
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

/* The worst NIC's flows blur what the others cost; what was accepted because of that goes when later parts explain it.
 */
static void what_others_explain_in_the_end_is_not_accused(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scene scene = a_scene(10, 1, 0, 0.013);
        scene.fabric.seed = seed;
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_NIC, 0, 0, -1), 0.9);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 8, 0, -1), 0.7);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_NIC, 6, 0, -1), 0.3);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_NIC, 9, 0, -1), 0.3);
        investigate(&scene, RG_PATTERN_PAIRS);
        for (int i = 0; i < scene.fabric.fault_count; i++)
            finding_of(&scene, scene.fabric.faults[i].part);
        assert_int_equal(scene.count, 4);
        close_scene(&scene);
    }
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

static void of_flows_that_moved_nothing_the_healthy_rate_is_0(void **state)
{
    (void)state;
    double rates[] = {0, 0, 0}, healthy, noise;
    rg_reference_find(rates, COUNT_OF(rates), 0.08, &healthy, &noise);
    assert_near(healthy, 0);
    assert_true(isnan(noise));
}

static void the_healthy_rate_is_that_of_the_uppermost_cluster(void **state)
{
    double rates[] = {200, 201, 199, 200, 202, 198, 200, 390, 391, 389}, healthy, noise;
    (void)state;
    rg_reference_find(rates, COUNT_OF(rates), 0.1, &healthy, &noise);
    assert_true(fabs(healthy - 390) < 0.5);
    assert_true(noise > 0 && noise < 0.01);
}

static void one_fast_flow_is_no_reference(void **state)
{
    double rates[] = {390, 391, 389, 390, 392, 388, 390, 470}, healthy, noise;
    (void)state;
    rg_reference_find(rates, COUNT_OF(rates), 0.08, &healthy, &noise);
    assert_true(fabs(healthy - 390) < 1);
    double two[] = {390, 200};
    rg_reference_find(two, COUNT_OF(two), 0.08, &healthy, &noise);
    assert_near(healthy, 390);
}

static void noise_that_is_wider_than_the_cluster_is_seen_as_it_is(void **state)
{
    struct scene scene = a_scene(64, 8, 0, 0.06);
    double rates[512], healthy, noise;
    (void)state;
    for (int nic = 0; nic < 512; nic++) {
        struct rg_flow_outcome outcome;
        struct rg_link link = {nic / 8, nic % 8, (nic / 8 + 1) % 64, nic % 8, false};
        struct rg_moment moment = {.senders = 1, .receivers = 1};
        rg_fabric_flow(&scene.fabric, &link, &moment, &outcome);
        rates[nic] = outcome.rate_gbps;
    }
    rg_reference_find(rates, 512, 0.08, &healthy, &noise);
    assert_true(fabs(healthy - 390) < 390 * 0.015);
    assert_true(noise > 0.045 && noise < 0.075);
    close_scene(&scene);
}

static void a_loss_below_the_tolerance_is_of_no_interest(void **state)
{
    (void)state;
    for (int percent = 2; percent <= 4; percent++) {
        struct scene scene = a_scene(16, 8, 0, 0.003);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 3, 2, -1), percent / 100.0);
        investigate(&scene, RG_PATTERN_PAIRS);
        assert_int_equal(scene.count, 0);
        close_scene(&scene);
    }
}

static void two_steady_faults_with_a_nic_in_common_are_not_one_that_comes_and_goes(void **state)
{
    struct scene scene = a_scene(8, 8, 0, 0.005);
    (void)state;
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_PATH, 3, 2, 5), 0.2);
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_TX, 3, 2, -1), 0.15);
    investigate(&scene, RG_PATTERN_PAIRS);
    assert_int_equal(scene.count, 2);
    assert_false(finding_of(&scene, part(RG_PART_PATH, 3, 2, 5))->suspect.comes_and_goes);
    assert_false(finding_of(&scene, part(RG_PART_TX, 3, 2, -1))->suspect.comes_and_goes);
    close_scene(&scene);
}

/* What it costs differs from flow to flow, both ways: it is neither steady, nor two parts. */
static void a_nic_that_flaps_both_ways_is_one_finding(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct scene scene = a_scene(130, 8, 16, 0.0134);
        scene.fabric.seed = seed;
        plant(&scene, RG_FAULT_FLAPS, part(RG_PART_NIC, 121, 7, -1), 0.4);
        investigate(&scene, RG_PATTERN_SCREEN);
        assert_int_equal(scene.count, 1);
        finding_of(&scene, part(RG_PART_NIC, 121, 7, -1));
        close_scene(&scene);
    }
}

static void two_rails_of_a_node_are_not_the_whole_node(void **state)
{
    (void)state;
    for (int rails = 2; rails <= 8; rails++) {
        struct scene scene = a_scene(26, rails, 0, 0.013);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_RX, 3, 0, -1), 0.752);
        plant(&scene, RG_FAULT_SLOW, part(RG_PART_RX, 3, 1, -1), 0.783);
        investigate(&scene, RG_PATTERN_SCREEN);
        assert_int_equal(scene.count, 2);
        finding_of(&scene, part(RG_PART_RX, 3, 0, -1));
        finding_of(&scene, part(RG_PART_RX, 3, 1, -1));
        close_scene(&scene);
    }
}

/* Measured: of three nodes two NICs are slow, so that node 1 as a whole looks worst at first, and once that is given up
 * one path has been laid to what is the other NIC. */
static void a_nic_is_not_two_of_its_paths(void **state)
{
    static const struct {
        int32_t from, to;
        float shortfall;
    } seen[] = {{0, 2, 0.4159f}, {1, 3, 0.1278f}, {2, 0, 0.9921f}, {3, 1, -0.1796f}, {2, 4, 0.9921f}, {3, 5, 0.9494f},
        {4, 2, 0.4150f}, {5, 3, 0.9478f}, {0, 4, -0.1475f}, {1, 5, 0.9786f}, {4, 0, -0.1278f}, {5, 1, 0.9747f},
        {1, 5, 0.9631f}, {2, 4, 0.9923f}, {4, 2, 0.9889f}, {5, 1, 0.9270f}, {2, 0, 0.9923f}, {3, 5, 0.9600f},
        {4, 2, 0.9903f}, {5, 3, 0.9342f}, {1, 5, 0.9624f}, {2, 0, 0.9924f}, {4, 2, 0.9860f}, {5, 1, 0.9439f},
        {0, 2, 0.9865f}, {1, 5, 0.9528f}, {2, 4, 0.9924f}, {5, 1, 0.9670f}};
    const struct rg_fleet fleet = {3, 2, NULL};
    const struct rg_suspicion suspicion = {LEAST_LOSS, 8};
    struct rg_sighting sightings[COUNT_OF(seen)];
    struct rg_suspect *found;
    size_t count;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        sightings[i] = (struct rg_sighting){seen[i].from, seen[i].to, seen[i].shortfall, 0.2187f};
    assert_int_equal(rg_suspects_find(&fleet, sightings, COUNT_OF(seen), &suspicion, &found, &count, NULL), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct rg_part slow = part(RG_PART_NIC, i == 0 ? 1 : 2, i == 0 ? 0 : 1, -1); /* the stronger first */
        assert_true(rg_part_same(&found[i].part, &slow));
        assert_int_equal(found[i].alternative_count, 0);
    }
    free(found);
}

static void the_evidence_is_the_flows_in_order_and_what_clears_the_other_ends(void **state)
{
    struct scene scene = a_scene(6, 2, 0, 0.005);
    (void)state;
    plant(&scene, RG_FAULT_SLOW, part(RG_PART_RX, 4, 1, -1), 0.3);
    investigate(&scene, RG_PATTERN_PAIRS);
    assert_int_equal(scene.count, 1);
    const struct rg_suspect *s = &scene.findings[0].suspect;
    assert_int_equal(s->witness_count, s->short_flows); /* 5 pairs, and what was measured again */
    assert_true(s->witness_count > 5);
    for (size_t i = 0; i < s->witness_count; i++) {
        const struct rg_witness *w = &s->witnesses[i];
        assert_int_equal(w->to, 4 * 2 + 1);
        assert_true(w->fell_short && fabs(w->shortfall - 0.3) < 0.05);
        assert_true(w->others_well >= 4);
        assert_int_equal(w->others_short, 0);
    }
    close_scene(&scene);
}

static void links_to_measure_again_use_no_nic_twice_and_nobody_accused_as_a_witness(void **state)
{
    struct scene scene = a_scene(8, 2, 0, 0.005);
    struct rg_fleet fleet = {8, 2, NULL};
    struct rg_inquiry *inquiry;
    struct rg_link *links;
    size_t count;
    (void)state;
    assert_int_equal(rg_inquiry_open(&fleet, nobody, LEAST_LOSS, false, 5, 0, &inquiry, NULL), 0);
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

/* Links go both ways where the test does; who is gone is neither asked about nor a witness. */
static void links_to_measure_again_go_as_the_test_goes_and_without_the_lost(void **state)
{
    struct rg_fleet fleet = {8, 1, NULL};
    bool gone[8] = {[1] = true, [2] = true, [3] = true};
    struct rg_inquiry *inquiry;
    struct rg_link *links;
    size_t count;
    (void)state;
    assert_int_equal(rg_inquiry_open(&fleet, gone, LEAST_LOSS, true, 5, 0, &inquiry, NULL), 0);
    for (int from = 0; from < 8; from++)
        for (int to = 0; to < 8; to++) {
            struct rg_sighting s = {from, to, from == 4 || from == 1 ? 0.5f : 0, 0.005f};
            if (from != to)
                assert_int_equal(rg_inquiry_add(inquiry, &s, 1, NULL), 0);
        }
    assert_int_equal(rg_inquiry_ask(inquiry, &links, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_true(links[0].from_node == 4 && links[1].to_node == 4);
    assert_true(links[0].to_node == links[1].from_node);
    assert_false(gone[links[0].to_node]);
    free(links);
    rg_inquiry_close(inquiry);
}

/* Whether a NIC belongs to a part. */
static bool holds(const struct rg_fabric *fabric, const struct rg_part *p, int node, int rail)
{
    switch (p->kind) {
    case RG_PART_NODE:
        return node == p->node;
    case RG_PART_RAIL:
        return rail == p->rail;
    case RG_PART_LEAF_TX:
    case RG_PART_LEAF_RX:
        return fabric->leaf_of[node] == p->node && rail == p->rail;
    case RG_PART_PATH:
        return (node == p->node || node == p->peer) && rail == p->rail;
    default:
        return node == p->node && rail == p->rail;
    }
}

static void faults_drawn_by_lot_are_of_all_kinds_and_have_no_nic_in_common(void **state)
{
    int drawn[RG_FAULT_KINDS] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rg_fabric fabric = {.nodes = 40, .rails = 8, .nodes_per_leaf = 16, .seed = seed};
        assert_int_equal(rg_fabric_prepare(&fabric, NULL), 0);
        assert_int_equal(rg_fabric_draw_faults(&fabric, 4, 60, NULL), 0);
        assert_int_equal(fabric.fault_count, 4);
        for (int nic = 0; nic < 40 * 8; nic++) {
            int holders = 0;
            for (int f = 0; f < 4; f++)
                holders += holds(&fabric, &fabric.faults[f].part, nic / 8, nic % 8);
            assert_true(holders <= 1);
        }
        for (int f = 0; f < 4; f++) {
            const struct rg_fault_plan *fault = &fabric.faults[f];
            drawn[fault->kind]++;
            if (fault->kind >= RG_FAULT_DIES)
                assert_true(fault->at_s >= 0 && fault->at_s < 60 && fault->loss <= 0);
            else
                assert_true(fault->loss >= 0.1 && fault->loss <= 0.9);
        }
        rg_fabric_close(&fabric);
    }
    for (int kind = 0; kind < RG_FAULT_STRAGGLES; kind++) /* which flows don't show */
        assert_true(drawn[kind] > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_fleet_is_not_accused),
        cmocka_unit_test(of_flows_that_moved_nothing_the_healthy_rate_is_0),
        cmocka_unit_test(a_slow_part_is_named_with_what_it_costs),
        cmocka_unit_test(several_faults_at_once_are_all_named),
        cmocka_unit_test(what_others_explain_in_the_end_is_not_accused),
        cmocka_unit_test(what_two_nodes_cannot_tell_apart_is_one_of_both),
        cmocka_unit_test(a_third_node_tells_them_apart),
        cmocka_unit_test(the_healthy_rate_is_that_of_the_uppermost_cluster),
        cmocka_unit_test(one_fast_flow_is_no_reference),
        cmocka_unit_test(noise_that_is_wider_than_the_cluster_is_seen_as_it_is),
        cmocka_unit_test(a_loss_below_the_tolerance_is_of_no_interest),
        cmocka_unit_test(two_steady_faults_with_a_nic_in_common_are_not_one_that_comes_and_goes),
        cmocka_unit_test(a_nic_that_flaps_both_ways_is_one_finding),
        cmocka_unit_test(two_rails_of_a_node_are_not_the_whole_node),
        cmocka_unit_test(a_nic_is_not_two_of_its_paths),
        cmocka_unit_test(the_evidence_is_the_flows_in_order_and_what_clears_the_other_ends),
        cmocka_unit_test(links_to_measure_again_go_as_the_test_goes_and_without_the_lost),
        cmocka_unit_test(links_to_measure_again_use_no_nic_twice_and_nobody_accused_as_a_witness),
        cmocka_unit_test(faults_drawn_by_lot_are_of_all_kinds_and_have_no_nic_in_common),
    };
    return cmocka_run_group_tests_name("suspects", tests, NULL, NULL);
}
