/* The kernel modules that the hardware found here needs are loaded. */
#include "check/checks.h"
#include "check/read.h"

#include <stdio.h>

static void look_for(const struct rg_check_node *node, const char *module, struct rg_check_tally *tally)
{
    rg_check_tally_add(tally, module, "%s", rg_check_exists(node, "/sys/module/%s", module) ? "loaded" : "not loaded");
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally modules = {0};
    if (node->port_count == 0 && node->gpu_count == 0) {
        rg_check_absent(out, "neither an RDMA device nor a GPU");
        return;
    }
    if (!rg_check_exists(node, "/sys/module")) {
        rg_check_unread(out, "/sys/module cannot be read");
        return;
    }
    if (node->port_count > 0)
        look_for(node, "ib_uverbs", &modules);
    if (node->gpu_count > 0) {
        look_for(node, "nvidia", &modules);
        look_for(node, "nvidia_uvm", &modules);
    }
    rg_check_expect(out, "all loaded");
    rg_check_tally_found(&modules, out);
    for (int i = 0; i < modules.count; i++)
        if (modules.groups[i].value[0] == 'n')
            rg_check_fault(out, RG_PREFLIGHT_FAIL, "modprobe what is not; `dmesg` tells why one does not load");
}

const struct rg_check rg_check_kernel_modules = {.name = "kernel_modules", .weight = RG_CHECK_FAILS, .look = look};
