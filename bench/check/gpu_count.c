/* All GPUs are on the bus, and answer. */
#include "check/checks.h"

/* Those that NVML knows nothing of, though it works. */
static bool add_silent(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    int silent = 0;
    for (int i = 0; i < node->gpu_count && node->facts.nvml == RG_CHECK_NVML_WORKS; i++)
        if (!node->gpus[i].answers && silent++ == 0)
            rg_check_found(out, "%s", node->gpus[i].what.reason);
    if (silent > 1)
        rg_check_found(out, "%d more do not answer either", silent - 1);
    return silent > 0;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_machine *machine = node->machine;
    bool wanted = machine != NULL && machine->gpu != NULL;
    long long rails = wanted && machine->rails != RG_NONE ? machine->rails : 1;
    if (!wanted && node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI, and none is expected");
        return;
    }
    rg_check_found(out, "%d NVIDIA GPUs on PCI", node->gpu_count);
    if (wanted)
        rg_check_expect(out, "at least %lld (%s), one a rail, as %s has", rails, machine->gpu, machine->name);
    else
        rg_check_expect(out, "no number in particular: --machine tells one");
    bool silent = add_silent(node, out);
    if (silent || (wanted && node->gpu_count < rails))
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "`lspci -d 10de:` lists them; one that has fallen off the bus (`dmesg | grep Xid`, 79) needs a reboot, or another "
            "node; a container has to be given them all");
}

const struct rg_check rg_check_gpu_count = {.name = "gpu_count", .weight = RG_CHECK_STOPS, .look = look};
