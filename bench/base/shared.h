/* The registry of compilers that share a source: marks what the host and the kernels compute alike. */
#ifndef RG_BASE_SHARED_H
#define RG_BASE_SHARED_H

#include <stdint.h>

#ifdef __CUDACC__
#define RG_SHARED static inline __host__ __device__
#else
#define RG_SHARED static inline
#endif

#endif
