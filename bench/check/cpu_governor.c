/* Processors don't save power while they poll. */
#include "check/checks.h"
#include "check/read.h"

#include <stdio.h>
#include <string.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char governor[RG_CHECK_LINE];
    struct rg_check_tally governors = {0};
    char **policies = rg_check_names(node, "/sys/devices/system/cpu/cpufreq");
    bool saves = false;
    for (char **policy = policies; policy != NULL && *policy != NULL; policy++) {
        if (strncmp(*policy, "policy", 6) != 0 ||
            !rg_check_line(node, governor, "/sys/devices/system/cpu/cpufreq/%s/scaling_governor", *policy))
            continue;
        saves |= strcmp(governor, "performance") != 0;
        int known = 0;
        while (known < governors.count && strcmp(governors.groups[known].value, governor) != 0)
            known++;
        rg_check_tally_add(&governors, "", "%s", governor);
    }
    rg_check_free_names(policies);
    if (governors.count == 0) {
        rg_check_absent(out, "no frequency scaling here: the firmware, or a hypervisor, rules the clocks");
        return;
    }
    rg_check_expect(out, "the governor performance on every processor");
    for (int i = 0; i < governors.count; i++)
        rg_check_found(out, "%s on %d of them", governors.groups[i].value, governors.groups[i].times);
    if (saves)
        rg_check_fault(out, RG_PREFLIGHT_WARN, "cpupower frequency-set -g performance");
}

const struct rg_check rg_check_cpu_governor = {.name = "cpu_governor", .weight = RG_CHECK_WARNS, .look = look};
