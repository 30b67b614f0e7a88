/* Collectives by MPI on host memory: the processors' stand-in where there is no GPU. */
#include "coll/backends.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_RING 16

struct mpi_communicator {
    struct rg_communicator base;
    MPI_Comm comm;
    MPI_Op reduce[2][5]; /* of bfloat16 and float16, which MPI does not know, by reduction */
};

static struct mpi_communicator *mpi_of(const struct rg_collective *collective)
{
    return (struct mpi_communicator *)(void *)collective->communicator;
}

static int mpi_failed(const char *what, int status, struct rg_error *err)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(status, text, &length);
    return rg_fail(err, -EIO, "%s: MPI said: %.*s", what, length, text);
}

/* --- 16-bit floating-point numbers: exact for what the inputs are and add up to; else cut off --- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float widen(enum rg_data_type type, uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu;
    if (type == RG_BFLOAT16)
        return from_bits((uint32_t)half << 16);
    return magnitude == 0 ? 0.0f : from_bits((half & 0x8000u) << 16 | ((magnitude << 13) + (112u << 23)));
}

static uint16_t narrow(enum rg_data_type type, float value)
{
    uint32_t bits = to_bits(value), magnitude = bits & 0x7fffffffu;
    if (type == RG_BFLOAT16)
        return (uint16_t)(bits >> 16);
    return magnitude == 0 ? 0 : (uint16_t)((bits >> 16 & 0x8000u) | ((magnitude - (112u << 23)) >> 13));
}

static inline __attribute__((always_inline)) void reduce_as(
    const void *in, void *io, const int *count, enum rg_data_type type, enum rg_reduction reduction)
{
    const uint16_t *a = in;
    uint16_t *b = io;
    for (int i = 0; i < *count; i++) {
        float x = widen(type, a[i]), y = widen(type, b[i]), z = x + y;
        if (reduction == RG_PROD)
            z = x * y;
        else if (reduction == RG_MIN)
            z = x < y ? x : y;
        else if (reduction == RG_MAX)
            z = x > y ? x : y;
        b[i] = narrow(type, z);
    }
}

#define REDUCE(name, type, reduction)                                                                                  \
    static void name(void *in, void *io, int *count, MPI_Datatype *of)                                                 \
    {                                                                                                                  \
        (void)of;                                                                                                      \
        reduce_as(in, io, count, type, reduction);                                                                     \
    }
REDUCE(sum_bfloat16, RG_BFLOAT16, RG_SUM)
REDUCE(prod_bfloat16, RG_BFLOAT16, RG_PROD)
REDUCE(min_bfloat16, RG_BFLOAT16, RG_MIN)
REDUCE(max_bfloat16, RG_BFLOAT16, RG_MAX)
REDUCE(sum_float16, RG_FLOAT16, RG_SUM)
REDUCE(prod_float16, RG_FLOAT16, RG_PROD)
REDUCE(min_float16, RG_FLOAT16, RG_MIN)
REDUCE(max_float16, RG_FLOAT16, RG_MAX)

static MPI_User_function *const reductions[2][5] = {
    {sum_bfloat16, prod_bfloat16, min_bfloat16, max_bfloat16, sum_bfloat16},
    {sum_float16, prod_float16, min_float16, max_float16, sum_float16},
};

static bool is_short(enum rg_data_type type)
{
    return type == RG_BFLOAT16 || type == RG_FLOAT16;
}

static MPI_Datatype type_of(enum rg_data_type type)
{
    return type == RG_FLOAT32 ? MPI_FLOAT
           : type == RG_INT32 ? MPI_INT32_T
           : type == RG_UINT8 ? MPI_UINT8_T
                              : MPI_UINT16_T;
}

/* An average is a sum, divided afterwards. */
static MPI_Op reduction_of(const struct rg_collective *collective)
{
    const struct rg_collective_config *config = &collective->config;
    if (is_short(config->type))
        return mpi_of(collective)->reduce[config->type == RG_FLOAT16][config->reduction];
    const MPI_Op known[] = {
        [RG_SUM] = MPI_SUM, [RG_PROD] = MPI_PROD, [RG_MIN] = MPI_MIN, [RG_MAX] = MPI_MAX, [RG_AVG] = MPI_SUM};
    return known[config->reduction];
}

static void divide(struct rg_collective *collective)
{
    enum rg_data_type type = collective->config.type;
    uint64_t count = rg_elements_gotten(&collective->elements);
    uint32_t ranks = collective->elements.ranks;
    for (uint64_t i = 0; i < count; i++) {
        if (type == RG_FLOAT32)
            ((float *)collective->output)[i] /= (float)ranks;
        else if (type == RG_INT32)
            ((int32_t *)collective->output)[i] /= (int32_t)ranks;
        else if (type == RG_UINT8)
            ((uint8_t *)collective->output)[i] = (uint8_t)(((uint8_t *)collective->output)[i] / ranks);
        else
            ((uint16_t *)collective->output)[i] =
                narrow(type, widen(type, ((uint16_t *)collective->output)[i]) / (float)ranks);
    }
}

/* --- the group --- */

static int mpi_invite(uint8_t invitation[RG_INVITATION_BYTES], struct rg_error *err)
{
    (void)err;
    memset(invitation, 0, RG_INVITATION_BYTES); /* the ranks know each other already */
    return 0;
}

static void mpi_leave(struct rg_communicator *communicator)
{
    struct mpi_communicator *mpi = (struct mpi_communicator *)(void *)communicator;
    for (int i = 0; i < 10; i++)
        if (mpi->reduce[i / 5][i % 5] != MPI_OP_NULL)
            MPI_Op_free(&mpi->reduce[i / 5][i % 5]);
    if (mpi->comm != MPI_COMM_NULL && mpi->comm != MPI_COMM_WORLD && !communicator->broken)
        MPI_Comm_free(&mpi->comm);
    free(mpi);
}

static int make_comm(const struct rg_communicator_config *config, MPI_Comm *out)
{
    MPI_Group world, group;
    int size;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (config->count == size) {
        *out = MPI_COMM_WORLD;
        return MPI_SUCCESS;
    }
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, config->count, config->ranks, &group);
    int status = MPI_Comm_create_group(MPI_COMM_WORLD, group, TAG_RING, out);
    MPI_Group_free(&group);
    MPI_Group_free(&world);
    return status;
}

static int mpi_join(
    const struct rg_communicator_config *config, uint64_t until_ns, struct rg_communicator **out, struct rg_error *err)
{
    (void)until_ns; /* MPI makes no group by a deadline: the members have just met by one, and the front watches the run
                     */
    struct mpi_communicator *mpi = calloc(1, sizeof *mpi);
    if (mpi == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    mpi->base = (struct rg_communicator){.backend = &rg_backend_mpi, .count = config->count, .self = config->self};
    mpi->comm = MPI_COMM_NULL;
    for (int i = 0; i < 10; i++)
        mpi->reduce[i / 5][i % 5] = MPI_OP_NULL;
    int status = make_comm(config, &mpi->comm);
    for (int i = 0; status == MPI_SUCCESS && i < 10; i++)
        status = MPI_Op_create(reductions[i / 5][i % 5], 1, &mpi->reduce[i / 5][i % 5]);
    if (status != MPI_SUCCESS) {
        mpi_leave(&mpi->base);
        return mpi_failed("make a group of ranks", status, err);
    }
    *out = &mpi->base;
    return 0;
}

static void mpi_describe(const struct rg_communicator *communicator, struct rg_communicator_facts *out)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    (void)communicator;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = '\0';
    bool open_mpi = strncmp(version, "Open MPI v", 10) == 0;
    snprintf(out->library, sizeof out->library, "%s%s", open_mpi ? "Open MPI " : "", version + (open_mpi ? 10 : 0));
}

/* --- one collective --- */

static void *allocate(size_t bytes, void *context)
{
    (void)context;
    return malloc(bytes);
}

static void mpi_close(struct rg_collective *collective)
{
    struct rg_collective_buffer buffers[2];
    rg_collective_buffers(collective, buffers);
    if (!collective->communicator->broken) { /* else MPI may still use them */
        free(buffers[0].at);
        free(buffers[1].at);
    }
    free(collective);
}

static int mpi_open(const struct rg_collective *shape, struct rg_collective **out, struct rg_error *err)
{
    const char *word = rg_operation_words[shape->config.operation];
    if (shape->elements.chunk > INT_MAX)
        return rg_fail(err, -EOPNOTSUPP, "%s over MPI: more than 2^31 elements a rank", word);
    if (shape->config.operation == RG_BROADCAST && !shape->config.in_place)
        return rg_fail(err, -EOPNOTSUPP, "MPI's broadcast is in place: ask for --in-place");
    struct rg_collective *collective = malloc(sizeof *collective);
    if (collective == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    *collective = *shape;
    if (!rg_collective_place(collective, allocate, NULL)) {
        mpi_close(collective);
        return rg_fail(
            err, -ENOMEM, "no host memory for %s of %llu bytes", word, (unsigned long long)shape->config.bytes);
    }
    *out = collective;
    return 0;
}

static void store(void *data, uint64_t i, uint32_t bytes, uint32_t bits)
{
    memcpy((char *)data + i * bytes, &bits, bytes); /* the low bytes come first */
}

static int mpi_prepare(struct rg_collective *collective, struct rg_error *err)
{
    const struct rg_elements *e = &collective->elements;
    uint32_t bytes = rg_element_bytes(e->type);
    (void)err;
    memset(collective->output, 0xff, collective->gotten_bytes);
    if (collective->config.operation == RG_BROADCAST && e->rank != 0)
        return 0;
    for (uint64_t i = 0; i < rg_elements_given(e); i++)
        store(collective->input, i, bytes, rg_elements_input(e, i));
    return 0;
}

static int start(struct rg_collective *c, MPI_Request requests[2])
{
    MPI_Comm comm = mpi_of(c)->comm;
    MPI_Datatype type = type_of(c->config.type);
    int count = (int)c->elements.chunk, n = c->communicator->count, self = c->communicator->self;
    const void *input = c->config.in_place ? MPI_IN_PLACE : c->input;
    void *whole = c->config.in_place && c->config.operation == RG_REDUCE_SCATTER ? c->input : c->output;
    requests[1] = MPI_REQUEST_NULL;
    switch (c->config.operation) {
    case RG_ALL_REDUCE:
        return MPI_Iallreduce(input, c->output, count, type, reduction_of(c), comm, requests);
    case RG_REDUCE_SCATTER:
        return MPI_Ireduce_scatter_block(input, whole, count, type, reduction_of(c), comm, requests);
    case RG_ALL_GATHER:
        return MPI_Iallgather(input, count, type, c->output, count, type, comm, requests);
    case RG_BROADCAST:
        return MPI_Ibcast(c->output, count, type, 0, comm, requests);
    case RG_ALL_TO_ALL:
        return MPI_Ialltoall(c->input, count, type, c->output, count, type, comm, requests);
    case RG_SEND_RECV: {
        int status = MPI_Irecv(c->output, count, type, (self + n - 1) % n, TAG_RING, comm, &requests[0]);
        return status == MPI_SUCCESS ? MPI_Isend(c->input, count, type, (self + 1) % n, TAG_RING, comm, &requests[1])
                                     : status;
    }
    }
    return MPI_ERR_OP;
}

/* In place MPI leaves a rank's part at the start of the buffer, where the other libraries leave it in the rank's own.
 */
static void settle_place(struct rg_collective *c)
{
    if (c->config.in_place && c->config.operation == RG_REDUCE_SCATTER && c->input != c->output)
        memmove(c->output, c->input, c->gotten_bytes);
    if (c->config.reduction == RG_AVG &&
        (c->config.operation == RG_ALL_REDUCE || c->config.operation == RG_REDUCE_SCATTER))
        divide(c);
}

/* Non-blocking, so that a rank that never comes costs a deadline and not the run. */
static int run_once(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err)
{
    const char *word = rg_operation_words[collective->config.operation];
    MPI_Request requests[2];
    int done = 0, status = start(collective, requests);
    while (status == MPI_SUCCESS && !done) {
        status = MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
        if (status == MPI_SUCCESS && !done && rg_clock_now_ns() > until_ns)
            return rg_fail(err, -ETIMEDOUT, "%s did not end in time", word);
    }
    if (status != MPI_SUCCESS)
        return mpi_failed(word, status, err);
    settle_place(collective);
    return 0;
}

static int mpi_run(struct rg_collective *collective, uint64_t iterations, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err)
{
    int code = 0;
    for (uint64_t done = 0, step; code == 0 && done < iterations; done += step) {
        uint64_t before_ns = rg_clock_now_ns();
        step = iterations - done < calls ? iterations - done : calls;
        for (uint64_t i = 0; code == 0 && i < step; i++)
            code = run_once(collective, until_ns, err);
        if (samples_us != NULL)
            *samples_us++ = (double)(rg_clock_now_ns() - before_ns) / 1e3 / (double)step;
    }
    return code;
}

static int mpi_check(struct rg_collective *collective, struct rg_collective_check *io, struct rg_error *err)
{
    const struct rg_elements *e = &collective->elements;
    uint32_t bytes = rg_element_bytes(e->type);
    uint64_t count = rg_elements_gotten(e);
    (void)err;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t got = 0, expected = rg_elements_output(e, i);
        memcpy(&got, (const char *)collective->output + i * bytes, bytes);
        if (got == expected)
            continue;
        if (io->mismatches++ == 0) {
            io->first_offset_bytes = i * bytes;
            io->expected = expected;
            io->got = got;
        }
    }
    io->elements_checked += count;
    return 0;
}

const struct rg_backend rg_backend_mpi = {
    .name = "mpi",
    .sample_s = 5e-6, /* the processor's clock takes some 30 ns to read */
    .invite = mpi_invite,
    .join = mpi_join,
    .leave = mpi_leave,
    .describe = mpi_describe,
    .open = mpi_open,
    .close = mpi_close,
    .prepare = mpi_prepare,
    .run = mpi_run,
    .check = mpi_check,
};
