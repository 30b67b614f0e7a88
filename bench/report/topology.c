#include "report/topology.h"

#include "base/wrap.h"

#include <string.h>

static int depth_of(const struct rg_topology *t, int place)
{
    int depth = 0;
    for (; place > 0; place = t->places[place].parent)
        depth++;
    return depth;
}

static void print_place(const struct rg_topology *t, int index, FILE *out)
{
    const struct rg_topology_place *place = &t->places[index];
    static const char *const words[] = {[RG_PLACE_MACHINE] = "node",
        [RG_PLACE_PACKAGE] = "",
        [RG_PLACE_HOST_BRIDGE] = "host bridge",
        [RG_PLACE_BRIDGE] = "bridge",
        [RG_PLACE_NIC] = "NIC",
        [RG_PLACE_GPU] = "GPU"};
    int indent = 2 * depth_of(t, index);
    fprintf(out, "%*s%s%s%s%s%s", indent, "", words[place->kind], words[place->kind][0] && place->name[0] ? " " : "",
        place->name, place->pci_address[0] ? " " : "", place->pci_address);
    if (place->numa_node >= 0)
        fprintf(out, ", NUMA node %d", place->numa_node);
    fputs(place->elsewhere ? ", its network device lives elsewhere\n" : "\n", out);
}

static const char *numa_text(int node, char out[12])
{
    snprintf(out, 12, node < 0 ? "-" : "%d", node);
    return out;
}

static void print_pair(const struct rg_topology *t, int i, FILE *out)
{
    const struct rg_topology_pair *pair = &t->pairs[i];
    const struct rg_topology_place none = {.numa_node = -1};
    const struct rg_topology_place *nic = pair->nic < 0 ? &none : &t->places[pair->nic];
    const struct rg_topology_place *gpu = pair->gpu < 0 ? &none : &t->places[pair->gpu];
    char rail[12], a[12], b[12];
    bool whole = pair->nic >= 0 && pair->gpu >= 0;
    fprintf(out, "  %-5s %-12s %-13s %-5s %-13s %-5s %s\n", numa_text(pair->nic < 0 ? -1 : i, rail),
        nic->name[0] ? nic->name : "-", nic->pci_address[0] ? nic->pci_address : "-", numa_text(nic->numa_node, a),
        gpu->pci_address[0] ? gpu->pci_address : "-", numa_text(gpu->numa_node, b),
        whole ? rg_topology_distance_words[pair->distance] : "-");
}

void rg_report_topology(const struct rg_topology *t, FILE *out)
{
    for (int i = 0; i < t->place_count; i++)
        print_place(t, i, out);
    if (t->pair_count > 0)
        fprintf(
            out, "\n  %-5s %-12s %-13s %-5s %-13s %-5s %s\n", "rail", "NIC", "PCI", "NUMA", "GPU", "NUMA", "distance");
    for (int i = 0; i < t->pair_count; i++)
        print_pair(t, i, out);
    if (t->warning_count > 0)
        fputc('\n', out);
    for (int i = 0; i < t->warning_count; i++) {
        fputs("warning:", out);
        rg_wrap_print(t->warnings[i], 8, 2, out);
    }
}
