/* A round of one collective, in every group at once: join, start together, find out how many operations fill the
 * window, time them, check some. The first rank of a group says what is next, so that a failure at one rank stops all.
 */
#include "coll/collective.h"

#include "base/clock.h"
#include "stat/summary.h"
#include "test/group.h"
#include "test/record.h"
#include "test/trial.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKED 3 /* operations whose every result is checked, each on data of its own */

enum step { STEP_TRY, STEP_MEASURE, STEP_CHECK, STEP_END };

/* What the first rank tells the others to do. */
struct order {
    enum step step;
    struct rg_trial load;
};

/* What a rank tells the first after each step. */
struct note {
    int64_t code;
    char message[480];
    double spent_s, mean_us;
    struct rg_collective_check check;
    struct rg_gpu_change gpu;
};

struct round_state {
    const struct rg_session *session;
    const struct rg_round *round;
    const struct rg_settings *settings;
    struct rg_group_ranks group;
    const char *backend;
    struct rg_collective *collective;
    struct rg_communicator_facts facts;
    struct rg_gpu_state gpu_before;
    struct rg_start start;
    struct note mine, *notes; /* notes: of all members, at the first */
    int64_t number;
    uint64_t tried, end_ns;
    struct rg_trial load; /* that was measured */
    double *samples_us;   /* a sample's mean time of an operation */
    size_t sample_count;
    bool measured;
};

static uint64_t deadlines(const struct round_state *r, double count)
{
    return rg_clock_after_ns(count * r->settings->deadline_s);
}

static void note_failure(struct round_state *r, int code, const struct rg_error *why)
{
    if (code == 0 || r->mine.code != 0)
        return;
    r->mine.code = code;
    snprintf(r->mine.message, sizeof r->mine.message, "%s", why->text);
}

/* --- set-up --- */

static bool has_gpu(const struct round_state *r, int member)
{
    return r->session->ranks[r->group.members[member]].rail.gpu_device != RG_NONE;
}

/* On the GPUs where the settings want it, or where every member has one. */
static const char *choose_backend(const struct round_state *r)
{
    bool all = true;
    for (int i = 0; i < r->group.count; i++)
        all &= has_gpu(r, i);
    bool gpu = strcmp(r->settings->memory, "cuda") == 0 || (strcmp(r->settings->memory, "auto") == 0 && all);
    return gpu ? "nccl" : "mpi";
}

static int config_of(const struct round_state *r, struct rg_communicator_config *out, struct rg_error *err)
{
    struct rg_memory_place place = {-1, -1};
    int code = strcmp(r->backend, "nccl") == 0 ? rg_session_place(r->session, &place, err) : 0;
    *out = (struct rg_communicator_config){
        .ranks = r->group.members,
        .count = r->group.count,
        .self = r->group.self,
        .device = place.device,
        .algorithm = r->settings->nccl_algorithm,
        .protocol = r->settings->nccl_protocol,
    };
    return code;
}

/* All members, or none, go on: the first tells whether anyone has failed. Negative: someone did not come. */
static int agree(struct round_state *r, uint64_t until_ns, const char *what, struct rg_error *err)
{
    int64_t failed = 0;
    int code = rg_group_gather(r->session, &r->group, &r->mine, r->notes, sizeof r->mine, until_ns, what, err);
    for (int i = 0; code == 0 && r->group.self == 0 && i < r->group.count; i++)
        failed |= r->notes[i].code;
    if (code == 0)
        code = rg_group_spread(r->session, &r->group, &failed, sizeof failed, until_ns, what, err);
    if (code == 0 && failed != 0 && r->mine.code == 0) {
        r->mine.code = -ECANCELED; /* another rank's failure is the one that counts */
        snprintf(r->mine.message, sizeof r->mine.message, "another rank of the group failed");
    }
    return code;
}

static int join(struct round_state *r, struct rg_group_slot *slot, struct rg_error *err)
{
    struct rg_communicator_config config;
    struct rg_error why = {{0}};
    int code = config_of(r, &config, &why);
    if (code == 0 && r->group.self == 0)
        code = rg_communicator_invite(r->backend, config.invitation, &why);
    note_failure(r, code, &why);
    int lost = agree(r, deadlines(r, 1), "invitation", err);
    if (lost == 0)
        lost = rg_group_spread(
            r->session, &r->group, config.invitation, sizeof config.invitation, deadlines(r, 1), "invitation", err);
    if (lost != 0 || r->mine.code != 0)
        return lost;
    code = rg_communicator_open(r->backend, &config, deadlines(r, 1), &slot->communicator, &why);
    note_failure(r, code, &why);
    return agree(r, deadlines(r, 2), "joining the group", err);
}

static struct rg_collective_config shape_of(const struct round_state *r)
{
    const struct rg_settings *s = r->settings;
    struct rg_collective_config config = {
        .operation = (enum rg_operation_kind)rg_operation_of(s->test),
        .in_place = s->in_place,
        .cuda_graph = s->cuda_graph,
        .register_buffers = s->register_buffers,
        .bytes = (uint64_t)r->round->size_bytes,
        .working_set_bytes = strcmp(r->backend, "nccl") == 0 ? (uint64_t)s->working_set_bytes : 0,
        .seed = (uint64_t)r->session->orders->seed,
    };
    while (strcmp(rg_suite_data_type_words[config.type], s->data_type) != 0)
        config.type++;
    while (strcmp(rg_suite_reduction_words[config.reduction], s->reduction) != 0)
        config.reduction++;
    return config;
}

/* Takes the last round's communicator where it is of the same group. */
static int set_up(struct round_state *r, struct rg_group_slot *slot, struct rg_error *err)
{
    char key[sizeof slot->key];
    struct rg_error why = {{0}};
    const struct rg_settings *s = r->settings;
    int meeting = strcmp(s->group, "pair") == 0 ? (int)r->round->turn : 0;
    snprintf(key, sizeof key, "%s %s %d %s %s", r->backend, s->group, meeting,
        s->nccl_algorithm ? s->nccl_algorithm : "-", s->nccl_protocol ? s->nccl_protocol : "-");
    if (strcmp(key, slot->key) != 0 || slot->communicator == NULL) {
        rg_communicator_close(slot->communicator);
        slot->communicator = NULL;
        snprintf(slot->key, sizeof slot->key, "%s", key);
        int lost = join(r, slot, err);
        if (lost != 0 || r->mine.code != 0)
            return lost;
    }
    struct rg_collective_config config = shape_of(r);
    rg_communicator_describe(slot->communicator, &r->facts);
    int code = rg_collective_open(slot->communicator, &config, &r->collective, &why);
    if (code == 0)
        code = rg_collective_prepare(r->collective, 0, &why);
    note_failure(r, code, &why);
    return agree(r, deadlines(r, 1), "buffers of the collective", err);
}

/* --- the measured part --- */

static int check_passes(struct round_state *r, uint64_t until_ns, struct rg_error *err)
{
    int code = 0;
    for (uint64_t pass = 1; code == 0 && pass <= CHECKED; pass++) {
        code = rg_collective_prepare(r->collective, pass, err);
        if (code == 0)
            code = rg_collective_run(r->collective, 1, 1, NULL, until_ns, err);
        if (code == 0)
            code = rg_collective_check(r->collective, &r->mine.check, err);
    }
    return code;
}

static int measure(struct round_state *r, const struct rg_trial *load, uint64_t until_ns, struct rg_error *err)
{
    double sum_us = 0;
    r->load = *load;
    r->sample_count = (size_t)((load->iterations + load->calls - 1) / load->calls);
    r->samples_us = calloc(r->sample_count, sizeof *r->samples_us);
    if (r->samples_us == NULL)
        return rg_fail(err, -ENOMEM, "no memory for the samples");
    int code = rg_collective_run(r->collective, load->iterations, load->calls, r->samples_us, until_ns, err);
    r->end_ns = rg_clock_now_ns();
    for (uint64_t i = 0, left = load->iterations; i < r->sample_count; i++, left -= load->calls)
        sum_us += r->samples_us[i] * (double)(left < load->calls ? left : load->calls);
    r->mine.mean_us = sum_us / (double)load->iterations;
    r->measured = code == 0;
    return code;
}

static void carry_out(struct round_state *r, const struct order *order)
{
    const struct rg_settings *s = r->settings;
    const struct rg_trial *load = &order->load;
    uint64_t begin_ns = rg_clock_now_ns();
    uint64_t until_ns = begin_ns + rg_seconds_to_ns(2 * s->duration_s + s->deadline_s);
    struct rg_error why = {{0}};
    int code;
    if (order->step == STEP_MEASURE)
        code = measure(r, load, until_ns, &why);
    else if (order->step == STEP_CHECK)
        code = check_passes(r, until_ns, &why);
    else
        code = rg_collective_run(r->collective, load->iterations, load->calls, NULL, until_ns, &why);
    r->tried += order->step == STEP_TRY ? load->iterations : 0;
    r->mine.spent_s = rg_ns_to_seconds(rg_clock_now_ns() - begin_ns);
    note_failure(r, code, &why);
}

static struct order order_of(const struct rg_trial *load)
{
    return (struct order){load->measured ? STEP_MEASURE : STEP_TRY, *load};
}

static struct order after_trial(const struct round_state *r, const struct rg_trial *last)
{
    double spent_s = 0;
    for (int i = 0; i < r->group.count; i++)
        spent_s = fmax(spent_s, r->notes[i].spent_s);
    struct rg_trial next = rg_trial_next(r->settings, last, r->tried, spent_s, rg_collective_sample_s(r->collective));
    return order_of(&next);
}

/* Of the first rank, with everyone's notes on the step before. */
static struct order decide(const struct round_state *r, const struct order *last)
{
    struct rg_collective_config config = shape_of(r);
    for (int i = 0; i < r->group.count; i++)
        if (r->notes[i].code != 0)
            return (struct order){.step = STEP_END};
    if (last->step == STEP_TRY)
        return after_trial(r, &last->load);
    bool checks = r->settings->verify && rg_collective_inexact(&config, r->group.count) == NULL;
    return (struct order){.step = last->step == STEP_MEASURE && checks ? STEP_CHECK : STEP_END};
}

/* Negative: a member did not come, and the ranks are out of step. */
static int run_steps(struct round_state *r, struct rg_error *err)
{
    const struct rg_settings *s = r->settings;
    struct rg_trial first = rg_trial_first(s);
    struct order order = order_of(&first);
    int code = 0;
    while (code == 0 && order.step != STEP_END) {
        carry_out(r, &order);
        /* Ranks that see a failure early wait here for those that see it at the deadline. */
        uint64_t until_ns = deadlines(r, 2) + rg_seconds_to_ns(2 * s->duration_s);
        code = rg_group_gather(
            r->session, &r->group, &r->mine, r->notes, sizeof r->mine, until_ns, "a step of the collective", err);
        if (code == 0 && r->group.self == 0)
            order = decide(r, &order);
        if (code == 0)
            code =
                rg_group_spread(r->session, &r->group, &order, sizeof order, until_ns, "a step of the collective", err);
    }
    return code;
}

/* What happened to each GPU meanwhile, to the first rank. */
static int compare_gpus(struct round_state *r, struct rg_error *err)
{
    struct rg_gpu_state after;
    if (strcmp(r->backend, "nccl") != 0)
        return 0;
    rg_session_look(r->session, &after);
    rg_gpu_change(&r->gpu_before, &after, &r->mine.gpu);
    return rg_group_gather(
        r->session, &r->group, &r->mine, r->notes, sizeof r->mine, deadlines(r, 1), "GPU states", err);
}

/* --- the record --- */

static const char *why_no_hardware(const struct round_state *r)
{
    if (strcmp(r->backend, "mpi") == 0)
        return "over MPI on host memory: no GPU and no RDMA device has a part in it";
    for (int i = 0; i < r->group.count; i++) {
        const char *why = rg_session_why_no_gpu_hardware(r->session, r->group.members[i]);
        if (why != NULL)
            return why;
    }
    return NULL;
}

static void describe_group(const struct round_state *r, struct rg_measurement *out)
{
    rg_session_describe(r->session, r->round, r->number, -1, -1, out);
    out->kind = "collective";
    out->memory = strcmp(r->backend, "nccl") == 0 ? "cuda" : "host";
    out->transport = out->backend = r->backend;
    out->hardware_reason = why_no_hardware(r);
    out->hardware = out->hardware_reason == NULL;
    out->has_group = true;
    rg_group_describe(r->session, r->round, &r->group, &out->group);
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void describe_times(const struct round_state *r, struct rg_measurement *out)
{
    const struct rg_settings *s = r->settings;
    struct rg_collective_config config = shape_of(r);
    bool reduces = config.operation == RG_ALL_REDUCE || config.operation == RG_REDUCE_SCATTER;
    struct rg_summary summary;
    struct rg_collective_result *result = &out->collective;
    rg_summary_of(r->samples_us, r->sample_count, &summary);
    *result = (struct rg_collective_result){
        .data_type = s->data_type,
        .reduction = reduces ? s->reduction : NULL,
        .in_place = s->in_place,
        .cuda_graph = s->cuda_graph,
        .registered_buffers = s->register_buffers,
        .library = r->facts.library,
        .plugin = text_or_null(r->facts.plugin),
        .settings = text_or_null(r->facts.settings),
        .iterations = (int64_t)r->load.iterations,
        .calls_per_sample = (int64_t)r->load.calls,
        .moved_bytes = (int64_t)rg_collective_moved_bytes(r->collective),
        .time_min_us = r->notes[0].mean_us,
        .time_max_us = r->notes[0].mean_us,
        .time_p50_us = summary.p50,
        .time_p99_us = summary.p99,
    };
    for (int i = 0; i < r->group.count; i++) {
        result->time_avg_us += r->notes[i].mean_us / r->group.count;
        result->time_min_us = fmin(result->time_min_us, r->notes[i].mean_us);
        result->time_max_us = fmax(result->time_max_us, r->notes[i].mean_us);
    }
    result->algbw_gigabytes_per_s = (double)result->moved_bytes / 1e3 / result->time_avg_us;
    result->busbw_gigabytes_per_s =
        result->algbw_gigabytes_per_s * rg_collective_bus_factor(config.operation, r->group.count);
    out->has_window = out->has_collective = true;
    out->window = (struct rg_window){0, rg_ns_to_seconds(r->end_ns - r->start.at_ns), r->start.clock_error_us};
}

static void describe_check(const struct round_state *r, struct rg_measurement *out, struct rg_record_texts *texts)
{
    struct rg_collective_config config = shape_of(r);
    const char *inexact = rg_collective_inexact(&config, r->group.count);
    uint64_t checked = 0;
    int worst = 0;
    for (int i = 0; i < r->group.count; i++) {
        checked += r->notes[i].check.elements_checked;
        if (r->notes[i].check.mismatches > r->notes[worst].check.mismatches)
            worst = i;
    }
    const struct rg_collective_check *check = &r->notes[worst].check;
    struct rg_mismatch found = {checked, check->mismatches, check->first_offset_bytes, check->expected, check->got};
    rg_record_integrity(
        &found, r->settings->verify && inexact == NULL, &r->session->ranks[r->group.members[worst]], out, texts);
    if (inexact != NULL && r->settings->verify)
        out->integrity.reason = inexact;
}

/* The ranks that failed of themselves, by name. */
static void describe_failure(const struct round_state *r, struct rg_measurement *out, char reason[1024])
{
    size_t used = 0;
    int64_t worst = 0;
    reason[0] = '\0';
    for (int i = 0; i < r->group.count && used < 1024; i++) {
        char name[320];
        const struct note *note = &r->notes[i];
        if (note->code == 0 || note->code == -ECANCELED)
            continue;
        worst = worst == 0 || note->code == -EIO ? note->code : worst;
        used += (size_t)snprintf(reason + used, 1024 - used, "%s%s: %s", used ? "; " : "",
            rg_control_name(r->session->control, r->group.members[i], name), note->message);
    }
    out->status = rg_record_status(worst);
    out->reason = reason;
}

static char *record(const struct round_state *r)
{
    struct rg_measurement measurement;
    struct rg_record_texts texts;
    char reason[1024], *line = NULL;
    bool failed = !r->measured;
    struct rg_gpu_report *reports = calloc((size_t)r->group.count, sizeof *reports);
    if (reports == NULL)
        return NULL;
    describe_group(r, &measurement);
    for (int i = 0; i < r->group.count; i++)
        failed |= r->notes[i].code != 0;
    measurement.status = "ok";
    if (failed) {
        describe_failure(r, &measurement, reason);
    } else {
        describe_times(r, &measurement);
        describe_check(r, &measurement, &texts);
    }
    if (!failed && strcmp(r->backend, "nccl") == 0) {
        for (int i = 0; i < r->group.count; i++)
            rg_session_report_gpu(r->session, r->group.members[i], &r->notes[i].gpu, &reports[i]);
        measurement.gpus = reports;
        measurement.gpu_count = (size_t)r->group.count;
    }
    line = rg_measurement_line(&measurement);
    free(reports);
    return line;
}

/* --- the round --- */

/* Negative: the ranks are out of step. */
static int run_together(struct round_state *r, bool *missing, struct rg_round_result *out, struct rg_error *err)
{
    struct rg_error trouble = {{0}};
    bool takes_part = r->group.self >= 0;
    if (takes_part && set_up(r, r->session->slot, &trouble) != 0 && r->mine.code == 0)
        note_failure(r, -ETIMEDOUT, &trouble);
    if (takes_part && strcmp(r->backend, "nccl") == 0)
        rg_session_look(r->session, &r->gpu_before);
    int code = rg_control_start(
        r->session->control, trouble.text, deadlines(r, 3), "start of the round", &r->start, missing, err);
    if (code != 0)
        return code;
    out->started = true;
    out->clock_error_us = r->start.clock_error_us;
    if (takes_part && r->mine.code == 0) {
        rg_clock_wait_until(r->start.at_ns);
        code = run_steps(r, err);
        if (code == 0)
            code = compare_gpus(r, err);
    }
    out->end_ns = rg_clock_now_ns();
    if (code != 0) { /* who did not come says more than what that did to others */
        r->mine.code = code;
        snprintf(r->mine.message, sizeof r->mine.message, "%s", err->text);
    }
    if (r->group.self == 0) {
        r->notes[0] = r->mine;
        out->line = record(r);
    }
    /* MPI itself is out of step after a failure in the middle; NCCL's communicator is made anew. */
    if (code == 0 && takes_part && strcmp(r->backend, "mpi") == 0 && r->mine.code != 0 && r->mine.code != -EOPNOTSUPP &&
        r->mine.code != -ECANCELED)
        return rg_fail(err, (int)r->mine.code, "%s", r->mine.message);
    return code;
}

int rg_session_collective(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    struct round_state *r = calloc(1, sizeof *r);
    *out = (struct rg_round_result){.end_ns = rg_clock_now_ns(), .clock_error_us = NAN};
    if (r == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    r->session = session;
    r->round = round;
    r->settings = rg_session_settings(session, round);
    r->number = number;
    int code = rg_group_open(session, round, &r->group, err);
    if (code == 0 && r->group.self >= 0) {
        r->backend = choose_backend(r);
        r->notes = calloc((size_t)r->group.count, sizeof *r->notes);
        if (r->notes == NULL)
            code = rg_fail(err, -ENOMEM, "no memory");
    }
    if (code == 0)
        code = run_together(r, missing, out, err);
    rg_collective_close(r->collective);
    if (r->mine.code != 0 && r->mine.code != -EOPNOTSUPP) { /* it may be broken */
        rg_communicator_close(session->slot->communicator);
        session->slot->communicator = NULL;
    }
    rg_group_close(&r->group);
    free(r->samples_us);
    free(r->notes);
    free(r);
    return code;
}
