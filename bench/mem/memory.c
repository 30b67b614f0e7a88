/* The registry of memory kinds. */
#include "mem/memory.h"

#include "mem/kinds.h"

#include <errno.h>
#include <string.h>

static const struct rg_memory_ops *const kinds[] = {&rg_memory_host};

int rg_memory_open(const char *kind, size_t bytes, struct rg_memory **out, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, kind) == 0)
            return kinds[i]->open(bytes, out, err);
    return rg_fail(err, -EINVAL, "memory '%s' is not built in", kind);
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
