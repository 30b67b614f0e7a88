/* What goes wrong with GPUs, one fault an argument, on the doubles: 0 when the data are right, 1 when they are not;
 * what a call returned otherwise is printed. */
#include "kernels/kernels.h"

#include <cuda_runtime_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 1024
#define KEY 7

static void must(cudaError_t status, const char *what)
{
    if (status == cudaSuccess)
        return;
    printf("%s: %d\n", what, (int)status);
    exit(2);
}

static uint64_t *device_words(void)
{
    void *words;
    must(cudaMalloc(&words, WORDS * 8), "cudaMalloc");
    return words;
}

/* A copy to the host that nobody waited for. */
static int copy_back(int waits)
{
    uint64_t *words = device_words(), *host;
    cudaStream_t stream;
    must(cudaMallocHost((void **)&host, WORDS * 8), "cudaMallocHost");
    memset(host, 0, WORDS * 8);
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    must((cudaError_t)rg_kernel_fill(words, WORDS, KEY, stream), "fill");
    must(cudaMemcpyAsync(host, words, WORDS * 8, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
    if (waits)
        must(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return host[WORDS - 1] == 0;
}

/* Words that came from outside, as a NIC brings them, and a kernel that looks at them. */
static int look_at_arrived(int flushes)
{
    uint64_t *words = device_words(), *other = device_words(), *arrived = malloc(WORDS * 8);
    struct rg_kernel_found none = {0, UINT64_MAX}, found, *there;
    must((cudaError_t)rg_kernel_fill(other, WORDS, KEY, NULL), "fill");
    must(cudaMemcpy(arrived, other, WORDS * 8, cudaMemcpyDeviceToHost), "cudaMemcpy");
    memcpy(words, arrived, WORDS * 8); /* past the runtime: the double's memory is the host's */
    must(cudaMalloc((void **)&there, sizeof none), "cudaMalloc");
    must(cudaMemcpy(there, &none, sizeof none, cudaMemcpyHostToDevice), "cudaMemcpy");
    if (flushes)
        must(cudaDeviceFlushGPUDirectRDMAWrites(
                 cudaFlushGPUDirectRDMAWritesTargetCurrentDevice, cudaFlushGPUDirectRDMAWritesToOwner),
            "flush");
    must((cudaError_t)rg_kernel_verify(words, KEY, 0, 1, WORDS * 8, WORDS * 8, there, NULL), "verify");
    must(cudaMemcpy(&found, there, sizeof found, cudaMemcpyDeviceToHost), "cudaMemcpy");
    return found.mismatches > 0;
}

int main(int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "";
    uint64_t host[WORDS] = {0};
    if (strcmp(fault, "no-wait") == 0 || strcmp(fault, "wait") == 0)
        return copy_back(fault[0] == 'w');
    if (strcmp(fault, "no-flush") == 0 || strcmp(fault, "flush") == 0)
        return look_at_arrived(fault[0] == 'f');
    uint64_t *words = device_words();
    if (strcmp(fault, "touch") == 0)
        return ((volatile uint64_t *)words)[0] == 1;
    if (strcmp(fault, "kernel-beyond-the-end") == 0) {
        must((cudaError_t)rg_kernel_fill(words, WORDS + 4096, KEY, NULL), "fill");
        must(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    } else if (strcmp(fault, "copy-beyond-the-end") == 0) {
        must(cudaMemcpy(words, host, WORDS * 8 + 1024, cudaMemcpyHostToDevice), "cudaMemcpy");
    } else if (strcmp(fault, "wrong-way") == 0) {
        must(cudaMemcpy(words, host, WORDS * 8, cudaMemcpyDeviceToHost), "cudaMemcpy");
    } else if (strcmp(fault, "free-twice") == 0) {
        must(cudaFree(words), "cudaFree");
        must(cudaFree(words), "second cudaFree");
    } else if (strcmp(fault, "leak") != 0) {
        must(cudaFree(words), "cudaFree");
    }
    return 0;
}
