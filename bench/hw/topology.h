/* Reads what is next to what, and says which GPU goes with which NIC. */
#ifndef RG_HW_TOPOLOGY_H
#define RG_HW_TOPOLOGY_H

#include "data/topology.h"

/* Of this machine, or of one that hwloc wrote down (`lstopo FILE.xml`). Pairs and warnings are filled in. -EINVAL: the
 * file is none of hwloc's. Close with rg_topology_close. */
int rg_pairing_read(const char *xml, struct rg_topology **out, struct rg_error *err);

/* Fills in pairs and warnings from the places alone: the nearest NIC and GPU first, then the nearest of what is left,
 * and so on; of pairs that are equally near, the first in PCI order. Since nearness is that of the nearest common
 * ancestor, taking the nearest first costs nobody a nearer partner than the one it costs him. Pure, but for memory:
 * -ENOMEM. */
int rg_pairing_make(struct rg_topology *topology, struct rg_error *err);

/* How near two places are. Pure. */
enum rg_topology_distance rg_pairing_distance(const struct rg_topology *topology, int a, int b);

/* The pair of the NIC with that device name; NULL: it has no place on PCI, or no GPU. */
const struct rg_topology_pair *rg_pairing_of(const struct rg_topology *topology, const char *device);

/* Which GPU each rail of a node uses, by number: that of its NIC (next_to[rail]; -1: none is known), each of the other
 * rails the first that no rail has yet; with more rails than GPUs those are shared out again from the first. gpus is 1
 * or more. Pure. */
void rg_pairing_share(const int *next_to, int rails, int gpus, int *out);

#endif
