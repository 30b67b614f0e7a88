/* Endpoints over TCP: what set-up (tcp.c) and the timed part (tcp_loop.c) share; for these alone. */
#ifndef RG_NET_TCP_H
#define RG_NET_TCP_H

#include "net/transports.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

struct rg_tcp;

/* One connection. In a bandwidth test a thread sends on it and another receives: one alone does not fill a fast NIC.
 * What a thread counts is read by the rank's own, which does nothing else meanwhile. */
struct rg_tcp_stream {
    struct rg_tcp *tcp;
    uint32_t number;
    int fd;                     /* -1: not connected */
    uint64_t first, span, step; /* bytes: of the first message in the buffers; of all; from one to the next */
    pthread_t sender, receiver;
    int threads;           /* that run */
    uint64_t acked_bytes;  /* as last seen by the rank */
    uint64_t arrived, got; /* ping-pong: messages, and bytes of the next one */
    _Alignas(64) _Atomic uint64_t begun, sent_bytes;
    _Atomic bool resting, ended; /* the sender has nothing to do; it has told the peer that this was all */
    _Alignas(64) _Atomic uint64_t received_bytes;
    _Atomic bool peer_ended;
};

struct rg_tcp {
    struct rg_transport_endpoint base;
    struct rg_endpoint_config config;
    struct rg_layout layout;
    struct sockaddr_storage own;
    socklen_t own_bytes;
    int listener;
    bool connects; /* this end to the other's listener */
    uint64_t token;
    struct rg_tcp_stream *streams; /* config.queue_pairs of them */
    char *source, *target;

    /* How many messages may still begin. Senders that find none wait for the next generation. */
    _Alignas(64) _Atomic int64_t pool;
    _Alignas(64) pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t generation;
    bool unlimited, ending, closing;
    uint64_t completed, arrived; /* messages, over all streams */

    _Atomic int failed_errno; /* 0: all is well; what stands below is set before it */
    _Atomic bool failing;
    const char *failed_step;
    uint32_t failed_stream;
};

static inline struct rg_tcp *rg_tcp_of(struct rg_endpoint *endpoint)
{
    return (struct rg_tcp *)(void *)endpoint;
}

/* The loops' functions. */
struct rg_endpoint_ops rg_tcp_choose_ops(const struct rg_tcp *tcp);

/* Starts the threads of a connected endpoint; an errno. */
int rg_tcp_start(struct rg_tcp *tcp);

/* Ends them, whatever they wait for. */
void rg_tcp_stop(struct rg_tcp *tcp);

#endif
