/* ACS of PCIe switches doesn't send what NIC and GPU have for each other by way of the processor. */
#include "check/checks.h"
#include "check/pci.h"

#include <string.h>

#define ACS_CAPABILITY 0x000d
#define ACS_CONTROL 6
#define ACS_REDIRECTS 0x000c /* P2P request and completion redirect */

/* -2: it cannot be read; 1: a bridge above the device redirects, and is named; otherwise 0. */
static int redirected(const struct rg_check_node *node, const char *device, char bridge[16])
{
    unsigned char config[RG_CHECK_CONFIG_BYTES];
    char below[16];
    int result = 0;
    memcpy(below, device, sizeof below);
    for (; rg_check_pci_above(node, below, bridge); memcpy(below, bridge, sizeof below)) {
        int bytes = rg_check_pci_config(node, bridge, config);
        int control = rg_check_pci_extended(config, bytes, ACS_CAPABILITY, ACS_CONTROL);
        if (control > 0 && (control & ACS_REDIRECTS) != 0)
            return 1;
        if (control == -2)
            result = -2;
    }
    return result;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally bridges = {0};
    char bridge[16];
    int nics = 0, unread = 0;
    for (int i = 0; i < node->port_count && node->gpu_count > 0; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (port->pci_address[0] == '\0')
            continue;
        nics++;
        int result = redirected(node, port->pci_address, bridge);
        unread += result < 0;
        if (result > 0)
            rg_check_tally_add(&bridges, port->name, "bridge %s redirects", bridge);
    }
    if (nics == 0) {
        rg_check_absent(out, "no GPU with a NIC of hardware beside it");
        return;
    }
    rg_check_expect(out, "no redirection by the bridges above NICs, unless an IOMMU needs it for virtual machines");
    rg_check_tally_found(&bridges, out);
    if (bridges.count > 0)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "switch ACS off in the firmware set-up, or for each bridge: setpci -s BRIDGE ECAP_ACS+0x6.w=0000; GPUDirect RDMA "
            "takes the long way until then");
    else if (unread > 0)
        rg_check_unread(out, "the bridges above %d of %d ports cannot be read: run it as root, outside of containers",
            unread, nics);
    else
        rg_check_found(out, "no bridge above %d ports redirects", nics);
}

const struct rg_check rg_check_acs = {.name = "acs", .weight = RG_CHECK_WARNS, .look = look};
