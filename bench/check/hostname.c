/* The node's own name leads to an address, by which others can reach it. */
#include "check/checks.h"

#include <string.h>

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_check_facts *facts = &node->facts;
    rg_check_expect(out, "a name that leads to an address of the network");
    if (facts->address[0] == '\0') {
        rg_check_found(out, "%s has no address: %s", node->name, facts->address_error);
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "add the node to DNS or to /etc/hosts of all nodes; in Kubernetes, give the Job's pods a subdomain and a headless "
            "Service of that name");
        return;
    }
    rg_check_found(out, "%s is %s", node->name, facts->address);
    if (strncmp(facts->address, "127.", 4) == 0 || strcmp(facts->address, "::1") == 0)
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "in /etc/hosts give the name the node's address in the network instead of loopback's, if other nodes are to meet "
            "it by name");
}

const struct rg_check rg_check_hostname = {"hostname", RG_CHECK_STOPS, true, look};
