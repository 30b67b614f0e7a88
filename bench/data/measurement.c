#include "data/measurement.h"

#include "data/fields.h"
#include "data/suite.h"
#include "fleet/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"flow", "collective", "copy", NULL};
static const char *const statuses[] = {"ok", "failed", "unsupported", "not_run", NULL};
static const char *const directions[] = {"one_way", "both_ways", NULL};
static const char *const registrations[] = {"host", "dmabuf", "data_direct", "peermem", NULL};
static const char *const transports[] = {"verbs", "tcp", "mpi", "nccl", "cuda", "sim", NULL};
static const char *const patterns[] = {
    "pairs", "screen", "ring", "all_to_all", "incast", "outcast", "loopback", "congestion", "confirm", NULL};
static const char *const phases[] = {"alone", "loaded", "load", NULL};
static const char *const initiators[] = {"from", "to", NULL};
static const char *const methods[] = {"half_round_trip", "round_trip", NULL};
static const char *const arrivals[] = {
    "last_byte", "immediate", "receive_completion", "send_completion", "socket_read", NULL};
static const char *const integrities[] = {"ok", "mismatch", "not_run", NULL};

#define S rg_end
static const struct rg_option end_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail), RG_FIELD_COUNTED(rank),
    RG_FIELD_TEXT_OR_NULL(device), RG_FIELD_TEXT_OR_NULL(gpu), RG_FIELD_WORD_OR_NULL(registration, registrations),
    RG_FIELD_TEXT_OR_NULL(registration_note)};
static const struct rg_shape end_shape = RG_FIELD_SHAPE(end_rows);
#undef S

#define S rg_fault
static const struct rg_option fault_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail), RG_FIELD_COUNTED(rank),
    RG_FIELD_TEXT_OR_NULL(device), RG_FIELD_TEXT(step), RG_FIELD_TEXT_OR_NULL(status), RG_FIELD_TEXT(message)};
static const struct rg_shape fault_shape = RG_FIELD_SHAPE(fault_rows);
#undef S

#define S rg_flow_ends
static const struct rg_option flow_rows[] = {RG_FIELD_WORD(initiator, initiators)};
static const struct rg_section flow_sections[] = {
    {"from", &end_shape, offsetof(struct S, from), 0, true},
    {"to", &end_shape, offsetof(struct S, to), 0, true},
};
static const struct rg_shape flow_shape = {
    flow_rows, RG_FIELD_COUNT(flow_rows), flow_sections, RG_FIELD_COUNT(flow_sections), NULL};
#undef S

#define S rg_group
static const struct rg_option group_rows[] = {RG_FIELD_WORD(scope, rg_suite_group_words), RG_FIELD_COUNTED(ranks),
    RG_FIELD_TEXT_OR_NULL(node), RG_FIELD_TEXT_OR_NULL(peer_node), RG_FIELD_RAIL_OR_NULL(rail)};
static const struct rg_shape group_shape = RG_FIELD_SHAPE(group_rows);
#undef S

#define S rg_path
static const struct rg_option path_rows[] = {RG_FIELD_COUNTED(mtu_bytes), RG_FIELD_COUNTED(ip_version),
    RG_FIELD_COUNTED_OR_NULL(gid_index_from), RG_FIELD_COUNTED_OR_NULL(gid_index_to),
    {.key = "payload_share", .type = RG_NUMBER, RG_FIELD_AT(payload_share), .min = 0, .max = 1}};
static const struct rg_shape path_shape = RG_FIELD_SHAPE(path_rows);
#undef S

#define S rg_window
static const struct rg_option window_rows[] = {
    RG_FIELD_REAL(start_s), RG_FIELD_REAL(duration_s), RG_FIELD_REAL(clock_error_us)};
static const struct rg_shape window_shape = RG_FIELD_SHAPE(window_rows);
#undef S

#define S rg_subwindows
static const struct rg_option subwindow_rows[] = {
    {.key = "end_s", .type = RG_NUMBERS, RG_FIELD_AT(end_s), .min = 0, .max = 1e300},
    {.key = "gbps", .type = RG_NUMBERS, RG_FIELD_AT(gbps), .min = 0, .max = 1e300}, RG_FIELD_REAL(median_gbps),
    RG_FIELD_REAL(p5_gbps), RG_FIELD_REAL(min_gbps), RG_FIELD_REAL_OR_NULL(ci95_low_gbps),
    RG_FIELD_REAL_OR_NULL(ci95_high_gbps)};
static const struct rg_shape subwindow_shape = RG_FIELD_SHAPE(subwindow_rows);
#undef S

#define S rg_bandwidth
static const struct rg_option bandwidth_rows[] = {RG_FIELD_COUNTED(bytes), RG_FIELD_COUNTED(messages),
    RG_FIELD_REAL(bandwidth_gbps), RG_FIELD_REAL(message_rate_per_s)};
static const struct rg_section bandwidth_sections[] = {
    {"subwindows", &subwindow_shape, offsetof(struct S, subwindows), 0, true},
};
static const struct rg_shape bandwidth_shape = {
    bandwidth_rows, RG_FIELD_COUNT(bandwidth_rows), bandwidth_sections, 1, NULL};
#undef S

#define S rg_latency
static const struct rg_option latency_rows[] = {RG_FIELD_WORD(method, methods), RG_FIELD_WORD(arrival, arrivals),
    {.key = "in_order_guaranteed", .type = RG_MAYBE, RG_FIELD_AT(in_order_guaranteed), .nullable = true},
    RG_FIELD_COUNTED(samples), RG_FIELD_REAL(min_us), RG_FIELD_REAL(p50_us), RG_FIELD_REAL(p90_us),
    RG_FIELD_REAL(p99_us), RG_FIELD_REAL(p99_9_us), RG_FIELD_REAL(max_us), RG_FIELD_REAL(mean_us),
    RG_FIELD_REAL(stddev_us), {.key = "p50_ci95_low_us", .type = RG_NUMBER, RG_FIELD_AT(ci95_low_us), .nullable = true},
    {.key = "p50_ci95_high_us", .type = RG_NUMBER, RG_FIELD_AT(ci95_high_us), .nullable = true},
    {.key = "samples_us", .type = RG_NUMBERS, RG_FIELD_AT(samples_us), .nullable = true}};
static const struct rg_shape latency_shape = RG_FIELD_SHAPE(latency_rows);
#undef S

#define S rg_collective_result
static const struct rg_option collective_rows[] = {RG_FIELD_WORD(data_type, rg_suite_data_type_words),
    RG_FIELD_WORD_OR_NULL(reduction, rg_suite_reduction_words), RG_FIELD_FLAG(in_place), RG_FIELD_FLAG(cuda_graph),
    RG_FIELD_FLAG(registered_buffers), RG_FIELD_TEXT(library), RG_FIELD_TEXT_OR_NULL(plugin),
    RG_FIELD_TEXT_OR_NULL(settings), RG_FIELD_COUNTED(iterations),
    {.key = "calls_per_sample",
        .type = RG_INTEGER,
        .offset = offsetof(struct S, calls_per_sample),
        .min = 1,
        .max = RG_FIELD_MOST,
        .nullable = true}, /* earlier versions left it out */
    RG_FIELD_COUNTED(moved_bytes), RG_FIELD_REAL(time_avg_us), RG_FIELD_REAL(time_min_us), RG_FIELD_REAL(time_max_us),
    RG_FIELD_REAL(time_p50_us), RG_FIELD_REAL(time_p99_us), RG_FIELD_REAL(algbw_gigabytes_per_s),
    RG_FIELD_REAL(busbw_gigabytes_per_s)};
static const struct rg_shape collective_shape = RG_FIELD_SHAPE(collective_rows);
#undef S

#define S rg_copy
static const struct rg_option copy_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail), RG_FIELD_COUNTED(rank),
    RG_FIELD_WORD(copy, rg_suite_copy_words), RG_FIELD_WORD(by, rg_suite_copy_by_words), RG_FIELD_TEXT_OR_NULL(gpu),
    RG_FIELD_TEXT_OR_NULL(peer_gpu), RG_FIELD_WORD_OR_NULL(numa, rg_suite_numa_words),
    RG_FIELD_COUNTED_OR_NULL(numa_node)};
static const struct rg_shape copy_shape = RG_FIELD_SHAPE(copy_rows);
#undef S

#define S rg_first_mismatch
static const struct rg_option first_rows[] = {RG_FIELD_COUNTED(rank), RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail),
    RG_FIELD_COUNTED(offset_bytes), RG_FIELD_TEXT(expected), RG_FIELD_TEXT(got)};
static const struct rg_shape first_shape = RG_FIELD_SHAPE(first_rows);
#undef S

#define S rg_integrity
static const struct rg_option integrity_rows[] = {RG_FIELD_WORD(status, integrities), RG_FIELD_TEXT_OR_NULL(reason),
    RG_FIELD_COUNTED(words_checked), RG_FIELD_COUNTED(mismatches)};
static const struct rg_section integrity_sections[] = {
    {"first", &first_shape, offsetof(struct S, first), offsetof(struct S, has_first), false},
};
static const struct rg_shape integrity_shape = {
    integrity_rows, RG_FIELD_COUNT(integrity_rows), integrity_sections, 1, NULL};
#undef S

#define S rg_measurement
static const struct rg_option measurement_rows[] = {RG_FIELD_TEXT(run_id), RG_FIELD_COUNTED(sequence),
    RG_FIELD_COUNTED(round), RG_FIELD_COUNTED(test_index), RG_FIELD_WORD(test, rg_test_names),
    RG_FIELD_WORD(kind, kinds), RG_FIELD_WORD(status, statuses), RG_FIELD_TEXT_OR_NULL(reason),
    {.key = "size_bytes", .type = RG_BYTES, RG_FIELD_AT(size_bytes), .min = 1, .max = RG_SIZE_MOST},
    RG_FIELD_WORD_OR_NULL(direction, directions), RG_FIELD_WORD(memory, rg_suite_memory_words),
    RG_FIELD_WORD_OR_NULL(pattern, patterns), RG_FIELD_WORD_OR_NULL(phase, phases),
    RG_FIELD_COUNTED_OR_NULL(queue_pairs), RG_FIELD_WORD(transport, transports), RG_FIELD_TEXT_OR_NULL(backend),
    {.key = "hardware", .type = RG_FLAG, RG_FIELD_AT(hardware)}, RG_FIELD_TEXT_OR_NULL(hardware_reason)};
#define SECTION(member, shape)                                                                                         \
    {                                                                                                                  \
#member, &(shape), offsetof(struct S, member), offsetof(struct S, has_##member), false                         \
    }
static const struct rg_section measurement_sections[] = {
    SECTION(error, fault_shape),
    SECTION(flow, flow_shape),
    SECTION(group, group_shape),
    SECTION(path, path_shape),
    SECTION(window, window_shape),
    SECTION(bandwidth, bandwidth_shape),
    SECTION(latency, latency_shape),
    SECTION(collective, collective_shape),
    SECTION(copy, copy_shape),
    SECTION(integrity, integrity_shape),
};
#undef S
static const struct rg_shape measurement_shape = {measurement_rows, RG_FIELD_COUNT(measurement_rows),
    measurement_sections, RG_FIELD_COUNT(measurement_sections),
    (const char *const[]){"schema_version", "document", "gpus", "counters", NULL}};

void rg_measurement_clear(struct rg_measurement *out)
{
    rg_json_clear(&measurement_shape, out);
    out->gpus = NULL;
    out->gpu_count = 0;
    out->counters = NULL;
    out->counter_count = 0;
    out->root = NULL;
    out->texts = NULL;
}

char *rg_measurement_line(const struct rg_measurement *measurement)
{
    cJSON *object = rg_json_document("measurement");
    rg_json_write(object, &measurement_shape, measurement);
    rg_json_add_gpu_reports(object, "gpus", measurement->gpus, measurement->gpu_count);
    rg_json_add_counters(object, "counters", measurement->counters, measurement->counter_count);
    char *line = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return line;
}

/* What the shape cannot say. */
static int check(const struct rg_measurement *m, const struct rg_place *place, struct rg_error *err)
{
    bool ok = strcmp(m->status, "ok") == 0;
    if (!rg_json_is_run_id(m->run_id))
        return rg_json_refuse(place, err, "run_id: '%s' is no id of a run", m->run_id);
    if (ok != (m->reason == NULL))
        return rg_json_refuse(place, err, "a measurement has a reason just when its status is not ok");
    if (m->hardware != (m->hardware_reason == NULL))
        return rg_json_refuse(place, err, "a measurement has a hardware_reason just when hardware is false");
    if (m->has_flow != (strcmp(m->kind, "flow") == 0) || m->has_group != (strcmp(m->kind, "collective") == 0) ||
        m->has_copy != (strcmp(m->kind, "copy") == 0))
        return rg_json_refuse(place, err, "a flow has a flow, a collective a group, a copy a copy, and none another's");
    if (ok && m->has_bandwidth + m->has_latency + m->has_collective != 1)
        return rg_json_refuse(place, err, "a measurement that is ok has one of bandwidth, latency and collective");
    enum rg_test_kind kind = rg_test_kind_of(m->test);
    if ((m->has_bandwidth && kind != RG_TEST_BANDWIDTH && kind != RG_TEST_COPY) ||
        (m->has_latency && kind != RG_TEST_LATENCY) || (m->has_collective && kind != RG_TEST_COLLECTIVE))
        return rg_json_refuse(place, err, "%s has not that kind of result", m->test);
    bool tcp = rg_test_over_tcp(m->test);
    int gids = (m->path.gid_index_from != RG_NONE) + (m->path.gid_index_to != RG_NONE);
    if (tcp != (strcmp(m->transport, "tcp") == 0))
        return rg_json_refuse(place, err, "%s is not over %s", m->test, m->transport);
    if (m->has_path && gids != (tcp ? 0 : 2))
        return rg_json_refuse(place, err, "path: a path over RDMA has GIDs, one over TCP has none");
    if (m->has_latency && tcp != (strcmp(m->latency.arrival, "socket_read") == 0))
        return rg_json_refuse(place, err, "latency: arrival: %s is not how %s sees it", m->latency.arrival, m->test);
    bool damaged = m->has_integrity && strcmp(m->integrity.status, "mismatch") == 0;
    if (m->has_integrity && damaged != (m->integrity.mismatches > 0))
        return rg_json_refuse(place, err, "integrity: mismatches and status disagree");
    if (ok && damaged)
        return rg_json_refuse(place, err, "a measurement of damaged data is not ok");
    if (m->has_bandwidth && m->bandwidth.subwindows.end_s.count != m->bandwidth.subwindows.gbps.count)
        return rg_json_refuse(place, err, "subwindows: end_s and gbps differ in length");
    return 0;
}

/* Frees the document: its texts are few, its numbers are in the structure, and as a tree it takes ten times their room.
 */
static void let_go_of_document(struct rg_measurement *m)
{
    size_t bytes = rg_json_move_texts(&measurement_shape, m, NULL);
    for (size_t i = 0; i < m->counter_count; i++)
        bytes += rg_json_move_texts(&rg_json_counter_report, &m->counters[i], NULL);
    if (m->gpu_count > 0 || (m->texts = malloc(bytes)) == NULL)
        return;
    size_t used = rg_json_move_texts(&measurement_shape, m, m->texts);
    for (size_t i = 0; i < m->counter_count; i++)
        used += rg_json_move_texts(&rg_json_counter_report, &m->counters[i], m->texts + used);
    cJSON_Delete(m->root);
    m->root = NULL;
}

int rg_measurement_read(const char *line, const char *name, struct rg_measurement *out, struct rg_error *err)
{
    struct rg_place place = {.file = name};
    struct rg_measurement measurement;
    rg_measurement_clear(&measurement);
    int code = rg_json_parse(line, name, "measurement", &measurement.root, err);
    if (code == 0)
        code = rg_json_read(measurement.root, &measurement_shape, &measurement, &place, err);
    if (code == 0)
        code =
            rg_json_read_gpu_reports(measurement.root, "gpus", &place, &measurement.gpus, &measurement.gpu_count, err);
    if (code == 0)
        code = rg_json_read_counters(
            measurement.root, "counters", &place, &measurement.counters, &measurement.counter_count, err);
    if (code == 0)
        code = check(&measurement, &place, err);
    if (code != 0) {
        rg_measurement_close(&measurement);
        return code;
    }
    let_go_of_document(&measurement);
    *out = measurement;
    return 0;
}

void rg_measurement_close(struct rg_measurement *measurement)
{
    rg_json_release(&measurement_shape, measurement);
    if (measurement->root != NULL || measurement->texts != NULL) { /* of one that was made, they are the maker's */
        free(measurement->gpus);
        free(measurement->counters);
    }
    cJSON_Delete(measurement->root);
    free(measurement->texts);
    measurement->root = NULL;
    measurement->texts = NULL;
}

void rg_measurement_variant(const struct rg_measurement *m, char *out, size_t room)
{
    const struct rg_collective_result *c = &m->collective;
    const char *from = m->flow.from.registration, *to = m->flow.to.registration;
    out[0] = '\0';
    if (m->has_collective)
        snprintf(out, room, "%s%s%s %s %s%s%s", c->data_type, c->reduction ? " " : "", c->reduction ? c->reduction : "",
            c->in_place ? "in_place" : "out_of_place", m->group.scope, c->cuda_graph ? " graph" : "",
            c->registered_buffers ? " registered" : "");
    else if (m->has_copy)
        snprintf(out, room, "%s %s%s%s", m->copy.copy, m->copy.by, m->copy.numa ? " " : "",
            m->copy.numa ? m->copy.numa : "");
    else if (m->has_flow && from != NULL && to != NULL && strcmp(m->memory, "host") != 0)
        snprintf(out, room, "%s%s%s", from, strcmp(from, to) != 0 ? " to " : "", strcmp(from, to) != 0 ? to : "");
}

bool rg_measurement_exclusive_pattern(const char *pattern)
{
    return strcmp(pattern, "confirm") == 0 ||
           rg_schedule_is_exclusive((enum rg_pattern)rg_json_word_place(rg_suite_pattern_words, pattern));
}

bool rg_measurement_is_exclusive(const struct rg_measurement *m)
{
    return m->has_flow && m->pattern != NULL && rg_measurement_exclusive_pattern(m->pattern);
}

void rg_measurement_pattern(const struct rg_measurement *m, char *out, size_t room)
{
    bool shares = m->has_flow && m->pattern != NULL && !rg_measurement_is_exclusive(m);
    bool crosses = m->has_flow && m->flow.from.rail != m->flow.to.rail;
    snprintf(out, room, "%s%s%s%s%s", shares ? m->pattern : "", m->phase ? " " : "", m->phase ? m->phase : "",
        shares && crosses ? " " : "", crosses ? "cross" : "");
}
