/* railgauge: the front. Needs no MPI, verbs or GPU. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

struct entry {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct entry commands[] = {
    {"run", rg_cmd_run, "measure, judge, and leave a run directory"},
    {"check", rg_cmd_check, "tell whether this node is fit to be measured, and what to mend"},
    {"compare", rg_cmd_compare, "hold a run against a machine's baseline or an earlier run"},
    {"report", rg_cmd_report, "show runs as one web page"},
    {"simulate", rg_cmd_simulate, "measure and judge a simulated fabric"},
    {"history", rg_cmd_history, "keep the figures of runs, and tell since when which part does worse"},
    {"plan", rg_cmd_plan, "tell what other numbers of nodes are to give"},
    {"topology", rg_cmd_topology, "show which GPU goes with which NIC on this node"},
};

static void print_usage(FILE *out)
{
    fputs("railgauge proves, or disproves, that a GPU cluster's RDMA fabric runs at its rated speed.\n\n"
          "Usage: railgauge COMMAND [options]\n\n",
        out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`railgauge COMMAND --help` tells the options. Exit status: 0 pass, 1 fail, 2 usage or invalid input,\n"
          "3 inconclusive, 4 could not run, 128+n stopped by signal n.\n",
        out);
}

/* The overview's man page; each command has one of its own. */
static void print_man(void)
{
    puts(".TH RAILGAUGE 1 \"\" \"railgauge\" \"railgauge manual\"\n.SH NAME\n"
         "railgauge \\- prove, or disprove, that an RDMA fabric runs at its rated speed\n"
         ".SH SYNOPSIS\n.B railgauge\n.I COMMAND\n[options]\n.SH COMMANDS");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf(".TP\n.BR railgauge\\-%s (1)\n%s\n", commands[i].name, commands[i].summary);
    puts(".SH EXIT STATUS\n0 pass, 1 fail, 2 usage or invalid input, 3 inconclusive, 4 could not run, 128+n stopped by "
         "signal n.");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return RG_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        puts("railgauge " RG_VERSION);
        return RG_EXIT_PASS;
    }
    if (strcmp(argv[1], "--man") == 0) {
        print_man();
        return RG_EXIT_PASS;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return RG_EXIT_PASS;
    }
    fprintf(stderr, "railgauge: unknown command '%s'; see railgauge --help\n", argv[1]);
    return RG_EXIT_USAGE;
}
