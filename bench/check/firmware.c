/* NICs of one model run the same firmware. */
#include "check/checks.h"

#include <string.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally versions = {0};
    bool differs = false, unknown = false;
    const struct rg_check_port *ports = node->ports;
    for (int i = 0; i < node->port_count; i++) {
        if (ports[i].soft || (i > 0 && strcmp(ports[i].device, ports[i - 1].device) == 0))
            continue;
        unknown |= ports[i].firmware[0] == '\0';
        for (int other = 0; other < i; other++)
            differs |= !ports[other].soft && strcmp(ports[other].model, ports[i].model) == 0 &&
                       strcmp(ports[other].firmware, ports[i].firmware) != 0;
        rg_check_tally_add(&versions, ports[i].device, "%s%s%s", ports[i].firmware[0] ? ports[i].firmware : "not known",
            ports[i].model[0] ? " of " : "", ports[i].model);
    }
    if (versions.count == 0) {
        rg_check_absent(out, "no NIC of hardware");
        return;
    }
    rg_check_expect(out, "one firmware for all NICs of a model");
    rg_check_tally_found(&versions, out);
    if (unknown)
        rg_check_unread(out, "sysfs does not tell the firmware of each NIC");
    else if (differs)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "bring the odd ones to the others' version (`mlxfwmanager -u`, then reset or reboot); in the cloud, ask for another "
            "node");
}

const struct rg_check rg_check_firmware = {.name = "firmware", .weight = RG_CHECK_WARNS, .rdma = true, .look = look};
