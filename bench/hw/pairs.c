/* Which GPU goes with which NIC: decided from the tree alone. */
#include "hw/topology.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_ancestor(const struct rg_topology *t, int above, int place)
{
    while (place != above && place > 0)
        place = t->places[place].parent;
    return place == above;
}

static int common_ancestor(const struct rg_topology *t, int a, int b)
{
    while (!is_ancestor(t, a, b))
        a = t->places[a].parent;
    return a;
}

/* Bridges between a device and one that holds it. */
static int bridges_up_to(const struct rg_topology *t, int place, int above)
{
    int count = 0;
    for (int at = t->places[place].parent; at != above && at > 0; at = t->places[at].parent)
        count += t->places[at].kind == RG_PLACE_BRIDGE;
    return count;
}

/* A switch is a bridge with bridges below it, one for each port. */
enum rg_topology_distance rg_pairing_distance(const struct rg_topology *t, int a, int b)
{
    int common = common_ancestor(t, a, b);
    enum rg_topology_kind kind = t->places[common].kind;
    if (kind == RG_PLACE_BRIDGE)
        return bridges_up_to(t, a, common) <= 1 && bridges_up_to(t, b, common) <= 1 ? RG_PIX : RG_PXB;
    if (kind == RG_PLACE_HOST_BRIDGE)
        return RG_PHB;
    bool same = t->places[a].numa_node == t->places[b].numa_node && t->places[a].numa_node >= 0;
    return same || kind == RG_PLACE_PACKAGE ? RG_NODE : RG_SYS;
}

/* Of two pairs at the same distance the one with fewer bridges between. */
static int cost_of(const struct rg_topology *t, int nic, int gpu)
{
    int common = common_ancestor(t, nic, gpu);
    return 100 * (int)rg_pairing_distance(t, nic, gpu) + bridges_up_to(t, nic, common) + bridges_up_to(t, gpu, common);
}

static int warn(struct rg_topology *t, struct rg_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int warn(struct rg_topology *t, struct rg_error *err, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **grown = realloc(t->warnings, ((size_t)t->warning_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    t->warnings = grown;
    grown[t->warning_count] = strdup(text);
    return grown[t->warning_count++] ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static int count_kind(const struct rg_topology *t, enum rg_topology_kind kind)
{
    int count = 0;
    for (int i = 0; i < t->place_count; i++)
        count += t->places[i].kind == kind;
    return count;
}

/* The nearest pair of those that have nobody yet; false: there is none left. */
static bool join_nearest(struct rg_topology *t, bool *taken)
{
    int best_pair = -1, best_gpu = -1, best = 0;
    for (int p = 0; p < t->pair_count; p++)
        for (int gpu = 0; t->pairs[p].nic >= 0 && t->pairs[p].gpu < 0 && gpu < t->place_count; gpu++) {
            if (t->places[gpu].kind != RG_PLACE_GPU || taken[gpu])
                continue;
            int cost = cost_of(t, t->pairs[p].nic, gpu);
            if (best_pair < 0 || cost < best) {
                best_pair = p;
                best_gpu = gpu;
                best = cost;
            }
        }
    if (best_pair < 0)
        return false;
    t->pairs[best_pair].gpu = best_gpu;
    t->pairs[best_pair].distance = rg_pairing_distance(t, t->pairs[best_pair].nic, best_gpu);
    taken[best_gpu] = true;
    return true;
}

static int warn_of(struct rg_topology *t, const struct rg_topology_pair *pair, bool gpus, struct rg_error *err)
{
    const struct rg_topology_place *nic = pair->nic < 0 ? NULL : &t->places[pair->nic];
    const struct rg_topology_place *gpu = pair->gpu < 0 ? NULL : &t->places[pair->gpu];
    int code = 0;
    if (nic == NULL)
        code = warn(t, err, "GPU %s has no NIC of its own", gpu->pci_address);
    else if (gpu == NULL && gpus)
        code = warn(t, err, "NIC %s has no GPU of its own", nic->name);
    else if (gpu != NULL && pair->distance >= RG_PHB)
        code = warn(t, err, "NIC %s and GPU %s meet only %s: traffic between them crosses a host bridge", nic->name,
            gpu->pci_address,
            pair->distance == RG_PHB    ? "at the host bridge"
            : pair->distance == RG_NODE ? "on the NUMA node"
                                        : "across sockets");
    if (code == 0 && nic != NULL && nic->elsewhere)
        code = warn(t, err, "NIC %s has no network device in this network namespace", nic->name);
    if (code == 0 && nic != NULL && nic->numa_node < 0)
        code = warn(t, err, "NIC %s: its NUMA node is not known", nic->name);
    return code;
}

int rg_pairing_make(struct rg_topology *t, struct rg_error *err)
{
    bool *taken = calloc((size_t)t->place_count + 1, sizeof *taken);
    t->pairs = calloc((size_t)t->place_count + 1, sizeof *t->pairs);
    int code = taken && t->pairs ? 0 : rg_fail(err, -ENOMEM, "no memory");
    for (int i = 0; code == 0 && i < t->place_count; i++)
        if (t->places[i].kind == RG_PLACE_NIC)
            t->pairs[t->pair_count++] = (struct rg_topology_pair){i, -1, RG_SYS};
    while (code == 0 && join_nearest(t, taken))
        ;
    for (int i = 0; code == 0 && i < t->place_count; i++)
        if (t->places[i].kind == RG_PLACE_GPU && !taken[i])
            t->pairs[t->pair_count++] = (struct rg_topology_pair){-1, i, RG_SYS};
    for (int i = 0; code == 0 && i < t->pair_count; i++)
        code = warn_of(t, &t->pairs[i], count_kind(t, RG_PLACE_GPU) > 0, err);
    if (code == 0 && t->pair_count == 0)
        code = warn(t, err, "no RDMA NIC and no GPU is to be seen on PCI; a container may hide them");
    free(taken);
    return code;
}

const struct rg_topology_pair *rg_pairing_of(const struct rg_topology *t, const char *device)
{
    for (int i = 0; i < t->pair_count; i++)
        if (t->pairs[i].nic >= 0 && t->pairs[i].gpu >= 0 && strcmp(t->places[t->pairs[i].nic].name, device) == 0)
            return &t->pairs[i];
    return NULL;
}

void rg_pairing_share(const int *next_to, int rails, int gpus, int *out)
{
    int least = 0; /* what every GPU has been given to, at least */
    for (int rail = 0; rail < rails; rail++)
        out[rail] = next_to[rail];
    for (int rail = 0; rail < rails; rail++)
        while (out[rail] < 0) {
            for (int gpu = 0; gpu < gpus && out[rail] < 0; gpu++) {
                int users = 0;
                for (int other = 0; other < rails; other++)
                    users += out[other] == gpu;
                if (users == least)
                    out[rail] = gpu;
            }
            least += out[rail] < 0;
        }
}
