/* RDMA devices are there, and their links are up. */
#include "check/checks.h"

#include <string.h>

static const char none[] =
    "load the NIC's driver (modprobe mlx5_ib; `lspci | grep -i -e mellanox -e infiniband` shows the card); in a container, "
    "ask for the RDMA devices";
static const char software[] = "; with a plain network card, software RDMA: `rdma link add rxe0 type rxe netdev eth0`";
static const char fewer[] =
    "`rdma link` shows the ports; bring the network device up (ip link set ETH up), check cable and switch port, and "
    "`dmesg | grep -i -e mlx5 -e pcie` for a card that has gone";

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_machine *machine = node->machine;
    int64_t wanted = machine != NULL && machine->hardware && machine->rails != RG_NONE ? machine->rails : RG_NONE;
    struct rg_check_tally states = {0};
    int active = 0;
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        rg_check_tally_add(&states, port->name, "%s%s", port->soft ? "software RDMA, " : "",
            port->state[0] ? port->state : "state not known");
        active += port->active;
    }
    if (wanted != RG_NONE)
        rg_check_expect(out, "%lld active ports of hardware, as %s has", (long long)wanted, machine->name);
    else
        rg_check_expect(out, "RDMA devices whose ports are all active");
    if (node->port_count == 0) {
        rg_check_found(out, "no RDMA device: /sys/class/infiniband is empty");
        rg_check_fault(out, RG_PREFLIGHT_FAIL, "%s%s", none, wanted == RG_NONE ? software : "");
        return;
    }
    rg_check_tally_found(&states, out);
    if (active == 0 || (wanted != RG_NONE && node->active_count < wanted))
        rg_check_fault(out, RG_PREFLIGHT_FAIL, "%s", fewer);
    else if (wanted == RG_NONE && active < node->port_count)
        rg_check_fault(out, RG_PREFLIGHT_WARN, "%s; a port that is not meant to be used does no harm", fewer);
}

const struct rg_check rg_check_rdma_devices = {
    .name = "rdma_devices", .weight = RG_CHECK_STOPS, .rdma = true, .look = look};
