/* Copies that a GPU makes, as an endpoint with no peer: a message is one copy from source to target, its completion an
 * event on the stream. So the loops that measure flows measure copies, too. */
#include "net/transports.h"

#include "kernels/kernels.h"

#include <cuda_runtime_api.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct copy_endpoint {
    struct rg_transport_endpoint base;
    struct rg_endpoint_config config;
    struct rg_layout layout;
    int device, peer; /* that copies; that owns the target, where it is another GPU */
    cudaStream_t stream;
    cudaEvent_t *events; /* a ring: `marks` of them are recorded and not yet seen, the oldest at `oldest` */
    uint32_t *marked;    /* messages that each stands for */
    uint32_t room, marks, oldest, unmarked;
    uint64_t next, posted;
    const char *failed_call;
    cudaError_t failed_status;
};

static struct copy_endpoint *copy_of(struct rg_endpoint *endpoint)
{
    return (struct copy_endpoint *)(void *)endpoint;
}

static int64_t loop_failed(struct copy_endpoint *ep, const char *call, cudaError_t status)
{
    ep->failed_call = call;
    ep->failed_status = status;
    return -EIO;
}

/* --- in timed loops --- */

static cudaError_t copy_by_engine(struct copy_endpoint *ep, char *to, const char *from)
{
    size_t bytes = ep->config.message_bytes;
    return ep->peer >= 0 ? cudaMemcpyPeerAsync(to, ep->peer, from, ep->device, bytes, ep->stream)
                         : cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, ep->stream);
}

static cudaError_t copy_by_kernel(struct copy_endpoint *ep, char *to, const char *from)
{
    return (cudaError_t)rg_kernel_copy(to, from, ep->config.message_bytes, ep->stream);
}

static int mark(struct copy_endpoint *ep)
{
    uint32_t newest = (ep->oldest + ep->marks) % ep->room;
    cudaError_t status = cudaEventRecord(ep->events[newest], ep->stream);
    if (status != cudaSuccess)
        return (int)loop_failed(ep, "cudaEventRecord", status);
    ep->marked[newest] = ep->unmarked;
    ep->marks++;
    ep->unmarked = 0;
    return 0;
}

static inline __attribute__((always_inline)) int64_t post_as(struct rg_endpoint *endpoint, uint64_t most,
    cudaError_t (*copy)(struct copy_endpoint *, char *, const char *), const char *call)
{
    struct copy_endpoint *ep = copy_of(endpoint);
    char *to = rg_memory_address(ep->config.target);
    const char *from = rg_memory_address(ep->config.source);
    uint64_t posted = 0;
    for (; posted < most && endpoint->outstanding < ep->config.depth; posted++) {
        uint64_t offset = ep->next * ep->layout.stride_bytes;
        cudaError_t status = copy(ep, to + offset, from + offset);
        if (status != cudaSuccess)
            return loop_failed(ep, call, status);
        ep->next = ep->next + 1 < ep->layout.blocks ? ep->next + 1 : 0;
        endpoint->outstanding++;
        ep->posted++;
        if (++ep->unmarked == ep->config.signal_interval && mark(ep) != 0)
            return -EIO;
    }
    return (int64_t)posted;
}

static int64_t post_engine(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, copy_by_engine, "copy");
}

static int64_t post_kernel(struct rg_endpoint *endpoint, uint64_t most)
{
    return post_as(endpoint, most, copy_by_kernel, "copy kernel");
}

static int64_t reap(struct rg_endpoint *endpoint)
{
    struct copy_endpoint *ep = copy_of(endpoint);
    int64_t done = 0;
    while (ep->marks > 0) {
        cudaError_t status = cudaEventQuery(ep->events[ep->oldest]);
        if (status == cudaErrorNotReady) {
            cudaGetLastError(); /* it would tell the next launch of "not ready" */
            break;
        }
        if (status != cudaSuccess)
            return loop_failed(ep, "copy", status);
        done += ep->marked[ep->oldest];
        ep->oldest = (ep->oldest + 1) % ep->room;
        ep->marks--;
    }
    endpoint->outstanding -= (uint64_t)done;
    return done;
}

static int64_t receive_nothing(struct rg_endpoint *endpoint)
{
    (void)endpoint;
    return 0;
}

static int finish(struct rg_endpoint *endpoint, bool last)
{
    struct copy_endpoint *ep = copy_of(endpoint);
    (void)last;
    return ep->unmarked > 0 ? mark(ep) : 0;
}

/* --- set-up --- */

static int setup_failed(const struct copy_endpoint *ep, int code, const char *step, cudaError_t status,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    snprintf(fault->step, sizeof fault->step, "%s", step);
    snprintf(fault->status, sizeof fault->status, "%s", cudaGetErrorString(status));
    return rg_fail(err, code, "GPU %d: %s: %s", ep->device, step, cudaGetErrorString(status));
}

static void copy_close(struct rg_endpoint *endpoint)
{
    struct copy_endpoint *ep = copy_of(endpoint);
    cudaSetDevice(ep->device);
    if (ep->stream != NULL)
        cudaStreamSynchronize(ep->stream); /* nothing may still write to what is freed next */
    for (uint32_t i = 0; ep->events != NULL && i < ep->room; i++)
        if (ep->events[i] != NULL)
            cudaEventDestroy(ep->events[i]);
    if (ep->stream != NULL)
        cudaStreamDestroy(ep->stream);
    free(ep->events);
    free(ep->marked);
    free(ep);
}

static cudaError_t make_stream(struct copy_endpoint *ep)
{
    cudaError_t status = cudaSetDevice(ep->device);
    if (status == cudaSuccess)
        status = cudaStreamCreateWithFlags(&ep->stream, cudaStreamNonBlocking);
    for (uint32_t i = 0; status == cudaSuccess && i < ep->room; i++)
        status = cudaEventCreateWithFlags(&ep->events[i], cudaEventDisableTiming);
    return status;
}

/* One GPU writes to another's memory by itself only where both can. */
static int join_peers(struct copy_endpoint *ep, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    int able = 0;
    cudaError_t status = cudaDeviceCanAccessPeer(&able, ep->device, ep->peer);
    if (status != cudaSuccess)
        return setup_failed(ep, -EIO, "cudaDeviceCanAccessPeer", status, fault, err);
    snprintf(fault->step, sizeof fault->step, "join peers");
    if (!able)
        return rg_fail(err, -EOPNOTSUPP, "GPU %d cannot reach the memory of GPU %d", ep->device, ep->peer);
    status = cudaDeviceEnablePeerAccess(ep->peer, 0);
    if (status == cudaErrorPeerAccessAlreadyEnabled) {
        cudaGetLastError(); /* or the next call would report it */
        status = cudaSuccess;
    }
    return status == cudaSuccess ? 0 : setup_failed(ep, -EIO, "cudaDeviceEnablePeerAccess", status, fault, err);
}

static int open_copy(struct copy_endpoint *ep, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    const struct rg_endpoint_config *config = &ep->config;
    bool from_gpu = !rg_memory_on_host(config->source), to_gpu = !rg_memory_on_host(config->target);
    int from = rg_memory_place_of(config->source).device, to = rg_memory_place_of(config->target).device;
    ep->device = from_gpu ? from : to;
    ep->peer = from_gpu && to_gpu && from != to ? to : -1;
    ep->layout = rg_layout_of(config->message_bytes, config->working_set_bytes, 1);
    ep->room = config->depth / config->signal_interval + 2;
    ep->events = calloc(ep->room, sizeof(cudaEvent_t));
    ep->marked = calloc(ep->room, sizeof *ep->marked);
    if (ep->events == NULL || ep->marked == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    cudaError_t status = make_stream(ep);
    if (status != cudaSuccess)
        return setup_failed(ep, -EIO, "make a stream", status, fault, err);
    return ep->peer >= 0 ? join_peers(ep, fault, err) : 0;
}

static int copy_open(const struct rg_endpoint_config *config, struct rg_endpoint **out, struct rg_endpoint_fault *fault,
    struct rg_error *err)
{
    struct copy_endpoint *ep = calloc(1, sizeof *ep);
    if (ep == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    ep->base.transport = &rg_transport_cuda;
    ep->base.endpoint.ops = (struct rg_endpoint_ops){
        .post = config->by_kernel ? post_kernel : post_engine,
        .reap = reap,
        .receive = receive_nothing,
        .finish = finish,
    };
    ep->config = *config;
    int code = open_copy(ep, fault, err);
    if (code != 0) {
        copy_close(&ep->base.endpoint);
        return code;
    }
    *out = &ep->base.endpoint;
    return 0;
}

static uint64_t copy_posted(const struct rg_endpoint *endpoint, uint32_t q)
{
    (void)q;
    return ((const struct copy_endpoint *)(const void *)endpoint)->posted;
}

static void copy_explain(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    const struct copy_endpoint *ep = (const struct copy_endpoint *)(const void *)endpoint;
    setup_failed(ep, -EIO, ep->failed_call ? ep->failed_call : "copy", ep->failed_status, fault, err);
}

/* There is no other end to register memory for, to tell an address to, or to connect with. */
const struct rg_transport rg_transport_cuda = {
    .name = "cuda",
    .open = copy_open,
    .close = copy_close,
    .posted = copy_posted,
    .explain = copy_explain,
};
