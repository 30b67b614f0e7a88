#include "test/latency.h"

#include "base/clock.h"
#include <errno.h>
#include <sched.h>

#define LAST_BYTE 255
#define TAGS                                                                                                           \
    254 /* successive messages carry 1, 2, ... 254, 1, ... in their last byte; the buffer holds 0 before the first */

/* After many empty polls: lets others run, and sees that neither the queue pair has failed nor the time is up. */
static int pause_polling(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    sched_yield();
    if (rg_endpoint_reap(endpoint) < 0)
        return -EIO;
    return rg_clock_now_ns() > pings->give_up_ns ? -ETIMEDOUT : 0;
}

#define LOOKS_A_POLL 64 /* looks at a byte that take about as long as a poll for completions */

/* Waits for a byte to become `tag`, or LAST_BYTE; which of them came, or negative. */
static int await_byte(struct rg_endpoint *endpoint, const struct rg_pings *pings, int tag)
{
    for (uint32_t left = pings->idle_polls * LOOKS_A_POLL;; left--) {
        int seen = *pings->arriving_byte;
        if (seen == tag || seen == LAST_BYTE)
            return seen;
        if (__builtin_expect(left > 0, 1))
            continue;
        int code = pause_polling(endpoint, pings);
        if (code < 0)
            return code;
        left = pings->idle_polls * LOOKS_A_POLL;
    }
}

/* Waits for a message, or for the peer's word that it was the last; 1, 0 or negative. */
static int await_message(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    for (uint32_t left = pings->idle_polls;; left--) {
        int64_t arrived = rg_endpoint_receive(endpoint);
        if (arrived != 0)
            return arrived > 0 ? 1 : -EIO;
        if (endpoint->peers_finished > 0)
            return 0;
        if (__builtin_expect(left > 0, 1))
            continue;
        int code = pause_polling(endpoint, pings);
        if (code < 0)
            return code;
        left = pings->idle_polls;
    }
}

/* Waits until no message of ours is outstanding. */
static int await_completion(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    for (uint32_t left = pings->idle_polls; endpoint->outstanding > 0; left--) {
        if (rg_endpoint_reap(endpoint) < 0)
            return -EIO;
        if (__builtin_expect(left > 0, 1))
            continue;
        int code = pause_polling(endpoint, pings);
        if (code < 0)
            return code;
        left = pings->idle_polls;
    }
    return 0;
}

/* Posts one message as soon as there is room. */
static inline __attribute__((always_inline)) int send_one(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    int64_t posted = rg_endpoint_post(endpoint, 1);
    if (__builtin_expect(posted == 1, 1))
        return 0;
    if (posted < 0)
        return -EIO;
    int code = await_completion(endpoint, pings);
    return code == 0 && rg_endpoint_post(endpoint, 1) != 1 ? -EIO : code;
}

static inline __attribute__((always_inline)) int ping_once(
    struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings, uint64_t number)
{
    int tag = (int)(number % TAGS) + 1;
    if (arrival == RG_ARRIVAL_BYTE)
        *pings->departing_byte = (uint8_t)tag;
    int code = send_one(endpoint, pings);
    if (__builtin_expect(code < 0, 0))
        return code;
    if (arrival == RG_ARRIVAL_COMPLETION)
        return await_completion(endpoint, pings);
    if (rg_endpoint_reap(endpoint) < 0) /* of earlier messages, while this one is on its way */
        return -EIO;
    return arrival == RG_ARRIVAL_BYTE ? await_byte(endpoint, pings, tag) : await_message(endpoint, pings);
}

static inline __attribute__((always_inline)) int initiate_as(struct rg_endpoint *endpoint, const struct rg_pings *pings,
    struct rg_samples *samples, enum rg_arrival arrival, bool timed)
{
    uint64_t before_ns = rg_clock_now_ns(), number = 0;
    uint64_t total = timed ? UINT64_MAX : pings->warmup_messages + pings->messages;
    while (number < total && samples->count < samples->room) {
        int code = ping_once(endpoint, arrival, pings, number++);
        if (__builtin_expect(code < 0, 0))
            return code;
        uint64_t now_ns = rg_clock_now_ns();
        if (timed ? before_ns >= pings->begin_ns : number > pings->warmup_messages) {
            if (samples->count == 0)
                samples->first_ns = before_ns;
            samples->ns[samples->count++] = now_ns - before_ns;
            samples->last_ns = now_ns;
        }
        if (timed && now_ns >= pings->end_ns)
            return 0;
        if (now_ns > pings->give_up_ns)
            return -ETIME;
        before_ns = now_ns;
    }
    return timed ? -ENOSPC : 0;
}

/* Tells the server that it was all. */
static int end_pings(struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings)
{
    int code = 0;
    if (arrival == RG_ARRIVAL_BYTE) {
        *pings->departing_byte = LAST_BYTE;
        code = send_one(endpoint, pings);
    }
    if (code == 0 && rg_endpoint_finish(endpoint, true) < 0)
        code = -EIO;
    return code == 0 ? await_completion(endpoint, pings) : code;
}

#define INITIATE(name, arrival, timed)                                                                                 \
    static int name(struct rg_endpoint *endpoint, const struct rg_pings *pings, struct rg_samples *samples)            \
    {                                                                                                                  \
        return initiate_as(endpoint, pings, samples, arrival, timed);                                                  \
    }

INITIATE(completion_timed, RG_ARRIVAL_COMPLETION, true)
INITIATE(completion_counted, RG_ARRIVAL_COMPLETION, false)
INITIATE(message_timed, RG_ARRIVAL_MESSAGE, true)
INITIATE(message_counted, RG_ARRIVAL_MESSAGE, false)
INITIATE(byte_timed, RG_ARRIVAL_BYTE, true)
INITIATE(byte_counted, RG_ARRIVAL_BYTE, false)

int rg_latency_initiate(
    struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings, struct rg_samples *samples)
{
    static int (*const loops[3][2])(struct rg_endpoint *, const struct rg_pings *, struct rg_samples *) = {
        [RG_ARRIVAL_COMPLETION] = {completion_timed, completion_counted},
        [RG_ARRIVAL_MESSAGE] = {message_timed, message_counted},
        [RG_ARRIVAL_BYTE] = {byte_timed, byte_counted},
    };
    samples->count = 0;
    rg_clock_wait_until(pings->start_ns);
    if (pings->messages == 0 && rg_clock_missed(pings->begin_ns, pings->end_ns))
        return -EAGAIN;
    int code = loops[arrival][pings->messages > 0](endpoint, pings, samples);
    return code == 0 ? end_pings(endpoint, arrival, pings) : code;
}

static int serve_messages(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    for (;;) {
        int more = await_message(endpoint, pings);
        if (more <= 0)
            return more;
        int code = send_one(endpoint, pings);
        if (code < 0 || rg_endpoint_reap(endpoint) < 0)
            return code < 0 ? code : -EIO;
    }
}

static int serve_bytes(struct rg_endpoint *endpoint, const struct rg_pings *pings)
{
    for (uint64_t number = 0;; number++) {
        int tag = (int)(number % TAGS) + 1;
        int seen = await_byte(endpoint, pings, tag);
        if (seen < 0 || seen == LAST_BYTE)
            return seen < 0 ? seen : 0;
        *pings->departing_byte = (uint8_t)tag;
        int code = send_one(endpoint, pings);
        if (code < 0 || rg_endpoint_reap(endpoint) < 0)
            return code < 0 ? code : -EIO;
    }
}

int rg_latency_serve(struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings)
{
    if (arrival == RG_ARRIVAL_COMPLETION)
        return 0;
    return arrival == RG_ARRIVAL_MESSAGE ? serve_messages(endpoint, pings) : serve_bytes(endpoint, pings);
}
