#include "test/session.h"

#include "fleet/schedule.h"

#include <string.h>

const struct rg_settings *rg_session_settings(const struct rg_session *session, const struct rg_round *round)
{
    return &session->orders->suite.tests[round->test_index];
}

static int rank_of(const struct rg_session *session, int node, int64_t rail)
{
    for (int rank = 0; rank < rg_control_size(session->control); rank++)
        if (session->node_of[rank] == node && session->ranks[rank].rail.rail == rail)
            return rank;
    return -1;
}

/* The ranks of a node drive rails 0..R-1, and for loopback the same rails again: the other rank on the same NIC. */
static struct rg_role loopback_role(const struct rg_session *session)
{
    int self = session->rank;
    for (int other = 0; other < rg_control_size(session->control); other++)
        if (other != self && session->node_of[other] == session->node_of[self] &&
            session->ranks[other].rail.rail == session->ranks[self].rail.rail)
            return (struct rg_role){other, self<other, self> other};
    return (struct rg_role){.peer = -1};
}

struct rg_role rg_session_role(const struct rg_session *session, const struct rg_round *round)
{
    int node = session->node_of[session->rank];
    if (round->loopback)
        return loopback_role(session);
    int64_t rail = session->ranks[session->rank].rail.rail;
    int partner = rg_schedule_partner(session->node_count, round->meeting, node);
    /* A second rank on the same NIC is there for loopback alone. */
    if (partner < 0 || rank_of(session, node, rail) != session->rank)
        return (struct rg_role){.peer = -1};
    bool lower = node < partner;
    return (struct rg_role){
        .peer = rank_of(session, partner, rail),
        .initiates = lower ? round->forward : round->backward,
        .serves = lower ? round->backward : round->forward,
    };
}

static struct rg_end end_of(const struct rg_session *session, int rank)
{
    const struct rg_rank_facts *facts = &session->ranks[rank];
    return (struct rg_end){facts->node.node, facts->rail.device, facts->rail.rail, rank};
}

/* What is measured counts as hardware when no software device has a part in it. */
static const char *why_no_hardware(const struct rg_session *session, int from, int to)
{
    if (from < 0)
        return "all_reduce over MPI on host memory: no GPU and no RDMA device has a part in it";
    if (session->ranks[from].rail.soft || session->ranks[to].rail.soft)
        return "soft-RoCE: the RDMA device is software";
    return NULL;
}

void rg_session_describe(const struct rg_session *session, const struct rg_round *round, int64_t number, int from,
    int to, struct rg_measurement *out)
{
    const struct rg_settings *settings = rg_session_settings(session, round);
    bool flow = from >= 0;
    rg_measurement_clear(out);
    out->run_id = session->orders->run_id;
    out->sequence = 0; /* the front counts */
    out->round = number;
    out->test_index = (int64_t)round->test_index;
    out->test = settings->test;
    out->kind = flow ? "flow" : "collective";
    out->size_bytes = round->size_bytes;
    out->memory = settings->memory;
    out->transport = flow ? "verbs" : "mpi";
    out->backend = flow ? NULL : "mpi";
    out->hardware_reason = why_no_hardware(session, from, to);
    out->hardware = out->hardware_reason == NULL;
    if (rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH)
        out->direction = settings->direction;
    if (flow) {
        out->registration = "host";
        out->queue_pairs = rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH ? settings->queue_pairs : 1;
        out->has_flow = true;
        out->flow.from = end_of(session, from);
        out->flow.to = end_of(session, to);
        out->flow.initiator = strncmp(settings->test, "rdma_read", 9) == 0 ? "to" : "from";
    } else {
        out->has_group = true;
        out->group = (struct rg_group){"world", rg_control_size(session->control)};
    }
}
