/* test/bandwidth: where the parts of a window end, on a clock of the test's own. */
#include "helpers.h"

#include "base/clock.h"
#include "test/bandwidth.h"

#include <errno.h>

#define MS 1000000ull
#define SHARES 5

/* Each look at the clock takes 10 us. The program's own definition goes before the C library's. */
static uint64_t now_ns;

int clock_gettime(clockid_t clock, struct timespec *out)
{
    (void)clock;
    now_ns += 10000;
    *out = (struct timespec){.tv_sec = (time_t)(now_ns / RG_NS_PER_S), .tv_nsec = (long)(now_ns % RG_NS_PER_S)};
    return 0;
}

/* A peer that takes `each_ns` for a message, `batch` of which complete together, and that rests for a while. */
static struct {
    uint64_t each_ns, batch, rest_from_ns, rest_to_ns, seen;
} peer;

static int64_t post(struct rg_endpoint *endpoint, uint64_t most)
{
    (void)most;
    endpoint->outstanding = 1;
    return 1;
}

static int64_t reap(struct rg_endpoint *endpoint)
{
    uint64_t at = now_ns, rested = 0;
    if (at > peer.rest_from_ns)
        rested = (at < peer.rest_to_ns ? at : peer.rest_to_ns) - peer.rest_from_ns;
    uint64_t done = (at - rested) / peer.each_ns / peer.batch * peer.batch, more = done - peer.seen;
    peer.seen = done;
    endpoint->outstanding = 0;
    return (int64_t)more;
}

static int finish(struct rg_endpoint *endpoint, bool last)
{
    (void)last;
    endpoint->outstanding = 0;
    return 0;
}

/* The messages of each part, of a window from 100 ms to 200 ms; how often completions were seen in it. */
static uint64_t run(bool lanes, double parts[SHARES])
{
    struct rg_error err;
    struct rg_endpoint endpoint = {.ops = {.post = post, .reap = reap, .finish = finish}};
    struct rg_stream stream = {.begin_ns = 100 * MS,
        .end_ns = 200 * MS,
        .subwindows = SHARES,
        .last = true,
        .idle_polls = 4,
        .give_up_ns = 1000 * MS};
    struct rg_lane lane = {.endpoint = &endpoint, .initiates = true};
    now_ns = peer.seen = 0;
    assert_int_equal(rg_marks_open(&lane.marks, SHARES, &err), 0);
    if (lanes)
        rg_bandwidth_run_lanes(&lane, 1, &stream);
    else
        lane.code = rg_bandwidth_initiate(&endpoint, &stream, &lane.marks);
    assert_int_equal(lane.code, 0);
    assert_int_equal(lane.marks.count, SHARES + 1);
    for (int i = 0; i <= SHARES; i++)
        assert_int_equal(lane.marks.at_ns[i], (100 + 20 * (uint64_t)i) * MS);
    for (int i = 0; i < SHARES; i++)
        parts[i] = lane.marks.messages[i + 1] - lane.marks.messages[i];
    rg_marks_close(&lane.marks);
    return lane.marks.seen;
}

static void near(double got, double expected)
{
    if (got < expected * 0.98 - 0.001 || got > expected * 1.02 + 0.001)
        fail_msg("%g messages, not %g", got, expected);
}

static void a_message_that_spans_two_parts_is_shared_by_time(void **state)
{
    double parts[SHARES];
    (void)state;
    for (int lanes = 0; lanes < 2; lanes++) {
        peer = (__typeof__(peer)){.each_ns = 7 * MS, .batch = 1, .rest_from_ns = UINT64_MAX};
        assert_int_equal(run(lanes, parts), 14); /* the 15th to the 28th */
        for (int i = 0; i < SHARES; i++)
            near(parts[i], 20.0 / 7); /* and not 2 or 3 */
        peer = (__typeof__(peer)){.each_ns = 53 * MS, .batch = 1, .rest_from_ns = UINT64_MAX};
        assert_int_equal(run(lanes, parts), 2);
        for (int i = 0; i < SHARES; i++)
            near(parts[i], 20.0 / 53); /* longer than a part */
    }
}

static void messages_that_complete_together_are_shared_too(void **state)
{
    double parts[SHARES];
    (void)state;
    for (int lanes = 0; lanes < 2; lanes++) {
        peer = (__typeof__(peer)){.each_ns = 1 * MS, .batch = 16, .rest_from_ns = UINT64_MAX};
        run(lanes, parts);
        for (int i = 0; i < SHARES; i++)
            near(parts[i], 20);
    }
}

static void a_peer_that_rests_moves_nothing_meanwhile(void **state)
{
    double parts[SHARES];
    (void)state;
    for (int lanes = 0; lanes < 2; lanes++) {
        peer = (__typeof__(peer)){.each_ns = MS / 10, .batch = 1, .rest_from_ns = 120 * MS, .rest_to_ns = 160 * MS};
        run(lanes, parts);
        near(parts[0], 200);
        assert_true(parts[1] < 1 && parts[2] < 1);
        near(parts[3], 200);
        near(parts[4], 200);
        peer = (__typeof__(peer)){.each_ns = MS, .batch = 16, .rest_from_ns = 97 * MS, .rest_to_ns = 210 * MS};
        assert_int_equal(run(lanes, parts), 0); /* though some of the next batch is laid to each part */
    }
}

static void a_peer_that_never_comes_back_is_given_up(void **state)
{
    struct rg_error err;
    struct rg_endpoint endpoint = {.ops = {.post = post, .reap = reap, .finish = finish}};
    struct rg_stream stream = {
        .begin_ns = 10 * MS, .end_ns = 20 * MS, .subwindows = SHARES, .idle_polls = 4, .give_up_ns = 40 * MS};
    struct rg_marks marks;
    (void)state;
    now_ns = peer.seen = 0;
    peer = (__typeof__(peer)){.each_ns = MS, .batch = 1, .rest_from_ns = 15 * MS, .rest_to_ns = UINT64_MAX};
    assert_int_equal(rg_marks_open(&marks, SHARES, &err), 0);
    assert_int_equal(rg_bandwidth_initiate(&endpoint, &stream, &marks), -ETIMEDOUT);
    assert_int_equal(marks.count, 3); /* 10, 12 and 14 ms */
    rg_marks_close(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_spans_two_parts_is_shared_by_time),
        cmocka_unit_test(messages_that_complete_together_are_shared_too),
        cmocka_unit_test(a_peer_that_rests_moves_nothing_meanwhile),
        cmocka_unit_test(a_peer_that_never_comes_back_is_given_up),
    };
    return cmocka_run_group_tests_name("bandwidth", tests, NULL, NULL);
}
