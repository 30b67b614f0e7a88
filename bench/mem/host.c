/* The node's own DRAM. */
#include "mem/kinds.h"
#include "mem/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

static void host_close(struct rg_memory *memory)
{
    munmap(memory->address, memory->bytes);
    free(memory);
}

static int host_open(const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err)
{
    const size_t page = 4096;
    struct sysinfo system;
    if (sysinfo(&system) == 0 && bytes / system.mem_unit > system.totalram)
        return rg_fail(err, -ENOMEM, "a buffer of %zu bytes is more than this node's memory", bytes);
    struct rg_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    memory->ops = &rg_memory_host;
    memory->place = *place;
    memory->bytes = (bytes + page - 1) / page * page;
    memory->address = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->address == MAP_FAILED) {
        int code = rg_fail(err, -errno, "no host memory for a buffer of %zu bytes: %s", bytes, strerror(errno));
        free(memory);
        return code;
    }
    madvise(memory->address, memory->bytes, MADV_HUGEPAGE);
    memset(
        memory->address, 0, memory->bytes); /* touched by the rank that uses it, so that it is local to its NUMA node */
    *out = memory;
    return 0;
}

int rg_memory_fill_words(struct rg_memory *memory, uint64_t key, struct rg_error *err)
{
    (void)err;
    uint64_t *words = memory->address;
    for (size_t i = 0; i < memory->bytes / 8; i++)
        words[i] = rg_pattern_word(key, i);
    return 0;
}

int rg_memory_verify_words(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err)
{
    (void)err;
    const uint64_t *words = memory->address;
    for (uint64_t block = 0; block < blocks->count; block++) {
        uint64_t first = (blocks->first_bytes + block * blocks->stride_bytes) / 8;
        uint64_t count = (blocks->block_bytes + 7) / 8;
        for (uint64_t i = 0; i < count; i++) {
            uint64_t mask = rg_memory_mask(blocks->block_bytes - i * 8);
            uint64_t expected = rg_pattern_word(key, first + i) & mask, got = words[first + i] & mask;
            if (expected == got)
                continue;
            if (io->mismatches++ == 0) {
                io->first_offset_bytes = (first + i) * 8;
                io->expected = expected;
                io->got = got;
            }
        }
        io->words_checked += count;
    }
    return 0;
}

int rg_memory_damage_word(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err)
{
    (void)err;
    uint64_t *words = memory->address;
    words[offset_bytes / 8] = ~words[offset_bytes / 8];
    return 0;
}

const struct rg_memory_ops rg_memory_host = {
    .name = "host",
    .on_host = true,
    .open = host_open,
    .close = host_close,
    .fill = rg_memory_fill_words,
    .verify = rg_memory_verify_words,
    .damage = rg_memory_damage_word,
};
