/* Packets are as large as the fabric can carry. */
#include "check/checks.h"

/* What the largest RDMA packet adds to its payload: the kernel's iboe_get_mtu takes this off a network device's MTU. */
#define HEADER_BYTES 96

/* The RDMA MTU that the kernel derives from a network device's. */
static int64_t rdma_mtu(int64_t netdev_mtu_bytes)
{
    int64_t mtu = 4096;
    while (mtu > 256 && mtu + HEADER_BYTES > netdev_mtu_bytes)
        mtu /= 2;
    return mtu;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    bool given = node->machine != NULL && node->machine->mtu_bytes != RG_NONE;
    int64_t wanted = given ? node->machine->mtu_bytes : 4096;
    struct rg_check_tally mtus = {0};
    bool small = false;
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (!port->active || port->netdev_mtu_bytes == RG_NONE)
            continue;
        int64_t mtu = rdma_mtu(port->netdev_mtu_bytes);
        small |= mtu < wanted && (given || !port->soft);
        rg_check_tally_add(&mtus, port->name, "network MTU %lld, so RDMA MTU %lld%s", (long long)port->netdev_mtu_bytes,
            (long long)mtu, port->soft ? " (software RDMA)" : "");
    }
    if (mtus.count == 0) {
        rg_check_absent(out, "no active port whose network device lives here");
        return;
    }
    rg_check_expect(
        out, "RDMA MTU %lld, so a network MTU of %lld or more", (long long)wanted, (long long)wanted + HEADER_BYTES);
    if (given)
        rg_check_expect(out, "as %s has", node->machine->name);
    rg_check_tally_found(&mtus, out);
    if (small)
        rg_check_fault(out, given ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN,
            "ip link set ETH mtu 9000 (8896 on Google Cloud), on every node and on the switches between them; smaller packets "
            "cost up to 6 %% of the rate");
}

const struct rg_check rg_check_mtu = {.name = "mtu", .weight = RG_CHECK_FAILS, .rdma = true, .look = look};
