/* stat/summary: figures worked out by hand. */
#include "helpers.h"

#include "stat/summary.h"

#include <math.h>

static void quantiles_lie_between_the_closest_ranks(void **state)
{
    /* Definition 7: the place is q (n - 1), counted from 0. */
    const double five[] = {10, 20, 40, 80, 160};
    (void)state;
    assert_near(rg_summary_quantile(five, 5, 0), 10);
    assert_near(rg_summary_quantile(five, 5, 0.25), 20);      /* place 1 */
    assert_near(rg_summary_quantile(five, 5, 0.5), 40);       /* place 2 */
    assert_near(rg_summary_quantile(five, 5, 0.9), 128);      /* place 3.6: 80 + 0.6 * 80 */
    assert_near(rg_summary_quantile(five, 5, 0.05), 12);      /* place 0.2: 10 + 0.2 * 10 */
    assert_near(rg_summary_quantile(five, 5, 0.999), 159.68); /* place 3.996: 80 + 0.996 * 80 */
    assert_near(rg_summary_quantile(five, 5, 1), 160);
    const double four[] = {1, 2, 3, 10};
    assert_near(rg_summary_quantile(four, 4, 0.5), 2.5);   /* place 1.5 */
    assert_near(rg_summary_quantile(four, 4, 0.99), 9.79); /* place 2.97: 3 + 0.97 * 7 */
}

static void samples_in_any_order_are_summed_up(void **state)
{
    double samples[] = {9, 2, 5, 4, 4, 7, 5, 4}; /* mean 40 / 8 = 5; squares 16 + 9 + 0 + 1 + 1 + 4 + 0 + 1 = 32 */
    struct rg_summary s;
    (void)state;
    rg_summary_of(samples, 8, &s);
    assert_int_equal(s.count, 8);
    assert_near(s.min, 2);
    assert_near(s.max, 9);
    assert_near(s.mean, 5);
    assert_near(s.stddev, sqrt(32.0 / 7)); /* of a sample: n - 1 */
    assert_near(s.p50, 4.5);               /* 2 4 4 4 5 5 7 9: place 3.5 */
    assert_near(s.p5, 2.7);                /* place 0.35: 2 + 0.35 * 2 */
    assert_near(s.p90, 7.6);               /* place 6.3: 7 + 0.3 * 2 */
    assert_near(s.p99, 8.86);              /* place 6.93 */
    assert_near(s.p99_9, 8.986);           /* place 6.993 */
    assert_near(samples[0], 2);            /* sorted in place, as the header says */
    assert_near(samples[7], 9);
}

static void the_maximum_is_a_sample_and_no_quantile(void **state)
{
    double samples[1000];
    struct rg_summary s;
    (void)state;
    for (int i = 0; i < 1000; i++)
        samples[i] = 1;
    samples[417] = 5000; /* one in a thousand is still the maximum */
    rg_summary_of(samples, 1000, &s);
    assert_near(s.max, 5000);
    assert_near(s.p99, 1);
    assert_near(s.p99_9, 1 + 0.001 * 4999); /* place 998.001 */
    assert_near(s.mean, 5.999);
}

static void one_sample_is_everything_but_an_interval(void **state)
{
    double sample = 3.5;
    struct rg_summary s;
    (void)state;
    rg_summary_of(&sample, 1, &s);
    assert_int_equal(s.count, 1);
    assert_near(s.min, 3.5);
    assert_near(s.max, 3.5);
    assert_near(s.mean, 3.5);
    assert_near(s.p5, 3.5);
    assert_near(s.p50, 3.5);
    assert_near(s.p99_9, 3.5);
    assert_near(s.stddev, 0);
    assert_near(s.ci95_low, NAN);
    assert_near(s.ci95_high, NAN);
}

static void ties_are_all_counted(void **state)
{
    double samples[] = {7, 7, 7, 7, 7, 7, 7};
    struct rg_summary s;
    (void)state;
    rg_summary_of(samples, 7, &s);
    assert_near(s.p5, 7);
    assert_near(s.p50, 7);
    assert_near(s.p99, 7);
    assert_near(s.stddev, 0);
    assert_near(s.ci95_low, 7);
    assert_near(s.ci95_high, 7);
}

/* The interval of the median of 1, 2, ..., count, which then is a pair of ranks. */
static void assert_ranks(int count, double low, double high)
{
    double samples[1000];
    struct rg_summary s;
    for (int i = 0; i < count; i++)
        samples[i] = count - i;
    rg_summary_of(samples, (size_t)count, &s);
    assert_near(s.ci95_low, low);
    assert_near(s.ci95_high, high);
}

static void the_interval_of_the_median_is_a_pair_of_ranks(void **state)
{
    (void)state;
    assert_ranks(5, NAN, NAN);
    /* (6 - 1.96 sqrt 6) / 2 = 0.60 and 1 + (6 + 1.96 sqrt 6) / 2 = 6.40, which are no ranks: the ends are taken. */
    assert_ranks(6, 1, 6);
    /* (10 - 6.198) / 2 = 1.90, 1 + (10 + 6.198) / 2 = 9.10 */
    assert_ranks(10, 1, 10);
    /* (20 - 8.765) / 2 = 5.62, 1 + (20 + 8.765) / 2 = 15.38 */
    assert_ranks(20, 5, 16);
    /* (100 - 19.6) / 2 = 40.2, 1 + (100 + 19.6) / 2 = 60.8 */
    assert_ranks(100, 40, 61);
    /* (1000 - 61.98) / 2 = 469.01, 1 + (1000 + 61.98) / 2 = 531.99 */
    assert_ranks(1000, 469, 532);
}

static void small_differences_on_a_large_mean_are_not_lost(void **state)
{
    double samples[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}; /* squares 36 + 9 + 9 + 36 = 90; 90 / 3 = 30 */
    struct rg_summary s;
    (void)state;
    rg_summary_of(samples, 4, &s);
    assert_near(s.stddev, sqrt(30));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_lie_between_the_closest_ranks),
        cmocka_unit_test(samples_in_any_order_are_summed_up),
        cmocka_unit_test(the_maximum_is_a_sample_and_no_quantile),
        cmocka_unit_test(one_sample_is_everything_but_an_interval),
        cmocka_unit_test(ties_are_all_counted),
        cmocka_unit_test(the_interval_of_the_median_is_a_pair_of_ranks),
        cmocka_unit_test(small_differences_on_a_large_mean_are_not_lost),
    };
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
