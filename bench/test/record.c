#include "test/record.h"

#include "base/clock.h"
#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct rg_measurement *out, struct rg_record_texts *texts, const char *reason)
{
    out->status = "failed";
    snprintf(texts->reason, sizeof texts->reason, "%s", reason);
    out->reason = texts->reason;
}

void rg_record_plan(const struct rg_suite *suite, const struct rg_round *round, bool load, struct rg_measurement *out)
{
    const struct rg_settings *settings = &suite->tests[round->test_index];
    bool bandwidth = load || rg_test_kind_of(settings->test) == RG_TEST_BANDWIDTH;
    bool congestion = round->links == NULL && round->schedule.pattern == RG_PATTERN_CONGESTION;
    bool loaded = congestion && rg_schedule_is_loaded(&round->schedule, round->turn);
    out->kind = "flow";
    out->test_index = (int64_t)round->test_index;
    out->test = !load ? settings->test : rg_test_over_tcp(settings->test) ? "tcp_bw" : "rdma_write_bw";
    out->size_bytes = load ? settings->load_bytes : round->size_bytes;
    out->pattern = rg_plan_pattern(suite, round);
    out->phase = !congestion ? NULL : load ? "load" : loaded ? "loaded" : "alone";
    out->direction = !bandwidth ? NULL : load ? "one_way" : settings->direction;
    out->queue_pairs = bandwidth ? settings->queue_pairs : 1;
    out->has_flow = true;
    out->flow.initiator = strncmp(out->test, "rdma_read", 9) == 0 ? "to" : "from";
}

static double gbps(double bytes, uint64_t ns)
{
    return ns > 0 ? bytes * 8 / (double)ns : 0; /* bits a nanosecond are Gb/s */
}

static void record_subwindows(
    const struct rg_marks *marks, uint64_t start_ns, uint64_t message_bytes, struct rg_subwindows *out, double *scratch)
{
    struct rg_summary summary;
    size_t parts = (size_t)marks->count - 1;
    for (size_t i = 0; i < parts; i++) {
        double messages = marks->messages[i + 1] - marks->messages[i];
        out->end_s.values[i] = rg_ns_to_seconds(marks->at_ns[i + 1] - start_ns);
        scratch[i] = out->gbps.values[i] =
            gbps(messages * (double)message_bytes, marks->at_ns[i + 1] - marks->at_ns[i]);
    }
    rg_summary_of(scratch, parts, &summary);
    out->median_gbps = summary.p50;
    out->p5_gbps = summary.p5;
    out->min_gbps = summary.min;
    /* Parts that share a completion tell the same twice: that narrows no interval. */
    out->ci95_low_gbps = marks->seen < parts ? NAN : summary.ci95_low;
    out->ci95_high_gbps = marks->seen < parts ? NAN : summary.ci95_high;
}

void rg_record_bandwidth(const struct rg_marks *marks, uint64_t start_ns, uint64_t message_bytes,
    struct rg_measurement *out, struct rg_record_texts *texts)
{
    size_t last = (size_t)marks->count - 1;
    struct rg_bandwidth *bandwidth = &out->bandwidth;
    double messages = marks->messages[last] - marks->messages[0];
    uint64_t ns = marks->at_ns[last] - marks->at_ns[0];
    out->has_window = true;
    out->window.start_s = rg_ns_to_seconds(marks->at_ns[0] - start_ns);
    out->window.duration_s = rg_ns_to_seconds(ns);
    if (marks->seen == 0 || messages < 1) {
        fail(out, texts, "no message was completed within the window: measure longer, or smaller messages");
        return;
    }
    double *scratch = calloc(last, sizeof *scratch);
    bandwidth->subwindows.end_s = (struct rg_numbers){calloc(last, sizeof(double)), last};
    bandwidth->subwindows.gbps = (struct rg_numbers){calloc(last, sizeof(double)), last};
    if (scratch == NULL || bandwidth->subwindows.end_s.values == NULL || bandwidth->subwindows.gbps.values == NULL) {
        fail(out, texts, "no memory for the sub-windows");
        free(scratch);
        return;
    }
    out->status = "ok";
    out->has_bandwidth = true;
    bandwidth->bytes = llround(messages * (double)message_bytes);
    bandwidth->messages = llround(messages);
    bandwidth->bandwidth_gbps = gbps(messages * (double)message_bytes, ns);
    bandwidth->message_rate_per_s = messages / rg_ns_to_seconds(ns);
    record_subwindows(marks, start_ns, message_bytes, &bandwidth->subwindows, scratch);
    free(scratch);
}

void rg_record_latency(const struct rg_samples *samples, uint64_t start_ns, bool keep, struct rg_measurement *out,
    struct rg_record_texts *texts)
{
    struct rg_latency *latency = &out->latency;
    struct rg_summary summary;
    if (samples->count == 0) {
        fail(out, texts, "no round trip ended within the window: measure longer");
        return;
    }
    double *values = calloc(samples->count, sizeof *values);
    if (values == NULL) {
        fail(out, texts, "no memory for the samples");
        return;
    }
    bool read = strcmp(out->test, "rdma_read_lat") == 0, sent = strcmp(out->test, "rdma_send_lat") == 0;
    bool tcp = rg_test_over_tcp(out->test);
    double divisor = read ? 1e3 : 2e3;
    latency->method = read ? "round_trip" : "half_round_trip";
    if (latency->arrival == NULL)
        latency->arrival = read ? "send_completion" : sent ? "receive_completion" : tcp ? "socket_read" : "last_byte";
    for (uint64_t i = 0; i < samples->count; i++)
        values[i] = (double)samples->ns[i] / divisor;
    if (keep && (latency->samples_us.values = calloc(samples->count, sizeof *values)) != NULL) {
        memcpy(latency->samples_us.values, values, samples->count * sizeof *values);
        latency->samples_us.count = samples->count;
    }
    rg_summary_of(values, samples->count, &summary);
    free(values);
    out->status = "ok";
    out->has_window = out->has_latency = true;
    out->window.start_s = rg_ns_to_seconds(samples->first_ns - start_ns);
    out->window.duration_s = rg_ns_to_seconds(samples->last_ns - samples->first_ns);
    latency->samples = (int64_t)samples->count;
    latency->min_us = summary.min;
    latency->p50_us = summary.p50;
    latency->p90_us = summary.p90;
    latency->p99_us = summary.p99;
    latency->p99_9_us = summary.p99_9;
    latency->max_us = summary.max;
    latency->mean_us = summary.mean;
    latency->stddev_us = summary.stddev;
    latency->ci95_low_us = summary.ci95_low;
    latency->ci95_high_us = summary.ci95_high;
}

const char *rg_record_status(int64_t code)
{
    if (code == -EOPNOTSUPP)
        return "unsupported";
    return code == -ENXIO || code == -ETIME || code == -ENOSPC || code == -EAGAIN ? "not_run" : "failed";
}

void rg_record_integrity(const struct rg_mismatch *found, bool checked, const struct rg_rank_facts *at,
    struct rg_measurement *out, struct rg_record_texts *texts)
{
    struct rg_integrity *integrity = &out->integrity;
    out->has_integrity = true;
    *integrity = (struct rg_integrity){
        .status = !checked            ? "not_run"
                  : found->mismatches ? "mismatch"
                                      : "ok",
        .reason = checked ? NULL : "the test was asked not to verify",
        .words_checked = (int64_t)found->words_checked,
        .mismatches = (int64_t)found->mismatches,
        .has_first = found->mismatches > 0,
    };
    if (found->mismatches == 0)
        return;
    snprintf(texts->expected, sizeof texts->expected, "0x%016llx", (unsigned long long)found->expected);
    snprintf(texts->got, sizeof texts->got, "0x%016llx", (unsigned long long)found->got);
    integrity->first = (struct rg_first_mismatch){
        at->node.node, texts->expected, texts->got, at->rail.rank, at->rail.rail, (int64_t)found->first_offset_bytes};
    char reason[sizeof texts->reason];
    snprintf(reason, sizeof reason,
        "data arrived damaged at rank %lld (%s, rail %lld): %llu of %llu words differ, the first at offset %llu: "
        "expected "
        "%s, got %s",
        (long long)at->rail.rank, at->node.node, (long long)at->rail.rail, (unsigned long long)found->mismatches,
        (unsigned long long)found->words_checked, (unsigned long long)found->first_offset_bytes, texts->expected,
        texts->got);
    fail(out, texts, reason);
}
