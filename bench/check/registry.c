/* The registry of checks, in the order in which they are told. */
#include "check/check.h"
#include "check/checks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct rg_check *const rg_check_all[] = {
    &rg_check_rdma_devices,
    &rg_check_device_files,
    &rg_check_link_rate,
    &rg_check_mtu,
    &rg_check_gids,
    &rg_check_firmware,
    &rg_check_pcie_link,
    &rg_check_acs,
    &rg_check_relaxed_ordering,
    &rg_check_gpu_count,
    &rg_check_nvidia_driver,
    &rg_check_gpu_direct,
    &rg_check_persistence,
    &rg_check_gpu_errors,
    &rg_check_gpu_memory,
    &rg_check_nvlink,
    &rg_check_nccl_plugin,
    &rg_check_kernel_modules,
    &rg_check_memlock,
    &rg_check_shm,
    &rg_check_hugepages,
    &rg_check_cpu_governor,
    &rg_check_numa_balancing,
    &rg_check_hostname,
    &rg_check_host_names,
    &rg_check_clock,
    &rg_check_libraries,
    &rg_check_versions,
    NULL,
};

#define NETDEV_MTU_LEAST 68 /* of IPv4 */
#define CHECK_COUNT ((int)(sizeof rg_check_all / sizeof *rg_check_all) - 1)

static void add_rail(
    const char *name, const char *address, const char *netdev, int64_t mtu_bytes, struct rg_preflight *out)
{
    struct rg_preflight_rail *rail = &out->rails[out->rail_count++];
    snprintf(rail->name, sizeof rail->name, "%s", name);
    snprintf(rail->address, sizeof rail->address, "%s", address);
    snprintf(rail->netdev, sizeof rail->netdev, "%s", netdev);
    rail->netdev_mtu_bytes = mtu_bytes;
}

static void add_rails(const struct rg_check_node *node, struct rg_preflight *out)
{
    const struct rg_netdev *plain = &node->facts.netdev;
    if (node->without_rdma != NULL) {
        if (plain->name[0] != '\0' && !plain->loopback && plain->mtu_bytes >= NETDEV_MTU_LEAST)
            add_rail(plain->name, plain->address, plain->name, plain->mtu_bytes, out);
        return;
    }
    for (int i = 0; i < node->port_count; i++) {
        const struct rg_check_port *port = &node->ports[i];
        if (!port->active || port->gid_index < 0 || port->netdev_mtu_bytes < NETDEV_MTU_LEAST)
            continue;
        add_rail(port->name, port->gid_address, port->gid_netdev, port->netdev_mtu_bytes, out);
    }
}

int rg_check_run(const struct rg_check_node *node, bool quick, struct rg_preflight *out, struct rg_error *err)
{
    struct rg_preflight preflight = {.machine = node->machine ? node->machine->name : NULL, .quick = quick};
    preflight.rows = calloc((size_t)CHECK_COUNT, sizeof *preflight.rows);
    preflight.rails = calloc((size_t)node->port_count + 1, sizeof *preflight.rails);
    if (preflight.rows == NULL || preflight.rails == NULL) {
        rg_preflight_close(&preflight);
        return rg_fail(err, -ENOMEM, "no memory");
    }
    snprintf(preflight.node, sizeof preflight.node, "%s", node->name);
    add_rails(node, &preflight);
    for (int i = 0; i < CHECK_COUNT; i++) {
        if (quick && rg_check_all[i]->weight != RG_CHECK_STOPS)
            continue;
        struct rg_preflight_row *row = &preflight.rows[preflight.row_count++];
        row->decides = rg_check_all[i]->weight != RG_CHECK_WARNS;
        snprintf(row->check, sizeof row->check, "%s", rg_check_all[i]->name);
        if (rg_check_all[i]->rdma && node->without_rdma != NULL)
            rg_check_absent(row, "%s", node->without_rdma);
        else
            rg_check_all[i]->look(node, row);
    }
    *out = preflight;
    return 0;
}
