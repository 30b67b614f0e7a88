/* The record of a flow. */
#include "test/flow.h"

#include <stdlib.h>
#include <string.h>

/* NULL: that end was not opened. */
static const char *interface_of(const struct rg_setup_note *end)
{
    return end->address.device[0] != '\0' ? end->address.device : NULL;
}

/* Interfaces instead of RDMA devices. What never leaves a machine says nothing about a network. */
static void describe_interfaces(const struct rg_flow *flow, struct rg_measurement *out)
{
    uint64_t mine = flow->my_setup.address.machine, theirs = flow->their_setup.address.machine;
    out->flow.from.device = interface_of(&flow->my_setup);
    out->flow.to.device = interface_of(&flow->their_setup);
    bool one_node = flow->session->node_of[flow->session->rank] == flow->session->node_of[flow->role.peer];
    if (!out->hardware || (!one_node && (mine == 0 || mine != theirs)))
        return;
    out->hardware = false;
    out->hardware_reason = "both ends on one machine: no network had a part in it";
}

static void describe_fault(const struct rg_flow *flow, struct rg_measurement *out, char message[900])
{
    bool here = flow->mine.code != 0;
    const struct rg_outcome *outcome = here ? &flow->mine : &flow->theirs;
    int rank = here ? flow->session->rank : flow->role.peer;
    const struct rg_rank_facts *facts = &flow->session->ranks[rank];
    char name[320];
    snprintf(message, 900, "%s: %s", rg_control_name(flow->session->control, rank, name), outcome->message);
    out->status = rg_record_status(outcome->code);
    out->reason = message;
    out->has_error = true;
    out->error = (struct rg_fault){
        .node = facts->node.node,
        .rail = facts->rail.rail,
        .rank = rg_session_planned_rank(flow->session, rank),
        .device = flow->tcp ? interface_of(here ? &flow->my_setup : &flow->their_setup) : facts->rail.device,
        .step = outcome->fault.step,
        .status = outcome->fault.status[0] ? outcome->fault.status : NULL,
        .message = outcome->message,
    };
}

/* Of a full segment, since segments know no messages. */
static void describe_tcp_path(const struct rg_flow *flow, struct rg_measurement *out)
{
    out->has_path = true;
    out->path = (struct rg_path){
        .mtu_bytes = flow->path.mtu_bytes,
        .ip_version = flow->path.ip_version,
        .gid_index_from = RG_NONE,
        .gid_index_to = RG_NONE,
        .payload_share = rg_wire_tcp_payload_share(flow->path.segment_bytes, flow->path.header_bytes),
    };
}

static void describe_path(const struct rg_flow *flow, struct rg_measurement *out)
{
    bool read = flow->operation == RG_OPERATION_READ;
    int64_t mine = flow->nic.gid_index, theirs = flow->session->ranks[flow->role.peer].rail.gid_index;
    out->has_path = true;
    out->path = (struct rg_path){
        .mtu_bytes = flow->path.mtu_bytes,
        .ip_version = flow->path.ip_version,
        .gid_index_from = read ? theirs : mine,
        .gid_index_to = read ? mine : theirs,
        .payload_share =
            rg_wire_payload_share(flow->operation, flow->message_bytes, flow->path.mtu_bytes, flow->path.ip_version),
    };
}

/* Texts point into the flow. */
static void describe_registration(const struct rg_flow *flow, struct rg_measurement *out)
{
    const struct rg_registration *from = &flow->from_way, *to = &flow->to_way;
    out->flow.from.registration = from->how[0] ? from->how : NULL;
    out->flow.from.registration_note = from->note[0] ? from->note : NULL;
    out->flow.to.registration = to->how[0] ? to->how : NULL;
    out->flow.to.registration_note = to->note[0] ? to->note : NULL;
}

static void describe_results(const struct rg_flow *flow, struct rg_measurement *out, struct rg_record_texts *texts)
{
    if (flow->tcp)
        describe_tcp_path(flow, out);
    else
        describe_path(flow, out);
    if (flow->kind == RG_TEST_BANDWIDTH) {
        rg_record_bandwidth(&flow->marks, flow->start.at_ns, flow->message_bytes, out, texts);
    } else {
        out->latency.arrival = flow->operation == RG_OPERATION_WRITE_IMMEDIATE ? "immediate" : NULL;
        out->latency.in_order_guaranteed = flow->arrival == RG_ARRIVAL_BYTE ? flow->writes_in_order : RG_NONE;
        rg_record_latency(&flow->samples, flow->start.at_ns, flow->settings->keep_samples, out, texts);
    }
    out->window.clock_error_us = flow->start.clock_error_us;
    if (flow->kind == RG_TEST_BANDWIDTH && out->status != NULL && strcmp(out->status, "ok") == 0) {
        bool read = flow->operation == RG_OPERATION_READ;
        const struct rg_integrity_note *note = read ? &flow->arrived_here : &flow->arrived_there;
        int rank = read ? flow->session->rank : flow->role.peer;
        rg_record_integrity(&note->found, note->checked, &flow->session->ranks[rank], out, texts);
    }
}

static size_t report_gpus(const struct rg_flow *flow, struct rg_gpu_report reports[2])
{
    size_t count = 0;
    if (rg_flow_went_well(flow) && rg_flow_uses_gpu(flow, flow->session->rank))
        rg_session_report_gpu(flow->session, flow->session->rank, &flow->my_gpu, &reports[count++]);
    if (rg_flow_went_well(flow) && rg_flow_uses_gpu(flow, flow->role.peer))
        rg_session_report_gpu(flow->session, flow->role.peer, &flow->their_gpu, &reports[count++]);
    return count;
}

static void report_counters(const struct rg_flow *flow, struct rg_counter_report reports[2])
{
    const struct rg_rank_facts *mine = &flow->session->ranks[flow->session->rank];
    const struct rg_rank_facts *theirs = &flow->session->ranks[flow->role.peer];
    reports[0] = (struct rg_counter_report){mine->node.node, mine->rail.device, mine->rail.rail, flow->my_counters};
    reports[1] =
        (struct rg_counter_report){theirs->node.node, theirs->rail.device, theirs->rail.rail, flow->their_counters};
    if (flow->tcp) {
        reports[0].device = interface_of(&flow->my_setup);
        reports[1].device = interface_of(&flow->their_setup);
    }
}

char *rg_flow_record(const struct rg_flow *flow)
{
    struct rg_measurement measurement;
    struct rg_record_texts texts;
    struct rg_gpu_report reports[2];
    struct rg_counter_report *counters = calloc(2, sizeof *counters);
    char message[900];
    if (counters == NULL)
        return NULL;
    bool read = flow->operation == RG_OPERATION_READ;
    int self = flow->session->rank, peer = flow->role.peer;
    rg_session_describe(flow->session, flow->round, flow->number, read ? peer : self, read ? self : peer, &measurement);
    if (flow->role.load)
        rg_record_plan(&flow->session->orders->suite, flow->round, true, &measurement);
    describe_registration(flow, &measurement);
    if (flow->tcp)
        describe_interfaces(flow, &measurement);
    measurement.gpus = reports;
    report_counters(flow, counters);
    measurement.counters = counters;
    measurement.counter_count = 2;
    measurement.gpu_count = report_gpus(flow, reports);
    if (rg_flow_went_well(flow))
        describe_results(flow, &measurement, &texts);
    else
        describe_fault(flow, &measurement, message);
    char *line = rg_measurement_line(&measurement);
    rg_measurement_close(&measurement);
    free(counters);
    return line;
}
