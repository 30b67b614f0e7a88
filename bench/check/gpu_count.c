/* All GPUs are on the bus. */
#include "check/checks.h"

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
    if (!wanted) {
        rg_check_expect(out, "no number in particular: --machine tells one");
        return;
    }
    rg_check_expect(out, "at least %lld (%s), one a rail, as %s has", rails, machine->gpu, machine->name);
    if (node->gpu_count < rails)
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "`lspci -d 10de:` lists them; one that has fallen off the bus (`dmesg | grep Xid`, 79) needs a reboot, or another "
            "node; a container has to be given them all");
}

const struct rg_check rg_check_gpu_count = {"gpu_count", RG_CHECK_STOPS, false, look};
