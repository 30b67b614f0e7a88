/* What a backend implements; for the files of coll/ alone. */
#ifndef RG_COLL_BACKENDS_H
#define RG_COLL_BACKENDS_H

#include "coll/collective.h"

#include <stddef.h>

/* A communicator of any backend begins with this. */
struct rg_communicator {
    const struct rg_backend *backend;
    int count, self;
    bool broken; /* a deadline passed, or the library failed */
};

/* A collective of any backend begins with this. Out of place input and output are buffers of their own; in place one of
 * them lies inside the other. Operations take turns: input and output are those of turn 0, the next lie a step on. */
struct rg_collective {
    struct rg_communicator *communicator;
    struct rg_collective_config config;
    struct rg_elements elements; /* seed: of the pass that was prepared last */
    void *input, *output;
    size_t given_bytes, gotten_bytes;
    uint64_t turns;
};

struct rg_backend {
    const char *name;
    double sample_s; /* see rg_collective_sample_s */
    int (*invite)(uint8_t invitation[RG_INVITATION_BYTES], struct rg_error *err);
    int (*join)(const struct rg_communicator_config *config, uint64_t until_ns, struct rg_communicator **out,
        struct rg_error *err);
    void (*leave)(struct rg_communicator *communicator);
    void (*describe)(const struct rg_communicator *communicator, struct rg_communicator_facts *out);
    /* shape: what is known of it; open copies it and adds the buffers. */
    int (*open)(const struct rg_collective *shape, struct rg_collective **out, struct rg_error *err);
    void (*close)(struct rg_collective *collective);
    int (*prepare)(struct rg_collective *collective, struct rg_error *err);
    int (*run)(struct rg_collective *collective, uint64_t iterations, uint64_t calls, double *samples_us,
        uint64_t until_ns, struct rg_error *err);
    int (*check)(struct rg_collective *collective, struct rg_collective_check *io, struct rg_error *err);
};

extern const struct rg_backend rg_backend_mpi, rg_backend_nccl;

/* Sets input and output from one buffer (in place) or two, of all turns; the backend allocates by alloc(bytes,
 * context), which gives NULL on failure. */
bool rg_collective_place(struct rg_collective *collective, void *(*alloc)(size_t bytes, void *context), void *context);

/* What rg_collective_place allocated: `all` bytes, of which turn 0 has `each`, and the next begins `step` on. */
struct rg_collective_buffer {
    void *at;
    size_t each, step, all;
};

/* The second is at NULL in place. */
void rg_collective_buffers(const struct rg_collective *collective, struct rg_collective_buffer out[2]);

/* Where the operation of a turn reads and writes. */
void *rg_collective_input(const struct rg_collective *collective, uint64_t turn);
void *rg_collective_output(const struct rg_collective *collective, uint64_t turn);

#endif
