#include "test/session.h"

#include "base/clock.h"
#include "test/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct rg_settings *rg_session_settings(const struct rg_session *session, const struct rg_round *round)
{
    return &session->orders->suite.tests[round->test_index];
}

bool rg_session_is_absent(const struct rg_session *session, int node, int64_t rail)
{
    const struct rg_orders *orders = session->orders;
    for (size_t i = 0; i < orders->absent_count; i++)
        if (orders->absent[i].node == node && orders->absent[i].rail == rail)
            return true;
    return false;
}

/* -1: it is not there, or not any more. */
static int rank_of(const struct rg_session *session, int node, int64_t rail)
{
    if (rg_session_is_absent(session, node, rail))
        return -1;
    for (int rank = 0; rank < rg_control_size(session->control); rank++)
        if (session->node_of[rank] == node && session->ranks[rank].rail.rail == rail)
            return rank;
    return -1;
}

/* The other rank on the same NIC, which is there for a NIC that talks to itself. */
static int twin_of(const struct rg_session *session, int rank)
{
    for (int other = 0; other < rg_control_size(session->control); other++)
        if (other != rank && session->node_of[other] == session->node_of[rank] &&
            session->ranks[other].rail.rail == session->ranks[rank].rail.rail)
            return other;
    return -1;
}

/* Adds a link of this rank's to the roles: one a peer. */
static void add_role(
    const struct rg_session *session, const struct rg_link *link, bool reads, struct rg_role *roles, size_t *count)
{
    int self = session->rank, from = rank_of(session, link->from_node, link->from_rail);
    int to = rank_of(session, link->to_node, link->to_rail);
    if (from == to)
        to = twin_of(session, from);
    if (from < 0 || to < 0 || (from != self && to != self))
        return;
    int peer = from == self ? to : from, initiator = reads && !link->load ? to : from;
    size_t i = 0;
    while (i < *count && roles[i].peer != peer)
        i++;
    if (i == *count)
        roles[(*count)++] = (struct rg_role){.peer = peer, .load = link->load};
    roles[i].initiates |= initiator == self;
    roles[i].serves |= initiator == peer;
}

int rg_session_roles(const struct rg_session *session, const struct rg_round *round, struct rg_role **out,
    size_t *count, struct rg_error *err)
{
    int node = session->node_of[session->rank], rail = (int)session->ranks[session->rank].rail.rail;
    bool reads = strncmp(rg_session_settings(session, round)->test, "rdma_read", 9) == 0;
    bool twin = rank_of(session, node, rail) != session->rank;
    bool with_itself = round->links == NULL && round->schedule.pattern == RG_PATTERN_LOOPBACK &&
                       round->schedule.rail_use != RG_RAILS_CROSS;
    size_t room = (size_t)RG_SCHEDULE_LINKS(session->node_count) + round->link_count;
    struct rg_link *links = calloc(room, sizeof *links);
    *count = 0;
    *out = calloc(room, sizeof **out);
    if (links == NULL || *out == NULL) {
        free(links);
        return rg_fail(err, -ENOMEM, "no memory");
    }
    int found = twin && !with_itself ? 0 : rg_plan_links(round, node, rail, links);
    for (int i = 0; i < found; i++)
        add_role(session, &links[i], reads, *out, count);
    free(links);
    return 0;
}

int rg_session_planned_rank(const struct rg_session *session, int rank)
{
    int each = rg_control_size(session->control) / (int)session->orders->present_count;
    return session->node_of[rank] * each + rank % each;
}

static struct rg_end end_of(const struct rg_session *session, int rank)
{
    const struct rg_rank_facts *facts = &session->ranks[rank];
    return (struct rg_end){.node = facts->node.node,
        .device = facts->rail.device,
        .rail = facts->rail.rail,
        .rank = rg_session_planned_rank(session, rank)};
}

const char *rg_session_memory_kind(
    const struct rg_session *session, const struct rg_round *round, int rank, bool leaves)
{
    const char *memory = rg_session_settings(session, round)->memory;
    if (rg_test_over_tcp(rg_session_settings(session, round)->test))
        return "host";
    if (strcmp(memory, "auto") == 0)
        return session->ranks[rank].rail.gpu_device == RG_NONE ? "host" : "cuda";
    if (strcmp(memory, "cuda_to_host") == 0)
        return leaves ? "cuda" : "host";
    if (strcmp(memory, "host_to_cuda") == 0)
        return leaves ? "host" : "cuda";
    return memory;
}

int rg_session_place(const struct rg_session *session, struct rg_memory_place *out, struct rg_error *err)
{
    const struct rg_rail_facts *rail = &session->ranks[session->rank].rail;
    if (rail->gpu_device == RG_NONE)
        return rg_fail(err, -ENXIO, "%s", rail->gpu_why ? rail->gpu_why : "no GPU");
    *out = (struct rg_memory_place){
        (int)rail->gpu_device, (int)(rail->gpu_numa_node == RG_NONE ? -1 : rail->gpu_numa_node)};
    return 0;
}

/* From the kinds at both ends to the word of the record. */
static const char *memory_word(const char *leaves, const char *arrives)
{
    bool from_gpu = strcmp(leaves, "cuda") == 0, to_gpu = strcmp(arrives, "cuda") == 0;
    return from_gpu ? to_gpu ? "cuda" : "cuda_to_host" : to_gpu ? "host_to_cuda" : "host";
}

const char *rg_session_why_no_gpu_hardware(const struct rg_session *session, int rank)
{
    const struct rg_rail_facts *rail = &session->ranks[rank].rail;
    return rail->gpu_device == RG_NONE ? "no GPU" : rail->gpu_why;
}

static bool is_emulated(const struct rg_session *session, int rank)
{
    const char *model = session->ranks[rank].node.cpu_model;
    return model != NULL && strstr(model, "QEMU") != NULL;
}

/* What is measured counts as hardware when neither a software device nor a double has a part in it. */
static void judge_hardware(const struct rg_session *session, int from, int to, struct rg_measurement *out)
{
    const char *why = session->fabric != NULL ? "simulated fabric" : NULL;
    bool tcp = rg_test_over_tcp(out->test); /* uses no RDMA device; what else there is the flow knows */
    if (why == NULL && tcp && (is_emulated(session, from) || is_emulated(session, to)))
        why = "an emulated machine";
    if (why == NULL && !tcp && (session->ranks[from].rail.soft || session->ranks[to].rail.soft))
        why = "soft-RoCE: the RDMA device is software";
    if (why == NULL && out->flow.from.gpu != NULL)
        why = rg_session_why_no_gpu_hardware(session, from);
    if (why == NULL && out->flow.to.gpu != NULL)
        why = rg_session_why_no_gpu_hardware(session, to);
    out->hardware = why == NULL;
    out->hardware_reason = why;
}

static void describe_flow(
    const struct rg_session *session, const struct rg_round *round, int from, int to, struct rg_measurement *out)
{
    const char *leaves = rg_session_memory_kind(session, round, from, true);
    const char *arrives = rg_session_memory_kind(session, round, to, false);
    rg_record_plan(&session->orders->suite, round, false, out);
    out->transport = session->fabric != NULL ? "sim" : rg_test_over_tcp(out->test) ? "tcp" : "verbs";
    out->memory = memory_word(leaves, arrives);
    out->flow.from = end_of(session, from);
    out->flow.to = end_of(session, to);
    if (strcmp(leaves, "cuda") == 0)
        out->flow.from.gpu = session->ranks[from].rail.gpu;
    if (strcmp(arrives, "cuda") == 0)
        out->flow.to.gpu = session->ranks[to].rail.gpu;
    judge_hardware(session, from, to, out);
}

void rg_session_look(const struct rg_session *session, struct rg_gpu_state *out)
{
    const char *gpu = session->ranks[session->rank].rail.gpu;
    if (session->monitor != NULL && gpu != NULL)
        rg_gpu_read_state(session->monitor, gpu, out);
    else
        rg_gpu_unknown("no NVML", NULL, out);
}

void rg_session_report_gpu(
    const struct rg_session *session, int rank, const struct rg_gpu_change *change, struct rg_gpu_report *out)
{
    const struct rg_rank_facts *facts = &session->ranks[rank];
    rg_gpu_report_of(change, out);
    out->node = facts->node.node;
    out->rail = facts->rail.rail;
    out->rank = rg_session_planned_rank(session, rank);
    out->gpu = facts->rail.gpu;
}

/* Whether this node has more ranks than processors. */
static bool shares_processors(const struct rg_session *session)
{
    int64_t ranks = 0;
    for (int rank = 0; rank < rg_control_size(session->control); rank++)
        ranks += session->node_of[rank] == session->node_of[session->rank];
    return ranks > session->ranks[session->rank].node.cpus;
}

void rg_session_plan_stream(const struct rg_session *session, const struct rg_settings *settings,
    const struct rg_start *start, struct rg_stream *out)
{
    *out = (struct rg_stream){.start_ns = start->at_ns, .subwindows = (uint64_t)settings->subwindows, .last = true};
    out->begin_ns = start->at_ns + rg_seconds_to_ns(settings->warmup_s);
    out->end_ns = out->begin_ns + rg_seconds_to_ns(settings->duration_s);
    if (settings->iterations != RG_NONE) {
        out->end_ns = start->at_ns + rg_seconds_to_ns(settings->deadline_s);
        out->messages = (uint64_t)settings->iterations;
        out->warmup_messages = (uint64_t)settings->warmup_iterations;
    }
    bool tcp = rg_test_over_tcp(settings->test), latency = rg_test_kind_of(settings->test) == RG_TEST_LATENCY;
    out->idle_polls = tcp && !latency              ? RG_IDLE_POLLS_NAPS
                      : shares_processors(session) ? RG_IDLE_POLLS_SHARED
                      : tcp                        ? RG_IDLE_POLLS_CALLS
                                                   : RG_IDLE_POLLS_ALONE;
    out->give_up_ns = out->end_ns + rg_seconds_to_ns(settings->deadline_s);
}

void rg_session_describe(const struct rg_session *session, const struct rg_round *round, int64_t number, int from,
    int to, struct rg_measurement *out)
{
    rg_measurement_clear(out);
    out->run_id = session->orders->run_id;
    out->sequence = 0; /* the front counts */
    out->round = number;
    out->test_index = (int64_t)round->test_index;
    out->test = rg_session_settings(session, round)->test;
    out->size_bytes = round->size_bytes;
    if (from >= 0)
        describe_flow(session, round, from, to, out);
}
