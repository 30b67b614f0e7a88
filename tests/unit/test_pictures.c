/* report/heat and report/plan: pictures and tables in text. */
#include "helpers.h"

#include "report/heat.h"
#include "report/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct printed {
    char *text; /* malloc'd */
    size_t length;
};

static void print_heat(const struct rg_heat *heat, bool all, struct printed *printed)
{
    FILE *out = open_memstream(&printed->text, &printed->length);
    rg_report_heat(heat, false, all, out);
    fclose(out);
}

static void each_cell_is_the_worse_side_and_the_worst_node_comes_first(void **state)
{
    const char *names[] = {"good", "bad", "quiet"};
    float tx[] = {1, 0.99f, 0.5f, 1, NAN, NAN}, rx[] = {1, 0.99f, 1, 0.7f, NAN, 1};
    struct rg_heat heat = {3, 2, names, tx, rx};
    struct printed printed = {0};
    (void)state;
    print_heat(&heat, false, &printed);
    const char *bad = strstr(printed.text, "bad"), *good = strstr(printed.text, "good");
    const char *quiet = strstr(printed.text, "quiet");
    assert_true(bad != NULL && good != NULL && quiet != NULL && bad < good);
    assert_has(bad, "50t    70r");
    assert_has(good, "100     99 ");
    assert_has(quiet, "-    100");
    free(printed.text);
}

static void of_a_large_fleet_the_worst_nodes_are_shown_and_all_if_asked_for(void **state)
{
    enum { NODES = RG_HEAT_NODES_WHOLE + 1 };
    char texts[NODES][16];
    const char *names[NODES];
    float tx[NODES], rx[NODES];
    struct printed printed = {0};
    (void)state;
    for (int i = 0; i < NODES; i++) {
        snprintf(texts[i], sizeof texts[i], "node%d", i);
        names[i] = texts[i];
        tx[i] = rx[i] = i == NODES - 1 ? 0.1f : 1;
    }
    struct rg_heat heat = {NODES, 1, names, tx, rx};
    print_heat(&heat, false, &printed);
    assert_has(printed.text, texts[NODES - 1]);
    assert_has(printed.text, "and 49 more nodes, none of which is worse");
    free(printed.text);
    print_heat(&heat, true, &printed);
    assert_has(printed.text, texts[NODES - 2]);
    assert_lacks(printed.text, "more nodes");
    free(printed.text);
}

static void without_flows_there_is_no_picture(void **state)
{
    struct rg_heat heat = {0};
    struct printed printed = {0};
    (void)state;
    print_heat(&heat, true, &printed);
    assert_string_equal(printed.text, "");
    free(printed.text);
}

/* 4 nodes of 2 rails, every pair once: 3 meetings, both directions of a one-way test in rounds of their own, 4 flows.
 */
static void a_plan_tells_rounds_flows_time_and_memory_of_each_test(void **state)
{
    struct rg_suite suite;
    char *text = NULL;
    size_t length;
    (void)state;
    assert_int_equal(rg_suite_single("rdma_write_bw", &suite, NULL), 0);
    suite.tests[0].pattern = "pairs";
    suite.tests[0].sizes = (struct rg_sizes){.count = 1, .bytes = {65536}};
    suite.tests[0].working_set_bytes = 1048576;
    suite.tests[0].warmup_s = 0.5;
    suite.tests[0].duration_s = 2;
    struct rg_plan plan = {&suite, 4, 2, 1};
    FILE *out = open_memstream(&text, &length);
    rg_report_plan(&plan, out);
    fclose(out);
    assert_has(text, "rdma_write_bw   64K           pairs                        6         24      16 s         2M");
    assert_has(text, "for 2 nodes");
    free(text);
    rg_suite_close(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_is_the_worse_side_and_the_worst_node_comes_first),
        cmocka_unit_test(of_a_large_fleet_the_worst_nodes_are_shown_and_all_if_asked_for),
        cmocka_unit_test(without_flows_there_is_no_picture),
        cmocka_unit_test(a_plan_tells_rounds_flows_time_and_memory_of_each_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
