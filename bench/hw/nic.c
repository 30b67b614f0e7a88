#include "hw/nic.h"

#include "hw/sysfs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RXE_VENDOR_ID 0xffffff
#define SIW_VENDOR_ID 0x626d74

static const char advice[] = "no active RDMA device here; `ibv_devinfo` shows what the system knows. With a network "
                             "card but no RDMA, load software RDMA: `rdma link add rxe0 type rxe netdev eth0`";

static void read_sysfs(struct rg_nic *nic)
{
    char path[PATH_MAX], line[128];
    snprintf(path, sizeof path, "/sys/class/infiniband/%s/device/driver", nic->device);
    rg_sysfs_link_name(path, nic->driver, sizeof nic->driver);
    snprintf(path, sizeof path, "/sys/class/infiniband/%s/device", nic->device);
    rg_sysfs_link_name(path, nic->pci_address, sizeof nic->pci_address);
    snprintf(path, sizeof path, "/sys/class/infiniband/%s/device/numa_node", nic->device);
    nic->numa_node = (int)rg_sysfs_number(path);
    nic->link_gbps = -1;
    if (nic->soft)
        return;
    snprintf(path, sizeof path, "/sys/class/infiniband/%s/ports/%d/rate", nic->device, nic->port);
    rg_sysfs_line(path, line, sizeof line);
    if (line[0] != '\0')
        nic->link_gbps = strtod(line, NULL);
}

/* RoCE v2 entries of a netdev that lives in this network namespace; the lower, the better. 9: not usable. */
static int gid_rank(const struct ibv_gid_entry *entry)
{
    char name[IF_NAMESIZE];
    if (entry->gid_type != IBV_GID_TYPE_ROCE_V2 || if_indextoname(entry->ndev_ifindex, name) == NULL)
        return 9;
    const struct in6_addr *address = (const struct in6_addr *)entry->gid.raw;
    if (IN6_IS_ADDR_V4MAPPED(address))
        return 0;
    return IN6_IS_ADDR_LINKLOCAL(address) ? 2 : 1;
}

static void take_gid(struct rg_nic *nic, const struct ibv_gid_entry *entry)
{
    char path[PATH_MAX];
    nic->gid_index = (int)entry->gid_index;
    inet_ntop(AF_INET6, entry->gid.raw, nic->gid, sizeof nic->gid);
    snprintf(nic->gid_type, sizeof nic->gid_type, "%s",
        entry->gid_type == IBV_GID_TYPE_ROCE_V2   ? "roce_v2"
        : entry->gid_type == IBV_GID_TYPE_ROCE_V1 ? "roce_v1"
                                                  : "ib");
    char name[IF_NAMESIZE] = "";
    if (entry->ndev_ifindex != 0 && if_indextoname(entry->ndev_ifindex, name) == NULL)
        name[0] = '\0';
    snprintf(nic->netdev, sizeof nic->netdev, "%s", name);
    snprintf(path, sizeof path, "/sys/class/net/%s/mtu", nic->netdev);
    nic->netdev_mtu_bytes = nic->netdev[0] ? (int)rg_sysfs_number(path) : -1;
}

/* Entries that cannot be read are passed over: some tables have holes. wanted < 0: the best one. */
static void find_gid(struct ibv_context *context, struct rg_nic *nic, int entries, int wanted)
{
    struct ibv_gid_entry entry, best = {0};
    int best_rank = 9;
    for (int i = 0; i < entries; i++) {
        if ((wanted >= 0 && i != wanted) || ibv_query_gid_ex(context, (uint32_t)nic->port, (uint32_t)i, &entry, 0) != 0)
            continue;
        int rank = wanted >= 0 ? 0 : gid_rank(&entry);
        if (rank < best_rank) {
            best_rank = rank;
            best = entry;
        }
    }
    if (best_rank < 9)
        take_gid(nic, &best);
}

static void describe_port(struct ibv_context *context, const struct ibv_device_attr *device,
    const struct ibv_port_attr *port, int number, int wanted_gid, struct rg_nic *out)
{
    *out = (struct rg_nic){.port = number, .gid_index = -1, .netdev_mtu_bytes = -1, .numa_node = -1};
    snprintf(out->device, sizeof out->device, "%s", ibv_get_device_name(context->device));
    snprintf(out->firmware, sizeof out->firmware, "%s", device->fw_ver);
    snprintf(out->link_layer, sizeof out->link_layer, "%s",
        port->link_layer == IBV_LINK_LAYER_ETHERNET ? "ethernet" : "infiniband");
    snprintf(out->state, sizeof out->state, "%s", port->state == IBV_PORT_ACTIVE ? "active" : "down");
    out->active_mtu_bytes = 128 << port->active_mtu;
    out->soft = device->vendor_id == RXE_VENDOR_ID || device->vendor_id == SIW_VENDOR_ID;
    read_sysfs(out);
    find_gid(context, out, port->gid_tbl_len, wanted_gid);
}

/* Adds the device's ports to the list; those that are down are left out unless `name` asks for them. */
static int add_ports(struct ibv_device *device, int wanted_port, int wanted_gid, struct rg_nic **list, int *count)
{
    struct ibv_device_attr attributes;
    struct ibv_context *context = ibv_open_device(device);
    if (context == NULL)
        return 0;
    if (ibv_query_device(context, &attributes) != 0)
        attributes.phys_port_cnt = 0;
    int code = 0;
    for (int number = 1; code == 0 && number <= attributes.phys_port_cnt; number++) {
        struct ibv_port_attr port;
        if ((wanted_port > 0 && number != wanted_port) || ibv_query_port(context, (uint8_t)number, &port) != 0)
            continue;
        if (wanted_port == 0 && port.state != IBV_PORT_ACTIVE)
            continue;
        struct rg_nic *grown = realloc(*list, ((size_t)*count + 1) * sizeof **list);
        if (grown == NULL) {
            code = -ENOMEM;
            break;
        }
        *list = grown;
        describe_port(context, &attributes, &port, number, wanted_gid, &grown[(*count)++]);
    }
    ibv_close_device(context);
    return code;
}

static int in_order(const void *a, const void *b)
{
    const struct rg_nic *x = a, *y = b;
    int by_kind = x->soft - y->soft;
    int by_address = x->soft ? strverscmp(x->device, y->device) : strcmp(x->pci_address, y->pci_address);
    return by_kind ? by_kind : by_address ? by_address : x->port - y->port;
}

/* name NULL: the active ports of all devices. */
static int list_ports(const char *name, int port, int gid, struct rg_nic **out, int *count, struct rg_error *err)
{
    int devices = 0, code = 0;
    struct ibv_device **all = ibv_get_device_list(&devices);
    *out = NULL;
    *count = 0;
    for (int i = 0; all != NULL && code == 0 && i < devices; i++)
        if (name == NULL || strcmp(ibv_get_device_name(all[i]), name) == 0)
            code = add_ports(all[i], port, gid, out, count);
    if (all != NULL)
        ibv_free_device_list(all);
    if (code != 0) {
        free(*out);
        *out = NULL;
        *count = 0;
        return rg_fail(err, code, "no memory to list the RDMA devices");
    }
    if (*count > 0)
        qsort(*out, (size_t)*count, sizeof **out, in_order);
    return 0;
}

int rg_nic_list(struct rg_nic **out, int *count, struct rg_error *err)
{
    int code = list_ports(NULL, 0, -1, out, count, err);
    if (code == 0 && *count == 0)
        code = rg_fail(err, -ENODEV, "%s", advice);
    return code;
}

/* The rail-th entry of "name[:port],name[:port],..." */
static int entry_of_rail(int rail, const char *devices, char name[RG_NAME_LENGTH], int *port, struct rg_error *err)
{
    const char *at = devices;
    for (int i = 0; i < rail && at != NULL; i++) {
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    if (at == NULL || *at == '\0')
        return rg_fail(err, -ENODEV, "rail %d has no entry in the list of devices '%s'", rail, devices);
    size_t length = strcspn(at, ",:");
    snprintf(name, RG_NAME_LENGTH, "%.*s", (int)length, at);
    char *end = NULL;
    *port = at[length] == ':' ? (int)strtol(at + length + 1, &end, 10) : 1;
    if (*port < 1 || (end != NULL && *end != ',' && *end != '\0'))
        return rg_fail(err, -ENODEV, "'%s' names no port for rail %d; write DEVICE:PORT", devices, rail);
    return 0;
}

int rg_nic_of_rail(int rail, const char *devices, int gid_index, struct rg_nic *out, struct rg_error *err)
{
    char name[RG_NAME_LENGTH];
    struct rg_nic *list = NULL;
    int port = 0, count, code = 0;
    if (devices != NULL)
        code = entry_of_rail(rail, devices, name, &port, err);
    if (code == 0)
        code = list_ports(devices ? name : NULL, port, gid_index, &list, &count, err);
    if (code != 0)
        return code;
    int at = devices ? 0 : rail;
    if (list != NULL && at < count)
        *out = list[at];
    else if (devices != NULL)
        code = rg_fail(err, -ENODEV, "there is no RDMA device %s with a port %d here", name, port);
    else if (count == 0)
        code = rg_fail(err, -ENODEV, "%s", advice);
    else
        code = rg_fail(
            err, -ENODEV, "rail %d needs an RDMA device of its own, but only %d have an active port here", rail, count);
    free(list);
    if (code == 0 && gid_index >= 0 && out->gid_index != gid_index)
        code = rg_fail(err, -ENODEV, "%s port %d has no GID at index %d", out->device, out->port, gid_index);
    return code;
}
