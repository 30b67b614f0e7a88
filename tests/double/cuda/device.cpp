// The devices, and the driver's calls that are looked up at run time.
#include "state.h"

#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace rgd;

namespace
{

// No PCI bus has a device there: 0000:d0:00.0, 0000:d1:00.0, ...
constexpr int first_bus = 0xd0;

bool exists(int device)
{
    return device >= 0 && device < device_count();
}

} // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int *out)
{
    RGD_ENTER;
    *out = device_count();
    return give(*out > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device)
{
    RGD_ENTER;
    if (!exists(device))
        return give(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *out)
{
    RGD_ENTER;
    *out = current_device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device)
{
    RGD_ENTER;
    if (!exists(device))
        return give(cudaErrorInvalidDevice);
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "railgauge double, not a GPU");
    out->totalGlobalMem = device_bytes();
    out->pciBusID = first_bus + device;
    out->major = 9;
    out->multiProcessorCount = 1;
    out->warpSize = 32;
    out->maxThreadsPerBlock = 1024;
    out->unifiedAddressing = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *out, int room, int device)
{
    RGD_ENTER;
    if (!exists(device))
        return give(cudaErrorInvalidDevice);
    snprintf(out, static_cast<size_t>(room), "0000:%02X:00.0", static_cast<unsigned>(first_bus + device));
    return cudaSuccess;
}

cudaError_t cudaDeviceGetByPCIBusId(int *out, const char *address)
{
    RGD_ENTER;
    unsigned bus;
    if (sscanf(address, "0000:%x:00.0", &bus) != 1 || !exists(static_cast<int>(bus) - first_bus))
        return give(cudaErrorInvalidDevice);
    *out = static_cast<int>(bus) - first_bus;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *out, cudaDeviceAttr attribute, int device)
{
    RGD_ENTER;
    if (!exists(device))
        return give(cudaErrorInvalidDevice);
    bool flushes = flag("FLUSH");
    *out = 0;
    if (attribute == cudaDevAttrGPUDirectRDMAWritesOrdering)
        *out = flushes ? cudaGPUDirectRDMAWritesOrderingNone : cudaGPUDirectRDMAWritesOrderingAllDevices;
    else if (attribute == cudaDevAttrGPUDirectRDMAFlushWritesOptions)
        *out = flushes ? cudaFlushGPUDirectRDMAWritesOptionHost : 0;
    else if (attribute == cudaDevAttrGPUDirectRDMASupported)
        *out = 1;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *out)
{
    RGD_ENTER;
    *out = static_cast<int>(rgd::number("OLD_DRIVER", CUDART_VERSION));
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *out)
{
    RGD_ENTER;
    *out = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int *out, int device, int peer)
{
    RGD_ENTER;
    *out = exists(device) && exists(peer) && device != peer;
    return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned)
{
    RGD_ENTER;
    static bool enabled[64][64];
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (!exists(peer) || peer == current_device)
        return give(cudaErrorInvalidDevice);
    if (enabled[current_device][peer])
        return give(cudaErrorPeerAccessAlreadyEnabled);
    enabled[current_device][peer] = true;
    return cudaSuccess;
}

// --- the driver's ---

CUresult cuGetErrorName(CUresult status, const char **out)
{
    *out = status == CUDA_ERROR_NOT_SUPPORTED ? "CUDA_ERROR_NOT_SUPPORTED" : "an error of the CUDA double";
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *out, CUdevice_attribute attribute, CUdevice)
{
    if (cudaError_t status = enter(__func__))
        return static_cast<CUresult>(status);
    *out = attribute == CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED && flag("DMABUF");
    return CUDA_SUCCESS;
}

CUresult cuPointerSetAttribute(const void *, CUpointer_attribute, CUdeviceptr)
{
    return static_cast<CUresult>(enter(__func__));
}

// A file in memory stands for the dma-buf: what takes one can be tested as far as the RDMA device, which refuses it.
CUresult cuMemGetHandleForAddressRange(
    void *handle, CUdeviceptr address, size_t bytes, CUmemRangeHandleType type, unsigned long long)
{
    if (cudaError_t status = enter(__func__))
        return static_cast<CUresult>(status);
    if (type != CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD || !flag("DMABUF"))
        return CUDA_ERROR_NOT_SUPPORTED;
    if (address % 4096 != 0 || bytes % 4096 != 0)
        return CUDA_ERROR_INVALID_VALUE;
    *static_cast<int *>(handle) = memfd_create("dmabuf", 0);
    return CUDA_SUCCESS;
}

cudaError_t cudaGetDriverEntryPointByVersion(
    const char *name, void **out, unsigned, unsigned long long, cudaDriverEntryPointQueryResult *found)
{
    RGD_ENTER;
    static const struct {
        const char *name;
        void *call;
    } known[] = {
        {"cuGetErrorName", reinterpret_cast<void *>(cuGetErrorName)},
        {"cuDeviceGetAttribute", reinterpret_cast<void *>(cuDeviceGetAttribute)},
        {"cuPointerSetAttribute", reinterpret_cast<void *>(cuPointerSetAttribute)},
        {"cuMemGetHandleForAddressRange", reinterpret_cast<void *>(cuMemGetHandleForAddressRange)},
    };
    *out = nullptr;
    for (const auto &one : known)
        if (strcmp(one.name, name) == 0)
            *out = one.call;
    *found = *out ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}
}
