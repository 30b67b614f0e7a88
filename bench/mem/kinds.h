/* What a kind of memory implements; for the files of mem/ alone. */
#ifndef RG_MEM_KINDS_H
#define RG_MEM_KINDS_H

#include "mem/device.h"
#include "mem/memory.h"

struct rg_memory {
    const struct rg_memory_ops *ops;
    void *address;
    size_t bytes; /* a multiple of 8 */
    struct rg_memory_place place;
};

struct rg_memory_ops {
    const char *name;
    bool on_host;
    int (*open)(const struct rg_memory_place *place, size_t bytes, struct rg_memory **out, struct rg_error *err);
    void (*close)(struct rg_memory *memory);
    int (*fill)(struct rg_memory *memory, uint64_t key, struct rg_error *err);
    int (*verify)(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks, struct rg_mismatch *io,
        struct rg_error *err);
    int (*damage)(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err);
    /* Of a GPU's memory; NULL elsewhere. */
    int (*dmabuf)(
        const struct rg_memory *memory, bool through_pcie, int *fd, uint64_t *offset_bytes, struct rg_error *err);
    int (*settle)(const struct rg_memory *memory, struct rg_error *err);
};

extern const struct rg_memory_ops rg_memory_host, rg_memory_cuda, rg_memory_pinned;

/* What the pattern is on memory that the processor can touch. */
int rg_memory_fill_words(struct rg_memory *memory, uint64_t key, struct rg_error *err);
int rg_memory_verify_words(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks,
    struct rg_mismatch *io, struct rg_error *err);
int rg_memory_damage_word(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err);

/* Bytes of a word that belong to a block which ends inside it, or behind it. */
static inline uint64_t rg_memory_mask(uint64_t bytes_left)
{
    return bytes_left >= 8 ? ~0ull : (1ull << (bytes_left * 8)) - 1;
}

/* GPUs as device.h tells of them. */
struct rg_device_ops {
    int (*count)(int *out, struct rg_error *err);
    int (*describe)(int ordinal, struct rg_device *out, struct rg_error *err);
    int (*find)(const char *pci_address, int *ordinal, struct rg_error *err);
};

extern const struct rg_device_ops rg_device_cuda;

#endif
