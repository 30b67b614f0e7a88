/* A connection between two ranks, made of one or more queue pairs that carry messages of one size and operation. Over
 * TCP a queue pair is a connection of its own. */
#ifndef RG_NET_ENDPOINT_H
#define RG_NET_ENDPOINT_H

#include "base/error.h"
#include "data/counters.h"
#include "mem/memory.h"
#include "net/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define RG_QUEUE_PAIRS_MOST 1024

/* How a NIC is made to know memory. AUTO: by dma-buf, else by the peer-memory module. DATA_DIRECT: by dma-buf, on a
 * path to the GPU of its own (ConnectX-8 and later). Host memory is always registered as such. */
enum rg_registration_way {
    RG_REGISTER_AUTO,
    RG_REGISTER_DMABUF,
    RG_REGISTER_DATA_DIRECT,
    RG_REGISTER_PEERMEM,
};

/* By its word: "auto", "dmabuf", "data_direct" or "peermem". */
enum rg_registration_way rg_registration_way_of(const char *word);

/* How it was: "host", "dmabuf", "data_direct" or "peermem", and why not by dma-buf where that was tried. */
struct rg_registration {
    char how[16], note[240];
};

struct rg_endpoint_config {
    enum rg_operation operation;
    const char *device;
    int port, gid_index; /* gid_index < 0: none (InfiniBand) */
    uint32_t queue_pairs, depth, signal_interval, post_list, inline_bytes;
    uint8_t traffic_class, service_level, qp_timeout, retry_count;
    uint32_t mtu_bytes; /* 0: the smaller active MTU of both sides */
    bool relaxed_ordering;
    enum rg_registration_way registration; /* of a GPU's memory */
    uint64_t message_bytes, working_set_bytes;
    bool by_kernel;           /* copies: not by a copy engine */
    bool ping_pong;           /* TCP: one message at a time, there and back */
    double deadline_s;        /* TCP: for a ping to be taken */
    const char *address;      /* TCP: numeric, of the interface `device` */
    struct rg_memory *source; /* data leave from here; a read takes them from the peer's */
    struct rg_memory *target; /* data arrive here */
};

/* Where messages lie in source and target alike: message k of queue pair q is block first(q) + (k mod per_queue) *
 * step, blocks being stride_bytes apart. Both ends compute the same. */
struct rg_layout {
    uint64_t blocks, per_queue, stride_bytes, message_bytes;
    uint32_t queue_pairs;
};

struct rg_layout rg_layout_of(uint64_t message_bytes, uint64_t working_set_bytes, uint32_t queue_pairs);
size_t rg_layout_bytes(const struct rg_layout *layout);

/* The blocks that the first `messages` messages of queue pair q touched. */
struct rg_blocks rg_layout_touched(const struct rg_layout *layout, uint32_t q, uint64_t messages);

/* What one end must know of the other; sent as it stands. Of TCP: gid is the address (IPv4 mapped into IPv6), and the
 * end with the smaller token connects to the other's port. */
struct rg_endpoint_address {
    uint8_t gid[16];
    uint64_t source_address, target_address;
    uint32_t source_key, target_key;
    uint32_t active_mtu_bytes, lid, first_psn, read_depth;
    uint32_t queue_pairs;
    uint32_t writes_in_order; /* 1: a write's bytes become visible in order here, so that the last byte tells of all */
    uint32_t numbers[RG_QUEUE_PAIRS_MOST];
    uint64_t token, machine; /* machine: the same for all ranks that share a kernel; 0: not known */
    char device[16];         /* the network interface */
    uint32_t tcp_port, reserved;
};
_Static_assert(sizeof(struct rg_endpoint_address) == 104 + 4 * RG_QUEUE_PAIRS_MOST, "a wire structure");

/* How the two ends are joined, once they are. Of TCP: payload of a full segment, and its IP and
 * TCP headers; 0 over RDMA. */
struct rg_endpoint_path {
    uint32_t mtu_bytes, segment_bytes, header_bytes;
    int ip_version;
};

/* Where it failed, beside the message: the step ("create queue pair") and what verbs said ("transport retry counter
 * exceeded"). */
struct rg_endpoint_fault {
    char step[64], status[128];
};

struct rg_endpoint;

/* Opens the device, registers the memory and makes the queue pairs. -EOPNOTSUPP: the device cannot do what was asked.
 * On failure *fault is set too. Close with rg_endpoint_close; the memory must outlive it. */
int rg_endpoint_open(const char *transport, const struct rg_endpoint_config *config, struct rg_endpoint **out,
    struct rg_endpoint_fault *fault, struct rg_error *err);

/* Takes NULL. */
void rg_endpoint_close(struct rg_endpoint *endpoint);

/* Of source and target. */
void rg_endpoint_registration(
    const struct rg_endpoint *endpoint, struct rg_registration *source, struct rg_registration *target);

void rg_endpoint_address(const struct rg_endpoint *endpoint, struct rg_endpoint_address *out);

/* After it both directions may flow as soon as the peer has connected too. It waits for nothing that the peer's program
 * does. */
int rg_endpoint_connect(struct rg_endpoint *endpoint, const struct rg_endpoint_address *peer, uint64_t until_ns,
    struct rg_endpoint_path *out, struct rg_endpoint_fault *fault, struct rg_error *err);

/* Waits until the peer has connected, too, where that takes its part; to be called when this rank has connected all its
 * endpoints, so that nobody waits for one who waits for him. It may set more of *io. */
int rg_endpoint_await_peer(struct rg_endpoint *endpoint, uint64_t until_ns, struct rg_endpoint_path *io,
    struct rg_endpoint_fault *fault, struct rg_error *err);

/* What the endpoint itself counts, beside the device: how many counters, sorted by name, at most `room`. */
int64_t rg_endpoint_counters(const struct rg_endpoint *endpoint, struct rg_counter *out, int64_t room);

/* Messages that queue pair q has posted. */
uint64_t rg_endpoint_posted(const struct rg_endpoint *endpoint, uint32_t q);

/* Why a call below was negative. */
void rg_endpoint_explain(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err);

/* --- in timed loops: no allocation, no message; negative on failure, and then for ever --- */

struct rg_endpoint_ops {
    int64_t (*post)(struct rg_endpoint *endpoint, uint64_t most);
    int64_t (*reap)(struct rg_endpoint *endpoint);
    int64_t (*receive)(struct rg_endpoint *endpoint);
    int (*finish)(struct rg_endpoint *endpoint, bool last);
};

struct rg_endpoint {
    struct rg_endpoint_ops ops; /* chosen at set-up for the operation and settings */
    uint64_t outstanding;       /* posted, not yet reaped, over all queue pairs */
    uint32_t peers_finished;    /* queue pairs on which the peer's last message has arrived */
};

/* Posts up to `most` messages as far as the depth allows; how many it posted. */
static inline int64_t rg_endpoint_post(struct rg_endpoint *endpoint, uint64_t most)
{
    return endpoint->ops.post(endpoint, most);
}

/* Polls for completions; how many messages they complete. */
static inline int64_t rg_endpoint_reap(struct rg_endpoint *endpoint)
{
    return endpoint->ops.reap(endpoint);
}

/* Polls for arrivals (send and write with immediate) and posts their buffers again; how many messages arrived. */
static inline int64_t rg_endpoint_receive(struct rg_endpoint *endpoint)
{
    return endpoint->ops.receive(endpoint);
}

/* Asks for the completions still owed; then reap until nothing is outstanding. With `last`, where the peer counts
 * arrivals, it also tells the peer that this was all. */
static inline int rg_endpoint_finish(struct rg_endpoint *endpoint, bool last)
{
    return endpoint->ops.finish(endpoint, last);
}

#endif
