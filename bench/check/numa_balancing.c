/* The kernel doesn't move pages between NUMA nodes while they are measured. */
#include "check/checks.h"
#include "check/read.h"

#include <string.h>

static int numa_nodes(const struct rg_check_node *node)
{
    int count = 0;
    char **names = rg_check_names(node, "/sys/devices/system/node");
    for (char **name = names; name != NULL && *name != NULL; name++)
        count += strncmp(*name, "node", 4) == 0 && (*name)[4] >= '0' && (*name)[4] <= '9';
    rg_check_free_names(names);
    return count;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    int64_t value = rg_check_number(node, "/proc/sys/kernel/numa_balancing");
    int nodes = numa_nodes(node);
    if (value == RG_NONE) {
        rg_check_absent(out, "this kernel has no NUMA balancing");
        return;
    }
    rg_check_expect(out, "off where there are several NUMA nodes");
    rg_check_found(out, "%s, %d NUMA node%s", value ? "on" : "off", nodes, nodes == 1 ? "" : "s");
    if (value != 0 && nodes > 1)
        rg_check_fault(out, RG_PREFLIGHT_WARN, "sysctl kernel.numa_balancing=0");
}

const struct rg_check rg_check_numa_balancing = {.name = "numa_balancing", .weight = RG_CHECK_WARNS, .look = look};
