/* Links run at the rate that they are made for: a lane that failed shows here. */
#include "check/checks.h"

#include <math.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_machine *machine = node->machine;
    double wanted = machine != NULL ? machine->line_rate_gbps : NAN, most = 0;
    struct rg_check_tally rates = {0};
    bool slow = false, unknown = false;
    for (int i = 0; i < node->port_count; i++)
        if (!node->ports[i].soft && node->ports[i].active)
            most = fmax(most, node->ports[i].rate_gbps);
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (port->soft || !port->active)
            continue;
        unknown |= isnan(port->rate_gbps);
        slow |= port->rate_gbps < (isnan(wanted) ? most : wanted);
        rg_check_tally_add(&rates, port->name, "%s", port->rate[0] ? port->rate : "not known");
    }
    if (rates.count == 0) {
        rg_check_absent(out, "no active port of hardware: software RDMA runs at its network device's rate");
        return;
    }
    if (machine != NULL && !isnan(wanted))
        rg_check_expect(out, "%g Gb/s on each port, as %s has", wanted, machine->name);
    else
        rg_check_expect(out, "the same rate on all ports");
    rg_check_tally_found(&rates, out);
    if (slow)
        rg_check_fault(out, isnan(wanted) ? RG_PREFLIGHT_WARN : RG_PREFLIGHT_FAIL,
            "`mlxlink -d DEVICE` or `ethtool ETH` shows why the link came up slower: clean or replace cable and "
            "transceiver, check the speed set on the switch port");
    else if (unknown)
        rg_check_unread(out, "sysfs does not tell the rate of each port");
}

const struct rg_check rg_check_link_rate = {.name = "link_rate", .weight = RG_CHECK_FAILS, .rdma = true, .look = look};
