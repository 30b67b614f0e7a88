/* railgauge check: preflight of this node, or of others. */
#include "check/check.h"
#include "cmd/argv.h"
#include "cmd/clocks.h"
#include "cmd/cmd.h"
#include "cmd/hosts.h"
#include "cmd/inspect.h"
#include "report/preflight.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *hosts, *hostfile, *machine, *format, *root, *peers, *paths;
    double timeout_s;
    bool quick, tell_time;
};

static const char *const formats[] = {"text", "json", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"hosts", NULL, RG_TEXT, AT(hosts), .metavar = "A,B,...",
        .help =
            "Check these nodes instead of this one, over the remote shell, and name those that differ from the others."},
    {"hostfile", NULL, RG_TEXT, AT(hostfile), .metavar = "FILE", .help = "Check the nodes of a file, one a line."},
    {"timeout", NULL, RG_NUMBER, AT(timeout_s), 1, 3600, .fallback = "60", .metavar = "S",
        .help = "How many seconds another node may take to answer."},
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help =
            "What to expect of the node: a machine's name, or the path of its file. Without it NICs are held against each "
            "other."},
    {"quick", NULL, RG_FLAG, AT(quick), .letter = 'q', .help = "Only the checks whose failure would stop a run."},
    {"format", NULL, RG_CHOICE, AT(format), .fallback = "text", .choices = formats, .metavar = "WORD", .letter = 'f',
        .help = "How to print it."},
    {"root", NULL, RG_TEXT, AT(root), .hidden = true, .metavar = "DIR",
        .help = "Stands before /sys, /proc, /dev, /run and the libraries' directories."},
    /* what is asked of a node for --hosts */
    {"peers", NULL, RG_TEXT, AT(peers), .hidden = true, .metavar = "A,B,...", .help = "Names to look up."},
    {"paths", NULL, RG_TEXT, AT(paths), .hidden = true, .metavar = "NAME/FROM/TO/MTU,...", .help = "Only these ways."},
    {"tell-time", NULL, RG_FLAG, AT(tell_time), .hidden = true,
        .help = "A line before the document, and one for each "
                "on standard input."},
};

static const char notes[] =
    "Nodes are asked by ssh, or what OMPI_MCA_plm_rsh_agent names; railgauge has to be in the same place on each. With "
    "--hosts, --format json prints a document a line.\n\n"
    "Each check passes, warns, fails or is not run, and says what it found; where there is something to mend, also what is "
    "expected and how to mend it. Everything is read from sysfs and procfs; the configuration of PCIe bridges only root may "
    "read. Limits, such as that of locked memory, are those of this process: over ssh or under a scheduler they may differ.\n\n"
    "Exit status: 0 all pass or warn; 1 one fails; 3 none fails, but one that could have failed was not run, since what it reads is "
    "closed to this process; 2 usage. A check of what the node does not have, nor is expected to have, is not run either, and "
    "counts for nothing.";

static const struct rg_example examples[] = {
    {"railgauge check --machine a3-ultra", "Is this node what an a3-ultra is to be?"},
    {"railgauge check --hostfile hosts", "Asks every node of the file, and names those that differ from the others."},
    {NULL, NULL},
};

static void print(const struct options *options, const struct rg_preflight *nodes, size_t count)
{
    bool json = strcmp(options->format, "json") == 0, fleet = options->hosts != NULL || options->hostfile != NULL;
    if (!json && fleet)
        rg_report_preflights(nodes, (int)count, stdout);
    else if (!json)
        rg_report_preflight(nodes, stdout);
    for (size_t i = 0; json && i < count; i++) {
        char *text = rg_preflight_json(&nodes[i], fleet);
        puts(text ? text : "");
        free(text);
    }
}

static int check_node(
    const struct options *options, const struct rg_machine *machine, const char *root, struct rg_error *err)
{
    struct rg_check_node *node;
    struct rg_preflight preflight = {0};
    if (rg_check_open(root, machine, &node, err) != 0)
        return RG_EXIT_CANNOT_RUN;
    rg_check_ask_system(node, options->quick);
    char **peers = NULL;
    int code = options->peers ? rg_hosts_split("peers", options->peers, &peers, err) : 0;
    if (code == 0 && peers != NULL)
        code = rg_check_ask_hosts(node, peers, err);
    if (code == 0)
        code = rg_check_run(node, options->quick, &preflight, err);
    rg_argv_free(peers);
    rg_check_close(node);
    if (code != 0)
        return RG_EXIT_CANNOT_RUN;
    print(options, &preflight, 1);
    int status = rg_preflight_exit_status(&preflight);
    rg_preflight_close(&preflight);
    return status;
}

/* The ways to another node, and nothing else. */
static int check_paths(const struct options *options, struct rg_error *err)
{
    struct rg_preflight preflight = {0};
    struct rg_preflight_row *row = rg_preflight_add(&preflight);
    int code = row ? rg_check_paths(options->paths, row, err) : rg_fail(err, -ENOMEM, "no memory");
    int status = code == 0 ? rg_preflight_exit_status(&preflight) : RG_EXIT_USAGE;
    gethostname(preflight.node, sizeof preflight.node - 1);
    if (code == 0)
        print(options, &preflight, 1);
    rg_preflight_close(&preflight);
    return status;
}

/* --- other nodes --- */

static int check_hosts(const struct options *options, char *const *hosts, struct rg_error *err)
{
    struct rg_inspection inspection = {options->machine, options->timeout_s, options->quick};
    size_t count = 0;
    int status = RG_EXIT_CANNOT_RUN;
    while (hosts[count] != NULL)
        count++;
    struct rg_preflight *nodes = calloc(count + 1, sizeof *nodes);
    int code = nodes ? rg_inspect_hosts(&inspection, hosts, count, nodes, err) : rg_fail(err, -ENOMEM, "no memory");
    if (code == 0) {
        print(options, nodes, count);
        status = RG_EXIT_PASS;
    }
    for (size_t i = 0; nodes != NULL && i < count; i++) {
        int one = rg_preflight_exit_status(&nodes[i]);
        if (code == 0 && status != RG_EXIT_FAIL && one != RG_EXIT_PASS)
            status = one;
        rg_preflight_close(&nodes[i]);
    }
    free(nodes);
    return status;
}

/* --- the command --- */

static int check(const struct options *options, const char *root, struct rg_error *err)
{
    struct rg_machine machine = {0};
    char **hosts = NULL;
    int slots, status = RG_EXIT_USAGE;
    if (options->hosts != NULL && options->hostfile != NULL) {
        rg_fail(err, 0, "--hosts and --hostfile exclude each other");
        return status;
    }
    if (options->paths != NULL)
        return check_paths(options, err);
    if (options->tell_time)
        rg_clocks_tell();
    if (options->machine != NULL && rg_cmd_load_machine(options->machine, &machine, err) != 0)
        return status;
    if (options->hosts == NULL && options->hostfile == NULL)
        status = check_node(options, options->machine ? &machine : NULL, root, err);
    else if ((options->hosts ? rg_hosts_split("hosts", options->hosts, &hosts, err)
                             : rg_hosts_read(options->hostfile, &hosts, &slots, err)) == 0)
        status = check_hosts(options, hosts, err);
    rg_argv_free(hosts);
    rg_machine_close(&machine);
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
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    char root[PATH_MAX] = "";
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    if (rg_cmd_no_words("check", &args, &err) != 0)
        return rg_cmd_refuse("check", RG_EXIT_USAGE, &err);
    if (options.root != NULL && realpath(options.root, root) == NULL) {
        rg_fail(&err, 0, "%s: %s", options.root, strerror(errno));
        return rg_cmd_refuse("check", RG_EXIT_USAGE, &err);
    }
    status = check(&options, root, &err);
    return err.text[0] ? rg_cmd_refuse("check", status, &err) : status;
}
