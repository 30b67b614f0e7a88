/* The node that is checked: what its files and the system's calls tell, each read once. */
#ifndef RG_CHECK_NODE_H
#define RG_CHECK_NODE_H

#include "base/error.h"
#include "data/machine.h"
#include "hw/gpu.h"
#include "hw/netdev.h"

#include <stdbool.h>
#include <stdint.h>

#define RG_CHECK_LINE 256

/* One port of an RDMA device. Texts are "" and numbers RG_NONE or NAN where the system does not tell. */
struct rg_check_port {
    char name[80]; /* "mlx5_0", or "mlx5_0:2" of a device with several ports */
    char device[64], pci_address[16], model[64], firmware[64], state[32], layer[32], rate[64];
    bool soft, active, ethernet;
    double rate_gbps;
    char gid_address[48], gid_netdev[32]; /* of the RoCE v2 entry that a run would use */
    int gid_index;                        /* -1: none is usable */
    char netdev[32];                      /* wherever it lives */
    int64_t netdev_mtu_bytes;             /* RG_NONE: it lives elsewhere */
};

/* A GPU by its place on PCI, and what NVML tells of it. */
struct rg_check_gpu {
    char pci_address[16];
    bool answers; /* otherwise what.reason says why NVML tells nothing */
    struct rg_gpu what;
    struct rg_gpu_state state;
    struct rg_gpu_links links;
};

enum rg_check_nvml { RG_CHECK_NVML_NOT_ASKED, RG_CHECK_NVML_NONE, RG_CHECK_NVML_BROKEN, RG_CHECK_NVML_WORKS };

/* A host by name, as it is seen from here. Texts are "" where there is nothing. */
struct rg_check_host {
    char name[256], address[64], back[256]; /* back: the name that the address leads to */
    char error[128];                        /* why there is no address */
};

/* What no file tells. */
struct rg_check_facts {
    struct rg_check_host self;
    struct rg_check_host *hosts; /* others that have to be reached by name */
    int host_count;
    struct rg_netdev netdev; /* that the node's name leads to, where no RDMA is expected; "": none */
    enum rg_check_nvml nvml;
    char nvml_error[RG_GPU_REASON_LENGTH]; /* unless it works */
    int64_t shm_bytes, shm_free_bytes;
    bool clock_told, clock_synchronised;
    int64_t clock_error_us;                            /* the most by which the clock is off, as the kernel thinks */
    const char *library_path, *nccl_net, *nccl_plugin; /* LD_LIBRARY_PATH, NCCL_NET, NCCL_NET_PLUGIN; NULL: not set */
};

struct rg_check_node {
    const char *root;                 /* stands before /sys, /proc and so on; "" is this system */
    const struct rg_machine *machine; /* NULL: nothing in particular is expected */
    struct rg_check_facts facts;
    char name[RG_CHECK_LINE];
    struct rg_check_port *ports;
    int port_count, hardware_count, active_count; /* the last: active ports of hardware */
    struct rg_check_gpu *gpus;
    int gpu_count;
    const char *without_rdma; /* why no RDMA device is expected; NULL: they are */
};

/* Looks for ports and GPUs below root; facts are the caller's. root, machine and what facts points to outlive it. */
int rg_check_open(const char *root, const struct rg_machine *machine, struct rg_check_node **out, struct rg_error *err);

/* Asks the system for the facts; quick: for those alone that the quick checks need, which takes milliseconds. */
void rg_check_ask_system(struct rg_check_node *node, bool quick);

/* Asks whether the names of hosts (NULL-terminated) lead to addresses. -ENOMEM. */
int rg_check_ask_hosts(struct rg_check_node *node, char *const *hosts, struct rg_error *err);

/* Takes NULL. */
void rg_check_close(struct rg_check_node *node);

#endif
