/* Each rail has an address that RoCE v2 can use from here. */
#include "check/checks.h"

#include <string.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    int64_t version = node->machine ? node->machine->ip_version : RG_NONE;
    struct rg_check_tally without = {0};
    bool other = false;
    int ports = 0;
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (!port->active || !port->ethernet)
            continue;
        ports++;
        if (port->gid_index < 0) {
            rg_check_tally_add(&without, port->name, "%s%s",
                port->netdev[0] ? "no usable GID; its network device is " : "no GID", port->netdev);
            continue;
        }
        other |= version == 4 && strchr(port->gid_address, ':') != NULL;
        rg_check_found(out, "%s: index %d, %s on %s", port->name, port->gid_index, port->gid_address, port->gid_netdev);
    }
    if (ports == 0) {
        rg_check_absent(out, "no active Ethernet port");
        return;
    }
    rg_check_expect(out, "a RoCE v2 GID on each port, whose network device lives in this network namespace");
    if (version == 4)
        rg_check_expect(out, "of IPv4");
    rg_check_tally_found(&without, out);
    if (without.count > 0)
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "give the port's network device an address (ip addr add 10.0.0.1/24 dev ETH); in a container it has to live "
            "there, too: list the node's RDMA networks among the pod's interfaces");
    else if (other)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "give each port's network device an IPv4 address; until then flows go over "
            "IPv6, whose headers are longer");
}

const struct rg_check rg_check_gids = {
    .name = "gids", .weight = RG_CHECK_STOPS, .own = true, .rdma = true, .look = look};
