/* The node that is checked: what its files and the system's calls tell, each read once. */
#ifndef RG_CHECK_NODE_H
#define RG_CHECK_NODE_H

#include "base/error.h"
#include "data/machine.h"

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

/* What no file tells. */
struct rg_check_facts {
    char address[64];        /* of the node's own name; "": it has none */
    char address_error[128]; /* why */
    int64_t shm_bytes, shm_free_bytes;
    bool clock_synchronised;
    int64_t clock_error_us;   /* the most by which the clock is off, as the kernel thinks */
    const char *library_path; /* LD_LIBRARY_PATH; NULL: not set */
};

struct rg_check_node {
    const char *root;                 /* stands before /sys, /proc and so on; "" is this system */
    const struct rg_machine *machine; /* NULL: nothing in particular is expected */
    struct rg_check_facts facts;
    char name[RG_CHECK_LINE];
    struct rg_check_port *ports;
    int port_count, hardware_count, active_count; /* the last: active ports of hardware */
    char (*gpus)[16];                             /* PCI addresses */
    int gpu_count;
};

/* Looks for ports and GPUs below root; facts are the caller's. root, machine and what facts points to outlive it. */
int rg_check_open(const char *root, const struct rg_machine *machine, struct rg_check_node **out, struct rg_error *err);

/* Asks the system for the facts. */
void rg_check_ask_system(struct rg_check_node *node);

/* Takes NULL. */
void rg_check_close(struct rg_check_node *node);

#endif
