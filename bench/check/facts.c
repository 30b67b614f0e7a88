/* What no file tells: the system and NVML are asked. */
#include "check/node.h"
#include "check/read.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

/* The name's address, and the name that this leads back to. */
static void look_up(struct rg_check_host *host)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int code = getaddrinfo(host->name, NULL, &hints, &list);
    if (code == 0)
        code =
            getnameinfo(list->ai_addr, list->ai_addrlen, host->address, sizeof host->address, NULL, 0, NI_NUMERICHOST);
    if (code != 0)
        host->address[0] = '\0';
    else if (getnameinfo(list->ai_addr, list->ai_addrlen, host->back, sizeof host->back, NULL, 0, NI_NAMEREQD) != 0)
        host->back[0] = '\0';
    snprintf(host->error, sizeof host->error, "%s", code ? gai_strerror(code) : "");
    if (list != NULL)
        freeaddrinfo(list);
}

static void ask_gpu(struct rg_gpu_monitor *monitor, struct rg_check_gpu *gpu)
{
    struct rg_error ignored;
    gpu->answers = rg_gpu_describe(monitor, gpu->pci_address, &gpu->what, &ignored) == 0;
    if (!gpu->answers)
        return;
    rg_gpu_read_state(monitor, gpu->pci_address, &gpu->state);
    rg_gpu_read_links(monitor, gpu->pci_address, &gpu->links);
    gpu->answers = gpu->state.reason[0] == '\0'; /* it is lost, or wants to be reset */
    if (!gpu->answers)
        snprintf(gpu->what.reason, sizeof gpu->what.reason, "%s", gpu->state.reason);
}

/* The kernel's log has a check of its own. */
static void ask_gpus(struct rg_check_node *node)
{
    struct rg_gpu_monitor *monitor = NULL;
    struct rg_error err = {{0}};
    if (node->gpu_count == 0)
        return;
    node->facts.nvml = RG_CHECK_NVML_WORKS;
    if (rg_gpu_open("/dev/null", &monitor, &err) != 0) {
        node->facts.nvml = strstr(err.text, "nvmlInit") != NULL ? RG_CHECK_NVML_BROKEN : RG_CHECK_NVML_NONE;
        snprintf(node->facts.nvml_error, sizeof node->facts.nvml_error, "%s", err.text);
        return;
    }
    for (int i = 0; i < node->gpu_count; i++)
        ask_gpu(monitor, &node->gpus[i]);
    rg_gpu_close(monitor);
}

void rg_check_ask_system(struct rg_check_node *node, bool quick)
{
    char path[PATH_MAX];
    struct statvfs shm;
    struct timex clock = {0};
    struct rg_check_facts *facts = &node->facts;
    rg_check_path(node, path, "/dev/shm");
    if (statvfs(path, &shm) == 0) {
        facts->shm_bytes = (int64_t)(shm.f_blocks * shm.f_frsize);
        facts->shm_free_bytes = (int64_t)(shm.f_bavail * shm.f_frsize);
    }
    int state = adjtimex(&clock); /* which older containers forbid */
    facts->clock_told = state >= 0;
    facts->clock_synchronised = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    facts->clock_error_us = clock.maxerror;
    facts->library_path = getenv("LD_LIBRARY_PATH");
    facts->nccl_net = getenv("NCCL_NET");
    facts->nccl_plugin = getenv("NCCL_NET_PLUGIN");
    snprintf(facts->self.name, sizeof facts->self.name, "%s", node->name);
    if (quick)
        return;
    look_up(&facts->self);
    ask_gpus(node);
    struct rg_error ignored;
    if (node->without_rdma != NULL && rg_netdev_of_rail(0, NULL, &facts->netdev, &ignored) != 0)
        facts->netdev.name[0] = '\0';
}

int rg_check_ask_hosts(struct rg_check_node *node, char *const *hosts, struct rg_error *err)
{
    size_t count = 0;
    while (hosts[count] != NULL)
        count++;
    node->facts.hosts = calloc(count + 1, sizeof *node->facts.hosts);
    if (node->facts.hosts == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; i < count; i++) {
        struct rg_check_host *host = &node->facts.hosts[node->facts.host_count++];
        snprintf(host->name, sizeof host->name, "%s", hosts[i]);
        look_up(host);
    }
    return 0;
}
