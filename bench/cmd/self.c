#include "cmd/self.h"

#include "base/numa.h"
#include "check/check.h"
#include "data/plan.h"
#include "data/run.h"
#include "hw/host.h"
#include "hw/netdev.h"
#include "hw/nic.h"
#include "hw/topology.h"
#include "mem/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the facts point into until they are a line. */
struct gathered {
    struct rg_host host;
    struct rg_nic nic;
    struct rg_netdev netdev;
    struct rg_gpu gpu;
    struct rg_gpu_state state;
    struct rg_device device;
    char mpi[64], why[256];
};

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static int64_t known_or_none(int value)
{
    return value < 0 ? RG_NONE : value;
}

static void describe_nic(const struct rg_nic *nic, struct rg_rail_facts *out)
{
    out->device = text_or_null(nic->device);
    out->port = nic->port;
    out->netdev = text_or_null(nic->netdev);
    out->driver = text_or_null(nic->driver);
    out->firmware = text_or_null(nic->firmware);
    out->gid = text_or_null(nic->gid);
    out->gid_index = known_or_none(nic->gid_index);
    out->gid_type = text_or_null(nic->gid_type);
    out->link_layer = text_or_null(nic->link_layer);
    out->link_gbps = nic->link_gbps < 0 ? NAN : nic->link_gbps;
    out->port_state = text_or_null(nic->state);
    out->active_mtu_bytes = known_or_none(nic->active_mtu_bytes);
    out->netdev_mtu_bytes = known_or_none(nic->netdev_mtu_bytes);
    out->numa_node = known_or_none(nic->numa_node);
    out->pci_address = text_or_null(nic->pci_address);
    out->soft = nic->soft;
}

/* Of a rail without an RDMA device, for TCP tests. */
static void describe_netdev(const struct rg_netdev *netdev, struct rg_rail_facts *out)
{
    out->netdev = text_or_null(netdev->name);
    out->driver = text_or_null(netdev->driver);
    out->link_layer = netdev->loopback ? NULL : "ethernet";
    out->link_gbps = netdev->link_gbps < 0 ? NAN : netdev->link_gbps;
    out->netdev_mtu_bytes = known_or_none(netdev->mtu_bytes);
    out->numa_node = known_or_none(netdev->numa_node);
    out->pci_address = netdev->driver[0] != '\0' ? text_or_null(netdev->pci_address) : NULL;
}

/* The pair that a rail's NIC is in, with the ordinal of its GPU; NULL: it has no NIC, or this process sees no GPU
 * there.
 */
static const struct rg_topology_pair *pair_of(
    const struct rg_topology *topology, const struct rg_settings *settings, int rail, int *ordinal)
{
    struct rg_nic nic;
    struct rg_error ignored;
    if (topology == NULL || rg_nic_of_rail(rail, settings->devices, -1, &nic, &ignored) != 0)
        return NULL;
    const struct rg_topology_pair *pair = rg_pairing_of(topology, nic.device);
    if (pair == NULL || rg_device_find(topology->places[pair->gpu].pci_address, ordinal, &ignored) != 0)
        return NULL;
    return pair;
}

/* The ordinal of the rail's GPU. Every rank of the node finds the same for all rails, so that no two share a GPU. */
static int choose_device(
    const struct rg_settings *settings, int rails, int rail, int *ordinal, const char **distance, struct rg_error *err)
{
    struct rg_topology *topology = NULL;
    struct rg_error ignored;
    int next_to[RG_MAX_RAILS], shared[RG_MAX_RAILS], count;
    int code = rg_device_count(&count, err);
    if (code != 0)
        return code;
    if (rg_pairing_read(NULL, &topology, &ignored) != 0)
        topology = NULL;
    *distance = "by_index";
    for (int i = 0; i < rails; i++) {
        next_to[i] = -1;
        const struct rg_topology_pair *pair = pair_of(topology, settings, i, &next_to[i]);
        if (pair != NULL && i == rail)
            *distance = rg_topology_distance_words[pair->distance];
    }
    rg_pairing_share(next_to, rails, count, shared);
    *ordinal = shared[rail];
    rg_topology_close(topology);
    return 0;
}

static void describe_gpu(
    struct rg_self *self, const struct rg_settings *settings, int rails, struct gathered *g, struct rg_rail_facts *out)
{
    struct rg_error why = {{0}};
    int ordinal;
    const char *distance;
    int code = choose_device(settings, rails, (int)out->rail, &ordinal, &distance, &why);
    if (code == 0)
        code = rg_device_describe(ordinal, &g->device, &why);
    if (code != 0) {
        snprintf(g->why, sizeof g->why, "%s", why.text);
        out->gpu_why = g->why;
        return;
    }
    out->gpu = g->device.pci_address;
    out->gpu_device = ordinal;
    out->gpu_numa_node = known_or_none(rg_gpu_numa_node("/sys", g->device.pci_address));
    out->gpu_distance = distance;
    if (!rg_gpu_is_real("/sys", g->device.pci_address, g->why, sizeof g->why))
        out->gpu_why = g->why;
    if (rg_gpu_open("/dev/kmsg", &self->monitor, &why) != 0)
        rg_gpu_unknown(why.text, &g->gpu, &g->state);
    else if (rg_gpu_describe(self->monitor, g->device.pci_address, &g->gpu, &why) == 0)
        rg_gpu_read_state(self->monitor, g->device.pci_address, &g->state);
    else
        rg_gpu_unknown(why.text, NULL, &g->state);
    rg_gpu_facts_of(&g->gpu, &g->state, &out->gpu_facts);
    if (out->gpu_facts.name == NULL)
        out->gpu_facts.name = g->device.name;
    out->has_gpu_facts = true;
}

/* A rank whose rail was lost before takes no part, and leaves its devices alone. */
static bool is_absent(const struct rg_control *control, const struct rg_orders *orders)
{
    int rail = rg_control_local_rank(control) % (int)orders->rails;
    size_t place = (size_t)rg_control_rank(control) * orders->present_count / (size_t)rg_control_size(control);
    for (size_t i = 0; i < orders->absent_count; i++)
        if (place < orders->present_count && orders->absent[i].node == orders->present[place] &&
            orders->absent[i].rail == rail)
            return true;
    return false;
}

/* The interface that TCP tests use; a rail of a suite for RDMA need not have one. */
static int find_netdev(const struct rg_orders *orders, int rail, bool needed, struct gathered *g, struct rg_error *err)
{
    const struct rg_settings *tcp = rg_suite_test_over_tcp(&orders->suite);
    int code = tcp != NULL ? rg_netdev_of_rail(rail, tcp->interface, &g->netdev, err) : 0;
    if (code == 0 && tcp != NULL && g->netdev.loopback && orders->present_count > 1)
        code = rg_fail(err, -ENODEV,
            "%s, %s, leads to no other node: name the interface for TCP tests with --interface, or give the host's name "
            "an address that others reach",
            g->netdev.name, g->netdev.address);
    return needed ? code : 0;
}

/* What fails of a node's quick checks, in words; NULL: nothing, or there is no memory for more. */
static char *fault_of(const struct rg_preflight *preflight)
{
    char *words = NULL;
    for (int i = 0; i < preflight->row_count; i++) {
        const struct rg_preflight_row *row = &preflight->rows[i];
        char *before = words;
        if (row->status != RG_PREFLIGHT_FAIL)
            continue;
        if (asprintf(&words, "%s%s%s fails: %s (expected: %s); mend: %s", before ? before : "", before ? "; " : "",
                row->check, row->found, row->expected, row->mend) < 0)
            words = NULL;
        free(before);
    }
    return words;
}

/* Looks at the node, by one rank for all: malloc'd words on why it is not fit to be measured; NULL: it is, or it was
 * not asked for. */
static char *look_at_node(const struct rg_control *control, const struct rg_orders *orders, bool rdma)
{
    struct rg_check_node *node;
    struct rg_preflight preflight;
    struct rg_error ignored;
    char *words = NULL;
    if (!orders->check || rg_control_local_rank(control) != 0 ||
        rg_check_open("", orders->has_machine ? &orders->machine : NULL, &node, &ignored) != 0)
        return NULL;
    if (!rdma)
        node->without_rdma = "no test needs it";
    rg_check_ask_system(node, true);
    if (rg_check_run(node, true, &preflight, &ignored) == 0) {
        words = fault_of(&preflight);
        rg_preflight_close(&preflight);
    }
    rg_check_close(node);
    return words;
}

static char *line_of(struct rg_self *self, const struct rg_control *control, const struct rg_orders *orders,
    struct gathered *g, struct rg_error *err)
{
    struct rg_rank_facts facts;
    char *line = NULL;
    /* Devices and GID as the first RDMA test asks for them; a test may ask for others. */
    const struct rg_settings *rdma = rg_suite_test_over_rdma(&orders->suite),
                             *s = rdma ? rdma : &orders->suite.tests[0];
    int rail = rg_control_local_rank(control) % (int)orders->rails;
    int code = rg_nic_of_rail(rail, s->devices, s->gid_index == RG_NONE ? -1 : (int)s->gid_index, &g->nic, err);
    rg_host_describe(&g->host);
    char *fault = look_at_node(control, orders, rdma != NULL);
    if (fault != NULL) {
        if (asprintf(&line, "!%s: %s; --no-check measures all the same", g->host.node, fault) < 0)
            line = NULL;
        free(fault);
        return line;
    }
    bool absent = is_absent(control, orders);
    int wanted = rdma != NULL ? code : find_netdev(orders, rail, !absent, g, err);
    if (wanted != 0 && !absent)
        return asprintf(&line, "!%s: %s", g->host.node, err->text) < 0 ? NULL : line;
    rg_control_mpi_version(g->mpi, sizeof g->mpi);
    rg_rank_facts_clear(&facts);
    facts.node = (struct rg_node_facts){g->host.node, g->host.kernel, text_or_null(g->host.os),
        text_or_null(g->host.cpu_model), g->mpi, text_or_null(g->host.rdma_core), text_or_null(g->host.tcp_congestion),
        g->host.cpus, g->host.numa_nodes, g->host.memory_bytes, RG_NONE};
    facts.rail.rail = rail;
    facts.rail.rank = rg_control_rank(control);
    if (code == 0)
        describe_nic(&g->nic, &facts.rail);
    if (rdma == NULL && g->netdev.name[0] != '\0')
        describe_netdev(&g->netdev, &facts.rail);
    describe_gpu(self, s, (int)orders->rails, g, &facts.rail);
    rg_numa_move_to(facts.rail.numa_node == RG_NONE ? -1 : (int)facts.rail.numa_node);
    return rg_rank_facts_line(&facts);
}

/* Of a simulated fabric: this process stands for a rail of a node. */
static char *simulated_line(const struct rg_control *control, const struct rg_orders *orders, struct gathered *g)
{
    struct rg_rank_facts facts;
    char node[32], device[32];
    int rank = rg_control_rank(control), each = rg_control_size(control) / (int)orders->present_count;
    size_t place = (size_t)(rank / each);
    int number = place < orders->present_count ? orders->present[place] : 0, rail = rank % each % (int)orders->rails;
    rg_host_describe(&g->host);
    rg_control_mpi_version(g->mpi, sizeof g->mpi);
    rg_rank_facts_clear(&facts);
    rg_fabricdoc_node_name(number, node);
    snprintf(device, sizeof device, "sim%d", rail);
    facts.node = (struct rg_node_facts){node, g->host.kernel, text_or_null(g->host.os), text_or_null(g->host.cpu_model),
        g->mpi, NULL, text_or_null(g->host.tcp_congestion), g->host.cpus, g->host.numa_nodes, g->host.memory_bytes,
        orders->fabric.leaf_of[number]};
    facts.rail.rail = rail;
    facts.rail.rank = rank;
    facts.rail.device = device;
    facts.rail.gid_index = 0;
    facts.rail.gpu_why = "simulated fabric";
    return rg_rank_facts_line(&facts);
}

char *rg_self_line(
    struct rg_self *self, const struct rg_control *control, const struct rg_orders *orders, struct rg_error *err)
{
    struct gathered *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    char *line = orders->fabric.nodes > 0 ? simulated_line(control, orders, g) : line_of(self, control, orders, g, err);
    free(g);
    return line;
}

void rg_self_close(struct rg_self *self)
{
    rg_gpu_close(self->monitor);
}
