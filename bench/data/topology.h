/* What is next to what in a node: GPUs and RDMA NICs in the tree of PCIe bridges, host bridges, packages. */
#ifndef RG_DATA_TOPOLOGY_H
#define RG_DATA_TOPOLOGY_H

#include "data/json.h"

enum rg_topology_kind {
    RG_PLACE_MACHINE,
    RG_PLACE_PACKAGE,
    RG_PLACE_HOST_BRIDGE,
    RG_PLACE_BRIDGE,
    RG_PLACE_NIC,
    RG_PLACE_GPU
};

/* A node of the tree; parents come before their children, the machine is the first and its own parent. */
struct rg_topology_place {
    enum rg_topology_kind kind;
    int parent;
    char name[64];        /* of a NIC "mlx5_0", of a package "package 0" */
    char pci_address[16]; /* of devices and bridges */
    int numa_node;        /* of devices; -1: not known */
    bool elsewhere;       /* a NIC none of whose network devices lives in this network namespace */
};

/* How near two devices are, in nvidia-smi's words: at most one PCIe switch between them, several, the host bridge, the
 * same NUMA node, or none of these. */
enum rg_topology_distance { RG_PIX, RG_PXB, RG_PHB, RG_NODE, RG_SYS };

extern const char *const rg_topology_distance_words[]; /* NULL-terminated */

/* A NIC and its GPU; indices of places, -1: none. */
struct rg_topology_pair {
    int nic, gpu;
    enum rg_topology_distance distance;
};

struct rg_topology {
    struct rg_topology_place *places;
    int place_count;
    struct rg_topology_pair *pairs; /* NICs in PCI order, then GPUs that have none */
    int pair_count;
    char **warnings;
    int warning_count;
};

/* The document as text, malloc'd. */
char *rg_topology_json(const struct rg_topology *topology);

/* Takes NULL. */
void rg_topology_close(struct rg_topology *topology);

#endif
