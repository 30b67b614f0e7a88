/* The GPUs have their driver. */
#include "check/checks.h"
#include "check/read.h"

#include <string.h>

/* Its library has to be of the same version as the kernel module. */
static void look_at_library(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    if (node->facts.nvml == RG_CHECK_NVML_BROKEN) {
        rg_check_found(out, "%s", node->facts.nvml_error);
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "give the driver's libraries and its kernel module the same version: reboot after an upgrade; in a container, "
            "take the node's libraries instead of the image's");
    }
    for (int i = 0; i < node->gpu_count; i++)
        if (node->gpus[i].answers && node->gpus[i].what.driver[0] != '\0') {
            const struct rg_gpu *gpu = &node->gpus[i].what;
            rg_check_found(out, "library %s, for CUDA %s", gpu->driver, gpu->cuda_driver[0] ? gpu->cuda_driver : "?");
            return;
        }
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char line[RG_CHECK_LINE];
    if (node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI");
        return;
    }
    rg_check_expect(out, "NVIDIA's driver, loaded");
    if (rg_check_value(node, "/proc/driver/nvidia/version", "NVRM version", line)) {
        char *build = strstr(line, "  Release"); /* by whom and when it was built */
        rg_check_found(out, "%.*s", build ? (int)(build - line) : (int)strlen(line), line);
        look_at_library(node, out);
        return;
    }
    rg_check_found(out, "no driver: /proc/driver/nvidia/version cannot be read");
    rg_check_fault(out, RG_PREFLIGHT_FAIL,
        "install the driver (on GKE, gpu-driver-version=latest of the node pool, or the installer DaemonSet), then modprobe "
        "nvidia; `dmesg | grep NVRM` tells why it does not load");
}

const struct rg_check rg_check_nvidia_driver = {.name = "nvidia_driver", .weight = RG_CHECK_STOPS, .look = look};
