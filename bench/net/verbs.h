/* Endpoints over verbs: what set-up (verbs.c), registration (verbs_memory.c) and the timed loops
 * (verbs_loop.c) share; for these alone. */
#ifndef RG_NET_VERBS_H
#define RG_NET_VERBS_H

#include "net/transports.h"

#include <infiniband/verbs.h>

struct rg_verbs_queue {
    struct ibv_qp *qp;
    uint64_t offset, first, span, step; /* bytes: of the next message; of the first; of all; from one to the next */
    uint64_t receive_offset;
    uint64_t posted;
    uint32_t outstanding;         /* posted, not yet completed */
    uint32_t unsignalled;         /* posted since the last one that asked for a completion */
    struct ibv_send_wr *requests; /* post_list of them, chained */
    struct ibv_sge *pieces;
};

struct rg_verbs {
    struct rg_transport_endpoint base;
    struct rg_endpoint_config config;
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_cq *send_cq, *receive_cq;
    struct ibv_mr *source, *target;
    struct rg_registration source_way, target_way;
    struct ibv_port_attr port;
    union ibv_gid gid;
    struct rg_layout layout;
    struct rg_verbs_queue *queues;
    uint64_t local_base, remote_base; /* what message offsets are added to */
    uint32_t remote_key;
    uint32_t receive_depth, read_depth;
    const char *failed_step; /* in a loop */
    int failed_errno;        /* of a post or poll; 0 otherwise */
    enum ibv_wc_status failed_status;
    uint32_t failed_queue, failed_vendor;
};

static inline struct rg_verbs *rg_verbs_of(struct rg_endpoint *endpoint)
{
    return (struct rg_verbs *)(void *)endpoint;
}

/* Whether the peer's messages use up receive requests. */
static inline bool rg_verbs_receives(const struct rg_verbs *ep)
{
    return ep->config.operation == RG_OPERATION_SEND || ep->config.operation == RG_OPERATION_WRITE_IMMEDIATE;
}

/* Makes the device know the memory; NULL with errno set, and *status in words. verbs_memory.c */
struct ibv_mr *rg_verbs_register(
    struct rg_verbs *ep, struct rg_memory *memory, struct rg_registration *out, char *status, size_t room);

/* The loops' functions for the endpoint's operation and settings. */
struct rg_endpoint_ops rg_verbs_choose_ops(const struct rg_verbs *ep);

/* Posts the next receive buffer of queue pair q; 0 or an errno. */
int rg_verbs_post_receive(struct rg_verbs *ep, uint32_t q);

#endif
