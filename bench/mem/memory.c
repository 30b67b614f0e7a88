/* The registry of memory kinds and of what knows GPUs. */
#include "mem/memory.h"

#include "mem/kinds.h"

#include <errno.h>
#include <string.h>

static const struct rg_memory_ops *const kinds[] = {
    &rg_memory_host,
#ifdef RG_CUDA
    &rg_memory_cuda,
    &rg_memory_pinned,
#endif
};

#ifdef RG_CUDA
static const struct rg_device_ops *const devices = &rg_device_cuda;
#else
static const struct rg_device_ops *const devices = NULL;
#endif

static int no_cuda(struct rg_error *err)
{
    return rg_fail(err, -ENODEV, "railgauge was built without CUDA");
}

int rg_device_count(int *out, struct rg_error *err)
{
    return devices ? devices->count(out, err) : no_cuda(err);
}

int rg_device_describe(int ordinal, struct rg_device *out, struct rg_error *err)
{
    return devices ? devices->describe(ordinal, out, err) : no_cuda(err);
}

int rg_device_find(const char *pci_address, int *ordinal, struct rg_error *err)
{
    return devices ? devices->find(pci_address, ordinal, err) : no_cuda(err);
}

int rg_memory_open(
    const char *kind, const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, kind) == 0)
            return kinds[i]->open(place, bytes, out, err);
    bool of_gpu = strcmp(kind, "cuda") == 0 || strcmp(kind, "pinned") == 0;
    return of_gpu ? no_cuda(err) : rg_fail(err, -EINVAL, "there is no memory '%s'", kind);
}

void rg_memory_close(struct rg_memory *memory)
{
    if (memory != NULL)
        memory->ops->close(memory);
}

void *rg_memory_address(const struct rg_memory *memory)
{
    return memory->address;
}

size_t rg_memory_bytes(const struct rg_memory *memory)
{
    return memory->bytes;
}

bool rg_memory_on_host(const struct rg_memory *memory)
{
    return memory->ops->on_host;
}

struct rg_memory_place rg_memory_place_of(const struct rg_memory *memory)
{
    return memory->place;
}

int rg_memory_dmabuf(
    const struct rg_memory *memory, bool through_pcie, int *fd, uint64_t *offset_bytes, struct rg_error *err)
{
    if (memory->ops->dmabuf == NULL)
        return rg_fail(err, -EOPNOTSUPP, "%s memory has no dma-buf", memory->ops->name);
    return memory->ops->dmabuf(memory, through_pcie, fd, offset_bytes, err);
}

int rg_memory_settle(const struct rg_memory *memory, struct rg_error *err)
{
    return memory->ops->settle ? memory->ops->settle(memory, err) : 0;
}

int rg_memory_fill(struct rg_memory *memory, uint64_t key, struct rg_error *err)
{
    return memory->ops->fill(memory, key, err);
}

int rg_memory_verify(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err)
{
    uint64_t span, last, end;
    if (blocks->count > 0 && (__builtin_mul_overflow(blocks->count - 1, blocks->stride_bytes, &span) ||
                                 __builtin_add_overflow(blocks->first_bytes, span, &last) ||
                                 __builtin_add_overflow(last, blocks->block_bytes, &end) || end > memory->bytes))
        return rg_fail(err, -ERANGE, "%llu blocks do not fit into a buffer of %zu bytes",
            (unsigned long long)blocks->count, memory->bytes);
    return memory->ops->verify(memory, key, blocks, io, err);
}

int rg_memory_damage(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err)
{
    if (offset_bytes >= memory->bytes)
        return rg_fail(err, -ERANGE, "offset %llu lies outside a buffer of %zu bytes", (unsigned long long)offset_bytes,
            memory->bytes);
    return memory->ops->damage(memory, offset_bytes & ~7ull, err);
}
