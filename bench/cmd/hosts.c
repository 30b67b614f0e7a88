#include "cmd/hosts.h"

#include "base/file.h"
#include "cmd/argv.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOSTFILE_MOST_BYTES (16u << 20)

/* The value of slots= in a line, 0 if there is none, negative if it is no number from 1 to 64. */
static int slots_in(const char *line)
{
    const char *given = strstr(line, "slots=");
    char *end;
    while (given != NULL && given > line && strchr(" \t", given[-1]) == NULL) /* max_slots= is another word */
        given = strstr(given + 1, "slots=");
    if (given == NULL)
        return 0;
    long value = strtol(given + strlen("slots="), &end, 10);
    return value < 1 || value > 64 || (*end != '\0' && strchr(" \t\r", *end) == NULL) ? -1 : (int)value;
}

int rg_hosts_read(const char *path, char ***out, int *slots, struct rg_error *err)
{
    char *text;
    struct rg_argv words = {0};
    int number = 0, code = rg_file_read(path, HOSTFILE_MOST_BYTES, &text, NULL, err);
    if (code != 0)
        return code;
    *slots = 0;
    char *more = text;
    for (char *line; code == 0 && (line = strsep(&more, "\n")) != NULL;) {
        number++;
        line[strcspn(line, "#")] = '\0';
        line += strspn(line, " \t\r");
        size_t length = strcspn(line, " \t\r");
        int given = slots_in(line);
        if (length == 0)
            continue;
        if (given < 0 || (words.count > 0 && given != *slots))
            code = rg_fail(err, -EINVAL, "%s: line %d: slots= must be a number from 1 to 64, the same for every node",
                path, number);
        *slots = given;
        line[length] = '\0';
        rg_argv_add(&words, line);
    }
    free(text);
    if (code == 0 && (words.failed || words.count == 0))
        code = rg_fail(err, -EINVAL, "%s: names no host", path);
    if (code != 0) {
        rg_argv_free(words.list);
        return code;
    }
    *out = words.list;
    return 0;
}

int rg_hosts_split(const char *option, const char *list, char ***out, struct rg_error *err)
{
    struct rg_argv words = {0};
    char *copy = strdup(list), *more = copy;
    for (char *word; copy != NULL && (word = strsep(&more, ",")) != NULL;) {
        words.failed |= word[0] == '\0';
        rg_argv_add(&words, word);
    }
    free(copy);
    if (words.failed || words.count == 0) {
        rg_argv_free(words.list);
        return rg_fail(err, -EINVAL, "--%s: '%s' is no list of names; write a,b,c", option, list);
    }
    *out = words.list;
    return 0;
}

/* The name of the interface that has this address. */
static void interface_of(const struct sockaddr *address, char *out, size_t room)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *each = all; each != NULL; each = each->ifa_next) {
        if (each->ifa_addr == NULL || each->ifa_addr->sa_family != address->sa_family)
            continue;
        bool same =
            address->sa_family == AF_INET
                ? memcmp(&((const struct sockaddr_in *)(const void *)each->ifa_addr)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof(struct in_addr)) == 0
                : memcmp(&((const struct sockaddr_in6 *)(const void *)each->ifa_addr)->sin6_addr,
                      &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof(struct in6_addr)) == 0;
        if (same)
            snprintf(out, room, "%s", each->ifa_name);
    }
    freeifaddrs(all);
}

void rg_hosts_interface(const char *host, char *out, size_t room)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof own;
    out[0] = '\0';
    if (getaddrinfo(host, "22", &hints, &found) != 0)
        return;
    /* Connecting a datagram socket sends nothing, but makes the kernel choose a route. */
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &length) == 0)
        interface_of((const struct sockaddr *)&own, out, room);
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
}
