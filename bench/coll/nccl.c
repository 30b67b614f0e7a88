/* Collectives by NCCL on GPU memory. Communicators do not block, so that ranks which never come cost a deadline. */
#include "coll/backends.h"

#include "base/clock.h"
#include "kernels/kernels.h"

#include <cuda_runtime_api.h>
#include <errno.h>
#include <nccl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT 1024 /* launches between two waits */
/* An event in the stream costs about 2 us, and keeps an operation from starting while the one before it ends: on one
 * H200, samples of one call made a small all_reduce 1.1 to 1.6 times as long as nccl-tests, which has no events, saw
 * it.
 */
#define SAMPLE_S 200e-6
#define LEAVE_S 10.0

struct nccl_communicator {
    struct rg_communicator base;
    ncclComm_t comm;
    cudaStream_t stream;
    int device;
    struct rg_communicator_facts facts; /* as the environment was when it was made */
};

struct nccl_collective {
    struct rg_collective base;
    cudaEvent_t events[SEGMENT + 1];
    struct rg_kernel_found *found; /* on the device */
    void *registered[2];
    cudaGraphExec_t launchable; /* of so many calls: */
    uint64_t launchable_calls;
    uint64_t turn; /* of the next operation */
};

static struct nccl_communicator *nccl_of(struct rg_communicator *communicator)
{
    return (struct nccl_communicator *)(void *)communicator;
}

static struct nccl_collective *collective_of(struct rg_collective *collective)
{
    return (struct nccl_collective *)(void *)collective;
}

static int cuda_failed(const struct nccl_communicator *nccl, const char *call, cudaError_t status, struct rg_error *err)
{
    return rg_fail(err, status == cudaErrorMemoryAllocation ? -ENOMEM : -EIO, "GPU %d: %s: %s (%s)", nccl->device, call,
        cudaGetErrorString(status), cudaGetErrorName(status));
}

static int nccl_failed(
    const struct nccl_communicator *nccl, const char *call, ncclResult_t status, struct rg_error *err)
{
    const char *more = nccl->comm ? ncclGetLastError(nccl->comm) : NULL;
    return rg_fail(err, -EIO, "GPU %d: %s: %s%s%s", nccl->device, call, ncclGetErrorString(status),
        more && more[0] ? ": " : "", more ? more : "");
}

/* A call on a communicator that does not block may still be under way when it returns. */
static int settle(
    struct nccl_communicator *nccl, ncclResult_t status, const char *call, uint64_t until_ns, struct rg_error *err)
{
    while (status == ncclInProgress) {
        ncclResult_t asked = ncclCommGetAsyncError(nccl->comm, &status);
        if (asked != ncclSuccess)
            status = asked;
        if (status == ncclInProgress && rg_clock_now_ns() > until_ns)
            return rg_fail(err, -ETIMEDOUT, "GPU %d: %s did not end in time", nccl->device, call);
        if (status == ncclInProgress)
            sched_yield();
    }
    return status == ncclSuccess ? 0 : nccl_failed(nccl, call, status, err);
}

/* --- the group --- */

static int nccl_invite(uint8_t invitation[RG_INVITATION_BYTES], struct rg_error *err)
{
    ncclUniqueId id;
    _Static_assert(sizeof id == RG_INVITATION_BYTES, "NCCL's unique id is the invitation");
    ncclResult_t status = ncclGetUniqueId(&id);
    if (status != ncclSuccess)
        return rg_fail(err, -EIO, "ncclGetUniqueId: %s", ncclGetErrorString(status));
    memcpy(invitation, &id, sizeof id);
    return 0;
}

/* NCCL ends what a communicator still does before it lets go of it; what is broken is cut off. */
static void nccl_leave(struct rg_communicator *communicator)
{
    struct nccl_communicator *nccl = nccl_of(communicator);
    cudaSetDevice(nccl->device);
    if (nccl->comm != NULL && !communicator->broken) {
        struct rg_error ignored;
        uint64_t until_ns = rg_clock_after_ns(LEAVE_S);
        communicator->broken = settle(nccl, ncclCommFinalize(nccl->comm), "ncclCommFinalize", until_ns, &ignored) != 0;
    }
    if (nccl->comm != NULL && communicator->broken)
        ncclCommAbort(nccl->comm);
    else if (nccl->comm != NULL)
        ncclCommDestroy(nccl->comm);
    if (nccl->stream != NULL)
        cudaStreamDestroy(nccl->stream);
    free(nccl);
}

/* Sets a variable of the environment, which NCCL reads when a communicator is made; gives back what it was, malloc'd.
 */
static char *choose(const char *name, const char *value)
{
    const char *before = getenv(name);
    char *kept = before ? strdup(before) : NULL;
    if (value != NULL)
        setenv(name, value, 1);
    return kept;
}

static void restore(const char *name, char *kept)
{
    if (kept != NULL)
        setenv(name, kept, 1);
    else
        unsetenv(name);
    free(kept);
}

static void describe_environment(struct rg_communicator_facts *out)
{
    static const char *const names[] = {"NCCL_ALGO", "NCCL_PROTO", "NCCL_NET", "NCCL_NET_PLUGIN", "NCCL_TUNER_PLUGIN",
        "NCCL_TUNER_CONFIG_PATH", "NCCL_IB_HCA", "NCCL_IB_GID_INDEX", "NCCL_IB_TC", "NCCL_IB_SL",
        "NCCL_IB_QPS_PER_CONNECTION", "NCCL_IB_SPLIT_DATA_ON_QPS", "NCCL_IB_ADAPTIVE_ROUTING", "NCCL_SOCKET_IFNAME",
        "NCCL_CROSS_NIC", "NCCL_NET_GDR_LEVEL", "NCCL_P2P_LEVEL", "NCCL_P2P_NET_CHUNKSIZE", "NCCL_MIN_NCHANNELS",
        "NCCL_MAX_NCHANNELS", "NCCL_NVLS_ENABLE", "NCCL_NVLS_CHUNKSIZE", "NCCL_PXN_DISABLE", "NCCL_BUFFSIZE",
        "NCCL_DMABUF_ENABLE"};
    int version = 0;
    ncclGetVersion(&version);
    snprintf(out->library, sizeof out->library, "NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
    const char *net = getenv("NCCL_NET"), *plugin = getenv("NCCL_NET_PLUGIN");
    snprintf(out->plugin, sizeof out->plugin, "%s", net ? net : plugin ? plugin : "");
    for (size_t i = 0, used = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && used < sizeof out->settings)
            used += (size_t)snprintf(
                out->settings + used, sizeof out->settings - used, "%s%s=%s", used ? " " : "", names[i], value);
    }
}

static int connect_ranks(struct nccl_communicator *nccl, const struct rg_communicator_config *config, uint64_t until_ns,
    struct rg_error *err)
{
    ncclConfig_t options = NCCL_CONFIG_INITIALIZER;
    ncclUniqueId id;
    options.blocking = 0;
    memcpy(&id, config->invitation, sizeof id);
    cudaError_t status = cudaSetDevice(nccl->device);
    if (status != cudaSuccess)
        return cuda_failed(nccl, "cudaSetDevice", status, err);
    status = cudaStreamCreateWithFlags(&nccl->stream, cudaStreamNonBlocking);
    if (status != cudaSuccess)
        return cuda_failed(nccl, "cudaStreamCreateWithFlags", status, err);
    char *algorithm = choose("NCCL_ALGO", config->algorithm), *protocol = choose("NCCL_PROTO", config->protocol);
    describe_environment(&nccl->facts);
    ncclResult_t result = ncclCommInitRankConfig(&nccl->comm, config->count, id, config->self, &options);
    int code = settle(nccl, result, "ncclCommInitRankConfig", until_ns, err);
    restore("NCCL_ALGO", algorithm);
    restore("NCCL_PROTO", protocol);
    return code;
}

static int nccl_join(
    const struct rg_communicator_config *config, uint64_t until_ns, struct rg_communicator **out, struct rg_error *err)
{
    struct nccl_communicator *nccl = calloc(1, sizeof *nccl);
    if (nccl == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    nccl->base = (struct rg_communicator){.backend = &rg_backend_nccl, .count = config->count, .self = config->self};
    nccl->device = config->device;
    int code = connect_ranks(nccl, config, until_ns, err);
    if (code != 0) {
        nccl->base.broken = true;
        nccl_leave(&nccl->base);
        return code;
    }
    *out = &nccl->base;
    return 0;
}

static void nccl_describe(const struct rg_communicator *communicator, struct rg_communicator_facts *out)
{
    *out = ((const struct nccl_communicator *)(const void *)communicator)->facts;
}

/* --- one collective --- */

static void *allocate(size_t bytes, void *context)
{
    void *buffer = NULL;
    cudaError_t *status = context;
    *status = cudaMalloc(&buffer, bytes);
    return *status == cudaSuccess ? buffer : NULL;
}

/* NVLink's switches work on registered memory only where NCCL itself, or one who maps it alike, has made it (NCCL's
 * user guide, User Buffer Registration). */
static void *allocate_to_register(size_t bytes, void *context)
{
    void *buffer = NULL;
    ncclResult_t *status = context;
    *status = ncclMemAlloc(&buffer, bytes);
    return *status == ncclSuccess ? buffer : NULL;
}

static void release(const struct rg_collective *base, void *buffer)
{
    if (buffer != NULL && base->config.register_buffers)
        ncclMemFree(buffer);
    else
        cudaFree(buffer);
}

static void nccl_close(struct rg_collective *base)
{
    struct nccl_collective *collective = collective_of(base);
    struct nccl_communicator *nccl = nccl_of(base->communicator);
    struct rg_collective_buffer buffers[2];
    cudaSetDevice(nccl->device);
    if (base->communicator->broken && nccl->comm != NULL) { /* a kernel may wait in it for ever: it must end first */
        ncclCommAbort(nccl->comm);
        nccl->comm = NULL;
    }
    for (int i = 0; i < 2; i++)
        if (collective->registered[i] != NULL && nccl->comm != NULL)
            ncclCommDeregister(nccl->comm, collective->registered[i]);
    if (collective->launchable != NULL)
        cudaGraphExecDestroy(collective->launchable);
    for (int i = 0; i <= SEGMENT && collective->events[i] != NULL; i++)
        cudaEventDestroy(collective->events[i]);
    rg_collective_buffers(base, buffers);
    release(base, buffers[0].at);
    release(base, buffers[1].at);
    cudaFree(collective->found);
    free(collective);
}

static int register_buffers(struct nccl_collective *collective, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    struct rg_collective_buffer buffers[2];
    rg_collective_buffers(&collective->base, buffers);
    for (int i = 0; i < 2 && buffers[i].at != NULL; i++) {
        ncclResult_t status = ncclCommRegister(nccl->comm, buffers[i].at, buffers[i].all, &collective->registered[i]);
        if (status != ncclSuccess)
            return nccl_failed(nccl, "ncclCommRegister", status, err);
    }
    return 0;
}

static int open_on_device(struct nccl_collective *collective, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    cudaError_t status = cudaSetDevice(nccl->device);
    const char *call = "cudaSetDevice";
    bool registers = collective->base.config.register_buffers;
    ncclResult_t given = ncclSuccess;
    if (status == cudaSuccess && registers && !rg_collective_place(&collective->base, allocate_to_register, &given))
        return nccl_failed(nccl, "ncclMemAlloc", given, err);
    if (status == cudaSuccess && !registers && !rg_collective_place(&collective->base, allocate, &status))
        call = "cudaMalloc";
    if (status == cudaSuccess)
        status = cudaMalloc((void **)&collective->found, sizeof *collective->found), call = "cudaMalloc";
    for (int i = 0; status == cudaSuccess && i <= SEGMENT; i++)
        status = cudaEventCreateWithFlags(&collective->events[i], cudaEventDefault), call = "cudaEventCreateWithFlags";
    if (status != cudaSuccess)
        return cuda_failed(nccl, call, status, err);
    return registers ? register_buffers(collective, err) : 0;
}

static int nccl_open(const struct rg_collective *shape, struct rg_collective **out, struct rg_error *err)
{
    struct nccl_collective *collective = calloc(1, sizeof *collective);
    if (collective == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    collective->base = *shape;
    int code = open_on_device(collective, err);
    if (code != 0) {
        nccl_close(&collective->base);
        return code;
    }
    *out = &collective->base;
    return 0;
}

static int wait_for_device(struct nccl_communicator *nccl, int status, const char *call, struct rg_error *err)
{
    if (status == cudaSuccess)
        status = cudaDeviceSynchronize();
    return status == cudaSuccess ? 0 : cuda_failed(nccl, call, (cudaError_t)status, err);
}

/* From turn 0 to the others. */
static cudaError_t spread(const struct rg_collective *base)
{
    struct rg_collective_buffer buffers[2];
    cudaError_t status = cudaSuccess;
    rg_collective_buffers(base, buffers);
    for (int i = 0; i < 2 && buffers[i].at != NULL && buffers[i].each > 0; i++)
        for (uint64_t have = 1, more; status == cudaSuccess && have < base->turns; have += more) {
            more = have < base->turns - have ? have : base->turns - have;
            status = cudaMemcpy((char *)buffers[i].at + have * buffers[i].step, buffers[i].at,
                (more - 1) * buffers[i].step + buffers[i].each, cudaMemcpyDeviceToDevice);
        }
    return status;
}

static int nccl_prepare(struct rg_collective *base, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(base->communicator);
    const struct rg_elements *e = &base->elements;
    int status = cudaSetDevice(nccl->device);
    collective_of(base)->turn = 0;
    if (status == cudaSuccess)
        status = cudaMemset(base->output, 0xff, base->gotten_bytes);
    if (status == cudaSuccess && (base->config.operation != RG_BROADCAST || e->rank == 0))
        status = rg_kernel_elements_fill(base->input, e, 0, rg_elements_given(e), NULL);
    if (status == cudaSuccess)
        status = spread(base);
    return wait_for_device(nccl, status, "fill the input", err);
}

static ncclRedOp_t reduction_of(enum rg_reduction reduction)
{
    static const ncclRedOp_t known[] = {
        [RG_SUM] = ncclSum, [RG_PROD] = ncclProd, [RG_MIN] = ncclMin, [RG_MAX] = ncclMax, [RG_AVG] = ncclAvg};
    return known[reduction];
}

static ncclDataType_t type_of(enum rg_data_type type)
{
    static const ncclDataType_t known[] = {[RG_FLOAT32] = ncclFloat32,
        [RG_BFLOAT16] = ncclBfloat16,
        [RG_FLOAT16] = ncclFloat16,
        [RG_INT32] = ncclInt32,
        [RG_UINT8] = ncclUint8};
    return known[type];
}

/* Sends and receives of a group go at once. */
static ncclResult_t exchange(
    const struct rg_collective *c, const char *input, char *output, ncclComm_t comm, cudaStream_t stream)
{
    size_t count = c->elements.chunk, step = count * rg_element_bytes(c->config.type);
    ncclDataType_t type = type_of(c->config.type);
    int n = c->communicator->count, self = c->communicator->self;
    bool ring = c->config.operation == RG_SEND_RECV;
    ncclResult_t status = ncclGroupStart();
    for (int peer = 0; status == ncclSuccess && peer < n; peer++) {
        bool sends = !ring || peer == (self + 1) % n, receives = !ring || peer == (self + n - 1) % n;
        size_t at = ring ? 0 : (size_t)peer * step;
        if (sends)
            status = ncclSend(input + at, count, type, peer, comm, stream);
        if (status == ncclSuccess && receives)
            status = ncclRecv(output + at, count, type, peer, comm, stream);
    }
    ncclResult_t ended = ncclGroupEnd();
    return status == ncclSuccess || status == ncclInProgress ? ended : status;
}

static ncclResult_t launch(const struct rg_collective *c, uint64_t turn, ncclComm_t comm, cudaStream_t stream)
{
    size_t count = c->elements.chunk;
    ncclDataType_t type = type_of(c->config.type);
    ncclRedOp_t reduction = reduction_of(c->config.reduction);
    const void *input = rg_collective_input(c, turn);
    void *output = rg_collective_output(c, turn);
    switch (c->config.operation) {
    case RG_ALL_REDUCE:
        return ncclAllReduce(input, output, count, type, reduction, comm, stream);
    case RG_REDUCE_SCATTER:
        return ncclReduceScatter(input, output, count, type, reduction, comm, stream);
    case RG_ALL_GATHER:
        return ncclAllGather(input, output, count, type, comm, stream);
    case RG_BROADCAST:
        return ncclBroadcast(input, output, count, type, 0, comm, stream);
    case RG_ALL_TO_ALL:
    case RG_SEND_RECV:
        return exchange(c, input, output, comm, stream);
    }
    return ncclInvalidArgument;
}

static int launch_calls(struct nccl_collective *collective, uint64_t calls, uint64_t until_ns, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    const char *word = rg_operation_words[collective->base.config.operation];
    int code = 0;
    for (uint64_t i = 0; code == 0 && i < calls; i++) {
        ncclResult_t status = launch(&collective->base, collective->turn++, nccl->comm, nccl->stream);
        code = settle(nccl, status, word, until_ns, err);
    }
    return code;
}

/* A graph of the calls of a sample, as programs have them: one launch for many operations. */
static int capture(struct nccl_collective *collective, uint64_t calls, uint64_t until_ns, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    const char *call = "cudaStreamBeginCapture";
    cudaGraph_t graph = NULL;
    collective->turn = 0;
    if (collective->launchable != NULL)
        cudaGraphExecDestroy(collective->launchable);
    collective->launchable = NULL;
    cudaError_t status = cudaStreamBeginCapture(nccl->stream, cudaStreamCaptureModeThreadLocal);
    int code = status == cudaSuccess ? launch_calls(collective, calls, until_ns, err) : 0;
    if (status == cudaSuccess)
        status = cudaStreamEndCapture(nccl->stream, &graph), call = "cudaStreamEndCapture";
    if (code == 0 && status == cudaSuccess)
        status = cudaGraphInstantiate(&collective->launchable, graph, 0), call = "cudaGraphInstantiate";
    if (graph != NULL)
        cudaGraphDestroy(graph);
    collective->launchable_calls = calls;
    return code == 0 && status != cudaSuccess ? cuda_failed(nccl, call, status, err) : code;
}

/* What is left of a sample's calls in the end goes without the graph. */
static int launch_sample(struct nccl_collective *collective, uint64_t calls, uint64_t until_ns, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    if (collective->launchable == NULL || collective->launchable_calls != calls)
        return launch_calls(collective, calls, until_ns, err);
    cudaError_t status = cudaGraphLaunch(collective->launchable, nccl->stream);
    return status == cudaSuccess ? 0 : cuda_failed(nccl, "cudaGraphLaunch", status, err);
}

/* Until the stream is empty. */
static int drain(struct nccl_collective *collective, uint64_t until_ns, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    const char *word = rg_operation_words[collective->base.config.operation];
    cudaError_t status;
    while ((status = cudaStreamQuery(nccl->stream)) == cudaErrorNotReady) {
        ncclResult_t failed = ncclSuccess;
        ncclResult_t asked = ncclCommGetAsyncError(nccl->comm, &failed);
        if (asked != ncclSuccess || (failed != ncclSuccess && failed != ncclInProgress))
            return nccl_failed(nccl, word, asked != ncclSuccess ? asked : failed, err);
        if (rg_clock_now_ns() > until_ns)
            return rg_fail(err, -ETIMEDOUT, "%s did not end in time", word);
    }
    cudaGetLastError(); /* it would tell the next launch of "not ready" */
    if (status != cudaSuccess)
        return cuda_failed(nccl, word, status, err);
    ncclResult_t failed = ncclSuccess, asked = ncclCommGetAsyncError(nccl->comm, &failed);
    return asked == ncclSuccess && failed == ncclSuccess
               ? 0
               : nccl_failed(nccl, word, asked != ncclSuccess ? asked : failed, err);
}

/* The operations of a segment, sample by sample. The time of each is that between the events before and after it; where
 * it is short, one that nobody times goes first, so that the device is busy when the others begin. */
static int run_segment(struct nccl_collective *collective, uint64_t iterations, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err)
{
    struct nccl_communicator *nccl = nccl_of(collective->base.communicator);
    bool timed = samples_us != NULL, graph = collective->launchable != NULL;
    uint64_t samples = (iterations + calls - 1) / calls, last = iterations - (samples - 1) * calls;
    int code = timed && (calls > 1 || graph) ? launch_sample(collective, calls, until_ns, err) : 0;
    cudaError_t status = timed ? cudaEventRecord(collective->events[0], nccl->stream) : cudaSuccess;
    for (uint64_t i = 0; code == 0 && status == cudaSuccess && i < samples; i++) {
        code = launch_sample(collective, i + 1 < samples ? calls : last, until_ns, err);
        status = timed ? cudaEventRecord(collective->events[i + 1], nccl->stream) : cudaSuccess;
    }
    if (code == 0 && status != cudaSuccess)
        return cuda_failed(nccl, "cudaEventRecord", status, err);
    if (code == 0)
        code = drain(collective, until_ns, err);
    for (uint64_t i = 0; code == 0 && timed && i < samples; i++) {
        float ms;
        status = cudaEventElapsedTime(&ms, collective->events[i], collective->events[i + 1]);
        if (status != cudaSuccess)
            return cuda_failed(nccl, "cudaEventElapsedTime", status, err);
        samples_us[i] = (double)ms * 1e3 / (double)(i + 1 < samples ? calls : last);
    }
    return code;
}

static int nccl_run(struct rg_collective *base, uint64_t iterations, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err)
{
    struct nccl_collective *collective = collective_of(base);
    bool graph = base->config.cuda_graph;
    uint64_t launches = graph ? 1 : calls, most = (launches < SEGMENT ? SEGMENT / launches : 1) * calls;
    int code = 0;
    if (graph && iterations > 0 && (collective->launchable == NULL || collective->launchable_calls != calls))
        code = capture(collective, calls, until_ns, err);
    for (uint64_t done = 0, step; code == 0 && done < iterations; done += step) {
        step = iterations - done < most ? iterations - done : most;
        code = run_segment(collective, step, calls, samples_us ? samples_us + done / calls : NULL, until_ns, err);
    }
    return code;
}

static int nccl_check(struct rg_collective *base, struct rg_collective_check *io, struct rg_error *err)
{
    struct nccl_collective *collective = collective_of(base);
    struct nccl_communicator *nccl = nccl_of(base->communicator);
    const struct rg_elements *e = &base->elements;
    const struct rg_kernel_found none = {0, UINT64_MAX};
    struct rg_kernel_found found = none;
    uint64_t count = rg_elements_gotten(e), got = 0;
    uint32_t bytes = rg_element_bytes(e->type);
    int status = cudaMemcpy(collective->found, &none, sizeof none, cudaMemcpyHostToDevice);
    if (status == cudaSuccess)
        status = rg_kernel_elements_check(base->output, e, 0, count, collective->found, NULL);
    int code = wait_for_device(nccl, status, "check the result", err);
    if (code != 0)
        return code;
    status = cudaMemcpy(&found, collective->found, sizeof found, cudaMemcpyDeviceToHost);
    if (status == cudaSuccess && found.mismatches > 0)
        status =
            cudaMemcpy(&got, (const char *)base->output + found.first_index * bytes, bytes, cudaMemcpyDeviceToHost);
    if (status != cudaSuccess)
        return cuda_failed(nccl, "cudaMemcpy", (cudaError_t)status, err);
    if (found.mismatches > 0 && io->mismatches == 0) {
        io->first_offset_bytes = found.first_index * bytes;
        io->expected = rg_elements_output(e, found.first_index);
        io->got = got;
    }
    io->mismatches += found.mismatches;
    io->elements_checked += count;
    return 0;
}

const struct rg_backend rg_backend_nccl = {
    .name = "nccl",
    .sample_s = SAMPLE_S,
    .invite = nccl_invite,
    .join = nccl_join,
    .leave = nccl_leave,
    .describe = nccl_describe,
    .open = nccl_open,
    .close = nccl_close,
    .prepare = nccl_prepare,
    .run = nccl_run,
    .check = nccl_check,
};
