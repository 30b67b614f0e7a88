/* What the CUDA runtime's double offers to other doubles. */
#ifndef RG_DOUBLE_CUDA_ENQUEUE_H
#define RG_DOUBLE_CUDA_ENQUEUE_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Carries out work(argument), which returns a cudaError_t, in the stream's order; captured into a graph, at each of its
 * launches, so argument must last. It may touch device memory. Where it returns cudaErrorNotReady it is called again
 * later, and what is behind it in the stream waits. */
int railgauge_double_enqueue(cudaStream_t stream, int (*work)(void *argument), void *argument);

#ifdef __cplusplus
}
#endif

#endif
