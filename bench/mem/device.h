/* The GPUs that this process can use. */
#ifndef RG_MEM_DEVICE_H
#define RG_MEM_DEVICE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct rg_device {
    int ordinal;
    char name[256], pci_address[32]; /* "0000:c1:00.0" */
    int64_t memory_bytes;
    int cuda_runtime, cuda_driver; /* as CUDA counts: 13000 is 13.0 */
    bool dmabuf;                   /* the driver can export its memory */
    bool wants_flush;              /* what NICs write must be flushed before kernels see it */
};

/* -ENODEV with the reason: not built with CUDA, no driver, or no GPU. */
int rg_device_count(int *out, struct rg_error *err);

/* Of the ordinal-th, from 0. */
int rg_device_describe(int ordinal, struct rg_device *out, struct rg_error *err);

/* The ordinal of the one at a PCI address; -ENODEV: none of those that this process sees. */
int rg_device_find(const char *pci_address, int *ordinal, struct rg_error *err);

#endif
