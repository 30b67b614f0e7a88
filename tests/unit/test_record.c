/* test/record: from what a loop left to a measurement; numbers worked out by hand. */
#include "helpers.h"

#include "test/record.h"

#include <math.h>
#include <string.h>

#define MS 1000000ull
#define START (77 * 1000 * MS)

struct recorded {
    struct rg_measurement m;
    struct rg_record_texts texts;
};

static int setup(void **state)
{
    static struct recorded recorded;
    rg_measurement_clear(&recorded.m);
    *state = &recorded;
    return 0;
}

static int teardown(void **state)
{
    rg_measurement_close(&((struct recorded *)*state)->m);
    return 0;
}

/* Messages of 125000 bytes are a million bits each. */
static void bandwidth_is_what_completed_within_the_window(void **state)
{
    struct recorded *r = *state;
    uint64_t at[] = {START + 500 * MS, START + 1000 * MS, START + 1500 * MS, START + 2000 * MS, START + 2500 * MS};
    double messages[] = {1000, 1500, 2000, 2600, 3000}; /* the first 1000 are warm-up */
    struct rg_marks marks = {5, 100, at, messages};
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    const struct rg_bandwidth *b = &r->m.bandwidth;
    assert_string_equal(r->m.status, "ok");
    assert_null(r->m.reason);
    assert_true(r->m.has_window && r->m.has_bandwidth);
    assert_near(r->m.window.start_s, 0.5);
    assert_near(r->m.window.duration_s, 2);
    assert_int_equal(b->messages, 2000);
    assert_int_equal(b->bytes, 250000000);
    assert_near(b->bandwidth_gbps, 1);
    assert_near(b->message_rate_per_s, 1000);
    const double end_s[] = {1, 1.5, 2, 2.5}, gbps[] = {1, 1, 1.2, 0.8};
    assert_int_equal(b->subwindows.end_s.count, 4);
    assert_int_equal(b->subwindows.gbps.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_near(b->subwindows.end_s.values[i], end_s[i]);
        assert_near(b->subwindows.gbps.values[i], gbps[i]); /* in the order of time */
    }
    assert_near(b->subwindows.median_gbps, 1);
    assert_near(b->subwindows.min_gbps, 0.8);
    assert_near(b->subwindows.p5_gbps, 0.83);      /* place 0.15 between 0.8 and 1 */
    assert_near(b->subwindows.ci95_low_gbps, NAN); /* too few parts */
}

static void parts_of_uneven_length_have_rates_of_their_own(void **state)
{
    struct recorded *r = *state;
    uint64_t at[] = {START, START + 100 * MS, START + 300 * MS, START + 400 * MS, START + 500 * MS, START + 600 * MS,
        START + 700 * MS};
    double messages[] = {0, 100, 200, 200, 300, 400, 500};
    struct rg_marks marks = {7, 100, at, messages};
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    const struct rg_subwindows *parts = &r->m.bandwidth.subwindows;
    assert_near(parts->gbps.values[0], 1);
    assert_near(parts->gbps.values[1], 0.5);
    assert_near(parts->gbps.values[2], 0); /* it stood still */
    assert_near(parts->min_gbps, 0);
    assert_near(parts->median_gbps, 1);
    assert_near(parts->ci95_low_gbps, 0); /* 6 parts: the whole range */
    assert_near(parts->ci95_high_gbps, 1);
    assert_near(r->m.bandwidth.bandwidth_gbps, 5.0 / 7); /* 500 Mb in 0.7 s */
}

/* The share of one before or after is not enough. */
static void a_window_in_which_nothing_completed_fails(void **state)
{
    struct recorded *r = *state;
    uint64_t at[] = {START + 500 * MS, START + 2500 * MS};
    double messages[] = {3, 15.8};
    struct rg_marks marks = {2, 0, at, messages};
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    assert_string_equal(r->m.status, "failed");
    assert_has(r->m.reason, "no message was completed within the window");
    assert_false(r->m.has_bandwidth);
    assert_near(r->m.window.duration_s, 2);
}

static void parts_that_share_completions_have_no_interval(void **state)
{
    struct recorded *r = *state;
    uint64_t at[8];
    double messages[8];
    for (uint64_t i = 0; i < 8; i++) {
        at[i] = START + 100 * i * MS;
        messages[i] = 10.0 * (double)i;
    }
    struct rg_marks marks = {8, 6, at, messages};
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    assert_string_equal(r->m.status, "ok");
    assert_near(r->m.bandwidth.subwindows.median_gbps, 0.1);
    assert_near(r->m.bandwidth.subwindows.ci95_low_gbps, NAN);
    assert_near(r->m.bandwidth.subwindows.ci95_high_gbps, NAN);
    marks.seen = 7;
    rg_measurement_close(&r->m);
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    assert_near(r->m.bandwidth.subwindows.ci95_low_gbps, 0.1);
}

static void a_window_that_never_closed_fails(void **state)
{
    struct recorded *r = *state;
    uint64_t at[] = {START + 500 * MS};
    double messages[] = {3};
    struct rg_marks marks = {1, 0, at, messages};
    rg_record_bandwidth(&marks, START, 125000, &r->m, &r->texts);
    assert_string_equal(r->m.status, "failed");
    assert_false(r->m.has_bandwidth);
}

static uint64_t round_trips_ns[] = {4000, 2000, 3000, 9000, 2500};

static struct rg_samples some_samples(void)
{
    return (struct rg_samples){
        .ns = round_trips_ns, .count = 5, .room = 5, .first_ns = START + 250 * MS, .last_ns = START + 350 * MS};
}

static void latency_of_a_ping_pong_is_half_the_round_trip(void **state)
{
    struct recorded *r = *state;
    struct rg_samples samples = some_samples();
    r->m.test = "rdma_write_lat";
    rg_record_latency(&samples, START, false, &r->m, &r->texts);
    const struct rg_latency *l = &r->m.latency; /* 2 1 1.5 4.5 1.25 */
    assert_string_equal(l->method, "half_round_trip");
    assert_string_equal(l->arrival, "last_byte");
    assert_string_equal(r->m.status, "ok");
    assert_true(r->m.has_latency && r->m.has_window);
    assert_near(r->m.window.start_s, 0.25);
    assert_near(r->m.window.duration_s, 0.1);
    assert_int_equal(l->samples, 5);
    assert_near(l->min_us, 1);
    assert_near(l->p50_us, 1.5);
    assert_near(l->p90_us, 3.5); /* place 3.6: 2 + 0.6 * 2.5 */
    assert_near(l->p99_us, 4.4); /* place 3.96 */
    assert_near(l->p99_9_us, 4.49);
    assert_near(l->max_us, 4.5);
    assert_near(l->mean_us, 2.05);
    assert_near(l->stddev_us, sqrt(8.05 / 4)); /* 0.0025 + 1.1025 + 0.3025 + 6.0025 + 0.64 */
    assert_near(l->ci95_low_us, NAN);
    assert_null(l->samples_us.values);
}

static void latency_of_a_read_is_the_whole_round_trip(void **state)
{
    struct recorded *r = *state;
    struct rg_samples samples = some_samples();
    r->m.test = "rdma_read_lat";
    rg_record_latency(&samples, START, false, &r->m, &r->texts);
    assert_string_equal(r->m.latency.method, "round_trip");
    assert_string_equal(r->m.latency.arrival, "send_completion");
    assert_near(r->m.latency.min_us, 2);
    assert_near(r->m.latency.max_us, 9);
    assert_near(r->m.latency.mean_us, 4.1);
}

static void samples_are_kept_in_the_order_they_came_in(void **state)
{
    const double expected[] = {2, 1, 1.5, 4.5, 1.25};
    struct recorded *r = *state;
    struct rg_samples samples = some_samples();
    r->m.test = "rdma_write_lat";
    rg_record_latency(&samples, START, true, &r->m, &r->texts);
    assert_int_equal(r->m.latency.samples_us.count, 5);
    for (int i = 0; i < 5; i++)
        assert_near(r->m.latency.samples_us.values[i], expected[i]);
    assert_int_equal(round_trips_ns[1], 2000); /* what the loop left is as it was */
}

static void a_latency_window_with_no_sample_fails(void **state)
{
    struct recorded *r = *state;
    struct rg_samples samples = some_samples();
    samples.count = 0;
    r->m.test = "rdma_write_lat";
    rg_record_latency(&samples, START, true, &r->m, &r->texts);
    assert_string_equal(r->m.status, "failed");
    assert_has(r->m.reason, "no round trip ended within the window");
    assert_false(r->m.has_latency);
}

static struct rg_rank_facts a_place(void)
{
    struct rg_rank_facts facts;
    rg_rank_facts_clear(&facts);
    facts.node.node = "node-b";
    facts.rail.rail = 5;
    facts.rail.rank = 13;
    return facts;
}

static void a_mismatch_fails_with_what_was_expected_and_got(void **state)
{
    struct recorded *r = *state;
    struct rg_rank_facts at = a_place();
    struct rg_mismatch found = {.words_checked = 8192,
        .mismatches = 3,
        .first_offset_bytes = 4096,
        .expected = 0x9e3779b97f4a7c15,
        .got = 0x15};
    r->m.status = "ok";
    rg_record_integrity(&found, true, &at, &r->m, &r->texts);
    const struct rg_integrity *i = &r->m.integrity;
    assert_string_equal(r->m.status, "failed");
    assert_string_equal(i->status, "mismatch");
    assert_int_equal(i->words_checked, 8192);
    assert_int_equal(i->mismatches, 3);
    assert_true(i->has_first);
    assert_string_equal(i->first.node, "node-b");
    assert_int_equal(i->first.rail, 5);
    assert_int_equal(i->first.rank, 13);
    assert_int_equal(i->first.offset_bytes, 4096);
    assert_string_equal(i->first.expected, "0x9e3779b97f4a7c15");
    assert_string_equal(i->first.got, "0x0000000000000015");
    static const char *const said[] = {
        "rank 13", "node-b", "rail 5", "3 of 8192 words", "offset 4096", "0x9e3779b97f4a7c15", "0x0000000000000015"};
    for (size_t word = 0; word < COUNT_OF(said); word++)
        assert_has(r->m.reason, said[word]);
}

static void data_that_arrived_intact_leave_the_status_alone(void **state)
{
    struct recorded *r = *state;
    struct rg_rank_facts at = a_place();
    struct rg_mismatch found = {.words_checked = 8192};
    r->m.status = "ok";
    rg_record_integrity(&found, true, &at, &r->m, &r->texts);
    assert_string_equal(r->m.status, "ok");
    assert_null(r->m.reason);
    assert_string_equal(r->m.integrity.status, "ok");
    assert_null(r->m.integrity.reason);
    assert_int_equal(r->m.integrity.words_checked, 8192);
    assert_false(r->m.integrity.has_first);
}

static void data_that_were_not_checked_say_so(void **state)
{
    struct recorded *r = *state;
    struct rg_rank_facts at = a_place();
    struct rg_mismatch found = {0};
    r->m.status = "ok";
    rg_record_integrity(&found, false, &at, &r->m, &r->texts);
    assert_string_equal(r->m.status, "ok");
    assert_string_equal(r->m.integrity.status, "not_run");
    assert_non_null(r->m.integrity.reason);
}

#define RECORDED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RECORDED(bandwidth_is_what_completed_within_the_window),
        RECORDED(parts_of_uneven_length_have_rates_of_their_own),
        RECORDED(a_window_in_which_nothing_completed_fails),
        RECORDED(parts_that_share_completions_have_no_interval),
        RECORDED(a_window_that_never_closed_fails),
        RECORDED(latency_of_a_ping_pong_is_half_the_round_trip),
        RECORDED(latency_of_a_read_is_the_whole_round_trip),
        RECORDED(samples_are_kept_in_the_order_they_came_in),
        RECORDED(a_latency_window_with_no_sample_fails),
        RECORDED(a_mismatch_fails_with_what_was_expected_and_got),
        RECORDED(data_that_arrived_intact_leave_the_status_alone),
        RECORDED(data_that_were_not_checked_say_so),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
