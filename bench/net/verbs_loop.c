/* What runs in timed loops: no allocation, no message, no option that could have been decided before. */
#include "net/verbs.h"

#include <arpa/inet.h>
#include <errno.h>

#define POLL_BATCH 16

static int64_t loop_failed(struct rg_verbs *ep, const char *step, int error)
{
    ep->failed_step = step;
    ep->failed_errno = error;
    return -EIO;
}

static int64_t completion_failed(struct rg_verbs *ep, const char *step, const struct ibv_wc *wc)
{
    ep->failed_step = step;
    ep->failed_errno = 0;
    ep->failed_status = wc->status;
    ep->failed_vendor = wc->vendor_err;
    ep->failed_queue = (uint32_t)wc->wr_id;
    return -EIO;
}

/* Sets what varies from message to message. wr_id: the queue below, the messages that the completion stands for above.
 */
static inline __attribute__((always_inline)) void prepare(const struct rg_verbs *ep, struct rg_verbs_queue *queue,
    uint32_t number, uint32_t i, bool remote, uint32_t interval, unsigned extra_flags)
{
    struct ibv_send_wr *request = &queue->requests[i];
    queue->pieces[i].addr = ep->local_base + queue->offset;
    if (remote)
        request->wr.rdma.remote_addr = ep->remote_base + queue->offset;
    queue->offset += queue->step;
    if (queue->offset >= queue->span)
        queue->offset = queue->first;
    request->send_flags = extra_flags;
    if (++queue->unsignalled == interval) {
        request->send_flags |= IBV_SEND_SIGNALED;
        request->wr_id = (uint64_t)interval << 32 | number;
        queue->unsignalled = 0;
    }
}

static inline __attribute__((always_inline)) int64_t post_as(
    struct rg_endpoint *endpoint, uint64_t most, bool single, bool remote, unsigned extra_flags)
{
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    const uint32_t queues = ep->config.queue_pairs, interval = ep->config.signal_interval;
    const uint32_t list = single ? 1 : ep->config.post_list, room = ep->config.depth - list;
    struct ibv_send_wr *bad;
    uint64_t posted = 0;
    for (uint32_t q = 0; q < queues; q++) {
        struct rg_verbs_queue *queue = &ep->queues[q];
        while (queue->outstanding <= room && posted < most) {
            uint32_t count = single ? 1 : (uint32_t)(most - posted < list ? most - posted : list);
            for (uint32_t i = 0; i < count; i++)
                prepare(ep, queue, q, i, remote, interval, extra_flags);
            if (!single)
                queue->requests[count - 1].next = NULL;
            int error = ibv_post_send(queue->qp, queue->requests, &bad);
            if (!single && count < list)
                queue->requests[count - 1].next = &queue->requests[count];
            if (__builtin_expect(error != 0, 0))
                return loop_failed(ep, "post send", error);
            queue->outstanding += count;
            queue->posted += count;
            posted += count;
        }
    }
    endpoint->outstanding += posted;
    return (int64_t)posted;
}

static int64_t post_single_remote(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, true, true, 0);
}

static int64_t post_single_send(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, true, false, 0);
}

static int64_t post_list_remote(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, false, true, 0);
}

static int64_t post_list_send(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, false, false, 0);
}

static int64_t post_inline_remote(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, false, true, IBV_SEND_INLINE);
}

static int64_t post_inline_send(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, false, false, IBV_SEND_INLINE);
}

static int64_t reap(struct rg_endpoint *endpoint)
{
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    struct ibv_wc done[POLL_BATCH];
    uint64_t messages = 0;
    int count = ibv_poll_cq(ep->send_cq, POLL_BATCH, done);
    if (count == 0)
        return 0;
    if (__builtin_expect(count < 0, 0))
        return loop_failed(ep, "poll for completions", EIO);
    for (int i = 0; i < count; i++) {
        if (__builtin_expect(done[i].status != IBV_WC_SUCCESS, 0))
            return completion_failed(ep, "completion of a message", &done[i]);
        uint32_t retired = (uint32_t)(done[i].wr_id >> 32);
        ep->queues[(uint32_t)done[i].wr_id].outstanding -= retired;
        messages += retired;
    }
    endpoint->outstanding -= messages;
    return (int64_t)messages;
}

int rg_verbs_post_receive(struct rg_verbs *ep, uint32_t q)
{
    struct rg_verbs_queue *queue = &ep->queues[q];
    struct ibv_sge piece = {(uint64_t)(uintptr_t)rg_memory_address(ep->config.target) + queue->receive_offset,
        (uint32_t)ep->config.message_bytes, ep->target->lkey};
    struct ibv_recv_wr request = {.wr_id = q, .sg_list = &piece, .num_sge = 1}, *bad;
    queue->receive_offset += queue->step;
    if (queue->receive_offset >= queue->span)
        queue->receive_offset = queue->first;
    return ibv_post_recv(queue->qp, &request, &bad);
}

static int64_t receive(struct rg_endpoint *endpoint)
{
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    struct ibv_wc done[POLL_BATCH];
    int64_t messages = 0;
    int count = ibv_poll_cq(ep->receive_cq, POLL_BATCH, done);
    if (count == 0)
        return 0;
    if (__builtin_expect(count < 0, 0))
        return loop_failed(ep, "poll for arrivals", EIO);
    for (int i = 0; i < count; i++) {
        if (__builtin_expect(done[i].status != IBV_WC_SUCCESS, 0))
            return completion_failed(ep, "arrival of a message", &done[i]);
        bool last = done[i].wc_flags & IBV_WC_WITH_IMM && done[i].imm_data != 0;
        endpoint->peers_finished += last;
        messages += !last;
        int error = rg_verbs_post_receive(ep, (uint32_t)done[i].wr_id);
        if (__builtin_expect(error != 0, 0))
            return loop_failed(ep, "post receive", error);
    }
    return messages;
}

static int64_t receive_nothing(struct rg_endpoint *endpoint)
{
    (void)endpoint;
    return 0;
}

/* An empty message on each queue pair: its completion stands for those that did not ask for one, since completions come
 * in order. A write of nothing touches no memory and uses up no receive request; as a send with immediate data it tells
 * a peer that counts arrivals that nothing follows. */
static int finish(struct rg_endpoint *endpoint, bool last)
{
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    bool tell = last && rg_verbs_receives(ep);
    for (uint32_t q = 0; q < ep->config.queue_pairs; q++) {
        struct rg_verbs_queue *queue = &ep->queues[q];
        struct ibv_send_wr request = {.wr_id = (uint64_t)queue->unsignalled << 32 | q,
            .send_flags = IBV_SEND_SIGNALED,
            .opcode = tell ? IBV_WR_SEND_WITH_IMM : IBV_WR_RDMA_WRITE,
            .imm_data = htonl(tell),
            .wr.rdma = {ep->remote_base, ep->remote_key}};
        struct ibv_send_wr *bad;
        if (queue->unsignalled == 0 && !tell)
            continue;
        int error = ibv_post_send(queue->qp, &request, &bad);
        if (error != 0)
            return (int)loop_failed(ep, "post the last send", error);
        queue->unsignalled = 0;
    }
    return 0;
}

struct rg_endpoint_ops rg_verbs_choose_ops(const struct rg_verbs *ep)
{
    bool send = ep->config.operation == RG_OPERATION_SEND;
    bool within = ep->config.message_bytes <= ep->config.inline_bytes && ep->config.operation != RG_OPERATION_READ;
    struct rg_endpoint_ops ops = {
        .reap = reap, .receive = rg_verbs_receives(ep) ? receive : receive_nothing, .finish = finish};
    if (within)
        ops.post = send ? post_inline_send : post_inline_remote;
    else if (ep->config.post_list > 1)
        ops.post = send ? post_list_send : post_list_remote;
    else
        ops.post = send ? post_single_send : post_single_remote;
    return ops;
}
