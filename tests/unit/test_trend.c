/* judge/trend: what happened in a made-up past, told once each. */
#include "helpers.h"

#include "fleet/random.h"
#include "judge/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 100
#define AT 90 /* the run of the change */

/* A fleet whose NICs send, receive and answer; their nodes' sums; and a collective of each rail. */
struct fleet {
    int nodes, rails;
    struct rg_past past;
    struct rg_trend trend;
    size_t seen; /* runs */
};

static const struct rg_series nic = {.origin = "hardware",
    .test = "rdma_write_bw",
    .direction = "one_way",
    .memory = "host",
    .scope = "rail",
    .metric = "bandwidth_gbps",
    .size_bytes = 65536,
    .queue_pairs = 1,
    .ranks = RG_NONE};

static const char *keep(struct rg_past *past, char *text)
{
    past->texts[past->text_count++] = text;
    return text;
}

static const char *node_name(struct rg_past *past, int node)
{
    char *text = NULL;
    assert_true(asprintf(&text, "n%02d", node) > 0);
    return keep(past, text);
}

static int by_series(const void *a, const void *b)
{
    return rg_series_compare(a, b);
}

/* Every value is 100 with 1 % noise. */
static void make_fleet(struct fleet *f, int nodes, int rails)
{
    size_t count = (size_t)(nodes * rails * 3 + nodes + rails);
    *f = (struct fleet){.nodes = nodes, .rails = rails, .seen = SIZE_MAX};
    f->past.runs = calloc(RUNS, sizeof *f->past.runs);
    f->past.series = calloc(count, sizeof *f->past.series);
    f->past.values = calloc(count * RUNS, sizeof *f->past.values);
    f->past.texts = calloc((size_t)nodes + (size_t)2 * RUNS, sizeof *f->past.texts);
    f->past.facts = calloc(RUNS * (size_t)(nodes + 4), sizeof *f->past.facts);
    for (int run = 0; run < RUNS; run++) {
        char *id = NULL, *began = NULL;
        assert_true(asprintf(&id, "202601%02dT%02d0000Z-00000000", run / 24 + 1, run % 24) > 0);
        assert_true(asprintf(&began, "2026-01-%02dT%02d:00:00Z", run / 24 + 1, run % 24) > 0);
        f->past.runs[f->past.run_count++] = (struct rg_past_run){
            .run_id = keep(&f->past, id), .started_at = keep(&f->past, began), .origin = "hardware", .figures = 1};
    }
    for (int node = 0; node < nodes; node++) {
        const char *name = node_name(&f->past, node);
        for (int rail = 0; rail < rails; rail++)
            for (int i = 0; i < 3; i++) {
                struct rg_series *s = &f->past.series[f->past.series_count++];
                *s = nic;
                s->node = name;
                s->rail = rail;
                s->side = i == 1 ? "rx" : "tx";
                if (i == 2) {
                    s->test = "rdma_write_lat";
                    s->metric = "latency_p50_us";
                }
            }
        struct rg_series *sum = &f->past.series[f->past.series_count++];
        *sum = nic;
        sum->scope = "node";
        sum->node = name;
        sum->rail = RG_NONE;
        sum->side = "rx";
    }
    for (int rail = 0; rail < rails; rail++) {
        struct rg_series *s = &f->past.series[f->past.series_count++];
        *s = nic;
        s->test = "all_gather";
        s->metric = "busbw_gigabytes_per_s";
        s->scope = "group";
        s->rail = rail;
        s->ranks = nodes;
    }
    qsort(f->past.series, f->past.series_count, sizeof *f->past.series, by_series);
    for (size_t i = 0; i < f->past.series_count * RUNS; i++)
        f->past.values[i] = 100 * (1 + 0.01 * rg_random_normal(rg_random_mix(i)));
}

/* From a run on, what fits is multiplied; node and rail -1, side, test NULL: any. */
static void change_at(struct fleet *f, size_t at, const char *scope, const char *test, int node, int rail,
    const char *side, double factor)
{
    char name[16];
    snprintf(name, sizeof name, "n%02d", node);
    for (size_t s = 0; s < f->past.series_count; s++) {
        const struct rg_series *series = &f->past.series[s];
        if (strcmp(series->scope, scope) != 0 || (test != NULL && strcmp(series->test, test) != 0) ||
            (node >= 0 && (series->node == NULL || strcmp(series->node, name) != 0)) ||
            (rail >= 0 && series->rail != rail) ||
            (side != NULL && (series->side == NULL || strcmp(series->side, side) != 0)))
            continue;
        for (size_t run = at; run < RUNS; run++)
            f->past.values[s * RUNS + run] *= factor;
    }
}

static void change(
    struct fleet *f, const char *scope, const char *test, int node, int rail, const char *side, double factor)
{
    change_at(f, AT, scope, test, node, rail, side, factor);
}

static const struct rg_trend *trend_of(struct fleet *f)
{
    struct rg_error err;
    rg_trend_close(&f->trend);
    assert_int_equal(rg_judge_trend(&f->past, 1, f->seen, &f->trend, &err), 0);
    for (size_t i = 0; i < f->trend.finding_count; i++)
        print_message("#  %s\n", f->trend.findings[i].sentence);
    return &f->trend;
}

static void close_fleet(struct fleet *f)
{
    rg_trend_close(&f->trend);
    rg_past_close(&f->past);
}

/* Told once, of that part, from AT on. */
static const struct rg_finding *only(const struct rg_trend *trend, const char *part)
{
    assert_int_equal(trend->finding_count, 1);
    const struct rg_finding *finding = &trend->findings[0];
    assert_string_equal(finding->part, part);
    assert_int_equal(finding->run, AT);
    assert_true(finding->count > 0);
    assert_int_equal(finding->count, trend->change_count);
    return finding;
}

/* The one that is worse, or better. */
static const struct rg_finding *only_of(const struct rg_trend *trend, bool worse)
{
    const struct rg_finding *found = NULL;
    for (size_t i = 0; i < trend->finding_count; i++) {
        if (trend->findings[i].worse != worse)
            continue;
        assert_null(found);
        found = &trend->findings[i];
    }
    assert_non_null(found);
    return found;
}

static void add_fact(struct fleet *f, size_t run, const char *name, const char *value, const char *node)
{
    f->past.facts[f->past.fact_count++] =
        (struct rg_past_fact){.run = run, .name = name, .value = value, .node = node, .rail = RG_NONE};
}

/* --- the tests --- */

static void of_a_quiet_fleet_nothing_is_told(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 16, 8);
    assert_int_equal(trend_of(&f)->finding_count, 0);
    close_fleet(&f);
}

static void a_nic_is_named_with_its_side(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", 5, 2, "rx", 0.93);
    const struct rg_finding *finding = only(trend_of(&f), "nic");
    assert_string_equal(finding->node, "n05");
    assert_int_equal(finding->rail, 2);
    assert_string_equal(finding->side, "rx");
    assert_true(finding->worse && !finding->fresh);
    assert_within(finding->percent, -7, 1);
    assert_true(finding->low_percent < -7 && -7 < finding->high_percent);
    assert_begins(finding->sentence, "since 2026-01-04 n05 rail 2 receives ");
    assert_has(finding->sentence, " % less (");
    assert_has(finding->sentence, ", in rdma_write_bw 64K one_way; nothing that was recorded went with it");
    close_fleet(&f);
}

static void a_rail_of_64_nodes_is_told_once_with_what_ails_its_collective(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 64, 8);
    change(&f, "rail", "rdma_write_bw", -1, 3, "rx", 0.94);
    change(&f, "group", "all_gather", -1, 3, NULL, 0.94);
    const struct rg_finding *finding = only(trend_of(&f), "rail");
    assert_int_equal(finding->rail, 3);
    assert_null(finding->node);
    assert_string_equal(finding->side, "rx");
    assert_int_equal(finding->hit, 64);
    assert_int_equal(finding->of, 64);
    /* the mean of 64 series is known better than any one of them */
    assert_within(finding->percent, -6, 0.3);
    assert_true(finding->high_percent - finding->low_percent < 0.5);
    assert_true(finding->count >= 60);
    assert_has(finding->sentence, "rail 3 receives ");
    assert_has(finding->sentence, ", on 64 of 64 nodes");
    close_fleet(&f);
}

static void a_node_is_told_once_for_all_its_rails_and_its_sum(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 16, 8);
    change(&f, "rail", "rdma_write_bw", 7, -1, NULL, 0.9);
    change(&f, "node", NULL, 7, -1, NULL, 0.9);
    const struct rg_finding *finding = only(trend_of(&f), "node");
    assert_string_equal(finding->node, "n07");
    assert_int_equal(finding->rail, RG_NONE);
    assert_null(finding->side);
    assert_int_equal(finding->of, 8);
    assert_has(finding->sentence, "n07 moves ");
    close_fleet(&f);
}

static void the_whole_fleet_is_told_once(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 16, 8);
    change(&f, "rail", "rdma_write_bw", -1, -1, NULL, 0.95);
    change(&f, "node", NULL, -1, -1, NULL, 0.95);
    const struct rg_finding *finding = only(trend_of(&f), "fleet");
    assert_has(finding->sentence, "the whole fleet moves ");
    assert_has(finding->sentence, ", on 128 of 128 NICs");
    assert_int_equal(finding->of, 128);
    close_fleet(&f);
}

static void a_latency_that_rises_is_worse_and_one_that_falls_is_better(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_lat", 1, 1, NULL, 1.1);
    const struct rg_finding *finding = only(trend_of(&f), "nic");
    assert_true(finding->worse);
    assert_has(finding->sentence, "n01 rail 1 takes ");
    assert_has(finding->sentence, " % longer");
    change(&f, "rail", "rdma_write_lat", 1, 1, NULL, 0.8);
    finding = only(trend_of(&f), "nic");
    assert_false(finding->worse);
    assert_has(finding->sentence, " % less time");
    assert_int_equal(f.trend.fresh_regressions, 0);
    close_fleet(&f);
}

static void two_things_at_once_are_two_findings(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 16, 8);
    change(&f, "rail", "rdma_write_bw", 3, 2, "tx", 0.8);
    change(&f, "rail", "rdma_write_bw", -1, 5, NULL, 0.93);
    const struct rg_trend *trend = trend_of(&f);
    assert_int_equal(trend->finding_count, 2);
    bool rail_first = strcmp(trend->findings[0].part, "rail") == 0;
    assert_string_equal(trend->findings[rail_first ? 0 : 1].part, "rail");
    assert_int_equal(trend->findings[rail_first ? 0 : 1].rail, 5);
    assert_string_equal(trend->findings[rail_first ? 1 : 0].node, "n03");
    close_fleet(&f);
}

static void what_a_partner_loses_by_it_is_no_second_finding(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 4, 4);
    change(&f, "rail", "rdma_write_bw", 1, 2, "rx", 0.88);
    change(&f, "rail", "rdma_write_bw", 3, 2, "tx", 0.94); /* it meets two, in the median one of them */
    const struct rg_finding *finding = only(trend_of(&f), "nic");
    assert_string_equal(finding->node, "n01");
    assert_string_equal(finding->side, "rx");
    assert_int_equal(finding->count, 2);
    close_fleet(&f);
}

/* Soon after a NIC has got slower, what its loss does not explain gets worse. */
static void a_second_fault_soon_after_is_a_finding_of_its_own(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 6, 4);
    change(&f, "rail", "rdma_write_bw", 3, 2, "rx", 0.92);
    change_at(&f, AT + 2, "group", "all_gather", -1, 2, NULL, 0.6);
    const struct rg_trend *trend = trend_of(&f);
    assert_int_equal(trend->finding_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_within(trend->findings[i].percent, strcmp(trend->findings[i].scope, "group") == 0 ? -40 : -8, 1.5);
    close_fleet(&f);
    make_fleet(&f, 6, 8);
    change(&f, "rail", "rdma_write_bw", 3, 2, "rx", 0.8);
    change_at(&f, AT + 2, "rail", "rdma_write_bw", 1, 2, "tx", 0.925);
    trend = trend_of(&f);
    assert_int_equal(trend->finding_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(trend->findings[i].node, trend->findings[i].percent < -15 ? "n03" : "n01");
    close_fleet(&f);
    /* What goes along with it is explained by it. */
    make_fleet(&f, 6, 4);
    change(&f, "rail", "rdma_write_bw", 3, 2, "rx", 0.8);
    change(&f, "group", "all_gather", -1, 2, NULL, 0.8);
    assert_string_equal(only(trend_of(&f), "nic")->node, "n03");
    close_fleet(&f);
}

static void a_collective_alone_is_told_as_such(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "group", "all_gather", -1, 2, NULL, 0.9);
    const struct rg_finding *finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, "all_gather 64K");
    assert_has(finding->sentence, " of rail 2 moves ");
    close_fleet(&f);
}

/* Collectives alone: two of all ranks, one of each rail, and one of each node with each of four others. */
static void make_collectives(struct fleet *f)
{
    size_t kept = 0;
    make_fleet(f, 8, 4);
    for (size_t s = 0; s < f->past.series_count; s++) {
        struct rg_series series = f->past.series[s];
        bool pair = strcmp(series.test, "rdma_write_lat") == 0;
        if (strcmp(series.scope, "group") != 0 && !pair)
            continue;
        if (pair) {
            int node = atoi(series.node + 1), peer = (node + 1 + (int)series.rail) % 8;
            series.peer_node = f->past.texts[2 * RUNS + peer];
            series.rail = RG_NONE;
        }
        series.side = NULL;
        series.test = "all_gather";
        series.scope = "group";
        series.metric = "busbw_gigabytes_per_s";
        series.variant = pair ? "pair" : "rail";
        f->past.series[kept++] = series;
    }
    for (int i = 0; i < 2; i++) {
        f->past.series[kept] = f->past.series[0];
        f->past.series[kept].test = i == 0 ? "all_gather" : "all_reduce";
        f->past.series[kept].node = f->past.series[kept].peer_node = NULL;
        f->past.series[kept].rail = RG_NONE;
        f->past.series[kept++].variant = "world";
    }
    f->past.series_count = kept;
    qsort(f->past.series, kept, sizeof *f->past.series, by_series);
}

/* Of a fleet of two nodes nothing tells whose fault a pair's is. */
static void a_pair_that_has_no_others_beside_it_is_no_fault_of_one_node(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 2, 1);
    for (size_t s = 0; s < f.past.series_count; s++)
        if (strcmp(f.past.series[s].scope, "group") == 0) {
            f.past.series[s].node = "n00";
            f.past.series[s].peer_node = "n01";
            f.past.series[s].rail = RG_NONE;
        }
    change(&f, "group", "all_gather", -1, -1, NULL, 0.85);
    const struct rg_finding *finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, " all_gather between n00 and n01 moves ");
    close_fleet(&f);
}

/* All collectives that a node or rail has a part in; -1: any. */
static void slow_collectives(struct fleet *f, int node, int rail, double factor)
{
    char name[16];
    snprintf(name, sizeof name, "n%02d", node);
    for (size_t s = 0; s < f->past.series_count; s++) {
        const struct rg_series *series = &f->past.series[s];
        if ((node >= 0 && series->node != NULL && strcmp(series->node, name) != 0 &&
                strcmp(series->peer_node, name) != 0) ||
            (rail >= 0 && series->rail != RG_NONE && series->rail != rail))
            continue;
        for (size_t run = AT; run < RUNS; run++)
            f->past.values[s * RUNS + run] *= factor;
    }
}

static void collectives_are_told_by_what_stands_out_and_else_as_a_whole(void **state)
{
    struct fleet f;
    (void)state;
    make_collectives(&f);
    slow_collectives(&f, -1, -1, 0.94);
    const struct rg_finding *finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, " collectives among all ranks, rails and pairs move 6.0 % less (");
    assert_has(finding->sentence, " and likewise in 3 of 3 other collectives; ");
    assert_null(finding->node);
    assert_int_equal(finding->hit, f.past.series_count);
    close_fleet(&f);
    make_collectives(&f);
    slow_collectives(&f, 2, -1, 0.94);
    finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, " collectives of n02 move ");
    assert_string_equal(finding->node, "n02");
    close_fleet(&f);
    make_collectives(&f);
    slow_collectives(&f, -1, 1, 0.94);
    finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, " collectives of rail 1 move ");
    assert_null(finding->node);
    assert_int_equal(finding->rail, 1);
    close_fleet(&f);
    make_collectives(&f);
    for (size_t run = AT; run < RUNS; run++)
        f.past.values[run] *= 0.9;
    finding = only(trend_of(&f), "group");
    assert_has(finding->sentence, " all_gather between n00 and n01 moves ");
    close_fleet(&f);
}

static void what_is_new_since_the_last_run_is_told_first_and_later_is_old(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", 5, 2, "rx", 0.93);
    size_t fresh = 0;
    double *all = f.past.values;
    for (size_t runs = AT; runs <= RUNS; runs++) {
        double *some = calloc(f.past.series_count * runs + 1, sizeof *some);
        for (size_t s = 0; s < f.past.series_count; s++)
            memcpy(&some[s * runs], &all[s * RUNS], runs * sizeof *some);
        f.past.values = some;
        f.past.run_count = runs;
        fresh += trend_of(&f)->fresh_regressions;
        assert_true(runs < AT + 6 || f.trend.finding_count == 1);
        free(some);
    }
    assert_int_equal(fresh, 1);
    f.past.values = all;
    close_fleet(&f);
}

static void what_is_new_depends_on_the_runs_that_were_seen(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", 5, 2, "rx", 0.93);
    size_t told = only(trend_of(&f), "nic")->told;
    assert_int_equal(f.trend.seen, RUNS - 1);
    assert_int_equal(f.trend.fresh_regressions, 0);
    f.seen = told; /* all runs before it */
    assert_true(only(trend_of(&f), "nic")->fresh);
    assert_int_equal(f.trend.fresh_regressions, 1);
    f.seen = told + 1;
    assert_false(only(trend_of(&f), "nic")->fresh);
    f.seen = 0;
    assert_true(only(trend_of(&f), "nic")->fresh);
    close_fleet(&f);
}

/* Of a NIC, between runs. */
static void dip(struct fleet *f, size_t from, size_t to, double factor)
{
    for (size_t s = 0; s < f->past.series_count; s++)
        for (size_t run = from; run < to; run++)
            if (strcmp(f->past.series[s].test, "rdma_write_bw") == 0 && f->past.series[s].rail == 2 &&
                strcmp(f->past.series[s].node, "n05") == 0)
                f->past.values[s * RUNS + run] *= factor;
}

static void a_regression_stands_until_it_is_made_good(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    dip(&f, 40, RUNS, 0.9);
    assert_true(only_of(trend_of(&f), true)->stands);
    assert_int_equal(f.trend.standing_regressions, 1);
    dip(&f, 70, RUNS, 1 / 0.93);
    assert_true(only_of(trend_of(&f), true)->stands); /* it is better, but not as before */
    assert_false(only_of(&f.trend, false)->stands);
    dip(&f, 70, RUNS, 0.93 / 0.9);
    assert_false(only_of(trend_of(&f), true)->stands);
    assert_int_equal(f.trend.standing_regressions, 0);
    close_fleet(&f);
}

static void a_test_is_named_that_many_show_and_stays_the_same(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    for (size_t s = 0; s < f.past.series_count; s++)
        if (strcmp(f.past.series[s].test, "rdma_write_lat") == 0) {
            f.past.series[s].test = "rdma_send_bw";
            f.past.series[s].metric = "bandwidth_gbps";
        }
    qsort(f.past.series, f.past.series_count, sizeof *f.past.series, by_series);
    change(&f, "rail", NULL, 5, 2, "tx", 0.92);
    double *all = f.past.values;
    for (size_t runs = AT + 7; runs <= RUNS; runs++) {
        double *some = calloc(f.past.series_count * runs + 1, sizeof *some);
        for (size_t s = 0; s < f.past.series_count; s++)
            memcpy(&some[s * runs], &all[s * RUNS], runs * sizeof *some);
        f.past.values = some;
        f.past.run_count = runs;
        const struct rg_finding *finding = only(trend_of(&f), "nic");
        assert_has(finding->sentence, ", in rdma_send_bw 64K one_way, and likewise in 1 of 1 other bandwidth tests; ");
        assert_int_equal(finding->tests_hit, 2);
        free(some);
    }
    f.past.values = all;
    change(&f, "rail", "rdma_send_bw", 5, 2, "tx", 1 / 0.92);
    assert_has(
        only(trend_of(&f), "nic")->sentence, ", in rdma_write_bw 64K one_way, but in 0 of 1 other bandwidth tests; ");
    close_fleet(&f);
}

static void what_differed_from_the_run_before_is_told(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", -1, 2, NULL, 0.93);
    for (size_t run = 0; run < RUNS; run++) {
        /* in the order of names, as they are read */
        add_fact(&f, run, "NCCL", run < AT ? "2.27.3" : "2.28.9", NULL);
        for (int node = 0; node < 8; node++)
            add_fact(&f, run, "firmware", run >= AT && node < 2 ? "2" : "1", f.past.texts[2 * RUNS + node]);
        add_fact(&f, run, "rdma_read_lat's depth", run < AT ? "1" : "2", NULL); /* of a test that did not change */
        add_fact(&f, run, "rdma_write_bw's depth", run < AT ? "128" : "64", NULL);
        add_fact(&f, run, "the kernel", run < AT + 1 ? "6.1" : "6.2", NULL); /* a night too late */
    }
    const struct rg_finding *finding = only(trend_of(&f), "rail");
    assert_int_equal(finding->difference_count, 3);
    assert_has(finding->sentence,
        "; NCCL went from 2.27.3 to 2.28.9, there and on 24 others that did not change; firmware went from 1 to 2 on 2 "
        "of the 8 and on 6 others that did not change; rdma_write_bw's depth went from 128 to 64");
    char *json = rg_trend_json(&f.trend);
    assert_has(json, "\"before\":\t\"2.27.3\"");
    free(json);
    close_fleet(&f);
}

static void of_tests_of_one_name_only_settings_of_the_finding_s_own_are_told(void **state)
{
    static const char *const names[] = {"rdma_write_bw's depth", "rdma_write_bw's depth with direction both_ways",
        "rdma_write_bw's depth with direction one_way", "rdma_write_bw's mtu_bytes with direction one_way"};
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", -1, 2, NULL, 0.93);
    for (size_t run = 0; run < RUNS; run++) {
        add_fact(&f, run, names[1], run < AT ? "128" : "32", NULL);
        add_fact(&f, run, names[2], run < AT ? "128" : "16", NULL);
        if (run >= AT)
            add_fact(&f, run, names[3], "1024", NULL); /* until then it was left to the fabric */
    }
    const struct rg_finding *finding = only(trend_of(&f), "rail");
    assert_has(finding->sentence, "one_way; rdma_write_bw's depth with direction one_way went from 128 to 16, ");
    assert_has(finding->sentence, "; rdma_write_bw's mtu_bytes with direction one_way is now 1024, ");
    assert_int_equal(finding->difference_count, 2);
    /* earlier versions kept the first one's, by no more than the test's name */
    f.past.fact_count = 0;
    for (size_t run = 0; run < RUNS; run++)
        for (int i = run < AT ? 0 : 1; i < (run < AT ? 1 : 3); i++)
            add_fact(&f, run, names[i], run < AT ? "128" : "16", NULL);
    finding = only(trend_of(&f), "rail");
    assert_has(finding->sentence, "; nothing that was recorded went with it");
    close_fleet(&f);
}

static void what_also_differed_where_nothing_changed_is_told_with_it(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", 5, 2, "tx", 0.93);
    for (size_t run = 0; run < RUNS; run++)
        for (int node = 0; node < 8; node++)
            add_fact(&f, run, "the NIC's driver", run < AT || node == 7 ? "A" : "B", f.past.texts[2 * RUNS + node]);
    const struct rg_finding *finding = only(trend_of(&f), "nic");
    assert_has(finding->sentence, "; the NIC's driver went from A to B, there and on 27 others that did not change");
    assert_int_equal(finding->differences[0].elsewhere, 27);
    assert_int_equal(finding->differences[0].elsewhere_of, 31);
    char *json = rg_trend_json(&f.trend);
    assert_has(json, "\"elsewhere\":\t27");
    free(json);
    /* one that changes at the same time, if otherwise, is no such other */
    change(&f, "rail", "rdma_write_bw", 3, 1, "rx", 0.8);
    assert_int_equal(trend_of(&f)->finding_count, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(f.trend.findings[i].differences[0].elsewhere_of, 30);
    close_fleet(&f);
}

static void runs_that_are_missing_do_not_matter(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    change(&f, "rail", "rdma_write_bw", 5, 2, "rx", 0.9);
    for (size_t s = 0; s < f.past.series_count; s++)
        for (size_t run = 3; run < AT; run += 7)
            f.past.values[s * RUNS + run] = NAN;
    only(trend_of(&f), "nic");
    close_fleet(&f);
    f = (struct fleet){.seen = SIZE_MAX};
    assert_int_equal(trend_of(&f)->finding_count, 0);
    close_fleet(&f);
}

static struct rg_series *series_at(struct fleet *f, size_t place)
{
    return &f->past.series[place];
}

/* Turns the collectives into another kind of figure, so that there is one of each rail. */
static void make_of_collectives(struct fleet *f, const char *scope, const char *test, const char *metric, bool of_rails)
{
    for (size_t s = 0; s < f->past.series_count; s++) {
        struct rg_series *series = series_at(f, s);
        if (strcmp(series->scope, "group") != 0)
            continue;
        series->scope = scope;
        series->test = test;
        series->metric = metric;
        if (!of_rails) {
            series->ranks = series->rail + 2;
            series->rail = RG_NONE;
        }
    }
}

static void what_the_fleet_moves_together_goes_with_its_parts_or_is_told_alone(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 16, 1);
    make_of_collectives(&f, "fleet", "rdma_read_bw", "bandwidth_gbps", false);
    change(&f, "fleet", NULL, -1, -1, NULL, 0.93);
    const struct rg_finding *finding = only(trend_of(&f), "total");
    assert_true(finding->worse);
    assert_has(finding->sentence, "the fleet together moves ");
    assert_has(finding->sentence, " % less");
    change(&f, "rail", "rdma_write_bw", -1, 0, NULL, 0.93);
    only(trend_of(&f), "rail");
    close_fleet(&f);
}

static void victims_of_a_load_are_told_by_rail_or_all_at_once(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    make_of_collectives(&f, "victims", "rdma_write_lat", "latency_ratio_p99", true);
    change(&f, "victims", NULL, -1, 2, NULL, 1.5);
    const struct rg_finding *finding = only(trend_of(&f), "victims");
    assert_true(finding->worse);
    assert_int_equal(finding->rail, 2);
    assert_has(finding->sentence, "victims of a load on rail 2 lose ");
    assert_has(finding->sentence, " % more (");
    for (int rail = 0; rail < 4; rail++)
        if (rail != 2)
            change(&f, "victims", NULL, -1, rail, NULL, 1.5);
    finding = only(trend_of(&f), "victims");
    assert_int_equal(finding->rail, RG_NONE);
    assert_has(finding->sentence, "victims of a load on all rails lose ");
    assert_has(finding->sentence, ", on 4 of 4 rails");
    close_fleet(&f);
}

/* What fits was not measured in the last run. */
static void drop(struct fleet *f, const char *test, int node, int rail, const char *side)
{
    char name[16];
    snprintf(name, sizeof name, "n%02d", node);
    for (size_t s = 0; s < f->past.series_count; s++) {
        const struct rg_series *series = series_at(f, s);
        if ((test == NULL || strcmp(series->test, test) == 0) &&
            (node < 0 || (series->node != NULL && strcmp(series->node, name) == 0)) &&
            (rail < 0 || series->rail == rail) &&
            (side == NULL || (series->side != NULL && strcmp(series->side, side) == 0)))
            f->past.values[s * RUNS + RUNS - 1] = NAN;
    }
}

static void assert_gap(
    const struct rg_trend *trend, size_t place, const char *part, size_t series, const char *sentence)
{
    assert_true(place < trend->missing.count);
    assert_string_equal(trend->missing.at[place].part, part);
    assert_int_equal(trend->missing.at[place].series, series);
    assert_string_equal(trend->missing.at[place].sentence, sentence);
}

static void what_the_last_run_did_not_measure_is_told_by_its_widest_part(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    assert_int_equal(trend_of(&f)->missing_series, 0);
    assert_int_equal(f.trend.earlier_series, 8 * 4 * 3 + 8 + 4);
    drop(&f, "all_gather", -1, -1, NULL);
    drop(&f, NULL, 3, -1, NULL);
    drop(&f, "rdma_write_lat", 5, 1, NULL);
    const struct rg_trend *trend = trend_of(&f);
    assert_int_equal(trend->missing_series, 4 + 13 + 1);
    assert_int_equal(trend->missing.count, 3);
    assert_gap(trend, 0, "test", 4, "all of all_gather 64K one_way: 4 series");
    assert_gap(trend, 1, "node", 13, "all of n03: 13 series");
    assert_gap(trend, 2, "nic", 1, "of n05 rail 1: 1 series");
    drop(&f, NULL, -1, -1, NULL);
    trend = trend_of(&f);
    assert_int_equal(trend->missing.count, 1);
    assert_gap(trend, 0, "run", 8 * 4 * 3 + 8 + 4, "everything: 108 series");
    close_fleet(&f);
}

/* The series that begins with that test, of that node and rail, in the order of the past. */
static struct rg_series *find_series(struct fleet *f, const char *test, const char *node, int64_t rail)
{
    struct rg_series *found = f->past.series;
    while (
        strcmp(found->test, test) != 0 || found->node == NULL || strcmp(found->node, node) != 0 || found->rail != rail)
        found++;
    return found;
}

static void a_side_that_is_no_longer_measured_is_a_gap_but_of_a_latency_which_either_end_begins(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    drop(&f, "rdma_write_bw", 5, 1, "rx");
    assert_int_equal(trend_of(&f)->missing_series, 1);
    assert_gap(&f.trend, 0, "nic", 1, "of n05 rail 1: 1 series");
    close_fleet(&f);
    /* what was of rail 2 is what rail 1 answered in the last run, when it began no flow */
    make_fleet(&f, 8, 4);
    struct rg_series *begun = find_series(&f, "rdma_write_lat", "n05", 1), *answered = begun + 1;
    *answered = *begun;
    begun->side = "rx";
    size_t first = (size_t)(begun - f.past.series) * RUNS;
    for (size_t r = 0; r < RUNS; r++)
        f.past.values[first + r + (r + 1 < RUNS ? 0 : RUNS)] = NAN;
    assert_int_equal(trend_of(&f)->missing_series, 0);
    close_fleet(&f);
}

static void runs_of_another_suite_or_another_single_test_are_none_to_miss_anything_of(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    drop(&f, NULL, 5, -1, NULL);
    assert_true(trend_of(&f)->missing_series > 0);
    for (size_t r = 0; r + 1 < RUNS; r++)
        f.past.runs[r].suite = "nightly";
    f.past.runs[RUNS - 1].suite = "quick";
    assert_int_equal(trend_of(&f)->missing_series, 0);
    assert_int_equal(f.trend.earlier, SIZE_MAX);
    f.past.runs[7].suite = "quick";
    assert_true(trend_of(&f)->missing_series > 0);
    assert_int_equal(f.trend.earlier, 7);
    f.past.runs[7].machine = "another";
    assert_int_equal(trend_of(&f)->earlier, SIZE_MAX);
    f.past.runs[7].machine = NULL;
    /* of single tests the last is one of bandwidth, that before it of latency */
    for (size_t r = 0; r < RUNS; r++)
        f.past.runs[r].suite = "single";
    for (size_t s = 0; s < f.past.series_count; s++)
        f.past.values[s * RUNS + RUNS - (strcmp(f.past.series[s].test, "rdma_write_bw") == 0 ? 2 : 1)] = NAN;
    assert_int_equal(trend_of(&f)->earlier, RUNS - 3);
    close_fleet(&f);
}

/* From that run on nothing was measured. */
static void measure_nothing_from(struct fleet *f, size_t run)
{
    for (size_t s = 0; s < f->past.series_count; s++)
        for (size_t r = run; r < RUNS; r++)
            f->past.values[s * RUNS + r] = NAN;
    for (size_t r = run; r < RUNS; r++) {
        f->past.runs[r].origin = "unknown";
        f->past.runs[r].figures = 0;
    }
}

static void what_the_last_good_run_has_is_missing_as_long_as_runs_measure_nothing(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    measure_nothing_from(&f, RUNS - 3);
    const struct rg_trend *trend = trend_of(&f);
    assert_int_equal(trend->earlier, RUNS - 4);
    assert_int_equal(trend->missing_series, 108);
    assert_gap(trend, 0, "run", 108, "everything: 108 series");
    close_fleet(&f);
}

/* The past of a fleet of which the runs in that part of it were on soft-RoCE; its series and values are malloc'd. */
static struct rg_past past_of_soft_runs(const struct fleet *f, size_t first, size_t last, size_t run_count)
{
    struct rg_past past = f->past;
    size_t count = past.series_count;
    past.run_count = run_count;
    past.series_count = 2 * count;
    past.series = calloc(2 * count, sizeof *past.series);
    past.values = calloc(2 * count * run_count, sizeof *past.values);
    for (size_t r = 0; r < run_count; r++)
        past.runs[r].origin = first <= r && r < last ? "soft-RoCE: rxe0" : "hardware";
    for (size_t s = 0; s < 2 * count; s++) {
        past.series[s] = f->past.series[s % count];
        past.series[s].origin = s < count ? "hardware" : "soft-RoCE: rxe0";
        for (size_t r = 0; r < run_count; r++)
            past.values[s * run_count + r] =
                strcmp(past.runs[r].origin, past.series[s].origin) == 0 ? f->past.values[s % count * RUNS + r] : NAN;
    }
    return past;
}

static void a_run_that_was_not_on_hardware_lacks_all_that_those_before_measured(void **state)
{
    static const char *const told = "everything: 108 series; these are of hardware, the last run is of soft-RoCE: rxe0";
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    for (size_t runs = RUNS - 2; runs <= RUNS; runs++) {
        struct rg_past past = past_of_soft_runs(&f, RUNS - 3, RUNS - 1, runs);
        struct rg_trend trend;
        struct rg_error err;
        assert_int_equal(rg_judge_trend(&past, 1, SIZE_MAX, &trend, &err), 0);
        size_t after = runs - (RUNS - 2); /* the first night on soft-RoCE, the second, and one on hardware again */
        assert_int_equal(trend.missing_series, after == 0 ? 108 : 0);
        assert_int_equal(trend.gone_series, after == 1 ? 108 : 0);
        assert_int_equal(trend.earlier, after == 1 ? RUNS - 3 : RUNS - 4);
        if (after < 2)
            assert_string_equal(after == 0 ? trend.missing.at[0].sentence : trend.gone.at[0].sentence, told);
        rg_trend_close(&trend);
        free(past.series);
        free(past.values);
    }
    close_fleet(&f);
}

static void what_two_runs_lack_is_gone_for_longer(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    assert_int_equal(trend_of(&f)->gone_series, 0);
    drop(&f, NULL, 3, -1, NULL);
    for (size_t s = 0; s < f.past.series_count; s++)
        if (isnan(f.past.values[s * RUNS + RUNS - 1]))
            f.past.values[s * RUNS + RUNS - 2] = f.past.values[s * RUNS + RUNS - 3] = NAN;
    assert_int_equal(trend_of(&f)->missing_series, 0);
    assert_int_equal(f.trend.gone_series, 13);
    assert_int_equal(f.trend.gone_run, RUNS - 4);
    assert_int_equal(f.trend.gone.count, 1);
    assert_string_equal(f.trend.gone.at[0].sentence, "all of n03: 13 series");
    close_fleet(&f);
}

/* Of a young history, and of series that began late, no change could be told whatever they showed. */
static void series_too_short_to_tell_of_are_counted(void **state)
{
    struct fleet f;
    (void)state;
    make_fleet(&f, 8, 4);
    assert_int_equal(trend_of(&f)->short_series, 0);
    assert_int_equal(f.trend.last_series, f.past.series_count);
    size_t least = f.trend.least_runs;
    assert_true(least > 10 && least < 20);
    for (size_t s = 0; s < 3; s++)
        for (size_t r = 0; r < RUNS - least + (s > 0); r++)
            f.past.values[s * RUNS + r] = NAN;
    assert_int_equal(trend_of(&f)->short_series, 2);
    close_fleet(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_quiet_fleet_nothing_is_told),
        cmocka_unit_test(a_nic_is_named_with_its_side),
        cmocka_unit_test(what_the_fleet_moves_together_goes_with_its_parts_or_is_told_alone),
        cmocka_unit_test(victims_of_a_load_are_told_by_rail_or_all_at_once),
        cmocka_unit_test(what_the_last_run_did_not_measure_is_told_by_its_widest_part),
        cmocka_unit_test(a_side_that_is_no_longer_measured_is_a_gap_but_of_a_latency_which_either_end_begins),
        cmocka_unit_test(runs_of_another_suite_or_another_single_test_are_none_to_miss_anything_of),
        cmocka_unit_test(what_the_last_good_run_has_is_missing_as_long_as_runs_measure_nothing),
        cmocka_unit_test(a_run_that_was_not_on_hardware_lacks_all_that_those_before_measured),
        cmocka_unit_test(what_two_runs_lack_is_gone_for_longer),
        cmocka_unit_test(series_too_short_to_tell_of_are_counted),
        cmocka_unit_test(a_rail_of_64_nodes_is_told_once_with_what_ails_its_collective),
        cmocka_unit_test(a_node_is_told_once_for_all_its_rails_and_its_sum),
        cmocka_unit_test(the_whole_fleet_is_told_once),
        cmocka_unit_test(a_latency_that_rises_is_worse_and_one_that_falls_is_better),
        cmocka_unit_test(two_things_at_once_are_two_findings),
        cmocka_unit_test(what_a_partner_loses_by_it_is_no_second_finding),
        cmocka_unit_test(a_second_fault_soon_after_is_a_finding_of_its_own),
        cmocka_unit_test(a_collective_alone_is_told_as_such),
        cmocka_unit_test(collectives_are_told_by_what_stands_out_and_else_as_a_whole),
        cmocka_unit_test(a_pair_that_has_no_others_beside_it_is_no_fault_of_one_node),
        cmocka_unit_test(a_test_is_named_that_many_show_and_stays_the_same),
        cmocka_unit_test(what_is_new_since_the_last_run_is_told_first_and_later_is_old),
        cmocka_unit_test(what_is_new_depends_on_the_runs_that_were_seen),
        cmocka_unit_test(a_regression_stands_until_it_is_made_good),
        cmocka_unit_test(what_differed_from_the_run_before_is_told),
        cmocka_unit_test(of_tests_of_one_name_only_settings_of_the_finding_s_own_are_told),
        cmocka_unit_test(what_also_differed_where_nothing_changed_is_told_with_it),
        cmocka_unit_test(runs_that_are_missing_do_not_matter),
    };
    return cmocka_run_group_tests_name("trend", tests, NULL, NULL);
}
