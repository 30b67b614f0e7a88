/* stat/reach: of runs like those that it was told from, as many reach lower as it says at most. */
#include "helpers.h"

#include "fleet/random.h"
#include "stat/reach.h"

#include <math.h>
#include <stdlib.h>

#define TRIES 2000
#define RUNS_MOST 20
#define ROWS_MOST 64
#define CHANCE 0.01

struct lot {
    int runs, rows;
    double within, between;
};

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median_of(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void draw(const struct lot *lot, uint64_t number, double rows[ROWS_MOST])
{
    double run = 100 + lot->between * rg_random_normal(rg_random_with(number, 999));
    for (int r = 0; r < lot->rows; r++)
        rows[r] = run + lot->within * rg_random_normal(rg_random_with(number, (uint64_t)r));
}

/* What is known of such runs, by the plain estimates; its limit for one more. */
static double limit_of(const struct lot *lot, uint64_t number)
{
    double rows[ROWS_MOST], medians[RUNS_MOST] = {0}, within = 0, between = 0, mean = 0;
    for (int i = 0; i < lot->runs; i++) {
        draw(lot, rg_random_with(number, (uint64_t)i), rows);
        medians[i] = median_of(rows, lot->rows);
        mean += medians[i] / lot->runs;
        double own = 0;
        for (int r = 0; r < lot->rows; r++)
            own += rows[r] / lot->rows;
        for (int r = 0; r < lot->rows; r++)
            within += (rows[r] - own) * (rows[r] - own);
    }
    for (int i = 0; i < lot->runs; i++)
        between += (medians[i] - mean) * (medians[i] - mean);
    struct rg_spread spread = {.rows = lot->rows, .between = sqrt(between / (lot->runs - 1))};
    if (lot->rows > 1)
        spread.within = sqrt(within / (lot->runs * (lot->rows - 1)));
    return median_of(medians, lot->runs) - rg_reach(&spread, (size_t)lot->runs, CHANCE);
}

static void one_in_a_hundred_runs_reaches_lower_at_most(void **state)
{
    static const struct lot lots[] = {{3, 1, 0, 2}, {10, 1, 0, 2}, {20, 1, 0, 2}, {3, 2, 1, 0}, {5, 3, 1, 1},
        {3, 8, 1, 1}, {10, 8, 1, 0.3}, {3, 64, 0.5, 0}, {10, 64, 0.5, 1}, {20, 64, 0.5, 0.2}, {20, 64, 0.5, 5}};
    (void)state;
    for (size_t l = 0; l < sizeof lots / sizeof *lots; l++) {
        int lower = 0;
        for (uint64_t number = 0; number < TRIES; number++) {
            double rows[ROWS_MOST];
            draw(&lots[l], rg_random_with(number, 77777), rows);
            qsort(rows, (size_t)lots[l].rows, sizeof *rows, ascending);
            lower += rows[0] < limit_of(&lots[l], rg_random_with(number, l));
        }
        print_message("# %d runs of %d rows, within %g, between %g: %.2f %% lower\n", lots[l].runs, lots[l].rows,
            lots[l].within, lots[l].between, 100.0 * lower / TRIES);
        assert_in_range(lower, 0, (int)(1.5 * CHANCE * TRIES)); /* two deviations of such a count */
    }
}

static void more_runs_tell_more_and_more_rows_reach_lower(void **state)
{
    struct rg_spread spread = {.rows = 8, .within = 1, .between = 0.5};
    (void)state;
    assert_true(rg_reach(&spread, 3, CHANCE) > 2 * rg_reach(&spread, 20, CHANCE));
    double few = rg_reach(&spread, 20, CHANCE);
    spread.rows = 512;
    assert_true(rg_reach(&spread, 20, CHANCE) > few);
    /* Of very many runs of one row, it is the normal distribution's own quantile. */
    spread = (struct rg_spread){.rows = 1, .between = 1};
    assert_float_equal(rg_reach(&spread, 1000000, CHANCE), 2.326, 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_in_a_hundred_runs_reaches_lower_at_most),
        cmocka_unit_test(more_runs_tell_more_and_more_rows_reach_lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
