/* A collective among all ranks, by one of several backends. */
#ifndef RG_COLL_COLLECTIVE_H
#define RG_COLL_COLLECTIVE_H

#include "base/error.h"

#include <stdint.h>

struct rg_collective;

/* The first wrong element, and how many there are. Bits of the elements in the low end of the words. */
struct rg_collective_check {
    uint64_t elements_checked, mismatches, first_offset_bytes, expected, got;
};

/* An all-reduce (float32, sum, out of place) of bytes_each bytes a rank over all ranks of MPI_COMM_WORLD ("mpi").
 * -EOPNOTSUPP when the size is no multiple of the element. Close with rg_collective_close. */
int rg_collective_open(
    const char *backend, uint64_t bytes_each, uint64_t seed, struct rg_collective **out, struct rg_error *err);

/* Takes NULL. */
void rg_collective_close(struct rg_collective *collective);

/* One operation from start to end. -ETIMEDOUT past until_ns: then it can only be closed, and buffers that MPI may still
 * write to are left behind on purpose. -EIO with what the backend said. */
int rg_collective_run(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err);

/* Overwrites the last result with what none can be. */
void rg_collective_spoil(struct rg_collective *collective);

/* Compares the last result with what it must be, bit by bit. Inputs are zeros and ones, so that every order of
 * summation gives the same: element i is 1 at the ranks r for which (r + i) mod n lies below m(i), hence its sum is
 * m(i). */
void rg_collective_verify(const struct rg_collective *collective, struct rg_collective_check *out);

/* Bus bandwidth per algorithm bandwidth of an all-reduce, 2 (n - 1) / n: each of n ranks must send and receive that
 * many times its data (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", JPDC 69 (2009)); as nccl-tests
 * reports it. */
double rg_collective_bus_factor(int ranks);

#endif
