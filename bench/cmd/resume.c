#include "cmd/front.h"
#include "data/fabric.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The recorder frees these, which it makes itself in a new run. */
static void own_texts(struct rg_run *run)
{
    for (size_t i = 0; i < run->lost_count; i++)
        run->lost[i].where = strdup(run->lost[i].where);
    if (run->hardware_reason != NULL)
        run->hardware_reason = strdup(run->hardware_reason);
}

/* What may be given anew: it changes nothing of what is measured. */
static int check_options(const struct rg_front *front, struct rg_error *err)
{
    static const char *const allowed[] = {
        "resume", "quiet", "verbose", "max-lost", "mpirun", "start-timeout", "no-check", "rank-program", "dry-run"};
    for (size_t i = 0; i < front->args.given_count; i++) {
        bool ok = false;
        for (size_t a = 0; a < sizeof allowed / sizeof *allowed; a++)
            ok |= strcmp(front->args.given[i].row->name, allowed[a]) == 0;
        if (!ok)
            return rg_fail(err, -EINVAL, "--resume goes on with what the run was started with: --%s cannot be changed",
                front->args.given[i].row->name);
    }
    if (front->args.rest_count > 0)
        return rg_fail(
            err, -EINVAL, "--resume goes on with what the run was started with: the words after -- cannot be changed");
    return 0;
}

static void take_options(struct rg_front *front)
{
    const struct rg_front_options *o = &front->options;
    struct rg_run_options *kept = &front->run.options;
    bool none = !front->run.has_options; /* an earlier version did not note them */
    if (none || rg_args_given(&front->args, "mpirun"))
        kept->mpirun = o->mpirun;
    if (none || rg_args_given(&front->args, "max-lost"))
        kept->max_lost = o->max_lost;
    if (none || rg_args_given(&front->args, "start-timeout"))
        kept->start_timeout_s = o->start_timeout_s;
    if (o->no_check)
        kept->check = 0;
    front->run.has_options = true;
}

/* The fabric that the run keeps is the one; a file that says something else now is a mistake of somebody's. */
static int check_fabric(const struct rg_front *front, const char *path, struct rg_error *err)
{
    struct rg_fabric now = {0};
    if (access(path, F_OK) != 0)
        return 0;
    int code = rg_fabricdoc_load(path, &now, err);
    if (code != 0)
        return code;
    char *before_text = rg_fabricdoc_text(&front->run.options.fabric), *now_text = rg_fabricdoc_text(&now);
    if (before_text == NULL || now_text == NULL)
        code = rg_fail(err, -ENOMEM, "no memory");
    else if (strcmp(before_text, now_text) != 0)
        code = rg_fail(err, -EINVAL,
            "%s: is not the fabric any more that %s began with; what is measured on two is no run: put it back (the run "
            "keeps it in run.json, launch.options.fabric), or begin a new run",
            path, front->directory);
    free(before_text);
    free(now_text);
    rg_fabric_close(&now);
    return code;
}

static int take_fabric(struct rg_front *front, struct rg_error *err)
{
    const char *transport = front->run.transport;
    if (strcmp(transport, "verbs") == 0)
        return 0;
    if (strncmp(transport, "sim:", 4) != 0)
        return rg_fail(err, -EINVAL,
            "%s: was simulated in one process, which takes seconds: simulate it anew with railgauge simulate",
            front->directory);
    if (front->run.options.fabric.nodes > 0)
        return check_fabric(front, transport + 4, err);
    return rg_fabricdoc_load(transport + 4, &front->run.options.fabric, err);
}

static int load(struct rg_front *front, struct rg_error *err)
{
    struct rg_run *run = &front->run;
    int code = rg_run_load(front->directory, run, err);
    if (code == 0 && strcmp(run->status, "complete") == 0)
        code = rg_fail(err, -EINVAL, "%s: the run is complete; there is nothing left to measure", front->directory);
    return code;
}

/* It is read again once nobody else can change it. */
static int lock(struct rg_front *front, struct rg_error *err)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/measurements.ndjson", front->directory);
    int code = rg_journal_resume(path, &front->journal, err);
    if (code != 0)
        return code;
    rg_run_close(&front->run);
    return load(front, err);
}

int rg_front_resume(struct rg_front *front, struct rg_error *err)
{
    struct rg_run *run = &front->run;
    int code = check_options(front, err);
    snprintf(front->directory, sizeof front->directory, "%s", front->options.resume);
    if (code == 0)
        code = load(front, err);
    if (code == 0 && !front->options.dry_run)
        code = lock(front, err);
    own_texts(run);
    if (code == 0)
        code = take_fabric(front, err);
    if (code == 0 && run->machine != NULL) {
        code = rg_cmd_load_machine(run->machine, &front->machine, err);
        front->has_machine = code == 0;
    }
    while (code == 0 && run->hosts[front->node_count] != NULL)
        front->node_count++;
    take_options(front);
    if (code == 0)
        rg_front_choose_launch(front);
    return code;
}

void rg_front_print_left(const struct rg_front *front, FILE *out)
{
    const struct rg_run *run = &front->run;
    struct rg_plan plan = {&run->suite, front->node_count, (int)run->ranks_per_node, (uint64_t)run->seed};
    char label[96], last[96] = "";
    int64_t count = 0;
    double seconds = 0, all = 0;
    fprintf(out, "%s: %lld of %lld rounds are done, and nothing is measured now; what is left:\n\n", front->directory,
        (long long)run->rounds_done, (long long)run->rounds_planned);
    for (int64_t n = run->rounds_done; n <= run->rounds_planned; n++) {
        struct rg_round round = {0};
        bool end = n == run->rounds_planned;
        if (!end) {
            round = rg_plan_round(&plan, n);
            rg_plan_label(&run->suite, &round, label, sizeof label);
        }
        if (count > 0 && (end || strcmp(label, last) != 0)) {
            fprintf(out, "  %-50s %7lld round%s %8.0f s\n", last, (long long)count, count == 1 ? " " : "s", seconds);
            count = 0;
            seconds = 0;
        }
        if (end)
            break;
        count++;
        seconds += rg_plan_seconds(&run->suite, &round);
        all += rg_plan_seconds(&run->suite, &round);
        snprintf(last, sizeof last, "%s", label);
    }
    fprintf(out, "\n%.0f s in all, set-up left out; suspects that are measured again come on top.\n", all);
    if (run->lost_count > 0)
        fprintf(out, "%zu rank%s lost and will not take part.\n", run->lost_count,
            run->lost_count == 1 ? " was" : "s were");
}
