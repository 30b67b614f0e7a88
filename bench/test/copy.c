/* A round of copies: every GPU at once, each for itself. */
#include "test/session.h"

#include "base/clock.h"
#include "mem/pattern.h"
#include "net/endpoint.h"
#include "test/record.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_BYTES (1ull << 30) /* what is under way at most, unless that is less than two copies */
#define POISON_PASS UINT32_MAX

struct copy {
    const struct rg_session *session;
    const struct rg_round *round;
    const struct rg_settings *settings;
    struct rg_memory *source, *target;
    struct rg_memory_place from, to;
    int peer; /* the rank whose GPU is copied to; -1: none */
    struct rg_endpoint *endpoint;
    struct rg_endpoint_fault fault;
    struct rg_layout layout;
    struct rg_marks marks;
    struct rg_start start;
    struct rg_mismatch found;
    struct rg_gpu_state before;
    struct rg_gpu_change change;
    bool checked;
    int code;
    struct rg_error why;
};

static bool leaves_host(const struct copy *copy)
{
    return strcmp(copy->settings->copy, "host_to_device") == 0;
}

static bool reaches_host(const struct copy *copy)
{
    return strcmp(copy->settings->copy, "device_to_host") == 0;
}

/* By PCI address: each rank may be shown a GPU of its own as its first. */
static bool share_gpu(const struct rg_session *session, int left, int right)
{
    const struct rg_rail_facts *l = &session->ranks[left].rail, *r = &session->ranks[right].rail;
    return session->node_of[left] == session->node_of[right] && l->gpu != NULL && r->gpu != NULL &&
           strcmp(l->gpu, r->gpu) == 0;
}

/* Two ranks at one GPU would each see half of what it can do: the first of them copies. */
static bool sits_out(const struct rg_session *session)
{
    bool found = false;
    for (int other = 0; other < session->rank; other++)
        found |= share_gpu(session, other, session->rank);
    return found;
}

/* The next rank of the node with another GPU, round it goes. */
static int next_on_node(const struct rg_session *session)
{
    int size = rg_control_size(session->control), self = session->rank;
    for (int step = 1; step < size; step++) {
        int other = (self + step) % size;
        if (session->node_of[other] == session->node_of[self] && session->ranks[other].rail.gpu != NULL &&
            !share_gpu(session, other, self))
            return other;
    }
    return -1;
}

/* Where the copy goes from and to, once it is known where this rank's GPU is. */
static int choose_places(struct copy *copy, struct rg_error *err)
{
    const struct rg_rank_facts *self = &copy->session->ranks[copy->session->rank];
    int code = rg_session_place(copy->session, &copy->from, err);
    copy->to = copy->from;
    if (code == 0 && strcmp(copy->settings->numa, "remote") == 0 && (leaves_host(copy) || reaches_host(copy))) {
        if (self->node.numa_nodes < 2 || copy->from.numa_node < 0)
            return rg_fail(err, -EOPNOTSUPP, "there is no remote memory: the node has %lld NUMA node, or hides them",
                (long long)self->node.numa_nodes);
        copy->from.numa_node = copy->to.numa_node = (copy->from.numa_node + 1) % (int)self->node.numa_nodes;
    }
    if (code != 0 || strcmp(copy->settings->copy, "peer_to_peer") != 0)
        return code;
    copy->peer = next_on_node(copy->session);
    if (copy->peer < 0)
        return rg_fail(err, -EOPNOTSUPP, "the node has no second GPU");
    copy->to.device = (int)copy->session->ranks[copy->peer].rail.gpu_device;
    return 0;
}

static uint64_t key_of(const struct copy *copy, uint32_t pass)
{
    return rg_pattern_key((uint64_t)copy->session->orders->seed, (uint32_t)copy->session->rank, pass);
}

static int open_buffers(struct copy *copy, struct rg_error *err)
{
    size_t bytes = rg_layout_bytes(&copy->layout);
    int code = rg_memory_open(leaves_host(copy) ? "pinned" : "cuda", &copy->from, bytes, &copy->source, err);
    if (code == 0)
        code = rg_memory_open(reaches_host(copy) ? "pinned" : "cuda", &copy->to, bytes, &copy->target, err);
    if (code == 0)
        code = rg_memory_fill(copy->source, key_of(copy, 0), err);
    if (code == 0)
        code = rg_memory_fill(copy->target, key_of(copy, POISON_PASS), err);
    if (code == 0 && copy->settings->damage_rank == copy->session->rank)
        code = rg_memory_damage(copy->source, (uint64_t)copy->settings->damage_offset_bytes, err);
    return code == -ENODEV ? -ENXIO : code;
}

static int set_up(struct copy *copy, struct rg_error *err)
{
    const struct rg_settings *s = copy->settings;
    uint64_t size = (uint64_t)copy->round->size_bytes,
             fitting = IN_FLIGHT_BYTES / size > 2 ? IN_FLIGHT_BYTES / size : 2;
    struct rg_endpoint_config config = {
        .depth = (uint32_t)((uint64_t)s->depth < fitting ? (uint64_t)s->depth : fitting),
        .message_bytes = size,
        .working_set_bytes = (uint64_t)s->working_set_bytes,
        .by_kernel = strcmp(s->copy_by, "kernel") == 0,
    };
    config.signal_interval =
        config.depth / 2 < s->signal_interval ? (config.depth + 1) / 2 : (uint32_t)s->signal_interval;
    snprintf(copy->fault.step, sizeof copy->fault.step, "set up");
    int code = rg_marks_open(&copy->marks, (uint64_t)s->subwindows, err);
    if (code == 0)
        code = choose_places(copy, err);
    if (code == 0)
        code = open_buffers(copy, err);
    config.source = copy->source;
    config.target = copy->target;
    return code == 0 ? rg_endpoint_open("cuda", &config, &copy->endpoint, &copy->fault, err) : code;
}

static int verify(struct copy *copy, struct rg_error *err)
{
    struct rg_blocks blocks = rg_layout_touched(&copy->layout, 0, rg_endpoint_posted(copy->endpoint, 0));
    int code = rg_memory_verify(copy->target, key_of(copy, 0), &blocks, &copy->found, err);
    copy->checked = code == 0;
    return code;
}

static void run(struct copy *copy, const struct rg_stream *stream)
{
    struct rg_gpu_state after;
    copy->code = rg_bandwidth_initiate(copy->endpoint, stream, &copy->marks);
    rg_session_look(copy->session, &after);
    rg_gpu_change(&copy->before, &after, &copy->change);
    if (copy->code == -EIO)
        rg_endpoint_explain(copy->endpoint, &copy->fault, &copy->why);
    else if (copy->code != 0)
        rg_fail(&copy->why, copy->code,
            copy->code == -EAGAIN ? "heard of the common start too late: make --warmup longer"
                                  : "the copies did not end by the deadline");
    else if (copy->settings->verify)
        copy->code = verify(copy, &copy->why);
}

static void describe(const struct copy *copy, struct rg_measurement *out)
{
    const struct rg_rank_facts *self = &copy->session->ranks[copy->session->rank];
    bool host = leaves_host(copy) || reaches_host(copy);
    out->kind = "copy";
    out->memory = leaves_host(copy) ? "host_to_cuda" : reaches_host(copy) ? "cuda_to_host" : "cuda";
    out->transport = "cuda";
    out->hardware_reason = rg_session_why_no_gpu_hardware(copy->session, copy->session->rank);
    out->hardware = out->hardware_reason == NULL;
    out->has_copy = true;
    out->copy = (struct rg_copy){
        .node = self->node.node,
        .rail = self->rail.rail,
        .rank = rg_session_planned_rank(copy->session, copy->session->rank),
        .copy = copy->settings->copy,
        .by = copy->settings->copy_by,
        .gpu = self->rail.gpu,
        .peer_gpu = copy->peer >= 0 ? copy->session->ranks[copy->peer].rail.gpu : NULL,
        .numa = host ? copy->settings->numa : NULL,
        .numa_node = host && copy->from.numa_node >= 0 ? copy->from.numa_node : RG_NONE,
    };
}

static char *record(const struct copy *copy, int64_t number)
{
    struct rg_measurement out;
    struct rg_record_texts texts;
    struct rg_gpu_report report;
    const struct rg_rank_facts *self = &copy->session->ranks[copy->session->rank];
    rg_session_describe(copy->session, copy->round, number, -1, -1, &out);
    describe(copy, &out);
    if (copy->code == 0) {
        rg_session_report_gpu(copy->session, copy->session->rank, &copy->change, &report);
        out.gpus = &report;
        out.gpu_count = 1;
        rg_record_bandwidth(&copy->marks, copy->start.at_ns, (uint64_t)copy->round->size_bytes, &out, &texts);
        out.window.clock_error_us = copy->start.clock_error_us;
        if (out.status != NULL && strcmp(out.status, "ok") == 0)
            rg_record_integrity(&copy->found, copy->checked, self, &out, &texts);
    } else {
        out.status = rg_record_status(copy->code);
        out.reason = copy->why.text;
        out.has_error = true;
        out.error = (struct rg_fault){self->node.node, self->rail.gpu, copy->fault.step,
            copy->fault.status[0] ? copy->fault.status : NULL, copy->why.text, self->rail.rail, copy->session->rank};
    }
    char *line = rg_measurement_line(&out);
    rg_measurement_close(&out);
    return line;
}

int rg_session_copy(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    const struct rg_settings *s = rg_session_settings(session, round);
    struct rg_stream stream;
    struct copy copy = {.session = session, .round = round, .settings = s, .peer = -1, .from = {-1, -1}};
    copy.layout = rg_layout_of((uint64_t)round->size_bytes, (uint64_t)s->working_set_bytes, 1);
    *out = (struct rg_round_result){.clock_error_us = NAN, .end_ns = rg_clock_now_ns()};
    bool copies = !sits_out(session);
    copy.code = copies ? set_up(&copy, &copy.why) : 0;
    rg_session_look(session, &copy.before);
    int code = rg_control_start(
        session->control, "", rg_clock_after_ns(3 * s->deadline_s), "start of the round", &copy.start, missing, err);
    if (code == 0) {
        rg_session_plan_stream(session, s, &copy.start, &stream);
        out->started = true;
        out->clock_error_us = copy.start.clock_error_us;
        out->end_ns = stream.end_ns;
        if (copies && copy.code == 0)
            run(&copy, &stream);
        out->line = copies ? record(&copy, number) : NULL;
    }
    if (copy.endpoint != NULL)
        rg_endpoint_close(copy.endpoint);
    rg_memory_close(copy.source);
    rg_memory_close(copy.target);
    rg_marks_close(&copy.marks);
    return code;
}
