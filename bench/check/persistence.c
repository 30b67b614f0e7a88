/* The driver keeps GPUs ready while nobody uses them. */
#include "check/checks.h"
#include "check/read.h"

/* By NVML. */
static void look_at_modes(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally modes = {0};
    bool off = false;
    for (int i = 0; i < node->gpu_count; i++) {
        const struct rg_check_gpu *gpu = &node->gpus[i];
        if (!gpu->answers || gpu->what.persistence == RG_NONE)
            continue;
        off |= gpu->what.persistence == 0;
        rg_check_tally_add(&modes, gpu->pci_address, "persistence mode %s", gpu->what.persistence ? "on" : "off");
    }
    if (modes.count == 0) {
        rg_check_absent(out, "no GPU tells its persistence mode");
        return;
    }
    rg_check_expect(out, "persistence mode on, or nvidia-persistenced, which keeps GPUs ready as well");
    rg_check_tally_found(&modes, out);
    if (off)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "systemctl enable --now nvidia-persistenced, or nvidia-smi -pm 1: without it each program waits for the "
            "driver to wake the GPU, and settings are lost in between");
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    if (node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI");
    } else if (rg_check_exists(node, "/run/nvidia-persistenced/socket")) {
        rg_check_expect(out, "nvidia-persistenced runs");
        rg_check_found(out, "nvidia-persistenced runs");
    } else if (rg_check_nvml_tells(node, out)) {
        look_at_modes(node, out);
    }
}

const struct rg_check rg_check_persistence = {.name = "persistence", .weight = RG_CHECK_WARNS, .look = look};
