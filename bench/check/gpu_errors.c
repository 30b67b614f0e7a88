/* The driver hasn't logged an Xid error since boot. */
#include "check/checks.h"
#include "check/read.h"
#include "hw/gpu.h"

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char log[PATH_MAX];
    struct rg_error err;
    int gpus = 0;
    if (node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI");
        return;
    }
    rg_check_path(node, log, "/dev/kmsg");
    for (int i = 0; i < node->gpu_count; i++) {
        struct rg_gpu_xids xids;
        if (rg_gpu_read_log(log, node->gpus[i].pci_address, &xids, &err) != 0) {
            rg_check_unread(out, "%s", err.text);
            return;
        }
        if (xids.count == 0)
            continue;
        gpus++;
        rg_check_found(out, "%s: %lld Xid errors, the last %lld", node->gpus[i].pci_address, (long long)xids.count,
            (long long)xids.codes[(xids.count - 1) % RG_GPU_XIDS_MOST]);
    }
    rg_check_expect(out, "no Xid error in the kernel's log");
    if (gpus == 0)
        rg_check_found(out, "none in the kernel's log");
    else
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "`dmesg | grep Xid` shows them, NVIDIA's list of Xid errors what they mean; after 48, 63, 64, 74, 79, 92, 94 or 95 "
            "drain the node and reset the GPU");
}

const struct rg_check rg_check_gpu_errors = {.name = "gpu_errors", .weight = RG_CHECK_WARNS, .own = true, .look = look};
