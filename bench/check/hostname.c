/* The node's own name leads to an address, by which others can reach it, and this one back. */
#include "check/checks.h"

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_check_host *self = &node->facts.self;
    rg_check_expect(out, "a name that leads to an address of the network, and back");
    if (self->address[0] == '\0') {
        rg_check_found(out, "%s has no address: %s", node->name, self->error);
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "add the node to DNS or to /etc/hosts of all nodes; in Kubernetes, give the Job's pods a subdomain and a headless "
            "Service of that name");
        return;
    }
    rg_check_found(out, "%s is %s", node->name, self->address);
    if (rg_check_is_loopback(self->address)) {
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "in /etc/hosts give the name the node's address in the network instead of loopback's, if other nodes are to meet "
            "it by name");
    } else if (self->back[0] != '\0' && !rg_check_same_name(self->back, node->name)) {
        rg_check_found(out, "which is %s", self->back);
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "in DNS, or in /etc/hosts of all nodes, have the address lead back to the same name: `getent hosts ADDRESS`");
    }
}

const struct rg_check rg_check_hostname = {.name = "hostname", .weight = RG_CHECK_WARNS, .own = true, .look = look};
