/* The network interface that a rail's TCP tests use. */
#ifndef RG_HW_NETDEV_H
#define RG_HW_NETDEV_H

#include "base/error.h"

#include <stdbool.h>

/* Texts are empty and numbers -1 where the system does not tell. */
struct rg_netdev {
    char name[16];    /* "eth0" */
    char address[46]; /* IPv4 where there is one, else global IPv6 */
    char driver[64], pci_address[64], state[16];
    double link_gbps;
    int mtu_bytes, numa_node;
    bool loopback;
};

/* The rail-th of `interfaces` ("eth0,eth1"); without such a list rail 0 has the interface that this host's name leads
 * to, and the others have none: -ENXIO. -ENODEV: there is no such interface. */
int rg_netdev_of_rail(int rail, const char *interfaces, struct rg_netdev *out, struct rg_error *err);

#endif
