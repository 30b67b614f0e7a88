/* NICs may write with relaxed ordering, and read in large requests: both cost rate on a PCIe link that is nearly full.
 */
#include "check/checks.h"
#include "check/pci.h"

#define PCIE_CAPABILITY 0x10
#define DEVICE_CONTROL 8
#define RELAXED_ORDERING 0x0010
#define READ_REQUEST_LEAST 512

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    unsigned char config[RG_CHECK_CONFIG_BYTES];
    struct rg_check_tally settings = {0};
    bool strict = false, small = false;
    int nics = 0, unread = 0;
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (port->pci_address[0] == '\0')
            continue;
        nics++;
        int bytes = rg_check_pci_config(node, port->pci_address, config);
        int control = rg_check_pci_capability(config, bytes, PCIE_CAPABILITY, DEVICE_CONTROL);
        unread += control < 0;
        if (control < 0)
            continue;
        int request = 128 << (control >> 12 & 7);
        strict |= (control & RELAXED_ORDERING) == 0;
        small |= request < READ_REQUEST_LEAST;
        rg_check_tally_add(&settings, port->name, "relaxed ordering %s, read requests of %d bytes",
            control & RELAXED_ORDERING ? "on" : "off", request);
    }
    if (nics == 0) {
        rg_check_absent(out, "no NIC of hardware");
        return;
    }
    if (unread > 0) {
        rg_check_unread(out,
            "the PCIe settings of %d of %d ports cannot be read: run it as root, outside of containers", unread, nics);
        return;
    }
    rg_check_expect(out, "relaxed ordering on, read requests of at least %d bytes", READ_REQUEST_LEAST);
    rg_check_tally_found(&settings, out);
    if (strict || small)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "relaxed ordering: firmware set-up, or mlxconfig -d DEVICE set PCI_WR_ORDERING=1; read requests: setpci -s ADDRESS "
            "CAP_EXP+8.w, bits 14 to 12 = 5 for 4096 bytes");
}

const struct rg_check rg_check_relaxed_ordering = {
    .name = "relaxed_ordering", .weight = RG_CHECK_WARNS, .rdma = true, .look = look};
