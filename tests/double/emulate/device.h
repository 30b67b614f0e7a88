// The device's language on the host, for tests: compiles kernels.cuh as plain C++. Include it before device code, in
// the place of cuda_runtime.h. Every thread of a block is a fibre, so that barriers are real; see device.cpp.
#ifndef RG_DOUBLE_EMULATE_DEVICE_H
#define RG_DOUBLE_EMULATE_DEVICE_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector_functions.h>
#include <vector_types.h>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
// One for each thread of the host, hence one for each block that runs; not cleared between blocks, as on a GPU.
#define __shared__ static __thread

struct emulated_thread {
    uint3 index, block;
    dim3 block_size, grid_size;
};

extern __thread emulated_thread *emulated_self;
#define threadIdx (emulated_self->index)
#define blockIdx (emulated_self->block)
#define blockDim (emulated_self->block_size)
#define gridDim (emulated_self->grid_size)

// Waits for all threads of the block that have not ended.
void emulated_barrier();
#define __syncthreads emulated_barrier

// Runs every thread of every block; false, with a line on stderr, when threads of a block wait at
// different barriers.
bool emulated_grid(dim3 grid, dim3 block, void (*thread)(void *arguments), void *arguments);

template <class T> static inline T atomicAdd(T *at, T value)
{
    return __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
}

template <class T> static inline T atomicMin(T *at, T value)
{
    T old = __atomic_load_n(at, __ATOMIC_RELAXED);
    while (value < old && !__atomic_compare_exchange_n(at, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return old;
}

// A kernel by name, as the runtime's double launches it: arguments point to copies of the parameters.
struct emulated_kernel {
    const char *name;
    int parameter_count;
    const size_t *parameter_sizes;
    bool (*run)(dim3 grid, dim3 block, void **arguments);
};

extern const emulated_kernel emulated_kernels[];
extern const size_t emulated_kernel_count;

template <auto Kernel> struct emulated;
template <class... Parameters, void (*Kernel)(Parameters...)> struct emulated<Kernel> {
    static constexpr size_t sizes[] = {sizeof(Parameters)...};

    template <size_t... I> static void call(void **arguments, std::index_sequence<I...>)
    {
        Kernel(*static_cast<Parameters *>(arguments[I])...);
    }

    static void thread(void *arguments)
    {
        call(static_cast<void **>(arguments), std::index_sequence_for<Parameters...>{});
    }

    static bool run(dim3 grid, dim3 block, void **arguments)
    {
        return emulated_grid(grid, block, thread, arguments);
    }

    // For tests that call a kernel straight.
    static bool launch(unsigned blocks, unsigned threads, Parameters... parameters)
    {
        void *arguments[] = {&parameters...};
        return run(dim3(blocks), dim3(threads), arguments);
    }

    static constexpr emulated_kernel entry(const char *name)
    {
        return {name, static_cast<int>(sizeof...(Parameters)), sizes, run};
    }
};

#endif
