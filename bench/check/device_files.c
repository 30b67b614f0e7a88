/* This process may open the RDMA devices. */
#include "check/checks.h"
#include "check/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The device's file, "uverbs3"; "": the kernel names none. */
static void file_of(const struct rg_check_node *node, const char *device, char out[RG_CHECK_LINE])
{
    char line[RG_CHECK_LINE];
    char **files = rg_check_names(node, "/sys/class/infiniband_verbs");
    out[0] = '\0';
    for (char **file = files; file != NULL && *file != NULL; file++)
        if (rg_check_line(node, line, "/sys/class/infiniband_verbs/%s/ibdev", *file) && strcmp(line, device) == 0)
            snprintf(out, RG_CHECK_LINE, "%s", *file);
    rg_check_free_names(files);
}

static const char *state_of(const struct rg_check_node *node, const char *device)
{
    char file[RG_CHECK_LINE], path[PATH_MAX];
    file_of(node, device, file);
    if (file[0] == '\0')
        return "no entry in /sys/class/infiniband_verbs";
    rg_check_path(node, path, "/dev/infiniband/%s", file);
    if (access(path, R_OK | W_OK) == 0)
        return NULL;
    return errno == ENOENT ? "no file in /dev/infiniband" : "its file in /dev/infiniband may not be opened";
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    struct rg_check_tally states = {0};
    bool broken = false;
    if (node->port_count == 0) {
        rg_check_absent(out, "no RDMA device");
        return;
    }
    for (int i = 0; i < node->port_count; i++) {
        const char *device = node->ports[i].device;
        if (i > 0 && strcmp(device, node->ports[i - 1].device) == 0)
            continue;
        const char *fault = state_of(node, device);
        broken |= fault != NULL;
        rg_check_tally_add(&states, device, "%s", fault ? fault : "its file may be opened");
    }
    rg_check_expect(out, "a file in /dev/infiniband for each RDMA device, which this process may read and write");
    rg_check_tally_found(&states, out);
    if (broken)
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "load ib_uverbs (modprobe ib_uverbs); in a container, pass /dev/infiniband in: Kubernetes mounts it into the "
            "first container of the pod alone");
}

const struct rg_check rg_check_device_files = {
    .name = "device_files", .weight = RG_CHECK_STOPS, .rdma = true, .look = look};
