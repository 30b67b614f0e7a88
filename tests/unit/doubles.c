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

/* A group of six ranks, of which this is number 2. */
static int join_group(
    const struct rg_communicator_config *config, uint64_t until_ns, struct rg_communicator **out, struct rg_error *err)
{
    static struct rg_communicator communicator = {.backend = &rg_backend_mpi, .count = 6, .self = 2};
    (void)config;
    (void)until_ns;
    (void)err;
    communicator.broken = false;
    *out = &communicator;
    return 0;
}

static void leave_group(struct rg_communicator *communicator)
{
    double_calls.closed += communicator->backend == &rg_backend_mpi;
}

static int open_collective(const struct rg_collective *shape, struct rg_collective **out, struct rg_error *err)
{
    static struct rg_collective collective;
    (void)err;
    double_calls.opened++;
    collective = *shape;
    *out = &collective;
    return 0;
}

static int run_collective(struct rg_collective *collective, uint64_t samples, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err)
{
    (void)collective;
    (void)samples;
    (void)calls;
    (void)samples_us;
    return until_ns == 0 ? rg_fail(err, -ETIMEDOUT, "too late") : 0;
}

const struct rg_backend rg_backend_mpi = {
    .name = "mpi", .join = join_group, .leave = leave_group, .open = open_collective, .run = run_collective};
const struct rg_backend rg_backend_nccl = {.name = "nccl"};
