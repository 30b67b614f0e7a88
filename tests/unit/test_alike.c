/* What nodes should share, and one does not. */
#include "helpers.h"

#include "report/alike.h"

#include <math.h>
#include <string.h>

#define NODES 4
#define RAILS 2

static struct rg_rank_facts ranks[2 * NODES * RAILS];
static struct rg_alike alike;

/* Nodes that are alike; a NIC that talks to itself has two ranks. */
static struct rg_run a_fleet(void)
{
    static const char *const names[NODES] = {"node0", "node1", "node2", "node3"};
    for (int i = 0; i < 2 * NODES * RAILS; i++) {
        struct rg_rank_facts *facts = &ranks[i];
        rg_rank_facts_clear(facts);
        facts->node.node = names[i / (2 * RAILS)];
        facts->node.kernel = "Linux 6.6.72";
        facts->node.cpus = 208;
        facts->rail.rail = i % RAILS;
        facts->rail.firmware = "28.43.2566";
        facts->rail.active_mtu_bytes = 4096;
        facts->rail.link_gbps = 400;
        facts->rail.has_gpu_facts = true;
        facts->rail.gpu_facts.driver = "570.124.06";
        facts->rail.gpu_facts.ecc = 1;
        facts->rail.gpu_facts.power_limit_w = 700;
    }
    return (struct rg_run){.ranks = ranks, .rank_count = COUNT_OF(ranks)};
}

static struct rg_rank_facts *of(int node, int rail)
{
    return &ranks[2 * RAILS * node + rail];
}

/* Both ranks of the rail. */
#define SET(node, rail, member, value) of(node, rail)->member = of(node, RAILS + (rail))->member = (value)

static void assert_said(const struct rg_run *run, const char *sentence)
{
    rg_alike_find(run, &alike);
    assert_int_equal(alike.count, sentence != NULL);
    if (sentence != NULL)
        assert_string_equal(alike.sentences[0], sentence);
}

static void nodes_that_are_alike_are_not_spoken_of(void **state)
{
    struct rg_run run = a_fleet();
    (void)state;
    assert_said(&run, NULL);
    for (int node = 0; node < NODES; node++) /* an odd NIC that all nodes have is how these nodes are */
        SET(node, 1, rail.firmware, "22.31.1014");
    assert_said(&run, NULL);
    assert_said(&(struct rg_run){.rank_count = 0}, NULL);
}

static void the_odd_one_is_named_with_what_the_others_have(void **state)
{
    struct rg_run run = a_fleet();
    (void)state;
    SET(2, 1, rail.firmware, "28.39.1002");
    assert_said(&run, "NIC firmware differs: 28.39.1002 on node2 rail 1, 28.43.2566 on 7 of 8 rails");
    run = a_fleet();
    SET(3, 0, rail.gpu_facts.ecc, 0);
    SET(3, 1, rail.gpu_facts.ecc, 0);
    assert_said(&run, "ECC mode differs: 0 on node3 rail 0+1, 1 on 6 of 8 rails");
    run = a_fleet();
    SET(1, 0, rail.gpu_facts.power_limit_w, 650);
    assert_said(&run, "power limit in W differs: 650 on node1 rail 0, 700 on 7 of 8 rails");
    run = a_fleet();
    for (int rail = 0; rail < RAILS; rail++)
        SET(0, rail, node.kernel, "Linux 6.1.0");
    assert_said(&run, "kernel differs: Linux 6.1.0 on node0, Linux 6.6.72 on 3 of 4 nodes");
}

static void where_there_is_no_majority_neither_is_odd(void **state)
{
    struct rg_run run = a_fleet();
    (void)state;
    for (int node = 0; node < 2; node++)
        for (int rail = 0; rail < RAILS; rail++)
            SET(node, rail, rail.active_mtu_bytes, 1024);
    rg_alike_find(&run, &alike);
    assert_int_equal(alike.count, 2);
    assert_string_equal(
        alike.sentences[0], "RDMA MTU differs: 1024 on node0 rail 0+1, node1 rail 0+1, others elsewhere");
    assert_string_equal(
        alike.sentences[1], "RDMA MTU differs: 4096 on node2 rail 0+1, node3 rail 0+1, others elsewhere");
}

static void what_is_not_known_of_a_node_is_no_difference(void **state)
{
    struct rg_run run = a_fleet();
    (void)state;
    SET(2, 0, rail.firmware, NULL);
    SET(2, 0, rail.link_gbps, NAN);
    SET(2, 0, rail.active_mtu_bytes, RG_NONE);
    SET(2, 0, rail.has_gpu_facts, false);
    SET(2, 0, rail.gpu_facts.ecc, 0);
    assert_said(&run, NULL);
}

static void of_many_odd_nodes_some_are_named(void **state)
{
    static char names[40][16];
    static struct rg_rank_facts many[COUNT_OF(names)];
    struct rg_run run = {.ranks = many, .rank_count = COUNT_OF(many)};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        rg_rank_facts_clear(&many[i]);
        snprintf(names[i], sizeof names[i], "n%zu", i);
        many[i].node.node = names[i];
        many[i].node.mpi = i % 3 ? "Open MPI 4.1.4" : "Open MPI 4.1.6";
    }
    assert_said(&run,
        "MPI differs: Open MPI 4.1.6 on n0, n3, n6, n9, n12, n15, n18, n21 and 6 more nodes, Open MPI 4.1.4 on 26 of "
        "40 nodes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_are_alike_are_not_spoken_of),
        cmocka_unit_test(the_odd_one_is_named_with_what_the_others_have),
        cmocka_unit_test(where_there_is_no_majority_neither_is_odd),
        cmocka_unit_test(what_is_not_known_of_a_node_is_no_difference),
        cmocka_unit_test(of_many_odd_nodes_some_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
