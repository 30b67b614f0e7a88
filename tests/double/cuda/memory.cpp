// Device memory is host memory that ends at a page nobody may touch, so that what runs over the end is seen.
//   GUARD: the processor may touch it only while kernels and copies run.
//   FLUSH: what others than kernels and copies write to it, as a NIC does, is seen by kernels and copies only after a
//   flush: they work on a copy of their own, which a flush renews from the memory, and put what they change into both.
#include "state.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace rgd
{

namespace
{

constexpr size_t page = 4096;
int working; // kernels and copies under way
size_t used[64];

bool hides(const allocation &one)
{
    return one.what == kind::device && flag("GUARD");
}

void protect(int how)
{
    for (auto &[address, one] : allocations)
        if (hides(one))
            mprotect(one.mapping, one.mapping_bytes - page, how);
}

// Memory and what kernels see of it change places, before device work and after it.
void swap_views()
{
    for (auto &[address, one] : allocations)
        if (!one.settled.empty())
            std::swap_ranges(one.settled.begin(), one.settled.end(), reinterpret_cast<char *>(address));
}

// What device work has changed is written through to the memory that others see.
void write_through(const std::map<uintptr_t, std::vector<char>> &before)
{
    for (auto &[address, old] : before) {
        allocation &one = allocations[address];
        char *memory = reinterpret_cast<char *>(address);
        for (size_t i = 0; i < old.size(); i++)
            if (one.settled[i] != old[i])
                memory[i] = one.settled[i];
    }
}

std::map<uintptr_t, std::vector<char>> seen_before;

cudaError_t allocate(void **out, size_t bytes, kind what)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    size_t rounded = (bytes + 255) / 256 * 256, mapping = (rounded + page - 1) / page * page + page;
    if (out == nullptr || bytes == 0)
        return cudaErrorInvalidValue;
    if (what == kind::device && used[current_device] + rounded > device_bytes())
        return cudaErrorMemoryAllocation;
    void *start = mmap(nullptr, mapping, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return cudaErrorMemoryAllocation;
    allocation one;
    one.mapping = static_cast<char *>(start);
    one.mapping_bytes = mapping;
    one.bytes = bytes;
    one.device = current_device;
    one.what = what;
    memset(start, 0xcb, mapping - page); // fresh memory of a GPU is not zero, either
    mprotect(one.mapping + mapping - page, page, PROT_NONE);
    *out = one.mapping + mapping - page - rounded;
    if (what == kind::device && flag("FLUSH"))
        one.settled.assign(static_cast<char *>(*out), static_cast<char *>(*out) + bytes);
    if (what == kind::device)
        used[current_device] += rounded;
    if (hides(one) && working == 0)
        mprotect(one.mapping, mapping - page, PROT_NONE);
    allocations[reinterpret_cast<uintptr_t>(*out)] = one;
    return cudaSuccess;
}

cudaError_t release(void *address, bool of_device)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (address == nullptr)
        return cudaSuccess;
    auto found = allocations.find(reinterpret_cast<uintptr_t>(address));
    if (found == allocations.end() || (found->second.what == kind::device) != of_device)
        return cudaErrorInvalidValue; // freed already, or never ours
    if (of_device)
        used[found->second.device] -= (found->second.bytes + 255) / 256 * 256;
    munmap(found->second.mapping, found->second.mapping_bytes);
    allocations.erase(found);
    return cudaSuccess;
}

cudaError_t copy(void *to, const void *from, size_t bytes, cudaMemcpyKind way, cudaStream_t on, bool wait)
{
    if (cudaError_t status = check_copy(to, from, bytes, way))
        return status;
    cudaError_t status = put(stream_of(on), [=] {
        if (!inside(to, bytes) || !inside(from, bytes))
            return cudaErrorIllegalAddress; // freed meanwhile
        memmove(to, from, bytes);
        flip(to, bytes);
        return cudaSuccess;
    });
    return status == cudaSuccess && wait ? drain(stream_of(on)) : status;
}

} // namespace

allocation *find(const void *address)
{
    auto after = allocations.upper_bound(reinterpret_cast<uintptr_t>(address));
    if (after == allocations.begin())
        return nullptr;
    auto &[start, one] = *--after;
    return reinterpret_cast<uintptr_t>(address) < start + one.bytes ? &one : nullptr;
}

bool inside(const void *address, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto after = allocations.upper_bound(reinterpret_cast<uintptr_t>(address));
    if (after == allocations.begin())
        return true;
    auto &[start, one] = *--after;
    uintptr_t at = reinterpret_cast<uintptr_t>(address), end = start + one.bytes;
    uintptr_t mapping_end = reinterpret_cast<uintptr_t>(one.mapping) + one.mapping_bytes;
    return at >= mapping_end || at + bytes <= end;
}

cudaError_t check_copy(const void *to, const void *from, size_t bytes, cudaMemcpyKind way)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    const allocation *there = find(to), *here = find(from);
    bool to_device = there && there->what == kind::device, from_device = here && here->what == kind::device;
    bool right = way == cudaMemcpyDefault || (way == cudaMemcpyHostToDevice && to_device && !from_device) ||
                 (way == cudaMemcpyDeviceToHost && !to_device && from_device) ||
                 (way == cudaMemcpyDeviceToDevice && to_device && from_device) ||
                 (way == cudaMemcpyHostToHost && !to_device && !from_device);
    return right && inside(to, bytes) && inside(from, bytes) ? cudaSuccess : cudaErrorInvalidValue;
}

void begin_device_work()
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (working++ > 0)
        return;
    protect(PROT_READ | PROT_WRITE);
    for (auto &[address, one] : allocations)
        if (!one.settled.empty())
            seen_before[address] = one.settled;
    swap_views();
}

void end_device_work()
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (--working > 0)
        return;
    swap_views();
    write_through(seen_before);
    seen_before.clear();
    protect(PROT_NONE);
}

} // namespace rgd

using namespace rgd;

extern "C" {

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    RGD_ENTER;
    return give(allocate(out, bytes, kind::device));
}

cudaError_t cudaFree(void *address)
{
    RGD_ENTER;
    drain_all(); // a free waits for what may still use the memory
    return give(release(address, true));
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned)
{
    RGD_ENTER;
    return give(allocate(out, bytes, kind::pinned));
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    RGD_ENTER;
    return give(allocate(out, bytes, kind::pinned));
}

cudaError_t cudaFreeHost(void *address)
{
    RGD_ENTER;
    return give(release(address, false));
}

cudaError_t cudaHostRegister(void *address, size_t bytes, unsigned)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (find(address) != nullptr || bytes == 0)
        return give(cudaErrorHostMemoryAlreadyRegistered);
    allocation one;
    one.mapping = static_cast<char *>(address);
    one.mapping_bytes = one.bytes = bytes;
    one.what = kind::registered;
    allocations[reinterpret_cast<uintptr_t>(address)] = one;
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *address)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto found = allocations.find(reinterpret_cast<uintptr_t>(address));
    if (found == allocations.end() || found->second.what != kind::registered)
        return give(cudaErrorHostMemoryNotRegistered);
    allocations.erase(found);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind way)
{
    RGD_ENTER;
    return give(copy(to, from, bytes, way, nullptr, true));
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind way, cudaStream_t on)
{
    RGD_ENTER;
    return give(copy(to, from, bytes, way, on, false));
}

cudaError_t cudaMemcpyPeerAsync(
    void *to, int to_device, const void *from, int from_device, size_t bytes, cudaStream_t on)
{
    RGD_ENTER;
    const allocation *there = find(to), *here = find(from);
    if (there == nullptr || here == nullptr || there->device != to_device || here->device != from_device)
        return give(cudaErrorInvalidValue);
    return give(copy(to, from, bytes, cudaMemcpyDeviceToDevice, on, false));
}

cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t on)
{
    RGD_ENTER;
    if (!inside(at, bytes))
        return give(cudaErrorInvalidValue);
    return give(put(stream_of(on), [=] {
        memset(at, value, bytes);
        return cudaSuccess;
    }));
}

cudaError_t cudaMemset(void *at, int value, size_t bytes)
{
    RGD_ENTER;
    if (!inside(at, bytes))
        return give(cudaErrorInvalidValue);
    return give(put(stream_of(nullptr), [=] {
        memset(at, value, bytes);
        return cudaSuccess;
    }));
}

cudaError_t cudaDeviceFlushGPUDirectRDMAWrites(cudaFlushGPUDirectRDMAWritesTarget, cudaFlushGPUDirectRDMAWritesScope)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    for (auto &[address, one] : allocations)
        if (!one.settled.empty() && one.device == current_device)
            std::copy_n(reinterpret_cast<char *>(address), one.bytes, one.settled.begin());
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    RGD_ENTER;
    *total = device_bytes();
    *free_bytes = *total - used[current_device];
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *out, const void *address)
{
    RGD_ENTER;
    std::lock_guard<std::recursive_mutex> guard(lock);
    const allocation *one = find(address);
    memset(out, 0, sizeof *out);
    out->type = one == nullptr              ? cudaMemoryTypeUnregistered
                : one->what == kind::device ? cudaMemoryTypeDevice
                                            : cudaMemoryTypeHost;
    out->device = one ? one->device : -2;
    out->devicePointer = out->hostPointer = const_cast<void *>(address);
    return cudaSuccess;
}
}
