/* judge/forecast: made-up runs of fabrics whose costs are known, and what they are said to give with more nodes. */
#include "helpers.h"

#include "fleet/random.h"
#include "judge/cost.h"
#include "judge/forecast.h"
#include "report/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576.0

/* What a run's all_reduce of m MiB by p ranks takes. */
struct costs {
    double start_us, step_us, mib_us, noise;
    bool ring; /* else halving and doubling */
};

static double time_of(const struct costs *costs, double p, double bytes)
{
    double steps = costs->ring ? 2 * (p - 1) : 2 * log2(p);
    return costs->start_us + steps * costs->step_us + 2 * (p - 1) / p * bytes / MIB * costs->mib_us;
}

/* Up to three runs, and what is asked of them. */
struct runs {
    struct made_run made[3];
    size_t count;
    char ids[3][RG_RUN_ID_LENGTH];
    struct rg_forecast_question question;
    struct rg_forecast forecast;
    struct rg_error err;
};

static struct made_run *begin_run(struct runs *runs, int nodes, int rails)
{
    size_t i = runs->count++;
    make_run(&runs->made[i], nodes, rails);
    snprintf(runs->ids[i], sizeof runs->ids[i], "20260301T020000Z-%08zx", i);
    runs->made[i].run.run_id = runs->ids[i];
    return &runs->made[i];
}

static void add_all_reduce(struct made_run *made, const struct costs *costs, int64_t bytes)
{
    struct rg_measurement m = a_collective(made, 0, 1);
    uint64_t draw = rg_random_with((uint64_t)bytes, made->run.rank_count);
    m.size_bytes = m.collective.moved_bytes = bytes;
    m.collective.time_avg_us = time_of(costs, (double)made->run.rank_count, (double)bytes);
    m.collective.time_avg_us *= 1 + costs->noise * rg_random_normal(draw);
    add_and_close(made, m);
}

static void add_run(struct runs *runs, int nodes, int rails, const struct costs *costs)
{
    struct made_run *made = begin_run(runs, nodes, rails);
    for (int64_t bytes = 4096; bytes <= 64 << 20; bytes *= 8)
        add_all_reduce(made, costs, bytes);
    end_run(made);
}

static int ask(struct runs *runs)
{
    const char *directories[3];
    for (size_t i = 0; i < runs->count; i++)
        directories[i] = runs->made[i].directory;
    rg_forecast_close(&runs->forecast);
    return rg_judge_forecast(directories, runs->count, &runs->question, &runs->forecast, &runs->err);
}

static const struct rg_forecast_fit *first_of(struct runs *runs)
{
    if (ask(runs) != 0)
        fail_msg("%s", runs->err.text);
    print_message("#  %s: %s\n", runs->forecast.fits[0].model, runs->forecast.fits[0].sentence);
    return &runs->forecast.fits[0];
}

static char *print_forecast(const struct runs *runs, void (*printer)(const struct rg_forecast *, FILE *))
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    printer(&runs->forecast, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static int set_up(void **state)
{
    struct runs *runs = calloc(1, sizeof *runs);
    *state = runs;
    if (runs == NULL)
        return -1;
    runs->question = (struct rg_forecast_question){
        .nodes = {2, {4, 256}}, .size_bytes = RG_NONE, .step_ms = NAN, .efficiency_percent = 90, .share_percent = NAN};
    return 0;
}

static int tear_down(void **state)
{
    struct runs *runs = *state;
    for (size_t i = 0; i < runs->count; i++)
        close_made_run(&runs->made[i]);
    rg_forecast_close(&runs->forecast);
    free(runs);
    return 0;
}

static void assert_holds(const struct rg_forecast_term *term, double value)
{
    if (term->low > value || term->high < value)
        fail_msg("%s of %g is said to be %g to %g", term->name, value, term->low, term->high);
}

static void make_three(struct runs *runs, const struct costs *costs)
{
    add_run(runs, 2, 2, costs);
    add_run(runs, 4, 2, costs);
    add_run(runs, 6, 2, costs);
}

/* --- models --- */

static void a_ring_of_known_costs_is_found_and_carried_on(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_string_equal(fit->kind, "collective");
    assert_string_equal(fit->model, "ring");
    assert_string_equal(fit->formula, "2(p-1) a + 2(p-1)/p m b");
    assert_holds(&fit->terms[0], 3);
    assert_holds(&fit->terms[1], 40);
    assert_int_equal(fit->point_count, 15);
    assert_within(fit->deviation_percent, 1, 0.6);
    const struct rg_forecast_projection *far = &fit->projections[1];
    double truth = time_of(&costs, 512, (double)far->size_bytes);
    assert_int_equal(far->nodes, 256);
    assert_int_equal(far->ranks, 512);
    assert_within(far->time_us / truth, 1, 0.03);
    assert_true(far->time_low_us < truth && far->time_high_us > truth);
    assert_within(far->node_gbps, 2 * 511.0 / 512 * (double)far->size_bytes * 8 / far->time_us / 1e3, 1e-6);
}

static void halving_and_doubling_is_told_from_a_ring(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, false};
    struct runs *runs = *state;
    make_three(runs, &costs);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_has(fit->model, "Rabenseifner");
    assert_lacks(fit->model, "start");
    assert_lacks(fit->sentence, "apart");
    assert_lacks(fit->sentence, "misses");
    assert_holds(&fit->terms[0], 3);
    assert_within(fit->projections[1].time_us / time_of(&costs, 512, 16 * MIB), 1, 0.03);
}

static void a_start_is_found_where_there_is_one(void **state)
{
    const struct costs costs = {50, 3, 40, 0.005, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_string_equal(fit->model, "ring, with a start");
    assert_holds(&fit->terms[2], 50);
    assert_has(fit->formula, "+ c");
}

/* From two numbers of ranks alone, a ring's growth can be that of another algorithm with a start. */
static void an_algorithm_that_is_not_ruled_out_widens_the_interval(void **state)
{
    const struct costs costs = {20, 3, 40, 0.01, false};
    struct runs *runs = *state;
    add_run(runs, 2, 2, &costs);
    add_run(runs, 4, 2, &costs);
    runs->question.size_bytes = 65536;
    const struct rg_forecast_fit *fit = first_of(runs);
    double truth = time_of(&costs, 512, 65536);
    assert_non_null(fit->rivals);
    assert_true(fit->projections[1].time_low_us <= truth && fit->projections[1].time_high_us >= truth);
    assert_true(fit->projections[1].time_high_us > 2 * fit->projections[1].time_low_us);
    assert_has(fit->sentence, "do not tell the algorithms apart");
    assert_true(fit->projections[0].time_high_us < 1.2 * fit->projections[0].time_low_us);
}

static void points_that_no_model_fits_are_told_of(void **state)
{
    const struct costs costs = {0, 3, 40, 0.3, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_begins(fit->sentence, "The model does not fit: it misses what was measured by up to ");
    assert_has(fit->sentence, "Do not rely on it");
    /* the best one would keep it for ever */
    assert_has(fit->sentence, "90 % of what 2 nodes give is kept up to 2 nodes, by every model not ruled out");
}

static void one_point_that_the_model_misses_is_enough_to_warn(void **state)
{
    const struct costs costs = {0, 3, 40, 0.001, true}, slow = {0, 3.6, 48, 0.001, true};
    struct runs *runs = *state;
    add_run(runs, 2, 2, &costs);
    add_run(runs, 4, 2, &costs);
    struct made_run *made = begin_run(runs, 6, 2);
    for (int64_t bytes = 4096; bytes <= 64 << 20; bytes *= 8)
        add_all_reduce(made, bytes == 32768 ? &slow : &costs, bytes);
    end_run(made);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_true(fit->worst_percent > 10 && fit->deviation_percent < 10);
    assert_begins(fit->sentence, "The model does not fit");
}

/* Counted by hand, not by the formulas. */
static void costs_are_those_of_the_schedules(void **state)
{
    double ring_steps = 0, ring_pieces = 0, halves = 0, left = 8;
    (void)state;
    for (int phase = 0; phase < 2; phase++) /* a piece of an eighth goes once round but for one step, twice */
        for (int step = 1; step < 8; step++, ring_steps++)
            ring_pieces += 1.0 / 8;
    for (; left > 1; left /= 2)
        halves += left / 2 / 8;
    assert_near(rg_cost_table[0].steps(8), ring_steps);
    assert_near(rg_cost_table[0].volume(8), ring_pieces);
    assert_near(rg_cost_table[1].volume(8), 2 * halves);
    assert_near(rg_cost_table[1].steps(8), 6);
    assert_near(rg_cost_table[2].volume(8), 3);
}

/* --- what is told --- */

static void the_distance_from_what_was_measured_is_told(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    runs->question.size_bytes = 1 << 30;
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_int_equal(fit->most_nodes, 6);
    assert_near(fit->projections[1].nodes_beyond, 256.0 / 6);
    assert_near(fit->projections[1].size_beyond, 64);
    assert_near(fit->projections[0].nodes_beyond, 1);
    assert_has(
        fit->sentence, "42.7 times the 6 nodes that were measured at most, and 64 times the largest size measured");
}

static void less_than_was_measured_is_beyond_too(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 4, 2, &costs);
    add_run(runs, 6, 2, &costs);
    runs->question.nodes = (struct rg_sizes){1, {2}};
    runs->question.size_bytes = 512;
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_int_equal(fit->least_size_bytes, 4096);
    assert_near(fit->projections[0].nodes_beyond, 0.5);
    assert_near(fit->projections[0].size_beyond, 0.125);
    assert_has(fit->sentence, "an all_reduce of 512 B takes");
    assert_has(
        fit->sentence, "2 times below the 4 nodes that were the fewest measured, and 8 times below the smallest size");
    char *text = print_forecast(runs, rg_report_forecast);
    assert_has(text, "1/2 x nodes, 1/8 x size");
    free(text);
}

static void how_far_a_target_is_kept_says_how_far_that_is(void **state)
{
    const struct costs costs = {0, 0.0001, 40, 0, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    assert_has(first_of(runs)->sentence, "kept up to 65536 nodes and more (10923 times the most measured)");
}

/* All to all, a fabric carries what is for other nodes; efficiency is of that, as the rate beside it is. */
static void efficiency_is_of_the_rate_that_is_told(void **state)
{
    struct runs *runs = *state;
    for (int nodes = 2; nodes <= 4; nodes += 2) {
        struct made_run *made = begin_run(runs, nodes, 2);
        double p = 2 * nodes;
        for (int64_t bytes = 65536; bytes <= 64 << 20; bytes *= 8) {
            struct rg_measurement m = a_collective(made, 0, 1);
            m.test = "all_to_all";
            m.collective.reduction = NULL;
            m.size_bytes = m.collective.moved_bytes = bytes;
            m.collective.time_avg_us = (p - 1) * 2 + (p - 1) / p * (double)bytes / MIB * 40;
            add_and_close(made, m);
        }
        end_run(made);
    }
    runs->question.nodes = (struct rg_sizes){2, {2, 256}};
    const struct rg_forecast_fit *fit = first_of(runs);
    const struct rg_forecast_projection *few = &fit->projections[0], *many = &fit->projections[1];
    assert_has(fit->sentence, "what leaves each node is");
    assert_within(many->efficiency_percent, 100 * many->node_gbps / few->node_gbps, 1e-6);
}

static void a_run_that_is_not_good_is_named_first_with_what_is_wrong(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    first_of(runs);
    assert_int_equal(runs->forecast.doubt_count, 0);
    runs->made[1].run.status = "incomplete";
    runs->made[1].run.incomplete_reason = "the power went";
    end_run(&runs->made[1]);
    first_of(runs);
    assert_int_equal(runs->forecast.doubt_count, 1);
    assert_has(runs->forecast.doubts[0], "run 20260301T020000Z-00000001, in ");
    assert_has(runs->forecast.doubts[0], " is no good base: it is inconclusive: ");
    assert_has(runs->forecast.doubts[0], "the power went");
    for (int markdown = 0; markdown < 2; markdown++) {
        char *text = print_forecast(runs, markdown ? rg_report_forecast_markdown : rg_report_forecast);
        assert_has(text, "BEWARE:");
        assert_true(strstr(text, "BEWARE:") < strstr(text, "At 256 nodes"));
        free(text);
    }
}

static void an_answer_between_the_points_says_that_it_is_one(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    runs->question.nodes = (struct rg_sizes){1, {5}};
    assert_has(first_of(runs)->sentence, "At 5 nodes an all_reduce of 16M takes");
    assert_has(runs->forecast.fits[0].sentence, "within what was measured");
}

static void the_number_of_nodes_for_a_target_is_the_last_that_keeps_it(void **state)
{
    const struct costs costs = {0, 30, 40, 0, true};
    struct runs *runs = *state;
    make_three(runs, &costs);
    runs->question.step_ms = 20;
    runs->question.share_percent = 10;
    const struct rg_forecast_fit *fit = first_of(runs);
    double bytes = (double)fit->most_size_bytes, first = 2 * 3 / 4.0 / time_of(&costs, 4, bytes);
    int64_t kept = 2, fast = 2;
    for (double p = 4; 2 * (p - 1) / p / time_of(&costs, p, bytes) >= 0.9 * first; p += 2)
        kept = (int64_t)p / 2;
    for (double p = 4; time_of(&costs, p, bytes) <= 2000; p += 2)
        fast = (int64_t)p / 2;
    assert_true(kept > 2 && fast > 2);
    assert_int_equal(fit->nodes_at_efficiency, kept);
    assert_int_equal(fit->nodes_at_share, fast);
    assert_within(fit->projections[1].step_percent, time_of(&costs, 512, bytes) / 20000 * 100, 1e-3);
}

static void what_is_not_of_hardware_says_so(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    for (int nodes = 2; nodes <= 4; nodes += 2) {
        struct made_run *made = begin_run(runs, nodes, 1);
        made->run.hardware = 0;
        made->run.hardware_reason = "simulated";
        for (int64_t bytes = 4096; bytes <= 1 << 20; bytes *= 4)
            add_all_reduce(made, &costs, bytes);
        end_run(made);
    }
    first_of(runs);
    assert_string_equal(runs->forecast.hardware_reason, "simulated");
    for (int markdown = 0; markdown < 2; markdown++) {
        char *text = print_forecast(runs, markdown ? rg_report_forecast_markdown : rg_report_forecast);
        assert_has(text, "NOT HARDWARE: simulated");
        free(text);
    }
}

/* --- what is refused --- */

static void too_few_points_are_refused_with_what_is_missing(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 4, 1, &costs);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text,
        "all_reduce float32 sum out_of_place world, host memory, Open MPI 4.1.4: was measured at 4 "
        "nodes alone; at least two numbers of nodes are needed");
    struct made_run *made = begin_run(runs, 2, 1);
    end_run(made);
    assert_int_equal(ask(runs), -EINVAL);
}

static void one_size_alone_and_four_points_are_refused(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    for (int nodes = 2; nodes <= 6; nodes += 2)
        add_all_reduce(begin_run(runs, nodes, 1), &costs, 65536);
    for (size_t i = 0; i < 3; i++)
        end_run(&runs->made[i]);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "one size alone");
    add_all_reduce(&runs->made[0], &costs, 4096);
    end_run(&runs->made[0]);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "has 4 points of a size and a number of nodes; at least 5 are needed");
    assert_has(runs->err.text, "make the runs with more sizes (--size), or one more at another number of nodes");
}

static void a_run_that_measured_nothing_of_it_is_refused(void **state)
{
    struct runs *runs = *state;
    end_run(begin_run(runs, 2, 1));
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "no collective");
}

static void what_never_leaves_a_node_tells_nothing_of_the_fabric(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 1, 2, &costs);
    add_run(runs, 2, 2, &costs);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "was measured at 2 nodes alone");
}

static void hardware_and_its_substitutes_are_never_put_together(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 2, 1, &costs);
    struct made_run *made = begin_run(runs, 4, 1);
    made->run.hardware = 0;
    made->run.hardware_reason = "soft-RoCE";
    end_run(made);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "(soft-RoCE here, of hardware there); plan them apart");
    runs->made[0].run.hardware = 0; /* and as one run claims, so its lines must say */
    runs->made[0].run.hardware_reason = "soft-RoCE";
    end_run(&runs->made[0]);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "line 1: is of hardware, unlike the run");
}

static void other_ranks_a_node_and_a_run_given_twice_are_refused(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 2, 2, &costs);
    add_run(runs, 4, 1, &costs);
    assert_int_equal(ask(runs), -EINVAL);
    assert_has(runs->err.text, "has 1 ranks a node, run 20260301T020000Z-00000000 has 2");
    const char *twice[] = {runs->made[0].directory, runs->made[0].directory};
    rg_forecast_close(&runs->forecast);
    assert_int_equal(rg_judge_forecast(twice, 2, &runs->question, &runs->forecast, &runs->err), -EINVAL);
    assert_has(runs->err.text, "given twice");
}

static void what_another_library_measured_is_not_mixed_in(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    add_run(runs, 2, 1, &costs);
    add_run(runs, 4, 1, &costs);
    struct made_run *made = begin_run(runs, 6, 1);
    struct rg_measurement m = a_collective(made, 0, 1);
    m.collective.library = "NCCL 2.28.9";
    add_and_close(made, m);
    end_run(made);
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_int_equal(fit->most_nodes, 4);
    assert_int_equal(runs->forecast.left_out_count, 1);
    assert_has(runs->forecast.left_out[0], "NCCL 2.28.9: was measured at 6 nodes alone");
}

/* --- flows --- */

static void a_node_that_slows_with_each_doubling_is_carried_on(void **state)
{
    struct runs *runs = *state;
    for (int nodes = 2; nodes <= 6; nodes += 2) {
        struct made_run *made = begin_run(runs, nodes, 1);
        made->tests[0].direction = "one_way";
        for (int size = 0; size < 2; size++)
            for (int from = 0; from < nodes; from += 2) {
                double gbps = 8 / (0.02 + 0.001 * log2(nodes));
                struct rg_measurement m = a_flow(made, size, from, from + 1, 0, gbps, gbps, gbps);
                m.size_bytes = 65536 << 4 * size;
                add_and_close(made, m);
            }
        end_run(made);
    }
    const struct rg_forecast_fit *fit = first_of(runs);
    assert_string_equal(fit->kind, "node_rate");
    assert_has(fit->model, "slower with each doubling of nodes");
    assert_within(fit->projections[1].node_gbps, 8 / (0.02 + 0.001 * 8), 0.5);
    assert_within(fit->projections[1].efficiency_percent, 100 * 0.021 / 0.028, 0.3);
    assert_near(fit->projections[1].step_percent, NAN);
}

static void latency_and_bandwidth_of_a_message_are_told_beside(void **state)
{
    const struct costs costs = {0, 3, 40, 0.01, true};
    struct runs *runs = *state;
    for (int nodes = 2; nodes <= 4; nodes += 2) {
        struct made_run *made = begin_run(runs, nodes, 1);
        for (int64_t bytes = 4096; bytes <= 1 << 20; bytes *= 4) {
            double p50 = 2 + 25 * (double)bytes / MIB;
            struct rg_measurement m = a_latency(made, 0, 0, 1, p50, p50, p50, p50);
            m.size_bytes = bytes;
            add_all_reduce(made, &costs, bytes);
            add_and_close(made, m);
        }
        end_run(made);
    }
    first_of(runs);
    assert_int_equal(runs->forecast.fit_count, 2);
    const struct rg_forecast_fit *message = &runs->forecast.fits[1];
    assert_string_equal(message->kind, "message");
    assert_within(message->terms[0].value, 25, 1e-6);
    assert_within(message->terms[1].value, 2, 1e-6);
    assert_int_equal(message->projection_count, 0);
    assert_has(message->sentence, "at 81.9 KiB");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_ring_of_known_costs_is_found_and_carried_on),
        TEST(halving_and_doubling_is_told_from_a_ring),
        TEST(a_start_is_found_where_there_is_one),
        TEST(an_algorithm_that_is_not_ruled_out_widens_the_interval),
        TEST(points_that_no_model_fits_are_told_of),
        TEST(one_point_that_the_model_misses_is_enough_to_warn),
        cmocka_unit_test(costs_are_those_of_the_schedules),
        TEST(the_distance_from_what_was_measured_is_told),
        TEST(less_than_was_measured_is_beyond_too),
        TEST(how_far_a_target_is_kept_says_how_far_that_is),
        TEST(efficiency_is_of_the_rate_that_is_told),
        TEST(a_run_that_is_not_good_is_named_first_with_what_is_wrong),
        TEST(an_answer_between_the_points_says_that_it_is_one),
        TEST(the_number_of_nodes_for_a_target_is_the_last_that_keeps_it),
        TEST(what_is_not_of_hardware_says_so),
        TEST(too_few_points_are_refused_with_what_is_missing),
        TEST(one_size_alone_and_four_points_are_refused),
        TEST(a_run_that_measured_nothing_of_it_is_refused),
        TEST(what_never_leaves_a_node_tells_nothing_of_the_fabric),
        TEST(hardware_and_its_substitutes_are_never_put_together),
        TEST(other_ranks_a_node_and_a_run_given_twice_are_refused),
        TEST(what_another_library_measured_is_not_mixed_in),
        TEST(a_node_that_slows_with_each_doubling_is_carried_on),
        TEST(latency_and_bandwidth_of_a_message_are_told_beside),
    };
    return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
