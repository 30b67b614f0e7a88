/* The names of the other hosts lead to addresses from here, each to its own, and back. */
#include "check/checks.h"

#include <string.h>

/* The host before this one that has the same address; NULL: none. */
static const struct rg_check_host *twin(const struct rg_check_facts *facts, int at)
{
    for (int i = 0; i < at; i++)
        if (strcmp(facts->hosts[i].address, facts->hosts[at].address) == 0)
            return &facts->hosts[i];
    return NULL;
}

/* Whether a host is at fault, which is then said. */
static bool judge(const struct rg_check_node *node, int at, struct rg_preflight_row *out)
{
    const struct rg_check_host *host = &node->facts.hosts[at], *other = twin(&node->facts, at);
    /* its own name is for the check hostname */
    bool own = rg_check_same_name(host->name, node->name) || strcmp(host->name, "localhost") == 0;
    if (host->address[0] == '\0') {
        rg_check_found(out, "%s has no address: %s", host->name, host->error);
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "add the host to DNS, or to /etc/hosts of each node: who starts programs from here will not find it");
    } else if (other != NULL) {
        rg_check_found(out, "%s and %s are both %s", other->name, host->name, host->address);
        rg_check_fault(out, RG_PREFLIGHT_FAIL, "give each host its own address in DNS or /etc/hosts, and name it once");
    } else if (!own && rg_check_is_loopback(host->address)) {
        rg_check_found(out, "%s is %s, this node itself", host->name, host->address);
        rg_check_fault(out, RG_PREFLIGHT_WARN, "in /etc/hosts give the host its address in the network");
    } else if (!own && host->back[0] != '\0' && !rg_check_same_name(host->back, host->name) &&
               strcmp(host->name, host->address) != 0) {
        rg_check_found(out, "%s is %s, which is %s", host->name, host->address, host->back);
        rg_check_fault(out, RG_PREFLIGHT_WARN, "have the address lead back to the same name: `getent hosts ADDRESS`");
    } else {
        return false;
    }
    return true;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    int faults = 0;
    if (node->facts.host_count == 0) {
        rg_check_absent(out, "no other hosts were named");
        return;
    }
    rg_check_expect(out, "an address of its own for each host, which leads back to it");
    for (int i = 0; i < node->facts.host_count; i++)
        faults += judge(node, i, out);
    if (faults == 0)
        rg_check_found(out, "all %d hosts have addresses", node->facts.host_count);
}

const struct rg_check rg_check_host_names = {.name = "host_names", .weight = RG_CHECK_FAILS, .own = true, .look = look};
