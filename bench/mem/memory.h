/* Buffers that NICs read and write, of a kind that the settings name; knows no network. */
#ifndef RG_MEM_MEMORY_H
#define RG_MEM_MEMORY_H

#include "base/error.h"

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

/* A kind of memory ("host"), at least `bytes` large, page-aligned and touched. Close with rg_memory_close. -EINVAL: no
 * such kind. */
int rg_memory_open(const char *kind, size_t bytes, struct rg_memory **out, struct rg_error *err);

/* Takes NULL. */
void rg_memory_close(struct rg_memory *memory);

void *rg_memory_address(const struct rg_memory *memory);
size_t rg_memory_bytes(const struct rg_memory *memory);

/* Writes the pattern of `key` into every word. */
int rg_memory_fill(struct rg_memory *memory, uint64_t key, struct rg_error *err);

/* Compares the blocks with the pattern of `key` and adds what it finds to *out; a mismatch is no error of the call. */
int rg_memory_verify(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err);

/* Flips every bit of the word at offset_bytes, which is rounded down to a word: shows that damage is seen. -ERANGE
 * outside the buffer. */
int rg_memory_damage(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err);

#endif
