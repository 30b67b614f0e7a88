/* What a kind of memory implements; for the files of mem/ alone. */
#ifndef RG_MEM_KINDS_H
#define RG_MEM_KINDS_H

#include "mem/memory.h"

struct rg_memory {
    const struct rg_memory_ops *ops;
    void *address;
    size_t bytes; /* a multiple of 8 */
};

struct rg_memory_ops {
    const char *name;
    int (*open)(size_t bytes, struct rg_memory **out, struct rg_error *err);
    void (*close)(struct rg_memory *memory);
    int (*fill)(struct rg_memory *memory, uint64_t key, struct rg_error *err);
    int (*verify)(const struct rg_memory *memory, uint64_t key, const struct rg_blocks *blocks, struct rg_mismatch *io,
        struct rg_error *err);
    int (*damage)(struct rg_memory *memory, uint64_t offset_bytes, struct rg_error *err);
};

extern const struct rg_memory_ops rg_memory_host;

#endif
