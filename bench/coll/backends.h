/* What a backend implements; for the files of coll/ alone. */
#ifndef RG_COLL_BACKENDS_H
#define RG_COLL_BACKENDS_H

#include "coll/collective.h"

struct rg_collective {
    const struct rg_collective_ops *ops;
    float *input, *output;
    uint64_t elements, seed;
    int ranks, rank;
};

struct rg_collective_ops {
    const char *name;
    int (*open)(uint64_t bytes_each, uint64_t seed, struct rg_collective **out, struct rg_error *err);
    void (*close)(struct rg_collective *collective);
    int (*run)(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err);
};

/* The input of a rank at element i, and the sum over all ranks. */
float rg_collective_input(uint64_t seed, int ranks, int rank, uint64_t i);
float rg_collective_sum(uint64_t seed, int ranks, uint64_t i);

extern const struct rg_collective_ops rg_collective_mpi;

#endif
