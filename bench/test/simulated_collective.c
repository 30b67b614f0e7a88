/* A round of one collective on a simulated fabric: nothing is moved, the model tells the times. */
#include "base/clock.h"
#include "coll/collective.h"
#include "stat/summary.h"
#include "test/group.h"
#include "test/session.h"
#include "test/simulated.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 20

static double pace(const struct rg_session *session, const struct rg_round *round, const struct rg_group_ranks *group,
    int64_t number, double times_us[REPETITIONS])
{
    const struct rg_settings *s = rg_session_settings(session, round);
    int *members = calloc((size_t)group->count, sizeof *members);
    double sum = 0, factor = rg_collective_bus_factor((enum rg_operation_kind)rg_operation_of(s->test), group->count);
    for (int i = 0; members != NULL && i < group->count; i++)
        members[i] = session->node_of[group->members[i]] * (int)session->orders->rails +
                     (int)session->ranks[group->members[i]].rail.rail;
    for (int i = 0; members != NULL && i < REPETITIONS; i++) {
        times_us[i] = 1e6 * rg_simulated_collective(
                                session->fabric, members, group->count, (uint64_t)round->size_bytes, factor, number, i);
        sum += times_us[i];
    }
    free(members);
    return sum / REPETITIONS;
}

static char *record(
    const struct rg_session *session, const struct rg_round *round, const struct rg_group_ranks *group, int64_t number)
{
    const struct rg_settings *s = rg_session_settings(session, round);
    struct rg_measurement m;
    struct rg_summary summary;
    double times_us[REPETITIONS] = {0}, mean_us = pace(session, round, group, number, times_us);
    enum rg_operation_kind kind = (enum rg_operation_kind)rg_operation_of(s->test);
    rg_session_describe(session, round, number, -1, -1, &m);
    rg_group_describe(session, round, group, &m.group);
    rg_summary_of(times_us, REPETITIONS, &summary);
    m.kind = "collective";
    m.status = "ok";
    m.memory = strcmp(s->memory, "host") == 0 ? "host" : "cuda";
    m.transport = "sim";
    m.backend = strcmp(m.memory, "cuda") == 0 ? "nccl" : "mpi";
    m.hardware = false;
    m.hardware_reason = "simulated fabric";
    m.queue_pairs = RG_NONE;
    m.has_group = m.has_collective = true;
    m.collective = (struct rg_collective_result){
        .reduction = kind == RG_ALL_REDUCE || kind == RG_REDUCE_SCATTER ? s->reduction : NULL,
        .data_type = s->data_type,
        .library = "simulated",
        .in_place = s->in_place,
        .iterations = REPETITIONS,
        .moved_bytes = round->size_bytes,
        .time_avg_us = mean_us,
        .time_min_us = summary.min,
        .time_max_us = summary.max,
        .time_p50_us = summary.p50,
        .time_p99_us = summary.p99,
        .algbw_gigabytes_per_s = (double)round->size_bytes / mean_us / 1e3,
    };
    m.collective.busbw_gigabytes_per_s =
        m.collective.algbw_gigabytes_per_s * rg_collective_bus_factor(kind, group->count);
    return rg_measurement_line(&m);
}

int rg_session_simulated_collective(const struct rg_session *session, const struct rg_round *round, int64_t number,
    bool *missing, struct rg_round_result *out, struct rg_error *err)
{
    const struct rg_settings *s = rg_session_settings(session, round);
    struct rg_group_ranks group;
    struct rg_start start;
    *out = (struct rg_round_result){.clock_error_us = NAN, .end_ns = rg_clock_now_ns()};
    int code = rg_group_open(session, round, &group, err);
    if (code == 0)
        code = rg_control_start(session->control, "", out->end_ns + rg_seconds_to_ns(3 * s->deadline_s),
            "start of the round", &start, missing, err);
    if (code == 0) {
        out->started = true;
        out->clock_error_us = start.clock_error_us;
        if (group.self == 0)
            out->line = record(session, round, &group, number);
    }
    rg_group_close(&group);
    return code;
}
