/* Buffers that NICs read and write, of a kind that the settings name; knows no network. */
#ifndef RG_MEM_MEMORY_H
#define RG_MEM_MEMORY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rg_memory;

/* What a check of the pattern found. Offsets count from the buffer's start. */
struct rg_mismatch {
    uint64_t words_checked, mismatches;
    uint64_t first_offset_bytes, expected, got; /* of the first mismatch */
};

/* A part of the buffer: `count` blocks of block_bytes, the first at first_bytes, each starting stride_bytes after the
 * one before. Bytes between the blocks are left out. first_bytes and stride_bytes are multiples of 8. */
struct rg_blocks {
    uint64_t first_bytes, count, block_bytes, stride_bytes;
};

/* Which GPU, and which of the node's memories. */
struct rg_memory_place {
    int device;    /* CUDA ordinal; for the kinds cuda and pinned */
    int numa_node; /* for pinned; negative: any */
};

/* A kind of memory, at least `bytes` large and touched: "host", page-aligned; "cuda", a GPU's; "pinned", host memory
 * that a GPU copies from and to. Close with rg_memory_close. -ENODEV: there is no such GPU, no driver for it, or
 * nothing built in to use it. */
int rg_memory_open(
    const char *kind, const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err);

/* Takes NULL. */
void rg_memory_close(struct rg_memory *memory);

/* Of a GPU's memory: an address that NICs and the GPU understand, and that the processor must not touch. */
void *rg_memory_address(const struct rg_memory *memory);
size_t rg_memory_bytes(const struct rg_memory *memory);
bool rg_memory_on_host(const struct rg_memory *memory);
struct rg_memory_place rg_memory_place_of(const struct rg_memory *memory);

/* A dma-buf by which a NIC finds a GPU's memory: the buffer begins offset_bytes into it; *fd is the caller's to close,
 * which may happen as soon as the NIC knows the memory. through_pcie: with a mapping for NICs that reach the GPU on a
 * path of their own. -EOPNOTSUPP with what refused it. */
int rg_memory_dmabuf(
    const struct rg_memory *memory, bool through_pcie, int *fd, uint64_t *offset_bytes, struct rg_error *err);

/* Makes what NICs have written visible to kernels and copies, where the GPU wants to be asked for it. */
int rg_memory_settle(const struct rg_memory *memory, struct rg_error *err);

/* Writes the pattern of `key` into every word. */
int rg_memory_fill(struct rg_memory *memory, uint64_t key, struct rg_error *err);

/* Compares the blocks with the pattern of `key` and adds what it finds to *out; a mismatch is no error of the call. */
int rg_memory_verify(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err);

/* Flips every bit of the word at offset_bytes, which is rounded down to a word: shows that damage is seen. -ERANGE
 * outside the buffer. */
int rg_memory_damage(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err);

#endif
