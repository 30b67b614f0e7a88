/* What this node is: kernel, processors, memory, versions. */
#ifndef RG_HW_HOST_H
#define RG_HW_HOST_H

#include <stdint.h>

/* Texts are empty where the system does not tell. */
struct rg_host {
    char node[256], kernel[128], os[128], cpu_model[128], rdma_core[32];
    char tcp_congestion[32]; /* what new TCP connections use, such as "cubic" */
    int64_t cpus, numa_nodes, memory_bytes;
};

void rg_host_describe(struct rg_host *out);

#endif
