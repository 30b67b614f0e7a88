#include "cmd/recorder.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/progress.h"
#include "data/event.h"
#include "data/measurement.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_S 15.0 /* for the ranks to go after their last word */
#define GIST_LINES 5

struct recorder {
    struct rg_run *run;
    const struct rg_recorder_plan *plan;
    struct rg_recorder_end *end;
    struct rg_journal *journal;
    struct rg_launch *launch;
    struct rg_progress progress;
    uint64_t until_ns; /* by then something must be heard */
    bool done;
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

static int remember_rank(struct recorder *recorder, const char *line)
{
    struct rg_error why = {{0}};
    struct rg_run *run = recorder->run;
    struct rg_rank_facts *grown = realloc(run->ranks, (run->rank_count + 1) * sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    run->ranks = grown;
    return rg_rank_facts_read(line, &run->ranks[run->rank_count], &why) == 0 ? (int)run->rank_count++ : -EINVAL;
}

static void remember_lost(struct recorder *recorder, int64_t rank, const char *where)
{
    struct rg_run *run = recorder->run;
    if (rank < 0 || (size_t)rank >= run->rank_count)
        return;
    struct rg_lost_rank *grown = realloc(run->lost, (run->lost_count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    run->lost = grown;
    run->lost[run->lost_count++] = (struct rg_lost_rank){
        run->ranks[rank].node.node, strdup(where ? where : "the run"), rank, run->ranks[rank].rail.rail};
}

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
        give_up(recorder, "%s", err.text);
        return;
    }
    measurement.sequence = recorder->run->measurements;
    judge_hardware(recorder->run, &measurement);
    char *text = rg_measurement_line(&measurement);
    if (text == NULL || rg_journal_append(recorder->journal, text, &err) != 0)
        give_up(recorder, "%s", text ? err.text : "no memory");
    else
        recorder->run->measurements++;
    free(text);
    rg_measurement_close(&measurement);
}

/* What a round left is safe on disk before the next one begins to count. */
static void end_round(struct recorder *recorder, double clock_error_us)
{
    struct rg_error err = {{0}};
    struct rg_run *run = recorder->run;
    run->rounds_done++;
    if (clock_error_us >= 0)
        run->clock_error_us = isnan(run->clock_error_us) ? clock_error_us : fmax(run->clock_error_us, clock_error_us);
    if (rg_journal_sync(recorder->journal, &err) != 0)
        give_up(recorder, "%s", err.text);
}

static void begin_run(struct recorder *recorder)
{
    struct rg_error err = {{0}};
    recorder->end->started = true;
    if (rg_run_write(recorder->run, recorder->plan->directory, &err) != 0)
        give_up(recorder, "%s", err.text);
}

static struct rg_plan plan_of(const struct rg_run *run, const struct rg_recorder_plan *plan)
{
    return (struct rg_plan){&run->suite, plan->node_count, (int)run->ranks_per_node, (uint64_t)run->seed};
}

static void begin_round(struct recorder *recorder, const struct rg_event *event)
{
    struct rg_run *run = recorder->run;
    if (event->round < 0 || event->round >= run->rounds_planned)
        return;
    struct rg_plan plan = plan_of(run, recorder->plan);
    struct rg_round round = rg_plan_round(&plan, event->round);
    recorder->until_ns = rg_clock_after_ns(event->value);
    rg_progress_step(&recorder->progress, event->round, run->rounds_planned, rg_plan_seconds(&run->suite, &round),
        event->text ? event->text : "");
}

static void take_event(struct recorder *recorder, const struct rg_event *event)
{
    switch (event->kind) {
    case RG_EVENT_RANK:
        if (event->text == NULL || remember_rank(recorder, event->text) < 0)
            give_up(recorder, "a rank's introduction could not be read");
        break;
    case RG_EVENT_READY:
        begin_run(recorder);
        break;
    case RG_EVENT_ROUND:
        begin_round(recorder, event);
        break;
    case RG_EVENT_ROUND_DONE:
        end_round(recorder, event->value);
        break;
    case RG_EVENT_LOST:
        remember_lost(recorder, event->round, event->text);
        break;
    case RG_EVENT_FAILED:
        give_up(recorder, "%s", event->text ? event->text : "the ranks failed");
        break;
    case RG_EVENT_DONE:
        recorder->done = true;
        break;
    case RG_EVENT_MEASUREMENT:
        write_measurement(recorder, event->text);
        break;
    }
}

/* What mpirun said, on one line. It frames its help texts, which tell little, in lines of dashes: what stands before
 * the first frame, such as ssh's own error, counts; where nothing does, the frame's first lines. */
static void gist(const struct rg_launch *launch, char *out, size_t room)
{
    const char *text = rg_launch_errors(launch);
    size_t used = 0;
    out[0] = '\0';
    for (int lines = 0; *text != '\0' && lines < GIST_LINES;) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, "-----", 5) == 0 && used > 0)
            break;
        if (length > 0 && strncmp(text, "-----", 5) != 0 && used + 1 < room) {
            used += (size_t)snprintf(out + used, room - used, "%s%.*s", used ? " " : "", (int)length, text);
            lines++;
        }
        text += length + (text[length] == '\n');
    }
}

static void explain_end(struct recorder *recorder, const char *how)
{
    char words[1000];
    gist(recorder->launch, words, sizeof words);
    give_up(recorder, "%s %s%s%s", recorder->run->mpirun[0], how, words[0] ? "; it said: " : "", words);
}

static void explain_silence(struct recorder *recorder)
{
    char words[1000];
    gist(recorder->launch, words, sizeof words);
    if (recorder->end->started)
        give_up(recorder, "rank 0 (%s, rail 0) fell silent in round %lld", recorder->run->ranks[0].node.node,
            (long long)recorder->run->rounds_done);
    else
        give_up(recorder, "the ranks did not come up within %g s%s%s", recorder->plan->start_timeout_s,
            words[0] ? "; mpirun said: " : "", words);
}

static void listen_to_ranks(struct recorder *recorder)
{
    const char *line;
    bool leaving = false;
    for (;;) {
        if (!leaving && (recorder->done || recorder->end->reason[0] != '\0')) {
            leaving = true;
            recorder->until_ns = rg_clock_after_ns(LEAVE_S);
        }
        enum rg_launch_news news =
            rg_launch_wait(recorder->launch, recorder->until_ns, &line, &recorder->end->signal_number);
        struct rg_event event;
        if (news == RG_LAUNCH_SIGNAL)
            give_up(recorder, "stopped by signal %d (%s)", recorder->end->signal_number,
                strsignal(recorder->end->signal_number));
        else if (news == RG_LAUNCH_SILENT && !leaving)
            explain_silence(recorder);
        else if (news == RG_LAUNCH_ENDED && !recorder->done)
            explain_end(recorder, rg_launch_end(recorder->launch));
        if (news != RG_LAUNCH_LINE)
            return;
        if (rg_event_read(line, &event) != 0)
            continue; /* a stranger's words, such as a warning of the MPI library */
        take_event(recorder, &event);
        free(event.text);
    }
}

static int launch(struct recorder *recorder, struct rg_error *err)
{
    const struct rg_run *run = recorder->run;
    struct rg_orders orders = {
        run->run_id, run->seed, recorder->plan->node_count, run->ranks_per_node, run->suite, NULL};
    char *text = rg_orders_text(&orders);
    int code = text ? rg_launch_open(run->mpirun, text, recorder->plan->verbose, &recorder->launch, err)
                    : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    return code;
}

int rg_recorder_run(
    struct rg_run *run, const struct rg_recorder_plan *plan, struct rg_recorder_end *end, struct rg_error *err)
{
    struct recorder recorder = {.run = run, .plan = plan, .end = end};
    char path[PATH_MAX];
    double total_s = 0;
    snprintf(path, sizeof path, "%s/measurements.ndjson", plan->directory);
    int code = rg_run_write(run, plan->directory, err);
    if (code == 0)
        code = rg_journal_open(path, &recorder.journal, err);
    if (code != 0) {
        snprintf(path, sizeof path, "%s/run.json", plan->directory);
        unlink(path); /* as it was before */
        rmdir(plan->directory);
        return code;
    }
    for (int64_t n = 0; n < run->rounds_planned; n++) {
        struct rg_plan rounds = plan_of(run, plan);
        struct rg_round round = rg_plan_round(&rounds, n);
        total_s += rg_plan_seconds(&run->suite, &round);
    }
    rg_progress_open(&recorder.progress, stderr, plan->quiet, total_s);
    recorder.until_ns = rg_clock_after_ns(plan->start_timeout_s);
    struct rg_error why = {{0}};
    if (launch(&recorder, &why) == 0)
        listen_to_ranks(&recorder);
    else
        give_up(&recorder, "%s", why.text);
    rg_progress_clear(&recorder.progress);
    rg_launch_close(recorder.launch);
    if (rg_journal_sync(recorder.journal, &why) != 0)
        give_up(&recorder, "%s", why.text);
    rg_journal_close(recorder.journal);
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
