/* Doubles of what needs a NIC or MPI, so that the registries can be tested without them. */
#include "doubles.h"

#include "coll/backends.h"
#include "net/transports.h"

#include <errno.h>
#include <string.h>

struct double_calls double_calls;

static struct rg_transport_endpoint double_endpoint = {.transport = &rg_transport_verbs};

static int open_endpoint(const struct rg_endpoint_config *config, struct rg_endpoint **out,
    struct rg_endpoint_fault *fault, struct rg_error *err)
{
    double_calls.opened++;
    if (config->queue_pairs == 0) {
        strcpy(fault->step, "create queue pair");
        return rg_fail(err, -EOPNOTSUPP, "no queue pairs");
    }
    *out = &double_endpoint.endpoint;
    return 0;
}

static void close_endpoint(struct rg_endpoint *endpoint)
{
    double_calls.closed += endpoint == &double_endpoint.endpoint;
}

const struct rg_transport rg_transport_verbs = {.name = "verbs", .open = open_endpoint, .close = close_endpoint};

static int open_collective(uint64_t bytes_each, uint64_t seed, struct rg_collective **out, struct rg_error *err)
{
    static struct rg_collective collective = {.ops = &rg_collective_mpi};
    (void)err;
    double_calls.opened++;
    collective.elements = bytes_each / sizeof(float);
    collective.seed = seed;
    *out = &collective;
    return 0;
}

static void close_collective(struct rg_collective *collective)
{
    double_calls.closed += collective->ops == &rg_collective_mpi;
}

static int run_collective(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err)
{
    (void)collective;
    return until_ns == 0 ? rg_fail(err, -ETIMEDOUT, "too late") : 0;
}

const struct rg_collective_ops rg_collective_mpi = {
    .name = "mpi", .open = open_collective, .close = close_collective, .run = run_collective};
