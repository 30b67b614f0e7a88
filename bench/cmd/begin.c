#include "base/file.h"
#include "cmd/argv.h"
#include "cmd/front.h"
#include "cmd/hosts.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A run may be taken up from elsewhere. */
static const char *absolute(const char *path, char room[PATH_MAX])
{
    return realpath(path, room) != NULL ? room : path;
}

static int choose_suite(struct rg_front *front, struct rg_error *err)
{
    const struct rg_front_options *o = &front->options;
    struct rg_suite *suite = &front->run.suite;
    bool single = rg_args_given(&front->args, "test");
    if (single && o->suite != NULL)
        return rg_fail(err, -EINVAL, "--suite and --test exclude each other: --test makes a suite of one test");
    int code = single ? rg_suite_single("rdma_write_bw", suite, err)
                      : rg_cmd_load_suite(o->suite ? o->suite : "quick", suite, err);
    return code == 0 ? rg_cmd_apply_settings(&front->args, suite, err) : code;
}

static int choose_machine(struct rg_front *front, struct rg_error *err)
{
    const char *name = front->options.machine;
    char path[PATH_MAX];
    if (name == NULL)
        return 0;
    int code = rg_cmd_load_machine(name, &front->machine, err);
    front->has_machine = code == 0;
    rg_suite_path(name, "", path, sizeof path);
    front->run.machine = strcmp(path, name) == 0 ? absolute(name, front->machine_path) : name;
    return code;
}

/* Active RDMA ports of this node, as sysfs tells; the front itself needs no verbs. */
static int64_t local_rails(void)
{
    int64_t count = 0;
    glob_t found;
    if (glob("/sys/class/infiniband/*/ports/*/state", 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *state;
        if (rg_file_read(found.gl_pathv[i], 4096, &state, NULL, NULL) != 0)
            continue;
        count += strstr(state, "ACTIVE") != NULL;
        free(state);
    }
    globfree(&found);
    return count;
}

/* How many rails a list of interfaces is of; without one there is one. */
static int count_interfaces(const char *list, int64_t *count, struct rg_error *err)
{
    char **names = NULL;
    int code = list ? rg_hosts_split("interface", list, &names, err) : 0;
    *count = list == NULL;
    for (char **name = names; name != NULL && *name != NULL; name++)
        ++*count;
    rg_argv_free(names);
    return code;
}

static int choose_transport(struct rg_front *front, struct rg_error *err)
{
    const char *transport = front->options.transport;
    char path[PATH_MAX];
    front->run.transport = transport;
    if (strcmp(transport, "verbs") == 0)
        return 0;
    if (strncmp(transport, "sim:", 4) != 0 || transport[4] == '\0')
        return rg_fail(err, -EINVAL, "--transport: '%s' is neither verbs nor sim:FILE", transport);
    snprintf(front->transport, sizeof front->transport, "sim:%s", absolute(transport + 4, path));
    front->run.transport = front->transport;
    const struct rg_settings *tcp = rg_suite_test_over_tcp(&front->run.suite);
    if (tcp != NULL)
        return rg_fail(err, -EINVAL, "%s is measured over real sockets: a simulated fabric has none", tcp->test);
    return rg_fabricdoc_load(transport + 4, &front->run.options.fabric, err);
}

/* The fabric's file says how many nodes and rails there are. */
static int choose_simulated_hosts(struct rg_front *front, struct rg_error *err)
{
    const struct rg_front_options *o = &front->options;
    int nodes = front->run.options.fabric.nodes;
    if (o->hosts != NULL || o->hostfile != NULL || o->ranks_per_node != RG_NONE)
        return rg_fail(err, -EINVAL, "--hosts, --hostfile and --ranks-per-node: a simulated fabric has its own nodes");
    front->run.hosts = calloc((size_t)nodes + 1, sizeof *front->run.hosts);
    for (int node = 0; front->run.hosts != NULL && node < nodes; node++) {
        char name[32];
        rg_fabricdoc_node_name(node, name);
        front->run.hosts[node] = strdup(name);
    }
    front->node_count = nodes;
    front->run.ranks_per_node = front->run.options.fabric.rails;
    return front->run.hosts ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static int choose_hosts(struct rg_front *front, struct rg_error *err)
{
    struct rg_front_options *o = &front->options;
    char local[] = "localhost";
    int slots = 0, code;
    if (o->hosts != NULL && o->hostfile != NULL)
        return rg_fail(err, -EINVAL, "--hosts and --hostfile exclude each other");
    if (front->run.options.fabric.nodes > 0)
        return choose_simulated_hosts(front, err);
    if (o->hostfile != NULL)
        code = rg_hosts_read(o->hostfile, &front->run.hosts, &slots, err);
    else
        code = rg_hosts_split("hosts", o->hosts ? o->hosts : local, &front->run.hosts, err);
    if (code != 0)
        return code;
    for (; front->run.hosts[front->node_count] != NULL; front->node_count++)
        for (int i = 0; i < front->node_count; i++)
            if (strcmp(front->run.hosts[i], front->run.hosts[front->node_count]) == 0)
                return rg_fail(err, -EINVAL, "host '%s' is named twice", front->run.hosts[i]);
    int64_t rails = o->ranks_per_node;
    if (rails == RG_NONE && slots > 0)
        rails = slots;
    if (rails == RG_NONE && front->has_machine && front->machine.rails != RG_NONE)
        rails = front->machine.rails;
    const struct rg_settings *tcp = rg_suite_test_over_tcp(&front->run.suite);
    if (rails == RG_NONE && tcp != NULL && rg_suite_test_over_rdma(&front->run.suite) == NULL)
        code = count_interfaces(tcp->interface, &rails, err);
    if (rails == RG_NONE)
        rails = local_rails();
    front->run.ranks_per_node = rails > 0 ? rails : 1;
    return code;
}

/* What a test asks for and so few nodes cannot give. One node has nobody to talk to but itself. */
static int check_test(const struct rg_front *front, const struct rg_settings *s, struct rg_error *err)
{
    struct rg_suite one = front->run.suite;
    struct rg_settings copy = *s;
    one.tests = &copy;
    one.test_count = 1;
    struct rg_plan plan = {&one, front->node_count, (int)front->run.ranks_per_node, 1};
    enum rg_test_kind kind = rg_test_kind_of(s->test);
    if (rg_plan_rounds(&plan) > 0)
        return 0;
    if (front->node_count < 2 && kind == RG_TEST_COLLECTIVE)
        return rg_fail(
            err, -EINVAL, "%s among pairs of nodes needs two: name them with --hosts or --hostfile", s->test);
    if (front->node_count < 2)
        return rg_fail(err, -EINVAL,
            "%s needs two nodes: name them with --hosts or --hostfile, or let each NIC talk to itself with "
            "--pattern loopback",
            s->test);
    if (strcmp(s->rails, "cross") == 0 && front->run.ranks_per_node < 2)
        return rg_fail(err, -EINVAL, "%s with rails cross needs two rails a node", s->test);
    return rg_fail(err, -EINVAL, "%s with pattern %s needs four nodes, two that are measured and two that load",
        s->test, s->pattern);
}

static int check_tests(const struct rg_front *front, struct rg_error *err)
{
    int code = 0;
    struct rg_error why = {{0}};
    size_t possible = 0;
    for (size_t i = 0; i < front->run.suite.test_count; i++) {
        int failed = check_test(front, &front->run.suite.tests[i], &why);
        possible += failed == 0;
        code = failed;
    }
    /* A suite's other tests make sense without those that so few nodes cannot do; the verdict tells of them. */
    if (possible > 0 && front->node_count > 1 && front->run.suite.test_count > 1)
        return 0;
    if (possible < front->run.suite.test_count)
        return rg_fail(err, -EINVAL, "%s", why.text);
    return code;
}

/* Loopback needs two ranks a NIC; a run that mixes both patterns has them idle in the others' rounds. */
static int ranks_each(const struct rg_front *front)
{
    int each = (int)front->run.ranks_per_node;
    for (size_t i = 0; i < front->run.suite.test_count; i++)
        if (strcmp(front->run.suite.tests[i].pattern, "loopback") == 0 &&
            strcmp(front->run.suite.tests[i].rails, "cross") != 0)
            return 2 * each;
    return each;
}

/* The interface for MPI's own traffic, by the first host that is not this machine. */
static void choose_interface(struct rg_front *front)
{
    const struct rg_front_options *o = &front->options;
    size_t room = sizeof front->interface;
    if (o->mpi_interface != NULL)
        snprintf(front->interface, room, "%s", o->mpi_interface);
    else if (front->run.options.fabric.nodes > 0)
        snprintf(front->interface, room, "lo");
    else
        for (int i = 0; i < front->node_count && (i == 0 || strcmp(front->interface, "lo") == 0); i++)
            rg_hosts_interface(front->run.hosts[i], front->interface, room);
    front->run.mpi_interface = front->interface[0] ? front->interface : NULL;
}

void rg_front_choose_launch(struct rg_front *front)
{
    const struct rg_run *run = &front->run;
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = '\0';
    snprintf(front->rank_program, sizeof front->rank_program, "%s-rank", self);
    if (front->options.rank_program != NULL)
        snprintf(front->rank_program, sizeof front->rank_program, "%s", front->options.rank_program);
    front->launch = (struct rg_launch_plan){run->options.mpirun, run->hosts, ranks_each(front), run->mpi_interface,
        run->options.mpirun_options, front->rank_program};
}

static int keep_options(struct rg_front *front, struct rg_error *err)
{
    const struct rg_front_options *o = &front->options;
    struct rg_run_options *kept = &front->run.options;
    kept->mpirun = strchr(o->mpirun, '/') != NULL ? absolute(o->mpirun, front->mpirun_path) : o->mpirun;
    kept->max_lost = o->max_lost;
    kept->start_timeout_s = o->start_timeout_s;
    kept->check = !o->no_check && kept->fabric.nodes == 0;
    kept->mpirun_options = calloc((size_t)front->args.rest_count + 1, sizeof *kept->mpirun_options);
    front->run.has_options = kept->mpirun_options != NULL;
    for (int i = 0; front->run.has_options && i < front->args.rest_count; i++)
        front->run.has_options = (kept->mpirun_options[i] = strdup(front->args.rest[i])) != NULL;
    return front->run.has_options ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static void name_run(struct rg_front *front)
{
    struct rg_run *run = &front->run;
    rg_run_new_id(front->run_id);
    rg_clock_timestamp(front->started_at);
    run->run_id = front->run_id;
    run->version = RG_VERSION;
    run->started_at = front->started_at;
    run->exit_status = run->hardware = RG_NONE;
    run->seed = front->options.seed;
    run->clock_error_us = NAN;
    struct rg_plan plan = {&run->suite, front->node_count, (int)run->ranks_per_node, (uint64_t)run->seed};
    run->rounds_planned = rg_plan_rounds(&plan);
    if (front->options.output != NULL)
        snprintf(front->directory, sizeof front->directory, "%s", front->options.output);
    else
        snprintf(front->directory, sizeof front->directory, "railgauge-%s", front->run_id);
}

int rg_front_begin(struct rg_front *front, struct rg_error *err)
{
    int code = choose_machine(front, err);
    if (code == 0)
        code = choose_suite(front, err);
    if (code == 0)
        code = choose_transport(front, err);
    if (code == 0)
        code = choose_hosts(front, err);
    if (code == 0)
        code = check_tests(front, err);
    if (code == 0)
        code = keep_options(front, err);
    if (code != 0)
        return code;
    choose_interface(front);
    rg_front_choose_launch(front);
    name_run(front);
    return 0;
}
