#include "check/node.h"

#include "check/pci.h"
#include "check/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVIDIA_VENDOR_ID 0x10de
#define DISPLAY_CLASS 0x03 /* a GPU's; an NVSwitch is a bridge */

/* --- ports --- */

/* "0000:...:ffff:0a00:0001" as "10.0.0.1", and how good it is for a flow between nodes: the lower, the better. */
static int read_gid(const char *text, char out[48])
{
    struct in6_addr address;
    if (inet_pton(AF_INET6, text, &address) != 1 || IN6_IS_ADDR_UNSPECIFIED(&address))
        return 9;
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        inet_ntop(AF_INET, &address.s6_addr[12], out, 48);
        return 0;
    }
    inet_ntop(AF_INET6, &address, out, 48);
    return IN6_IS_ADDR_LINKLOCAL(&address) ? 2 : 1;
}

/* The entry that a run would use: of type RoCE v2, its network device in this namespace. The kernel refuses to read
 * entries that are empty. */
static void find_gid(const struct rg_check_node *node, const char *number, struct rg_check_port *port)
{
    char base[160], type[RG_CHECK_LINE], netdev[RG_CHECK_LINE], gid[RG_CHECK_LINE], address[48] = "";
    int best = 9;
    snprintf(base, sizeof base, "/sys/class/infiniband/%s/ports/%s", port->device, number);
    char **entries = rg_check_names(node, "%s/gid_attrs/types", base);
    for (char **entry = entries; entry != NULL && *entry != NULL; entry++) {
        if (!rg_check_line(node, netdev, "%s/gid_attrs/ndevs/%s", base, *entry))
            continue;
        if (port->netdev[0] == '\0')
            snprintf(port->netdev, sizeof port->netdev, "%s", netdev);
        if (!rg_check_line(node, type, "%s/gid_attrs/types/%s", base, *entry) || strcmp(type, "RoCE v2") != 0 ||
            !rg_check_line(node, gid, "%s/gids/%s", base, *entry) ||
            !rg_check_exists(node, "/sys/class/net/%s", netdev))
            continue;
        int rank = read_gid(gid, address);
        if (rank >= best)
            continue;
        best = rank;
        port->gid_index = (int)strtol(*entry, NULL, 10);
        snprintf(port->gid_address, sizeof port->gid_address, "%s", address);
        snprintf(port->gid_netdev, sizeof port->gid_netdev, "%s", netdev);
        snprintf(port->netdev, sizeof port->netdev, "%s", netdev);
    }
    rg_check_free_names(entries);
    port->netdev_mtu_bytes = port->netdev[0] ? rg_check_number(node, "/sys/class/net/%s/mtu", port->netdev) : RG_NONE;
}

/* rdma_rxe tells its parent; it and siw say what they are; neither is on PCI. */
static bool is_soft(const struct rg_check_node *node, const char *device)
{
    char line[RG_CHECK_LINE];
    if (rg_check_exists(node, "/sys/class/infiniband/%s/parent", device) ||
        !rg_check_exists(node, "/sys/class/infiniband/%s/device", device))
        return true;
    rg_check_line(node, line, "/sys/class/infiniband/%s/node_desc", device);
    return strcmp(line, "rxe") == 0 || strncmp(line, "Software iWARP", 14) == 0;
}

static void read_port(
    const struct rg_check_node *node, const char *device, const char *number, bool alone, struct rg_check_port *out)
{
    char line[RG_CHECK_LINE], base[160];
    *out = (struct rg_check_port){.gid_index = -1, .rate_gbps = NAN};
    snprintf(base, sizeof base, "/sys/class/infiniband/%s", device);
    snprintf(out->device, sizeof out->device, "%s", device);
    snprintf(out->name, sizeof out->name, alone ? "%s" : "%s:%s", device, number);
    out->soft = is_soft(node, device);
    if (!out->soft)
        rg_check_pci_address(node, base, out->pci_address);
    rg_check_line(node, line, "%s/fw_ver", base);
    snprintf(out->firmware, sizeof out->firmware, "%s", line);
    if (!rg_check_line(node, line, "%s/board_id", base))
        rg_check_line(node, line, "%s/hca_type", base);
    snprintf(out->model, sizeof out->model, "%s", line);
    rg_check_line(node, line, "%s/ports/%s/state", base, number); /* "4: ACTIVE" */
    const char *colon = strstr(line, ": ");
    snprintf(out->state, sizeof out->state, "%s", colon ? colon + 2 : line);
    out->active = strcmp(out->state, "ACTIVE") == 0;
    rg_check_line(node, line, "%s/ports/%s/link_layer", base, number);
    snprintf(out->layer, sizeof out->layer, "%s", line);
    out->ethernet = strcmp(line, "Ethernet") == 0;
    if (rg_check_line(node, line, "%s/ports/%s/rate", base, number)) { /* "400 Gb/sec (4X NDR)" */
        char *end;
        double rate = strtod(line, &end);
        out->rate_gbps = end == line ? NAN : rate;
        snprintf(out->rate, sizeof out->rate, "%s", line);
    }
    find_gid(node, number, out);
}

static int add_ports(struct rg_check_node *node, const char *device)
{
    char **numbers = rg_check_names(node, "/sys/class/infiniband/%s/ports", device);
    int code = 0;
    for (char **number = numbers; code == 0 && number != NULL && *number != NULL; number++) {
        struct rg_check_port *grown = realloc(node->ports, ((size_t)node->port_count + 1) * sizeof *grown);
        if (grown == NULL) {
            code = -ENOMEM;
            break;
        }
        node->ports = grown;
        struct rg_check_port *port = &grown[node->port_count++];
        read_port(node, device, *number, numbers[1] == NULL, port);
        node->hardware_count += !port->soft;
        node->active_count += !port->soft && port->active;
    }
    rg_check_free_names(numbers);
    return code;
}

/* --- GPUs --- */

static int add_gpu(struct rg_check_node *node, const char *address)
{
    if (rg_check_number(node, "/sys/bus/pci/devices/%s/vendor", address) != NVIDIA_VENDOR_ID ||
        rg_check_number(node, "/sys/bus/pci/devices/%s/class", address) >> 16 != DISPLAY_CLASS)
        return 0;
    struct rg_check_gpu *grown = realloc(node->gpus, ((size_t)node->gpu_count + 1) * sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    node->gpus = grown;
    struct rg_check_gpu *gpu = &grown[node->gpu_count++];
    *gpu = (struct rg_check_gpu){.links = {RG_NONE, RG_NONE, RG_NONE, RG_NONE}};
    snprintf(gpu->pci_address, sizeof gpu->pci_address, "%s", address);
    rg_gpu_unknown("NVML was not asked", &gpu->what, &gpu->state);
    return 0;
}

/* --- the node --- */

int rg_check_open(const char *root, const struct rg_machine *machine, struct rg_check_node **out, struct rg_error *err)
{
    struct rg_check_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    node->root = root;
    node->machine = machine;
    if (machine != NULL && machine->rdma == 0)
        node->without_rdma = "the machine's network has no RDMA devices";
    node->facts.shm_bytes = node->facts.shm_free_bytes = RG_NONE;
    if (!rg_check_line(node, node->name, "/proc/sys/kernel/hostname"))
        snprintf(node->name, sizeof node->name, "unknown");
    int code = 0;
    char **devices = rg_check_names(node, "/sys/class/infiniband");
    for (char **device = devices; code == 0 && device != NULL && *device != NULL; device++)
        code = add_ports(node, *device);
    rg_check_free_names(devices);
    devices = rg_check_names(node, "/sys/bus/pci/devices");
    for (char **device = devices; code == 0 && device != NULL && *device != NULL; device++)
        code = add_gpu(node, *device);
    rg_check_free_names(devices);
    if (code != 0) {
        rg_check_close(node);
        return rg_fail(err, code, "no memory");
    }
    *out = node;
    return 0;
}

void rg_check_close(struct rg_check_node *node)
{
    if (node == NULL)
        return;
    free(node->ports);
    free(node->gpus);
    free(node->facts.hosts);
    free(node);
}
