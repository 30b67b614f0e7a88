#include "data/measurement.h"

#include "data/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MOST 9007199254740992.0 /* 2^53 */

static const char *const kinds[] = {"flow", "collective", NULL};
static const char *const statuses[] = {"ok", "failed", "unsupported", "not_run", NULL};
static const char *const directions[] = {"one_way", "both_ways", NULL};
static const char *const memories[] = {"host", NULL};
static const char *const transports[] = {"verbs", "mpi", NULL};
static const char *const initiators[] = {"from", "to", NULL};
static const char *const methods[] = {"half_round_trip", "round_trip", NULL};
static const char *const arrivals[] = {"last_byte", "immediate", "receive_completion", "send_completion", NULL};
static const char *const integrities[] = {"ok", "mismatch", "not_run", NULL};

/* Rows of the structure S: a name is both the JSON key and the member. */
#define AT(member) .offset = offsetof(struct S, member), .required = true
#define TEXT(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, AT(member)                                                                    \
    }
#define TEXT_OR_NULL(member)                                                                                           \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, AT(member), .nullable = true                                                  \
    }
#define WORD(member, words)                                                                                            \
    {                                                                                                                  \
        .key = #member, .type = RG_CHOICE, AT(member), .choices = (words)                                              \
    }
#define WORD_OR_NULL(member, words)                                                                                    \
    {                                                                                                                  \
        .key = #member, .type = RG_CHOICE, AT(member), .choices = (words), .nullable = true                            \
    }
#define COUNTED(member)                                                                                                \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, AT(member), .min = 0, .max = MOST                                          \
    }
#define COUNTED_OR_NULL(member)                                                                                        \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, AT(member), .min = 0, .max = MOST, .nullable = true                        \
    }
#define RAIL(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, AT(member), .min = 0, .max = 63                                            \
    }
#define REAL(member)                                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_NUMBER, AT(member), .min = 0, .max = 1e300                                          \
    }
#define REAL_OR_NULL(member)                                                                                           \
    {                                                                                                                  \
        .key = #member, .type = RG_NUMBER, AT(member), .min = 0, .max = 1e300, .nullable = true                        \
    }
#define SHAPE(rows_)                                                                                                   \
    {                                                                                                                  \
        .rows = (rows_), .row_count = COUNT(rows_)                                                                     \
    }

#define S rg_end
static const struct rg_option end_rows[] = {TEXT(node), RAIL(rail), COUNTED(rank), TEXT_OR_NULL(device)};
static const struct rg_shape end_shape = SHAPE(end_rows);
#undef S

#define S rg_fault
static const struct rg_option fault_rows[] = {
    TEXT(node), RAIL(rail), COUNTED(rank), TEXT_OR_NULL(device), TEXT(step), TEXT_OR_NULL(status), TEXT(message)};
static const struct rg_shape fault_shape = SHAPE(fault_rows);
#undef S

#define S rg_flow_ends
static const struct rg_option flow_rows[] = {WORD(initiator, initiators)};
static const struct rg_section flow_sections[] = {
    {"from", &end_shape, offsetof(struct S, from), 0, true},
    {"to", &end_shape, offsetof(struct S, to), 0, true},
};
static const struct rg_shape flow_shape = {flow_rows, COUNT(flow_rows), flow_sections, COUNT(flow_sections), NULL};
#undef S

#define S rg_group
static const struct rg_option group_rows[] = {TEXT(scope), COUNTED(ranks)};
static const struct rg_shape group_shape = SHAPE(group_rows);
#undef S

#define S rg_path
static const struct rg_option path_rows[] = {COUNTED(mtu_bytes), COUNTED(ip_version), COUNTED(gid_index_from),
    COUNTED(gid_index_to), {.key = "payload_share", .type = RG_NUMBER, AT(payload_share), .min = 0, .max = 1}};
static const struct rg_shape path_shape = SHAPE(path_rows);
#undef S

#define S rg_window
static const struct rg_option window_rows[] = {REAL(start_s), REAL(duration_s), REAL(clock_error_us)};
static const struct rg_shape window_shape = SHAPE(window_rows);
#undef S

#define S rg_subwindows
static const struct rg_option subwindow_rows[] = {
    {.key = "end_s", .type = RG_NUMBERS, AT(end_s), .min = 0, .max = 1e300},
    {.key = "gbps", .type = RG_NUMBERS, AT(gbps), .min = 0, .max = 1e300}, REAL(median_gbps), REAL(p5_gbps),
    REAL(min_gbps), REAL_OR_NULL(ci95_low_gbps), REAL_OR_NULL(ci95_high_gbps)};
static const struct rg_shape subwindow_shape = SHAPE(subwindow_rows);
#undef S

#define S rg_bandwidth
static const struct rg_option bandwidth_rows[] = {
    COUNTED(bytes), COUNTED(messages), REAL(bandwidth_gbps), REAL(message_rate_per_s)};
static const struct rg_section bandwidth_sections[] = {
    {"subwindows", &subwindow_shape, offsetof(struct S, subwindows), 0, true},
};
static const struct rg_shape bandwidth_shape = {bandwidth_rows, COUNT(bandwidth_rows), bandwidth_sections, 1, NULL};
#undef S

#define S rg_latency
static const struct rg_option latency_rows[] = {WORD(method, methods), WORD(arrival, arrivals),
    {.key = "in_order_guaranteed", .type = RG_MAYBE, AT(in_order_guaranteed), .nullable = true}, COUNTED(samples),
    REAL(min_us), REAL(p50_us), REAL(p90_us), REAL(p99_us), REAL(p99_9_us), REAL(max_us), REAL(mean_us),
    REAL(stddev_us), {.key = "p50_ci95_low_us", .type = RG_NUMBER, AT(ci95_low_us), .nullable = true},
    {.key = "p50_ci95_high_us", .type = RG_NUMBER, AT(ci95_high_us), .nullable = true},
    {.key = "samples_us", .type = RG_NUMBERS, AT(samples_us), .nullable = true}};
static const struct rg_shape latency_shape = SHAPE(latency_rows);
#undef S

#define S rg_collective_result
static const struct rg_option collective_rows[] = {TEXT(operation), TEXT(data_type),
    {.key = "in_place", .type = RG_FLAG, AT(in_place)}, COUNTED(iterations), REAL(time_avg_us), REAL(time_min_us),
    REAL(time_max_us), REAL(time_p50_us), REAL(time_p99_us), REAL(algbw_gigabytes_per_s), REAL(busbw_gigabytes_per_s)};
static const struct rg_shape collective_shape = SHAPE(collective_rows);
#undef S

#define S rg_first_mismatch
static const struct rg_option first_rows[] = {
    COUNTED(rank), TEXT(node), RAIL(rail), COUNTED(offset_bytes), TEXT(expected), TEXT(got)};
static const struct rg_shape first_shape = SHAPE(first_rows);
#undef S

#define S rg_integrity
static const struct rg_option integrity_rows[] = {
    WORD(status, integrities), TEXT_OR_NULL(reason), COUNTED(words_checked), COUNTED(mismatches)};
static const struct rg_section integrity_sections[] = {
    {"first", &first_shape, offsetof(struct S, first), offsetof(struct S, has_first), false},
};
static const struct rg_shape integrity_shape = {integrity_rows, COUNT(integrity_rows), integrity_sections, 1, NULL};
#undef S

#define S rg_measurement
static const struct rg_option measurement_rows[] = {TEXT(run_id), COUNTED(sequence), COUNTED(round),
    COUNTED(test_index), WORD(test, rg_test_names), WORD(kind, kinds), WORD(status, statuses), TEXT_OR_NULL(reason),
    {.key = "size_bytes", .type = RG_BYTES, AT(size_bytes), .min = 1, .max = 1073741824.0},
    WORD_OR_NULL(direction, directions), WORD(memory, memories), WORD_OR_NULL(registration, memories),
    COUNTED_OR_NULL(queue_pairs), WORD(transport, transports), TEXT_OR_NULL(backend),
    {.key = "hardware", .type = RG_FLAG, AT(hardware)}, TEXT_OR_NULL(hardware_reason)};
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
    SECTION(integrity, integrity_shape),
};
#undef S
static const struct rg_shape measurement_shape = {measurement_rows, COUNT(measurement_rows), measurement_sections,
    COUNT(measurement_sections), (const char *const[]){"schema_version", "document", NULL}};

void rg_measurement_clear(struct rg_measurement *out)
{
    rg_json_clear(&measurement_shape, out);
    out->root = NULL;
}

char *rg_measurement_line(const struct rg_measurement *measurement)
{
    cJSON *object = rg_json_document("measurement");
    rg_json_write(object, &measurement_shape, measurement);
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
    if (m->has_flow != (strcmp(m->kind, "flow") == 0) || m->has_group == m->has_flow)
        return rg_json_refuse(place, err, "a flow has a flow, a collective has a group, and neither has both");
    if (ok && m->has_bandwidth + m->has_latency + m->has_collective != 1)
        return rg_json_refuse(place, err, "a measurement that is ok has one of bandwidth, latency and collective");
    bool latency = strstr(m->test, "_lat") != NULL, bandwidth = strstr(m->test, "_bw") != NULL;
    if ((m->has_bandwidth && !bandwidth) || (m->has_latency && !latency) ||
        (m->has_collective && (bandwidth || latency)))
        return rg_json_refuse(place, err, "%s has not that kind of result", m->test);
    bool damaged = m->has_integrity && strcmp(m->integrity.status, "mismatch") == 0;
    if (m->has_integrity && damaged != (m->integrity.mismatches > 0))
        return rg_json_refuse(place, err, "integrity: mismatches and status disagree");
    if (ok && damaged)
        return rg_json_refuse(place, err, "a measurement of damaged data is not ok");
    if (m->has_bandwidth && m->bandwidth.subwindows.end_s.count != m->bandwidth.subwindows.gbps.count)
        return rg_json_refuse(place, err, "subwindows: end_s and gbps differ in length");
    return 0;
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
        code = check(&measurement, &place, err);
    if (code != 0) {
        rg_measurement_close(&measurement);
        return code;
    }
    *out = measurement;
    return 0;
}

void rg_measurement_close(struct rg_measurement *measurement)
{
    rg_json_release(&measurement_shape, measurement);
    cJSON_Delete(measurement->root);
    measurement->root = NULL;
}
