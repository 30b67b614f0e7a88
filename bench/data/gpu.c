#include "data/gpu.h"

#include "data/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const rg_json_throttle_words[] = {"gpu_idle", "applications_clocks_setting", "sw_power_cap", "hw_slowdown",
    "sync_boost", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "display_clock_setting",
    "other", NULL};
_Static_assert(RG_FIELD_COUNT(rg_json_throttle_words) == RG_GPU_WORDS_MOST + 1, "a report has room for each word");

const char *const rg_json_xid_sources[] = {"kernel_log", "nvml_events", NULL};

#define FLAG_OR_NULL(member)                                                                                           \
    {                                                                                                                  \
        .key = #member, .type = RG_MAYBE, RG_FIELD_AT(member), .nullable = true                                        \
    }

#define S rg_gpu_condition
static const struct rg_option condition_rows[] = {RG_FIELD_COUNTED_OR_NULL(sm_clock_mhz),
    RG_FIELD_COUNTED_OR_NULL(memory_clock_mhz),
    {.key = "temperature_c",
        .type = RG_INTEGER,
        RG_FIELD_AT(temperature_c),
        .min = -273,
        .max = 1000,
        .nullable = true},
    RG_FIELD_REAL_OR_NULL(power_w), RG_FIELD_COUNTED_OR_NULL(performance_state),
    RG_FIELD_COUNTED_OR_NULL(pcie_generation), RG_FIELD_COUNTED_OR_NULL(pcie_generation_max),
    RG_FIELD_COUNTED_OR_NULL(pcie_width), RG_FIELD_COUNTED_OR_NULL(pcie_width_max),
    RG_FIELD_COUNTED_OR_NULL(nvlinks_active), FLAG_OR_NULL(remapping_pending), FLAG_OR_NULL(remapping_failed),
    FLAG_OR_NULL(retirement_pending)};
const struct rg_shape rg_json_gpu_condition = RG_FIELD_SHAPE(condition_rows);
#undef S

#define S rg_gpu_counters
static const struct rg_option counter_rows[] = {RG_FIELD_COUNTED_OR_NULL(ecc_corrected_volatile),
    RG_FIELD_COUNTED_OR_NULL(ecc_uncorrected_volatile), RG_FIELD_COUNTED_OR_NULL(ecc_corrected_aggregate),
    RG_FIELD_COUNTED_OR_NULL(ecc_uncorrected_aggregate), RG_FIELD_COUNTED_OR_NULL(remapped_rows_corrected),
    RG_FIELD_COUNTED_OR_NULL(remapped_rows_uncorrected), RG_FIELD_COUNTED_OR_NULL(retired_pages_corrected),
    RG_FIELD_COUNTED_OR_NULL(retired_pages_uncorrected), RG_FIELD_COUNTED_OR_NULL(pcie_replays),
    RG_FIELD_COUNTED_OR_NULL(nvlink_crc_flit_errors), RG_FIELD_COUNTED_OR_NULL(nvlink_crc_data_errors),
    RG_FIELD_COUNTED_OR_NULL(nvlink_replays), RG_FIELD_COUNTED_OR_NULL(nvlink_recoveries),
    RG_FIELD_COUNTED_OR_NULL(sw_power_cap_us), RG_FIELD_COUNTED_OR_NULL(sw_thermal_slowdown_us),
    RG_FIELD_COUNTED_OR_NULL(hw_thermal_slowdown_us), RG_FIELD_COUNTED_OR_NULL(hw_power_brake_slowdown_us)};
const struct rg_shape rg_json_gpu_counters = RG_FIELD_SHAPE(counter_rows);
_Static_assert(RG_FIELD_COUNT(counter_rows) * sizeof(int64_t) == sizeof(struct S), "every counter has a row");
#undef S

#define S rg_gpu_facts
static const struct rg_option facts_rows[] = {RG_FIELD_TEXT_OR_NULL(name), RG_FIELD_TEXT_OR_NULL(uuid),
    RG_FIELD_TEXT_OR_NULL(vbios), RG_FIELD_TEXT_OR_NULL(driver), RG_FIELD_TEXT_OR_NULL(cuda_driver),
    RG_FIELD_TEXT_OR_NULL(reason), RG_FIELD_COUNTED_OR_NULL(sm_clock_max_mhz),
    RG_FIELD_COUNTED_OR_NULL(memory_clock_max_mhz), RG_FIELD_REAL_OR_NULL(power_limit_w), FLAG_OR_NULL(ecc),
    FLAG_OR_NULL(persistence), FLAG_OR_NULL(mig), RG_FIELD_COUNTED_OR_NULL(xids_logged),
    RG_FIELD_TEXT_OR_NULL(xid_reason)};
static const struct rg_section facts_sections[] = {
    {"now", &rg_json_gpu_condition, offsetof(struct S, now), 0, true},
    {"counters", &rg_json_gpu_counters, offsetof(struct S, counters), 0, true},
};
const struct rg_shape rg_json_gpu_facts = {
    facts_rows, RG_FIELD_COUNT(facts_rows), facts_sections, RG_FIELD_COUNT(facts_sections), NULL};
#undef S

#define S rg_gpu_report
static const struct rg_option report_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_RAIL(rail), RG_FIELD_COUNTED(rank),
    RG_FIELD_TEXT_OR_NULL(gpu), RG_FIELD_TEXT_OR_NULL(reason), RG_FIELD_WORD_OR_NULL(xid_source, rg_json_xid_sources),
    RG_FIELD_TEXT_OR_NULL(xid_reason)};
static const struct rg_section report_sections[] = {
    {"before", &rg_json_gpu_condition, offsetof(struct S, before), 0, true},
    {"after", &rg_json_gpu_condition, offsetof(struct S, after), 0, true},
    {"added", &rg_json_gpu_counters, offsetof(struct S, added), 0, true},
};
#undef S
static const struct rg_shape report_shape = {report_rows, RG_FIELD_COUNT(report_rows), report_sections,
    RG_FIELD_COUNT(report_sections), (const char *const[]){"throttle_reasons", "new_xids", "alarms", NULL}};

void rg_json_clear_gpu_report(struct rg_gpu_report *out)
{
    rg_json_clear(&report_shape, out);
    out->throttle_reason_count = out->new_xid_count = out->alarm_count = RG_NONE;
}

/* A list of texts or of numbers, or null; the other one is NULL. */
static void add_list(cJSON *object, const char *key, const char *const *texts, const int64_t *numbers, int64_t count)
{
    if (count == RG_NONE) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (int64_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, texts ? cJSON_CreateString(texts[i]) : cJSON_CreateNumber((double)numbers[i]));
}

void rg_json_add_gpu_reports(cJSON *object, const char *key, const struct rg_gpu_report *reports, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < count; i++) {
        const struct rg_gpu_report *report = &reports[i];
        cJSON *item = cJSON_CreateObject();
        rg_json_write(item, &report_shape, report);
        add_list(item, "throttle_reasons", report->throttle_reasons, NULL, report->throttle_reason_count);
        add_list(item, "new_xids", NULL, report->new_xids, report->new_xid_count);
        add_list(item, "alarms", report->alarms, NULL, report->alarm_count);
        cJSON_AddItemToArray(array, item);
    }
}

/* The list `key`, NULL where it is null; -EINVAL unless it is there and has room. */
static int find_list(const cJSON *object, const char *key, int most, const cJSON **out, int64_t *count,
    const struct rg_place *place, struct rg_error *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
    struct rg_place at = rg_json_inside(place, key, 0);
    *out = NULL;
    *count = RG_NONE;
    if (cJSON_IsNull(list))
        return 0;
    if (!cJSON_IsArray(list))
        return rg_json_refuse(&at, err, "must be an array, or null");
    if (cJSON_GetArraySize(list) > most)
        return rg_json_refuse(&at, err, "has more than %d elements", most);
    *out = list;
    *count = cJSON_GetArraySize(list);
    return 0;
}

/* words: what the texts are among; NULL: any text. */
static int read_texts(const cJSON *object, const char *key, const char *const *words, int most, const char **out,
    int64_t *count, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *list, *item;
    int code = find_list(object, key, most, &list, count, place, err), i = 0;
    cJSON_ArrayForEach(item, list)
    {
        struct rg_place all = rg_json_inside(place, key, 0), at = rg_json_inside(&all, NULL, i);
        const char *const *word = words;
        if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
            return rg_json_refuse(&at, err, "must be a text that is not empty");
        while (word != NULL && *word != NULL && strcmp(*word, item->valuestring) != 0)
            word++;
        if (word != NULL && *word == NULL)
            return rg_json_refuse(&at, err, "'%.64s' is unknown here", item->valuestring);
        out[i++] = item->valuestring;
    }
    return code;
}

static int read_xids(const cJSON *object, struct rg_gpu_report *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *list, *item;
    int code = find_list(object, "new_xids", RG_GPU_XIDS_MOST, &list, &out->new_xid_count, place, err), i = 0;
    cJSON_ArrayForEach(item, list)
    {
        struct rg_place all = rg_json_inside(place, "new_xids", 0), at = rg_json_inside(&all, NULL, i);
        if (!rg_json_is_integer(item, 0, INT32_MAX, &out->new_xids[i]))
            return rg_json_refuse(&at, err, "must be a whole number, not negative");
        i++;
    }
    return code;
}

static int read_report(const cJSON *item, struct rg_gpu_report *out, const struct rg_place *place, struct rg_error *err)
{
    rg_json_clear_gpu_report(out);
    int code = rg_json_read(item, &report_shape, out, place, err);
    if (code == 0)
        code = read_texts(item, "throttle_reasons", rg_json_throttle_words, RG_GPU_WORDS_MOST, out->throttle_reasons,
            &out->throttle_reason_count, place, err);
    if (code == 0)
        code = read_texts(item, "alarms", NULL, RG_GPU_ALARMS_MOST, out->alarms, &out->alarm_count, place, err);
    if (code == 0)
        code = read_xids(item, out, place, err);
    if (code == 0 && (out->new_xid_count == RG_NONE) != (out->xid_reason != NULL))
        code = rg_json_refuse(place, err, "there is an xid_reason just when new_xids is null");
    if (code == 0 && (out->new_xid_count == RG_NONE) != (out->xid_source == NULL))
        code = rg_json_refuse(place, err, "there is an xid_source just when new_xids is not null");
    return code;
}

int rg_json_read_gpu_reports(const cJSON *object, const char *key, const struct rg_place *place,
    struct rg_gpu_report **out, size_t *count, struct rg_error *err)
{
    const cJSON *array = rg_json_array(object, key, place, err), *item;
    struct rg_place all = rg_json_inside(place, key, 0);
    size_t size = (size_t)(array ? cJSON_GetArraySize(array) : 0), at = 0;
    int code = array ? 0 : -EINVAL;
    *out = NULL;
    *count = 0;
    struct rg_gpu_report *reports = calloc(size + 1, sizeof *reports);
    if (reports == NULL)
        return rg_json_refuse(&all, err, "no memory");
    cJSON_ArrayForEach(item, array)
    {
        struct rg_place inner = rg_json_inside(&all, NULL, (int)at);
        if (code == 0)
            code = read_report(item, &reports[at++], &inner, err);
    }
    if (code != 0) {
        free(reports);
        return code;
    }
    *out = reports;
    *count = size;
    return 0;
}
