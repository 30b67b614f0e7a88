#include "cmd/campaign.h"

#include "cmd/argv.h"
#include "cmd/probe.h"

#include <stdlib.h>
#include <string.h>

struct campaign {
    struct rg_recorder recorder;
    const struct rg_campaign_plan *plan;
    struct rg_campaign_end *end;
    int64_t last_round; /* in which an attempt ended that cost nobody */
    int times;          /* in a row */
};

/* --- nodes that are gone --- */

/* What stands for a remote shell to a simulated node: it is there until it dies. */
static void probe_simulated(const struct rg_fabric *fabric, double at_s, const struct rg_crew *crew, bool *there)
{
    for (size_t i = 0; i < crew->present_count; i++) {
        there[i] = true;
        for (int f = 0; f < fabric->fault_count; f++)
            there[i] &= fabric->faults[f].kind != RG_FAULT_DIES || fabric->faults[f].part.node != crew->present[i] ||
                        at_s < fabric->faults[f].at_s;
    }
}

static void probe_real(const struct rg_run *run, const struct rg_crew *crew, bool *there)
{
    char **hosts = calloc(crew->present_count + 1, sizeof *hosts), **shell;
    for (size_t i = 0; i < crew->present_count; i++) {
        there[i] = true;
        if (hosts != NULL)
            hosts[i] = run->hosts[crew->present[i]];
    }
    shell = rg_probe_shell(run->options.mpirun_options);
    if (hosts != NULL && crew->present_count > 1 && !rg_probe_hosts(hosts, shell, there) && shell != NULL)
        fprintf(
            stderr, "railgauge run: no host answers %s, so that it is not known which of them is there\n", shell[0]);
    rg_argv_free(shell);
    free(hosts);
}

/* Nodes that do not answer any more are lost as a whole; ranks that do, start again. */
static void look_for_dead_nodes(struct campaign *campaign, struct rg_attempt *attempt, size_t lost_before)
{
    struct rg_recorder *recorder = &campaign->recorder;
    const struct rg_crew *crew = &recorder->crew;
    const struct rg_fabric *fabric = &recorder->run->options.fabric;
    bool *there = calloc(crew->present_count + 1, sizeof *there);
    int dead = 0;
    char where[64];
    snprintf(where, sizeof where, "the node does not answer, in round %lld", (long long)recorder->run->rounds_done + 1);
    if (there != NULL && fabric->nodes > 0)
        probe_simulated(fabric, attempt->at_s, crew, there);
    else if (there != NULL)
        probe_real(recorder->run, crew, there);
    for (size_t i = 0; there != NULL && i < crew->present_count; i++) {
        if (there[i])
            continue;
        if (dead++ == 0 && attempt->started)
            snprintf(attempt->reason, sizeof attempt->reason, "%s does not answer", crew->names[crew->present[i]]);
        rg_recorder_lose_node(recorder, crew->present[i], lost_before, where);
    }
    size_t used = strlen(attempt->reason);
    if (dead > 1 && attempt->started)
        snprintf(attempt->reason + used, sizeof attempt->reason - used, ", nor do %d others", dead - 1);
    free(there);
}

/* Rank 0 cannot tell that it is lost itself. Where its rail was lost before, it was only looking on: then it is the
 * node. */
static void lose_first(struct campaign *campaign, const struct rg_attempt *attempt)
{
    const struct rg_crew *crew = &campaign->recorder.crew;
    int node = crew->present[0];
    char where[96];
    snprintf(where, sizeof where, "rank 0 %s twice in round %lld",
        attempt->ending == RG_ENDING_SILENT ? "fell silent" : "ended without a word",
        (long long)campaign->recorder.run->rounds_done + 1);
    rg_recorder_lose(&campaign->recorder, node, crew->lost[(ptrdiff_t)node * crew->rails] ? -1 : 0, where);
}

/* --- attempts --- */

static struct rg_attempted look_back(struct campaign *campaign, const struct rg_attempt *attempt, size_t lost_before)
{
    const struct rg_run *run = campaign->recorder.run;
    struct rg_crew *crew = &campaign->recorder.crew;
    int newly_lost = (int)(run->lost_count - lost_before);
    rg_crew_muster(crew);
    campaign->times = newly_lost > 0 ? 0 : run->rounds_done == campaign->last_round ? campaign->times + 1 : 1;
    campaign->last_round = run->rounds_done;
    return (struct rg_attempted){
        .ending = attempt->ending,
        .started = attempt->started,
        .ever_started = campaign->end->started,
        .newly_lost = newly_lost,
        .times = campaign->times,
        .nodes = crew->nodes,
        .present = (int)crew->present_count,
        .lost_nodes = rg_crew_lost_nodes(crew),
        .max_lost = run->options.max_lost,
    };
}

/* One attempt, and what follows. */
static enum rg_sequel attempt_once(
    struct campaign *campaign, const struct rg_attempt_plan *plan, struct rg_attempt *attempt)
{
    struct rg_recorder *recorder = &campaign->recorder;
    size_t lost_before = recorder->run->lost_count;
    struct rg_error why = {{0}};
    rg_attempt_run(recorder, plan, attempt);
    campaign->end->started |= attempt->started;
    campaign->end->signal_number = attempt->signal_number;
    if (rg_recorder_rewind(recorder, &why) != 0) {
        attempt->ending = RG_ENDING_OWN;
        snprintf(attempt->reason, sizeof attempt->reason, "%s", why.text);
    }
    if (attempt->ending != RG_ENDING_DONE && attempt->ending != RG_ENDING_SIGNAL && attempt->ending != RG_ENDING_OWN)
        look_for_dead_nodes(campaign, attempt, lost_before);
    struct rg_attempted attempted = look_back(campaign, attempt, lost_before);
    enum rg_sequel sequel = rg_sequel_of(&attempted);
    if (sequel == RG_SEQUEL_WITHOUT_FIRST) {
        lose_first(campaign, attempt);
        attempted = look_back(campaign, attempt, lost_before);
        sequel = rg_sequel_of(&attempted);
    }
    return sequel;
}

static const char *plural(size_t count, const char *one, const char *several)
{
    return count == 1 ? one : several;
}

/* A run that went on without some is whole only for the others. */
static void say_why(const struct campaign *campaign, enum rg_sequel sequel, const struct rg_attempt *attempt)
{
    const struct rg_run *run = campaign->recorder.run;
    struct rg_campaign_end *end = campaign->end;
    int nodes = rg_crew_lost_nodes(&campaign->recorder.crew);
    if (sequel == RG_SEQUEL_TOO_MANY_LOST)
        snprintf(end->reason, sizeof end->reason, "gave up: %d node%s lost, and --max-lost is %lld", nodes,
            plural((size_t)nodes, " was", "s were"), (long long)run->options.max_lost);
    else if (sequel == RG_SEQUEL_FINISH && run->lost_count > 0)
        snprintf(end->reason, sizeof end->reason,
            "%zu rank%s of %d node%s %s lost, and what %s took part in was not measured: %s, rail %lld%s",
            run->lost_count, plural(run->lost_count, "", "s"), nodes, plural((size_t)nodes, "", "s"),
            plural(run->lost_count, "was", "were"), plural(run->lost_count, "it", "they"), run->lost[0].node,
            (long long)run->lost[0].rail, run->lost_count > 1 ? " and others" : "");
    else
        snprintf(end->reason, sizeof end->reason, "%s", attempt->reason);
}

static void measure(struct campaign *campaign, const struct rg_attempt_plan *plan)
{
    struct rg_attempt attempt;
    struct rg_error why = {{0}};
    enum rg_sequel sequel;
    while ((sequel = attempt_once(campaign, plan, &attempt)) == RG_SEQUEL_AGAIN) {
        if (!campaign->plan->quiet)
            fprintf(stderr, "railgauge run: %s; going on with %zu of %d nodes\n", attempt.reason,
                campaign->recorder.crew.present_count, campaign->recorder.crew.nodes);
        if (rg_recorder_write(&campaign->recorder, &why) != 0) {
            sequel = RG_SEQUEL_STOP;
            snprintf(attempt.reason, sizeof attempt.reason, "%s", why.text);
            break;
        }
    }
    campaign->end->more = sequel != RG_SEQUEL_FINISH;
    say_why(campaign, sequel, &attempt);
}

static double seconds_left(const struct rg_recorder *recorder)
{
    struct rg_plan plan = rg_recorder_plan(recorder);
    return rg_plan_begin_s(&plan, recorder->run->rounds_planned) - rg_plan_begin_s(&plan, recorder->run->rounds_done);
}

int rg_campaign_run(
    struct rg_run *run, const struct rg_campaign_plan *plan, struct rg_campaign_end *end, struct rg_error *err)
{
    struct campaign campaign = {.plan = plan, .end = end};
    struct rg_progress progress;
    int code = rg_recorder_open(
        run, plan->directory, plan->machine, plan->journal, plan->launch->ranks_per_node, &campaign.recorder, err);
    if (code != 0)
        return code;
    rg_progress_open(&progress, stderr, plan->quiet, seconds_left(&campaign.recorder));
    struct rg_attempt_plan attempts = {
        .launch = plan->launch,
        .fabric = run->options.fabric.nodes > 0 ? &run->options.fabric : NULL,
        .signals = plan->signals,
        .progress = &progress,
        .start_timeout_s = run->options.start_timeout_s,
        .verbose = plan->verbose,
    };
    measure(&campaign, &attempts);
    rg_recorder_close(&campaign.recorder);
    return 0;
}
