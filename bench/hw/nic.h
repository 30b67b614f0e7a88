/* The RDMA devices that this process can use. */
#ifndef RG_HW_NIC_H
#define RG_HW_NIC_H

#include "base/error.h"

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

#define RG_NAME_LENGTH 64

/* One active port. Texts are empty and numbers -1 where the system does not tell. */
struct rg_nic {
    char device[RG_NAME_LENGTH];
    int port;
    int gid_index; /* the first usable one; -1: none, or InfiniBand, which needs none */
    char gid[RG_NAME_LENGTH], gid_type[16], netdev[RG_NAME_LENGTH];
    char driver[RG_NAME_LENGTH], firmware[RG_NAME_LENGTH], pci_address[RG_NAME_LENGTH], link_layer[16], state[16];
    double link_gbps; /* -1 for software RDMA, whose rate is made up */
    int active_mtu_bytes, netdev_mtu_bytes, numa_node;
    bool soft; /* rxe or siw: no RDMA hardware */
};

/* Every active port, in the order of PCI addresses, software devices last and by name. *out is malloc'd. -ENODEV: none,
 * with advice. */
int rg_nic_list(struct rg_nic **out, int *count, struct rg_error *err);

/* The NIC of a rail: the rail-th active port, or the rail-th entry of `devices` ("mlx5_0,mlx5_1:1") when that is not
 * NULL; with the GID of gid_index unless that is negative. -ENODEV with a message that says what there is. */
int rg_nic_of_rail(int rail, const char *devices, int gid_index, struct rg_nic *out, struct rg_error *err);

#endif
