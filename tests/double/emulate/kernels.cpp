// The product's kernels, compiled for the host, by the names under which they are launched.
#include "device.h"

#include "kernels/kernels.cuh"

#define KERNEL(name) emulated<name>::entry(#name)

const emulated_kernel emulated_kernels[] = {
    KERNEL(rg_fill_kernel),
    KERNEL(rg_verify_kernel),
    KERNEL(rg_copy_kernel),
    KERNEL(rg_copy_bytes_kernel),
    KERNEL(rg_elements_fill_kernel),
    KERNEL(rg_elements_check_kernel),
};
const size_t emulated_kernel_count = sizeof emulated_kernels / sizeof *emulated_kernels;
