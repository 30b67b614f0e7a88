/* The largest packets that the rails' network devices send arrive at the next node in one piece.
 *
 * They go to a UDP port on which nobody listens, with the order not to be fragmented: the other kernel's "port
 * unreachable" tells that one has arrived, and needs no program there. */
#include "base/clock.h"
#include "check/check.h"
#include "check/checks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 33434 /* and some after it: traceroute's, which are left free */
#define TRIES 3
#define PATIENCE_MS 250
#define SMALL_BYTES 500
#define MTU_MOST 65535
#define MTU_LEAST 68

struct path {
    char name[80], from[48], to[48];
    int64_t mtu_bytes;
};

/* --- one way --- */

static bool read_address(const char *text, int port, struct sockaddr_storage *out, socklen_t *length)
{
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
    *out = (struct sockaddr_storage){0};
    *length = sizeof *four;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return true;
    }
    *length = sizeof *six;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    return inet_pton(AF_INET6, text, &six->sin6_addr) == 1;
}

/* A socket from one address to another whose packets are never fragmented, whatever the kernel thinks of the way;
 * -errno. */
static int open_socket(const struct path *path, int port, bool *six)
{
    struct sockaddr_storage from, to;
    socklen_t from_length, to_length;
    int probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;
    if (!read_address(path->from, 0, &from, &from_length) || !read_address(path->to, port, &to, &to_length))
        return -EINVAL;
    *six = from.ss_family == AF_INET6;
    int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int code = *six ? setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof probe6)
                    : setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof probe4);
    if (code != 0 || bind(fd, (const struct sockaddr *)&from, from_length) != 0 ||
        connect(fd, (const struct sockaddr *)&to, to_length) != 0) {
        code = -errno;
        close(fd);
        return code;
    }
    return fd;
}

/* 0: a packet of so many bytes, headers included, has arrived; -EMSGSIZE: somebody says that it is too large;
 * -ETIMEDOUT: nobody says anything; another -errno. */
static int try_once(const struct path *path, int port, int64_t bytes)
{
    static const char payload[MTU_MOST];
    bool six;
    int code = 0, fd = open_socket(path, port, &six);
    if (fd < 0)
        return fd;
    struct pollfd news = {.fd = fd, .events = POLLIN};
    char answer;
    if (send(fd, payload, (size_t)bytes - (six ? 48 : 28), 0) < 0)
        code = -errno;
    if (code == 0 && poll(&news, 1, PATIENCE_MS) <= 0)
        code = -ETIMEDOUT;
    if (code == 0 && recv(fd, &answer, 1, 0) < 0)
        code = -errno;
    close(fd);
    return code == -ECONNREFUSED ? 0 : code;
}

static int try_some_times(const struct path *path, int64_t bytes)
{
    int code = -ETIMEDOUT;
    for (int i = 0; i < TRIES && code == -ETIMEDOUT; i++)
        code = try_once(path, PORT + i, bytes);
    return code;
}

/* --- all of them --- */

static void try_path(const struct path *path, struct rg_check_tally *tally, struct rg_preflight_row *out)
{
    int code = try_some_times(path, path->mtu_bytes);
    long long mtu = path->mtu_bytes, less = mtu < SMALL_BYTES ? mtu : SMALL_BYTES;
    int small = code == 0 ? 0 : try_some_times(path, less);
    if (code == 0) {
        rg_check_tally_add(tally, path->name, "%lld bytes arrive", mtu);
    } else if (small == 0) {
        rg_check_tally_add(tally, path->name, "%lld bytes %s (%lld arrive)", mtu,
            code == -EMSGSIZE ? "are too much for the way" : "get lost on the way", less);
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "set the MTU of switches and routers between the nodes to that of the network devices or more; `ping -M do -s "
            "%lld -I %s %s` shows it",
            mtu - 28, path->from, path->to);
    } else if (code == -ETIMEDOUT) {
        rg_check_tally_add(tally, path->name, "no packet is answered, large or small");
    } else {
        rg_check_tally_add(tally, path->name, "none can be sent: %s", strerror(-code));
    }
}

/* "NAME/FROM/TO/MTU"; the text is taken apart. */
static bool read_path(char *text, struct path *out)
{
    char *parts[4], *end;
    for (int i = 0; i < 4; i++)
        parts[i] = strsep(&text, "/");
    if (parts[3] == NULL || text != NULL)
        return false;
    snprintf(out->name, sizeof out->name, "%s", parts[0]);
    snprintf(out->from, sizeof out->from, "%s", parts[1]);
    snprintf(out->to, sizeof out->to, "%s", parts[2]);
    out->mtu_bytes = strtoll(parts[3], &end, 10);
    struct sockaddr_storage address;
    socklen_t length;
    return *end == '\0' && end != parts[3] && out->mtu_bytes >= MTU_LEAST && out->mtu_bytes <= MTU_MOST &&
           read_address(out->from, 0, &address, &length) && read_address(out->to, 0, &address, &length);
}

int rg_check_paths(const char *list, struct rg_preflight_row *out, struct rg_error *err)
{
    struct rg_check_tally tally = {0};
    struct path path;
    char *copy = strdup(list), *more = copy, *item;
    int arrived = 0;
    bool valid = copy != NULL;
    *out = (struct rg_preflight_row){.check = "path_mtu", .decides = true};
    rg_check_expect(out, "packets as large as the network devices' MTU arrive at the next node in one piece");
    while (valid && (item = strsep(&more, ",")) != NULL) {
        valid = read_path(item, &path);
        if (valid)
            try_path(&path, &tally, out);
    }
    free(copy);
    if (!valid)
        return rg_fail(err, -EINVAL, "'%.200s' is no list of NAME/FROM/TO/MTU", list);
    for (int i = 0; i < tally.count; i++)
        arrived += strstr(tally.groups[i].value, "arrive") != NULL;
    rg_check_tally_found(&tally, out);
    if (arrived < tally.count && out->status == RG_PREFLIGHT_PASS) {
        char found[sizeof out->found];
        memcpy(found, out->found, sizeof found);
        rg_check_unread(out, "%s", found);
    }
    return 0;
}

/* --- planning them --- */

static bool link_local(const char *address)
{
    return strncmp(address, "fe80:", 5) == 0;
}

/* The way of a rail to the same rail of another node, if both speak the same protocol. */
static void add_path(
    char **list, const struct rg_preflight_rail *from, const struct rg_preflight_rail *to, bool *failed)
{
    int64_t mtu = from->netdev_mtu_bytes < to->netdev_mtu_bytes ? from->netdev_mtu_bytes : to->netdev_mtu_bytes;
    char *before = *list;
    if (link_local(from->address) || link_local(to->address) ||
        (strchr(from->address, ':') != NULL) != (strchr(to->address, ':') != NULL))
        return;
    if (asprintf(list, "%s%s%s/%s/%s/%lld", before ? before : "", before ? "," : "", from->name, from->address,
            to->address, (long long)(mtu < MTU_MOST ? mtu : MTU_MOST)) < 0) {
        *list = NULL;
        *failed = true;
    }
    free(before);
}

int rg_check_plan_paths(const struct rg_preflight *nodes, int count, char **out, struct rg_error *err)
{
    bool failed = false;
    for (int i = 0; i < count && !failed; i++) {
        const struct rg_preflight *node = &nodes[i];
        for (int r = 0; r < node->rail_count && !failed; r++)
            for (int step = 1; step < count; step++) {
                const struct rg_preflight *next = &nodes[(i + step) % count];
                if (next->rail_count <= r)
                    continue;
                add_path(&out[i], &node->rails[r], &next->rails[r], &failed);
                break;
            }
    }
    return failed ? rg_fail(err, -ENOMEM, "no memory") : 0;
}
