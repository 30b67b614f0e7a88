/* The driver keeps GPUs ready while nobody uses them. */
#include "check/checks.h"
#include "check/read.h"

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    if (node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI");
        return;
    }
    if (!rg_check_exists(node, "/run/nvidia-persistenced/socket")) {
        rg_check_absent(out,
            "no nvidia-persistenced to be seen from here; `nvidia-smi -q -d PERSISTENCE_MODE` tells, and so "
            "does each run");
        return;
    }
    rg_check_expect(out, "nvidia-persistenced runs");
    rg_check_found(out, "nvidia-persistenced runs");
}

const struct rg_check rg_check_persistence = {"persistence", RG_CHECK_WARNS, false, look};
