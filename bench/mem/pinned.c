/* Host memory, on a NUMA node of choice, that a GPU's copy engines reach. */
#include "base/numa.h"
#include "mem/cuda.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void pinned_close(struct rg_memory *memory)
{
    cudaHostUnregister(memory->address);
    munmap(memory->address, memory->bytes);
    free(memory);
}

static int pinned_open(const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err)
{
    const size_t page = 4096;
    struct rg_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    *memory = (struct rg_memory){.ops = &rg_memory_pinned, .bytes = (bytes + page - 1) / page * page, .place = *place};
    memory->address = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->address == MAP_FAILED) {
        int code = rg_fail(err, -errno, "no host memory for a buffer of %zu bytes: %s", bytes, strerror(errno));
        free(memory);
        return code;
    }
    int code = rg_numa_touch(memory->address, memory->bytes, place->numa_node, err);
    if (code == 0) {
        cudaError_t status = cudaSetDevice(place->device);
        if (status == cudaSuccess)
            status = cudaHostRegister(memory->address, memory->bytes, cudaHostRegisterPortable);
        code = status == cudaSuccess ? 0 : rg_cuda_failed(status, "cudaHostRegister", place->device, err);
    }
    if (code != 0) {
        munmap(memory->address, memory->bytes);
        free(memory);
        return code;
    }
    *out = memory;
    return 0;
}

const struct rg_memory_ops rg_memory_pinned = {
    .name = "pinned",
    .on_host = true,
    .open = pinned_open,
    .close = pinned_close,
    .fill = rg_memory_fill_words,
    .verify = rg_memory_verify_words,
    .damage = rg_memory_damage_word,
};
