#include "test/group.h"

#include "fleet/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Loopback has a second rank on each NIC, which takes no part in collectives. */
static bool is_second(const struct rg_session *session, int rank)
{
    for (int other = 0; other < rank; other++)
        if (session->node_of[other] == session->node_of[rank] &&
            session->ranks[other].rail.rail == session->ranks[rank].rail.rail)
            return true;
    return false;
}

/* Whether two ranks belong to one group. */
static bool together(const struct rg_session *session, const struct rg_round *round, int a, int b)
{
    const char *scope = rg_session_settings(session, round)->group;
    int node = session->node_of[a], other = session->node_of[b];
    if (strcmp(scope, "node") == 0)
        return node == other;
    if (strcmp(scope, "rail") == 0)
        return session->ranks[a].rail.rail == session->ranks[b].rail.rail;
    if (strcmp(scope, "pair") == 0)
        return node == other || rg_schedule_partner(session->node_count, (int)round->turn, node) == other;
    return true;
}

static bool sits_out(const struct rg_session *session, const struct rg_round *round)
{
    bool paired = strcmp(rg_session_settings(session, round)->group, "pair") == 0;
    int node = session->node_of[session->rank];
    return is_second(session, session->rank) ||
           (paired && rg_schedule_partner(session->node_count, (int)round->turn, node) < 0);
}

int rg_group_open(
    const struct rg_session *session, const struct rg_round *round, struct rg_group_ranks *out, struct rg_error *err)
{
    int size = rg_control_size(session->control);
    *out = (struct rg_group_ranks){.members = calloc((size_t)size, sizeof *out->members), .self = -1};
    if (out->members == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    if (sits_out(session, round))
        return 0;
    for (int rank = 0; rank < size; rank++) {
        if (is_second(session, rank) || !together(session, round, session->rank, rank))
            continue;
        if (rank == session->rank)
            out->self = out->count;
        out->members[out->count++] = rank;
    }
    return 0;
}

void rg_group_close(struct rg_group_ranks *group)
{
    free(group->members);
    group->members = NULL;
}

void rg_group_describe(const struct rg_session *session, const struct rg_round *round,
    const struct rg_group_ranks *group, struct rg_group *out)
{
    const struct rg_rank_facts *first = &session->ranks[group->members[0]];
    const struct rg_rank_facts *last = &session->ranks[group->members[group->count - 1]];
    *out =
        (struct rg_group){.scope = rg_session_settings(session, round)->group, .ranks = group->count, .rail = RG_NONE};
    bool pair = strcmp(out->scope, "pair") == 0;
    if (pair || strcmp(out->scope, "node") == 0)
        out->node = first->node.node;
    if (pair)
        out->peer_node = last->node.node;
    if (strcmp(out->scope, "rail") == 0)
        out->rail = first->rail.rail;
}

int rg_group_gather(const struct rg_session *session, const struct rg_group_ranks *group, const void *mine, void *all,
    size_t bytes, uint64_t until_ns, const char *what, struct rg_error *err)
{
    char *place = all;
    if (group->self != 0) {
        char *nothing = calloc(1, bytes);
        int code = nothing ? rg_control_exchange(
                                 session->control, group->members[0], mine, nothing, bytes, until_ns, what, err)
                           : rg_fail(err, -ENOMEM, "no memory");
        free(nothing);
        return code;
    }
    memcpy(place, mine, bytes);
    for (int i = 1; i < group->count; i++) {
        int code = rg_control_exchange(
            session->control, group->members[i], mine, place + (size_t)i * bytes, bytes, until_ns, what, err);
        if (code != 0)
            return code;
    }
    return 0;
}

int rg_group_spread(const struct rg_session *session, const struct rg_group_ranks *group, void *note, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err)
{
    char *copy = malloc(bytes);
    int code = copy ? 0 : rg_fail(err, -ENOMEM, "no memory");
    if (copy != NULL)
        memcpy(copy, note, bytes);
    if (code == 0 && group->self != 0)
        code = rg_control_exchange(session->control, group->members[0], copy, note, bytes, until_ns, what, err);
    for (int i = 1; code == 0 && group->self == 0 && i < group->count; i++)
        code = rg_control_exchange(session->control, group->members[i], note, copy, bytes, until_ns, what, err);
    free(copy);
    return code;
}
