/* What follows when mpirun has ended, and who takes part then. */
#include "helpers.h"

#include "base/args.h"
#include "cmd/crew.h"
#include "cmd/sequel.h"

#include <stdlib.h>

/* Of four nodes, all of which are there; in the middle of a run. */
static struct rg_attempted an_attempt(enum rg_ending ending)
{
    return (struct rg_attempted){.ending = ending,
        .started = true,
        .ever_started = true,
        .times = 1,
        .nodes = 4,
        .present = 4,
        .max_lost = RG_NONE};
}

static enum rg_sequel sequel_of(struct rg_attempted attempted)
{
    return rg_sequel_of(&attempted);
}

static void what_is_measured_is_finished_whoever_was_lost(void **state)
{
    (void)state;
    struct rg_attempted a = an_attempt(RG_ENDING_DONE);
    assert_int_equal(sequel_of(a), RG_SEQUEL_FINISH);
    a.lost_nodes = a.newly_lost = 3;
    a.present = 1;
    a.max_lost = 1;
    assert_int_equal(sequel_of(a), RG_SEQUEL_FINISH);
}

static void a_signal_or_trouble_of_its_own_ends_it_at_once(void **state)
{
    (void)state;
    struct rg_attempted a = an_attempt(RG_ENDING_SIGNAL);
    a.newly_lost = 1;
    assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
    a.ending = RG_ENDING_OWN;
    assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
}

static void whoever_is_lost_costs_an_attempt_and_no_more(void **state)
{
    (void)state;
    const enum rg_ending endings[] = {RG_ENDING_TOLD, RG_ENDING_LAUNCHER, RG_ENDING_SILENT};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct rg_attempted a = an_attempt(endings[i]);
        a.newly_lost = a.lost_nodes = 1;
        a.times = 0;
        a.present = 3;
        assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
        a.started = a.ever_started = false; /* a node that was never there */
        assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
        a.present = 1;
        assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
        a.nodes = 1;
        assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
    }
}

static void too_many_lost_is_too_many_only_beyond_the_limit(void **state)
{
    (void)state;
    struct rg_attempted a = an_attempt(RG_ENDING_TOLD);
    a.max_lost = 1;
    a.newly_lost = a.lost_nodes = 1;
    assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
    a.lost_nodes = 2;
    assert_int_equal(sequel_of(a), RG_SEQUEL_TOO_MANY_LOST);
    a.max_lost = 0;
    a.newly_lost = a.lost_nodes = 0;
    assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
}

static void rank_0_is_blamed_only_when_it_ends_twice_in_the_same_round(void **state)
{
    (void)state;
    const enum rg_ending endings[] = {RG_ENDING_LAUNCHER, RG_ENDING_SILENT};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct rg_attempted a = an_attempt(endings[i]);
        assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
        a.times = 2;
        assert_int_equal(sequel_of(a), RG_SEQUEL_WITHOUT_FIRST);
        a.started = false; /* it has not even begun: that is no fault of rank 0's */
        assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
        a.times = 3;
        assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
    }
}

static void ranks_that_say_why_are_asked_again_but_not_for_ever(void **state)
{
    (void)state;
    struct rg_attempted a = an_attempt(RG_ENDING_TOLD);
    assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
    a.times = 2;
    assert_int_equal(sequel_of(a), RG_SEQUEL_AGAIN);
    a.times = 3;
    assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
    a.times = 1;
    a.started = a.ever_started = false;
    assert_int_equal(sequel_of(a), RG_SEQUEL_STOP);
}

/* Four nodes with two rails; node 1 and a rail of node 3 are lost. */
static void ranks_keep_the_plans_numbers(void **state)
{
    (void)state;
    char *hosts[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", NULL};
    struct rg_error err = {{0}};
    struct rg_crew crew;
    assert_int_equal(rg_crew_open(hosts, 4, 2, 2, &crew, &err), 0);
    assert_string_equal(crew.names[2], "10.0.0.3");
    assert_true(rg_crew_meet(&crew, 4, "c"));
    assert_true(rg_crew_meet(&crew, 5, "c"));
    assert_false(rg_crew_meet(&crew, 5, "c"));
    assert_false(rg_crew_meet(&crew, 8, "nobody"));
    assert_string_equal(crew.names[2], "c");
    assert_int_equal(rg_crew_number(&crew, "c"), 2);
    assert_int_equal(rg_crew_number(&crew, "10.0.0.3"), -1);
    assert_int_equal(rg_crew_lose(&crew, 1, -1), 2);
    assert_int_equal(rg_crew_lose(&crew, 1, 0), 0);
    assert_int_equal(rg_crew_lose(&crew, 3, 1), 1);
    assert_int_equal(rg_crew_planned(&crew, 2), 2); /* as long as the attempt lasts */
    rg_crew_muster(&crew);
    assert_int_equal(rg_crew_planned(&crew, 1), 1);
    assert_int_equal(rg_crew_planned(&crew, 2), 4);
    assert_int_equal(rg_crew_planned(&crew, 5), 7);
    assert_int_equal(rg_crew_planned(&crew, 6), -1);
    assert_int_equal(crew.absent_count, 1);
    assert_int_equal(rg_crew_lost_nodes(&crew), 2);
    rg_crew_close(&crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_measured_is_finished_whoever_was_lost),
        cmocka_unit_test(a_signal_or_trouble_of_its_own_ends_it_at_once),
        cmocka_unit_test(whoever_is_lost_costs_an_attempt_and_no_more),
        cmocka_unit_test(too_many_lost_is_too_many_only_beyond_the_limit),
        cmocka_unit_test(rank_0_is_blamed_only_when_it_ends_twice_in_the_same_round),
        cmocka_unit_test(ranks_that_say_why_are_asked_again_but_not_for_ever),
        cmocka_unit_test(ranks_keep_the_plans_numbers),
    };
    return cmocka_run_group_tests_name("sequel", tests, NULL, NULL);
}
