/* Set-up of the flows of a round: buffers, endpoints, connections. Each step is taken by all flows before the next. */
#include "test/flow.h"

#include "base/clock.h"
#include "mem/pattern.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POISON_PASS UINT32_MAX /* what the target holds before anything arrives */
#define SAMPLES_A_SECOND 2500000.0
#define PROBE_S 5.0

/* A load is made of writes, whatever is measured over RDMA. TCP sends. */
static enum rg_operation operation_of(const struct rg_flow *flow)
{
    const struct rg_settings *settings = flow->settings;
    if (flow->tcp)
        return RG_OPERATION_SEND;
    if (flow->role.load)
        return RG_OPERATION_WRITE;
    if (strncmp(settings->test, "rdma_read", 9) == 0)
        return RG_OPERATION_READ;
    if (strncmp(settings->test, "rdma_send", 9) == 0)
        return RG_OPERATION_SEND;
    bool immediate = strcmp(settings->test, "rdma_write_lat") == 0 && strcmp(settings->write_poll, "immediate") == 0;
    return immediate ? RG_OPERATION_WRITE_IMMEDIATE : RG_OPERATION_WRITE;
}

/* Latency has one message on the way: one queue pair, one block, each message asks for its completion. */
static struct rg_endpoint_config config_of(const struct rg_flow *flow)
{
    const struct rg_settings *s = flow->settings;
    bool latency = flow->kind == RG_TEST_LATENCY;
    return (struct rg_endpoint_config){
        .operation = flow->operation,
        .device = flow->nic.device,
        .port = flow->nic.port,
        .gid_index = flow->nic.gid_index,
        .queue_pairs = latency ? 1 : (uint32_t)s->queue_pairs,
        .depth = (uint32_t)s->depth,
        .signal_interval = latency ? 1 : (uint32_t)s->signal_interval,
        .post_list = latency ? 1 : (uint32_t)s->post_list,
        .inline_bytes = (uint32_t)s->inline_bytes,
        .traffic_class = (uint8_t)s->traffic_class,
        .service_level = (uint8_t)s->service_level,
        .qp_timeout = (uint8_t)s->qp_timeout,
        .retry_count = (uint8_t)s->retry_count,
        .mtu_bytes = s->mtu_bytes == RG_NONE ? 0 : (uint32_t)s->mtu_bytes,
        .relaxed_ordering = s->relaxed_ordering,
        .registration = rg_registration_way_of(s->registration),
        .message_bytes = flow->message_bytes,
        .working_set_bytes = latency ? 1 : (uint64_t)s->working_set_bytes,
        .source = flow->source,
        .target = flow->target,
        .ping_pong = latency,
        .deadline_s = s->deadline_s,
        .address = flow->netdev.address,
    };
}

static int fill_buffers(struct rg_flow *flow, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    int rank = flow->session->rank, code = 0;
    if (flow->kind == RG_TEST_LATENCY || flow->role.load || !s->verify)
        return 0;
    if (rg_flow_leaves_here(flow))
        code = rg_memory_fill(flow->source, rg_flow_key(flow, rank, (uint32_t)flow->number), err);
    if (code == 0 && rg_flow_arrives_here(flow))
        code = rg_memory_fill(flow->target, rg_flow_key(flow, rank, POISON_PASS), err);
    if (code == 0 && rg_flow_leaves_here(flow) && s->damage_rank == rank)
        code = rg_memory_damage(flow->source, (uint64_t)s->damage_offset_bytes, err);
    return code;
}

/* The device that this rank introduced itself with, unless the test names others: a port that went down meanwhile must
 * not make the next one take its place. */
static int find_nic(struct rg_flow *flow, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    const struct rg_rail_facts *facts = &flow->session->ranks[flow->session->rank].rail;
    int gid_index = s->gid_index == RG_NONE ? -1 : (int)s->gid_index;
    char own[2 * RG_NAME_LENGTH];
    if (flow->tcp) {
        flow->nic.gid_index = -1;
        int code = rg_netdev_of_rail((int)facts->rail, s->interface, &flow->netdev, err);
        snprintf(flow->nic.device, sizeof flow->nic.device, "%s", flow->netdev.name);
        return code;
    }
    if (s->devices != NULL || facts->device == NULL)
        return rg_nic_of_rail((int)facts->rail, s->devices, gid_index, &flow->nic, err);
    snprintf(own, sizeof own, "%s:%d", facts->device, (int)facts->port);
    return rg_nic_of_rail(0, own, gid_index, &flow->nic, err);
}

static int open_buffer(struct rg_flow *flow, bool leaves, struct rg_memory **out, struct rg_error *err)
{
    const struct rg_session *session = flow->session;
    const char *kind = rg_session_memory_kind(session, flow->round, session->rank, leaves);
    struct rg_memory_place place = {-1, -1};
    int code = strcmp(kind, "cuda") == 0 ? rg_session_place(session, &place, err) : 0;
    return code == 0 ? rg_memory_open(kind, &place, rg_layout_bytes(&flow->layout), out, err) : code;
}

static int open_buffers(struct rg_flow *flow, struct rg_error *err)
{
    int code = find_nic(flow, err);
    if (code == 0)
        code = open_buffer(flow, true, &flow->source, err);
    if (code == 0)
        code = open_buffer(flow, false, &flow->target, err);
    return code == 0 ? fill_buffers(flow, err) : code;
}

/* Room for what the loops leave, before they begin. */
static int open_results(struct rg_flow *flow, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    if (flow->kind == RG_TEST_BANDWIDTH)
        return rg_marks_open(&flow->marks, (uint64_t)s->subwindows, err);
    double wanted = s->iterations != RG_NONE ? (double)s->iterations : 1000 + s->duration_s * SAMPLES_A_SECOND;
    flow->samples.room = wanted > RG_LATENCY_SAMPLES_MOST ? RG_LATENCY_SAMPLES_MOST : (uint64_t)wanted;
    flow->samples.ns = malloc(flow->samples.room * sizeof *flow->samples.ns);
    if (flow->samples.ns == NULL)
        return rg_fail(err, -ENOMEM, "no memory for the results");
    memset(flow->samples.ns, 1, flow->samples.room * sizeof *flow->samples.ns); /* no page fault in the loop */
    return 0;
}

static void choose_layout(struct rg_flow *flow)
{
    bool latency = flow->kind == RG_TEST_LATENCY;
    flow->operation = operation_of(flow);
    flow->layout = rg_layout_of(flow->message_bytes, latency ? 1 : (uint64_t)flow->settings->working_set_bytes,
        latency ? 1 : (uint32_t)flow->settings->queue_pairs);
}

static void open_own(struct rg_flow *flow)
{
    struct rg_error why = {{0}};
    choose_layout(flow);
    int code = flow->session->fabric == NULL ? open_buffers(flow, &why) : 0;
    if (code == 0)
        code = open_results(flow, &why);
    rg_flow_fail(flow, code, &why);
}

/* Opens this end, for the peer to learn of it; what fails here is in flow->mine. */
static void open_end(struct rg_flow *flow)
{
    struct rg_error why = {{0}};
    struct rg_endpoint_config config = config_of(flow);
    rg_endpoint_close(flow->endpoint);
    flow->endpoint = NULL;
    if (flow->mine.code == 0 && flow->session->fabric == NULL) {
        int code = rg_endpoint_open(flow->tcp ? "tcp" : "verbs", &config, &flow->endpoint, &flow->mine.fault, &why);
        rg_flow_fail(flow, code, &why);
    }
    memset(&flow->my_setup, 0, sizeof flow->my_setup);
    flow->my_setup.outcome = flow->mine;
    if (flow->endpoint != NULL) {
        rg_endpoint_address(flow->endpoint, &flow->my_setup.address);
        rg_endpoint_registration(flow->endpoint, &flow->my_setup.source, &flow->my_setup.target);
    }
}

/* Whether the processor of that end may take a message's last byte for all of it. */
static bool sees_bytes(const struct rg_setup_note *end)
{
    bool on_host = strcmp(end->source.how, "host") == 0 && strcmp(end->target.how, "host") == 0;
    return on_host && end->address.writes_in_order;
}

static void hear_of_end(struct rg_flow *flow)
{
    const struct rg_setup_note *mine = &flow->my_setup, *theirs = &flow->their_setup;
    const struct rg_settings *s = flow->settings;
    bool read = flow->operation == RG_OPERATION_READ; /* of the flow that this end initiates */
    flow->theirs = theirs->outcome;
    flow->from_way = read ? theirs->source : mine->source;
    flow->to_way = read ? mine->target : theirs->target;
    flow->writes_in_order = sees_bytes(mine) && sees_bytes(theirs);
    bool automatic = strcmp(s->test, "rdma_write_lat") == 0 && strcmp(s->write_poll, "auto") == 0 && !flow->role.load;
    flow->opens_anew = automatic && !flow->writes_in_order && flow->operation == RG_OPERATION_WRITE &&
                       rg_flow_went_well(flow) && flow->session->fabric == NULL;
}

static bool all(const struct rg_flow *flow)
{
    return !flow->deserted;
}

static bool opens_anew(const struct rg_flow *flow)
{
    return flow->opens_anew && !flow->deserted;
}

static int open_ends(struct rg_flows *flows, rg_flow_test takes_part, uint64_t until_ns, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++)
        if (takes_part(&flows->at[i]))
            open_end(&flows->at[i]);
    int code = rg_flows_swap(flows, takes_part, offsetof(struct rg_flow, my_setup),
        offsetof(struct rg_flow, their_setup), sizeof flows->at->my_setup, until_ns, "set-up", err);
    for (size_t i = 0; i < flows->count; i++)
        if (takes_part(&flows->at[i]))
            hear_of_end(&flows->at[i]);
    return code;
}

/* Where rails cross, the fabric may not join them: that is then no fault of anything. */
static void take_connection(struct rg_flow *flow, int code, struct rg_error *why)
{
    if (code != 0 && strcmp(flow->settings->rails, "cross") == 0)
        code = rg_fail_in(why, -EOPNOTSUPP, "the fabric does not join these rails");
    rg_flow_fail(flow, code, why);
}

static void connect_end(struct rg_flow *flow, uint64_t until_ns)
{
    struct rg_error why = {{0}};
    if (flow->session->fabric != NULL) {
        flow->path = (struct rg_endpoint_path){.mtu_bytes = 4096, .ip_version = 4};
        return;
    }
    int code =
        rg_endpoint_connect(flow->endpoint, &flow->their_setup.address, until_ns, &flow->path, &flow->mine.fault, &why);
    take_connection(flow, code, &why);
}

static void await_end(struct rg_flow *flow, uint64_t until_ns)
{
    struct rg_error why = {{0}};
    if (flow->endpoint == NULL || flow->mine.code != 0)
        return;
    int code = rg_endpoint_await_peer(flow->endpoint, until_ns, &flow->path, &flow->mine.fault, &why);
    take_connection(flow, code, &why);
}

/* Whether one message gets through, where nobody knows whether the fabric joins these rails. */
static void probe_path(struct rg_flow *flow)
{
    struct rg_error why = {{0}};
    uint64_t until_ns = rg_clock_after_ns(fmin(PROBE_S, flow->settings->deadline_s / 2));
    if (!flow->role.initiates || rg_endpoint_post(flow->endpoint, 1) != 1 ||
        rg_endpoint_finish(flow->endpoint, false) < 0)
        return;
    while (flow->endpoint->outstanding > 0) {
        if (rg_endpoint_reap(flow->endpoint) >= 0 && rg_clock_now_ns() < until_ns)
            continue;
        snprintf(flow->mine.fault.step, sizeof flow->mine.fault.step, "probe");
        rg_fail(&why, -EOPNOTSUPP, "%s: the fabric does not join these rails: a first message did not get through",
            flow->nic.device);
        rg_flow_fail(flow, -EOPNOTSUPP, &why);
        return;
    }
}

static bool is_probed(const struct rg_flow *flow)
{
    return strcmp(flow->settings->rails, "cross") == 0 && flow->session->fabric == NULL && flow->opens_anew &&
           !flow->deserted;
}

static int probe_paths(struct rg_flows *flows, uint64_t until_ns, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++)
        if (is_probed(&flows->at[i]) && rg_flow_went_well(&flows->at[i]))
            probe_path(&flows->at[i]);
    return rg_flows_swap(flows, is_probed, offsetof(struct rg_flow, mine), offsetof(struct rg_flow, theirs),
        sizeof flows->at->mine, until_ns, "probe", err);
}

static void choose_arrival(struct rg_flow *flow)
{
    bool by_byte = flow->operation == RG_OPERATION_WRITE && flow->session->fabric == NULL;
    flow->arrival = by_byte ? RG_ARRIVAL_BYTE : RG_ARRIVAL_MESSAGE;
    if (flow->operation == RG_OPERATION_READ)
        flow->arrival = RG_ARRIVAL_COMPLETION;
}

int rg_flows_set_up(struct rg_flows *flows, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++)
        open_own(&flows->at[i]);
    if (flows->count == 0)
        return 0;
    uint64_t now_ns = rg_clock_now_ns();
    const struct rg_flow *any = &flows->at[0];
    int code = open_ends(flows, all, rg_flow_later(any, now_ns, 1), err);
    bool anew = false;
    for (size_t i = 0; i < flows->count; i++) {
        if (flows->at[i].opens_anew)
            flows->at[i].operation = RG_OPERATION_WRITE_IMMEDIATE;
        anew |= flows->at[i].opens_anew;
    }
    if (code == 0 && anew)
        code = open_ends(flows, opens_anew, rg_flow_later(any, now_ns, 1.5), err);
    for (size_t i = 0; i < flows->count; i++) {
        struct rg_flow *flow = &flows->at[i];
        flow->opens_anew = rg_flow_went_well(flow); /* both ends know: these connect */
        if (flow->opens_anew)
            connect_end(flow, rg_flow_later(any, now_ns, 1.6));
        choose_arrival(flow);
    }
    for (size_t i = 0; i < flows->count; i++)
        if (flows->at[i].opens_anew)
            await_end(&flows->at[i], rg_flow_later(any, now_ns, 1.8));
    if (code == 0)
        code = rg_flows_swap(flows, opens_anew, offsetof(struct rg_flow, mine), offsetof(struct rg_flow, theirs),
            sizeof flows->at->mine, rg_flow_later(any, now_ns, 2), "connect", err);
    if (code == 0)
        code = probe_paths(flows, rg_flow_later(any, now_ns, 2.5), err);
    return code;
}
