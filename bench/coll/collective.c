/* The registry of backends, and what all of them share: how large, where, and how fast at best. */
#include "coll/collective.h"

#include "coll/backends.h"

#include <errno.h>
#include <string.h>

#define TURN_ALIGNMENT 256

static const struct rg_backend *const backends[] = {
    &rg_backend_mpi,
#ifdef RG_NCCL
    &rg_backend_nccl,
#endif
};

const char *const rg_operation_words[] = {[RG_ALL_REDUCE] = "all_reduce",
    [RG_ALL_GATHER] = "all_gather",
    [RG_REDUCE_SCATTER] = "reduce_scatter",
    [RG_BROADCAST] = "broadcast",
    [RG_ALL_TO_ALL] = "all_to_all",
    [RG_SEND_RECV] = "send_recv",
    NULL};

int rg_operation_of(const char *word)
{
    for (int i = 0; rg_operation_words[i] != NULL; i++)
        if (strcmp(rg_operation_words[i], word) == 0)
            return i;
    return -1;
}

static const struct rg_backend *backend_of(const char *name, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    rg_fail(err, -EOPNOTSUPP, "railgauge was built without %s", strcmp(name, "nccl") == 0 ? "NCCL" : name);
    return NULL;
}

int rg_communicator_invite(const char *backend, uint8_t invitation[RG_INVITATION_BYTES], struct rg_error *err)
{
    const struct rg_backend *found = backend_of(backend, err);
    return found ? found->invite(invitation, err) : -EOPNOTSUPP;
}

int rg_communicator_open(const char *backend, const struct rg_communicator_config *config, uint64_t until_ns,
    struct rg_communicator **out, struct rg_error *err)
{
    const struct rg_backend *found = backend_of(backend, err);
    return found ? found->join(config, until_ns, out, err) : -EOPNOTSUPP;
}

void rg_communicator_close(struct rg_communicator *communicator)
{
    if (communicator != NULL)
        communicator->backend->leave(communicator);
}

void rg_communicator_describe(const struct rg_communicator *communicator, struct rg_communicator_facts *out)
{
    *out = (struct rg_communicator_facts){{0}, {0}, {0}};
    communicator->backend->describe(communicator, out);
}

/* Each rank has a part of the larger buffer. */
static bool is_parted(enum rg_operation_kind operation)
{
    return operation == RG_ALL_GATHER || operation == RG_REDUCE_SCATTER || operation == RG_ALL_TO_ALL;
}

uint64_t rg_collective_moved_bytes(const struct rg_collective *collective)
{
    return collective->given_bytes > collective->gotten_bytes ? collective->given_bytes : collective->gotten_bytes;
}

/* Of turns, which begin where every type is aligned; of a single one nothing is lost. */
static size_t step_of(size_t bytes)
{
    return (bytes + TURN_ALIGNMENT - 1) / TURN_ALIGNMENT * TURN_ALIGNMENT;
}

static int shape_of(struct rg_communicator *communicator, const struct rg_collective_config *config,
    struct rg_collective *out, struct rg_error *err)
{
    uint64_t each = rg_element_bytes(config->type);
    uint64_t parts = is_parted(config->operation) ? (uint64_t)communicator->count : 1;
    const char *word = rg_operation_words[config->operation];
    *out = (struct rg_collective){.communicator = communicator, .config = *config};
    out->elements = (struct rg_elements){
        .operation = config->operation,
        .type = config->type,
        .reduction = config->reduction,
        .ranks = (uint32_t)communicator->count,
        .rank = (uint32_t)communicator->self,
        .chunk = config->bytes / each / parts,
        .seed = config->seed,
    };
    out->given_bytes = rg_elements_given(&out->elements) * each;
    out->gotten_bytes = rg_elements_gotten(&out->elements) * each;
    uint64_t step = step_of(rg_collective_moved_bytes(out));
    out->turns = step > 0 && config->working_set_bytes > step ? config->working_set_bytes / step : 1;
    if (config->bytes % each != 0)
        return rg_fail(err, -EOPNOTSUPP, "%s of such elements needs a size that is a multiple of %llu", word,
            (unsigned long long)each);
    if (out->elements.chunk == 0)
        return rg_fail(err, -EOPNOTSUPP, "%s among %d ranks needs %llu bytes at least", word, communicator->count,
            (unsigned long long)(each * parts));
    if (config->in_place && (config->operation == RG_ALL_TO_ALL || config->operation == RG_SEND_RECV))
        return rg_fail(
            err, -EOPNOTSUPP, "%s cannot be done in place: what arrives would overwrite what is to be sent", word);
    return 0;
}

int rg_collective_open(struct rg_communicator *communicator, const struct rg_collective_config *config,
    struct rg_collective **out, struct rg_error *err)
{
    struct rg_collective shape;
    int code = shape_of(communicator, config, &shape, err);
    return code == 0 ? communicator->backend->open(&shape, out, err) : code;
}

void rg_collective_close(struct rg_collective *collective)
{
    if (collective != NULL)
        collective->communicator->backend->close(collective);
}

int rg_collective_prepare(struct rg_collective *collective, uint64_t pass, struct rg_error *err)
{
    collective->elements.seed = rg_pattern_mix(collective->config.seed + pass);
    return collective->communicator->backend->prepare(collective, err);
}

int rg_collective_run(struct rg_collective *collective, uint64_t iterations, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err)
{
    int code = collective->communicator->backend->run(collective, iterations, calls, samples_us, until_ns, err);
    collective->communicator->broken |= code != 0;
    return code;
}

double rg_collective_sample_s(const struct rg_collective *collective)
{
    return collective->communicator->backend->sample_s;
}

int rg_collective_check(struct rg_collective *collective, struct rg_collective_check *io, struct rg_error *err)
{
    return collective->communicator->backend->check(collective, io, err);
}

/* bytes: of the input or the output; in place both lie in one buffer of the larger. */
static struct rg_collective_buffer buffer_of(const struct rg_collective *collective, void *at, size_t bytes)
{
    size_t each = collective->config.in_place ? rg_collective_moved_bytes(collective) : bytes, step = step_of(each);
    return (struct rg_collective_buffer){at, each, step, (collective->turns - 1) * step + each};
}

bool rg_collective_place(struct rg_collective *collective, void *(*alloc)(size_t bytes, void *context), void *context)
{
    size_t given = collective->given_bytes, gotten = collective->gotten_bytes;
    size_t own = (size_t)collective->communicator->self * (given < gotten ? given : gotten);
    if (!collective->config.in_place) {
        collective->input = alloc(buffer_of(collective, NULL, given).all, context);
        collective->output = collective->input ? alloc(buffer_of(collective, NULL, gotten).all, context) : NULL;
        return collective->output != NULL;
    }
    char *buffer = alloc(buffer_of(collective, NULL, given).all, context);
    collective->input = buffer && given < gotten ? buffer + own : buffer;
    collective->output = buffer && gotten < given ? buffer + own : buffer;
    return buffer != NULL;
}

void rg_collective_buffers(const struct rg_collective *collective, struct rg_collective_buffer out[2])
{
    bool in_place = collective->config.in_place, gathers = collective->given_bytes < collective->gotten_bytes;
    void *first = in_place && gathers ? collective->output : collective->input;
    out[0] = buffer_of(collective, first, collective->given_bytes);
    out[1] = buffer_of(collective, in_place ? NULL : collective->output, collective->gotten_bytes);
}

static void *at_turn(const struct rg_collective *collective, void *at, size_t bytes, uint64_t turn)
{
    return (char *)at + turn % collective->turns * buffer_of(collective, at, bytes).step;
}

void *rg_collective_input(const struct rg_collective *collective, uint64_t turn)
{
    return at_turn(collective, collective->input, collective->given_bytes, turn);
}

void *rg_collective_output(const struct rg_collective *collective, uint64_t turn)
{
    return at_turn(collective, collective->output, collective->gotten_bytes, turn);
}

const char *rg_collective_inexact(const struct rg_collective_config *config, int ranks)
{
    bool reduces = config->operation == RG_ALL_REDUCE || config->operation == RG_REDUCE_SCATTER;
    bool power = (ranks & (ranks - 1)) == 0 && ranks <= 1 << 14;
    return reduces && config->reduction == RG_AVG && !power
               ? "an average over a number of ranks that is no power of two, or above 16384, depends on the order of "
                 "summation"
               : NULL;
}

double rg_collective_bus_factor(enum rg_operation_kind operation, int ranks)
{
    double others = (double)(ranks - 1) / ranks;
    if (operation == RG_ALL_REDUCE)
        return 2 * others;
    return is_parted(operation) ? others : 1;
}
