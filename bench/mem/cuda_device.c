/* Which GPUs there are, and what they can do. */
#include "mem/cuda.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

bool rg_cuda_entry(const char *name, unsigned version, void **out)
{
    enum cudaDriverEntryPointQueryResult found;
    *out = NULL;
    return cudaGetDriverEntryPointByVersion(name, out, version, cudaEnableDefault, &found) == cudaSuccess &&
           found == cudaDriverEntryPointSuccess && *out != NULL;
}

const char *rg_cuda_driver_error(CUresult status)
{
    PFN_cuGetErrorName name_of;
    const char *name = NULL;
    if (rg_cuda_entry("cuGetErrorName", 6000, (void **)&name_of))
        name_of(status, &name);
    return name ? name : "an unknown error";
}

/* CUDA says the same of a driver that is not there and of one that is too old. */
static int no_driver(struct rg_error *err)
{
    int has = 0, wants = 0;
    if (cudaDriverGetVersion(&has) != cudaSuccess || has == 0 || cudaRuntimeGetVersion(&wants) != cudaSuccess)
        return rg_fail(err, -ENODEV, "no CUDA driver");
    return rg_fail(err, -ENODEV, "the CUDA driver is too old: it is one of CUDA %d.%d, and the runtime here is %d.%d",
        has / 1000, has % 1000 / 10, wants / 1000, wants % 1000 / 10);
}

static int cuda_count(int *out, struct rg_error *err)
{
    cudaError_t status = cudaGetDeviceCount(out);
    if (status == cudaErrorInsufficientDriver)
        return no_driver(err);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && *out == 0))
        return rg_fail(err, -ENODEV, "no CUDA device");
    if (status != cudaSuccess)
        return rg_fail(err, -ENODEV, "no CUDA device: %s", cudaGetErrorString(status));
    return 0;
}

/* Whether the driver exports memory as dma-buf; false where it does not tell. */
static bool exports_dmabuf(int ordinal)
{
    PFN_cuDeviceGetAttribute get;
    int value = 0;
    return rg_cuda_entry("cuDeviceGetAttribute", 6000, (void **)&get) &&
           get(&value, CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED, ordinal) == CUDA_SUCCESS && value != 0;
}

/* A GPU that orders what NICs write by itself wants no flush; one that cannot flush by a call gets none. */
static cudaError_t flush_of(int ordinal, bool *wanted)
{
    int ordering = 0, options = 0;
    cudaError_t status = cudaDeviceGetAttribute(&ordering, cudaDevAttrGPUDirectRDMAWritesOrdering, ordinal);
    if (status == cudaSuccess)
        status = cudaDeviceGetAttribute(&options, cudaDevAttrGPUDirectRDMAFlushWritesOptions, ordinal);
    *wanted = ordering < cudaGPUDirectRDMAWritesOrderingOwner && (options & cudaFlushGPUDirectRDMAWritesOptionHost);
    return status;
}

static int cuda_describe(int ordinal, struct rg_device *out, struct rg_error *err)
{
    struct cudaDeviceProp properties;
    const char *call = "cudaGetDeviceProperties";
    int count, code = cuda_count(&count, err);
    if (code != 0)
        return code;
    if (ordinal < 0 || ordinal >= count)
        return rg_fail(err, -ENODEV, "no CUDA device %d; there are %d", ordinal, count);
    *out = (struct rg_device){.ordinal = ordinal};
    cudaError_t status = cudaGetDeviceProperties(&properties, ordinal);
    if (status == cudaSuccess)
        status = cudaDeviceGetPCIBusId(out->pci_address, sizeof out->pci_address, ordinal),
        call = "cudaDeviceGetPCIBusId";
    if (status == cudaSuccess)
        status = flush_of(ordinal, &out->wants_flush), call = "cudaDeviceGetAttribute";
    if (status == cudaSuccess)
        status = cudaRuntimeGetVersion(&out->cuda_runtime), call = "cudaRuntimeGetVersion";
    if (status == cudaSuccess)
        status = cudaDriverGetVersion(&out->cuda_driver), call = "cudaDriverGetVersion";
    if (status != cudaSuccess)
        return rg_cuda_failed(status, call, ordinal, err);
    for (char *c = out->pci_address; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    snprintf(out->name, sizeof out->name, "%s", properties.name);
    out->memory_bytes = (int64_t)properties.totalGlobalMem;
    out->dmabuf = exports_dmabuf(ordinal);
    return 0;
}

static int cuda_find(const char *pci_address, int *ordinal, struct rg_error *err)
{
    int count, code = cuda_count(&count, err);
    if (code != 0)
        return code;
    return cudaDeviceGetByPCIBusId(ordinal, pci_address) == cudaSuccess
               ? 0
               : rg_fail(err, -ENODEV, "CUDA does not see the GPU at %s", pci_address);
}

const struct rg_device_ops rg_device_cuda = {cuda_count, cuda_describe, cuda_find};
