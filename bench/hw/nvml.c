/* The GPU monitor: NVML as the driver brings it. */
#include "hw/nvml.h"

#include "hw/gpu.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MOST 64
#define EVENT_WAIT_MS 1
#define EVENTS_MOST 1000 /* taken at a time */

/* A GPU that was asked for, with the Xid errors that events told of. */
struct device {
    char pci_address[32];
    struct rg_nvml_device *handle;
    struct rg_gpu_xids xids;
    bool watched;
};

struct rg_gpu_monitor {
    void *library;
    struct rg_nvml nvml;
    bool begun;
    struct rg_nvml_event_set *events; /* NULL: there are none */
    char *log_path;
    struct device devices[DEVICES_MOST];
    int device_count;
};

/* --- the session --- */

#define RG_NVML_ROW(name, type) {#name, offsetof(struct rg_nvml, name)},
static const struct {
    const char *name;
    size_t offset;
} functions[] = {RG_NVML_FUNCTIONS(RG_NVML_ROW)};

static const char *words_of(const struct rg_nvml *nvml, int status)
{
    const char *words = nvml->nvmlErrorString ? nvml->nvmlErrorString(status) : NULL;
    return words ? words : "unknown error";
}

static int find_functions(void *library, struct rg_nvml *out, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = dlsym(library, functions[i].name);
        if (found == NULL && i < RG_NVML_NEEDED)
            return rg_fail(err, -ENODEV, "no NVML: %s has no %s", RG_NVML_LIBRARY, functions[i].name);
        memcpy((char *)out + functions[i].offset, &found, sizeof found);
    }
    return 0;
}

/* Sets what the monitor holds as far as it comes; rg_gpu_close takes it from there. */
static int begin(struct rg_gpu_monitor *monitor, const char *log_path, struct rg_error *err)
{
    monitor->log_path = strdup(log_path);
    if (monitor->log_path == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    monitor->library = dlopen(RG_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (monitor->library == NULL)
        return rg_fail(err, -ENODEV, "no NVML: %s", dlerror());
    int code = find_functions(monitor->library, &monitor->nvml, err);
    if (code != 0)
        return code;
    int status = monitor->nvml.nvmlInit_v2();
    if (status != RG_NVML_SUCCESS)
        return rg_fail(err, -ENODEV, "no NVML: nvmlInit_v2: %s (%d)", words_of(&monitor->nvml, status), status);
    monitor->begun = true;
    if (monitor->nvml.nvmlEventSetCreate == NULL || monitor->nvml.nvmlEventSetFree == NULL ||
        monitor->nvml.nvmlEventSetWait_v2 == NULL || monitor->nvml.nvmlDeviceRegisterEvents == NULL ||
        monitor->nvml.nvmlEventSetCreate(&monitor->events) != RG_NVML_SUCCESS)
        monitor->events = NULL;
    return 0;
}

int rg_gpu_open(const char *log_path, struct rg_gpu_monitor **out, struct rg_error *err)
{
    struct rg_gpu_monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    int code = begin(monitor, log_path, err);
    if (code != 0) {
        rg_gpu_close(monitor);
        return code;
    }
    *out = monitor;
    return 0;
}

void rg_gpu_close(struct rg_gpu_monitor *monitor)
{
    if (monitor == NULL)
        return;
    if (monitor->events != NULL)
        monitor->nvml.nvmlEventSetFree(monitor->events);
    if (monitor->begun)
        monitor->nvml.nvmlShutdown();
    if (monitor->library != NULL)
        dlclose(monitor->library);
    free(monitor->log_path);
    free(monitor);
}

/* Finds it once and keeps it, and watches its events from then on. */
static int find_device(
    struct rg_gpu_monitor *monitor, const char *pci_address, struct device **out, struct rg_error *err)
{
    struct rg_nvml_device *handle;
    for (int i = 0; i < monitor->device_count; i++)
        if (strcmp(monitor->devices[i].pci_address, pci_address) == 0) {
            *out = &monitor->devices[i];
            return 0;
        }
    struct device *device = &monitor->devices[monitor->device_count];
    if (strlen(pci_address) >= sizeof device->pci_address)
        return rg_fail(err, -ENODEV, "'%.64s' is no PCI address", pci_address);
    if (monitor->device_count == DEVICES_MOST)
        return rg_fail(err, -ENODEV, "GPU %s: %d others are looked at already", pci_address, DEVICES_MOST);
    int status = monitor->nvml.nvmlDeviceGetHandleByPciBusId_v2(pci_address, &handle);
    if (status != RG_NVML_SUCCESS)
        return rg_fail(err, -ENODEV, "GPU %s: nvmlDeviceGetHandleByPciBusId_v2: %s (%d)", pci_address,
            words_of(&monitor->nvml, status), status);
    *device = (struct device){.handle = handle, .xids = {.source = RG_GPU_XIDS_OF_EVENTS, .first_place = 1}};
    snprintf(device->pci_address, sizeof device->pci_address, "%s", pci_address);
    device->watched = monitor->events != NULL && monitor->nvml.nvmlDeviceRegisterEvents(
                                                     handle, RG_NVML_EVENT_XID, monitor->events) == RG_NVML_SUCCESS;
    monitor->device_count++;
    *out = device;
    return 0;
}

/* --- single values: RG_NONE, or an empty text, where NVML does not give one --- */

typedef int (*get_unsigned)(struct rg_nvml_device *device, unsigned *value);
typedef int (*get_text)(struct rg_nvml_device *device, char *text, unsigned room);

static int64_t number_of(get_unsigned get, const struct device *device)
{
    unsigned value = 0;
    return get != NULL && get(device->handle, &value) == RG_NVML_SUCCESS ? (int64_t)value : RG_NONE;
}

/* No link has 0 lanes, or is of generation 0; some virtual machines are told so. */
static int64_t positive_of(get_unsigned get, const struct device *device)
{
    int64_t value = number_of(get, device);
    return value > 0 ? value : RG_NONE;
}

static int64_t flag_of(get_unsigned get, const struct device *device)
{
    int64_t value = number_of(get, device);
    return value == RG_NONE ? RG_NONE : value != 0;
}

static double watts_of(get_unsigned get, const struct device *device)
{
    int64_t milliwatts = number_of(get, device);
    return milliwatts == RG_NONE ? NAN : (double)milliwatts / 1e3;
}

static void read_text(get_text get, const struct device *device, char *out, unsigned room)
{
    if (get == NULL || get(device->handle, out, room) != RG_NVML_SUCCESS)
        out[0] = '\0';
    out[room - 1] = '\0';
}

static int64_t clock_of(
    int (*get)(struct rg_nvml_device *, unsigned, unsigned *), const struct device *device, enum rg_nvml_clock which)
{
    unsigned mhz = 0;
    return get != NULL && get(device->handle, which, &mhz) == RG_NVML_SUCCESS ? (int64_t)mhz : RG_NONE;
}

/* Modes have a second value, that after the next reset. */
static int64_t mode_of(int (*get)(struct rg_nvml_device *, unsigned *, unsigned *), const struct device *device)
{
    unsigned current = 0, pending = 0;
    return get != NULL && get(device->handle, &current, &pending) == RG_NVML_SUCCESS ? current != 0 : RG_NONE;
}

/* --- what it is --- */

static void describe_driver(const struct rg_nvml *nvml, struct rg_gpu *out)
{
    int version = 0;
    if (nvml->nvmlSystemGetDriverVersion == NULL ||
        nvml->nvmlSystemGetDriverVersion(out->driver, sizeof out->driver) != RG_NVML_SUCCESS)
        out->driver[0] = '\0';
    if (nvml->nvmlSystemGetCudaDriverVersion_v2 != NULL &&
        nvml->nvmlSystemGetCudaDriverVersion_v2(&version) == RG_NVML_SUCCESS)
        snprintf(out->cuda_driver, sizeof out->cuda_driver, "%d.%d", version / 1000, version % 1000 / 10);
}

int rg_gpu_describe(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu *out, struct rg_error *err)
{
    const struct rg_nvml *nvml = &monitor->nvml;
    struct rg_error why;
    struct device *device;
    rg_gpu_unknown("", out, NULL);
    int code = find_device(monitor, pci_address, &device, &why);
    if (code != 0) {
        rg_gpu_unknown(why.text, out, NULL);
        return rg_fail(err, code, "%s", why.text);
    }
    describe_driver(nvml, out);
    read_text(nvml->nvmlDeviceGetName, device, out->name, sizeof out->name);
    read_text(nvml->nvmlDeviceGetUUID, device, out->uuid, sizeof out->uuid);
    read_text(nvml->nvmlDeviceGetVbiosVersion, device, out->vbios, sizeof out->vbios);
    out->sm_clock_max_mhz = clock_of(nvml->nvmlDeviceGetMaxClockInfo, device, RG_NVML_CLOCK_SM);
    out->memory_clock_max_mhz = clock_of(nvml->nvmlDeviceGetMaxClockInfo, device, RG_NVML_CLOCK_MEMORY);
    out->power_limit_w = watts_of(nvml->nvmlDeviceGetEnforcedPowerLimit, device);
    out->ecc = mode_of(nvml->nvmlDeviceGetEccMode, device);
    out->mig = mode_of(nvml->nvmlDeviceGetMigMode, device);
    out->persistence = flag_of(nvml->nvmlDeviceGetPersistenceMode, device);
    return 0;
}

/* --- how it is --- */

/* The older call is deprecated in CUDA 13. */
static int64_t temperature_of(const struct rg_nvml *nvml, const struct device *device)
{
    struct rg_nvml_temperature now = {.version = RG_NVML_TEMPERATURE_V1, .sensor = RG_NVML_SENSOR_GPU};
    unsigned celsius = 0;
    if (nvml->nvmlDeviceGetTemperatureV != NULL &&
        nvml->nvmlDeviceGetTemperatureV(device->handle, &now) == RG_NVML_SUCCESS)
        return now.celsius;
    if (nvml->nvmlDeviceGetTemperature != NULL &&
        nvml->nvmlDeviceGetTemperature(device->handle, RG_NVML_SENSOR_GPU, &celsius) == RG_NVML_SUCCESS)
        return celsius;
    return RG_NONE;
}

/* The same bits under a newer and an older name. */
static int64_t throttle_of(const struct rg_nvml *nvml, const struct device *device)
{
    unsigned long long bits = 0;
    if (nvml->nvmlDeviceGetCurrentClocksEventReasons != NULL &&
        nvml->nvmlDeviceGetCurrentClocksEventReasons(device->handle, &bits) == RG_NVML_SUCCESS)
        return (int64_t)(bits & INT64_MAX);
    if (nvml->nvmlDeviceGetCurrentClocksThrottleReasons != NULL &&
        nvml->nvmlDeviceGetCurrentClocksThrottleReasons(device->handle, &bits) == RG_NVML_SUCCESS)
        return (int64_t)(bits & INT64_MAX);
    return RG_NONE;
}

/* Whole numbers of 64 bits, whatever their type is called. */
static int64_t microseconds_of(const struct rg_nvml_field *field)
{
    bool whole = field->value_type == RG_NVML_UNSIGNED_LONG || field->value_type == RG_NVML_UNSIGNED_LONG_LONG ||
                 field->value_type == RG_NVML_SIGNED_LONG_LONG;
    return field->status == RG_NVML_SUCCESS && whole ? (int64_t)(field->value.whole / 1000) : RG_NONE;
}

static void read_throttled(const struct rg_nvml *nvml, const struct device *device, struct rg_gpu_counters *out)
{
    struct rg_nvml_field fields[] = {{.id = RG_NVML_FIELD_SW_POWER_CAP}, {.id = RG_NVML_FIELD_SW_THERMAL_SLOWDOWN},
        {.id = RG_NVML_FIELD_HW_THERMAL_SLOWDOWN}, {.id = RG_NVML_FIELD_HW_POWER_BRAKE_SLOWDOWN}};
    if (nvml->nvmlDeviceGetFieldValues == NULL ||
        nvml->nvmlDeviceGetFieldValues(device->handle, sizeof fields / sizeof *fields, fields) != RG_NVML_SUCCESS)
        return;
    out->sw_power_cap_us = microseconds_of(&fields[0]);
    out->sw_thermal_slowdown_us = microseconds_of(&fields[1]);
    out->hw_thermal_slowdown_us = microseconds_of(&fields[2]);
    out->hw_power_brake_slowdown_us = microseconds_of(&fields[3]);
}

static int64_t ecc_errors_of(const struct rg_nvml *nvml, const struct device *device, enum rg_nvml_memory_error error,
    enum rg_nvml_ecc_counter counter)
{
    unsigned long long count = 0;
    return nvml->nvmlDeviceGetTotalEccErrors != NULL &&
                   nvml->nvmlDeviceGetTotalEccErrors(device->handle, error, counter, &count) == RG_NVML_SUCCESS
               ? (int64_t)count
               : RG_NONE;
}

/* Asked without room for addresses, NVML tells how many there are. */
static int64_t retired_pages_of(const struct rg_nvml *nvml, const struct device *device, enum rg_nvml_retirement cause)
{
    unsigned long long none;
    unsigned count = 0;
    if (nvml->nvmlDeviceGetRetiredPages == NULL)
        return RG_NONE;
    int status = nvml->nvmlDeviceGetRetiredPages(device->handle, cause, &count, &none);
    return status == RG_NVML_SUCCESS || status == RG_NVML_INSUFFICIENT_SIZE ? (int64_t)count : RG_NONE;
}

static void read_memory(const struct rg_nvml *nvml, const struct device *device, struct rg_gpu_state *out)
{
    struct rg_gpu_counters *counters = &out->counters;
    unsigned corrected, uncorrected, pending, failed;
    counters->ecc_corrected_volatile = ecc_errors_of(nvml, device, RG_NVML_CORRECTED, RG_NVML_VOLATILE);
    counters->ecc_uncorrected_volatile = ecc_errors_of(nvml, device, RG_NVML_UNCORRECTED, RG_NVML_VOLATILE);
    counters->ecc_corrected_aggregate = ecc_errors_of(nvml, device, RG_NVML_CORRECTED, RG_NVML_AGGREGATE);
    counters->ecc_uncorrected_aggregate = ecc_errors_of(nvml, device, RG_NVML_UNCORRECTED, RG_NVML_AGGREGATE);
    counters->retired_pages_corrected = retired_pages_of(nvml, device, RG_NVML_RETIRED_CORRECTED);
    counters->retired_pages_uncorrected = retired_pages_of(nvml, device, RG_NVML_RETIRED_UNCORRECTED);
    out->now.retirement_pending = flag_of(nvml->nvmlDeviceGetRetiredPagesPendingStatus, device);
    if (nvml->nvmlDeviceGetRemappedRows == NULL ||
        nvml->nvmlDeviceGetRemappedRows(device->handle, &corrected, &uncorrected, &pending, &failed) != RG_NVML_SUCCESS)
        return;
    counters->remapped_rows_corrected = corrected;
    counters->remapped_rows_uncorrected = uncorrected;
    out->now.remapping_pending = pending != 0;
    out->now.remapping_failed = failed != 0;
}

/* Adds a link's count to a sum; one that is not to be had spoils it. */
static void add_link_errors(const struct rg_nvml *nvml, const struct device *device, unsigned link,
    enum rg_nvml_link_error error, int64_t *total)
{
    unsigned long long count = 0;
    bool read = nvml->nvmlDeviceGetNvLinkErrorCounter != NULL &&
                nvml->nvmlDeviceGetNvLinkErrorCounter(device->handle, link, error, &count) == RG_NVML_SUCCESS;
    *total = read && *total != RG_NONE ? *total + (int64_t)count : RG_NONE;
}

/* Numbers from 0; one that is too high is no argument, one that is not in use may be not supported. Sums are over the
 * active links. */
static void read_nvlinks(const struct rg_nvml *nvml, const struct device *device, struct rg_gpu_state *out)
{
    int64_t flits = 0, data = 0, replays = 0, recoveries = 0, active = 0;
    bool any = false;
    for (unsigned link = 0, on = 0; nvml->nvmlDeviceGetNvLinkState != NULL && link < RG_NVML_LINKS_MOST; link++) {
        int status = nvml->nvmlDeviceGetNvLinkState(device->handle, link, &on);
        if (status == RG_NVML_INVALID_ARGUMENT)
            break;
        if (status != RG_NVML_SUCCESS && status != RG_NVML_NOT_SUPPORTED)
            return;
        any = any || status == RG_NVML_SUCCESS;
        if (status != RG_NVML_SUCCESS || on == 0)
            continue;
        active++;
        add_link_errors(nvml, device, link, RG_NVML_CRC_FLIT, &flits);
        add_link_errors(nvml, device, link, RG_NVML_CRC_DATA, &data);
        add_link_errors(nvml, device, link, RG_NVML_REPLAY, &replays);
        add_link_errors(nvml, device, link, RG_NVML_RECOVERY, &recoveries);
    }
    if (any)
        out->now.nvlinks_active = active;
    if (active == 0)
        return;
    out->counters.nvlink_crc_flit_errors = flits;
    out->counters.nvlink_crc_data_errors = data;
    out->counters.nvlink_replays = replays;
    out->counters.nvlink_recoveries = recoveries;
}

static int64_t link_speed_of(const struct rg_nvml *nvml, const struct device *device, unsigned link)
{
    struct rg_nvml_field field = {.id = RG_NVML_FIELD_LINK_SPEED, .scope = link};
    if (nvml->nvmlDeviceGetFieldValues == NULL ||
        nvml->nvmlDeviceGetFieldValues(device->handle, 1, &field) != RG_NVML_SUCCESS ||
        field.status != RG_NVML_SUCCESS || field.value_type != RG_NVML_UNSIGNED)
        return RG_NONE;
    return (int64_t)(field.value.whole & UINT32_MAX);
}

void rg_gpu_read_links(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu_links *out)
{
    const struct rg_nvml *nvml = &monitor->nvml;
    struct rg_gpu_links links = {0, 0, RG_NONE, RG_NONE};
    struct rg_error ignored;
    struct device *device;
    *out = (struct rg_gpu_links){RG_NONE, RG_NONE, RG_NONE, RG_NONE};
    if (nvml->nvmlDeviceGetNvLinkState == NULL || find_device(monitor, pci_address, &device, &ignored) != 0)
        return;
    for (unsigned link = 0, on = 0; link < RG_NVML_LINKS_MOST; link++) {
        int status = nvml->nvmlDeviceGetNvLinkState(device->handle, link, &on);
        if (status == RG_NVML_INVALID_ARGUMENT)
            break;
        if (status != RG_NVML_SUCCESS && status != RG_NVML_NOT_SUPPORTED)
            return;
        links.count += status == RG_NVML_SUCCESS;
        if (status != RG_NVML_SUCCESS || on == 0)
            continue;
        links.active++;
        int64_t speed = link_speed_of(nvml, device, link);
        if (speed == RG_NONE)
            continue;
        links.slowest_mbps = links.slowest_mbps == RG_NONE || speed < links.slowest_mbps ? speed : links.slowest_mbps;
        links.fastest_mbps = speed > links.fastest_mbps ? speed : links.fastest_mbps;
    }
    *out = links;
}

/* Takes what events there are, of all GPUs. */
static void take_events(struct rg_gpu_monitor *monitor)
{
    struct rg_nvml_event event;
    for (int i = 0; i < EVENTS_MOST; i++) {
        event = (struct rg_nvml_event){0};
        if (monitor->nvml.nvmlEventSetWait_v2(monitor->events, &event, EVENT_WAIT_MS) != RG_NVML_SUCCESS)
            return;
        for (int k = 0; k < monitor->device_count; k++) {
            struct rg_gpu_xids *xids = &monitor->devices[k].xids;
            if (event.type == RG_NVML_EVENT_XID && monitor->devices[k].handle == event.device)
                rg_gpu_add_xid(xids, ++xids->last_place, (int64_t)event.data);
        }
    }
}

/* device NULL: NVML does not know the GPU; the kernel's log may tell why. */
static void read_xids(
    struct rg_gpu_monitor *monitor, const char *pci_address, const struct device *device, struct rg_gpu_state *out)
{
    struct rg_error why;
    out->xid_reason[0] = '\0';
    if (rg_gpu_read_log(monitor->log_path, pci_address, &out->xids, &why) == 0)
        return;
    snprintf(out->xid_reason, sizeof out->xid_reason, "%s", why.text);
    if (device == NULL || !device->watched)
        return;
    take_events(monitor);
    out->xids = device->xids;
}

/* The one call that every GPU answers also tells whether it is still there. */
static void read_performance(const struct rg_nvml *nvml, const struct device *device, struct rg_gpu_state *out)
{
    unsigned value = 0;
    if (nvml->nvmlDeviceGetPerformanceState == NULL)
        return;
    int status = nvml->nvmlDeviceGetPerformanceState(device->handle, &value);
    if (status == RG_NVML_SUCCESS && value <= RG_NVML_STATE_MOST)
        out->now.performance_state = value;
    if (status == RG_NVML_GPU_IS_LOST || status == RG_NVML_RESET_REQUIRED)
        snprintf(
            out->reason, sizeof out->reason, "GPU %s: %s (%d)", device->pci_address, words_of(nvml, status), status);
}

static void read_condition(const struct rg_nvml *nvml, const struct device *device, struct rg_gpu_condition *out)
{
    out->sm_clock_mhz = clock_of(nvml->nvmlDeviceGetClockInfo, device, RG_NVML_CLOCK_SM);
    out->memory_clock_mhz = clock_of(nvml->nvmlDeviceGetClockInfo, device, RG_NVML_CLOCK_MEMORY);
    out->temperature_c = temperature_of(nvml, device);
    out->power_w = watts_of(nvml->nvmlDeviceGetPowerUsage, device);
    out->pcie_generation = positive_of(nvml->nvmlDeviceGetCurrPcieLinkGeneration, device);
    out->pcie_generation_max = positive_of(nvml->nvmlDeviceGetMaxPcieLinkGeneration, device);
    out->pcie_width = positive_of(nvml->nvmlDeviceGetCurrPcieLinkWidth, device);
    out->pcie_width_max = positive_of(nvml->nvmlDeviceGetMaxPcieLinkWidth, device);
}

void rg_gpu_read_state(struct rg_gpu_monitor *monitor, const char *pci_address, struct rg_gpu_state *out)
{
    const struct rg_nvml *nvml = &monitor->nvml;
    struct rg_error why = {{0}};
    struct device *device = NULL;
    int code = find_device(monitor, pci_address, &device, &why);
    rg_gpu_unknown(why.text, NULL, out);
    if (code == 0) {
        read_performance(nvml, device, out);
        read_condition(nvml, device, &out->now);
        read_memory(nvml, device, out);
        read_throttled(nvml, device, &out->counters);
        read_nvlinks(nvml, device, out);
        out->counters.pcie_replays = number_of(nvml->nvmlDeviceGetPcieReplayCounter, device);
        out->throttle = throttle_of(nvml, device);
    }
    read_xids(monitor, pci_address, device, out);
}
