/* The versions that nodes of a fleet should share. */
#include "check/checks.h"
#include "check/read.h"

#include <string.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char kernel[RG_CHECK_LINE], path[PATH_MAX];
    if (node->without_rdma == NULL)
        rg_check_expect(out, "libibverbs among the system's libraries");
    rg_check_expect(out, "the same versions on all nodes");
    if (rg_check_line(node, kernel, "/proc/sys/kernel/osrelease"))
        rg_check_found(out, "Linux %s", kernel);
    if (rg_check_library(node, "libibverbs.so.1", path)) {
        rg_check_found(out, "%s", strrchr(path, '/') + 1); /* libibverbs.so.1.14.44.0 is rdma-core 44.0 */
        return;
    }
    rg_check_found(out, "no libibverbs");
    if (node->without_rdma == NULL)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "install rdma-core (Debian: libibverbs1 and ibverbs-providers), unless LD_LIBRARY_PATH leads to another");
}

const struct rg_check rg_check_versions = {.name = "versions", .weight = RG_CHECK_WARNS, .look = look};
