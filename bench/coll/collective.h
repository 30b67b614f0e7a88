/* A collective of a group of ranks, by the group's backend. */
#ifndef RG_COLL_COLLECTIVE_H
#define RG_COLL_COLLECTIVE_H

#include "coll/communicator.h"
#include "coll/elements.h"

#include <stdbool.h>

struct rg_collective;

/* bytes: of the larger of a rank's two buffers, as nccl-tests counts. working_set_bytes: successive operations walk
 * through so much memory at each of them, so that no cache flatters the result; 0: they use the same. */
struct rg_collective_config {
    enum rg_operation_kind operation;
    enum rg_data_type type;
    enum rg_reduction reduction;
    bool in_place, cuda_graph, register_buffers;
    uint64_t bytes, working_set_bytes, seed;
};

/* The first wrong element, and how many there are. Bits of the elements in the low end of the words. */
struct rg_collective_check {
    uint64_t elements_checked, mismatches, first_offset_bytes, expected, got;
};

/* Their words, in the order of the enumerations, NULL-terminated; and back: -1 if there is none. */
extern const char *const rg_operation_words[];
int rg_operation_of(const char *word);

/* Allocates the buffers. -EOPNOTSUPP with the reason when the backend cannot do it: that place, that size. Close with
 * rg_collective_close, before the communicator. */
int rg_collective_open(struct rg_communicator *communicator, const struct rg_collective_config *config,
    struct rg_collective **out, struct rg_error *err);

/* Takes NULL. */
void rg_collective_close(struct rg_collective *collective);

/* config.bytes, cut down to a multiple of one element for each rank where each has a part of its own. */
uint64_t rg_collective_moved_bytes(const struct rg_collective *collective);

/* Fills the input for a pass, each pass with other data, and the output with what no result is. */
int rg_collective_prepare(struct rg_collective *collective, uint64_t pass, struct rg_error *err);

/* So many operations, one after the other, in samples of `calls`, the last of what is left; samples_us: room for the
 * mean time of an operation in each, or NULL. -ETIMEDOUT past until_ns: then it and its communicator can only be
 * closed, and buffers that MPI may still write to are left behind on purpose. -EIO with what the library said. */
int rg_collective_run(struct rg_collective *collective, uint64_t iterations, uint64_t calls, double *samples_us,
    uint64_t until_ns, struct rg_error *err);

/* How long a sample should last, in seconds, so that taking the time adds about a hundredth to it, or less. */
double rg_collective_sample_s(const struct rg_collective *collective);

/* Compares the result of one operation on the pass's data with what it must be, bit by bit, and adds to *io. */
int rg_collective_check(struct rg_collective *collective, struct rg_collective_check *io, struct rg_error *err);

/* Why no check can be bit-exact; NULL: it can. An average is exact where the number of ranks is a power of two. */
const char *rg_collective_inexact(const struct rg_collective_config *config, int ranks);

/* Bus bandwidth per algorithm bandwidth: what each rank must send or receive at least, over the larger of its buffers
 * (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", JPDC 69 (2009)); as nccl-tests reports it. */
double rg_collective_bus_factor(enum rg_operation_kind operation, int ranks);

#endif
