/* NICs and GPUs run at the PCIe generation and width that they are made for. A GPU at rest lowers its generation, so of
 * GPUs only the width counts. */
#include "check/checks.h"
#include "check/pci.h"

#include <math.h>
#include <string.h>

struct sight {
    struct rg_check_tally links;
    int unknown;
    bool narrow, starved;
};

/* rate_gbps: what the network asks of it; NAN: a GPU. */
static void look_at(
    const struct rg_check_node *node, const char *name, const char *address, double rate_gbps, struct sight *sight)
{
    struct rg_check_link link;
    bool gpu = isnan(rate_gbps);
    if (!rg_check_pci_link(node, address, &link)) {
        sight->unknown++;
        return;
    }
    bool narrow = link.width < link.width_max, slow = !gpu && link.speed_gts < link.speed_max_gts;
    bool starved = !gpu && link.gbps < rate_gbps;
    sight->narrow |= narrow || slow;
    sight->starved |= starved;
    if (gpu && !narrow)
        rg_check_tally_add(&sight->links, name, "x%lld, its most", (long long)link.width);
    else if (narrow || slow || starved)
        rg_check_tally_add(&sight->links, name, "%g GT/s x%lld instead of %g GT/s x%lld%s", link.speed_gts,
            (long long)link.width, link.speed_max_gts, (long long)link.width_max,
            starved ? ", less than the network's rate" : "");
    else
        rg_check_tally_add(&sight->links, name, "%g GT/s x%lld, its most", link.speed_gts, (long long)link.width);
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct sight sight = {0};
    int devices = node->gpu_count;
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (port->pci_address[0] == '\0')
            continue;
        devices++;
        look_at(
            node, port->name, port->pci_address, port->active && !isnan(port->rate_gbps) ? port->rate_gbps : 0, &sight);
    }
    for (int i = 0; i < node->gpu_count; i++)
        look_at(node, node->gpus[i].pci_address, node->gpus[i].pci_address, NAN, &sight);
    if (devices == 0) {
        rg_check_absent(out, "neither a NIC of hardware nor a GPU");
        return;
    }
    if (sight.links.count == 0) {
        rg_check_absent(out, "sysfs tells no PCIe link of %d devices: a hypervisor hides them", devices);
        return;
    }
    rg_check_expect(out, "each device's own highest generation and width");
    rg_check_tally_found(&sight.links, out);
    if (sight.unknown > 0)
        rg_check_found(out, "not told of %d more", sight.unknown);
    if (sight.starved || sight.narrow)
        rg_check_fault(out, sight.starved ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN,
            "`lspci -vv -s ADDRESS | grep Lnk` shows both ends; reseat the card or its riser, move it to a slot that is wide "
            "enough, check the slot's generation in the firmware set-up; in the cloud, ask for another node");
}

const struct rg_check rg_check_pcie_link = {.name = "pcie_link", .weight = RG_CHECK_FAILS, .look = look};
