/* NICs can reach GPU memory: by dma-buf, which needs the open kernel modules and Linux 5.12, or by nvidia-peermem. */
#include "check/checks.h"
#include "check/read.h"

#include <stdlib.h>
#include <string.h>

#define DMA_BUF_SINCE_MAJOR 5
#define DMA_BUF_SINCE_MINOR 12

/* "6.1.0-28-amd64" */
static bool read_version(const char *text, long *major, long *minor)
{
    char *dot, *end;
    *major = strtol(text, &dot, 10);
    if (dot == text || *dot != '.')
        return false;
    *minor = strtol(dot + 1, &end, 10);
    return end != dot + 1;
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    char version[RG_CHECK_LINE], kernel[RG_CHECK_LINE];
    long major, minor;
    if (node->gpu_count == 0 || node->hardware_count == 0) {
        rg_check_absent(out, "no GPU with a NIC of hardware beside it");
        return;
    }
    if (!rg_check_value(node, "/proc/driver/nvidia/version", "NVRM version", version)) {
        rg_check_absent(out, "no NVIDIA driver");
        return;
    }
    if (!rg_check_line(node, kernel, "/proc/sys/kernel/osrelease") || !read_version(kernel, &major, &minor)) {
        rg_check_unread(out, "the kernel's version cannot be read");
        return;
    }
    bool open = strstr(version, "Open Kernel Module") != NULL;
    bool recent = major > DMA_BUF_SINCE_MAJOR || (major == DMA_BUF_SINCE_MAJOR && minor >= DMA_BUF_SINCE_MINOR);
    bool peer = rg_check_exists(node, "/sys/module/nvidia_peermem") || rg_check_exists(node, "/sys/module/nv_peer_mem");
    rg_check_expect(out, "dma-buf (open kernel modules and Linux 5.12 or later) or nvidia-peermem");
    rg_check_found(out, "%s kernel modules on Linux %s: dma-buf %s", open ? "open" : "proprietary", kernel,
        open && recent ? "works" : "does not work");
    rg_check_found(out, "nvidia-peermem is %sloaded", peer ? "" : "not ");
    if (!(open && recent) && !peer)
        rg_check_fault(out, RG_PREFLIGHT_FAIL,
            "modprobe nvidia-peermem, or install the driver's open kernel modules; until then no NIC reads or writes GPU "
            "memory");
}

const struct rg_check rg_check_gpu_direct = {
    .name = "gpu_direct", .weight = RG_CHECK_FAILS, .rdma = true, .look = look};
