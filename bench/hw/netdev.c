#include "hw/netdev.h"

#include "hw/sysfs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *path_of(const struct rg_netdev *netdev, const char *file, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "/sys/class/net/%s/%s", netdev->name, file);
    return out;
}

static void describe(struct rg_netdev *io)
{
    char path[PATH_MAX];
    double mbps = rg_sysfs_number(path_of(io, "speed", path));
    io->link_gbps = mbps > 0 ? mbps / 1e3 : -1;
    io->mtu_bytes = (int)rg_sysfs_number(path_of(io, "mtu", path));
    io->numa_node = (int)rg_sysfs_number(path_of(io, "device/numa_node", path));
    rg_sysfs_link_name(path_of(io, "device/driver", path), io->driver, sizeof io->driver);
    rg_sysfs_link_name(path_of(io, "device", path), io->pci_address, sizeof io->pci_address);
    rg_sysfs_line(path_of(io, "operstate", path), io->state, sizeof io->state);
}

/* 0: not usable; the higher, the better. */
static int rank_of(const struct ifaddrs *entry)
{
    if (entry->ifa_addr == NULL || (entry->ifa_flags & IFF_UP) == 0)
        return 0;
    if (entry->ifa_addr->sa_family == AF_INET)
        return 2;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)entry->ifa_addr;
    return entry->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static const void *bytes_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET
               ? (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr
               : (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

static void take(const struct ifaddrs *entry, const struct sockaddr *address, struct rg_netdev *out)
{
    snprintf(out->name, sizeof out->name, "%s", entry->ifa_name);
    inet_ntop(address->sa_family, bytes_of(address), out->address, sizeof out->address);
    out->loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
}

static int by_name(const struct ifaddrs *all, const char *name, struct rg_netdev *out, struct rg_error *err)
{
    int best = 0;
    bool there = false;
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (strcmp(entry->ifa_name, name) != 0)
            continue;
        there = true;
        if (rank_of(entry) > best) {
            best = rank_of(entry);
            take(entry, entry->ifa_addr, out);
        }
    }
    if (best > 0)
        return 0;
    return rg_fail(err, -ENODEV,
        there ? "the network interface %s has no address, or is down"
              : "there is no network interface %s here; `ip -brief address` lists them",
        name);
}

/* All of 127.0.0.0/8 is the loopback interface's, whether it is listed or not. */
static bool has_address(const struct ifaddrs *entry, const struct sockaddr *address)
{
    if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != address->sa_family)
        return false;
    size_t bytes = address->sa_family == AF_INET ? 4 : 16;
    bool loops = address->sa_family == AF_INET && *(const uint8_t *)bytes_of(address) == 127;
    return (loops && entry->ifa_flags & IFF_LOOPBACK) ||
           memcmp(bytes_of(entry->ifa_addr), bytes_of(address), bytes) == 0;
}

static int by_host_name(const struct ifaddrs *all, struct rg_netdev *out, struct rg_error *err)
{
    char host[256] = "";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    gethostname(host, sizeof host - 1);
    int status = getaddrinfo(host, NULL, &hints, &found);
    if (status != 0)
        return rg_fail(err, -ENODEV,
            "the host's name, %s, leads to no address (%s): name an interface with --interface", host,
            gai_strerror(status));
    int code = -ENODEV;
    for (const struct addrinfo *at = found; code != 0 && at != NULL; at = at->ai_next)
        for (const struct ifaddrs *entry = all; code != 0 && entry != NULL; entry = entry->ifa_next)
            if ((at->ai_family == AF_INET || at->ai_family == AF_INET6) && has_address(entry, at->ai_addr)) {
                take(entry, at->ai_addr, out);
                code = 0;
            }
    freeaddrinfo(found);
    if (code != 0)
        rg_fail(err, code, "the host's name, %s, leads to no interface of this node: name one with --interface", host);
    return code;
}

static int find(
    int rail, const char *interfaces, const struct ifaddrs *all, struct rg_netdev *out, struct rg_error *err)
{
    char name[IFNAMSIZ];
    const char *at = interfaces;
    if (interfaces == NULL && rail == 0)
        return by_host_name(all, out, err);
    if (interfaces == NULL)
        return rg_fail(err, -ENXIO,
            "rail %d has no network interface of its own: list one for each rail with --interface eth0,eth1", rail);
    for (int i = 0; i < rail && at != NULL; i++) {
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    size_t length = at ? strcspn(at, ",") : 0;
    if (length == 0)
        return rg_fail(err, -ENXIO, "rail %d has no entry in the list of interfaces '%s'", rail, interfaces);
    if (length >= sizeof name)
        return rg_fail(err, -ENODEV, "'%.*s' is too long for the name of a network interface", (int)length, at);
    snprintf(name, sizeof name, "%.*s", (int)length, at);
    return by_name(all, name, out, err);
}

int rg_netdev_of_rail(int rail, const char *interfaces, struct rg_netdev *out, struct rg_error *err)
{
    struct ifaddrs *all = NULL;
    *out = (struct rg_netdev){.link_gbps = -1, .mtu_bytes = -1, .numa_node = -1};
    if (getifaddrs(&all) != 0)
        return rg_fail(err, -errno, "cannot list the network interfaces: %s", strerror(errno));
    int code = find(rail, interfaces, all, out, err);
    freeifaddrs(all);
    if (code == 0)
        describe(out);
    return code;
}
