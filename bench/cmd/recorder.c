#include "cmd/recorder.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/progress.h"
#include "cmd/crew.h"
#include "data/event.h"
#include "data/measurement.h"
#include "judge/judge.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_S 15.0         /* for the ranks to go after their last word */
#define IDLE_ATTEMPTS_MOST 2 /* without a round done or a rank lost */

struct recorder {
    struct rg_run *run;
    const struct rg_recorder_plan *plan;
    struct rg_recorder_end *end;
    struct rg_journal *journal;
    struct rg_launch *launch;
    struct rg_progress progress;
    struct rg_crew crew;
    struct rg_fleet_judge *fleet; /* NULL until the ranks ask */
    uint64_t until_ns;            /* by then something must be heard */
    bool started, done;           /* this attempt */
    int newly_lost;
    bool over; /* nothing that another attempt could mend */
};

/* The first reason is the one that counts. */
static void give_up(struct recorder *recorder, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void give_up(struct recorder *recorder, const char *format, ...)
{
    va_list args;
    if (recorder->end->reason[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(recorder->end->reason, sizeof recorder->end->reason, format, args);
    va_end(args);
}

/* A reason that another attempt cannot mend. */
#define GIVE_UP_FOR_GOOD(recorder, ...) ((recorder)->over = true, give_up(recorder, __VA_ARGS__))

static struct rg_plan plan_of(const struct recorder *recorder)
{
    const struct rg_run *run = recorder->run;
    return (struct rg_plan){&run->suite, recorder->plan->node_count, (int)run->ranks_per_node, (uint64_t)run->seed};
}

/* --- who takes part --- */

/* A rank that introduces itself again, in a later attempt, is known already. */
static int remember_rank(struct recorder *recorder, const char *line)
{
    struct rg_error why = {{0}};
    struct rg_run *run = recorder->run;
    struct rg_rank_facts facts, *grown;
    if (rg_rank_facts_read(line, &facts, &why) != 0)
        return -EINVAL;
    for (size_t i = 0; i < run->rank_count; i++)
        if (strcmp(run->ranks[i].node.node, facts.node.node) == 0 && run->ranks[i].rail.rail == facts.rail.rail) {
            rg_rank_facts_close(&facts);
            return 0;
        }
    grown = realloc(run->ranks, (run->rank_count + 1) * sizeof *grown);
    if (grown == NULL) {
        rg_rank_facts_close(&facts);
        return -ENOMEM;
    }
    int each = recorder->plan->launch->ranks_per_node;
    size_t place = (size_t)(facts.rail.rank / each);
    if (place < recorder->crew.present_count) /* by the plan's numbers */
        facts.rail.rank = recorder->crew.present[place] * (int64_t)each + facts.rail.rank % each;
    run->ranks = grown;
    run->ranks[run->rank_count++] = facts;
    return 0;
}

/* The plan's node of a rank of this attempt, and its rail. */
static bool place_of(const struct recorder *recorder, int64_t rank, int *node, int *rail)
{
    int each = recorder->plan->launch->ranks_per_node;
    if (rank < 0 || (size_t)(rank / each) >= recorder->crew.present_count)
        return false;
    *node = recorder->crew.present[rank / each];
    *rail = (int)(rank % each) % recorder->crew.rails;
    return true;
}

/* By its own name if it has introduced itself. */
static const char *name_of(const struct recorder *recorder, int node)
{
    const struct rg_run *run = recorder->run;
    int64_t each = recorder->plan->launch->ranks_per_node;
    for (size_t i = 0; i < run->rank_count; i++)
        if (run->ranks[i].rail.rank / each == node)
            return run->ranks[i].node.node;
    return recorder->crew.hosts[node];
}

static void lose(struct recorder *recorder, int node, int rail, const char *where)
{
    struct rg_run *run = recorder->run;
    for (int r = 0; r < recorder->crew.rails; r++) {
        if ((rail >= 0 && r != rail) || recorder->crew.lost[node * recorder->crew.rails + r])
            continue;
        struct rg_lost_rank *grown = realloc(run->lost, (run->lost_count + 1) * sizeof *grown);
        if (grown == NULL)
            return;
        run->lost = grown;
        run->lost[run->lost_count++] = (struct rg_lost_rank){
            name_of(recorder, node), strdup(where), (int64_t)node * recorder->plan->launch->ranks_per_node + r, r};
    }
}

/* The crew changes between attempts only: the ranks' numbers hold for one. */
static void muster(struct recorder *recorder)
{
    const struct rg_run *run = recorder->run;
    int each = recorder->plan->launch->ranks_per_node;
    for (size_t i = 0; i < run->lost_count; i++) {
        int node = (int)(run->lost[i].rank / each), rail = (int)run->lost[i].rail;
        if (node >= recorder->crew.nodes || rail >= recorder->crew.rails)
            continue;
        recorder->newly_lost += rg_crew_lose(&recorder->crew, node, rail);
        if (recorder->fleet != NULL)
            rg_fleet_judge_lose(recorder->fleet, run->lost[i].node, rail);
    }
}

/* --- files --- */

/* Whether the suite asks for more than collectives on the processors. */
static bool asks_for_hardware(const struct rg_suite *suite)
{
    for (size_t i = 0; i < suite->test_count; i++)
        if (rg_test_kind_of(suite->tests[i].test) != RG_TEST_COLLECTIVE || strcmp(suite->tests[i].memory, "host") != 0)
            return true;
    return false;
}

/* A run is of hardware when everything in it is; collectives over MPI, the processors' stand-in, count where there is
 * nothing else, and what was not measured says nothing. */
static void judge_hardware(struct rg_run *run, const struct rg_measurement *measurement)
{
    bool stand_in = strcmp(measurement->transport, "mpi") == 0 && asks_for_hardware(&run->suite);
    if (stand_in || strcmp(measurement->status, "not_run") == 0)
        return;
    if (measurement->hardware && run->hardware == RG_NONE)
        run->hardware = 1;
    if (measurement->hardware || run->hardware == 0)
        return;
    run->hardware = 0;
    run->hardware_reason = strdup(measurement->hardware_reason);
}

static void write_measurement(struct recorder *recorder, const char *line)
{
    struct rg_measurement measurement;
    struct rg_error err = {{0}};
    if (rg_measurement_read(line, "a rank's measurement", &measurement, &err) != 0) {
        GIVE_UP_FOR_GOOD(recorder, "%s", err.text);
        return;
    }
    measurement.sequence = recorder->run->measurements;
    judge_hardware(recorder->run, &measurement);
    char *text = rg_measurement_line(&measurement);
    if (text == NULL || rg_journal_append(recorder->journal, text, &err) != 0)
        GIVE_UP_FOR_GOOD(recorder, "%s", text ? err.text : "no memory");
    else
        recorder->run->measurements++;
    if (recorder->fleet != NULL && rg_fleet_judge_add(recorder->fleet, &measurement, &err) != 0)
        give_up(recorder, "%s", err.text);
    free(text);
    rg_measurement_close(&measurement);
}

static void write_run(struct recorder *recorder)
{
    struct rg_error err = {{0}};
    if (rg_run_write(recorder->run, recorder->plan->directory, &err) != 0)
        GIVE_UP_FOR_GOOD(recorder, "%s", err.text);
}

/* What a round left is safe on disk before run.json counts it, and before the next one does. */
static void end_round(struct recorder *recorder, int64_t number, double clock_error_us)
{
    struct rg_error err = {{0}};
    struct rg_run *run = recorder->run;
    run->rounds_done = number + 1;
    if (clock_error_us >= 0)
        run->clock_error_us = isnan(run->clock_error_us) ? clock_error_us : fmax(run->clock_error_us, clock_error_us);
    if (rg_journal_sync(recorder->journal, &err) != 0)
        GIVE_UP_FOR_GOOD(recorder, "%s", err.text);
    else
        write_run(recorder);
}

/* --- suspects --- */

static int open_fleet(struct recorder *recorder, struct rg_error *err)
{
    struct rg_verdict unused = {0};
    double least_loss = rg_judge_least_loss_percent(recorder->run, recorder->plan->machine);
    int code = rg_fleet_judge_open_run(recorder->run, least_loss, &recorder->fleet, err);
    if (code == 0)
        code = rg_judge_measured(recorder->run, recorder->plan->directory, recorder->fleet, &unused, err);
    rg_verdict_close(&unused);
    return code;
}

/* The judge numbers the nodes that it has heard of; the plan all. */
static int planned_number(const struct recorder *recorder, int judged)
{
    for (int node = 0; node < recorder->crew.nodes; node++)
        if (strcmp(name_of(recorder, node), rg_fleet_judge_name(recorder->fleet, judged)) == 0)
            return node;
    return judged;
}

/* The ranks have done what was planned, and want to know what to measure again. */
static void answer(struct recorder *recorder)
{
    struct rg_error err = {{0}};
    struct rg_round round = {0};
    struct rg_link *links = NULL;
    int64_t test_index = 0;
    int code = recorder->fleet ? 0 : open_fleet(recorder, &err);
    if (code == 0)
        code = rg_fleet_judge_ask(recorder->fleet, &test_index, &round.size_bytes, &links, &round.link_count, &err);
    for (size_t i = 0; code == 0 && i < round.link_count; i++) {
        links[i].from_node = planned_number(recorder, links[i].from_node);
        links[i].to_node = planned_number(recorder, links[i].to_node);
    }
    round.test_index = (size_t)test_index;
    round.links = links;
    char *text = code == 0 ? rg_orders_round_text(&round) : NULL;
    if (code == 0)
        code = text ? rg_launch_say(recorder->launch, text, &err) : rg_fail(&err, -ENOMEM, "no memory");
    if (code != 0)
        GIVE_UP_FOR_GOOD(recorder, "%s", err.text);
    free(text);
    free(links);
}

/* --- events --- */

static void begin_round(struct recorder *recorder, const struct rg_event *event)
{
    struct rg_run *run = recorder->run;
    struct rg_plan plan = plan_of(recorder);
    recorder->until_ns = rg_clock_after_ns(event->value);
    double step_s = 1;
    if (event->round >= 0 && event->round < run->rounds_planned) {
        struct rg_round round = rg_plan_round(&plan, event->round);
        step_s = rg_plan_seconds(&run->suite, &round);
    }
    int64_t count = event->round < run->rounds_planned ? run->rounds_planned : event->round + 1;
    rg_progress_step(&recorder->progress, event->round, count, step_s, event->text ? event->text : "");
}

/* MPI's own traffic on a rail is in the way of what is measured. */
static void warn_of_shared_rail(const struct recorder *recorder)
{
    const struct rg_run *run = recorder->run;
    for (size_t i = 0; i < run->rank_count; i++) {
        const char *netdev = run->ranks[i].rail.netdev;
        if (netdev == NULL || run->mpi_interface == NULL || strcmp(netdev, run->mpi_interface) != 0)
            continue;
        fprintf(stderr,
            "railgauge run: warning: MPI's own traffic goes over %s, which is rail %lld of %s: name another interface "
            "with --mpi-interface\n",
            netdev, (long long)run->ranks[i].rail.rail, run->ranks[i].node.node);
        return;
    }
}

static void lose_rank(struct recorder *recorder, const struct rg_event *event)
{
    int node, rail;
    char where[200];
    const char *text = event->text ? event->text : "";
    snprintf(where, sizeof where, "did not come in time in round %lld (%.*s)", (long long)recorder->run->rounds_done,
        (int)strcspn(text, ":"), text);
    if (place_of(recorder, event->round, &node, &rail))
        lose(recorder, node, rail, where);
}

static void take_event(struct recorder *recorder, const struct rg_event *event)
{
    switch (event->kind) {
    case RG_EVENT_RANK:
        if (event->text == NULL || remember_rank(recorder, event->text) < 0)
            GIVE_UP_FOR_GOOD(recorder, "a rank's introduction could not be read");
        break;
    case RG_EVENT_READY:
        recorder->started = recorder->end->started = true;
        warn_of_shared_rail(recorder);
        write_run(recorder);
        break;
    case RG_EVENT_ROUND:
        begin_round(recorder, event);
        break;
    case RG_EVENT_ROUND_DONE:
        end_round(recorder, event->round, event->value);
        break;
    case RG_EVENT_LOST:
        lose_rank(recorder, event);
        break;
    case RG_EVENT_FAILED:
        give_up(recorder, "%s", event->text ? event->text : "the ranks failed");
        break;
    case RG_EVENT_ASK:
        answer(recorder);
        break;
    case RG_EVENT_DONE:
        recorder->done = true;
        break;
    case RG_EVENT_MEASUREMENT:
        write_measurement(recorder, event->text);
        break;
    }
}

/* Rank 0 cannot tell that it is lost itself. */
static void lose_rank_zero(struct recorder *recorder, const char *how)
{
    int node, rail;
    if (recorder->run->lost_count == 0 || recorder->newly_lost == 0)
        if (recorder->started && place_of(recorder, 0, &node, &rail))
            lose(recorder, node, rail, how);
}

static void explain_end(struct recorder *recorder)
{
    char words[1000];
    const char *how = rg_launch_end(recorder->launch);
    rg_launch_gist(recorder->launch, words, sizeof words);
    if (strncmp(how, "was ended by signal", 19) != 0 && recorder->end->reason[0] == '\0')
        lose_rank_zero(recorder, "rank 0 ended without a word");
    give_up(recorder, "%s %s%s%s", recorder->plan->launch->mpirun, how, words[0] ? "; it said: " : "", words);
}

static void explain_silence(struct recorder *recorder)
{
    char words[1000], how[64];
    rg_launch_gist(recorder->launch, words, sizeof words);
    if (!recorder->started) {
        give_up(recorder, "the ranks did not come up within %g s%s%s", recorder->plan->start_timeout_s,
            words[0] ? "; mpirun said: " : "", words);
        return;
    }
    snprintf(how, sizeof how, "fell silent in round %lld", (long long)recorder->run->rounds_done);
    lose_rank_zero(recorder, how);
    give_up(recorder, "rank 0 (%s) %s", name_of(recorder, recorder->crew.present[0]), how);
}

static void listen_to_ranks(struct recorder *recorder)
{
    const char *line;
    bool leaving = false;
    for (;;) {
        if (!leaving && (recorder->done || recorder->end->reason[0] != '\0')) {
            leaving = true;
            recorder->until_ns = rg_clock_after_ns(recorder->plan->fabric != NULL ? LEAVE_S / 10 : LEAVE_S);
        }
        enum rg_launch_news news =
            rg_launch_wait(recorder->launch, recorder->until_ns, &line, &recorder->end->signal_number);
        struct rg_event event;
        if (news == RG_LAUNCH_SIGNAL)
            GIVE_UP_FOR_GOOD(recorder, "stopped by signal %d (%s)", recorder->end->signal_number,
                strsignal(recorder->end->signal_number));
        else if (news == RG_LAUNCH_SILENT && !leaving)
            explain_silence(recorder);
        else if (news == RG_LAUNCH_ENDED && !recorder->done)
            explain_end(recorder);
        if (news != RG_LAUNCH_LINE)
            return;
        if (rg_event_read(line, &event) != 0)
            continue; /* a stranger's words, such as a warning of the MPI library */
        take_event(recorder, &event);
        free(event.text);
    }
}

/* --- attempts --- */

/* The hosts that are present, as mpirun is to have them: of a simulated fabric this one, for all ranks. */
static int set_command(struct recorder *recorder, struct rg_error *err)
{
    const struct rg_crew *crew = &recorder->crew;
    struct rg_launch_plan launch = *recorder->plan->launch;
    char local[] = "localhost";
    char **hosts = calloc(crew->present_count + 2, sizeof *hosts);
    if (hosts == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; i < crew->present_count; i++)
        hosts[i] = crew->hosts[crew->present[i]];
    launch.hosts = hosts;
    if (recorder->plan->fabric != NULL) {
        launch.ranks_per_node *= (int)crew->present_count;
        hosts[0] = local;
        hosts[1] = NULL;
    }
    rg_launch_free_texts(recorder->run->mpirun);
    recorder->run->mpirun = rg_launch_argv(&launch);
    free(hosts);
    return recorder->run->mpirun ? 0 : rg_fail(err, -ENOMEM, "no memory");
}

static void show_command(const struct recorder *recorder)
{
    if (!recorder->plan->verbose)
        return;
    fputs("railgauge run:", stderr);
    for (char **word = recorder->run->mpirun; *word != NULL; word++)
        fprintf(stderr, " %s", *word);
    fputc('\n', stderr);
}

static int launch(struct recorder *recorder, struct rg_error *err)
{
    const struct rg_run *run = recorder->run;
    const struct rg_crew *crew = &recorder->crew;
    struct rg_orders orders = {
        .run_id = run->run_id,
        .seed = run->seed,
        .nodes = recorder->plan->node_count,
        .rails = run->ranks_per_node,
        .first_round = run->rounds_done,
        .suite = run->suite,
        .present = crew->present,
        .present_count = crew->present_count,
        .absent = crew->absent,
        .absent_count = crew->absent_count,
    };
    if (recorder->plan->fabric != NULL)
        orders.fabric = *recorder->plan->fabric;
    int code = set_command(recorder, err);
    if (code != 0)
        return code;
    show_command(recorder);
    char *text = rg_orders_text(&orders);
    code = text ? rg_launch_open(run->mpirun, text, recorder->plan->verbose, &recorder->launch, err)
                : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

/* Nodes that do not answer any more are lost as a whole; ranks that do, start again. */
static void look_for_dead_nodes(struct recorder *recorder)
{
    const struct rg_crew *crew = &recorder->crew;
    bool *alive = calloc(crew->present_count + 1, sizeof *alive);
    char **hosts = calloc(crew->present_count + 1, sizeof *hosts);
    for (size_t i = 0; hosts != NULL && i < crew->present_count; i++)
        hosts[i] = crew->hosts[crew->present[i]];
    if (alive != NULL && hosts != NULL && recorder->plan->fabric == NULL && crew->present_count > 1) {
        rg_launch_probe(hosts, alive);
        for (size_t i = 0; i < crew->present_count; i++)
            if (!alive[i])
                lose(recorder, crew->present[i], -1, "the node does not answer");
    }
    free(alive);
    free(hosts);
}

static void attempt(struct recorder *recorder)
{
    struct rg_error why = {{0}};
    recorder->started = recorder->done = false;
    recorder->newly_lost = 0;
    recorder->until_ns = rg_clock_after_ns(recorder->plan->start_timeout_s);
    if (launch(recorder, &why) == 0)
        listen_to_ranks(recorder);
    else
        GIVE_UP_FOR_GOOD(recorder, "%s", why.text);
    rg_progress_clear(&recorder->progress);
    rg_launch_close(recorder->launch);
    recorder->launch = NULL;
    if (!recorder->done && !recorder->over)
        look_for_dead_nodes(recorder);
    muster(recorder);
}

/* Whether the rest can be measured without those who were lost. */
static bool can_go_on(struct recorder *recorder, int64_t rounds_before, int *idle)
{
    const struct rg_recorder_plan *plan = recorder->plan;
    bool enough = recorder->crew.present_count >= (plan->node_count > 1 ? 2u : 1u);
    bool allowed = plan->lost_most == RG_NONE || rg_crew_lost_nodes(&recorder->crew) <= plan->lost_most;
    bool moved = recorder->newly_lost > 0 || recorder->run->rounds_done > rounds_before;
    *idle = moved ? 0 : *idle + 1;
    if (recorder->done || recorder->over || !enough || !allowed)
        return false;
    return recorder->end->started ? *idle < IDLE_ATTEMPTS_MOST : recorder->newly_lost > 0;
}

static void measure(struct recorder *recorder)
{
    int idle = 0;
    muster(recorder);
    for (;;) {
        int64_t before = recorder->run->rounds_done;
        attempt(recorder);
        if (!can_go_on(recorder, before, &idle))
            return;
        if (!recorder->plan->quiet)
            fprintf(stderr, "railgauge run: %s; going on with %zu of %d nodes\n", recorder->end->reason,
                recorder->crew.present_count, recorder->crew.nodes);
        recorder->end->reason[0] = '\0';
        write_run(recorder);
    }
}

/* A run that went on without some is whole only for the others. */
static void say_who_was_lost(struct recorder *recorder)
{
    const struct rg_run *run = recorder->run;
    if (recorder->end->reason[0] == '\0' && run->lost_count > 0)
        give_up(recorder, "%zu rank%s of %d node%s lost, and what they took part in was not measured: %s, rail %lld%s",
            run->lost_count, run->lost_count == 1 ? "" : "s", rg_crew_lost_nodes(&recorder->crew),
            rg_crew_lost_nodes(&recorder->crew) == 1 ? " was" : "s were", run->lost[0].node,
            (long long)run->lost[0].rail, run->lost_count > 1 ? " and others" : "");
}

/* New files, or the old ones cut back to what is safe. */
static int open_files(struct recorder *recorder, struct rg_error *err)
{
    const struct rg_recorder_plan *plan = recorder->plan;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/measurements.ndjson", plan->directory);
    if (plan->resumed)
        return rg_journal_resume(path, recorder->run->measurements, &recorder->journal, err);
    int code = rg_run_write(recorder->run, plan->directory, err);
    if (code == 0)
        code = rg_journal_open(path, &recorder->journal, err);
    if (code == 0)
        return 0;
    snprintf(path, sizeof path, "%s/run.json", plan->directory);
    unlink(path); /* as it was before */
    rmdir(plan->directory);
    return code;
}

int rg_recorder_run(
    struct rg_run *run, const struct rg_recorder_plan *plan, struct rg_recorder_end *end, struct rg_error *err)
{
    struct recorder recorder = {.run = run, .plan = plan, .end = end};
    double total_s = 0;
    int code = rg_crew_open(run->hosts, plan->node_count, (int)run->ranks_per_node, &recorder.crew, err);
    if (code == 0)
        code = open_files(&recorder, err);
    if (code != 0) {
        rg_crew_close(&recorder.crew);
        return code;
    }
    struct rg_plan rounds = plan_of(&recorder);
    for (int64_t n = run->rounds_done; n < run->rounds_planned; n++) {
        struct rg_round round = rg_plan_round(&rounds, n);
        total_s += rg_plan_seconds(&run->suite, &round);
    }
    rg_progress_open(&recorder.progress, stderr, plan->quiet, total_s);
    measure(&recorder);
    struct rg_error why = {{0}};
    if (rg_journal_sync(recorder.journal, &why) != 0)
        give_up(&recorder, "%s", why.text);
    say_who_was_lost(&recorder);
    rg_journal_close(recorder.journal);
    rg_fleet_judge_close(recorder.fleet);
    rg_crew_close(&recorder.crew);
    return 0;
}

void rg_recorder_forget(struct rg_run *run)
{
    for (size_t i = 0; i < run->rank_count; i++)
        rg_rank_facts_close(&run->ranks[i]);
    for (size_t i = 0; i < run->lost_count; i++)
        free((char *)(uintptr_t)run->lost[i].where);
    free(run->ranks);
    free(run->lost);
    free((char *)(uintptr_t)run->hardware_reason);
    run->ranks = NULL;
    run->lost = NULL;
    run->hardware_reason = NULL;
}
