/* Huge pages that are set aside leave enough memory for everything else: railgauge uses none of them. */
#include "check/checks.h"
#include "check/read.h"

#include <stdlib.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char total[RG_CHECK_LINE], pages[RG_CHECK_LINE], free_pages[RG_CHECK_LINE], size[RG_CHECK_LINE];
    if (!rg_check_value(node, "/proc/meminfo", "MemTotal", total) ||
        !rg_check_value(node, "/proc/meminfo", "HugePages_Total", pages) ||
        !rg_check_value(node, "/proc/meminfo", "HugePages_Free", free_pages) ||
        !rg_check_value(node, "/proc/meminfo", "Hugepagesize", size)) {
        rg_check_absent(out, "/proc/meminfo tells nothing of huge pages");
        return;
    }
    long long count = strtoll(pages, NULL, 10), unused = strtoll(free_pages, NULL, 10);
    double share = (double)unused * strtod(size, NULL) / strtod(total, NULL);
    rg_check_expect(out, "not more than half of the memory set aside and unused");
    if (count == 0)
        rg_check_found(out, "none is set aside");
    else
        rg_check_found(out, "%lld pages of %s", count, size);
    if (share > 0.5) { /* how many just now is a node's own, which others need not share */
        rg_check_found(out, "%lld of them unused", unused);
        rg_check_fault(out, RG_PREFLIGHT_WARN, "sysctl vm.nr_hugepages=0, unless another program needs them");
    }
}

const struct rg_check rg_check_hugepages = {.name = "hugepages", .weight = RG_CHECK_WARNS, .look = look};
