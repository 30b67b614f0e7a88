/* The registry of transports, and where messages lie. */
#include "net/endpoint.h"

#include "net/transports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_ALIGNMENT 64ull

static const struct rg_transport *const transports[] = {
    &rg_transport_verbs,
    &rg_transport_tcp,
#ifdef RG_CUDA
    &rg_transport_cuda,
#endif
};

static const struct rg_transport *transport_of(const struct rg_endpoint *endpoint)
{
    return ((const struct rg_transport_endpoint *)(const void *)endpoint)->transport;
}

int rg_transport_failed(const char *device, int code, const char *step, const char *status,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    snprintf(fault->step, sizeof fault->step, "%s", step);
    snprintf(fault->status, sizeof fault->status, "%s", status);
    return rg_fail(err, code, "%s: %s: %s", device, step, status);
}

int rg_transport_errno_failed(
    const char *device, int error, const char *step, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    error = error ? error : EIO;
    return rg_transport_failed(device, -error, step, strerror(error), fault, err);
}

enum rg_registration_way rg_registration_way_of(const char *word)
{
    static const char *const words[] = {[RG_REGISTER_AUTO] = "auto",
        [RG_REGISTER_DMABUF] = "dmabuf",
        [RG_REGISTER_DATA_DIRECT] = "data_direct",
        [RG_REGISTER_PEERMEM] = "peermem"};
    unsigned way = RG_REGISTER_PEERMEM;
    while (way > RG_REGISTER_AUTO && strcmp(words[way], word) != 0)
        way--;
    return (enum rg_registration_way)way;
}

struct rg_layout rg_layout_of(uint64_t message_bytes, uint64_t working_set_bytes, uint32_t queue_pairs)
{
    struct rg_layout layout = {.message_bytes = message_bytes, .queue_pairs = queue_pairs};
    layout.stride_bytes = (message_bytes + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
    layout.blocks = working_set_bytes / layout.stride_bytes;
    if (layout.blocks == 0)
        layout.blocks = 1;
    layout.per_queue = layout.blocks / queue_pairs;
    if (layout.per_queue == 0)
        layout.per_queue = 1; /* fewer blocks than queue pairs: some share one */
    else
        layout.blocks = layout.per_queue * queue_pairs;
    return layout;
}

size_t rg_layout_bytes(const struct rg_layout *layout)
{
    return layout->blocks * layout->stride_bytes;
}

struct rg_blocks rg_layout_touched(const struct rg_layout *layout, uint32_t q, uint64_t messages)
{
    return (struct rg_blocks){
        .first_bytes = q % layout->blocks * layout->stride_bytes,
        .count = messages < layout->per_queue ? messages : layout->per_queue,
        .block_bytes = layout->message_bytes,
        .stride_bytes = layout->queue_pairs * layout->stride_bytes,
    };
}

int rg_endpoint_open(const char *transport, const struct rg_endpoint_config *config, struct rg_endpoint **out,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        if (strcmp(transports[i]->name, transport) == 0)
            return transports[i]->open(config, out, fault, err);
    return rg_fail(err, -EINVAL, "transport '%s' is not built in", transport);
}

void rg_endpoint_close(struct rg_endpoint *endpoint)
{
    if (endpoint != NULL)
        transport_of(endpoint)->close(endpoint);
}

void rg_endpoint_registration(
    const struct rg_endpoint *endpoint, struct rg_registration *source, struct rg_registration *target)
{
    transport_of(endpoint)->registration(endpoint, source, target);
}

void rg_endpoint_address(const struct rg_endpoint *endpoint, struct rg_endpoint_address *out)
{
    transport_of(endpoint)->address(endpoint, out);
}

int rg_endpoint_connect(struct rg_endpoint *endpoint, const struct rg_endpoint_address *peer, uint64_t until_ns,
    struct rg_endpoint_path *out, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    return transport_of(endpoint)->connect(endpoint, peer, until_ns, out, fault, err);
}

int rg_endpoint_await_peer(struct rg_endpoint *endpoint, uint64_t until_ns, struct rg_endpoint_path *io,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    const struct rg_transport *transport = transport_of(endpoint);
    return transport->await_peer ? transport->await_peer(endpoint, until_ns, io, fault, err) : 0;
}

int64_t rg_endpoint_counters(const struct rg_endpoint *endpoint, struct rg_counter *out, int64_t room)
{
    const struct rg_transport *transport = transport_of(endpoint);
    return transport->counters ? transport->counters(endpoint, out, room) : 0;
}

uint64_t rg_endpoint_posted(const struct rg_endpoint *endpoint, uint32_t q)
{
    return transport_of(endpoint)->posted(endpoint, q);
}

void rg_endpoint_explain(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err)
{
    transport_of(endpoint)->explain(endpoint, fault, err);
}
