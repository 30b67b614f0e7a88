/* GPU memory is sound: errors that ECC could not correct, and rows or pages that wait to be replaced. */
#include "check/checks.h"

static const char replace[] = "drain the node and have the GPU replaced: a row of its memory could not be remapped";
static const char reset[] =
    "stop what uses the GPU and reset it (nvidia-smi --gpu-reset -i ADDRESS), or reboot; if the errors come back, have "
    "it replaced";

/* Adds what is wrong with a GPU. */
static void judge(const struct rg_check_gpu *gpu, struct rg_check_tally *faults, struct rg_preflight_row *out)
{
    const struct rg_gpu_condition *now = &gpu->state.now;
    const char *who = gpu->pci_address;
    int64_t errors = gpu->state.counters.ecc_uncorrected_volatile;
    if (now->remapping_failed == 1) {
        rg_check_tally_add(faults, who, "a row could not be remapped");
        rg_check_fault(out, RG_PREFLIGHT_FAIL, "%s", replace);
    }
    if (errors != RG_NONE && errors > 0) {
        rg_check_tally_add(faults, who, "%lld uncorrected errors since the driver was loaded", (long long)errors);
        rg_check_fault(out, RG_PREFLIGHT_FAIL, "%s", reset);
    }
    if (now->remapping_pending == 1 || now->retirement_pending == 1) {
        rg_check_tally_add(faults, who, "a %s waits for a reset to be %s", now->remapping_pending == 1 ? "row" : "page",
            now->remapping_pending == 1 ? "remapped" : "retired");
        rg_check_fault(out, RG_PREFLIGHT_WARN, "%s", reset);
    }
    if (gpu->what.ecc == 0) {
        rg_check_tally_add(faults, who, "ECC is off");
        rg_check_fault(out, RG_PREFLIGHT_WARN, "nvidia-smi -e 1, then reset the GPU");
    }
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally faults = {0};
    int told = 0;
    if (!rg_check_nvml_tells(node, out))
        return;
    rg_check_expect(out, "ECC on, no uncorrected error since the driver was loaded, nothing that waits for a reset");
    for (int i = 0; i < node->gpu_count; i++) {
        const struct rg_check_gpu *gpu = &node->gpus[i];
        told += gpu->answers && gpu->state.counters.ecc_uncorrected_volatile != RG_NONE;
        if (gpu->answers)
            judge(gpu, &faults, out);
    }
    rg_check_tally_found(&faults, out);
    if (faults.count == 0 && told == 0)
        rg_check_absent(out, "no GPU counts errors of its memory");
    else if (faults.count == 0)
        rg_check_found(out, "no uncorrected error on %d GPUs since the driver was loaded", told);
}

const struct rg_check rg_check_gpu_memory = {.name = "gpu_memory", .weight = RG_CHECK_FAILS, .own = true, .look = look};
