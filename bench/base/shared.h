/* Marks what the host and the kernels compute by the same source. */
#ifndef RG_BASE_SHARED_H
#define RG_BASE_SHARED_H

#ifdef __CUDACC__
#define RG_SHARED static inline __host__ __device__
#else
#define RG_SHARED static inline
#endif

#endif
