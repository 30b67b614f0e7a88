/* A GPU's memory, and host memory pinned for it, by the CUDA runtime. What a driver may lack is looked up at run time,
 * so that the program starts without one. */
#include "mem/cuda.h"

#include "kernels/kernels.h"
#include "mem/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Memory of its own for each buffer: smaller ones would share a page, and a registration, with others. */
#define GRAIN_BYTES (2ul << 20)

struct cuda_memory {
    struct rg_memory base;
    struct rg_kernel_found *found; /* on the device */
    bool wants_flush;
};

static const struct cuda_memory *cuda_of(const struct rg_memory *memory)
{
    return (const struct cuda_memory *)(const void *)memory;
}

int rg_cuda_failed(int status, const char *call, int device, struct rg_error *err)
{
    int negative = status == cudaErrorMemoryAllocation ? -ENOMEM : -EIO;
    return rg_fail(err, negative, "GPU %d: %s: %s (%s)", device, call, cudaGetErrorString((cudaError_t)status),
        cudaGetErrorName((cudaError_t)status));
}

static void cuda_close(struct rg_memory *memory)
{
    cudaSetDevice(memory->place.device);
    cudaFree(cuda_of(memory)->found);
    cudaFree(memory->address);
    free(memory);
}

/* Otherwise a copy may still be under way when the call that asked for it returns, and a NIC read old data. */
static void order_copies(const struct rg_memory *memory)
{
    PFN_cuPointerSetAttribute set;
    unsigned on = 1;
    if (rg_cuda_entry("cuPointerSetAttribute", 6000, (void **)&set))
        set(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, (CUdeviceptr)(uintptr_t)memory->address);
}

static int cuda_open(const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err)
{
    struct rg_device device;
    int code = rg_device_describe(place->device, &device, err), device_number = place->device;
    if (code != 0)
        return code;
    struct cuda_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    memory->base = (struct rg_memory){
        .ops = &rg_memory_cuda, .bytes = (bytes + GRAIN_BYTES - 1) / GRAIN_BYTES * GRAIN_BYTES, .place = *place};
    memory->wants_flush = device.wants_flush;
    cudaError_t status = cudaSetDevice(device_number);
    const char *call = "cudaSetDevice";
    if (status == cudaSuccess)
        status = cudaMalloc(&memory->base.address, memory->base.bytes), call = "cudaMalloc";
    if (status == cudaSuccess)
        status = cudaMalloc((void **)&memory->found, sizeof *memory->found);
    if (status == cudaSuccess)
        status = cudaMemset(memory->base.address, 0, memory->base.bytes), call = "cudaMemset";
    if (status == cudaSuccess)
        status = cudaDeviceSynchronize(), call = "cudaDeviceSynchronize";
    if (status != cudaSuccess) {
        code = rg_cuda_failed(status, call, device_number, err);
        cuda_close(&memory->base);
        return code;
    }
    order_copies(&memory->base);
    *out = &memory->base;
    return 0;
}

/* Waits for a kernel that was launched with `status`. */
static int finish(const struct rg_memory *memory, int status, const char *what, struct rg_error *err)
{
    if (status == cudaSuccess)
        status = cudaDeviceSynchronize();
    return status == cudaSuccess ? 0 : rg_cuda_failed(status, what, memory->place.device, err);
}

static int choose(const struct rg_memory *memory, struct rg_error *err)
{
    cudaError_t status = cudaSetDevice(memory->place.device);
    return status == cudaSuccess ? 0 : rg_cuda_failed(status, "cudaSetDevice", memory->place.device, err);
}

static int cuda_fill(struct rg_memory *memory, uint64_t key, struct rg_error *err)
{
    int code = choose(memory, err);
    return code ? code
                : finish(memory, rg_kernel_fill(memory->address, memory->bytes / 8, key, NULL), "pattern fill", err);
}

/* What the kernel found, with the words that it is about. */
static int read_mismatch(const struct rg_memory *memory, const struct rg_kernel_found *found, uint64_t key,
    const struct rg_blocks *blocks, struct rg_mismatch *io, struct rg_error *err)
{
    const uint64_t *word = (const uint64_t *)memory->address + found->first_index;
    uint64_t got, into = found->first_index * 8 - blocks->first_bytes;
    uint64_t into_block = blocks->stride_bytes ? into % blocks->stride_bytes : into;
    uint64_t mask = rg_memory_mask(blocks->block_bytes - into_block);
    cudaError_t status = cudaMemcpy(&got, word, sizeof got, cudaMemcpyDeviceToHost);
    if (status != cudaSuccess)
        return rg_cuda_failed(status, "cudaMemcpy", memory->place.device, err);
    if (io->mismatches == 0) {
        io->first_offset_bytes = found->first_index * 8;
        io->expected = rg_pattern_word(key, found->first_index) & mask;
        io->got = got & mask;
    }
    io->mismatches += found->mismatches;
    return 0;
}

static int cuda_verify(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err)
{
    struct rg_kernel_found none = {0, UINT64_MAX}, found;
    struct rg_kernel_found *there = cuda_of(memory)->found;
    int code = choose(memory, err);
    if (code != 0)
        return code;
    int status = cudaMemcpy(there, &none, sizeof none, cudaMemcpyHostToDevice);
    if (status == cudaSuccess)
        status = rg_kernel_verify(memory->address, key, blocks->first_bytes, blocks->count, blocks->block_bytes,
            blocks->stride_bytes, there, NULL);
    code = finish(memory, status, "pattern verify", err);
    if (code != 0)
        return code;
    status = cudaMemcpy(&found, there, sizeof found, cudaMemcpyDeviceToHost);
    if (status != cudaSuccess)
        return rg_cuda_failed(status, "cudaMemcpy", memory->place.device, err);
    io->words_checked += blocks->count * ((blocks->block_bytes + 7) / 8);
    return found.mismatches == 0 ? 0 : read_mismatch(memory, &found, key, blocks, io, err);
}

static int cuda_damage(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err)
{
    uint64_t word, *there = (uint64_t *)memory->address + offset_bytes / 8;
    int code = choose(memory, err);
    if (code != 0)
        return code;
    cudaError_t status = cudaMemcpy(&word, there, sizeof word, cudaMemcpyDeviceToHost);
    word = ~word;
    if (status == cudaSuccess)
        status = cudaMemcpy(there, &word, sizeof word, cudaMemcpyHostToDevice);
    return finish(memory, status, "cudaMemcpy", err);
}

/* Exports whole pages; the buffer begins inside the first. */
static int cuda_dmabuf(
    const struct rg_memory *memory, bool through_pcie, int *fd, uint64_t *offset_bytes, struct rg_error *err)
{
    struct rg_device device;
    PFN_cuMemGetHandleForAddressRange export_range;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)memory->address;
    uintptr_t first = at / page * page, end = (at + memory->bytes + page - 1) / page * page;
    int code = rg_device_describe(memory->place.device, &device, err);
    if (code == 0)
        code = choose(memory, err);
    if (code != 0)
        return code;
    if (!device.dmabuf)
        return rg_fail(err, -EOPNOTSUPP,
            "the driver exports no dma-buf (attribute DMA_BUF_SUPPORTED is 0: it takes the open kernel modules)");
    if (!rg_cuda_entry("cuMemGetHandleForAddressRange", 11070, (void **)&export_range))
        return rg_fail(err, -EOPNOTSUPP, "the driver has no cuMemGetHandleForAddressRange");
    unsigned long long flags = through_pcie ? RG_CUDA_RANGE_THROUGH_PCIE : 0;
    CUresult status = export_range(fd, first, end - first, CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, flags);
    if (status != CUDA_SUCCESS)
        return rg_fail(err, -EOPNOTSUPP, "cuMemGetHandleForAddressRange said %s", rg_cuda_driver_error(status));
    *offset_bytes = at - first;
    return 0;
}

static int cuda_settle(const struct rg_memory *memory, struct rg_error *err)
{
    if (!cuda_of(memory)->wants_flush)
        return 0;
    int code = choose(memory, err);
    if (code != 0)
        return code;
    cudaError_t status = cudaDeviceFlushGPUDirectRDMAWrites(
        cudaFlushGPUDirectRDMAWritesTargetCurrentDevice, cudaFlushGPUDirectRDMAWritesToOwner);
    return status == cudaSuccess
               ? 0
               : rg_cuda_failed(status, "cudaDeviceFlushGPUDirectRDMAWrites", memory->place.device, err);
}

const struct rg_memory_ops rg_memory_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .close = cuda_close,
    .fill = cuda_fill,
    .verify = cuda_verify,
    .damage = cuda_damage,
    .dmabuf = cuda_dmabuf,
    .settle = cuda_settle,
};
