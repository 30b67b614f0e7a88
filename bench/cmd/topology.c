/* railgauge topology: which GPU goes with which NIC on this node. */
#include "hw/topology.h"
#include "cmd/cmd.h"
#include "report/topology.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *from, *format;
};

static const char *const formats[] = {"text", "json", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"from", NULL, RG_TEXT, AT(from), .metavar = "FILE",
        .help = "Another machine's tree, as `lstopo FILE.xml` wrote it down."},
    {"format", NULL, RG_CHOICE, AT(format), .fallback = "text", .choices = formats, .metavar = "WORD", .letter = 'f',
        .help = "How to print it."},
};

static const char notes[] =
    "The distance is in nvidia-smi's words. PIX: at most one PCIe switch lies between NIC and GPU. PXB: several. PHB: the "
    "host bridge. NODE: host bridges of one NUMA node. SYS: the link between sockets. GPUDirect RDMA is at its best with "
    "PIX; from PHB on, a warning says so.\n\n"
    "Exit status: 0, or 2 for a file that cannot be read.";

static const struct rg_example examples[] = {
    {"railgauge topology", "This node's tree of PCIe bridges, GPUs and NICs, and which go together."},
    {"railgauge topology --from node-a.xml --format json",
        "The same of another node, from what `lstopo node-a.xml` wrote there, for programs."},
    {NULL, NULL},
};

int rg_cmd_topology(int argc, char **argv)
{
    struct options options = {0};
    struct rg_command command = {
        .name = "topology",
        .synopsis = "[options]",
        .summary = "show which GPU goes with which NIC on this node",
        .description = "Draws the tree of PCIe bridges with the node's GPUs and RDMA NICs, and pairs the nearest.",
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    struct rg_topology *topology;
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    if (rg_cmd_no_words("topology", &args, &err) != 0 || rg_pairing_read(options.from, &topology, &err) != 0)
        return rg_cmd_refuse("topology", RG_EXIT_USAGE, &err);
    if (strcmp(options.format, "json") == 0) {
        char *text = rg_topology_json(topology);
        puts(text ? text : "");
        free(text);
    } else {
        rg_report_topology(topology, stdout);
    }
    rg_topology_close(topology);
    return RG_EXIT_PASS;
}
