#include "base/numa.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool rg_numa_move_to(int node)
{
    char path[128], list[4096], *at = list;
    cpu_set_t set;
    CPU_ZERO(&set);
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", node);
    FILE *file = node >= 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    bool read = fgets(list, sizeof list, file) != NULL;
    fclose(file);
    while (read && *at >= '0' && *at <= '9') {
        unsigned long first = strtoul(at, &at, 10), last = first;
        if (*at == '-')
            last = strtoul(at + 1, &at, 10);
        for (; first <= last && first < CPU_SETSIZE; first++)
            CPU_SET(first, &set);
        at += *at == ',';
    }
    return CPU_COUNT(&set) > 0 && sched_setaffinity(0, sizeof set, &set) == 0;
}

/* 0 or -errno. */
static int bind_to(void *address, size_t bytes, int node)
{
    unsigned long nodes[16] = {0};
    if ((size_t)node >= sizeof nodes * 8)
        return -EINVAL;
    nodes[(size_t)node / (8 * sizeof *nodes)] = 1ul << ((size_t)node % (8 * sizeof *nodes));
    return syscall(SYS_mbind, address, bytes, MPOL_BIND, nodes, sizeof nodes * 8, 0ul) == 0 ? 0 : -errno;
}

static bool touch_from(void *address, size_t bytes, int node)
{
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0 || !rg_numa_move_to(node))
        return false;
    memset(address, 0, bytes);
    sched_setaffinity(0, sizeof before, &before);
    return true;
}

int rg_numa_touch(void *address, size_t bytes, int node, struct rg_error *err)
{
    int code = node < 0 ? 0 : bind_to(address, bytes, node);
    if (code == -EPERM && touch_from(address, bytes, node))
        return 0;
    if (code != 0)
        return rg_fail(err, code, "no memory on NUMA node %d: %s", node, strerror(-code));
    memset(address, 0, bytes);
    return 0;
}
