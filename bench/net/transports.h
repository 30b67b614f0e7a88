/* What a transport implements; for the files of net/ alone. */
#ifndef RG_NET_TRANSPORTS_H
#define RG_NET_TRANSPORTS_H

#include "net/endpoint.h"

/* An endpoint of any transport begins with this. */
struct rg_transport_endpoint {
    struct rg_endpoint endpoint;
    const struct rg_transport *transport;
};

struct rg_transport {
    const char *name;
    int (*open)(const struct rg_endpoint_config *config, struct rg_endpoint **out, struct rg_endpoint_fault *fault,
        struct rg_error *err);
    void (*close)(struct rg_endpoint *endpoint);
    void (*registration)(
        const struct rg_endpoint *endpoint, struct rg_registration *source, struct rg_registration *target);
    void (*address)(const struct rg_endpoint *endpoint, struct rg_endpoint_address *out);
    int (*connect)(struct rg_endpoint *endpoint, const struct rg_endpoint_address *peer, uint64_t until_ns,
        struct rg_endpoint_path *out, struct rg_endpoint_fault *fault, struct rg_error *err);
    /* NULL: nothing to wait for */
    int (*await_peer)(struct rg_endpoint *endpoint, uint64_t until_ns, struct rg_endpoint_path *io,
        struct rg_endpoint_fault *fault, struct rg_error *err);
    /* NULL: none */
    int64_t (*counters)(const struct rg_endpoint *endpoint, struct rg_counter *out, int64_t room);
    uint64_t (*posted)(const struct rg_endpoint *endpoint, uint32_t q);
    void (*explain)(const struct rg_endpoint *endpoint, struct rg_endpoint_fault *fault, struct rg_error *err);
};

/* Says that a step of the set-up failed, in *fault and in the error; returns the code, or that of errno. */
int rg_transport_failed(const char *device, int code, const char *step, const char *status,
    struct rg_endpoint_fault *fault, struct rg_error *err);
int rg_transport_errno_failed(
    const char *device, int error, const char *step, struct rg_endpoint_fault *fault, struct rg_error *err);

extern const struct rg_transport rg_transport_verbs, rg_transport_tcp, rg_transport_cuda;

#endif
