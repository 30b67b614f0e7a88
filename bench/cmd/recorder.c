#include "cmd/recorder.h"

#include "data/measurement.h"
#include "judge/judge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rg_plan rg_recorder_plan(const struct rg_recorder *recorder)
{
    const struct rg_run *run = recorder->run;
    return (struct rg_plan){&run->suite, recorder->crew.nodes, (int)run->ranks_per_node, (uint64_t)run->seed};
}

int rg_recorder_open(struct rg_run *run, const char *directory, const struct rg_machine *machine,
    struct rg_journal *journal, int each, struct rg_recorder *out, struct rg_error *err)
{
    struct rg_crew crew;
    int nodes = 0;
    while (run->hosts[nodes] != NULL)
        nodes++;
    int code = rg_journal_keep(journal, run->measurements, err);
    if (code == 0)
        code = rg_crew_open(run->hosts, nodes, (int)run->ranks_per_node, each, &crew, err);
    if (code != 0)
        return code;
    for (size_t i = 0; i < run->rank_count; i++)
        rg_crew_meet(&crew, run->ranks[i].rail.rank, run->ranks[i].node.node);
    for (size_t i = 0; i < run->lost_count; i++)
        if (run->lost[i].rank / each < nodes && run->lost[i].rail < crew.rails)
            rg_crew_lose(&crew, (int)(run->lost[i].rank / each), (int)run->lost[i].rail);
    rg_crew_muster(&crew);
    *out = (struct rg_recorder){run, directory, machine, journal, crew, run->measurements, NULL};
    return 0;
}

void rg_recorder_close(struct rg_recorder *recorder)
{
    rg_fleet_judge_close(recorder->fleet);
    rg_crew_close(&recorder->crew);
}

int rg_recorder_write(const struct rg_recorder *recorder, struct rg_error *err)
{
    return rg_run_write(recorder->run, recorder->directory, err);
}

/* --- who takes part --- */

int rg_recorder_meet(struct rg_recorder *recorder, const char *line, struct rg_error *err)
{
    struct rg_run *run = recorder->run;
    struct rg_rank_facts facts;
    int code = rg_rank_facts_read(line, &facts, err);
    if (code != 0)
        return code;
    struct rg_rank_facts *grown = realloc(run->ranks, (run->rank_count + 1) * sizeof *grown);
    if (grown == NULL) {
        rg_rank_facts_close(&facts);
        return rg_fail(err, -ENOMEM, "no memory");
    }
    run->ranks = grown;
    facts.rail.rank = rg_crew_planned(&recorder->crew, facts.rail.rank);
    if (rg_crew_meet(&recorder->crew, facts.rail.rank, facts.node.node))
        run->ranks[run->rank_count++] = facts;
    else
        rg_rank_facts_close(&facts);
    return 0;
}

void rg_recorder_lose(struct rg_recorder *recorder, int node, int rail, const char *where)
{
    struct rg_run *run = recorder->run;
    struct rg_crew *crew = &recorder->crew;
    for (int r = 0; r < crew->rails; r++) {
        if ((rail >= 0 && r != rail) || rg_crew_lose(crew, node, r) == 0)
            continue;
        if (recorder->fleet != NULL)
            rg_fleet_judge_lose(recorder->fleet, crew->names[node], r);
        struct rg_lost_rank *grown = realloc(run->lost, (run->lost_count + 1) * sizeof *grown);
        if (grown == NULL)
            return;
        run->lost = grown;
        run->lost[run->lost_count++] =
            (struct rg_lost_rank){crew->names[node], strdup(where), (int64_t)node * crew->each + r, r};
    }
}

void rg_recorder_lose_node(struct rg_recorder *recorder, int node, size_t since, const char *where)
{
    struct rg_run *run = recorder->run;
    for (size_t i = since; i < run->lost_count; i++) {
        if (run->lost[i].rank / recorder->crew.each != node)
            continue;
        free((char *)(uintptr_t)run->lost[i].where);
        run->lost[i].where = strdup(where);
    }
    rg_recorder_lose(recorder, node, -1, where);
}

/* --- what is measured --- */

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

int rg_recorder_add(struct rg_recorder *recorder, const char *line, struct rg_error *err)
{
    struct rg_measurement measurement;
    int code = rg_measurement_read(line, "a rank's measurement", &measurement, err);
    if (code != 0)
        return code;
    measurement.sequence = recorder->written;
    judge_hardware(recorder->run, &measurement);
    char *text = rg_measurement_line(&measurement);
    code = text ? rg_journal_append(recorder->journal, text, err) : rg_fail(err, -ENOMEM, "no memory");
    free(text);
    recorder->written += code == 0;
    if (code == 0 && recorder->fleet != NULL)
        code = rg_fleet_judge_add(recorder->fleet, &measurement, err);
    rg_measurement_close(&measurement);
    return code;
}

int rg_recorder_end_round(struct rg_recorder *recorder, int64_t number, double clock_error_us, struct rg_error *err)
{
    struct rg_run *run = recorder->run;
    int code = rg_journal_sync(recorder->journal, err);
    if (code != 0)
        return code;
    run->measurements = recorder->written;
    run->rounds_done = number + 1;
    if (clock_error_us >= 0)
        run->clock_error_us = isnan(run->clock_error_us) ? clock_error_us : fmax(run->clock_error_us, clock_error_us);
    return rg_recorder_write(recorder, err);
}

int rg_recorder_rewind(struct rg_recorder *recorder, struct rg_error *err)
{
    if (recorder->written == recorder->run->measurements)
        return 0;
    recorder->written = recorder->run->measurements;
    rg_fleet_judge_close(recorder->fleet); /* has heard of what is taken back; the next one reads the files */
    recorder->fleet = NULL;
    return rg_journal_rewind(recorder->journal, err);
}

/* --- suspects --- */

static int open_fleet(struct rg_recorder *recorder, struct rg_error *err)
{
    struct rg_verdict unused = {0};
    double least_loss = rg_judge_least_loss_percent(recorder->run, recorder->machine);
    int code = rg_fleet_judge_open_run(recorder->run, least_loss, &recorder->fleet, err);
    if (code == 0)
        code = rg_judge_measured(recorder->run, recorder->directory, recorder->fleet, &unused, err);
    rg_verdict_close(&unused);
    return code;
}

/* The judge numbers the nodes that it has heard of; the plan all. */
static int planned_node(const struct rg_recorder *recorder, int judged)
{
    return rg_crew_number(&recorder->crew, rg_fleet_judge_name(recorder->fleet, judged));
}

int rg_recorder_ask(struct rg_recorder *recorder, struct rg_round *round, struct rg_link **links, struct rg_error *err)
{
    int64_t test_index = 0;
    *round = (struct rg_round){0};
    *links = NULL;
    int code = recorder->fleet ? 0 : open_fleet(recorder, err);
    if (code == 0)
        code = rg_fleet_judge_ask(recorder->fleet, &test_index, &round->size_bytes, links, &round->link_count, err);
    for (size_t i = 0; code == 0 && i < round->link_count; i++) {
        (*links)[i].from_node = planned_node(recorder, (*links)[i].from_node);
        (*links)[i].to_node = planned_node(recorder, (*links)[i].to_node);
    }
    round->test_index = (size_t)test_index;
    round->links = *links;
    return code;
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
    run->rank_count = run->lost_count = 0;
    run->hardware_reason = NULL;
}
