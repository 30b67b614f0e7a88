#include "test/bandwidth.h"

#include "base/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

int rg_marks_open(struct rg_marks *out, uint64_t subwindows, struct rg_error *err)
{
    *out = (struct rg_marks){
        .at_ns = calloc(subwindows + 1, sizeof *out->at_ns), .messages = calloc(subwindows + 1, sizeof *out->messages)};
    return out->at_ns && out->messages ? 0 : rg_fail(err, -ENOMEM, "no memory for the results");
}

void rg_marks_close(struct rg_marks *marks)
{
    free(marks->at_ns);
    free(marks->messages);
}

static void mark(struct rg_marks *marks, const struct rg_progress *progress, uint64_t at_ns, double messages)
{
    marks->seen = progress->polls;
    marks->at_ns[marks->count] = at_ns;
    marks->messages[marks->count++] = messages;
}

/* Bounded by time: parts end at equal times. `done` messages more were seen now, the first since last_ns: what lies
 * before the end of a part is theirs by its share of the time between. Nothing else could tell of a message that takes
 * longer than a part. */
static inline __attribute__((always_inline)) void mark_time(
    const struct rg_stream *s, struct rg_marks *marks, struct rg_progress *p, uint64_t now_ns, uint64_t done)
{
    while (__builtin_expect(now_ns >= p->next, 0)) {
        double share = p->next > p->last_ns ? (double)(p->next - p->last_ns) / (double)(now_ns - p->last_ns) : 0;
        if (marks->count == 0)
            p->polls = 0;
        mark(marks, p, p->next, (double)p->completed + share * (double)done);
        p->next = marks->count > s->subwindows ? UINT64_MAX
                                               : s->begin_ns + (s->end_ns - s->begin_ns) * marks->count / s->subwindows;
    }
    p->completed += done;
    p->last_ns = now_ns;
    p->polls++;
}

/* Bounded by count: parts end at equal counts, each when its last message had been polled. */
static inline __attribute__((always_inline)) void mark_count(
    const struct rg_stream *s, struct rg_marks *marks, struct rg_progress *p, uint64_t done)
{
    p->completed += done;
    p->polls += done > 0;
    while (p->completed >= p->next) {
        mark(marks, p, rg_clock_now_ns(), (double)p->completed);
        p->next = marks->count > s->subwindows ? UINT64_MAX : s->messages * marks->count / s->subwindows;
    }
}

static inline __attribute__((always_inline)) struct rg_progress begin_progress(
    const struct rg_stream *s, struct rg_marks *marks, bool timed)
{
    struct rg_progress progress = {.last_ns = s->start_ns, .next = timed ? s->begin_ns : 0};
    if (!timed)
        mark_count(s, marks, &progress, 0);
    return progress;
}

static inline __attribute__((always_inline)) int stream_as(
    struct rg_endpoint *endpoint, const struct rg_stream *s, struct rg_marks *marks, bool timed, bool arriving)
{
    uint64_t unsent = timed ? UINT64_MAX : s->messages;
    struct rg_progress progress = begin_progress(s, marks, timed);
    uint32_t idle = 0;
    while (progress.next != UINT64_MAX) {
        if (timed || unsent > 0) {
            int64_t posted = rg_endpoint_post(endpoint, unsent);
            if (__builtin_expect(posted < 0, 0))
                return -EIO;
            if (!timed && (unsent -= (uint64_t)posted) == 0 && rg_endpoint_finish(endpoint, s->last) < 0)
                return -EIO;
        }
        int64_t done = rg_endpoint_reap(endpoint);
        if (__builtin_expect(done < 0, 0) || (arriving && rg_endpoint_receive(endpoint) < 0))
            return -EIO;
        if (done > 0 && timed)
            mark_time(s, marks, &progress, rg_clock_now_ns(), (uint64_t)done);
        else if (done > 0)
            mark_count(s, marks, &progress, (uint64_t)done);
        if (timed && done > 0)
            idle = 0;
        else if (++idle >= s->idle_polls) {
            uint64_t now_ns = rg_clock_now_ns();
            idle = 0;
            if (done == 0)
                sched_yield();
            if (now_ns > s->give_up_ns)
                return done > 0 ? -ETIME : -ETIMEDOUT;
        }
    }
    return timed && rg_endpoint_finish(endpoint, s->last) < 0 ? -EIO : 0;
}

static int stream_timed(struct rg_endpoint *endpoint, const struct rg_stream *s, struct rg_marks *marks)
{
    return stream_as(endpoint, s, marks, true, false);
}

static int stream_timed_arriving(struct rg_endpoint *endpoint, const struct rg_stream *s, struct rg_marks *marks)
{
    return stream_as(endpoint, s, marks, true, true);
}

static int stream_counted(struct rg_endpoint *endpoint, const struct rg_stream *s, struct rg_marks *marks)
{
    return stream_as(endpoint, s, marks, false, false);
}

static int stream_counted_arriving(struct rg_endpoint *endpoint, const struct rg_stream *s, struct rg_marks *marks)
{
    return stream_as(endpoint, s, marks, false, true);
}

static int drain(struct rg_endpoint *endpoint, const struct rg_stream *s)
{
    for (uint32_t i = 0; endpoint->outstanding > 0 || endpoint->peers_finished < s->arrivals_from; i++) {
        if (rg_endpoint_reap(endpoint) < 0 || (s->arrivals_from > 0 && rg_endpoint_receive(endpoint) < 0))
            return -EIO;
        if (i % s->idle_polls != 0)
            continue;
        sched_yield();
        if (rg_clock_now_ns() > s->give_up_ns)
            return -ETIMEDOUT;
    }
    return 0;
}

int rg_bandwidth_initiate(struct rg_endpoint *endpoint, const struct rg_stream *stream, struct rg_marks *marks)
{
    static int (*const loops[2][2])(struct rg_endpoint *, const struct rg_stream *, struct rg_marks *) = {
        {stream_timed, stream_timed_arriving}, {stream_counted, stream_counted_arriving}};
    int (*loop)(struct rg_endpoint *, const struct rg_stream *, struct rg_marks *) =
        loops[stream->messages > 0][stream->arrivals_from > 0];
    int code = 0;
    rg_clock_wait_until(stream->start_ns);
    if (stream->messages == 0 && rg_clock_missed(stream->begin_ns, stream->end_ns))
        return -EAGAIN;
    if (stream->messages > 0 && stream->warmup_messages > 0) {
        struct rg_stream warmup = *stream;
        warmup.messages = stream->warmup_messages;
        warmup.subwindows = 1;
        warmup.last = false;
        marks->count = 0;
        code = loop(endpoint, &warmup, marks);
    }
    marks->count = 0;
    if (code == 0)
        code = loop(endpoint, stream, marks);
    return code == 0 ? drain(endpoint, stream) : code;
}

int rg_bandwidth_serve(struct rg_endpoint *endpoint, uint32_t queue_pairs, const struct rg_stream *stream)
{
    uint32_t idle = 0;
    while (endpoint->peers_finished < queue_pairs) {
        int64_t arrived = rg_endpoint_receive(endpoint);
        if (__builtin_expect(arrived < 0, 0))
            return -EIO;
        idle = arrived > 0 ? 0 : idle + 1;
        if (idle < stream->idle_polls)
            continue;
        idle = 0;
        sched_yield();
        if (rg_clock_now_ns() > stream->give_up_ns)
            return -ETIMEDOUT;
    }
    return 0;
}

/* --- several flows at once --- */

static void begin_lane(struct rg_lane *lane, const struct rg_stream *s)
{
    bool timed = s->messages == 0;
    lane->code = 0;
    lane->finished = !lane->initiates && lane->arrivals_from == 0;
    lane->unsent = timed ? UINT64_MAX : s->messages;
    lane->marks.count = 0;
    lane->progress.next = UINT64_MAX;
    if (lane->initiates)
        lane->progress = begin_progress(s, &lane->marks, timed);
}

/* Whether anything moved; negative: it failed. */
static int64_t drive_initiator(struct rg_lane *lane, const struct rg_stream *s, uint64_t now_ns)
{
    bool timed = s->messages == 0, counting = lane->progress.next != UINT64_MAX;
    if (counting && lane->unsent > 0) {
        int64_t posted = rg_endpoint_post(lane->endpoint, lane->unsent);
        if (posted < 0)
            return -EIO;
        lane->unsent -= timed ? 0 : (uint64_t)posted;
        if (lane->unsent == 0 && rg_endpoint_finish(lane->endpoint, s->last) < 0)
            return -EIO;
    }
    int64_t done = rg_endpoint_reap(lane->endpoint);
    if (done < 0)
        return -EIO;
    if (counting && timed && done > 0)
        mark_time(s, &lane->marks, &lane->progress, now_ns, (uint64_t)done);
    else if (counting && done > 0)
        mark_count(s, &lane->marks, &lane->progress, (uint64_t)done);
    if (counting && timed && lane->progress.next == UINT64_MAX && rg_endpoint_finish(lane->endpoint, s->last) < 0)
        return -EIO;
    return done;
}

static int64_t drive(struct rg_lane *lane, const struct rg_stream *s, uint64_t now_ns)
{
    int64_t moved = lane->initiates ? drive_initiator(lane, s, now_ns) : 0;
    if (moved >= 0 && lane->arrivals_from > 0) {
        int64_t received = rg_endpoint_receive(lane->endpoint);
        moved = received < 0 ? -EIO : moved + received;
    }
    bool sent = !lane->initiates || (lane->progress.next == UINT64_MAX && lane->endpoint->outstanding == 0);
    bool arrived = s->last && lane->endpoint->peers_finished >= lane->arrivals_from;
    lane->finished = moved < 0 || (sent && (arrived || (lane->initiates && !s->last)));
    if (moved < 0)
        lane->code = (int)moved;
    return moved;
}

static void run_lanes(struct rg_lane *lanes, size_t count, const struct rg_stream *s)
{
    uint32_t idle = 0;
    for (size_t i = 0; i < count; i++) {
        if (lanes[i].code == 0)
            begin_lane(&lanes[i], s);
        else
            lanes[i].finished = true;
    }
    for (;;) {
        uint64_t now_ns = rg_clock_now_ns();
        bool moved = false, open = false;
        for (size_t i = 0; i < count; i++) {
            if (!lanes[i].finished)
                moved |= drive(&lanes[i], s, now_ns) > 0;
            /* Arrivals end with the whole stream, not with its warm-up. */
            open |= !lanes[i].finished && (lanes[i].initiates || s->last);
        }
        if (!open)
            return;
        idle = moved ? 0 : idle + 1;
        if (idle >= s->idle_polls) {
            idle = 0;
            sched_yield();
        }
        for (size_t i = 0; now_ns > s->give_up_ns && i < count; i++)
            if (!lanes[i].finished) {
                lanes[i].code = moved ? -ETIME : -ETIMEDOUT;
                lanes[i].finished = true;
            }
    }
}

void rg_bandwidth_run_lanes(struct rg_lane *lanes, size_t count, const struct rg_stream *stream)
{
    rg_clock_wait_until(stream->start_ns);
    bool late = stream->messages == 0 && rg_clock_missed(stream->begin_ns, stream->end_ns);
    for (size_t i = 0; i < count; i++)
        lanes[i].code = late && lanes[i].initiates ? -EAGAIN : 0;
    if (stream->messages > 0 && stream->warmup_messages > 0) {
        struct rg_stream warmup = *stream;
        warmup.messages = stream->warmup_messages;
        warmup.subwindows = 1;
        warmup.last = false;
        run_lanes(lanes, count, &warmup);
    }
    run_lanes(lanes, count, stream);
}
