/* The GPUs have their driver. */
#include "check/checks.h"
#include "check/read.h"

#include <string.h>

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
        return;
    }
    rg_check_found(out, "no driver: /proc/driver/nvidia/version cannot be read");
    rg_check_fault(out, RG_PREFLIGHT_FAIL,
        "install the driver (on GKE, gpu-driver-version=latest of the node pool, or the installer DaemonSet), then modprobe "
        "nvidia; `dmesg | grep NVRM` tells why it does not load");
}

const struct rg_check rg_check_nvidia_driver = {"nvidia_driver", RG_CHECK_STOPS, false, look};
