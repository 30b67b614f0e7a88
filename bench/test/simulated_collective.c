/* A round of one collective on a simulated fabric: nothing is moved, the model tells the times. */
#include "base/clock.h"
#include "coll/collective.h"
#include "test/group.h"
#include "test/session.h"
#include "test/simulated.h"

#include <math.h>
#include <stdlib.h>

static char *record(
    const struct rg_session *session, const struct rg_round *round, const struct rg_group_ranks *group, int64_t number)
{
    const struct rg_settings *s = rg_session_settings(session, round);
    double factor = rg_collective_bus_factor((enum rg_operation_kind)rg_operation_of(s->test), group->count);
    int *members = calloc((size_t)group->count, sizeof *members);
    struct rg_measurement m;
    if (members == NULL)
        return NULL;
    for (int i = 0; i < group->count; i++)
        members[i] = session->node_of[group->members[i]] * (int)session->orders->rails +
                     (int)session->ranks[group->members[i]].rail.rail;
    rg_session_describe(session, round, number, -1, -1, &m);
    rg_group_describe(session, round, group, &m.group);
    rg_simulated_collective(session->fabric, s, members, group->count, factor, &m);
    free(members);
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
