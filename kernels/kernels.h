/* The CUDA kernels behind a plain C header. Each call launches on a stream (a cudaStream_t; NULL: the default one) and
 * returns a cudaError_t: 0, or why the launch failed. Pointers are device pointers unless said otherwise. */
#ifndef RG_KERNELS_KERNELS_H
#define RG_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rg_elements;

/* What a check found: how many words or elements were wrong, and the index of the first of them; in device memory, set
 * to {0, UINT64_MAX} by the caller before the first check that adds to it. */
struct rg_kernel_found {
    uint64_t mismatches, first_index;
};

/* Writes the pattern of `key` (mem/pattern.h) into `count` words. */
int rg_kernel_fill(uint64_t *words, uint64_t count, uint64_t key, void *stream);

/* Compares blocks of the buffer with the pattern: `blocks` of block_bytes each, block b at first_bytes + b *
 * stride_bytes; first_bytes and stride_bytes are multiples of 8; of a word that a block ends in, the bytes behind the
 * end do not count. Indices are of 8-byte words of the buffer. Adds to *found. */
int rg_kernel_verify(const uint64_t *words, uint64_t key, uint64_t first_bytes, uint64_t blocks, uint64_t block_bytes,
    uint64_t stride_bytes, struct rg_kernel_found *found, void *stream);

/* Copies on this device, by 16-byte loads and stores where both addresses are so aligned, the rest byte by byte. */
int rg_kernel_copy(void *to, const void *from, size_t bytes, void *stream);

/* A collective's inputs, and the check of its result, by coll/elements.h; *elements is host memory and is copied.
 * `count` elements from index `from` of what the rank gives or gets; `data` is where element `from` lies. Indices of
 * what is found are of elements, from + i. */
int rg_kernel_elements_fill(
    void *data, const struct rg_elements *elements, uint64_t from, uint64_t count, void *stream);
int rg_kernel_elements_check(const void *data, const struct rg_elements *elements, uint64_t from, uint64_t count,
    struct rg_kernel_found *found, void *stream);

#ifdef __cplusplus
}
#endif

#endif
