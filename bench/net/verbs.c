/* Reliable connected queue pairs over verbs: set-up and teardown. */
#include "net/verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVES_LEAST 512u
#define RNR_RETRY_FOR_EVER 7
#define MIN_RNR_TIMER_640_US 12
#define READS_MOST 16
#define ADDRESS_TRIES 3 /* of a second each in the kernel: an answer may be late while the fabric is busy */

static int open_device(struct rg_verbs *ep, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    int count = 0;
    struct ibv_device **list = ibv_get_device_list(&count);
    for (int i = 0; list != NULL && i < count; i++)
        if (strcmp(ibv_get_device_name(list[i]), ep->config.device) == 0)
            ep->context = ibv_open_device(list[i]);
    if (list != NULL)
        ibv_free_device_list(list);
    if (ep->context == NULL)
        return rg_transport_errno_failed(ep->config.device, ENODEV, "open device", fault, err);
    uint8_t port = (uint8_t)ep->config.port;
    int error = ibv_query_port(ep->context, port, &ep->port);
    if (error != 0)
        return rg_transport_errno_failed(ep->config.device, error, "query port", fault, err);
    if (ep->config.gid_index >= 0 && ibv_query_gid(ep->context, port, ep->config.gid_index, &ep->gid) != 0)
        return rg_transport_errno_failed(ep->config.device, errno, "query GID", fault, err);
    if (ep->config.gid_index < 0 && ep->port.link_layer == IBV_LINK_LAYER_ETHERNET)
        return rg_transport_failed(ep->config.device, -ENODEV, "find GID",
            "no RoCE v2 GID with a network device that lives here; give the interface an address, or name one with "
            "--gid-index",
            fault, err);
    ep->pd = ibv_alloc_pd(ep->context);
    return ep->pd ? 0 : rg_transport_errno_failed(ep->config.device, errno, "allocate protection domain", fault, err);
}

static int register_memory(struct rg_verbs *ep, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    char status[sizeof fault->status];
    ep->source = rg_verbs_register(ep, ep->config.source, &ep->source_way, status, sizeof status);
    if (ep->source != NULL)
        ep->target = rg_verbs_register(ep, ep->config.target, &ep->target_way, status, sizeof status);
    return ep->target ? 0 : rg_transport_failed(ep->config.device, -errno, "register memory", status, fault, err);
}

static void verbs_registration(
    const struct rg_endpoint *endpoint, struct rg_registration *source, struct rg_registration *target)
{
    const struct rg_verbs *ep = (const struct rg_verbs *)(const void *)endpoint;
    *source = ep->source_way;
    *target = ep->target_way;
}

static int make_completion_queues(struct rg_verbs *ep, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct ibv_device_attr device;
    char words[128];
    int error = ibv_query_device(ep->context, &device);
    if (error != 0)
        return rg_transport_errno_failed(ep->config.device, error, "query device", fault, err);
    int reads = device.max_qp_rd_atom < device.max_qp_init_rd_atom ? device.max_qp_rd_atom : device.max_qp_init_rd_atom;
    ep->read_depth = (uint32_t)(reads < READS_MOST ? reads : READS_MOST);
    ep->receive_depth = !rg_verbs_receives(ep)              ? 1
                        : ep->config.depth > RECEIVES_LEAST ? ep->config.depth
                                                            : RECEIVES_LEAST;
    if (ep->receive_depth > (uint32_t)device.max_qp_wr || ep->config.depth + 1 > (uint32_t)device.max_qp_wr) {
        snprintf(words, sizeof words, "the device's queue pairs hold %d requests, depth %u was asked for",
            device.max_qp_wr, ep->config.depth);
        return rg_transport_failed(ep->config.device, -EOPNOTSUPP, "create queue pair", words, fault, err);
    }
    uint64_t sends = (uint64_t)(ep->config.depth + 1) * ep->config.queue_pairs;
    uint64_t arrivals = (uint64_t)ep->receive_depth * ep->config.queue_pairs;
    if (sends > (uint64_t)device.max_cqe || arrivals > (uint64_t)device.max_cqe) {
        snprintf(words, sizeof words, "the device's completion queues hold %d entries; use fewer queue pairs",
            device.max_cqe);
        return rg_transport_failed(ep->config.device, -EOPNOTSUPP, "create completion queue", words, fault, err);
    }
    ep->send_cq = ibv_create_cq(ep->context, (int)sends, NULL, NULL, 0);
    if (ep->send_cq != NULL)
        ep->receive_cq = ibv_create_cq(ep->context, (int)arrivals, NULL, NULL, 0);
    return ep->receive_cq ? 0
                          : rg_transport_errno_failed(ep->config.device, errno, "create completion queue", fault, err);
}

static int make_queue_pair(
    struct rg_verbs *ep, struct rg_verbs_queue *queue, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct ibv_qp_init_attr init = {
        .send_cq = ep->send_cq,
        .recv_cq = ep->receive_cq,
        .qp_type = IBV_QPT_RC,
        .cap = {.max_send_wr = ep->config.depth + 1,
            .max_recv_wr = ep->receive_depth,
            .max_send_sge = 1,
            .max_recv_sge = 1,
            .max_inline_data = ep->config.inline_bytes},
    };
    char words[128];
    queue->qp = ibv_create_qp(ep->pd, &init);
    if (queue->qp == NULL && ep->config.inline_bytes > 0 && errno == EINVAL) {
        snprintf(
            words, sizeof words, "inline data of %u bytes was refused: %s", ep->config.inline_bytes, strerror(errno));
        return rg_transport_failed(ep->config.device, -EOPNOTSUPP, "create queue pair", words, fault, err);
    }
    if (queue->qp == NULL)
        return rg_transport_errno_failed(ep->config.device, errno, "create queue pair", fault, err);
    if (init.cap.max_inline_data < ep->config.inline_bytes) {
        snprintf(words, sizeof words, "the device takes %u bytes inline, %u were asked for", init.cap.max_inline_data,
            ep->config.inline_bytes);
        return rg_transport_failed(ep->config.device, -EOPNOTSUPP, "create queue pair", words, fault, err);
    }
    struct ibv_qp_attr attributes = {.qp_state = IBV_QPS_INIT,
        .port_num = (uint8_t)ep->config.port,
        .qp_access_flags = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ};
    int error =
        ibv_modify_qp(queue->qp, &attributes, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
    return error == 0 ? 0
                      : rg_transport_errno_failed(ep->config.device, error, "modify queue pair to INIT", fault, err);
}

static enum ibv_wr_opcode opcode_of(enum rg_operation operation)
{
    static const enum ibv_wr_opcode opcodes[] = {
        [RG_OPERATION_WRITE] = IBV_WR_RDMA_WRITE,
        [RG_OPERATION_WRITE_IMMEDIATE] = IBV_WR_RDMA_WRITE_WITH_IMM,
        [RG_OPERATION_READ] = IBV_WR_RDMA_READ,
        [RG_OPERATION_SEND] = IBV_WR_SEND,
    };
    return opcodes[operation];
}

static int make_queue(struct rg_verbs *ep, uint32_t q, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct rg_verbs_queue *queue = &ep->queues[q];
    const struct rg_layout *layout = &ep->layout;
    uint32_t list = ep->config.post_list;
    queue->requests = calloc(list, sizeof *queue->requests);
    queue->pieces = calloc(list, sizeof *queue->pieces);
    if (queue->requests == NULL || queue->pieces == NULL)
        return rg_transport_errno_failed(ep->config.device, ENOMEM, "create queue pair", fault, err);
    queue->first = q % layout->blocks * layout->stride_bytes;
    queue->step = layout->queue_pairs * layout->stride_bytes;
    queue->span = queue->first + layout->per_queue * queue->step;
    queue->offset = queue->receive_offset = queue->first;
    bool read = ep->config.operation == RG_OPERATION_READ;
    const struct ibv_mr *local = read ? ep->target : ep->source;
    ep->local_base = (uint64_t)(uintptr_t)rg_memory_address(read ? ep->config.target : ep->config.source);
    for (uint32_t i = 0; i < list; i++) {
        queue->pieces[i] = (struct ibv_sge){.length = (uint32_t)ep->config.message_bytes, .lkey = local->lkey};
        queue->requests[i] = (struct ibv_send_wr){.sg_list = &queue->pieces[i],
            .num_sge = 1,
            .wr_id = q,
            .opcode = opcode_of(ep->config.operation),
            .next = i + 1 < list ? &queue->requests[i + 1] : NULL};
    }
    return make_queue_pair(ep, queue, fault, err);
}

static void verbs_close(struct rg_endpoint *endpoint)
{
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    for (uint32_t q = 0; ep->queues != NULL && q < ep->config.queue_pairs; q++) {
        if (ep->queues[q].qp != NULL)
            ibv_destroy_qp(ep->queues[q].qp);
        free(ep->queues[q].requests);
        free(ep->queues[q].pieces);
    }
    free(ep->queues);
    if (ep->receive_cq != NULL)
        ibv_destroy_cq(ep->receive_cq);
    if (ep->send_cq != NULL)
        ibv_destroy_cq(ep->send_cq);
    if (ep->target != NULL)
        ibv_dereg_mr(ep->target);
    if (ep->source != NULL)
        ibv_dereg_mr(ep->source);
    if (ep->pd != NULL)
        ibv_dealloc_pd(ep->pd);
    if (ep->context != NULL)
        ibv_close_device(ep->context);
    free(ep);
}

static int verbs_open(const struct rg_endpoint_config *config, struct rg_endpoint **out,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct rg_verbs *ep = calloc(1, sizeof *ep);
    if (ep == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    ep->base.transport = &rg_transport_verbs;
    ep->config = *config;
    ep->layout = rg_layout_of(config->message_bytes, config->working_set_bytes, config->queue_pairs);
    ep->queues = calloc(config->queue_pairs, sizeof *ep->queues);
    int code = ep->queues ? 0 : rg_fail(err, -ENOMEM, "no memory");
    if (code == 0)
        code = open_device(ep, fault, err);
    if (code == 0)
        code = register_memory(ep, fault, err);
    if (code == 0)
        code = make_completion_queues(ep, fault, err);
    for (uint32_t q = 0; code == 0 && q < config->queue_pairs; q++)
        code = make_queue(ep, q, fault, err);
    if (code != 0) {
        verbs_close(&ep->base.endpoint);
        return code;
    }
    ep->base.endpoint.ops = rg_verbs_choose_ops(ep);
    *out = &ep->base.endpoint;
    return 0;
}

static uint32_t first_psn(const struct rg_verbs *ep)
{
    return (ep->queues[0].qp->qp_num * 2654435761u) & 0xffffff;
}

static void verbs_address(const struct rg_endpoint *endpoint, struct rg_endpoint_address *out)
{
    const struct rg_verbs *ep = (const struct rg_verbs *)(const void *)endpoint;
    *out = (struct rg_endpoint_address){
        .source_address = (uint64_t)(uintptr_t)rg_memory_address(ep->config.source),
        .target_address = (uint64_t)(uintptr_t)rg_memory_address(ep->config.target),
        .source_key = ep->source->rkey,
        .target_key = ep->target->rkey,
        .active_mtu_bytes = 128u << ep->port.active_mtu,
        .lid = ep->port.lid,
        .first_psn = first_psn(ep),
        .read_depth = ep->read_depth,
        .queue_pairs = ep->config.queue_pairs,
        .writes_in_order = ibv_query_qp_data_in_order(ep->queues[0].qp, IBV_WR_RDMA_WRITE, 0) == 1,
    };
    memcpy(out->gid, ep->gid.raw, sizeof out->gid);
    for (uint32_t q = 0; q < ep->config.queue_pairs; q++)
        out->numbers[q] = ep->queues[q].qp->qp_num;
}

/* The MTU that was asked for, if both sides have it; else the smaller of both. */
static int agree_mtu(const struct rg_verbs *ep, const struct rg_endpoint_address *peer, uint32_t *out,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    char words[128];
    uint32_t mine = 128u << ep->port.active_mtu;
    uint32_t least = mine < peer->active_mtu_bytes ? mine : peer->active_mtu_bytes;
    *out = ep->config.mtu_bytes ? ep->config.mtu_bytes : least;
    if (*out <= least)
        return 0;
    snprintf(words, sizeof words, "MTU %u was asked for, but the active MTU is %u here and %u at the peer", *out, mine,
        peer->active_mtu_bytes);
    return rg_transport_failed(ep->config.device, -EOPNOTSUPP, "agree on the path MTU", words, fault, err);
}

static enum ibv_mtu verbs_mtu(uint32_t bytes)
{
    return (enum ibv_mtu)(__builtin_ctz(bytes) - 7); /* 256 is 1, 4096 is 5 */
}

static int to_ready_to_receive(struct rg_verbs *ep, uint32_t q, const struct rg_endpoint_address *peer, uint32_t mtu,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct ibv_qp_attr attributes = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = verbs_mtu(mtu),
        .dest_qp_num = peer->numbers[q],
        .rq_psn = peer->first_psn,
        .max_dest_rd_atomic = (uint8_t)ep->read_depth,
        .min_rnr_timer = MIN_RNR_TIMER_640_US,
        .ah_attr = {.dlid = (uint16_t)peer->lid,
            .sl = ep->config.service_level,
            .port_num = (uint8_t)ep->config.port,
            .is_global = ep->config.gid_index >= 0},
    };
    if (ep->config.gid_index >= 0) {
        attributes.ah_attr.grh.sgid_index = (uint8_t)ep->config.gid_index;
        attributes.ah_attr.grh.hop_limit = 64;
        attributes.ah_attr.grh.traffic_class = ep->config.traffic_class;
        memcpy(attributes.ah_attr.grh.dgid.raw, peer->gid, sizeof peer->gid);
    }
    int error = ETIMEDOUT;
    for (int i = 0; error == ETIMEDOUT && i < ADDRESS_TRIES; i++)
        error = ibv_modify_qp(ep->queues[q].qp, &attributes,
            IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
                IBV_QP_MIN_RNR_TIMER);
    return error == 0 ? 0 : rg_transport_errno_failed(ep->config.device, error, "modify queue pair to RTR", fault, err);
}

static int to_ready_to_send(struct rg_verbs *ep, uint32_t q, const struct rg_endpoint_address *peer,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct ibv_qp_attr attributes = {
        .qp_state = IBV_QPS_RTS,
        .timeout = ep->config.qp_timeout,
        .retry_cnt = ep->config.retry_count,
        .rnr_retry = RNR_RETRY_FOR_EVER,
        .sq_psn = first_psn(ep),
        .max_rd_atomic = (uint8_t)(ep->read_depth < peer->read_depth ? ep->read_depth : peer->read_depth),
    };
    int error = ibv_modify_qp(ep->queues[q].qp, &attributes,
        IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
    return error == 0 ? 0 : rg_transport_errno_failed(ep->config.device, error, "modify queue pair to RTS", fault, err);
}

static int connect_queue(struct rg_verbs *ep, uint32_t q, const struct rg_endpoint_address *peer, uint32_t mtu,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    struct rg_verbs_queue *queue = &ep->queues[q];
    for (uint32_t i = 0; rg_verbs_receives(ep) && i < ep->receive_depth; i++) {
        int error = rg_verbs_post_receive(ep, q);
        if (error != 0)
            return rg_transport_errno_failed(ep->config.device, error, "post receive", fault, err);
    }
    for (uint32_t i = 0; i < ep->config.post_list; i++)
        if (ep->config.operation != RG_OPERATION_SEND)
            queue->requests[i].wr.rdma.rkey = ep->remote_key;
    int code = to_ready_to_receive(ep, q, peer, mtu, fault, err);
    return code == 0 ? to_ready_to_send(ep, q, peer, fault, err) : code;
}

static int verbs_connect(struct rg_endpoint *endpoint, const struct rg_endpoint_address *peer, uint64_t until_ns,
    struct rg_endpoint_path *out, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    (void)until_ns; /* nothing is waited for */
    struct rg_verbs *ep = rg_verbs_of(endpoint);
    bool read = ep->config.operation == RG_OPERATION_READ;
    uint32_t mtu = 0;
    int code = 0;
    if (peer->queue_pairs != ep->config.queue_pairs)
        return rg_transport_failed(
            ep->config.device, -EPROTO, "connect", "the peer has another number of queue pairs", fault, err);
    code = agree_mtu(ep, peer, &mtu, fault, err);
    ep->remote_base = read ? peer->source_address : peer->target_address;
    ep->remote_key = read ? peer->source_key : peer->target_key;
    for (uint32_t q = 0; code == 0 && q < ep->config.queue_pairs; q++)
        code = connect_queue(ep, q, peer, mtu, fault, err);
    if (code != 0)
        return code;
    const struct in6_addr *address = (const struct in6_addr *)(const void *)peer->gid;
    *out = (struct rg_endpoint_path){.mtu_bytes = mtu, .ip_version = IN6_IS_ADDR_V4MAPPED(address) ? 4 : 6};
    return 0;
}

static uint64_t verbs_posted(const struct rg_endpoint *endpoint, uint32_t q)
{
    return ((const struct rg_verbs *)(const void *)endpoint)->queues[q].posted;
}

static void verbs_explain(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    const struct rg_verbs *ep = (const struct rg_verbs *)(const void *)endpoint;
    const char *step = ep->failed_step ? ep->failed_step : "run";
    if (ep->failed_errno != 0) {
        rg_transport_failed(ep->config.device, -EIO, step, strerror(ep->failed_errno), fault, err);
        return;
    }
    const char *status = ibv_wc_status_str(ep->failed_status);
    rg_transport_failed(ep->config.device, -EIO, step, status, fault, NULL);
    rg_fail(err, -EIO, "%s: %s: %s (queue pair %u, vendor code 0x%x)", ep->config.device, step, status,
        ep->failed_queue, ep->failed_vendor);
}

const struct rg_transport rg_transport_verbs = {
    .name = "verbs",
    .open = verbs_open,
    .close = verbs_close,
    .registration = verbs_registration,
    .address = verbs_address,
    .connect = verbs_connect,
    .posted = verbs_posted,
    .explain = verbs_explain,
};
