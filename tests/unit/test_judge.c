/* judge: what becomes of expectations of a machine. */
#include "helpers.h"

#include "judge/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    static struct made_run made;
    make_run(&made, 2, 1);
    *state = &made;
    return 0;
}

static int teardown(void **state)
{
    close_made_run(*state);
    return 0;
}

/* Ends the run and judges it. The verdict holds until the next call. machine may be NULL. */
static const struct rg_verdict *judge(struct made_run *made, const struct rg_machine *machine)
{
    struct rg_yardstick yardstick = {.machine = machine};
    struct rg_error err = {{0}};
    end_run(made);
    if (rg_judge_run(&made->run, made->directory, &yardstick, a_verdict(), &err) != 0)
        fail_msg("%s", err.text);
    return &last_verdict;
}

static const struct rg_verdict *judge_by(struct made_run *made, struct rg_expectation *expectations, size_t count)
{
    struct rg_machine machine = a_machine(expectations, count);
    return judge(made, &machine);
}

/* The one row of that scope and metric. */
static const struct rg_row *row_of(const struct rg_verdict *verdict, const char *scope, const char *metric)
{
    const struct rg_row *found = NULL;
    for (size_t i = 0; i < verdict->row_count; i++) {
        const struct rg_row *row = &verdict->rows[i];
        if (strcmp(row->scope, scope) != 0 || strcmp(row->metric, metric) != 0)
            continue;
        assert_null(found);
        found = row;
    }
    assert_non_null(found);
    return found;
}

static void assert_ends(const struct rg_verdict *verdict, const char *word, int exit_status)
{
    assert_string_equal(rg_verdict_word(verdict), word);
    assert_int_equal(verdict->exit_status, exit_status);
    assert_true(verdict->summary[0] != '\0');
}

/* 100 Gb/s with 3 %, so that the threshold is 97. */
static enum rg_status status_of_bandwidth(double gbps, double low, double high)
{
    struct made_run made;
    struct rg_expectation expectation = an_expectation(100, 3);
    make_run(&made, 2, 1);
    add_and_close(&made, a_flow(&made, 0, 0, 1, 0, gbps, low, high));
    const struct rg_verdict *verdict = judge_by(&made, &expectation, 1);
    const struct rg_row *row = row_of(verdict, "rail", "bandwidth_gbps");
    assert_near(row->measured, gbps);
    assert_near(row->expected, 100);
    assert_near(row->threshold, 97);
    assert_near(row->tolerance_percent, 3);
    assert_string_equal(row->source, "lab-median");
    assert_int_equal(verdict->counts[row->status], 1);
    assert_ends(verdict,
        row->status == RG_PASS   ? "pass"
        : row->status == RG_FAIL ? "fail"
                                 : "inconclusive",
        row->status == RG_PASS   ? 0
        : row->status == RG_FAIL ? 1
                                 : 3);
    close_made_run(&made);
    return row->status;
}

static void bandwidth_passes_when_it_and_its_interval_reach_the_threshold(void **state)
{
    (void)state;
    assert_int_equal(status_of_bandwidth(100, 99, 101), RG_PASS);
    assert_int_equal(status_of_bandwidth(97, 97, 98), RG_PASS); /* at the threshold */
    assert_int_equal(status_of_bandwidth(98, NAN, NAN), RG_PASS);
}

static void bandwidth_fails_when_it_and_its_interval_stay_below_the_threshold(void **state)
{
    (void)state;
    assert_int_equal(status_of_bandwidth(90, 89, 91), RG_FAIL);
    assert_int_equal(status_of_bandwidth(96.9, 96.5, 96.99), RG_FAIL);
    assert_int_equal(status_of_bandwidth(96, NAN, NAN), RG_FAIL);
}

static void bandwidth_with_the_threshold_inside_its_interval_is_noisy(void **state)
{
    (void)state;
    assert_int_equal(status_of_bandwidth(98, 95, 99), RG_NOISY);
    assert_int_equal(status_of_bandwidth(96, 95, 97), RG_NOISY);
    assert_int_equal(status_of_bandwidth(96, 10, 190), RG_NOISY);
}

/* 16 of 20 sub-windows at 120 and 4 at nothing: the mean is 96, and the interval of the median [120, 120]. */
static void a_link_that_is_down_for_a_part_of_the_window_fails(void **state)
{
    (void)state;
    assert_int_equal(status_of_bandwidth(96, 120, 120), RG_FAIL);
}

static void a_run_on_some_rails_of_the_machine_is_inconclusive(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectations[2] = {an_expectation(100, 3), an_expectation(200, 3)};
    struct rg_machine machine = a_machine(expectations, 2);
    expectations[1].scope = "node";
    machine.rails = 8;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    struct rg_verdict verdict = {0};
    struct rg_error err = {{0}};
    struct rg_yardstick yardstick = {.machine = &machine};
    assert_int_equal(rg_judge_run(&made->run, made->directory, &yardstick, &verdict, &err), 0);
    assert_int_equal(verdict.exit_status, 3);
    assert_int_equal(verdict.counts[RG_PASS], 1);
    assert_int_equal(verdict.counts[RG_FAIL], 0);
    assert_int_equal(verdict.counts[RG_NOT_RUN], 2); /* both sides: a part of a node is no node that is slow */
    assert_int_equal(verdict.incompatible_count, 1);
    rg_verdict_close(&verdict);
}

static void one_noisy_row_is_enough_for_an_inconclusive_run(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    add_and_close(made, a_flow(made, 0, 1, 0, 0, 98, 95, 99));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->counts[RG_PASS], 1);
    assert_int_equal(verdict->counts[RG_NOISY], 1);
    assert_ends(verdict, "inconclusive", 3);
}

static struct rg_expectation an_expected_latency(const char *metric, double expected, double tolerance_percent)
{
    return (struct rg_expectation){.test = "rdma_write_lat",
        .memory = "host",
        .scope = "rail",
        .metric = metric,
        .source = "lab-median",
        .size_bytes = 8,
        .queue_pairs = RG_NONE,
        .expected = expected,
        .tolerance_percent = tolerance_percent};
}

/* 2 us with 10 %, so that the threshold is 2.2. */
static enum rg_status status_of_latency(double p50, double low, double high)
{
    struct made_run made;
    struct rg_expectation expectation = an_expected_latency("latency_p50_us", 2, 10);
    make_run(&made, 2, 1);
    made.tests[0].test = "rdma_write_lat";
    made.tests[0].direction = "one_way";
    made.tests[0].sizes.bytes[0] = 8;
    add_and_close(&made, a_latency(&made, 0, 0, 1, p50, low, high, 9));
    const struct rg_row *row = row_of(judge_by(&made, &expectation, 1), "rail", "latency_p50_us");
    assert_near(row->threshold, 2.2);
    assert_near(row->measured, p50);
    close_made_run(&made);
    return row->status;
}

static void latency_is_judged_the_other_way_round(void **state)
{
    (void)state;
    assert_int_equal(status_of_latency(1, 0.9, 1.1), RG_PASS);
    assert_int_equal(status_of_latency(2.1, 2.0, 2.15), RG_PASS);
    assert_int_equal(status_of_latency(2.5, 2.4, 2.6), RG_FAIL);
    assert_int_equal(status_of_latency(2.1, 2.0, 2.3), RG_NOISY);
    assert_int_equal(status_of_latency(2.3, 2.1, 2.5), RG_NOISY);
    assert_int_equal(status_of_latency(2.3, NAN, NAN), RG_FAIL);
}

static void a_tail_that_is_expected_is_judged_and_others_are_left_out(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expected_latency("latency_p99_us", 4, 100);
    add_and_close(made, a_latency(made, 0, 0, 1, 2, 1.9, 2.1, 9));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->row_count, 2);
    assert_int_equal(row_of(verdict, "rail", "latency_p99_us")->status, RG_FAIL); /* 9 above 8 */
    assert_int_equal(row_of(verdict, "rail", "latency_p50_us")->status, RG_UNJUDGED);
    assert_int_equal(judge(made, NULL)->row_count, 1);
}

static void a_collective_is_judged_by_its_bus_bandwidth(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = {.test = "all_reduce",
        .memory = "host",
        .scope = "group",
        .metric = "busbw_gigabytes_per_s",
        .source = "lab-median",
        .size_bytes = 65536,
        .queue_pairs = RG_NONE,
        .expected = 10,
        .tolerance_percent = 20};
    add_and_close(made, a_collective(made, 0, 8.5));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->row_count, 1);
    assert_int_equal(verdict->rows[0].status, RG_PASS);
    assert_near(verdict->rows[0].threshold, 8);
    assert_null(verdict->rows[0].node);
    assert_ends(verdict, "pass", 0);
}

static void what_is_not_of_hardware_never_passes_a_hardware_machine(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    made->run.hardware = 0;
    made->run.hardware_reason = "simulated";
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    const struct rg_row *row = row_of(verdict, "rail", "bandwidth_gbps");
    assert_int_equal(row->status, RG_NOT_RUN);
    assert_has(row->reason, "not on hardware");
    assert_int_equal(verdict->counts[RG_PASS], 0);
    assert_ends(verdict, "inconclusive", 3);
    assert_int_equal(verdict->hardware, 0);
    assert_int_equal(verdict->incompatible_count, 1);
    assert_has(verdict->incompatible[0], "simulated");
}

static void what_is_not_of_hardware_may_pass_a_machine_that_is_not_either(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    struct rg_machine soft = a_machine(&expectation, 1);
    soft.hardware = false;
    made->run.hardware = 0;
    made->run.hardware_reason = "simulated";
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge(made, &soft);
    assert_int_equal(row_of(verdict, "rail", "bandwidth_gbps")->status, RG_PASS);
    assert_ends(verdict, "pass", 0);
}

static void a_missing_measurement_is_not_run(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectations[] = {an_expectation(100, 3), an_expectation(110, 3)};
    expectations[1].size_bytes = 1 << 20;
    made->tests[0].sizes = (struct rg_sizes){.count = 2, .bytes = {65536, 1 << 20}};
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge_by(made, expectations, 2);
    const struct rg_row *row = &verdict->rows[verdict->row_count - 1];
    assert_int_equal(row->status, RG_NOT_RUN);
    assert_true(row->asked);
    assert_int_equal(row->size_bytes, 1 << 20);
    assert_near(row->measured, NAN);
    assert_near(row->expected, 110);
    assert_non_null(row->reason);
    assert_int_equal(verdict->counts[RG_PASS], 1);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 1);
    assert_ends(verdict, "inconclusive", 3);
}

static void what_the_suite_did_not_ask_for_counts_for_nothing(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectations[] = {
        an_expectation(100, 3), an_expectation(110, 3), an_expectation(50, 3), an_expectation(60, 3)};
    expectations[1].size_bytes = 1 << 20;
    expectations[2].direction = "one_way";
    expectations[3].queue_pairs = 4;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge_by(made, expectations, 4);
    assert_int_equal(verdict->not_asked, 3);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 0);
    assert_ends(verdict, "pass", 0);
}

static void what_a_machine_does_not_speak_of_asks_for_none_of_its_expectations(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    expectation.memory = "host";
    made->tests[0].pattern = "congestion";
    assert_int_equal(judge_by(made, &expectation, 1)->not_asked, 1);
    made->tests[0].pattern = "screen";
    assert_int_equal(judge_by(made, &expectation, 1)->counts[RG_NOT_RUN], 1);
    made->tests[0].rails = "cross";
    assert_int_equal(judge_by(made, &expectation, 1)->not_asked, 1);
}

static void memory_of_choice_is_the_gpu_s_where_there_is_one(void **state)
{
    static const char *const memories[] = {"host", "cuda"};
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    made->tests[0].memory = "auto";
    for (int gpus = 0; gpus < 2; gpus++)
        for (int of = 0; of < 2; of++) {
            for (size_t i = 0; i < made->run.rank_count; i++)
                made->run.ranks[i].rail.gpu_device = gpus ? 0 : RG_NONE;
            expectation.memory = memories[of];
            assert_int_equal(judge_by(made, &expectation, 1)->counts[RG_NOT_RUN], gpus == of);
        }
}

/* How many of the expectations of these variants a suite of that one test asks for. */
static size_t variants_asked(struct made_run *made, const struct rg_settings *test, const char *metric)
{
    static const char *const variants[] = {"float32 out_of_place world", "float32 in_place world",
        "float32 out_of_place rail", "bfloat16 out_of_place world", "float32 sum out_of_place world",
        "host_to_device engine local", "host_to_device engine remote", "device_to_device kernel"};
    struct rg_expectation expectations[COUNT_OF(variants)];
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        expectations[i] = an_expectation(100, 3);
        expectations[i].test = test->test;
        expectations[i].direction = NULL;
        expectations[i].metric = metric;
        expectations[i].variant = variants[i];
    }
    made->tests[0] = *test;
    return judge_by(made, expectations, COUNT_OF(variants))->counts[RG_NOT_RUN];
}

static void a_variant_is_asked_for_by_the_suite_that_asks_for_just_it(void **state)
{
    struct made_run *made = *state;
    struct rg_settings test = made->tests[0];
    test.test = "all_gather";
    test.direction = NULL;
    test.data_type = "float32";
    test.reduction = "sum";
    test.group = "world";
    assert_int_equal(variants_asked(made, &test, "busbw_gigabytes_per_s"), 1);
    test.group = "node";
    assert_int_equal(variants_asked(made, &test, "busbw_gigabytes_per_s"), 0);
    test.test = "all_reduce";
    test.group = "world";
    assert_int_equal(variants_asked(made, &test, "busbw_gigabytes_per_s"), 1);
    test.test = "gpu_copy";
    test.copy = "host_to_device";
    test.copy_by = "engine";
    test.numa = "remote";
    assert_int_equal(variants_asked(made, &test, "bandwidth_gbps"), 1);
    test.copy = "device_to_device";
    test.copy_by = "kernel";
    assert_int_equal(variants_asked(made, &test, "bandwidth_gbps"), 1);
}

static void a_run_of_which_nothing_was_expected_is_inconclusive_against_a_machine(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    expectation.size_bytes = 1 << 20;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->counts[RG_UNJUDGED], 3); /* the flow and both nodes */
    assert_ends(verdict, "inconclusive", 3);
    expectation = an_expectation(NAN, NAN); /* a place kept free */
    expectation.source = NULL;
    assert_ends(judge_by(made, &expectation, 1), "inconclusive", 3);
}

static void a_measured_run_passes_against_nothing(void **state)
{
    struct made_run *made = *state;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge(made, NULL);
    assert_string_equal(verdict->against_kind, "none");
    assert_null(verdict->against_name);
    assert_int_equal(verdict->counts[RG_UNJUDGED], 3);
    assert_ends(verdict, "pass", 0);
}

static void a_run_without_a_measurement_never_passes(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    assert_ends(judge(made, NULL), "inconclusive", 3);
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->counts[RG_NOT_RUN], 1);
    assert_ends(verdict, "inconclusive", 3);
}

static void check_spoilt(const char *status, enum rg_status expected, const char *word, int exit_status)
{
    for (int with_machine = 0; with_machine < 2; with_machine++) {
        struct made_run made;
        struct rg_expectation expectation = an_expectation(100, 3);
        struct rg_machine machine = a_machine(&expectation, 1);
        make_run(&made, 2, 1);
        add_and_close(&made, a_flow(&made, 0, 1, 0, 0, 100, 99, 101));
        struct rg_measurement broken = a_flow(&made, 0, 0, 1, 0, 100, 99, 101);
        spoil(&broken, status, "a reason of its own");
        add_and_close(&made, broken);
        const struct rg_verdict *verdict = judge(&made, with_machine ? &machine : NULL);
        assert_int_equal(verdict->rows[1].status, expected);
        assert_string_equal(verdict->rows[1].reason, "a reason of its own");
        /* Sender and receiver are not summed then. */
        assert_int_equal(verdict->counts[RG_NOT_RUN], expected == RG_NOT_RUN ? 3 : 2);
        assert_int_equal(verdict->counts[expected], expected == RG_NOT_RUN ? 3 : 1);
        assert_ends(verdict, word, exit_status);
        close_made_run(&made);
    }
}

static void a_failed_measurement_fails_with_or_without_a_machine(void **state)
{
    (void)state;
    check_spoilt("failed", RG_FAIL, "fail", 1);
}

static void what_is_unsupported_or_not_run_leaves_the_run_inconclusive(void **state)
{
    (void)state;
    check_spoilt("unsupported", RG_UNSUPPORTED, "inconclusive", 3);
    check_spoilt("not_run", RG_NOT_RUN, "inconclusive", 3);
}

static void damaged_data_fail_however_fast_they_came(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    struct rg_measurement flow = a_flow(made, 0, 0, 1, 0, 100, 99, 101);
    flow.status = "failed";
    flow.reason = "data arrived damaged";
    add_and_close(made, flow);
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(row_of(verdict, "rail", "bandwidth_gbps")->status, RG_FAIL);
    assert_ends(verdict, "fail", 1);
}

static void an_incomplete_run_never_passes(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectation = an_expectation(100, 3);
    made->run.status = "incomplete";
    made->run.incomplete_reason = "node-b fell silent";
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    const struct rg_verdict *verdict = judge_by(made, &expectation, 1);
    assert_int_equal(verdict->counts[RG_PASS], 1);
    assert_ends(verdict, "inconclusive", 3);
    assert_has(verdict->summary, "node-b fell silent");
    assert_ends(judge(made, NULL), "inconclusive", 3);
    expectation.expected = 200; /* a failure is one all the same */
    assert_ends(judge_by(made, &expectation, 1), "fail", 1);
}

static void an_expectation_of_so_many_queue_pairs_is_not_hidden_by_one_of_any_number(void **state)
{
    struct made_run *made = *state;
    struct rg_expectation expectations[] = {an_expectation(100, 3), an_expectation(200, 3)};
    expectations[1].queue_pairs = 1;
    add_and_close(made, a_flow(made, 0, 0, 1, 0, 100, 99, 101));
    for (int turn = 0; turn < 2; turn++) {
        const struct rg_verdict *verdict = judge_by(made, expectations, 2);
        for (size_t i = 0; i < verdict->row_count; i++)
            if (verdict->rows[i].status == RG_PASS && verdict->rows[i].measured < verdict->rows[i].threshold)
                fail_msg("%g passes a threshold of %g", verdict->rows[i].measured, verdict->rows[i].threshold);
        assert_int_equal(verdict->counts[RG_FAIL], 1);
        struct rg_expectation first = expectations[0];
        expectations[0] = expectations[1];
        expectations[1] = first;
    }
}

#define IN_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandwidth_passes_when_it_and_its_interval_reach_the_threshold),
        cmocka_unit_test(bandwidth_fails_when_it_and_its_interval_stay_below_the_threshold),
        cmocka_unit_test(bandwidth_with_the_threshold_inside_its_interval_is_noisy),
        cmocka_unit_test(a_link_that_is_down_for_a_part_of_the_window_fails),
        IN_RUN(one_noisy_row_is_enough_for_an_inconclusive_run),
        IN_RUN(a_run_on_some_rails_of_the_machine_is_inconclusive),
        cmocka_unit_test(latency_is_judged_the_other_way_round),
        IN_RUN(a_tail_that_is_expected_is_judged_and_others_are_left_out),
        IN_RUN(a_collective_is_judged_by_its_bus_bandwidth),
        IN_RUN(what_is_not_of_hardware_never_passes_a_hardware_machine),
        IN_RUN(what_is_not_of_hardware_may_pass_a_machine_that_is_not_either),
        IN_RUN(a_missing_measurement_is_not_run),
        IN_RUN(what_the_suite_did_not_ask_for_counts_for_nothing),
        IN_RUN(what_a_machine_does_not_speak_of_asks_for_none_of_its_expectations),
        IN_RUN(memory_of_choice_is_the_gpu_s_where_there_is_one),
        IN_RUN(a_variant_is_asked_for_by_the_suite_that_asks_for_just_it),
        IN_RUN(a_run_of_which_nothing_was_expected_is_inconclusive_against_a_machine),
        IN_RUN(a_measured_run_passes_against_nothing),
        IN_RUN(a_run_without_a_measurement_never_passes),
        cmocka_unit_test(a_failed_measurement_fails_with_or_without_a_machine),
        cmocka_unit_test(what_is_unsupported_or_not_run_leaves_the_run_inconclusive),
        IN_RUN(damaged_data_fail_however_fast_they_came),
        IN_RUN(an_incomplete_run_never_passes),
        IN_RUN(an_expectation_of_so_many_queue_pairs_is_not_hidden_by_one_of_any_number),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, drop_verdict);
}
