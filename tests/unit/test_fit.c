/* stat/fit: known sums come back, with intervals that hold as often as they say. */
#include "helpers.h"

#include "fleet/random.h"
#include "stat/fit.h"

#include <errno.h>
#include <math.h>

#define POINTS 12
#define SERIES 1000

struct series {
    double x[POINTS][RG_FIT_TERMS_MOST], y[POINTS];
};

/* y = a + b m + c m^2 at m = 1, 2, 4, ..., with relative noise. */
static void make_series(uint64_t seed, const double *sum, double noise, struct series *out)
{
    for (int i = 0; i < POINTS; i++) {
        double m = ldexp(1, i);
        const double x[RG_FIT_TERMS_MOST] = {1, m, m * m};
        out->y[i] = 0;
        for (int k = 0; k < RG_FIT_TERMS_MOST; k++) {
            out->x[i][k] = x[k];
            out->y[i] += sum[k] * x[k];
        }
        out->y[i] *= 1 + noise * rg_random_normal(rg_random_with(seed, (uint64_t)i));
    }
}

static int fit(const struct series *series, size_t points, size_t terms, struct rg_fit *out)
{
    return rg_fit_find((const double(*)[RG_FIT_TERMS_MOST])series->x, series->y, points, terms, out);
}

static void a_sum_without_noise_comes_back_as_it_was(void **state)
{
    struct series series;
    struct rg_fit found;
    double low, high;
    (void)state;
    make_series(1, (const double[]){20, 3, 0.5}, 0, &series);
    assert_int_equal(fit(&series, POINTS, 3, &found), 0);
    assert_within(found.value[0], 20, 1e-6);
    assert_within(found.value[1], 3, 1e-6);
    assert_within(found.value[2], 0.5, 1e-6);
    assert_within(rg_fit_at(&found, (const double[]){1, 100, 10000}, &low, &high), 5320, 1e-3);
    assert_true(low <= 5320 && high >= 5320 && high - low < 0.01);
}

static void intervals_hold_as_often_as_they_say(void **state)
{
    const double sum[] = {20, 3, 0}, beyond[] = {1, 65536, 0};
    double low, high;
    int a = 0, b = 0, next = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SERIES; seed++) {
        struct series series;
        struct rg_fit found;
        make_series(seed, sum, 0.03, &series);
        assert_int_equal(fit(&series, POINTS, 2, &found), 0);
        a += found.low[0] <= 20 && found.high[0] >= 20;
        b += found.low[1] <= 3 && found.high[1] >= 3;
        rg_fit_at(&found, beyond, &low, &high);
        double one_more = (20 + 3 * 65536) * (1 + 0.03 * rg_random_normal(rg_random_with(seed, 999)));
        next += low <= one_more && high >= one_more;
    }
    print_message("#  of %d intervals of 95 %%, %d and %d held the terms and %d one more point\n", SERIES, a, b, next);
    assert_in_range(a, 925, 975);
    assert_in_range(b, 925, 975);
    assert_in_range(next, 925, 975);
}

/* A line that bends downwards has no start above zero. */
static void no_term_is_below_zero_and_the_others_are_fitted_without_it(void **state)
{
    struct series series;
    struct rg_fit found, alone;
    double low, high;
    (void)state;
    make_series(1, (const double[]){0, 5, 0}, 0, &series);
    for (int i = 0; i < POINTS; i++)
        series.y[i] -= 1.5;
    assert_int_equal(fit(&series, POINTS, 2, &found), 0);
    assert_near(found.value[0], 0);
    assert_near(found.low[0], 0);
    for (int i = 0; i < POINTS; i++)
        series.x[i][0] = series.x[i][1];
    assert_int_equal(fit(&series, POINTS, 1, &alone), 0);
    assert_within(found.value[1], alone.value[0], 1e-9);
    assert_true(found.deviation > 0.05);
    assert_true(rg_fit_at(&found, (const double[]){1, 8, 0}, &low, &high) > 0 && low >= 0);
}

static void short_times_count_as_much_as_long_ones(void **state)
{
    struct series series;
    struct rg_fit found;
    (void)state;
    make_series(1, (const double[]){20, 3, 0}, 0, &series);
    series.y[POINTS - 1] *= 1.05; /* 300 of 6000, far more than the start */
    assert_int_equal(fit(&series, POINTS, 2, &found), 0);
    assert_within(found.value[0], 20, 1);
}

static void few_points_and_terms_that_are_alike_are_refused(void **state)
{
    struct series series;
    struct rg_fit found;
    (void)state;
    make_series(1, (const double[]){20, 3, 0}, 0.01, &series);
    assert_int_equal(fit(&series, 3, 2, &found), -EINVAL);
    assert_int_equal(fit(&series, 4, 2, &found), 0);
    for (int i = 0; i < POINTS; i++)
        series.x[i][0] = 7 * series.x[i][1];
    assert_int_equal(fit(&series, POINTS, 2, &found), -EINVAL);
}

static void the_criterion_prefers_the_terms_that_are_there(void **state)
{
    int right = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SERIES; seed++) {
        struct series series;
        struct rg_fit two, three;
        bool third = seed % 2;
        make_series(seed, (const double[]){20, 3, third ? 0.05 : 0}, 0.02, &series);
        assert_int_equal(fit(&series, POINTS, 2, &two), 0);
        assert_int_equal(fit(&series, POINTS, 3, &three), 0);
        right += (three.aicc < two.aicc) == third;
    }
    print_message("#  of %d series, %d had the right number of terms preferred\n", SERIES, right);
    assert_in_range(right, 950, SERIES);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_without_noise_comes_back_as_it_was),
        cmocka_unit_test(intervals_hold_as_often_as_they_say),
        cmocka_unit_test(no_term_is_below_zero_and_the_others_are_fitted_without_it),
        cmocka_unit_test(short_times_count_as_much_as_long_ones),
        cmocka_unit_test(few_points_and_terms_that_are_alike_are_refused),
        cmocka_unit_test(the_criterion_prefers_the_terms_that_are_there),
    };
    return cmocka_run_group_tests_name("fit", tests, NULL, NULL);
}
