// Kernels: what nvcc's host code calls to make them known and to launch them, by the names of emulate/kernels.cpp.
#include "device.h"
#include "state.h"

#include <cstdio>
#include <cstring>

using namespace rgd;

namespace
{

struct configuration {
    dim3 grid, block;
    size_t shared_bytes;
    void *stream;
};

std::map<const void *, const char *> names; // by the host's stub
thread_local std::vector<configuration> configurations;

const emulated_kernel *kernel_named(const char *name)
{
    for (size_t i = 0; i < emulated_kernel_count; i++)
        if (strcmp(emulated_kernels[i].name, name) == 0)
            return &emulated_kernels[i];
    fprintf(stderr, "CUDA double: kernel %s has no host version\n", name);
    return nullptr;
}

// The parameters are copied at once, as a launch does.
cudaError_t launch(const char *name, dim3 grid, dim3 block, void **arguments, cudaStream_t on)
{
    const emulated_kernel *kernel = kernel_named(name);
    if (kernel == nullptr)
        return cudaErrorInvalidDeviceFunction;
    if (grid.x * grid.y * grid.z == 0 || block.x * block.y * block.z == 0 || block.x * block.y * block.z > 1024)
        return cudaErrorInvalidConfiguration;
    std::vector<std::vector<char>> copies;
    for (int i = 0; i < kernel->parameter_count; i++) {
        const char *from = static_cast<char *>(arguments[i]);
        copies.emplace_back(from, from + kernel->parameter_sizes[i]);
    }
    return put(stream_of(on), [=] {
        std::vector<std::vector<char>> own = copies;
        std::vector<void *> pointers;
        for (std::vector<char> &one : own)
            pointers.push_back(one.data());
        return kernel->run(grid, block, pointers.data()) ? cudaSuccess : cudaErrorLaunchFailure;
    });
}

} // namespace

extern "C" {

void **__cudaRegisterFatBinary(void *)
{
    static void *handle;
    return &handle;
}

void __cudaRegisterFatBinaryEnd(void **)
{
}

void __cudaUnregisterFatBinary(void **)
{
}

char __cudaInitModule(void **)
{
    return 1;
}

void __cudaRegisterFunction(
    void **, const char *stub, char *, const char *name, int, uint3 *, uint3 *, dim3 *, dim3 *, int *)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    names[stub] = name;
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, void *stream)
{
    configurations.push_back({grid, block, shared_bytes, stream});
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream)
{
    if (configurations.empty())
        return cudaErrorMissingConfiguration;
    const configuration &top = configurations.back();
    *grid = top.grid;
    *block = top.block;
    *shared_bytes = top.shared_bytes;
    *static_cast<void **>(stream) = top.stream;
    configurations.pop_back();
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t *out, const void *stub)
{
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto found = names.find(stub);
    if (found == names.end())
        return cudaErrorInvalidDeviceFunction;
    *out = reinterpret_cast<cudaKernel_t>(const_cast<char *>(found->second));
    return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(
    cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments, size_t, cudaStream_t stream)
{
    if (cudaError_t status = enter("cudaLaunchKernel"))
        return give(status);
    return give(launch(reinterpret_cast<const char *>(kernel), grid, block, arguments, stream));
}

cudaError_t cudaLaunchKernel(
    const void *stub, dim3 grid, dim3 block, void **arguments, size_t shared_bytes, cudaStream_t stream)
{
    cudaKernel_t kernel;
    cudaError_t status = __cudaGetKernel(&kernel, stub);
    return status == cudaSuccess ? __cudaLaunchKernel(kernel, grid, block, arguments, shared_bytes, stream)
                                 : give(status);
}
}
