/* judge/entry and data/history: what of a run is kept, and that it comes back as it was. */
#include "helpers.h"

#include "data/history.h"
#include "judge/entry.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct rg_history_filter everything = {.rail = RG_NONE};

static struct rg_history *open_in(const char *directory, char **path)
{
    struct rg_history *history = NULL;
    char copied[4096];
    struct rg_error err;
    *path = path_in(directory, "history.db");
    assert_int_equal(rg_history_open(*path, true, &history, copied, &err), 0);
    assert_string_equal(copied, "");
    return history;
}

static const struct rg_figure *figure_of(
    const struct rg_entry *entry, const char *scope, const char *node, int64_t rail, const char *side)
{
    for (size_t i = 0; i < entry->figure_count; i++) {
        const struct rg_series *s = &entry->figures[i].of;
        if (strcmp(s->scope, scope) == 0 && s->node && strcmp(s->node, node) == 0 && s->rail == rail && s->side &&
            strcmp(s->side, side) == 0)
            return &entry->figures[i];
    }
    return NULL;
}

static const struct rg_fact *fact_of(const struct rg_entry *entry, const char *name, const char *node, int64_t rail)
{
    for (size_t i = 0; i < entry->fact_count; i++) {
        const struct rg_fact *fact = &entry->facts[i];
        bool same_node = node == NULL ? fact->node == NULL : fact->node != NULL && strcmp(fact->node, node) == 0;
        if (strcmp(fact->name, name) == 0 && same_node && fact->rail == rail)
            return fact;
    }
    return NULL;
}

static void sum_up(struct made_run *made, struct rg_run *run, struct rg_verdict *rows, struct rg_entry *entry)
{
    struct rg_error err;
    end_run(made);
    *rows = (struct rg_verdict){0};
    assert_int_equal(rg_run_load(made->directory, run, &err), 0);
    assert_int_equal(rg_judge_entry(run, made->directory, rows, entry, &err), 0);
}

static void close_record(struct made_run *made, struct rg_run *run, struct rg_verdict *rows, struct rg_entry *entry)
{
    rg_entry_close(entry);
    rg_verdict_close(rows);
    rg_run_close(run);
    close_made_run(made);
}

/* Three nodes of two rails; node-a sends to node-b and to node-c, which is what it can do in the median. */
static void make_record(struct made_run *made, struct rg_run *run, struct rg_verdict *rows, struct rg_entry *entry)
{
    make_run(made, 3, 2);
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 90, 89, 91));
    add_and_close(made, a_flow(made, 1, 0, 2, 0, 80, 79, 81));
    add_and_close(made, a_flow(made, 2, 0, 1, 1, 95, 94, 96));
    made->ranks[2].rail.firmware = "old";
    for (size_t i = 0; i < made->run.rank_count; i++) {
        made->ranks[i].node.os = i < 2 ? "Debian 12" : "Debian 13";
        if (i != 2)
            made->ranks[i].rail.firmware = "new";
    }
    sum_up(made, run, rows, entry);
}

static void the_median_of_what_each_end_did_is_kept(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_record(&made, &run, &rows, &entry);
    const struct rg_figure *sends = figure_of(&entry, "rail", "node-a", 0, "tx");
    assert_non_null(sends);
    assert_near(sends->value, 85); /* of 90 and 80 */
    assert_int_equal(sends->measurements, 2);
    assert_string_equal(sends->of.origin, "hardware");
    assert_near(figure_of(&entry, "rail", "node-b", 0, "rx")->value, 90);
    assert_near(figure_of(&entry, "rail", "node-c", 0, "rx")->value, 80);
    assert_near(figure_of(&entry, "rail", "node-b", 1, "rx")->value, 95);
    assert_null(figure_of(&entry, "rail", "node-c", 1, "rx")); /* was not measured */
    assert_null(figure_of(&entry, "rail", "node-b", 0, "tx")); /* did not send */
    close_record(&made, &run, &rows, &entry);
}

/* Another test like the first, but for what the caller changes. */
static struct rg_settings *add_test(struct made_run *made)
{
    struct rg_settings *test = &made->tests[made->run.suite.test_count++];
    *test = made->tests[0];
    return test;
}

/* A flow of that test, from node-a to node-b. */
static struct rg_measurement a_flow_of(const struct made_run *made, int round, int test, double gbps)
{
    struct rg_measurement m = a_flow(made, round, 0, 1, 0, gbps, gbps, gbps);
    m.test_index = test;
    m.direction = made->tests[test].direction;
    m.memory = made->tests[test].memory;
    return m;
}

static size_t count_of(const struct rg_entry *entry, const char *scope)
{
    size_t count = 0;
    for (size_t i = 0; i < entry->figure_count; i++)
        count += strcmp(entry->figures[i].of.scope, scope) == 0;
    return count;
}

/* Three flows from node-a to node-b, of which the last so many arrived damaged or not at all. */
static void make_failing(
    struct made_run *made, int failed, struct rg_run *run, struct rg_verdict *rows, struct rg_entry *entry)
{
    make_run(made, 2, 1);
    for (int i = 0; i < 3; i++) {
        struct rg_measurement flow = a_flow_of(made, i, 0, 90 + i),
                              latency = a_latency(made, 3 + i, 0, 1, 2 + i, 2, 5, 9);
        if (i + failed == 3) {
            flow.status = "failed";
            flow.reason = "damaged";
            flow.integrity.status = "mismatch";
            flow.integrity.mismatches = 7;
        } else if (i + failed > 3) {
            spoil(&flow, "failed", "it broke");
        }
        if (i + failed >= 3)
            spoil(&latency, "failed", "it broke");
        add_and_close(made, flow);
        add_and_close(made, latency);
    }
    sum_up(made, run, rows, entry);
}

static void what_failed_is_left_out_and_what_mostly_failed_is_missing(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_failing(&made, 1, &run, &rows, &entry);
    const struct rg_figure *sends = figure_of(&entry, "rail", "node-a", 0, "tx");
    assert_non_null(sends);
    assert_near(sends->value, 90.5); /* of 90 and 91; 92 were damaged */
    assert_int_equal(sends->measurements, 2);
    assert_int_equal(count_of(&entry, "rail"), 6); /* both ends, of a rate and of a latency's median and tail */
    assert_int_equal(count_of(&entry, "node"), 2);
    close_record(&made, &run, &rows, &entry);
    make_failing(&made, 2, &run, &rows, &entry);
    assert_int_equal(count_of(&entry, "rail"), 0);
    assert_int_equal(count_of(&entry, "node"), 0);
    close_record(&made, &run, &rows, &entry);
}

/* Two tests whose figures would carry the same. */
static void tests_that_differ_in_depth_alone_are_two_series(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_run(&made, 2, 1);
    add_test(&made)->depth = 16;
    for (int i = 0; i < 2; i++)
        add_and_close(&made, a_flow_of(&made, i, i, 90 - 40 * i));
    sum_up(&made, &run, &rows, &entry);
    assert_int_equal(count_of(&entry, "rail"), 4);
    assert_int_equal(count_of(&entry, "fleet"), 2);
    for (size_t i = 0; i < entry.figure_count; i++) {
        bool deep = entry.figures[i].of.variant == NULL; /* the first, as it is without the other */
        assert_true(deep || strcmp(entry.figures[i].of.variant, "depth 16") == 0);
        assert_near(entry.figures[i].value, deep ? 90 : 50);
    }
    close_record(&made, &run, &rows, &entry);
}

static void settings_of_tests_of_one_name_are_facts_of_each(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_run(&made, 2, 1);
    struct rg_settings *other = add_test(&made);
    other->direction = "one_way";
    other->depth = 16;
    sum_up(&made, &run, &rows, &entry);
    assert_string_equal(fact_of(&entry, "rdma_write_bw's depth with direction both_ways", NULL, RG_NONE)->value, "128");
    assert_string_equal(fact_of(&entry, "rdma_write_bw's depth with direction one_way", NULL, RG_NONE)->value, "16");
    assert_null(fact_of(&entry, "rdma_write_bw's depth", NULL, RG_NONE));
    assert_null(fact_of(&entry, "rdma_write_bw's direction with direction one_way", NULL, RG_NONE));
    close_record(&made, &run, &rows, &entry);
}

static void what_the_fleet_moves_between_unlike_memory_is_as_many_series(void **state)
{
    static const char *const memories[] = {"host", "cuda", "cuda_to_host"};
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_run(&made, 2, 1);
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            add_test(&made)->memory = memories[i];
        add_and_close(&made, a_flow_of(&made, i, i, 50 + 10 * i));
    }
    sum_up(&made, &run, &rows, &entry);
    assert_int_equal(count_of(&entry, "fleet"), 3);
    for (size_t i = 0; i < entry.figure_count; i++)
        if (strcmp(entry.figures[i].of.scope, "fleet") == 0)
            assert_int_equal(entry.figures[i].measurements, 1);
    close_record(&made, &run, &rows, &entry);
}

static void facts_are_kept_once_where_all_are_alike_and_else_by_node_or_rail(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    (void)state;
    make_record(&made, &run, &rows, &entry);
    assert_non_null(fact_of(&entry, "the kernel", NULL, RG_NONE));
    assert_string_equal(fact_of(&entry, "the operating system", "node-a", RG_NONE)->value, "Debian 12");
    assert_string_equal(fact_of(&entry, "the operating system", "node-b", RG_NONE)->value, "Debian 13");
    assert_null(fact_of(&entry, "the operating system", NULL, RG_NONE));
    assert_string_equal(fact_of(&entry, "the NIC's firmware", "node-b", 0)->value, "old");
    assert_string_equal(fact_of(&entry, "the NIC's firmware", "node-b", 1)->value, "new");
    assert_non_null(fact_of(&entry, "rdma_write_bw's depth", NULL, RG_NONE));
    assert_null(fact_of(&entry, "rdma_write_bw's damage_offset_bytes", NULL, RG_NONE));
    close_record(&made, &run, &rows, &entry);
}

static void what_was_added_comes_back_as_it_was(void **state)
{
    struct made_run made;
    struct rg_run run;
    struct rg_verdict rows;
    struct rg_entry entry;
    struct rg_past past;
    struct rg_error err;
    char *directory = new_directory(), *path;
    bool added = false;
    (void)state;
    make_record(&made, &run, &rows, &entry);
    struct rg_history *history = open_in(directory, &path);
    assert_int_equal(rg_history_add(history, &entry, &added, &err), 0);
    assert_true(added);
    assert_int_equal(rg_history_add(history, &entry, &added, &err), 0);
    assert_false(added);
    assert_int_equal(rg_history_load(history, &everything, &past, &err), 0);
    assert_int_equal(past.run_count, 1);
    assert_string_equal(past.runs[0].run_id, MADE_RUN_ID);
    assert_int_equal(past.runs[0].figures, entry.figure_count);
    assert_int_equal(past.runs[0].nodes, 3);
    assert_int_equal(past.series_count, entry.figure_count);
    for (size_t i = 0; i < past.series_count; i++) {
        assert_int_equal(rg_series_compare(&past.series[i], &entry.figures[i].of), 0); /* both are in that order */
        assert_near(past.values[i], entry.figures[i].value);
    }
    assert_int_equal(past.fact_count, entry.fact_count);
    rg_past_close(&past);
    rg_history_close(history);
    close_record(&made, &run, &rows, &entry);
    free(path);
    remove_directory(directory);
}

static void add_night(struct rg_history *history, const char *id, const char *began, const char *node, double value)
{
    struct rg_figure figure = {.of = {.origin = "hardware",
                                   .test = "rdma_write_bw",
                                   .memory = "host",
                                   .scope = "rail",
                                   .node = node,
                                   .side = "tx",
                                   .metric = "bandwidth_gbps",
                                   .size_bytes = 8,
                                   .queue_pairs = RG_NONE,
                                   .rail = 0,
                                   .ranks = RG_NONE},
        .value = value,
        .measurements = 1};
    struct rg_entry entry = {
        .run = {.run_id = id, .started_at = began, .status = "complete", .origin = "hardware", .exit_status = RG_NONE},
        .figures = &figure,
        .figure_count = 1};
    struct rg_error err;
    bool added;
    assert_int_equal(rg_history_add(history, &entry, &added, &err), 0);
    assert_true(added);
}

static void runs_come_in_the_order_of_time_and_what_was_not_measured_is_not_a_number(void **state)
{
    struct rg_past past;
    struct rg_error err;
    char *directory = new_directory(), *path;
    (void)state;
    struct rg_history *history = open_in(directory, &path);
    add_night(history, "20260103T000000Z-00000000", "2026-01-03T00:00:00Z", "a", 3);
    add_night(history, "20260101T000000Z-00000000", "2026-01-01T00:00:00Z", "a", 1);
    add_night(history, "20260102T000000Z-00000000", "2026-01-02T00:00:00Z", "b", 2);
    assert_int_equal(rg_history_load(history, &everything, &past, &err), 0);
    assert_int_equal(past.run_count, 3);
    assert_int_equal(past.series_count, 2);
    const double expected[] = {1, NAN, 3, NAN, 2, NAN};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_near(past.values[i], expected[i]);
    assert_int_equal(past.series[0].queue_pairs, RG_NONE);
    assert_int_equal(past.series[0].rail, 0);
    assert_null(past.series[0].direction);
    assert_int_equal(past.runs[0].exit_status, RG_NONE);
    rg_past_close(&past);
    assert_int_equal(
        rg_history_load(history, &(struct rg_history_filter){.node = "b", .rail = RG_NONE}, &past, &err), 0);
    assert_int_equal(past.series_count, 1);
    assert_near(past.values[1], 2);
    rg_past_close(&past);
    rg_history_close(history);
    free(path);
    remove_directory(directory);
}

static void a_text_full_of_quotes_stays_a_text(void **state)
{
    static const char *const odd = "n'); DROP TABLE run; --\",\n";
    struct rg_past past;
    struct rg_error err;
    char *directory = new_directory(), *path;
    (void)state;
    struct rg_history *history = open_in(directory, &path);
    add_night(history, "20260103T000000Z-00000000", "2026-01-03T00:00:00Z", odd, 3);
    assert_int_equal(
        rg_history_load(history, &(struct rg_history_filter){.node = odd, .rail = RG_NONE}, &past, &err), 0);
    assert_string_equal(past.series[0].node, odd);
    rg_past_close(&past);
    rg_history_close(history);
    free(path);
    remove_directory(directory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_of_what_each_end_did_is_kept),
        cmocka_unit_test(what_failed_is_left_out_and_what_mostly_failed_is_missing),
        cmocka_unit_test(tests_that_differ_in_depth_alone_are_two_series),
        cmocka_unit_test(settings_of_tests_of_one_name_are_facts_of_each),
        cmocka_unit_test(what_the_fleet_moves_between_unlike_memory_is_as_many_series),
        cmocka_unit_test(facts_are_kept_once_where_all_are_alike_and_else_by_node_or_rail),
        cmocka_unit_test(what_was_added_comes_back_as_it_was),
        cmocka_unit_test(runs_come_in_the_order_of_time_and_what_was_not_measured_is_not_a_number),
        cmocka_unit_test(a_text_full_of_quotes_stays_a_text),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
