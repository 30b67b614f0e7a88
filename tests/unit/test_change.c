/* stat/change and stat/tail: figures from tables, and how often changes that were put into made-up series are found. */
#include "helpers.h"

#include "fleet/random.h"
#include "stat/change.h"
#include "stat/strays.h"
#include "stat/tail.h"

#include <math.h>
#include <stdlib.h>

#define NIGHTS 365
#define SERIES 1000
#define PART 40     /* series of each of the other kinds */
#define FAMILY 1000 /* series in one */
#define SETTLED 40  /* nights before a change */

static const struct rg_change_settings usual = {.level = RG_CHANGE_LEVEL, .least_percent = 1};

/* --- made-up series --- */

enum noise { EVEN, OUTLIERS, BIMODAL, GAPS, EVERYTHING, NOISES };
static const char *const noise_names[NOISES] = {
    "1 % noise", "and outliers", "bimodal noise", "and missing nights", "all of these"};

struct kind {
    enum noise noise;
    double step;    /* a share that is lost */
    size_t lasting; /* nights over which it comes; 0: at once */
};

/* 2 % of the nights are 5 to 30 % low. A third of bimodal nights is 2 % low. 10 % of the nights are missing, and ten in
 * a row. */
static double a_night(const struct kind *kind, uint64_t seed, size_t night, size_t at)
{
    uint64_t number = rg_random_with(seed, night);
    double share[4], value = 390 * (1 + 0.01 * rg_random_normal(number));
    for (uint64_t i = 0; i < 4; i++)
        share[i] = rg_random_share(rg_random_with(number, i + 1));
    bool all = kind->noise == EVERYTHING;
    if ((kind->noise == BIMODAL || all) && share[0] < 1.0 / 3)
        value *= 0.98;
    if ((kind->noise == OUTLIERS || all) && share[1] < 0.02)
        value *= 0.95 - 0.25 * share[2];
    size_t hole = (size_t)(rg_random_share(rg_random_with(seed, 1u << 20)) * NIGHTS);
    if ((kind->noise == GAPS || all) && night != at &&
        (share[3] < 0.1 || (night >= hole && night < hole + 10 && night < at)))
        return NAN;
    if (night >= at)
        value *= 1 - kind->step * (kind->lasting ? fmin(1, (double)(night - at + 1) / (double)kind->lasting) : 1);
    return value;
}

/* The night of the change. */
static size_t a_series(const struct kind *kind, uint64_t seed, double *out)
{
    size_t at = SETTLED + (size_t)(rg_random_share(rg_random_mix(seed)) * (NIGHTS - 2 * SETTLED));
    for (size_t night = 0; night < NIGHTS; night++)
        out[night] = a_night(kind, seed, night, kind->step == 0 ? NIGHTS : at);
    return at;
}

static size_t changes_in(const double *values, struct rg_change **out)
{
    size_t count = 0;
    *out = NULL;
    assert_int_equal(rg_change_find(&values, 1, NIGHTS, &usual, out, &count, NULL), 0);
    return count;
}

struct score {
    double within_3, found, false_before, date_exact, date_error, covered, size_error, others;
};

/* Runs since the change that measured something, when it was told. */
static size_t runs_until(const double *values, size_t from, size_t to)
{
    size_t runs = 0;
    for (size_t night = from; night <= to; night++)
        runs += isnan(values[night]) ? 0 : 1;
    return runs;
}

static void mark(const struct kind *kind, uint64_t seed, struct score *score)
{
    double values[NIGHTS];
    struct rg_change *changes;
    size_t at = a_series(kind, seed, values), count = changes_in(values, &changes);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        const struct rg_change *c = &changes[i];
        if (c->told < at) {
            score->false_before++;
        } else if (!found && c->percent < 0) {
            double error = fabs((double)c->run - (double)at);
            found = true;
            score->found++;
            score->within_3 += runs_until(values, at, c->told) <= 3;
            score->date_exact += c->run == at;
            score->date_error += error;
            score->size_error += fabs(c->percent + 100 * kind->step);
            score->covered += c->low_percent <= -100 * kind->step && -100 * kind->step <= c->high_percent;
        } else {
            score->others++;
        }
    }
    free(changes);
}

static struct score marks_of(const struct kind *kind, size_t series, uint64_t seed)
{
    struct score s = {0};
    for (size_t i = 0; i < series; i++)
        mark(kind, rg_random_with(seed, i), &s);
    print_message(
        "#  %4.1f %% %s, %-20s found %5.1f %%, within 3 runs %5.1f %%; date exact %5.1f %%, off by %.2f runs; "
        "size off by %.2f points, in its interval %5.1f %%; before the change %g, after it %g\n",
        100 * kind->step, kind->lasting ? "drift" : "step ", noise_names[kind->noise], 100 * s.found / (double)series,
        100 * s.within_3 / (double)series, 100 * s.date_exact / s.found, s.date_error / s.found, s.size_error / s.found,
        100 * s.covered / s.found, s.false_before, s.others);
    return s;
}

/* --- the tests --- */

static void tails_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_within(rg_tail_student(12.706, 1), 0.05, 1e-5);
    assert_within(rg_tail_student(2.228, 10), 0.05, 1e-4);
    assert_within(rg_tail_student(3.169, 10), 0.01, 1e-5);
    assert_within(rg_tail_student(1.96, 1e9), 0.05, 1e-4);
    assert_near(rg_tail_student(0, 5), 1);
    /* one degree: Cauchy's, 1 - 2/pi atan t */
    assert_within(rg_tail_student(1e6, 1) * 1e6, 2 / M_PI, 1e-6);
    assert_within(rg_tail_student_quantile(0.05, 10), 2.228139, 1e-5);
    assert_near(rg_tail_binomial(3, 0, 0.1), 1);
    assert_near(rg_tail_binomial(3, 3, 0.1), 0.001);
    assert_near(rg_tail_binomial(3, 2, 0.1), 0.028);
    assert_near(rg_tail_binomial(10, 1, 0.5), 1 - pow(0.5, 10));
}

static void steps_are_found_soon_dated_and_sized(void **state)
{
    (void)state;
    for (enum noise noise = EVEN; noise < NOISES; noise++) {
        static const double steps[] = {0.02, 0.03, 0.05, 0.10, 0.20};
        for (size_t i = 0; i < COUNT_OF(steps); i++) {
            struct score s = marks_of(&(struct kind){noise, steps[i], 0}, PART, 7);
            assert_true(s.found >= 0.95 * PART);
            assert_true(s.date_error / s.found < 5);
            assert_true(steps[i] < 0.05 || s.covered >= 0.88 * s.found);
        }
        struct score drifts = marks_of(&(struct kind){noise, 0.05, 60}, PART, 8);
        assert_true(drifts.found >= 0.95 * PART);
    }
}

static void a_step_of_5_percent_at_1_percent_noise_is_told_within_3_runs(void **state)
{
    (void)state;
    for (enum noise noise = EVEN; noise <= GAPS; noise += GAPS - EVEN) {
        struct score s = marks_of(&(struct kind){noise, 0.05, 0}, SERIES, 9);
        assert_true(s.within_3 >= 0.95 * SERIES);
        assert_true(s.date_exact >= 0.95 * SERIES);
        assert_true(s.false_before <= SERIES / 100.0);
    }
}

static void one_quiet_year_in_100_raises_a_false_alarm_at_most(void **state)
{
    double values[NIGHTS];
    (void)state;
    for (enum noise noise = EVEN; noise < NOISES; noise++) {
        size_t alarms = 0;
        for (uint64_t i = 0; i < SERIES; i++) {
            struct rg_change *changes;
            a_series(&(struct kind){.noise = noise}, rg_random_with(100 + noise, i), values);
            alarms += changes_in(values, &changes) > 0;
            free(changes);
        }
        print_message("#  %d quiet years, %s: %zu with a false alarm\n", SERIES, noise_names[noise], alarms);
        assert_true(alarms <= SERIES / 100);
    }
}

/* What is told after a night does not hang on later nights: one pass stands for the nightly job's 365. */
static void what_is_told_after_a_night_does_not_depend_on_later_ones(void **state)
{
    const struct kind kind = {EVERYTHING, 0.05, 0};
    double values[NIGHTS];
    const double *series = values;
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct rg_change *all, *some;
        size_t count, some_count;
        a_series(&kind, seed, values);
        count = changes_in(values, &all);
        assert_true(count > 0);
        for (size_t night = 1; night <= NIGHTS; night++) {
            size_t told = 0;
            assert_int_equal(rg_change_find(&series, 1, night, &usual, &some, &some_count, NULL), 0);
            for (size_t i = 0; i < count; i++)
                told += all[i].told < night;
            assert_int_equal(some_count, told);
            for (size_t i = 0; i < told; i++)
                assert_int_equal(some[i].told, all[i].told);
            free(some);
        }
        free(all);
    }
}

static double family[FAMILY][NIGHTS];
static const size_t in_one[FAMILY];
static const struct rg_change_settings together = {RG_CHANGE_LEVEL, 1, in_one, 1};

/* Of FAMILY series, some of which lose a share from a night on. */
static size_t changes_in_family(size_t hit, double step, size_t at, struct rg_change **out)
{
    const double *series[FAMILY];
    size_t count = 0;
    for (uint64_t i = 0; i < FAMILY; i++) {
        series[i] = family[i];
        for (size_t night = 0; night < NIGHTS; night++)
            family[i][night] = a_night(&(struct kind){.step = step}, rg_random_with(1000 + i, (uint64_t)(step * 100)),
                night, i < hit ? at : NIGHTS);
    }
    assert_int_equal(rg_change_find(series, FAMILY, NIGHTS, &together, out, &count, NULL), 0);
    return count;
}

static void a_family_of_series_is_as_quiet_as_one(void **state)
{
    struct rg_change *changes;
    (void)state;
    size_t count = changes_in_family(0, 0, NIGHTS, &changes);
    print_message("#  a quiet year of %d series in one family: %zu false alarms\n", FAMILY, count);
    assert_int_equal(count, 0);
    free(changes);
}

static void a_change_of_some_series_of_a_family_is_told_of_these_alone(void **state)
{
    struct rg_change *changes;
    size_t late[8] = {0}, others = 0;
    (void)state;
    size_t count = changes_in_family(64, 0.05, 250, &changes);
    for (size_t i = 0; i < count; i++) {
        others += changes[i].series >= 64 || changes[i].percent > 0;
        for (size_t runs = changes[i].told - 250 + 1; runs < COUNT_OF(late); runs++)
            late[runs]++;
    }
    free(changes);
    print_message(
        "#  5 %% less in 64 of %d series: told after 2 runs %zu, 3 runs %zu, 4 runs %zu, 5 runs %zu; others %zu\n",
        FAMILY, late[2], late[3], late[4], late[5], others);
    assert_int_equal(others, 0);
    assert_true(late[3] >= 0.95 * 64);
    assert_true(late[4] == 64);
}

/* Some of its series go 10 % down now and then, by themselves: what others never did says nothing of these. */
static void a_family_in_which_some_go_to_and_fro_is_quiet_too(void **state)
{
    static const double shares[] = {0.024, 0.1};
    struct rg_change *changes;
    (void)state;
    for (size_t k = 0; k < COUNT_OF(shares); k++) {
        const double *series[FAMILY];
        size_t count = 0;
        for (uint64_t i = 0; i < FAMILY; i++) {
            series[i] = family[i];
            for (size_t night = 0; night < NIGHTS; night++) {
                uint64_t number = rg_random_with(rg_random_with(5000 + i, k), night);
                bool down = i < 50 && rg_random_share(rg_random_mix(number)) < shares[k];
                family[i][night] = 390 * (down ? 0.9 : 1) * (1 + 0.01 * rg_random_normal(number));
            }
        }
        assert_int_equal(rg_change_find(series, FAMILY, NIGHTS, &together, &changes, &count, NULL), 0);
        print_message("#  50 of %d series go down in %g %% of the nights: %zu false alarms in a year\n", FAMILY,
            100 * shares[k], count);
        assert_int_equal(count, 0);
        free(changes);
    }
}

/* One that strays as others of its family do is rarer news than one that strays where none ever did. */
static void strays_are_counted_over_a_family_up_to_the_latest_runs(void **state)
{
    static const size_t families[] = {0, 0, 1};
    const struct rg_strays_seen seen = {.n = 20, .s = 0, .l = 3, .k = 3};
    struct rg_strays *strays;
    (void)state;
    assert_int_equal(rg_strays_open(3, 100, families, 2, &strays, NULL), 0);
    for (size_t run = 0; run < 100; run++) {
        for (size_t s = 0; s < 3; s++)
            rg_strays_note(strays, s, run, s == 2 && run % 4 == 0 ? -0.05 : s == 0 && run > 96 ? -0.05 : 0.001);
        rg_strays_count(strays, run);
    }
    double of_none = rg_strays_chance(strays, 0, -0.03, &seen), of_many = rg_strays_chance(strays, 2, -0.03, &seen);
    /* E[q^2] is one of 1481: two series, 97 runs, with the 8 before each; times the greatest (1-q)^20 q, at 1/21; and
     * no stray before and no miss have a quarter of the level */
    assert_within(of_none / (4 * pow(20.0 / 21, 20) / 21 / 1481), 1, 1e-3);
    /* what others did says less than any q would: the greatest (1-q)^20 q^3, at 3/23 */
    assert_within(of_many / (4 * pow(20.0 / 23, 20) * pow(3.0 / 23, 3)), 1, 1e-3);
    assert_true(rg_strays_chance(strays, 0, 0.03, &seen) <= of_none);
    const struct rg_strays_seen once = {.n = 20, .s = 1, .l = 3, .k = 3};
    assert_true(rg_strays_chance(strays, 0, -0.03, &once) > 3 * of_none);
    rg_strays_close(strays);
    rg_strays_close(NULL);
}

/* Which is not told before it can be, as rg_change_least_values says. */
static void a_change_in_the_second_week_is_told_within_another(void **state)
{
    double values[NIGHTS];
    size_t least = rg_change_least_values(1, RG_CHANGE_LEVEL), soonest = NIGHTS;
    (void)state;
    for (size_t at = 2; at < 20; at++) {
        struct rg_change *changes;
        for (size_t night = 0; night < NIGHTS; night++)
            values[night] = a_night(&(struct kind){.step = 0.5}, 11, night, at);
        size_t count = changes_in(values, &changes);
        assert_true(count == 1 || at < 5);
        if (count > 0)
            soonest = changes[0].told + 1 < soonest ? changes[0].told + 1 : soonest;
        if (at >= 5)
            assert_true(changes[0].told - at + 1 <= 8 && changes[0].run == at);
        free(changes);
    }
    print_message("#  after %zu runs a change is told for the first time, of 1000 series after %zu\n", soonest,
        rg_change_least_values(1000, RG_CHANGE_LEVEL));
    assert_int_equal(soonest, least);
    assert_true(rg_change_least_values(1000, RG_CHANGE_LEVEL) > least);
}

static void a_few_bad_nights_at_the_beginning_are_no_change(void **state)
{
    static const double first[] = {370, 390, 371, 369, 389};
    double values[NIGHTS];
    struct rg_change *changes;
    (void)state;
    for (size_t night = 0; night < NIGHTS; night++)
        values[night] = night < COUNT_OF(first) ? first[night] : a_night(&(struct kind){EVEN}, 12, night, NIGHTS);
    assert_int_equal(changes_in(values, &changes), 0);
    free(changes);
}

static void what_was_measured_nowhere_or_never_varies_is_no_change(void **state)
{
    double nothing[NIGHTS], same[NIGHTS], tiny[NIGHTS];
    const double *series[] = {nothing, same, tiny};
    struct rg_change *changes;
    size_t count = 1;
    (void)state;
    for (size_t night = 0; night < NIGHTS; night++) {
        nothing[night] = NAN;
        same[night] = 100;
        tiny[night] = night < 200 ? 100 : 99.5; /* less than what is asked for */
    }
    assert_int_equal(rg_change_find(series, 3, NIGHTS, &usual, &changes, &count, NULL), 0);
    assert_int_equal(count, 0);
    free(changes);
    const struct rg_change_settings finer = {.level = RG_CHANGE_LEVEL, .least_percent = 0.1};
    assert_int_equal(rg_change_find(series, 3, NIGHTS, &finer, &changes, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(changes[0].series, 2);
    assert_int_equal(changes[0].run, 200);
    assert_near(changes[0].before, 100);
    assert_near(changes[0].percent, -0.5);
    free(changes);
    assert_int_equal(rg_change_find(NULL, 0, 0, &usual, &changes, &count, NULL), 0);
    assert_int_equal(count, 0);
    free(changes);
}

static void a_change_and_its_end_are_both_told(void **state)
{
    double values[NIGHTS];
    struct rg_change *changes;
    (void)state;
    for (size_t night = 0; night < NIGHTS; night++)
        values[night] =
            a_night(&(struct kind){.noise = EVEN}, 5, night, NIGHTS) * (night >= 100 && night < 110 ? 0.9 : 1);
    assert_int_equal(changes_in(values, &changes), 2);
    assert_int_equal(changes[0].run, 100);
    assert_true(changes[0].percent < -9 && changes[0].percent > -11);
    assert_int_equal(changes[1].run, 110);
    assert_true(changes[1].percent > 10 && changes[1].percent < 12);
    assert_true(changes[1].told <= 114);
    free(changes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_are_those_of_the_tables),
        cmocka_unit_test(a_step_of_5_percent_at_1_percent_noise_is_told_within_3_runs),
        cmocka_unit_test(steps_are_found_soon_dated_and_sized),
        cmocka_unit_test(one_quiet_year_in_100_raises_a_false_alarm_at_most),
        cmocka_unit_test(what_is_told_after_a_night_does_not_depend_on_later_ones),
        cmocka_unit_test(a_family_of_series_is_as_quiet_as_one),
        cmocka_unit_test(a_change_of_some_series_of_a_family_is_told_of_these_alone),
        cmocka_unit_test(a_family_in_which_some_go_to_and_fro_is_quiet_too),
        cmocka_unit_test(strays_are_counted_over_a_family_up_to_the_latest_runs),
        cmocka_unit_test(a_change_in_the_second_week_is_told_within_another),
        cmocka_unit_test(a_few_bad_nights_at_the_beginning_are_no_change),
        cmocka_unit_test(what_was_measured_nowhere_or_never_varies_is_no_change),
        cmocka_unit_test(a_change_and_its_end_are_both_told),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
