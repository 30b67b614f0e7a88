/* test/trial: how many operations of a collective are measured, and how many share a sample. */
#include "helpers.h"

#include "test/trial.h"

#include <math.h>

/* What is measured in the end where an operation takes each_s, and each launch launch_s of it, which a graph has once;
 * the first takes first_s. *tried: operations before it. */
static struct rg_trial settle(const struct rg_settings *settings, double each_s, double launch_s, double first_s,
    double sample_s, uint64_t *tried)
{
    struct rg_trial trial = rg_trial_first(settings);
    *tried = 0;
    for (int step = 0; !trial.measured; step++) {
        assert_true(step < 40);
        double launches = ceil((double)trial.iterations / (double)trial.calls);
        double spent_s = (each_s - launch_s) * (double)trial.iterations + launch_s * launches;
        spent_s += *tried == 0 && trial.iterations > 0 ? first_s : 0;
        *tried += trial.iterations;
        trial = rg_trial_next(settings, &trial, *tried, spent_s, sample_s);
    }
    assert_true(trial.iterations >= 1 && trial.calls >= 1 && trial.calls <= trial.iterations);
    return trial;
}

static struct rg_settings timed(double duration_s, double warmup_s)
{
    return (struct rg_settings){.duration_s = duration_s, .warmup_s = warmup_s, .iterations = RG_NONE};
}

static struct rg_settings counted(int64_t iterations, int64_t warmup)
{
    return (struct rg_settings){.iterations = iterations, .warmup_iterations = warmup};
}

static void short_operations_share_samples_that_last_long_enough(void **state)
{
    uint64_t tried;
    struct rg_settings s = timed(2, 0.5);
    (void)state;
    struct rg_trial t = settle(&s, 5e-6, 0, 0.3, 200e-6, &tried);
    assert_int_equal(t.calls, 40);
    assert_true(t.iterations > 399000 && t.iterations < 401000);
    t = settle(&s, 1e-3, 0, 0.3, 200e-6, &tried); /* longer than a sample */
    assert_int_equal(t.calls, 1);
    assert_true(t.iterations > 1990 && t.iterations < 2010);
}

/* Connections cost a second: what is measured does not become less by that. */
static void the_first_operation_tells_nothing(void **state)
{
    uint64_t tried;
    (void)state;
    for (int warmup = 0; warmup < 3; warmup++) {
        struct rg_settings s = timed(2, 0.2 * warmup);
        struct rg_trial t = settle(&s, 5e-6, 0, 1.0, 200e-6, &tried);
        assert_int_equal(t.calls, 40);
        assert_true(t.iterations > 399000);
    }
}

static void a_count_is_kept_and_its_warm_up_too(void **state)
{
    uint64_t tried;
    static const struct {
        int64_t iterations, warmup;
        uint64_t calls;
    } known[] = {{1000, 100, 40}, {1009, 100, 40}, {100, 100, 20}, {20, 5, 4}, {5, 2, 1}, {1, 2, 1}, {1000, 2, 40},
        /* nothing is known of the time */ {1000, 1, 1}, {1000, 0, 1}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        struct rg_settings s = counted(known[i].iterations, known[i].warmup);
        struct rg_trial t = settle(&s, 5.1e-6, 0, 1.0, 200e-6, &tried);
        assert_int_equal(t.iterations, known[i].iterations);
        assert_int_equal(t.calls, known[i].calls);
        assert_int_equal(tried, known[i].warmup);
    }
}

/* A call takes 1 us in a graph, and 3 us where it is a graph of its own. */
static void a_graph_is_tried_as_it_will_be(void **state)
{
    uint64_t tried;
    struct rg_settings s = timed(2, 0.5);
    (void)state;
    s.cuda_graph = true;
    struct rg_trial t = settle(&s, 3e-6, 2e-6, 0.3, 200e-6, &tried);
    assert_true(t.calls > 190 && t.calls <= 200);
    assert_int_equal(t.iterations, 1000000); /* the most */
    s = counted(20, 5);
    s.cuda_graph = true;
    t = settle(&s, 3e-6, 2e-6, 0.3, 200e-6, &tried);
    assert_int_equal(t.calls, 4);
    assert_int_equal(t.iterations, 20);
}

static void an_operation_that_takes_longer_than_the_window_is_measured_a_few_times(void **state)
{
    uint64_t tried;
    struct rg_settings s = timed(0.5, 0.2);
    (void)state;
    struct rg_trial t = settle(&s, 2, 0, 1, 200e-6, &tried);
    assert_int_equal(t.calls, 1);
    assert_int_equal(t.iterations, 5);
    assert_int_equal(tried, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_operations_share_samples_that_last_long_enough),
        cmocka_unit_test(the_first_operation_tells_nothing),
        cmocka_unit_test(a_count_is_kept_and_its_warm_up_too),
        cmocka_unit_test(a_graph_is_tried_as_it_will_be),
        cmocka_unit_test(an_operation_that_takes_longer_than_the_window_is_measured_a_few_times),
    };
    return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
