/* A round of flows: connect, start together, measure, compare notes with the peers, verify what arrived. */
#include "test/flow.h"

#include "base/clock.h"
#include "mem/pattern.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t rg_flow_later(const struct rg_flow *flow, uint64_t from_ns, double deadlines)
{
    return from_ns + rg_seconds_to_ns(deadlines * flow->settings->deadline_s);
}

void rg_flow_fail(struct rg_flow *flow, int code, const struct rg_error *why)
{
    struct rg_outcome *outcome = &flow->mine;
    if (code == 0 || outcome->code != 0)
        return;
    outcome->code = code;
    if (outcome->fault.step[0] == '\0')
        snprintf(outcome->fault.step, sizeof outcome->fault.step, "set up");
    snprintf(outcome->message, sizeof outcome->message, "%s", why->text);
}

uint64_t rg_flow_key(const struct rg_flow *flow, int source_rank, uint32_t pass)
{
    return rg_pattern_key((uint64_t)flow->session->orders->seed, (uint32_t)source_rank, pass);
}

void rg_flow_count(const struct rg_flow *flow, struct rg_counters *out)
{
    out->count = 0;
    if (flow->tcp && flow->endpoint != NULL)
        out->count = rg_endpoint_counters(flow->endpoint, out->at, RG_COUNTERS_MOST);
    else if (!flow->tcp && flow->session->fabric == NULL && flow->nic.device[0] != '\0')
        rg_counters_read("/sys", flow->nic.device, flow->nic.port, out);
}

bool rg_flow_leaves_here(const struct rg_flow *flow)
{
    return flow->operation == RG_OPERATION_READ ? flow->role.serves : flow->role.initiates;
}

bool rg_flow_arrives_here(const struct rg_flow *flow)
{
    return flow->operation == RG_OPERATION_READ ? flow->role.initiates : flow->role.serves;
}

bool rg_flow_uses_gpu(const struct rg_flow *flow, int rank)
{
    return strcmp(rg_session_memory_kind(flow->session, flow->round, rank, true), "cuda") == 0 ||
           strcmp(rg_session_memory_kind(flow->session, flow->round, rank, false), "cuda") == 0;
}

struct rg_link rg_flow_link(const struct rg_flow *flow)
{
    const struct rg_session *session = flow->session;
    bool read = flow->operation == RG_OPERATION_READ;
    int from = read ? flow->role.peer : session->rank, to = read ? session->rank : flow->role.peer;
    return (struct rg_link){session->node_of[from], (int)session->ranks[from].rail.rail, session->node_of[to],
        (int)session->ranks[to].rail.rail, flow->role.load};
}

/* A peer that does not come is this flow's failure, unless the flow had failed already. */
static void desert(struct rg_flow *flow, const struct rg_error *err)
{
    bool went_well = rg_flow_went_well(flow);
    flow->deserted = true;
    if (!went_well)
        return;
    snprintf(flow->mine.fault.step, sizeof flow->mine.fault.step, "exchange");
    rg_flow_fail(flow, -ETIMEDOUT, err);
}

int rg_flows_swap(struct rg_flows *flows, rg_flow_test takes_part, size_t mine, size_t theirs, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err)
{
    struct rg_swap *swaps = calloc(flows->count + 1, sizeof *swaps);
    struct rg_flow **of = calloc(flows->count + 1, sizeof(struct rg_flow *));
    size_t count = 0;
    int code = swaps && of ? 0 : rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < flows->count; i++) {
        struct rg_flow *flow = &flows->at[i];
        if (!takes_part(flow))
            continue;
        swaps[count] = (struct rg_swap){flow->role.peer, (char *)flow + mine, (char *)flow + theirs, false};
        of[count++] = flow;
    }
    if (code == 0 && count > 0)
        code = rg_control_exchange_all(flows->session->control, swaps, count, bytes, until_ns, what, err);
    for (size_t i = 0; code != 0 && i < count; i++)
        if (!swaps[i].came)
            desert(of[i], err);
    free(swaps);
    free(of);
    return code;
}

/* --- the measured part --- */

static struct rg_lane lane_of(const struct rg_flow *flow)
{
    const struct rg_role *role = &flow->role;
    bool counts = flow->operation == RG_OPERATION_SEND && role->serves; /* a write's target has nothing to do */
    return (struct rg_lane){.endpoint = flow->endpoint,
        .initiates = role->initiates,
        .arrivals_from = counts ? (uint32_t)flow->settings->queue_pairs : 0,
        .marks = flow->marks};
}

/* One flow alone has loops made for just that. */
static int run_alone(struct rg_flow *flow, const struct rg_stream *stream)
{
    struct rg_lane lane = lane_of(flow);
    struct rg_stream own = *stream;
    own.arrivals_from = lane.arrivals_from;
    if (lane.initiates)
        return rg_bandwidth_initiate(flow->endpoint, &own, &flow->marks);
    return lane.arrivals_from > 0 ? rg_bandwidth_serve(flow->endpoint, lane.arrivals_from, &own) : 0;
}

static int run_latency(struct rg_flow *flow, const struct rg_stream *stream)
{
    uint64_t last = flow->message_bytes - 1;
    struct rg_pings pings = {
        .start_ns = stream->start_ns,
        .begin_ns = stream->begin_ns,
        .end_ns = stream->end_ns,
        .warmup_messages = stream->warmup_messages,
        .messages = stream->messages,
        .idle_polls = stream->idle_polls,
        .give_up_ns = stream->give_up_ns,
        .arriving_byte = (volatile uint8_t *)rg_memory_address(flow->target) + last,
        .departing_byte = (volatile uint8_t *)rg_memory_address(flow->source) + last,
    };
    return flow->role.initiates ? rg_latency_initiate(flow->endpoint, flow->arrival, &pings, &flow->samples)
                                : rg_latency_serve(flow->endpoint, flow->arrival, &pings);
}

static int run_simulated(struct rg_flow *flow, const struct rg_stream *stream)
{
    struct rg_simulated simulated;
    struct rg_link link = rg_flow_link(flow);
    if (!flow->role.initiates)
        return 0;
    rg_simulated_open(flow->session->fabric, flow->round, flow->number, &link, &simulated);
    if (simulated.outcome.dead)
        return -EIO;
    if (flow->kind == RG_TEST_BANDWIDTH)
        rg_simulated_bandwidth(&simulated, stream, flow->message_bytes, &flow->marks);
    else
        rg_simulated_latency(&simulated, stream, &flow->samples);
    return 0;
}

/* What a loop's code means where it is not the queue pair that failed. */
static void explain_loop(const struct rg_flow *flow, int code, struct rg_endpoint_fault *fault, struct rg_error *why)
{
    const char *status = "no completion by the deadline";
    if (code == -ETIME)
        status = "too many messages for the deadline: ask for fewer, or set --deadline";
    else if (code == -ENOSPC)
        status = "more round trips than there is room for: measure for a shorter time";
    else if (code == -EAGAIN)
        status = "heard of the common start after the warm-up was over: make --warmup longer";
    else if (flow->endpoint == NULL)
        status = "nothing gets through the simulated fabric";
    snprintf(fault->step, sizeof fault->step, "run");
    snprintf(fault->status, sizeof fault->status, "%s", status);
    rg_fail(why, code, "%s: %s (%llu messages outstanding)", flow->nic.device, status,
        (unsigned long long)(flow->endpoint ? flow->endpoint->outstanding : 0));
}

static void take_code(struct rg_flow *flow, int code)
{
    struct rg_error why = {{0}};
    if (code == 0)
        return;
    if (code == -EIO && flow->endpoint != NULL)
        rg_endpoint_explain(flow->endpoint, &flow->mine.fault, &why);
    else
        explain_loop(flow, code, &flow->mine.fault, &why);
    rg_flow_fail(flow, code, &why);
}

static void run_lanes(struct rg_flows *flows, struct rg_lane *lanes, const struct rg_stream *stream)
{
    size_t count = 0;
    for (size_t i = 0; i < flows->count; i++)
        if (rg_flow_went_well(&flows->at[i]))
            lanes[count++] = lane_of(&flows->at[i]);
    rg_bandwidth_run_lanes(lanes, count, stream);
    count = 0;
    for (size_t i = 0; i < flows->count; i++) {
        if (!rg_flow_went_well(&flows->at[i]))
            continue;
        flows->at[i].marks = lanes[count].marks;
        take_code(&flows->at[i], lanes[count++].code);
    }
}

static int run_loops(struct rg_flows *flows, const struct rg_stream *stream, struct rg_error *err)
{
    if (flows->count > 1 && flows->session->fabric == NULL) {
        struct rg_lane *lanes = calloc(flows->count, sizeof *lanes);
        if (lanes == NULL)
            return rg_fail(err, -ENOMEM, "no memory");
        run_lanes(flows, lanes, stream);
        free(lanes);
        return 0;
    }
    for (size_t i = 0; i < flows->count; i++) {
        struct rg_flow *flow = &flows->at[i];
        if (!rg_flow_went_well(flow))
            continue;
        if (flows->session->fabric != NULL)
            take_code(flow, run_simulated(flow, stream));
        else
            take_code(flow, flow->kind == RG_TEST_BANDWIDTH ? run_alone(flow, stream) : run_latency(flow, stream));
    }
    return 0;
}

/* --- afterwards --- */

static bool was_started(const struct rg_flow *flow)
{
    return flow->opens_anew && !flow->deserted;
}

static bool went_well(const struct rg_flow *flow)
{
    return rg_flow_went_well(flow);
}

static int compare_notes(struct rg_flows *flows, uint64_t until_ns, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++) {
        struct rg_flow *flow = &flows->at[i];
        flow->my_result.outcome = flow->mine;
        for (uint32_t q = 0; flow->endpoint != NULL && q < flow->layout.queue_pairs; q++)
            flow->my_result.posted[q] = rg_endpoint_posted(flow->endpoint, q);
    }
    int code = rg_flows_swap(flows, was_started, offsetof(struct rg_flow, my_result),
        offsetof(struct rg_flow, their_result), sizeof flows->at->my_result, until_ns, "end of the window", err);
    for (size_t i = 0; i < flows->count; i++)
        if (was_started(&flows->at[i]))
            flows->at[i].theirs = flows->at[i].their_result.outcome;
    return code;
}

static void verify_simulated(struct rg_flow *flow, uint64_t key)
{
    struct rg_simulated simulated;
    struct rg_link link = rg_flow_link(flow);
    if (flow->operation != RG_OPERATION_READ)
        link = (struct rg_link){link.to_node, link.to_rail, link.from_node, link.from_rail, link.load};
    rg_simulated_open(flow->session->fabric, flow->round, flow->number, &link, &simulated);
    rg_simulated_integrity(&simulated, rg_layout_bytes(&flow->layout) / 8, key, &flow->arrived_here.found);
    flow->arrived_here.checked = 1;
}

/* Every word of every message that the initiator posted. */
static void verify_here(struct rg_flow *flow)
{
    bool read = flow->operation == RG_OPERATION_READ;
    uint64_t key = rg_flow_key(flow, flow->role.peer, (uint32_t)flow->number);
    struct rg_error why = {{0}};
    if (flow->session->fabric != NULL) {
        verify_simulated(flow, key);
        return;
    }
    int code = rg_memory_settle(flow->target, &why);
    for (uint32_t q = 0; code == 0 && q < flow->layout.queue_pairs; q++) {
        uint64_t posted = read ? rg_endpoint_posted(flow->endpoint, q) : flow->their_result.posted[q];
        struct rg_blocks blocks = rg_layout_touched(&flow->layout, q, posted);
        code = rg_memory_verify(flow->target, key, &blocks, &flow->arrived_here.found, &why);
    }
    if (code != 0)
        rg_flow_fail(flow, -EIO, &why);
    else
        flow->arrived_here.checked = 1;
}

static bool compares_gpus(const struct rg_flow *flow)
{
    return was_started(flow) &&
           (rg_flow_uses_gpu(flow, flow->session->rank) || rg_flow_uses_gpu(flow, flow->role.peer));
}

static int compare_gpus(struct rg_flows *flows, uint64_t until_ns, struct rg_error *err)
{
    struct rg_gpu_state after;
    bool looked = false;
    for (size_t i = 0; i < flows->count; i++) {
        if (!compares_gpus(&flows->at[i]))
            continue;
        if (!looked)
            rg_session_look(flows->session, &after);
        looked = true;
        rg_gpu_change(&flows->at[i].gpu_before, &after, &flows->at[i].my_gpu);
    }
    return rg_flows_swap(flows, compares_gpus, offsetof(struct rg_flow, my_gpu), offsetof(struct rg_flow, their_gpu),
        sizeof flows->at->my_gpu, until_ns, "GPU states", err);
}

/* Every flow of a rank uses its one NIC, and so shares what that counted; over TCP its own connections count. */
static int compare_counters(struct rg_flows *flows, uint64_t until_ns, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++) {
        struct rg_flow *flow = &flows->at[i];
        struct rg_counters after = {0};
        rg_flow_count(flow, &after);
        rg_counters_change(&flow->counters_before, &after, &flow->my_counters);
    }
    return rg_flows_swap(flows, was_started, offsetof(struct rg_flow, my_counters),
        offsetof(struct rg_flow, their_counters), sizeof flows->at->my_counters, until_ns, "counters", err);
}

static bool is_verified(const struct rg_flow *flow)
{
    return flow->settings->verify && flow->kind == RG_TEST_BANDWIDTH && !flow->role.load && was_started(flow);
}

static int check_integrity(struct rg_flows *flows, uint64_t until_ns, struct rg_error *err)
{
    for (size_t i = 0; i < flows->count; i++)
        if (is_verified(&flows->at[i]) && rg_flow_arrives_here(&flows->at[i]) && went_well(&flows->at[i]))
            verify_here(&flows->at[i]);
    return rg_flows_swap(flows, is_verified, offsetof(struct rg_flow, arrived_here),
        offsetof(struct rg_flow, arrived_there), sizeof flows->at->arrived_here, until_ns, "verification", err);
}

/* A flow whose peer is gone takes no further part; the others go on. */
static int look_back(struct rg_flows *flows, uint64_t end_ns, struct rg_error *err)
{
    const struct rg_flow *any = &flows->at[0];
    int lost = compare_notes(flows, rg_flow_later(any, end_ns, 1.5), err);
    int code = compare_counters(flows, rg_flow_later(any, end_ns, 1.5), err);
    lost = lost != 0 ? lost : code;
    code = compare_gpus(flows, rg_flow_later(any, end_ns, 1.5), err);
    lost = lost != 0 ? lost : code;
    code = check_integrity(flows, rg_flow_later(any, end_ns, 2), err);
    return lost != 0 ? lost : code;
}

/* --- the round --- */

static void look_at_gpu(struct rg_flows *flows)
{
    struct rg_gpu_state state;
    bool uses = false;
    for (size_t i = 0; i < flows->count; i++)
        uses |= rg_flow_uses_gpu(&flows->at[i], flows->session->rank);
    if (uses)
        rg_session_look(flows->session, &state);
    else
        rg_gpu_unknown("no part in it", NULL, &state);
    for (size_t i = 0; i < flows->count; i++)
        flows->at[i].gpu_before = state;
}

/* Negative: someone did not come. */
static int measure(struct rg_flows *flows, const struct rg_settings *s, bool *missing, struct rg_round_result *out,
    struct rg_error *err)
{
    struct rg_error trouble = {{0}};
    struct rg_start start;
    struct rg_stream stream;
    rg_flows_set_up(flows, &trouble);
    look_at_gpu(flows);
    for (size_t i = 0; i < flows->count; i++)
        rg_flow_count(&flows->at[i], &flows->at[i].counters_before);
    out->end_ns = rg_clock_now_ns();
    int code = rg_control_start(flows->session->control, trouble.text,
        out->end_ns + rg_seconds_to_ns(3 * s->deadline_s), "start of the round", &start, missing, err);
    if (code != 0)
        return code;
    rg_session_plan_stream(flows->session, s, &start, &stream);
    out->started = true;
    out->clock_error_us = start.clock_error_us;
    out->end_ns = flows->session->fabric == NULL ? stream.end_ns : start.at_ns; /* of those who sit out, too */
    for (size_t i = 0; i < flows->count; i++)
        flows->at[i].start = start;
    if (flows->count == 0)
        return 0;
    code = run_loops(flows, &stream, err);
    return code == 0 ? look_back(flows, out->end_ns, err) : code;
}

static void close_flow(struct rg_flow *flow)
{
    rg_endpoint_close(flow->endpoint);
    rg_memory_close(flow->source);
    rg_memory_close(flow->target);
    rg_marks_close(&flow->marks);
    free(flow->samples.ns);
}

/* The lines of all flows that this rank initiated, joined by newlines. */
static char *record_all(const struct rg_flows *flows)
{
    char *lines = NULL;
    for (size_t i = 0; i < flows->count; i++) {
        char *line = flows->at[i].role.initiates ? rg_flow_record(&flows->at[i]) : NULL, *joined = NULL;
        if (line != NULL && asprintf(&joined, "%s%s%s", lines ? lines : "", lines ? "\n" : "", line) < 0)
            joined = NULL;
        free(line);
        if (joined != NULL) {
            free(lines);
            lines = joined;
        }
    }
    return lines;
}

int rg_session_flow(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    struct rg_flows flows = {.session = session};
    struct rg_role *roles = NULL;
    const struct rg_settings *settings = rg_session_settings(session, round);
    *out = (struct rg_round_result){.clock_error_us = NAN};
    int code = rg_session_roles(session, round, &roles, &flows.count, err);
    flows.at = code == 0 ? calloc(flows.count + 1, sizeof *flows.at) : NULL;
    if (code == 0 && flows.at == NULL)
        code = rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < flows.count; i++)
        flows.at[i] = (struct rg_flow){.session = session,
            .round = round,
            .settings = settings,
            .role = roles[i],
            .number = number,
            .tcp = rg_test_over_tcp(settings->test),
            .kind = roles[i].load ? RG_TEST_BANDWIDTH : rg_test_kind_of(settings->test),
            .message_bytes = (uint64_t)(roles[i].load ? settings->load_bytes : round->size_bytes)};
    free(roles);
    if (code == 0)
        code = measure(&flows, settings, missing, out, err);
    if (flows.at != NULL)
        out->line = record_all(&flows);
    for (size_t i = 0; flows.at != NULL && i < flows.count; i++)
        close_flow(&flows.at[i]);
    free(flows.at);
    return code;
}
