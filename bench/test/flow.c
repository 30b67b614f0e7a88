/* A round of flows: connect, start together, measure, compare notes with the peer, verify what arrived. */
#include "test/session.h"

#include "base/clock.h"
#include "mem/pattern.h"
#include "net/endpoint.h"
#include "test/bandwidth.h"
#include "test/latency.h"
#include "test/record.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POISON_PASS UINT32_MAX /* what the target holds before anything arrives */
#define SAMPLES_A_SECOND 2500000.0

/* What peers tell each other of a step; code 0: it went well. */
struct outcome {
    int32_t code, reserved;
    struct rg_endpoint_fault fault;
    char message[512];
};
_Static_assert(sizeof(struct outcome) == 712, "a wire structure");

struct setup_note {
    struct outcome outcome;
    struct rg_registration source, target;
    struct rg_endpoint_address address;
};

struct result_note {
    struct outcome outcome;
    uint64_t posted[RG_QUEUE_PAIRS_MOST];
};

struct integrity_note {
    struct rg_mismatch found;
    uint64_t checked; /* 0: could not be */
};

struct flow {
    const struct rg_session *session;
    const struct rg_round *round;
    const struct rg_settings *settings;
    struct rg_role role;
    int64_t number;
    enum rg_test_kind kind;
    enum rg_operation operation;
    enum rg_arrival arrival;
    struct rg_nic nic;
    struct rg_layout layout;
    struct rg_memory *source, *target;
    struct rg_endpoint *endpoint;
    struct rg_endpoint_path path;
    struct rg_registration from_way, to_way; /* of the memory that data leave from and arrive in */
    bool writes_in_order;
    struct outcome mine, theirs;
    struct rg_start start;
    struct rg_marks marks;
    struct rg_samples samples;
    struct rg_stream stream;
    uint64_t their_posted[RG_QUEUE_PAIRS_MOST];
    struct integrity_note arrived_here, arrived_there;
    struct rg_gpu_state gpu_before;
    struct rg_gpu_change my_gpu, their_gpu;
};

static uint64_t later(uint64_t from_ns, double deadlines, const struct rg_settings *settings)
{
    return from_ns + rg_seconds_to_ns(deadlines * settings->deadline_s);
}

static bool went_well(const struct flow *flow)
{
    return flow->mine.code == 0 && flow->theirs.code == 0;
}

static void note_failure(struct outcome *outcome, int code, const struct rg_error *err)
{
    outcome->code = code;
    if (outcome->fault.step[0] == '\0')
        snprintf(outcome->fault.step, sizeof outcome->fault.step, "set up");
    snprintf(outcome->message, sizeof outcome->message, "%s", err->text);
}

static int exchange(struct flow *flow, const void *mine, void *theirs, size_t bytes, uint64_t until_ns,
    const char *what, struct rg_error *err)
{
    return rg_control_exchange(flow->session->control, flow->role.peer, mine, theirs, bytes, until_ns, what, err);
}

/* --- set-up --- */

static enum rg_operation operation_of(const struct rg_settings *settings)
{
    if (strncmp(settings->test, "rdma_read", 9) == 0)
        return RG_OPERATION_READ;
    if (strncmp(settings->test, "rdma_send", 9) == 0)
        return RG_OPERATION_SEND;
    bool immediate = strcmp(settings->test, "rdma_write_lat") == 0 && strcmp(settings->write_poll, "immediate") == 0;
    return immediate ? RG_OPERATION_WRITE_IMMEDIATE : RG_OPERATION_WRITE;
}

/* Latency has one message on the way: one queue pair, one block, each message asks for its completion. */
static struct rg_endpoint_config config_of(const struct flow *flow)
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
        .message_bytes = (uint64_t)flow->round->size_bytes,
        .working_set_bytes = latency ? 1 : (uint64_t)s->working_set_bytes,
        .source = flow->source,
        .target = flow->target,
    };
}

static uint64_t key_of(const struct flow *flow, int source_rank, uint32_t pass)
{
    return rg_pattern_key((uint64_t)flow->session->orders->seed, (uint32_t)source_rank, pass);
}

/* Data leave from the writer, the sender, and him who is read. */
static bool data_leave_here(const struct flow *flow)
{
    return flow->operation == RG_OPERATION_READ ? flow->role.serves : flow->role.initiates;
}

static bool data_arrive_here(const struct flow *flow)
{
    return flow->operation == RG_OPERATION_READ ? flow->role.initiates : flow->role.serves;
}

static int fill_buffers(struct flow *flow, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    int rank = flow->session->rank, code = 0;
    if (flow->kind == RG_TEST_LATENCY || !s->verify)
        return 0;
    if (data_leave_here(flow))
        code = rg_memory_fill(flow->source, key_of(flow, rank, (uint32_t)flow->number), err);
    if (code == 0 && data_arrive_here(flow))
        code = rg_memory_fill(flow->target, key_of(flow, rank, POISON_PASS), err);
    if (code == 0 && data_leave_here(flow) && s->damage_rank == rank)
        code = rg_memory_damage(flow->source, (uint64_t)s->damage_offset_bytes, err);
    return code;
}

/* The device that this rank introduced itself with, unless the test names others: a port that went down meanwhile must
 * not make the next one take its place. */
static int find_nic(struct flow *flow, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    const struct rg_rail_facts *facts = &flow->session->ranks[flow->session->rank].rail;
    int gid_index = s->gid_index == RG_NONE ? -1 : (int)s->gid_index;
    char own[2 * RG_NAME_LENGTH];
    if (s->devices != NULL || facts->device == NULL)
        return rg_nic_of_rail((int)facts->rail, s->devices, gid_index, &flow->nic, err);
    snprintf(own, sizeof own, "%s:%d", facts->device, (int)facts->port);
    return rg_nic_of_rail(0, own, gid_index, &flow->nic, err);
}

static int open_buffer(struct flow *flow, bool leaves, struct rg_memory **out, struct rg_error *err)
{
    const struct rg_session *session = flow->session;
    const char *kind = rg_session_memory_kind(session, flow->round, session->rank, leaves);
    struct rg_memory_place place = {-1, -1};
    int code = strcmp(kind, "cuda") == 0 ? rg_session_place(session, &place, err) : 0;
    return code == 0 ? rg_memory_open(kind, &place, rg_layout_bytes(&flow->layout), out, err) : code;
}

static int open_buffers(struct flow *flow, struct rg_error *err)
{
    int code = find_nic(flow, err);
    if (code == 0)
        code = open_buffer(flow, true, &flow->source, err);
    if (code == 0)
        code = open_buffer(flow, false, &flow->target, err);
    return code == 0 ? fill_buffers(flow, err) : code;
}

/* Room for what the loops leave, before they begin. */
static int open_results(struct flow *flow, struct rg_error *err)
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

/* Opens this end and learns of the other; what fails here is in flow->mine. */
static int open_ends(
    struct flow *flow, struct setup_note *mine, struct setup_note *theirs, uint64_t until_ns, struct rg_error *err)
{
    struct rg_error why = {{0}};
    struct rg_endpoint_config config = config_of(flow);
    rg_endpoint_close(flow->endpoint);
    flow->endpoint = NULL;
    if (flow->mine.code == 0) {
        int code = rg_endpoint_open("verbs", &config, &flow->endpoint, &flow->mine.fault, &why);
        if (code != 0)
            note_failure(&flow->mine, code, &why);
    }
    memset(mine, 0, sizeof *mine);
    mine->outcome = flow->mine;
    if (flow->endpoint != NULL) {
        rg_endpoint_address(flow->endpoint, &mine->address);
        rg_endpoint_registration(flow->endpoint, &mine->source, &mine->target);
    }
    int code = exchange(flow, mine, theirs, sizeof *mine, until_ns, "set-up", err);
    if (code != 0)
        return code;
    flow->theirs = theirs->outcome;
    bool read = flow->operation == RG_OPERATION_READ; /* of the flow that this end initiates */
    flow->from_way = read ? theirs->source : mine->source;
    flow->to_way = read ? mine->target : theirs->target;
    return 0;
}

static int connect_ends(
    struct flow *flow, const struct rg_endpoint_address *peer, uint64_t until_ns, struct rg_error *err)
{
    struct rg_error why = {{0}};
    int code = rg_endpoint_connect(flow->endpoint, peer, &flow->path, &flow->mine.fault, &why);
    if (code != 0)
        note_failure(&flow->mine, code, &why);
    return exchange(flow, &flow->mine, &flow->theirs, sizeof flow->mine, until_ns, "connect", err);
}

/* Whether the processor of that end may take a message's last byte for all of it. */
static bool sees_bytes(const struct setup_note *end)
{
    bool on_host = strcmp(end->source.how, "host") == 0 && strcmp(end->target.how, "host") == 0;
    return on_host && end->address.writes_in_order;
}

/* Negative only when the peer did not come. */
static int set_up(struct flow *flow, struct rg_error *err)
{
    struct setup_note *notes = calloc(2, sizeof *notes);
    struct rg_error why = {{0}};
    if (notes == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    int code = open_buffers(flow, &why);
    if (code == 0)
        code = open_results(flow, &why);
    uint64_t now_ns = rg_clock_now_ns();
    if (code != 0)
        note_failure(&flow->mine, code, &why);
    code = open_ends(flow, &notes[0], &notes[1], later(now_ns, 1, flow->settings), err);
    flow->writes_in_order = sees_bytes(&notes[0]) && sees_bytes(&notes[1]);
    bool automatic =
        strcmp(flow->settings->test, "rdma_write_lat") == 0 && strcmp(flow->settings->write_poll, "auto") == 0;
    if (code == 0 && automatic && !flow->writes_in_order && went_well(flow)) {
        flow->operation = RG_OPERATION_WRITE_IMMEDIATE;
        code = open_ends(flow, &notes[0], &notes[1], later(now_ns, 1.5, flow->settings), err);
    }
    if (code == 0 && went_well(flow))
        code = connect_ends(flow, &notes[1].address, later(now_ns, 2, flow->settings), err);
    free(notes);
    if (flow->operation == RG_OPERATION_READ)
        flow->arrival = RG_ARRIVAL_COMPLETION;
    else
        flow->arrival = flow->operation == RG_OPERATION_WRITE ? RG_ARRIVAL_BYTE : RG_ARRIVAL_MESSAGE;
    return code;
}

/* --- the measured part --- */

static int run_bandwidth(struct flow *flow)
{
    if (flow->role.initiates)
        return rg_bandwidth_initiate(flow->endpoint, &flow->stream, &flow->marks);
    if (flow->operation == RG_OPERATION_SEND)
        return rg_bandwidth_serve(flow->endpoint, (uint32_t)flow->settings->queue_pairs, &flow->stream);
    return 0; /* a write's target and a read's source have nothing to do */
}

static int run_latency(struct flow *flow)
{
    uint64_t last = (uint64_t)flow->round->size_bytes - 1;
    struct rg_pings pings = {
        .start_ns = flow->stream.start_ns,
        .begin_ns = flow->stream.begin_ns,
        .end_ns = flow->stream.end_ns,
        .warmup_messages = flow->stream.warmup_messages,
        .messages = flow->stream.messages,
        .idle_polls = flow->stream.idle_polls,
        .give_up_ns = flow->stream.give_up_ns,
        .arriving_byte = (volatile uint8_t *)rg_memory_address(flow->target) + last,
        .departing_byte = (volatile uint8_t *)rg_memory_address(flow->source) + last,
    };
    return flow->role.initiates ? rg_latency_initiate(flow->endpoint, flow->arrival, &pings, &flow->samples)
                                : rg_latency_serve(flow->endpoint, flow->arrival, &pings);
}

/* What a loop's code means where it is not the queue pair that failed. */
static void explain_loop(const struct flow *flow, int code, struct rg_endpoint_fault *fault, struct rg_error *why)
{
    const char *status = "no completion by the deadline";
    if (code == -ETIME)
        status = "too many messages for the deadline: ask for fewer, or set --deadline";
    else if (code == -ENOSPC)
        status = "more round trips than there is room for: measure for a shorter time";
    else if (code == -EAGAIN)
        status = "heard of the common start after the warm-up was over: make --warmup longer";
    snprintf(fault->step, sizeof fault->step, "run");
    snprintf(fault->status, sizeof fault->status, "%s", status);
    rg_fail(why, code, "%s: %s (%llu messages outstanding)", flow->nic.device, status,
        (unsigned long long)flow->endpoint->outstanding);
}

static void run_loop(struct flow *flow)
{
    struct rg_error why = {{0}};
    int code = flow->kind == RG_TEST_BANDWIDTH ? run_bandwidth(flow) : run_latency(flow);
    if (code == 0)
        return;
    if (code == -EIO)
        rg_endpoint_explain(flow->endpoint, &flow->mine.fault, &why);
    else
        explain_loop(flow, code, &flow->mine.fault, &why);
    note_failure(&flow->mine, code, &why);
}

/* --- afterwards --- */

static int compare_notes(struct flow *flow, uint64_t until_ns, struct rg_error *err)
{
    struct result_note *notes = calloc(2, sizeof *notes);
    if (notes == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    notes[0].outcome = flow->mine;
    for (uint32_t q = 0; flow->endpoint != NULL && q < flow->layout.queue_pairs; q++)
        notes[0].posted[q] = rg_endpoint_posted(flow->endpoint, q);
    int code = exchange(flow, &notes[0], &notes[1], sizeof notes[0], until_ns, "end of the window", err);
    if (code == 0) {
        flow->theirs = notes[1].outcome;
        memcpy(flow->their_posted, notes[1].posted, sizeof flow->their_posted);
    }
    free(notes);
    return code;
}

/* Every word of every message that the initiator posted. */
static void verify_here(struct flow *flow)
{
    bool read = flow->operation == RG_OPERATION_READ;
    uint64_t key = key_of(flow, flow->role.peer, (uint32_t)flow->number);
    struct rg_error why = {{0}};
    if (rg_memory_settle(flow->target, &why) != 0) {
        note_failure(&flow->mine, -EIO, &why);
        return;
    }
    for (uint32_t q = 0; q < flow->layout.queue_pairs; q++) {
        uint64_t posted = read ? rg_endpoint_posted(flow->endpoint, q) : flow->their_posted[q];
        struct rg_blocks blocks = rg_layout_touched(&flow->layout, q, posted);
        if (rg_memory_verify(flow->target, key, &blocks, &flow->arrived_here.found, &why) != 0) {
            note_failure(&flow->mine, -EIO, &why);
            return;
        }
    }
    flow->arrived_here.checked = 1;
}

/* Whether a GPU's memory has a part in it, at a rank. */
static bool uses_gpu(const struct flow *flow, int rank)
{
    return strcmp(rg_session_memory_kind(flow->session, flow->round, rank, true), "cuda") == 0 ||
           strcmp(rg_session_memory_kind(flow->session, flow->round, rank, false), "cuda") == 0;
}

static int compare_gpus(struct flow *flow, uint64_t until_ns, struct rg_error *err)
{
    struct rg_gpu_state after;
    if (!uses_gpu(flow, flow->session->rank) && !uses_gpu(flow, flow->role.peer))
        return 0;
    rg_session_look(flow->session, &after);
    rg_gpu_change(&flow->gpu_before, &after, &flow->my_gpu);
    return exchange(flow, &flow->my_gpu, &flow->their_gpu, sizeof flow->my_gpu, until_ns, "GPU states", err);
}

static int check_integrity(struct flow *flow, uint64_t until_ns, struct rg_error *err)
{
    if (data_arrive_here(flow) && went_well(flow))
        verify_here(flow);
    return exchange(
        flow, &flow->arrived_here, &flow->arrived_there, sizeof flow->arrived_here, until_ns, "verification", err);
}

static void close_flow(struct flow *flow)
{
    rg_endpoint_close(flow->endpoint);
    rg_memory_close(flow->source);
    rg_memory_close(flow->target);
    rg_marks_close(&flow->marks);
    free(flow->samples.ns);
}

/* --- the record --- */

static void describe_fault(const struct flow *flow, struct rg_measurement *out, char message[900])
{
    bool here = flow->mine.code != 0;
    const struct outcome *outcome = here ? &flow->mine : &flow->theirs;
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
        .rank = rank,
        .device = facts->rail.device,
        .step = outcome->fault.step,
        .status = outcome->fault.status[0] ? outcome->fault.status : NULL,
        .message = outcome->message,
    };
}

static void describe_path(const struct flow *flow, struct rg_measurement *out)
{
    bool read = flow->operation == RG_OPERATION_READ;
    int64_t mine = flow->nic.gid_index, theirs = flow->session->ranks[flow->role.peer].rail.gid_index;
    out->has_path = true;
    out->path = (struct rg_path){
        .mtu_bytes = flow->path.mtu_bytes,
        .ip_version = flow->path.ip_version,
        .gid_index_from = read ? theirs : mine,
        .gid_index_to = read ? mine : theirs,
        .payload_share = rg_wire_payload_share(
            flow->operation, (uint64_t)flow->round->size_bytes, flow->path.mtu_bytes, flow->path.ip_version),
    };
}

/* Texts point into the flow. */
static void describe_registration(const struct flow *flow, struct rg_measurement *out)
{
    const struct rg_registration *from = &flow->from_way, *to = &flow->to_way;
    out->flow.from.registration = from->how[0] ? from->how : NULL;
    out->flow.from.registration_note = from->note[0] ? from->note : NULL;
    out->flow.to.registration = to->how[0] ? to->how : NULL;
    out->flow.to.registration_note = to->note[0] ? to->note : NULL;
}

static void describe_results(const struct flow *flow, struct rg_measurement *out, struct rg_record_texts *texts)
{
    static const char *const arrivals[] = {[RG_ARRIVAL_COMPLETION] = "send_completion",
        [RG_ARRIVAL_MESSAGE] = "receive_completion",
        [RG_ARRIVAL_BYTE] = "last_byte"};
    describe_path(flow, out);
    if (flow->kind == RG_TEST_BANDWIDTH) {
        rg_record_bandwidth(&flow->marks, flow->start.at_ns, (uint64_t)flow->round->size_bytes, out, texts);
    } else {
        out->latency.arrival = flow->operation == RG_OPERATION_WRITE_IMMEDIATE ? "immediate" : arrivals[flow->arrival];
        out->latency.method = flow->arrival == RG_ARRIVAL_COMPLETION ? "round_trip" : "half_round_trip";
        out->latency.in_order_guaranteed = flow->arrival == RG_ARRIVAL_BYTE ? flow->writes_in_order : RG_NONE;
        rg_record_latency(&flow->samples, flow->start.at_ns, flow->settings->keep_samples, out, texts);
    }
    out->window.clock_error_us = flow->start.clock_error_us;
    if (flow->kind == RG_TEST_BANDWIDTH && out->status != NULL && strcmp(out->status, "ok") == 0) {
        bool read = flow->operation == RG_OPERATION_READ;
        const struct integrity_note *note = read ? &flow->arrived_here : &flow->arrived_there;
        int rank = read ? flow->session->rank : flow->role.peer;
        rg_record_integrity(&note->found, note->checked, &flow->session->ranks[rank], out, texts);
    }
}

static size_t report_gpus(const struct flow *flow, struct rg_gpu_report reports[2])
{
    size_t count = 0;
    if (went_well(flow) && uses_gpu(flow, flow->session->rank))
        rg_session_report_gpu(flow->session, flow->session->rank, &flow->my_gpu, &reports[count++]);
    if (went_well(flow) && uses_gpu(flow, flow->role.peer))
        rg_session_report_gpu(flow->session, flow->role.peer, &flow->their_gpu, &reports[count++]);
    return count;
}

static char *record(const struct flow *flow)
{
    struct rg_measurement measurement;
    struct rg_record_texts texts;
    struct rg_gpu_report reports[2];
    char message[900];
    bool read = flow->operation == RG_OPERATION_READ;
    int self = flow->session->rank, peer = flow->role.peer;
    rg_session_describe(flow->session, flow->round, flow->number, read ? peer : self, read ? self : peer, &measurement);
    describe_registration(flow, &measurement);
    measurement.gpus = reports;
    measurement.gpu_count = report_gpus(flow, reports);
    if (went_well(flow))
        describe_results(flow, &measurement, &texts);
    else
        describe_fault(flow, &measurement, message);
    char *line = rg_measurement_line(&measurement);
    rg_measurement_close(&measurement);
    return line;
}

/* A peer that does not come is this flow's failure, too, unless the flow had failed already. */
static void blame_peer(struct flow *flow, const struct rg_error *err)
{
    if (!went_well(flow))
        return;
    snprintf(flow->mine.fault.step, sizeof flow->mine.fault.step, "exchange");
    note_failure(&flow->mine, -ETIMEDOUT, err);
}

static int measure(struct flow *flow, bool *missing, struct rg_round_result *out, struct rg_error *err)
{
    const struct rg_settings *s = flow->settings;
    bool paired = flow->role.peer >= 0;
    struct rg_error trouble = {{0}};
    if (paired && set_up(flow, &trouble) != 0)
        blame_peer(flow, &trouble);
    if (paired && uses_gpu(flow, flow->session->rank))
        rg_session_look(flow->session, &flow->gpu_before);
    else
        rg_gpu_unknown("no part in it", NULL, &flow->gpu_before);
    out->end_ns = rg_clock_now_ns();
    int code = rg_control_start(flow->session->control, trouble.text, later(out->end_ns, 3, s), "start of the round",
        &flow->start, missing, err);
    if (code != 0)
        return code;
    rg_session_plan_stream(flow->session, s, &flow->start, &flow->stream);
    if (flow->role.initiates && flow->role.serves && flow->operation == RG_OPERATION_SEND)
        flow->stream.arrivals_from = (uint32_t)s->queue_pairs;
    out->started = true;
    out->clock_error_us = flow->start.clock_error_us;
    out->end_ns = flow->stream.end_ns; /* of those who sit out, too */
    if (!paired || !went_well(flow))
        return 0;
    run_loop(flow);
    int lost = compare_notes(flow, later(out->end_ns, 1.5, s), err);
    if (lost == 0)
        lost = compare_gpus(flow, later(out->end_ns, 1.5, s), err);
    if (lost == 0 && s->verify && flow->kind == RG_TEST_BANDWIDTH)
        lost = check_integrity(flow, later(out->end_ns, 2, s), err);
    if (lost != 0)
        blame_peer(flow, err);
    return lost;
}

int rg_session_flow(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    struct flow *flow = calloc(1, sizeof *flow);
    *out = (struct rg_round_result){.clock_error_us = NAN};
    if (flow == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    flow->session = session;
    flow->round = round;
    flow->number = number;
    flow->settings = rg_session_settings(session, round);
    flow->role = rg_session_role(session, round);
    flow->kind = rg_test_kind_of(flow->settings->test);
    flow->operation = operation_of(flow->settings);
    bool latency = flow->kind == RG_TEST_LATENCY;
    flow->layout = rg_layout_of((uint64_t)round->size_bytes, latency ? 1 : (uint64_t)flow->settings->working_set_bytes,
        latency ? 1 : (uint32_t)flow->settings->queue_pairs);
    int code = measure(flow, missing, out, err);
    if (flow->role.initiates)
        out->line = record(flow);
    close_flow(flow);
    free(flow);
    return code;
}
