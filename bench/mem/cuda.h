/* The CUDA runtime and what is looked up of the driver; for the files of mem/ alone. */
#ifndef RG_MEM_CUDA_H
#define RG_MEM_CUDA_H

#include "mem/kinds.h"

#include <cuda.h>
#include <cuda_runtime_api.h>

/* Newer than some headers: a mapping for NICs that reach the GPU on a path of their own (CUDA 12.8). */
#define RG_CUDA_RANGE_THROUGH_PCIE 0x1ull

typedef CUresult (*PFN_cuMemGetHandleForAddressRange)(
    void *handle, CUdeviceptr address, size_t bytes, CUmemRangeHandleType type, unsigned long long flags);
typedef CUresult (*PFN_cuPointerSetAttribute)(const void *value, CUpointer_attribute attribute, CUdeviceptr pointer);
typedef CUresult (*PFN_cuDeviceGetAttribute)(int *value, CUdevice_attribute attribute, CUdevice device);
typedef CUresult (*PFN_cuGetErrorName)(CUresult status, const char **name);

/* A message on a call that did not return cudaSuccess; -ENOMEM or -EIO. */
int rg_cuda_failed(int status, const char *call, int device, struct rg_error *err);

/* Whether the driver has an entry point of that version of its interface. */
bool rg_cuda_entry(const char *name, unsigned version, void **out);

/* "CUDA_ERROR_NOT_SUPPORTED". */
const char *rg_cuda_driver_error(CUresult status);

#endif
