/* What runs in timed loops over TCP. A bandwidth test's bytes are moved by threads, one a connection and direction,
 * that know nothing but their blocks; the rank's own thread looks at what was acknowledged and what arrived. A
 * ping-pong has no threads but its own: it polls. */
#include "net/tcp.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define UNLIMITED (INT64_MAX / 2)
#define SEND_MOST_BYTES 524288u    /* with one call: what was accepted is known no finer */
#define RECEIVE_MOST_BYTES 524288u /* with one call, over several messages */
#define PIECES 64
#define NAP_NS 100000u /* where nothing has moved; the processor is the threads' */
#define STACK_BYTES 262144u

/* --- failures --- */

/* The first failure of any thread is the endpoint's. */
static void fail_stream(struct rg_tcp_stream *stream, const char *step, int error)
{
    struct rg_tcp *tcp = stream->tcp;
    if (atomic_exchange(&tcp->failing, true))
        return;
    tcp->failed_step = step;
    tcp->failed_stream = stream->number;
    atomic_store(&tcp->failed_errno, error ? error : EIO);
}

static bool has_failed(struct rg_tcp *tcp)
{
    return atomic_load_explicit(&tcp->failed_errno, memory_order_acquire) != 0;
}

/* --- sending --- */

static inline bool take(struct rg_tcp *tcp)
{
    return atomic_fetch_sub_explicit(&tcp->pool, 1, memory_order_relaxed) > 0;
}

static bool send_message(struct rg_tcp_stream *stream, uint64_t *offset)
{
    const struct rg_tcp *tcp = stream->tcp;
    const char *at = tcp->source + *offset;
    uint64_t left = tcp->config.message_bytes;
    while (left > 0) {
        ssize_t sent = send(stream->fd, at, left < SEND_MOST_BYTES ? left : SEND_MOST_BYTES, MSG_NOSIGNAL);
        if (__builtin_expect(sent < 0, 0)) {
            if (errno == EINTR)
                continue;
            fail_stream(stream, "send", errno);
            return false;
        }
        at += sent;
        left -= (uint64_t)sent;
        atomic_fetch_add_explicit(&stream->sent_bytes, (uint64_t)sent, memory_order_release);
    }
    *offset += stream->step;
    if (*offset >= stream->span)
        *offset = stream->first;
    return true;
}

/* Waits for another generation; false: there will be none. */
static bool rest(struct rg_tcp_stream *stream, uint64_t seen)
{
    struct rg_tcp *tcp = stream->tcp;
    pthread_mutex_lock(&tcp->lock);
    while (tcp->generation == seen && !tcp->closing) {
        atomic_store(&stream->resting, true);
        pthread_cond_wait(&tcp->changed, &tcp->lock);
    }
    bool more = !tcp->closing;
    pthread_mutex_unlock(&tcp->lock);
    return more;
}

static void *run_sender(void *context)
{
    struct rg_tcp_stream *stream = context;
    struct rg_tcp *tcp = stream->tcp;
    uint64_t offset = stream->first, seen;
    do {
        pthread_mutex_lock(&tcp->lock);
        seen = tcp->generation;
        bool ending = tcp->ending;
        pthread_mutex_unlock(&tcp->lock);
        while (take(tcp)) {
            atomic_fetch_add_explicit(&stream->begun, 1, memory_order_relaxed);
            if (!send_message(stream, &offset))
                return NULL;
        }
        if (ending) {
            atomic_store(&stream->ended, true);
            if (shutdown(stream->fd, SHUT_WR) != 0)
                fail_stream(stream, "end the connection", errno);
            atomic_store(&stream->resting, true);
            return NULL;
        }
    } while (rest(stream, seen));
    return NULL;
}

/* Lets senders see that something is new; none of them rests any more. The lock is held. */
static void wake_senders(struct rg_tcp *tcp)
{
    tcp->generation++;
    for (uint32_t q = 0; q < tcp->config.queue_pairs; q++)
        atomic_store(&tcp->streams[q].resting, false);
    pthread_cond_broadcast(&tcp->changed);
}

static int64_t post(struct rg_endpoint *endpoint, uint64_t most)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    if (tcp->unlimited)
        return 0;
    pthread_mutex_lock(&tcp->lock);
    tcp->unlimited = most > UNLIMITED;
    atomic_store(&tcp->pool, tcp->unlimited ? UNLIMITED : (int64_t)most);
    wake_senders(tcp);
    pthread_mutex_unlock(&tcp->lock);
    if (tcp->unlimited)
        return 0;
    endpoint->outstanding += most;
    return (int64_t)most;
}

/* Where there was no limit, each sender ends with the message that it has begun. */
static int finish(struct rg_endpoint *endpoint, bool last)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    pthread_mutex_lock(&tcp->lock);
    if (tcp->unlimited)
        atomic_store(&tcp->pool, 0);
    tcp->unlimited = false;
    tcp->ending |= last;
    endpoint->outstanding++; /* until the senders rest, nobody knows how many */
    wake_senders(tcp);
    pthread_mutex_unlock(&tcp->lock);
    return has_failed(tcp) ? -EIO : 0;
}

/* Bytes that the peer's TCP has acknowledged: as for a queue pair, they are in the peer's memory then. What is sent
 * while this looks counts as not yet acknowledged. */
static uint64_t look_at(struct rg_tcp_stream *stream)
{
    bool ended = atomic_load(&stream->ended); /* its end takes a byte of sequence numbers */
    uint64_t sent = atomic_load_explicit(&stream->sent_bytes, memory_order_acquire), acked = 0;
    int queued = 0;
    if (ioctl(stream->fd, SIOCOUTQ, &queued) != 0) {
        fail_stream(stream, "ask what was acknowledged", errno);
        return stream->acked_bytes;
    }
    uint64_t waiting = (uint64_t)(queued > 0 ? queued : 0);
    waiting -= ended && waiting > 0;
    acked = waiting < sent ? sent - waiting : 0;
    if (acked > stream->acked_bytes)
        stream->acked_bytes = acked;
    return stream->acked_bytes;
}

static int64_t reap(struct rg_endpoint *endpoint)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    uint64_t begun = 0, completed = 0;
    bool resting = true;
    for (uint32_t q = 0; q < tcp->config.queue_pairs; q++) {
        struct rg_tcp_stream *stream = &tcp->streams[q];
        resting &= atomic_load(&stream->resting);
        begun += atomic_load_explicit(&stream->begun, memory_order_relaxed);
        completed += look_at(stream) / tcp->config.message_bytes;
    }
    if (__builtin_expect(has_failed(tcp), 0))
        return -EIO;
    int64_t done = (int64_t)(completed - tcp->completed);
    tcp->completed = completed;
    endpoint->outstanding = begun - completed + !resting;
    if (done == 0 && endpoint->outstanding > 0)
        rg_clock_sleep_ns(NAP_NS);
    return done;
}

/* --- receiving --- */

/* Where the next bytes belong: what is left of the message under way, and those that follow it. */
static int lay_out(const struct rg_tcp_stream *stream, uint64_t offset, uint64_t within, struct iovec pieces[PIECES])
{
    const struct rg_tcp *tcp = stream->tcp;
    uint64_t room = RECEIVE_MOST_BYTES;
    int count = 0;
    while (count < PIECES && room > 0) {
        uint64_t left = tcp->config.message_bytes - within;
        pieces[count].iov_base = tcp->target + offset + within;
        pieces[count++].iov_len = left < room ? left : room;
        room -= left < room ? left : room;
        within = 0;
        offset += stream->step;
        if (offset >= stream->span)
            offset = stream->first;
    }
    return count;
}

static void *run_receiver(void *context)
{
    struct rg_tcp_stream *stream = context;
    const uint64_t bytes = stream->tcp->config.message_bytes;
    uint64_t offset = stream->first, within = 0;
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces};
    for (;;) {
        message.msg_iovlen = (size_t)lay_out(stream, offset, within, pieces);
        ssize_t got = recvmsg(stream->fd, &message, 0);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            if (got < 0 || within > 0)
                fail_stream(stream, "receive", got < 0 ? errno : ECONNRESET); /* nobody ends within a message */
            atomic_store(&stream->peer_ended, true);
            return NULL;
        }
        if (got < 0)
            continue;
        for (within += (uint64_t)got; within >= bytes; within -= bytes) {
            offset += stream->step;
            if (offset >= stream->span)
                offset = stream->first;
        }
        atomic_fetch_add_explicit(&stream->received_bytes, (uint64_t)got, memory_order_relaxed);
    }
}

static int64_t receive(struct rg_endpoint *endpoint)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    uint64_t arrived = 0;
    uint32_t finished = 0;
    for (uint32_t q = 0; q < tcp->config.queue_pairs; q++) {
        struct rg_tcp_stream *stream = &tcp->streams[q];
        finished += atomic_load(&stream->peer_ended);
        arrived += atomic_load_explicit(&stream->received_bytes, memory_order_relaxed) / tcp->config.message_bytes;
    }
    if (__builtin_expect(has_failed(tcp), 0))
        return -EIO;
    int64_t more = (int64_t)(arrived - tcp->arrived);
    tcp->arrived = arrived;
    endpoint->peers_finished = finished;
    if (more == 0 && finished < tcp->config.queue_pairs)
        rg_clock_sleep_ns(NAP_NS);
    return more;
}

/* --- ping-pong: one connection, no threads --- */

static int64_t post_ping(struct rg_endpoint *endpoint, uint64_t most)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    struct rg_tcp_stream *stream = &tcp->streams[0];
    uint64_t left = tcp->config.message_bytes;
    const char *at = tcp->source;
    (void)most;
    while (left > 0) {
        ssize_t sent = send(stream->fd, at, left, MSG_NOSIGNAL); /* the peer only receives meanwhile */
        if (__builtin_expect(sent < 0, 0)) {
            if (errno == EINTR)
                continue;
            fail_stream(stream, "send", errno == EAGAIN ? ETIMEDOUT : errno);
            return -EIO;
        }
        at += sent;
        left -= (uint64_t)sent;
    }
    atomic_fetch_add_explicit(&stream->begun, 1, memory_order_relaxed);
    return 1;
}

/* Nothing is waited for: the answer tells that the message has arrived. */
static int64_t reap_ping(struct rg_endpoint *endpoint)
{
    return has_failed(rg_tcp_of(endpoint)) ? -EIO : 0;
}

static int64_t receive_ping(struct rg_endpoint *endpoint)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    struct rg_tcp_stream *stream = &tcp->streams[0];
    ssize_t got = recv(stream->fd, tcp->target + stream->got, tcp->config.message_bytes - stream->got, MSG_DONTWAIT);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        fail_stream(stream, "receive", errno);
        return -EIO;
    }
    if (got == 0 && stream->got > 0) {
        fail_stream(stream, "receive", ECONNRESET);
        return -EIO;
    }
    endpoint->peers_finished += got == 0 && endpoint->peers_finished == 0;
    stream->got += (uint64_t)got;
    if (stream->got < tcp->config.message_bytes)
        return 0;
    stream->got = 0;
    return 1;
}

static int finish_ping(struct rg_endpoint *endpoint, bool last)
{
    struct rg_tcp_stream *stream = &rg_tcp_of(endpoint)->streams[0];
    if (last && shutdown(stream->fd, SHUT_WR) != 0) {
        fail_stream(stream, "end the connection", errno);
        return -EIO;
    }
    return 0;
}

struct rg_endpoint_ops rg_tcp_choose_ops(const struct rg_tcp *tcp)
{
    if (tcp->config.ping_pong)
        return (struct rg_endpoint_ops){post_ping, reap_ping, receive_ping, finish_ping};
    return (struct rg_endpoint_ops){post, reap, receive, finish};
}

/* --- the threads --- */

int rg_tcp_start(struct rg_tcp *tcp)
{
    pthread_attr_t attributes;
    int error = tcp->config.ping_pong ? 0 : pthread_attr_init(&attributes);
    if (tcp->config.ping_pong || error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (uint32_t q = 0; error == 0 && q < tcp->config.queue_pairs; q++) {
        struct rg_tcp_stream *stream = &tcp->streams[q];
        error = pthread_create(&stream->sender, &attributes, run_sender, stream);
        stream->threads += error == 0;
        if (error == 0)
            error = pthread_create(&stream->receiver, &attributes, run_receiver, stream);
        stream->threads += error == 0;
    }
    pthread_attr_destroy(&attributes);
    return error;
}

void rg_tcp_stop(struct rg_tcp *tcp)
{
    pthread_mutex_lock(&tcp->lock);
    tcp->closing = true;
    atomic_store(&tcp->pool, 0);
    pthread_cond_broadcast(&tcp->changed);
    pthread_mutex_unlock(&tcp->lock);
    for (uint32_t q = 0; q < tcp->config.queue_pairs; q++) {
        struct rg_tcp_stream *stream = &tcp->streams[q];
        if (stream->fd >= 0)
            shutdown(stream->fd, SHUT_RDWR); /* ends what a thread waits for */
        if (stream->threads > 0)
            pthread_join(stream->sender, NULL);
        if (stream->threads > 1)
            pthread_join(stream->receiver, NULL);
        stream->threads = 0;
    }
}
