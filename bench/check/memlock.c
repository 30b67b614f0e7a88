/* This process may lock the memory that it registers with the NIC. */
#include "check/checks.h"
#include "check/read.h"

#include <stdlib.h>
#include <string.h>

#define ENOUGH_BYTES (1ll << 30) /* buffers of a rank in every suite that comes with railgauge */
#define IPC_LOCK (1ull << 14)    /* the bit of CAP_IPC_LOCK */

/* Whether this process is in no user namespace, where a capability is worth nothing for limits: "0 0 4294967295". */
static bool sees_all_users(const struct rg_check_node *node)
{
    static const unsigned long long all[] = {0, 0, UINT32_MAX};
    char users[RG_CHECK_LINE], *at = users, *end;
    bool same = rg_check_line(node, users, "/proc/self/uid_map");
    for (size_t i = 0; same && i < sizeof all / sizeof *all; i++, at = end)
        same = strtoull(at, &end, 10) == all[i] && end != at;
    return same;
}

static bool is_privileged(const struct rg_check_node *node)
{
    char capabilities[RG_CHECK_LINE];
    return rg_check_value(node, "/proc/self/status", "CapEff", capabilities) &&
           (strtoull(capabilities, NULL, 16) & IPC_LOCK) != 0 && sees_all_users(node);
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char limit[RG_CHECK_LINE];
    if (!rg_check_value(node, "/proc/self/limits", "Max locked memory", limit)) {
        rg_check_unread(out, "/proc/self/limits does not tell the limit of locked memory");
        return;
    }
    rg_check_expect(out, "unlimited");
    if (strncmp(limit, "unlimited", 9) == 0) {
        rg_check_found(out, "unlimited");
        return;
    }
    long long bytes = strtoll(limit, NULL, 10);
    rg_check_found(out, "%lld bytes", bytes);
    if (is_privileged(node))
        rg_check_found(out, "this process may lock more, by CAP_IPC_LOCK");
    else
        rg_check_fault(out, bytes < ENOUGH_BYTES ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN,
            "ulimit -l unlimited; for good, `* - memlock unlimited` in /etc/security/limits.conf, LimitMEMLOCK=infinity for a "
            "service (sshd, slurmd, containerd); in Kubernetes, the capability IPC_LOCK");
}

const struct rg_check rg_check_memlock = {.name = "memlock", .weight = RG_CHECK_STOPS, .rdma = true, .look = look};
