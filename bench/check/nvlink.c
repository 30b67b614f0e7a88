/* All NVLinks are up, at one speed. */
#include "check/checks.h"

#include <stdio.h>

struct sight {
    struct rg_check_tally links;
    int64_t most;         /* active ones of a GPU */
    int64_t fastest_mbps; /* RG_NONE: no speed is told */
    bool down, partial, slow;
};

static void look_at(const struct rg_check_gpu *gpu, struct sight *sight)
{
    const struct rg_gpu_links *links = &gpu->links;
    char speed[64] = "";
    if (links->count == RG_NONE)
        return;
    if (links->slowest_mbps != RG_NONE && links->slowest_mbps < sight->fastest_mbps)
        snprintf(speed, sizeof speed, ", the slowest at %.3f GB/s instead of %.3f", (double)links->slowest_mbps / 1e3,
            (double)sight->fastest_mbps / 1e3);
    else if (links->slowest_mbps != RG_NONE)
        snprintf(speed, sizeof speed, " at %.3f GB/s", (double)links->slowest_mbps / 1e3);
    sight->slow |= links->slowest_mbps != RG_NONE && links->slowest_mbps < sight->fastest_mbps;
    sight->down |= links->active < sight->most;
    sight->partial |= links->active < links->count;
    rg_check_tally_add(&sight->links, gpu->pci_address, "%lld of %lld active%s", (long long)links->active,
        (long long)links->count, speed);
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct sight sight = {.fastest_mbps = RG_NONE};
    if (!rg_check_nvml_tells(node, out))
        return;
    for (int i = 0; i < node->gpu_count; i++) {
        const struct rg_gpu_links *links = &node->gpus[i].links;
        sight.most = links->active > sight.most ? links->active : sight.most;
        sight.fastest_mbps = links->fastest_mbps > sight.fastest_mbps ? links->fastest_mbps : sight.fastest_mbps;
    }
    if (sight.most == 0) {
        rg_check_absent(out, "no NVLink is in use");
        return;
    }
    for (int i = 0; i < node->gpu_count; i++)
        if (node->gpus[i].answers)
            look_at(&node->gpus[i], &sight);
    rg_check_expect(out, "all NVLinks of each GPU active, at one speed");
    rg_check_tally_found(&sight.links, out);
    if (sight.down || sight.partial || sight.slow)
        rg_check_fault(out, sight.down ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN,
            "`nvidia-smi nvlink -s` shows each link, `nvidia-smi topo -m` who should be joined; restart "
            "nvidia-fabricmanager, reset the GPUs, or reboot; a link that stays down needs service");
}

const struct rg_check rg_check_nvlink = {.name = "nvlink", .weight = RG_CHECK_FAILS, .look = look};
