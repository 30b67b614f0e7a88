/* NCCL finds the plug-in that brings the machine's network. */
#include "check/checks.h"
#include "check/read.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Where the networks' installers put them; both files are one plug-in. */
static const struct {
    const char *net, *directory, *companion;
} homes[] = {
    {"gIB", "/usr/local/gib/lib64", "libnccl-net_internal.so"},
    {"FasTrak", "/usr/local/nvidia/lib64", "libnccl-net_internal.so"},
    {"GPUDirectTCPX", "/usr/local/nvidia/lib64", NULL},
};

/* The place among homes; -1: none. */
static int home_of(const char *net)
{
    for (int i = 0; i < (int)(sizeof homes / sizeof *homes); i++)
        if (strcmp(homes[i].net, net) == 0)
            return i;
    return -1;
}

/* NULL: NCCL's own will do. */
static const char *net_of_environment(const struct rg_check_facts *facts)
{
    const char *net = facts->nccl_net;
    bool own = net == NULL || net[0] == '\0' || strcmp(net, "IB") == 0 || strcmp(net, "Socket") == 0;
    return own ? NULL : net;
}

/* Where a library of that name, or with that path, is found as a program would find it. */
static bool find(const struct rg_check_node *node, const char *name, char out[PATH_MAX])
{
    char directory[PATH_MAX];
    snprintf(out, PATH_MAX, "%s", name);
    if (name[0] == '/')
        return rg_check_exists(node, "%s", name);
    for (int n = 0; rg_check_library_directory(node, n, directory); n++)
        if (rg_check_exists(node, "%s/%s", directory, name)) {
            snprintf(out, PATH_MAX, "%.2000s/%.200s", directory, name);
            return true;
        }
    if (!rg_check_library(node, name, directory))
        return false;
    snprintf(out, PATH_MAX, "%s", directory + strlen(node->root));
    return true;
}

/* As NCCL looks for it: by NCCL_NET_PLUGIN, a path, a file or what stands in libnccl-net-NAME.so, else libnccl-net.so.
 */
static bool find_plugin(const struct rg_check_node *node, char name[PATH_MAX], char out[PATH_MAX])
{
    const char *given = node->facts.nccl_plugin;
    snprintf(name, PATH_MAX, "%s", given != NULL && given[0] ? given : "libnccl-net.so");
    if (strcmp(name, "none") == 0)
        return false;
    if (find(node, name, out))
        return true;
    if (given == NULL || given[0] == '\0' || strchr(given, '/') != NULL)
        return false;
    snprintf(name, PATH_MAX, "libnccl-net-%.200s.so", given);
    return find(node, name, out);
}

static void say_how_to_mend(
    const struct rg_check_node *node, const char *net, enum rg_preflight_status status, struct rg_preflight_row *out)
{
    int home = home_of(net);
    if (home >= 0 && rg_check_exists(node, "%s/libnccl-net.so", homes[home].directory))
        rg_check_fault(out, status,
            "it is in %s: put that last in LD_LIBRARY_PATH, or source the environment script that came with it",
            homes[home].directory);
    else if (home >= 0)
        rg_check_fault(out, status,
            "install it on the node (on GKE by its installer DaemonSet) and mount it at %s; then put that into "
            "LD_LIBRARY_PATH",
            homes[home].directory);
    else
        rg_check_fault(out, status, "put the directory of the plug-in of %s into LD_LIBRARY_PATH", net);
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const char *asked = net_of_environment(&node->facts);
    const char *net = asked ? asked : node->machine ? node->machine->nccl_net : NULL;
    char name[PATH_MAX], path[PATH_MAX];
    if (node->gpu_count == 0) {
        rg_check_absent(out, "no NVIDIA GPU on PCI");
        return;
    }
    bool there = find_plugin(node, name, path);
    if (net == NULL)
        rg_check_expect(out, "none in particular: neither NCCL_NET nor --machine names a network");
    else
        rg_check_expect(out, "NCCL's plug-in of %s, as %s has it", net, asked ? "NCCL_NET" : node->machine->name);
    if (there)
        rg_check_found(out, "%.900s", path);
    else
        rg_check_found(out, "no plug-in (%.200s)", name);
    if (net == NULL)
        return;
    int home = home_of(net);
    char *slash = strrchr(path, '/');
    if (!there) {
        say_how_to_mend(node, net, asked ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN, out);
    } else if (home >= 0 && homes[home].companion != NULL && slash != NULL &&
               !rg_check_exists(node, "%.*s/%s", (int)(slash - path), path, homes[home].companion)) {
        rg_check_found(out, "%s, which it needs, is not beside it", homes[home].companion);
        rg_check_fault(out, RG_PREFLIGHT_WARN, "install the plug-in of %s anew", net);
    }
}

const struct rg_check rg_check_nccl_plugin = {.name = "nccl_plugin", .weight = RG_CHECK_FAILS, .look = look};
