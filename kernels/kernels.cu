// Launches the kernels; see kernels.h.
#include "kernels/kernels.cuh"

#include <cuda_runtime.h>

// Enough blocks to fill the largest device; a thread then goes on by the size of the grid.
#define BLOCKS_MOST 4096u

// A copy has a thread for each 16 bytes as long as a grid can be so large: on one H200 that equals cudaMemcpy, where
// threads that go on reach 95 % of it.
#define COPY_BLOCKS_MOST 0x7fffffffu

static unsigned blocks_for(uint64_t count, unsigned most)
{
    uint64_t blocks = (count + RG_BLOCK_THREADS - 1) / RG_BLOCK_THREADS;
    return blocks < most ? (unsigned)blocks : most;
}

static cudaStream_t stream_of(void *stream)
{
    return static_cast<cudaStream_t>(stream);
}

// Takes away what a call that failed before has left behind, such as one for more memory than there is: the launch that
// comes next is not to be blamed for it.
static void forget_errors(void)
{
    cudaGetLastError();
}

int rg_kernel_fill(uint64_t *words, uint64_t count, uint64_t key, void *stream)
{
    if (count == 0)
        return 0;
    forget_errors();
    rg_fill_kernel<<<blocks_for(count, BLOCKS_MOST), RG_BLOCK_THREADS, 0, stream_of(stream)>>>(words, count, key);
    return cudaGetLastError();
}

int rg_kernel_verify(const uint64_t *words, uint64_t key, uint64_t first_bytes, uint64_t blocks, uint64_t block_bytes,
    uint64_t stride_bytes, struct rg_kernel_found *found, void *stream)
{
    if (blocks == 0 || block_bytes == 0)
        return 0;
    forget_errors();
    rg_verify_kernel<<<blocks_for(blocks * ((block_bytes + 7) / 8), BLOCKS_MOST), RG_BLOCK_THREADS, 0,
        stream_of(stream)>>>(words, key, first_bytes / 8, blocks, block_bytes, stride_bytes / 8, found);
    return cudaGetLastError();
}

static bool aligned(const void *address)
{
    return reinterpret_cast<uintptr_t>(address) % sizeof(uint4) == 0;
}

int rg_kernel_copy(void *to, const void *from, size_t bytes, void *stream)
{
    size_t wide = aligned(to) && aligned(from) ? bytes / sizeof(uint4) : 0, done = wide * sizeof(uint4);
    forget_errors();
    if (wide > 0)
        rg_copy_kernel<<<blocks_for(wide, COPY_BLOCKS_MOST), RG_BLOCK_THREADS, 0, stream_of(stream)>>>(
            static_cast<uint4 *>(to), static_cast<const uint4 *>(from), wide);
    if (bytes > done)
        rg_copy_bytes_kernel<<<blocks_for(bytes - done, COPY_BLOCKS_MOST), RG_BLOCK_THREADS, 0, stream_of(stream)>>>(
            static_cast<unsigned char *>(to) + done, static_cast<const unsigned char *>(from) + done, bytes - done);
    return cudaGetLastError();
}

int rg_kernel_elements_fill(void *data, const struct rg_elements *elements, uint64_t from, uint64_t count, void *stream)
{
    if (count == 0)
        return 0;
    forget_errors();
    rg_elements_fill_kernel<<<blocks_for(count, BLOCKS_MOST), RG_BLOCK_THREADS, 0, stream_of(stream)>>>(
        data, *elements, from, count);
    return cudaGetLastError();
}

int rg_kernel_elements_check(const void *data, const struct rg_elements *elements, uint64_t from, uint64_t count,
    struct rg_kernel_found *found, void *stream)
{
    if (count == 0)
        return 0;
    forget_errors();
    rg_elements_check_kernel<<<blocks_for(count, BLOCKS_MOST), RG_BLOCK_THREADS, 0, stream_of(stream)>>>(
        data, *elements, from, count, found);
    return cudaGetLastError();
}
