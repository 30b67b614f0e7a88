#include "cmd/attempt.h"

#include "base/clock.h"
#include "cmd/argv.h"
#include "data/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAVE_S 15.0 /* for the ranks to go after their last word */
#define LEAVE_SIMULATED_S 1.5

struct attempt {
    struct rg_recorder *recorder;
    const struct rg_attempt_plan *plan;
    struct rg_attempt *out;
    struct rg_launch *launch;
    double patience_s; /* from rank 0's last word to its next one */
    double next_at_s;  /* by the plan's time: when the next round will begin */
    double asked_s;    /* how long the round takes that the ranks were told to measure again */
};

/* --- starting it --- */

/* The hosts that are present, as mpirun is to have them: of a simulated fabric this one, for all ranks. */
static int set_command(const struct attempt *attempt, struct rg_error *err)
{
    const struct rg_crew *crew = &attempt->recorder->crew;
    struct rg_run *run = attempt->recorder->run;
    struct rg_launch_plan launch = *attempt->plan->launch;
    char local[] = "localhost";
    char **hosts = calloc(crew->present_count + 2, sizeof *hosts);
    if (hosts == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; i < crew->present_count; i++)
        hosts[i] = run->hosts[crew->present[i]];
    launch.hosts = hosts;
    if (attempt->plan->fabric != NULL) {
        launch.ranks_per_node *= (int)crew->present_count;
        hosts[0] = local;
        hosts[1] = NULL;
    }
    rg_argv_free(run->mpirun);
    run->mpirun = rg_launch_argv(&launch);
    free(hosts);
    return run->mpirun ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static void show_command(char *const *words)
{
    fputs("railgauge run:", stderr);
    for (; *words != NULL; words++)
        fprintf(stderr, " %s", *words);
    fputc('\n', stderr);
}

static int start(struct attempt *attempt, struct rg_error *err)
{
    const struct rg_run *run = attempt->recorder->run;
    const struct rg_crew *crew = &attempt->recorder->crew;
    struct rg_orders orders = {
        .run_id = run->run_id,
        .seed = run->seed,
        .nodes = crew->nodes,
        .rails = run->ranks_per_node,
        .first_round = run->rounds_done,
        .suite = run->suite,
        .present = crew->present,
        .present_count = crew->present_count,
        .absent = crew->absent,
        .absent_count = crew->absent_count,
        /* of a run that has lost a part it is known what the nodes lack */
        .check = run->options.check == 1 && run->lost_count == 0,
    };
    const struct rg_machine *machine = attempt->recorder->machine;
    if (attempt->plan->fabric != NULL)
        orders.fabric = *attempt->plan->fabric;
    orders.has_machine = machine != NULL;
    if (machine != NULL)
        orders.machine = *machine;
    int code = set_command(attempt, err);
    if (code != 0)
        return code;
    if (attempt->plan->verbose)
        show_command(run->mpirun);
    char *text = rg_orders_text(&orders);
    code =
        text ? rg_launch_open(run->mpirun, text, attempt->plan->signals, attempt->plan->verbose, &attempt->launch, err)
             : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

/* --- what rank 0 says --- */

/* MPI's own traffic on a rail is in the way of what is measured. */
static void warn_of_shared_rail(const struct rg_run *run)
{
    for (size_t i = 0; i < run->rank_count; i++) {
        const char *netdev = run->ranks[i].rail.netdev;
        bool rdma = run->ranks[i].rail.device != NULL; /* where TCP itself is measured, there may be no other */
        if (!rdma || netdev == NULL || run->mpi_interface == NULL || strcmp(netdev, run->mpi_interface) != 0)
            continue;
        fprintf(stderr,
            "railgauge run: warning: MPI's own traffic goes over %s, which is rail %lld of %s: name another interface "
            "with --mpi-interface\n",
            netdev, (long long)run->ranks[i].rail.rail, run->ranks[i].node.node);
        return;
    }
}

static int begin(struct attempt *attempt, struct rg_error *err)
{
    attempt->out->started = true;
    warn_of_shared_rail(attempt->recorder->run);
    return rg_recorder_write(attempt->recorder, err);
}

static void begin_round(struct attempt *attempt, const struct rg_event *event)
{
    const struct rg_run *run = attempt->recorder->run;
    struct rg_plan plan = rg_recorder_plan(attempt->recorder);
    bool planned = event->round >= 0 && event->round < run->rounds_planned;
    double step_s = attempt->asked_s;
    if (planned) {
        struct rg_round round = rg_plan_round(&plan, event->round);
        step_s = rg_plan_seconds(&run->suite, &round);
    }
    attempt->out->at_s = attempt->next_at_s;
    attempt->next_at_s += step_s;
    attempt->patience_s = event->value;
    rg_progress_step(attempt->plan->progress, event->round, planned ? run->rounds_planned : event->round + 1, step_s,
        event->text ? event->text : "");
}

static void lose_rank(const struct attempt *attempt, const struct rg_event *event)
{
    struct rg_recorder *recorder = attempt->recorder;
    int64_t planned = rg_crew_planned(&recorder->crew, event->round);
    const char *text = event->text ? event->text : "";
    char where[200];
    snprintf(where, sizeof where, "did not come in time in round %lld (%.*s)",
        (long long)recorder->run->rounds_done + 1, (int)strcspn(text, ":"), text);
    if (planned >= 0)
        rg_recorder_lose(recorder, (int)(planned / recorder->crew.each),
            (int)(planned % recorder->crew.each) % recorder->crew.rails, where);
}

/* The ranks have done what was planned, and want to know what to measure again. */
static int answer(struct attempt *attempt, struct rg_error *err)
{
    struct rg_round round;
    struct rg_link *links;
    int code = rg_recorder_ask(attempt->recorder, &round, &links, err);
    char *text = code == 0 ? rg_orders_round_text(&round) : NULL;
    if (code == 0)
        code = text ? rg_launch_say(attempt->launch, text, err) : rg_fail(err, -ENOMEM, "no memory");
    if (code == 0 && round.link_count > 0)
        attempt->asked_s = rg_plan_seconds(&attempt->recorder->run->suite, &round);
    free(text);
    free(links);
    return code;
}

static int take_event(struct attempt *attempt, const struct rg_event *event, struct rg_error *err)
{
    switch (event->kind) {
    case RG_EVENT_RANK:
        return rg_recorder_meet(attempt->recorder, event->text ? event->text : "", err);
    case RG_EVENT_READY:
        return begin(attempt, err);
    case RG_EVENT_ROUND:
        begin_round(attempt, event);
        return 0;
    case RG_EVENT_MEASUREMENT:
        return rg_recorder_add(attempt->recorder, event->text, err);
    case RG_EVENT_ROUND_DONE:
        return rg_recorder_end_round(attempt->recorder, event->round, event->value, err);
    case RG_EVENT_LOST:
        lose_rank(attempt, event);
        return 0;
    case RG_EVENT_ASK:
        return answer(attempt, err);
    case RG_EVENT_FAILED: /* the two last words */
    case RG_EVENT_DONE:
        return 0;
    }
    return 0;
}

/* --- how it ends --- */

/* Hears rank 0 until it is known how this ends. What the front itself does meanwhile is not taken off rank 0's time. */
static enum rg_ending listen_to_ranks(struct attempt *attempt, struct rg_error *why)
{
    const char *line;
    uint64_t until_ns = rg_clock_after_ns(attempt->patience_s);
    for (;;) {
        struct rg_event event;
        switch (rg_launch_wait(attempt->launch, until_ns, &line, &attempt->out->signal_number)) {
        case RG_LAUNCH_SIGNAL:
            return RG_ENDING_SIGNAL;
        case RG_LAUNCH_SILENT:
            return RG_ENDING_SILENT;
        case RG_LAUNCH_ENDED:
            return RG_ENDING_LAUNCHER;
        case RG_LAUNCH_LINE:
            break;
        }
        if (rg_event_read(line, &event) != 0)
            continue; /* a stranger's words, such as a warning of the MPI library */
        int code = take_event(attempt, &event, why);
        enum rg_event_kind kind = event.kind;
        if (kind == RG_EVENT_FAILED)
            rg_fail(why, 0, "%s", event.text ? event.text : "the ranks failed");
        free(event.text);
        if (code != 0)
            return RG_ENDING_OWN;
        if (kind == RG_EVENT_DONE)
            return RG_ENDING_DONE;
        if (kind == RG_EVENT_FAILED)
            return RG_ENDING_TOLD;
        until_ns = rg_clock_after_ns(attempt->patience_s);
    }
}

/* After their last word the ranks go by themselves; whoever does not is ended. False: a signal came meanwhile. */
static bool let_go(struct attempt *attempt)
{
    const char *line;
    uint64_t until_ns = rg_clock_after_ns(attempt->plan->fabric != NULL ? LEAVE_SIMULATED_S : LEAVE_S);
    enum rg_launch_news news;
    do
        news = rg_launch_wait(attempt->launch, until_ns, &line, &attempt->out->signal_number);
    while (news == RG_LAUNCH_LINE);
    return news != RG_LAUNCH_SIGNAL;
}

static void explain(const struct attempt *attempt, const struct rg_error *why)
{
    struct rg_attempt *out = attempt->out;
    const struct rg_crew *crew = &attempt->recorder->crew;
    char words[1000];
    rg_launch_gist(attempt->launch, words, sizeof words);
    const char *said = words[0] ? "; it said: " : "";
    switch (out->ending) {
    case RG_ENDING_DONE:
        return;
    case RG_ENDING_TOLD:
    case RG_ENDING_OWN:
        snprintf(out->reason, sizeof out->reason, "%s", why->text);
        return;
    case RG_ENDING_LAUNCHER:
        snprintf(out->reason, sizeof out->reason, "%s %s%s%s", attempt->plan->launch->mpirun,
            rg_launch_end(attempt->launch), said, words);
        return;
    case RG_ENDING_SILENT:
        if (out->started)
            snprintf(out->reason, sizeof out->reason, "rank 0 (%s) fell silent in round %lld",
                crew->names[crew->present[0]], (long long)attempt->recorder->run->rounds_done + 1);
        else
            snprintf(out->reason, sizeof out->reason, "the ranks did not come up within %g s%s%s",
                attempt->plan->start_timeout_s, words[0] ? "; mpirun said: " : "", words);
        return;
    case RG_ENDING_SIGNAL:
        snprintf(out->reason, sizeof out->reason, "stopped by signal %d (%s)", out->signal_number,
            strsignal(out->signal_number));
        return;
    }
}

void rg_attempt_run(struct rg_recorder *recorder, const struct rg_attempt_plan *plan, struct rg_attempt *out)
{
    struct attempt attempt = {.recorder = recorder, .plan = plan, .out = out, .patience_s = plan->start_timeout_s};
    struct rg_error why = {{0}};
    struct rg_plan rounds = rg_recorder_plan(recorder);
    *out = (struct rg_attempt){.at_s = rg_plan_begin_s(&rounds, recorder->run->rounds_done)};
    attempt.next_at_s = out->at_s;
    out->ending = start(&attempt, &why) == 0 ? listen_to_ranks(&attempt, &why) : RG_ENDING_OWN;
    bool last_word = out->ending == RG_ENDING_DONE || out->ending == RG_ENDING_TOLD;
    if (last_word && !let_go(&attempt) && out->ending == RG_ENDING_TOLD)
        out->ending = RG_ENDING_SIGNAL;
    if (out->ending == RG_ENDING_DONE)
        out->signal_number = 0; /* too late to stop anything */
    rg_progress_clear(plan->progress);
    if (attempt.launch != NULL)
        explain(&attempt, &why);
    else
        snprintf(out->reason, sizeof out->reason, "%s", why.text);
    rg_launch_close(attempt.launch);
}
