/* libnvidia-ml.so.1 for tests: NVML without a GPU. Its devices are at the PCI addresses 0000:d0:00.0, 0000:d1:00.0,
 * ..., where no machine has one; nothing that it tells means anything. The environment says how it behaves, each name
 * after RAILGAUGE_DOUBLE_NVML_:
 *
 *   DEVICES=n           how many there are (8)
 *   FAIL=name:n:code    the n-th call of a function fails with a code, n 0: every call; more after commas
 *   LINKS=n             active NVLinks of 18 (18)
 *   PCIE=g:w            the link runs at generation g of 5, w lanes of 16
 *   THROTTLE=mask       reasons for which the clocks are kept down
 *   HEAT=n              the hardware keeps the clocks down for n ms more each time it is asked
 *   ECC=n               n uncorrected errors more each time it is asked
 *   REPLAY=n            n PCIe replays more each time
 *   NVLINK_ERRORS=n     n errors of each kind more on link 0 each time
 *   XID=n:code          the n-th wait for an event tells of an Xid error
 *   UNCORRECTED=n       n uncorrected errors were there before
 *   PENDING=1           a row of memory waits for a reset to be remapped
 *   REMAP_FAILED=1      one could not be remapped
 *   PERSISTENCE=0       persistence mode is off
 *   ECC_MODE=0          ECC is off
 *   SLOW_LINK=mbps      the speed of NVLink 5, which is 26562 MB/s as that of the others
 *   ONLY=n              these last, and LINKS, hold for device n alone (for all)
 *   COUNT=file          on exit, "name calls" is added to it for each function that was called
 */
#include "hw/nvml.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "RAILGAUGE_DOUBLE_NVML_"
#define DEVICES_MOST 32
#define LINKS 18u
#define FIRST_BUS 0xd0u
#define UNINITIALIZED 1
#define UNKNOWN_VALUE 7 /* whatever is not told otherwise */

#define PROTOTYPE(name, type) __typeof__(type) name;
RG_NVML_FUNCTIONS(PROTOTYPE)

#define NUMBER(name, type) NUMBER_##name,
enum { RG_NVML_FUNCTIONS(NUMBER) FUNCTIONS };

#define NAME(name, type) #name,
static const char *const names[] = {RG_NVML_FUNCTIONS(NAME)};

struct rg_nvml_device {
    unsigned long long ecc[2], nvlink_errors[4], heat_ns;
    unsigned replays;
};

struct rg_nvml_event_set {
    struct rg_nvml_device *watched;
};

static long calls[FUNCTIONS];
static int sessions;
static struct rg_nvml_device devices[DEVICES_MOST];

/* --- the environment --- */

static const char *setting(const char *name)
{
    char full[64];
    snprintf(full, sizeof full, PREFIX "%s", name);
    return getenv(full);
}

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = setting(name);
    return text ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

/* As `number`, unless the setting is for another device. */
static unsigned number_of(const struct rg_nvml_device *device, const char *name, unsigned otherwise)
{
    unsigned index = (unsigned)(device - devices);
    return number("ONLY", index) == index ? number(name, otherwise) : otherwise;
}

/* The code with which a function fails now; 0: it does not. */
static int failure_of(const char *name, long call)
{
    for (const char *at = setting("FAIL"); at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t length = strcspn(at, ":");
        char *end;
        if (at[length] != ':' || strlen(name) != length || strncmp(at, name, length) != 0)
            continue;
        long wanted = strtol(at + length + 1, &end, 10);
        if (*end == ':' && (wanted == 0 || wanted == call))
            return (int)strtol(end + 1, NULL, 10);
    }
    return RG_NVML_SUCCESS;
}

/* What a call returns before it does anything. */
static int enter(int function)
{
    int failure = failure_of(names[function], ++calls[function]);
    if (failure != RG_NVML_SUCCESS)
        return failure;
    return sessions > 0 || function == NUMBER_nvmlInit_v2 ? RG_NVML_SUCCESS : UNINITIALIZED;
}

#define ENTER(name)                                                                                                    \
    do {                                                                                                               \
        int status_ = enter(NUMBER_##name);                                                                            \
        if (status_ != RG_NVML_SUCCESS)                                                                                \
            return status_;                                                                                            \
    } while (0)

__attribute__((destructor)) static void tell_calls(void)
{
    const char *path = setting("COUNT");
    FILE *file = path ? fopen(path, "ae") : NULL;
    if (file == NULL)
        return;
    for (int i = 0; i < FUNCTIONS; i++)
        if (calls[i] > 0)
            fprintf(file, "%s %ld\n", names[i], calls[i]);
    fclose(file);
}

/* --- the session --- */

int nvmlInit_v2(void)
{
    ENTER(nvmlInit_v2);
    sessions++;
    return RG_NVML_SUCCESS;
}

int nvmlShutdown(void)
{
    ENTER(nvmlShutdown);
    sessions--;
    return RG_NVML_SUCCESS;
}

const char *nvmlErrorString(int status)
{
    calls[NUMBER_nvmlErrorString]++;
    switch (status) {
    case RG_NVML_NOT_SUPPORTED:
        return "Not Supported";
    case RG_NVML_NOT_FOUND:
        return "Not Found";
    case RG_NVML_GPU_IS_LOST:
        return "GPU is lost";
    default:
        return "Unknown Error";
    }
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, struct rg_nvml_device **out)
{
    unsigned domain, bus, device, function = 0, count = number("DEVICES", 8);
    ENTER(nvmlDeviceGetHandleByPciBusId_v2);
    if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device, &function) < 3)
        return RG_NVML_INVALID_ARGUMENT;
    if (domain != 0 || device != 0 || function != 0 || bus < FIRST_BUS || bus - FIRST_BUS >= count ||
        bus - FIRST_BUS >= DEVICES_MOST)
        return RG_NVML_NOT_FOUND;
    *out = &devices[bus - FIRST_BUS];
    return RG_NVML_SUCCESS;
}

/* --- texts --- */

static int put(const char *text, char *out, unsigned room)
{
    if (strlen(text) >= room)
        return RG_NVML_INSUFFICIENT_SIZE;
    memcpy(out, text, strlen(text) + 1);
    return RG_NVML_SUCCESS;
}

int nvmlSystemGetDriverVersion(char *out, unsigned room)
{
    ENTER(nvmlSystemGetDriverVersion);
    return put("0.0-double", out, room);
}

int nvmlSystemGetCudaDriverVersion_v2(int *out)
{
    ENTER(nvmlSystemGetCudaDriverVersion_v2);
    *out = 13000;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetName(struct rg_nvml_device *device, char *out, unsigned room)
{
    (void)device;
    ENTER(nvmlDeviceGetName);
    return put("railgauge double, not a GPU", out, room);
}

int nvmlDeviceGetUUID(struct rg_nvml_device *device, char *out, unsigned room)
{
    char text[64];
    ENTER(nvmlDeviceGetUUID);
    snprintf(text, sizeof text, "GPU-00000000-0000-0000-0000-0000000000%02x", FIRST_BUS + (unsigned)(device - devices));
    return put(text, out, room);
}

int nvmlDeviceGetVbiosVersion(struct rg_nvml_device *device, char *out, unsigned room)
{
    (void)device;
    ENTER(nvmlDeviceGetVbiosVersion);
    return put("00.00.00.00.00", out, room);
}

/* --- numbers that stay --- */

#define CONSTANT(name, value)                                                                                          \
    int name(struct rg_nvml_device *device, unsigned *out)                                                             \
    {                                                                                                                  \
        (void)device;                                                                                                  \
        ENTER(name);                                                                                                   \
        *out = (value);                                                                                                \
        return RG_NVML_SUCCESS;                                                                                        \
    }

static unsigned pcie(bool width)
{
    const char *text = setting("PCIE"), *colon = text ? strchr(text, ':') : NULL;
    if (colon == NULL)
        return width ? 16 : 5;
    return (unsigned)strtoul(width ? colon + 1 : text, NULL, 10);
}

CONSTANT(nvmlDeviceGetEnforcedPowerLimit, 700000)
CONSTANT(nvmlDeviceGetPowerUsage, 123456)
CONSTANT(nvmlDeviceGetPerformanceState, 0)
CONSTANT(nvmlDeviceGetPersistenceMode, number_of(device, "PERSISTENCE", 1))
CONSTANT(nvmlDeviceGetRetiredPagesPendingStatus, 0)
CONSTANT(nvmlDeviceGetCurrPcieLinkGeneration, pcie(false))
CONSTANT(nvmlDeviceGetMaxPcieLinkGeneration, 5)
CONSTANT(nvmlDeviceGetCurrPcieLinkWidth, pcie(true))
CONSTANT(nvmlDeviceGetMaxPcieLinkWidth, 16)

static int clock_mhz(unsigned which, unsigned sm, unsigned memory, unsigned *out)
{
    if (which != RG_NVML_CLOCK_SM && which != RG_NVML_CLOCK_MEMORY)
        return RG_NVML_INVALID_ARGUMENT;
    *out = which == RG_NVML_CLOCK_SM ? sm : memory;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetClockInfo(struct rg_nvml_device *device, unsigned which, unsigned *out)
{
    (void)device;
    ENTER(nvmlDeviceGetClockInfo);
    return clock_mhz(which, 1000, 2000, out);
}

int nvmlDeviceGetMaxClockInfo(struct rg_nvml_device *device, unsigned which, unsigned *out)
{
    (void)device;
    ENTER(nvmlDeviceGetMaxClockInfo);
    return clock_mhz(which, 1001, 2001, out);
}

int nvmlDeviceGetTemperatureV(struct rg_nvml_device *device, struct rg_nvml_temperature *io)
{
    (void)device;
    ENTER(nvmlDeviceGetTemperatureV);
    if (io->version != RG_NVML_TEMPERATURE_V1 || io->sensor != RG_NVML_SENSOR_GPU)
        return RG_NVML_INVALID_ARGUMENT;
    io->celsius = 41;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetTemperature(struct rg_nvml_device *device, unsigned sensor, unsigned *out)
{
    (void)device;
    ENTER(nvmlDeviceGetTemperature);
    if (sensor != RG_NVML_SENSOR_GPU)
        return RG_NVML_INVALID_ARGUMENT;
    *out = 42;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetMigMode(struct rg_nvml_device *device, unsigned *current, unsigned *pending)
{
    (void)device;
    ENTER(nvmlDeviceGetMigMode);
    *current = *pending = 0;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetEccMode(struct rg_nvml_device *device, unsigned *current, unsigned *pending)
{
    ENTER(nvmlDeviceGetEccMode);
    *current = *pending = number_of(device, "ECC_MODE", 1);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetRemappedRows(
    struct rg_nvml_device *device, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed)
{
    ENTER(nvmlDeviceGetRemappedRows);
    *corrected = 2;
    *uncorrected = 1;
    *pending = number_of(device, "PENDING", 0);
    *failed = number_of(device, "REMAP_FAILED", 0);
    return RG_NVML_SUCCESS;
}

/* There are more pages than whoever asks has room for. */
int nvmlDeviceGetRetiredPages(
    struct rg_nvml_device *device, unsigned cause, unsigned *count, unsigned long long *addresses)
{
    (void)device;
    (void)addresses;
    ENTER(nvmlDeviceGetRetiredPages);
    *count = cause == RG_NVML_RETIRED_CORRECTED ? 4 : 3;
    return RG_NVML_INSUFFICIENT_SIZE;
}

/* --- numbers that grow, and reasons --- */

int nvmlDeviceGetCurrentClocksEventReasons(struct rg_nvml_device *device, unsigned long long *out)
{
    (void)device;
    ENTER(nvmlDeviceGetCurrentClocksEventReasons);
    *out = number("THROTTLE", 0);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(struct rg_nvml_device *device, unsigned long long *out)
{
    (void)device;
    ENTER(nvmlDeviceGetCurrentClocksThrottleReasons);
    *out = number("THROTTLE", 0);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetFieldValues(struct rg_nvml_device *device, int count, struct rg_nvml_field *fields)
{
    ENTER(nvmlDeviceGetFieldValues);
    for (int i = 0; i < count; i++) {
        bool heat = fields[i].id == RG_NVML_FIELD_HW_THERMAL_SLOWDOWN;
        fields[i].status = RG_NVML_SUCCESS;
        fields[i].value_type = RG_NVML_UNSIGNED_LONG_LONG;
        fields[i].value.whole = heat ? device->heat_ns : UNKNOWN_VALUE * 1000;
        if (fields[i].id == RG_NVML_FIELD_LINK_SPEED) {
            fields[i].value_type = RG_NVML_UNSIGNED;
            fields[i].value.whole = fields[i].scope == 5 ? number_of(device, "SLOW_LINK", 26562) : 26562;
        }
    }
    device->heat_ns += number("HEAT", 0) * 1000000ull;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(
    struct rg_nvml_device *device, unsigned error, unsigned counter, unsigned long long *out)
{
    ENTER(nvmlDeviceGetTotalEccErrors);
    if (error > RG_NVML_UNCORRECTED || counter > RG_NVML_AGGREGATE)
        return RG_NVML_INVALID_ARGUMENT;
    *out = error == RG_NVML_UNCORRECTED ? number_of(device, "UNCORRECTED", 0) + device->ecc[counter] : UNKNOWN_VALUE;
    device->ecc[counter] += error == RG_NVML_UNCORRECTED ? number("ECC", 0) : 0;
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetPcieReplayCounter(struct rg_nvml_device *device, unsigned *out)
{
    ENTER(nvmlDeviceGetPcieReplayCounter);
    *out = device->replays;
    device->replays += number("REPLAY", 0);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetNvLinkState(struct rg_nvml_device *device, unsigned link, unsigned *out)
{
    ENTER(nvmlDeviceGetNvLinkState);
    if (link >= LINKS)
        return RG_NVML_INVALID_ARGUMENT;
    *out = link < number_of(device, "LINKS", LINKS);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceGetNvLinkErrorCounter(
    struct rg_nvml_device *device, unsigned link, unsigned error, unsigned long long *out)
{
    ENTER(nvmlDeviceGetNvLinkErrorCounter);
    if (link >= number_of(device, "LINKS", LINKS) || error > RG_NVML_CRC_DATA)
        return RG_NVML_INVALID_ARGUMENT;
    *out = link == 0 ? device->nvlink_errors[error] : 0;
    device->nvlink_errors[error] += link == 0 ? number("NVLINK_ERRORS", 0) : 0;
    return RG_NVML_SUCCESS;
}

/* --- events --- */

int nvmlEventSetCreate(struct rg_nvml_event_set **out)
{
    ENTER(nvmlEventSetCreate);
    *out = calloc(1, sizeof **out);
    return *out ? RG_NVML_SUCCESS : RG_NVML_NOT_SUPPORTED;
}

int nvmlEventSetFree(struct rg_nvml_event_set *set)
{
    ENTER(nvmlEventSetFree);
    free(set);
    return RG_NVML_SUCCESS;
}

int nvmlDeviceRegisterEvents(struct rg_nvml_device *device, unsigned long long types, struct rg_nvml_event_set *set)
{
    ENTER(nvmlDeviceRegisterEvents);
    if (types != RG_NVML_EVENT_XID)
        return RG_NVML_NOT_SUPPORTED;
    set->watched = device;
    return RG_NVML_SUCCESS;
}

int nvmlEventSetWait_v2(struct rg_nvml_event_set *set, struct rg_nvml_event *out, unsigned timeout_ms)
{
    const char *text = setting("XID"), *colon = text ? strchr(text, ':') : NULL;
    (void)timeout_ms;
    ENTER(nvmlEventSetWait_v2);
    if (colon == NULL || strtol(text, NULL, 10) != calls[NUMBER_nvmlEventSetWait_v2])
        return RG_NVML_TIMEOUT;
    *out = (struct rg_nvml_event){.device = set->watched,
        .type = RG_NVML_EVENT_XID,
        .data = strtoul(colon + 1, NULL, 10),
        .gpu_instance = UINT32_MAX,
        .compute_instance = UINT32_MAX};
    return RG_NVML_SUCCESS;
}
