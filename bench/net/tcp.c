/* TCP connections as an endpoint: set-up and teardown. Both ends listen on their interface; the one with the smaller
 * token connects, once for each queue pair, and says whom it means. */
#include "net/tcp.h"

#include "base/clock.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO_S 2.0 /* a stranger who connects and says nothing costs no more */
#define TCP_HEADER 20u

/* What the end that connects says first on each connection. */
struct hello {
    uint64_t token; /* of the end that listens */
    uint32_t stream, reserved;
};
_Static_assert(sizeof(struct hello) == 16, "a wire structure");

/* --- addresses --- */

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *bytes)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *bytes = sizeof *four;
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    *bytes = sizeof *six;
    return inet_pton(AF_INET6, text, &six->sin6_addr) == 1;
}

static void write_gid(const struct sockaddr_storage *address, uint8_t gid[16])
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    memset(gid, 0, 16);
    if (address->ss_family == AF_INET6) {
        memcpy(gid, &six->sin6_addr, 16);
        return;
    }
    gid[10] = gid[11] = 0xff;
    memcpy(gid + 12, &four->sin_addr, 4);
}

static void read_gid(const uint8_t gid[16], uint16_t port, struct sockaddr_storage *out, socklen_t *bytes)
{
    char text[INET6_ADDRSTRLEN];
    bool mapped = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)gid);
    inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? gid + 12 : gid, text, sizeof text);
    parse_address(text, port, out, bytes);
}

/* The kernel's id of this boot, shortened; the same in every container of a machine. */
static uint64_t machine_id(void)
{
    char *text, hex[17];
    int digits = 0;
    if (rg_file_read("/proc/sys/kernel/random/boot_id", 256, &text, NULL, NULL) != 0)
        return 0;
    for (const char *at = text; *at != '\0' && digits < 16; at++)
        if (*at != '-')
            hex[digits++] = *at;
    hex[digits] = '\0';
    free(text);
    return strtoull(hex, NULL, 16);
}

/* --- opening and closing --- */

static int open_listener(struct rg_tcp *tcp, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct sockaddr *own = (struct sockaddr *)&tcp->own;
    if (!parse_address(tcp->config.address, 0, &tcp->own, &tcp->own_bytes))
        return rg_transport_failed(
            tcp->config.device, -EINVAL, "listen", "the interface's address cannot be read", fault, err);
    tcp->listener = socket(own->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp->listener < 0 || bind(tcp->listener, own, tcp->own_bytes) != 0 ||
        listen(tcp->listener, RG_QUEUE_PAIRS_MOST) != 0 || getsockname(tcp->listener, own, &tcp->own_bytes) != 0)
        return rg_transport_errno_failed(tcp->config.device, errno, "listen", fault, err);
    return 0;
}

static void make_stream(struct rg_tcp *tcp, uint32_t q)
{
    struct rg_tcp_stream *stream = &tcp->streams[q];
    const struct rg_layout *layout = &tcp->layout;
    stream->tcp = tcp;
    stream->number = q;
    stream->fd = -1;
    stream->first = q % layout->blocks * layout->stride_bytes;
    stream->step = layout->queue_pairs * layout->stride_bytes;
    stream->span = stream->first + layout->per_queue * stream->step;
    atomic_store(&stream->resting, true);
}

static void tcp_close(struct rg_endpoint *endpoint)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    if (tcp->streams != NULL)
        rg_tcp_stop(tcp);
    for (uint32_t q = 0; tcp->streams != NULL && q < tcp->config.queue_pairs; q++)
        if (tcp->streams[q].fd >= 0)
            close(tcp->streams[q].fd);
    if (tcp->listener >= 0)
        close(tcp->listener);
    pthread_cond_destroy(&tcp->changed);
    pthread_mutex_destroy(&tcp->lock);
    free(tcp->streams);
    free(tcp);
}

static int tcp_open(const struct rg_endpoint_config *config, struct rg_endpoint **out, struct rg_endpoint_fault *fault,
    struct rg_error *err)
{
    struct rg_tcp *tcp = aligned_alloc(64, sizeof *tcp);
    if (tcp == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    memset(tcp, 0, sizeof *tcp);
    tcp->base.transport = &rg_transport_tcp;
    tcp->config = *config;
    tcp->listener = -1;
    pthread_mutex_init(&tcp->lock, NULL);
    pthread_cond_init(&tcp->changed, NULL);
    tcp->layout = rg_layout_of(config->message_bytes, config->working_set_bytes, config->queue_pairs);
    tcp->source = rg_memory_address(config->source);
    tcp->target = rg_memory_address(config->target);
    tcp->streams = aligned_alloc(64, config->queue_pairs * sizeof *tcp->streams);
    int code = 0;
    if (tcp->streams == NULL || getrandom(&tcp->token, sizeof tcp->token, 0) != sizeof tcp->token) {
        code = rg_fail(err, -ENOMEM, "no memory");
    } else {
        memset(tcp->streams, 0, config->queue_pairs * sizeof *tcp->streams);
        for (uint32_t q = 0; q < config->queue_pairs; q++)
            make_stream(tcp, q);
        code = open_listener(tcp, fault, err);
    }
    if (code != 0) {
        tcp_close(&tcp->base.endpoint);
        return code;
    }
    tcp->base.endpoint.ops = rg_tcp_choose_ops(tcp);
    *out = &tcp->base.endpoint;
    return 0;
}

static void tcp_registration(
    const struct rg_endpoint *endpoint, struct rg_registration *source, struct rg_registration *target)
{
    (void)endpoint; /* the kernel copies: nothing is registered */
    *source = *target = (struct rg_registration){{0}, {0}};
}

static void tcp_address(const struct rg_endpoint *endpoint, struct rg_endpoint_address *out)
{
    const struct rg_tcp *tcp = (const struct rg_tcp *)(const void *)endpoint;
    const struct sockaddr_in *own = (const struct sockaddr_in *)(const void *)&tcp->own; /* ports lie alike in both */
    *out = (struct rg_endpoint_address){.queue_pairs = tcp->config.queue_pairs,
        .token = tcp->token,
        .machine = machine_id(),
        .tcp_port = ntohs(own->sin_port)};
    write_gid(&tcp->own, out->gid);
    snprintf(out->device, sizeof out->device, "%s", tcp->config.device);
}

/* --- connecting --- */

static int milliseconds_until(uint64_t until_ns)
{
    uint64_t now_ns = rg_clock_now_ns();
    return now_ns >= until_ns ? 0 : (int)((until_ns - now_ns) / 1000000) + 1;
}

static int prepare_socket(const struct rg_tcp *tcp, int fd)
{
    int on = 1, class = tcp->config.traffic_class;
    int error = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (error == 0 && class != 0)
        error = tcp->own.ss_family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class)
                                               : setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class);
    return error == 0 ? 0 : errno;
}

/* From the interface's own address; begun, not waited for. */
static int begin_connection(struct rg_tcp *tcp, struct rg_tcp_stream *stream, const struct sockaddr_storage *peer,
    socklen_t bytes, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct sockaddr_storage own = tcp->own;
    ((struct sockaddr_in *)&own)->sin_port = 0; /* lies alike in both */
    stream->fd = socket(own.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->fd < 0 || bind(stream->fd, (struct sockaddr *)&own, tcp->own_bytes) != 0)
        return rg_transport_errno_failed(tcp->config.device, errno, "connect", fault, err);
    if (connect(stream->fd, (const struct sockaddr *)peer, bytes) != 0 && errno != EINPROGRESS)
        return rg_transport_errno_failed(tcp->config.device, errno, "connect", fault, err);
    return 0;
}

static int end_connection(struct rg_tcp *tcp, struct rg_tcp_stream *stream, uint64_t token, uint64_t until_ns,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct pollfd wait = {.fd = stream->fd, .events = POLLOUT};
    struct hello hello = {.token = token, .stream = stream->number};
    int error = ETIMEDOUT, flags = 0;
    socklen_t bytes = sizeof error;
    if (poll(&wait, 1, milliseconds_until(until_ns)) == 1 &&
        getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
        error = errno;
    if (error == 0 && ioctl(stream->fd, FIONBIO, &flags) != 0)
        error = errno;
    if (error == 0)
        error = prepare_socket(tcp, stream->fd);
    if (error == 0 && send(stream->fd, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        error = errno;
    return error == 0 ? 0 : rg_transport_errno_failed(tcp->config.device, error, "connect", fault, err);
}

static int tcp_connect(struct rg_endpoint *endpoint, const struct rg_endpoint_address *peer, uint64_t until_ns,
    struct rg_endpoint_path *out, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    struct sockaddr_storage address;
    socklen_t bytes;
    int code = 0;
    *out = (struct rg_endpoint_path){0};
    if (peer->queue_pairs != tcp->config.queue_pairs || peer->token == tcp->token)
        return rg_transport_failed(
            tcp->config.device, -EPROTO, "connect", "the peer has another number of connections", fault, err);
    read_gid(peer->gid, (uint16_t)peer->tcp_port, &address, &bytes);
    if (address.ss_family != tcp->own.ss_family)
        return rg_transport_failed(tcp->config.device, -EOPNOTSUPP, "connect",
            "one end has an IPv4 address on its interface, the other has none: give both the same kind", fault, err);
    tcp->connects = tcp->token < peer->token;
    for (uint32_t q = 0; tcp->connects && code == 0 && q < tcp->config.queue_pairs; q++)
        code = begin_connection(tcp, &tcp->streams[q], &address, bytes, fault, err);
    for (uint32_t q = 0; tcp->connects && code == 0 && q < tcp->config.queue_pairs; q++)
        code = end_connection(tcp, &tcp->streams[q], peer->token, until_ns, fault, err);
    return code;
}

/* Takes one connection of the peer's; a stranger's is closed again. */
static int accept_one(struct rg_tcp *tcp, uint64_t until_ns, uint32_t *joined)
{
    struct pollfd wait = {.fd = tcp->listener, .events = POLLIN};
    struct timeval patience = {.tv_sec = (time_t)HELLO_S}, for_ever = {0};
    struct hello hello = {0};
    if (poll(&wait, 1, milliseconds_until(until_ns)) != 1)
        return ETIMEDOUT;
    int fd = accept4(tcp->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR ? 0 : errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool known = recv(fd, &hello, sizeof hello, MSG_WAITALL) == sizeof hello && hello.token == tcp->token &&
                 hello.stream < tcp->config.queue_pairs && tcp->streams[hello.stream].fd < 0;
    if (!known) {
        close(fd);
        return 0;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    tcp->streams[hello.stream].fd = fd;
    ++*joined;
    return prepare_socket(tcp, fd);
}

static void read_path(const struct rg_tcp *tcp, struct rg_endpoint_path *out)
{
    bool six = tcp->own.ss_family == AF_INET6;
    struct tcp_info info = {0};
    socklen_t bytes = sizeof info;
    int fd = tcp->streams[0].fd, mtu = 0;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes);
    bytes = sizeof mtu;
    getsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_MTU : IP_MTU, &mtu, &bytes);
    unsigned options = info.tcpi_options & TCPI_OPT_TIMESTAMPS ? 12 : 0;
    *out = (struct rg_endpoint_path){.mtu_bytes = (uint32_t)(mtu > 0 ? mtu : 0),
        .segment_bytes = info.tcpi_snd_mss,
        .header_bytes = (six ? 40u : 20u) + TCP_HEADER + options,
        .ip_version = six ? 6 : 4};
}

static int tcp_await_peer(struct rg_endpoint *endpoint, uint64_t until_ns, struct rg_endpoint_path *io,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct rg_tcp *tcp = rg_tcp_of(endpoint);
    uint32_t joined = tcp->connects ? tcp->config.queue_pairs : 0;
    struct timeval patience = {.tv_sec = (time_t)tcp->config.deadline_s + 1};
    int error = 0;
    while (error == 0 && joined < tcp->config.queue_pairs)
        error = accept_one(tcp, until_ns, &joined);
    if (error != 0)
        return rg_transport_errno_failed(tcp->config.device, error, "wait for the peer's connections", fault, err);
    close(tcp->listener);
    tcp->listener = -1;
    if (tcp->config.ping_pong)
        setsockopt(tcp->streams[0].fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    read_path(tcp, io);
    error = rg_tcp_start(tcp);
    return error == 0
               ? 0
               : rg_transport_errno_failed(tcp->config.device, error, "start a thread for each connection", fault, err);
}

/* --- looking --- */

static int64_t tcp_counters(const struct rg_endpoint *endpoint, struct rg_counter *out, int64_t room)
{
    const struct rg_tcp *tcp = (const struct rg_tcp *)(const void *)endpoint;
    struct rg_counter counters[] = {{"tcp_bytes_retransmitted", 0}, {"tcp_duplicates_seen_by_peer", 0},
        {"tcp_marked_for_congestion", 0}, {"tcp_out_of_order_received", 0}, {"tcp_reorderings", 0},
        {"tcp_segments_retransmitted", 0}};
    const int64_t count = sizeof counters / sizeof *counters;
    for (uint32_t q = 0; q < tcp->config.queue_pairs; q++) {
        struct tcp_info info = {0};
        socklen_t bytes = sizeof info;
        if (tcp->streams[q].fd < 0 || getsockopt(tcp->streams[q].fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0)
            continue;
        counters[0].added += (int64_t)info.tcpi_bytes_retrans;
        counters[1].added += info.tcpi_dsack_dups;
        counters[2].added += info.tcpi_delivered_ce;
        counters[3].added += info.tcpi_rcv_ooopack;
        counters[4].added += info.tcpi_reord_seen;
        counters[5].added += info.tcpi_total_retrans;
    }
    memcpy(out, counters, (size_t)(count < room ? count : room) * sizeof *out);
    return count < room ? count : room;
}

static uint64_t tcp_posted(const struct rg_endpoint *endpoint, uint32_t q)
{
    const struct rg_tcp *tcp = (const struct rg_tcp *)(const void *)endpoint;
    return atomic_load(&tcp->streams[q].begun);
}

static void tcp_explain(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    const struct rg_tcp *tcp = (const struct rg_tcp *)(const void *)endpoint;
    int error = atomic_load(&tcp->failed_errno);
    const char *step = tcp->failed_step ? tcp->failed_step : "run", *status = strerror(error ? error : EIO);
    rg_transport_failed(tcp->config.device, -EIO, step, status, fault, NULL);
    rg_fail(err, -EIO, "%s: %s: %s (connection %u)", tcp->config.device, step, status, tcp->failed_stream);
}

const struct rg_transport rg_transport_tcp = {
    .name = "tcp",
    .open = tcp_open,
    .close = tcp_close,
    .registration = tcp_registration,
    .address = tcp_address,
    .connect = tcp_connect,
    .await_peer = tcp_await_peer,
    .counters = tcp_counters,
    .posted = tcp_posted,
    .explain = tcp_explain,
};
