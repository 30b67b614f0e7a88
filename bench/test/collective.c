/* A round of one collective among all ranks. */
#include "coll/collective.h"

#include "base/clock.h"
#include "stat/summary.h"
#include "test/record.h"
#include "test/session.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITERATIONS_LEAST 5
#define ITERATIONS_MOST 1000000

struct group {
    const struct rg_session *session;
    const struct rg_settings *settings;
    struct rg_collective *collective;
    uint64_t iterations, end_ns;
    double *samples_us;
    struct rg_start start;
    struct rg_collective_check check;
};

static int iterate(
    struct group *group, uint64_t iterations, double *samples_us, uint64_t until_ns, struct rg_error *err)
{
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t before_ns = rg_clock_now_ns();
        int code = rg_collective_run(group->collective, until_ns, err);
        if (code != 0)
            return code;
        if (samples_us != NULL)
            samples_us[i] = (double)(rg_clock_now_ns() - before_ns) / 1e3;
    }
    return 0;
}

/* All ranks must do the same number. Bounded by time, trials of growing length show how many will fill it; rank 0 says
 * what is next: a longer trial ("+N"), or the number itself. */
static int agree_iterations(struct group *group, uint64_t give_up_ns, struct rg_error *err)
{
    const struct rg_settings *s = group->settings;
    int code = 0;
    if (s->iterations != RG_NONE) {
        group->iterations = (uint64_t)s->iterations;
        return iterate(group, (uint64_t)s->warmup_iterations, NULL, give_up_ns, err);
    }
    for (uint64_t trial = 1; code == 0 && group->iterations == 0;) {
        char text[32], *told = text;
        uint64_t before_ns = rg_clock_now_ns();
        code = iterate(group, trial, NULL, give_up_ns, err);
        double spent_s = rg_ns_to_seconds(rg_clock_now_ns() - before_ns);
        double fit = fmin(fmax(s->duration_s / fmax(spent_s, 1e-7) * (double)trial, ITERATIONS_LEAST), ITERATIONS_MOST);
        bool longer = spent_s < s->warmup_s / 4 && (double)trial < fit / 8;
        snprintf(text, sizeof text, longer ? "+%.0f" : "%.0f", longer ? (double)trial * 4 : fit);
        if (code == 0)
            code = rg_control_broadcast(
                group->session->control, &told, rg_clock_after_ns(s->deadline_s), "number of iterations", err);
        if (code == 0 && told[0] == '+')
            trial = strtoull(told + 1, NULL, 10);
        else if (code == 0)
            group->iterations = strtoull(told, NULL, 10);
        if (code == 0 && told != text)
            free(told);
    }
    return code;
}

static int measure(struct group *group, struct rg_error *err)
{
    const struct rg_settings *s = group->settings;
    uint64_t give_up_ns = group->start.at_ns + rg_seconds_to_ns(s->warmup_s + s->duration_s + s->deadline_s);
    rg_clock_wait_until(group->start.at_ns);
    int code = agree_iterations(group, give_up_ns, err);
    if (code != 0)
        return code;
    group->samples_us = calloc(group->iterations, sizeof *group->samples_us);
    if (group->samples_us == NULL)
        return rg_fail(err, -ENOMEM, "no memory for the samples");
    code = iterate(group, group->iterations, group->samples_us, give_up_ns, err);
    group->end_ns = rg_clock_now_ns();
    if (code != 0 || !s->verify)
        return code;
    /* The right answer of an earlier iteration must not stand for this one. */
    rg_collective_spoil(group->collective);
    code = iterate(group, 1, NULL, give_up_ns, err);
    if (code == 0)
        rg_collective_verify(group->collective, &group->check);
    return code;
}

/* What each rank tells rank 0: the mean of its samples and what its check found. */
struct share {
    double mean_us;
    struct rg_collective_check check;
};

static int gather_shares(struct group *group, struct share *shares, bool *missing, struct rg_error *err)
{
    char text[192], **texts;
    double sum = 0;
    const struct rg_collective_check *check = &group->check;
    for (uint64_t i = 0; i < group->iterations; i++)
        sum += group->samples_us[i];
    snprintf(text, sizeof text, "%.17g %llu %llu %llu %llx %llx", sum / (double)group->iterations,
        (unsigned long long)check->elements_checked, (unsigned long long)check->mismatches,
        (unsigned long long)check->first_offset_bytes, (unsigned long long)check->expected,
        (unsigned long long)check->got);
    int code = rg_control_gather(group->session->control, text, rg_clock_after_ns(group->settings->deadline_s),
        "results of the collective", &texts, missing, err);
    for (int rank = 0; code == 0 && texts != NULL && rank < rg_control_size(group->session->control); rank++) {
        unsigned long long words[5] = {0};
        /* NOLINTNEXTLINE(cert-err34-c): the text is our own ranks', by the same format */
        if (sscanf(texts[rank], "%lf %llu %llu %llu %llx %llx", &shares[rank].mean_us, &words[0], &words[1], &words[2],
                &words[3], &words[4]) != 6)
            code = rg_fail(err, -EPROTO, "rank %d sent no result", rank);
        shares[rank].check = (struct rg_collective_check){words[0], words[1], words[2], words[3], words[4]};
    }
    rg_control_free_texts(group->session->control, texts);
    return code;
}

static void describe_times(struct group *group, const struct share *shares, struct rg_measurement *out)
{
    int ranks = rg_control_size(group->session->control);
    struct rg_summary summary;
    struct rg_collective_result *result = &out->collective;
    rg_summary_of(group->samples_us, group->iterations, &summary);
    *result = (struct rg_collective_result){
        .reduction = "sum",
        .data_type = "float32",
        .library = "mpi",
        .iterations = (int64_t)group->iterations,
        .time_min_us = shares[0].mean_us,
        .time_max_us = shares[0].mean_us,
        .time_p50_us = summary.p50,
        .time_p99_us = summary.p99,
    };
    for (int rank = 0; rank < ranks; rank++) {
        result->time_avg_us += shares[rank].mean_us / ranks;
        result->time_min_us = fmin(result->time_min_us, shares[rank].mean_us);
        result->time_max_us = fmax(result->time_max_us, shares[rank].mean_us);
    }
    result->algbw_gigabytes_per_s = (double)out->size_bytes / 1e3 / result->time_avg_us;
    result->busbw_gigabytes_per_s = result->algbw_gigabytes_per_s * rg_collective_bus_factor(ranks);
    out->has_window = out->has_collective = true;
    out->window =
        (struct rg_window){0, rg_ns_to_seconds(group->end_ns - group->start.at_ns), group->start.clock_error_us};
}

static void describe_group(
    const struct group *group, const struct rg_round *round, int64_t number, struct rg_measurement *out)
{
    rg_session_describe(group->session, round, number, -1, -1, out);
    out->kind = "collective";
    out->memory = "host";
    out->transport = out->backend = "mpi";
    out->hardware_reason = "over MPI on host memory: no GPU and no RDMA device has a part in it";
    out->has_group = true;
    out->group = (struct rg_group){"world", NULL, NULL, rg_control_size(group->session->control), RG_NONE};
}

static char *record(struct group *group, const struct rg_round *round, int64_t number, const struct share *shares)
{
    struct rg_measurement measurement;
    struct rg_record_texts texts;
    describe_group(group, round, number, &measurement);
    measurement.status = "ok";
    describe_times(group, shares, &measurement);
    int worst = 0;
    uint64_t checked = 0;
    for (int rank = 0; rank < rg_control_size(group->session->control); rank++) {
        checked += shares[rank].check.elements_checked;
        if (shares[rank].check.mismatches > shares[worst].check.mismatches)
            worst = rank;
    }
    const struct rg_collective_check *check = &shares[worst].check;
    struct rg_mismatch found = {checked, check->mismatches, check->first_offset_bytes, check->expected, check->got};
    rg_record_integrity(&found, group->settings->verify, &group->session->ranks[worst], &measurement, &texts);
    return rg_measurement_line(&measurement);
}

/* The record of a collective that could not be run. */
static char *record_failure(
    struct group *group, const struct rg_round *round, int64_t number, int code, const struct rg_error *why)
{
    struct rg_measurement measurement;
    describe_group(group, round, number, &measurement);
    measurement.status = code == -EOPNOTSUPP ? "unsupported" : "failed";
    measurement.reason = why->text;
    return rg_measurement_line(&measurement);
}

static int run_together(struct group *group, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    struct rg_error why = {{0}};
    bool root = group->session->rank == 0;
    int failed = rg_collective_open(
        "mpi", (uint64_t)round->size_bytes, (uint64_t)group->session->orders->seed, &group->collective, &why);
    int code = rg_control_start(group->session->control, failed == 0 || failed == -EOPNOTSUPP ? "" : why.text,
        rg_clock_after_ns(3 * group->settings->deadline_s), "start of the round", &group->start, missing, err);
    if (code != 0)
        return code;
    out->started = true;
    out->clock_error_us = group->start.clock_error_us;
    if (failed == 0) {
        failed = measure(group, &why);
        out->end_ns = rg_clock_now_ns();
    }
    if (failed != 0) {
        if (root)
            out->line = record_failure(group, round, number, failed, &why);
        if (failed != -EOPNOTSUPP)
            *err = why;
        return failed == -EOPNOTSUPP ? 0 : failed; /* a failure in the middle leaves the ranks out of step */
    }
    struct share *shares = calloc((size_t)rg_control_size(group->session->control), sizeof *shares);
    if (shares == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    code = gather_shares(group, shares, missing, err);
    if (code == 0 && root)
        out->line = record(group, round, number, shares);
    free(shares);
    return code;
}

int rg_session_collective(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err)
{
    struct group group = {.session = session, .settings = rg_session_settings(session, round)};
    *out = (struct rg_round_result){.end_ns = rg_clock_now_ns(), .clock_error_us = NAN};
    int code = run_together(&group, round, number, missing, out, err);
    rg_collective_close(group.collective);
    free(group.samples_us);
    return code;
}
