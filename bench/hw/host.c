#include "hw/host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <infiniband/verbs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of the first line that begins with key, after the separator; quotes are dropped. */
static void value_in(const char *path, const char *key, char separator, char *out, size_t room)
{
    char line[512];
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (out[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, separator);
        if (strncmp(line, key, strlen(key)) != 0 || value == NULL)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        value[strcspn(value, "\"\n")] = '\0';
        snprintf(out, room, "%s", value);
    }
    fclose(file);
}

static int64_t count_numa_nodes(void)
{
    int64_t count = 0;
    DIR *directory = opendir("/sys/devices/system/node");
    if (directory == NULL)
        return 1;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strncmp(entry->d_name, "node", 4) == 0 && entry->d_name[4] >= '0' && entry->d_name[4] <= '9';
    closedir(directory);
    return count > 0 ? count : 1;
}

static void find_tcp_congestion(char *out, size_t room)
{
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "re");
    out[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(out, (int)room, file) != NULL)
        out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

/* libibverbs has no call that tells its version, but its file name does: libibverbs.so.1.14.44.0 is rdma-core 44.0. */
static void find_rdma_core(char *out, size_t room)
{
    Dl_info info;
    char path[PATH_MAX];
    char major[16], minor[16];
    out[0] = '\0';
    if (dladdr((void *)(uintptr_t)ibv_get_device_list, &info) == 0 || realpath(info.dli_fname, path) == NULL)
        return;
    const char *version = strstr(path, ".so.");
    if (version != NULL && sscanf(version, ".so.%*d.%*d.%15[0-9].%15[0-9]", major, minor) == 2)
        snprintf(out, room, "%s.%s", major, minor);
}

void rg_host_describe(struct rg_host *out)
{
    struct utsname name;
    *out = (struct rg_host){0};
    uname(&name);
    snprintf(out->node, sizeof out->node, "%s", name.nodename);
    snprintf(out->kernel, sizeof out->kernel, "%s %s", name.sysname, name.release);
    value_in("/etc/os-release", "PRETTY_NAME", '=', out->os, sizeof out->os);
    value_in("/proc/cpuinfo", "model name", ':', out->cpu_model, sizeof out->cpu_model);
    find_rdma_core(out->rdma_core, sizeof out->rdma_core);
    find_tcp_congestion(out->tcp_congestion, sizeof out->tcp_congestion);
    out->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    out->numa_nodes = count_numa_nodes();
    out->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}
