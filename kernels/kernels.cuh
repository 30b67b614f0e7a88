// The device code. Plain enough to be compiled for the host, too, where a header stands in for the device's own words.
#ifndef RG_KERNELS_KERNELS_CUH
#define RG_KERNELS_KERNELS_CUH

#include "coll/elements.h"
#include "kernels/kernels.h"
#include "mem/pattern.h"

#define RG_BLOCK_THREADS 256

static __device__ inline uint64_t rg_thread_index(void)
{
    return (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ inline uint64_t rg_thread_count(void)
{
    return (uint64_t)gridDim.x * blockDim.x;
}

// A block's sum of counts and least of indices, then one atomic each for the block that found something.
static __device__ inline void rg_report(rg_kernel_found *found, uint64_t mismatches, uint64_t first)
{
    __shared__ unsigned long long counts[RG_BLOCK_THREADS], firsts[RG_BLOCK_THREADS];
    unsigned at = threadIdx.x;
    counts[at] = mismatches;
    firsts[at] = first;
    __syncthreads();
    for (unsigned half = RG_BLOCK_THREADS / 2; half > 0; half /= 2) {
        if (at < half) {
            counts[at] += counts[at + half];
            firsts[at] = firsts[at] < firsts[at + half] ? firsts[at] : firsts[at + half];
        }
        __syncthreads();
    }
    if (at == 0 && counts[0] > 0) {
        atomicAdd((unsigned long long *)&found->mismatches, counts[0]);
        atomicMin((unsigned long long *)&found->first_index, firsts[0]);
    }
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS)
    rg_fill_kernel(uint64_t *words, uint64_t count, uint64_t key)
{
    for (uint64_t i = rg_thread_index(); i < count; i += rg_thread_count())
        words[i] = rg_pattern_word(key, i);
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS) rg_verify_kernel(const uint64_t *words, uint64_t key,
    uint64_t first_word, uint64_t blocks, uint64_t block_bytes, uint64_t stride_words, rg_kernel_found *found)
{
    uint64_t per_block = (block_bytes + 7) / 8, tail = block_bytes % 8;
    uint64_t tail_mask = tail == 0 ? ~0ull : (1ull << (tail * 8)) - 1;
    uint64_t mismatches = 0, first = UINT64_MAX;
    // Over all words of all blocks, since one block may be too small to keep the device busy.
    for (uint64_t i = rg_thread_index(); i < blocks * per_block; i += rg_thread_count()) {
        uint64_t block = i / per_block, within = i - block * per_block;
        uint64_t at = first_word + block * stride_words + within;
        uint64_t mask = within + 1 < per_block ? ~0ull : tail_mask;
        if (((words[at] ^ rg_pattern_word(key, at)) & mask) == 0)
            continue;
        mismatches++;
        first = at < first ? at : first;
    }
    rg_report(found, mismatches, first);
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS)
    rg_copy_kernel(uint4 *to, const uint4 *from, uint64_t count)
{
    for (uint64_t i = rg_thread_index(); i < count; i += rg_thread_count())
        to[i] = from[i];
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS)
    rg_copy_bytes_kernel(unsigned char *to, const unsigned char *from, uint64_t count)
{
    for (uint64_t i = rg_thread_index(); i < count; i += rg_thread_count())
        to[i] = from[i];
}

static __device__ inline void rg_store_element(void *data, uint64_t i, uint32_t bytes, uint32_t bits)
{
    if (bytes == 4)
        ((uint32_t *)data)[i] = bits;
    else if (bytes == 2)
        ((uint16_t *)data)[i] = (uint16_t)bits;
    else
        ((uint8_t *)data)[i] = (uint8_t)bits;
}

static __device__ inline uint32_t rg_load_element(const void *data, uint64_t i, uint32_t bytes)
{
    return bytes == 4   ? ((const uint32_t *)data)[i]
           : bytes == 2 ? ((const uint16_t *)data)[i]
                        : ((const uint8_t *)data)[i];
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS)
    rg_elements_fill_kernel(void *data, rg_elements elements, uint64_t from, uint64_t count)
{
    uint32_t bytes = rg_element_bytes(elements.type);
    for (uint64_t i = rg_thread_index(); i < count; i += rg_thread_count())
        rg_store_element(data, i, bytes, rg_elements_input(&elements, from + i));
}

extern "C" __global__ void __launch_bounds__(RG_BLOCK_THREADS) rg_elements_check_kernel(
    const void *data, rg_elements elements, uint64_t from, uint64_t count, rg_kernel_found *found)
{
    uint32_t bytes = rg_element_bytes(elements.type);
    uint64_t mismatches = 0, first = UINT64_MAX;
    for (uint64_t i = rg_thread_index(); i < count; i += rg_thread_count()) {
        if (rg_load_element(data, i, bytes) == rg_elements_output(&elements, from + i))
            continue;
        mismatches++;
        first = from + i < first ? from + i : first;
    }
    rg_report(found, mismatches, first);
}

#endif
