/* railgauge check: preflight of this node. */
#include "check/check.h"
#include "cmd/cmd.h"
#include "report/preflight.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *machine, *format, *root;
    bool quick;
};

static const char *const formats[] = {"text", "json", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help =
            "What to expect of the node: a machine's name, or the path of its file. Without it NICs are held against each "
            "other."},
    {"quick", NULL, RG_FLAG, AT(quick), .letter = 'q', .help = "Only the checks whose failure would stop a run."},
    {"format", NULL, RG_CHOICE, AT(format), .fallback = "text", .choices = formats, .metavar = "WORD", .letter = 'f',
        .help = "How to print it."},
    {"root", NULL, RG_TEXT, AT(root), .hidden = true, .metavar = "DIR",
        .help = "Stands before /sys, /proc, /dev, /run and the libraries' directories."},
};

static const char notes[] =
    "Each check passes, warns, fails or is not run, and says what it found; where there is something to mend, also what is "
    "expected and how to mend it. Everything is read from sysfs and procfs; the configuration of PCIe bridges only root may "
    "read. Limits, such as that of locked memory, are those of this process: over ssh or under a scheduler they may differ.\n\n"
    "Exit status: 0 all pass or warn; 1 one fails; 3 none fails, but one that could have failed was not run, since what it reads is "
    "closed to this process; 2 usage. A check of what the node does not have, nor is expected to have, is not run either, and "
    "counts for nothing.";

static int check_node(const struct options *options, const struct rg_machine *machine, const char *root)
{
    struct rg_error err = {{0}};
    struct rg_check_node *node;
    struct rg_preflight preflight = {0};
    if (rg_check_open(root, machine, &node, &err) != 0)
        return rg_cmd_refuse("check", RG_EXIT_CANNOT_RUN, &err);
    rg_check_ask_system(node);
    int code = rg_check_run(node, options->quick, &preflight, &err);
    rg_check_close(node);
    if (code != 0)
        return rg_cmd_refuse("check", RG_EXIT_CANNOT_RUN, &err);
    if (strcmp(options->format, "json") == 0) {
        char *text = rg_preflight_json(&preflight, false);
        puts(text ? text : "");
        free(text);
    } else {
        rg_report_preflight(&preflight, stdout);
    }
    int status = rg_preflight_exit_status(&preflight);
    rg_preflight_close(&preflight);
    return status;
}

int rg_cmd_check(int argc, char **argv)
{
    struct options options = {0};
    struct rg_command command = {
        .name = "check",
        .synopsis = "[options]",
        .summary = "tell whether this node is fit to be measured, and what to mend",
        .description =
            "Looks at what spoils measurements, or stops them, before they are made: RDMA devices, links, MTU and GIDs; "
            "PCIe; GPUs and their driver; limits and settings of the system. Changes nothing.",
        .notes = notes,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    struct rg_machine machine = {0};
    char root[PATH_MAX] = "";
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    if (args.word_count > 0 || args.rest_count > 0) {
        rg_fail(&err, 0, "unexpected word '%s'; see railgauge check --help",
            args.word_count > 0 ? args.words[0] : args.rest[0]);
        return rg_cmd_refuse("check", RG_EXIT_USAGE, &err);
    }
    if (options.root != NULL && realpath(options.root, root) == NULL) {
        rg_fail(&err, 0, "%s: %s", options.root, strerror(errno));
        return rg_cmd_refuse("check", RG_EXIT_USAGE, &err);
    }
    if (options.machine != NULL && rg_cmd_load_machine(options.machine, &machine, &err) != 0)
        return rg_cmd_refuse("check", RG_EXIT_USAGE, &err);
    status = check_node(&options, options.machine ? &machine : NULL, root);
    rg_machine_close(&machine);
    return status;
}
