/* A group of ranks that carry out collectives together, by one of several backends; made once, used for many. */
#ifndef RG_COLL_COMMUNICATOR_H
#define RG_COLL_COMMUNICATOR_H

#include "base/error.h"

#include <stdint.h>

#define RG_INVITATION_BYTES 128

struct rg_communicator;

struct rg_communicator_config {
    const int *ranks; /* of MPI_COMM_WORLD, in the group's order; the same at all */
    int count, self;  /* self: this rank's place among them */
    int device;       /* nccl: CUDA ordinal of this rank's GPU */
    const char *algorithm,
        *protocol; /* nccl: NCCL_ALGO and NCCL_PROTO; NULL: as the environment has them, or NCCL chooses */
    uint8_t invitation[RG_INVITATION_BYTES];
};

/* What was used, for the record. Texts are empty where there is nothing to tell. */
struct rg_communicator_facts {
    char library[64];   /* "NCCL 2.28.9" */
    char plugin[64];    /* network plugin that NCCL was told to use */
    char settings[512]; /* NCCL_* settings of the environment that bear on speed, by a fixed list: "NCCL_ALGO=RING ..."
                         */
};

/* What the group's first rank must hand to all others, for them to find each other. -EOPNOTSUPP: no such backend
 * ("mpi", "nccl") is built in. */
int rg_communicator_invite(const char *backend, uint8_t invitation[RG_INVITATION_BYTES], struct rg_error *err);

/* Joins; all members must call it. -ETIMEDOUT when others have not by until_ns (nccl; with mpi this waits for them).
 * Close with rg_communicator_close, after the collectives on it. */
int rg_communicator_open(const char *backend, const struct rg_communicator_config *config, uint64_t until_ns,
    struct rg_communicator **out, struct rg_error *err);

/* Takes NULL. Waits for nobody where something has failed. */
void rg_communicator_close(struct rg_communicator *communicator);

void rg_communicator_describe(const struct rg_communicator *communicator, struct rg_communicator_facts *out);

#endif
