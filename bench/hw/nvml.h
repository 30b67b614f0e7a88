/* NVML's interface as its reference manual has it (NVML 12 and 13), as far as it is used, with a prefix before the
 * names of types and constants; for the files of hw/ alone. The functions' names are NVML's own. */
#ifndef RG_HW_NVML_H
#define RG_HW_NVML_H

#include <stdint.h>

#define RG_NVML_LIBRARY "libnvidia-ml.so.1"
#define RG_NVML_LINKS_MOST 64 /* NVML refuses a link's number that is too high; 36 exist in 2026 */

enum rg_nvml_return {
    RG_NVML_SUCCESS = 0,
    RG_NVML_INVALID_ARGUMENT = 2,
    RG_NVML_NOT_SUPPORTED = 3,
    RG_NVML_NOT_FOUND = 6,
    RG_NVML_INSUFFICIENT_SIZE = 7,
    RG_NVML_TIMEOUT = 10,
    RG_NVML_FUNCTION_NOT_FOUND = 13,
    RG_NVML_GPU_IS_LOST = 15,
    RG_NVML_RESET_REQUIRED = 16
};

enum rg_nvml_clock { RG_NVML_CLOCK_SM = 1, RG_NVML_CLOCK_MEMORY = 2 };
enum rg_nvml_sensor { RG_NVML_SENSOR_GPU = 0 };
enum rg_nvml_memory_error { RG_NVML_CORRECTED = 0, RG_NVML_UNCORRECTED = 1 };
enum rg_nvml_ecc_counter { RG_NVML_VOLATILE = 0, RG_NVML_AGGREGATE = 1 };
enum rg_nvml_retirement { RG_NVML_RETIRED_CORRECTED = 0, RG_NVML_RETIRED_UNCORRECTED = 1 };
enum rg_nvml_link_error { RG_NVML_REPLAY = 0, RG_NVML_RECOVERY = 1, RG_NVML_CRC_FLIT = 2, RG_NVML_CRC_DATA = 3 };

#define RG_NVML_STATE_MOST 15u /* performance states are 0 to 15 */

/* Reasons for clocks to be kept down are bits in this order. */
enum rg_nvml_throttle {
    RG_NVML_GPU_IDLE = 0x1,
    RG_NVML_APPLICATIONS_CLOCKS_SETTING = 0x2,
    RG_NVML_SW_POWER_CAP = 0x4,
    RG_NVML_HW_SLOWDOWN = 0x8,
    RG_NVML_SYNC_BOOST = 0x10,
    RG_NVML_SW_THERMAL_SLOWDOWN = 0x20,
    RG_NVML_HW_THERMAL_SLOWDOWN = 0x40,
    RG_NVML_HW_POWER_BRAKE_SLOWDOWN = 0x80,
    RG_NVML_DISPLAY_CLOCK_SETTING = 0x100
};

/* Fields: nanoseconds for which the clocks were kept down, unless told otherwise. */
enum rg_nvml_field_id {
    RG_NVML_FIELD_SW_POWER_CAP = 74,
    RG_NVML_FIELD_LINK_SPEED = 164, /* of the NVLink that `scope` names, in MB/s */
    RG_NVML_FIELD_SW_THERMAL_SLOWDOWN = 269,
    RG_NVML_FIELD_HW_THERMAL_SLOWDOWN = 270,
    RG_NVML_FIELD_HW_POWER_BRAKE_SLOWDOWN = 271
};

enum rg_nvml_value_type {
    RG_NVML_DOUBLE = 0,
    RG_NVML_UNSIGNED = 1,
    RG_NVML_UNSIGNED_LONG = 2,
    RG_NVML_UNSIGNED_LONG_LONG = 3,
    RG_NVML_SIGNED_LONG_LONG = 4
};

struct rg_nvml_field {
    unsigned id, scope;
    long long timestamp_us, latency_us;
    unsigned value_type;
    int status;
    union {
        double real;
        unsigned long long whole;
    } value;
};
_Static_assert(sizeof(struct rg_nvml_field) == 40, "nvmlFieldValue_t");

struct rg_nvml_temperature {
    unsigned version;
    unsigned sensor;
    int celsius;
};
_Static_assert(sizeof(struct rg_nvml_temperature) == 12, "nvmlTemperature_v1_t");
#define RG_NVML_TEMPERATURE_V1 (sizeof(struct rg_nvml_temperature) | 1u << 24)

struct rg_nvml_device;    /* nvmlDevice_t points to one */
struct rg_nvml_event_set; /* nvmlEventSet_t does */

#define RG_NVML_EVENT_XID 0x8ull

struct rg_nvml_event {
    struct rg_nvml_device *device;
    unsigned long long type, data; /* data: the Xid */
    unsigned gpu_instance, compute_instance;
};
_Static_assert(sizeof(struct rg_nvml_event) == 32, "nvmlEventData_t");

/* F(name, type); the first RG_NVML_NEEDED must be there, others may be missing from older drivers. */
#define RG_NVML_FUNCTIONS(F)                                                                                           \
    F(nvmlInit_v2, int(void))                                                                                          \
    F(nvmlShutdown, int(void))                                                                                         \
    F(nvmlDeviceGetHandleByPciBusId_v2, int(const char *, struct rg_nvml_device **))                                   \
    F(nvmlErrorString, const char *(int))                                                                              \
    F(nvmlSystemGetDriverVersion, int(char *, unsigned))                                                               \
    F(nvmlSystemGetCudaDriverVersion_v2, int(int *))                                                                   \
    F(nvmlDeviceGetName, int(struct rg_nvml_device *, char *, unsigned))                                               \
    F(nvmlDeviceGetUUID, int(struct rg_nvml_device *, char *, unsigned))                                               \
    F(nvmlDeviceGetVbiosVersion, int(struct rg_nvml_device *, char *, unsigned))                                       \
    F(nvmlDeviceGetClockInfo, int(struct rg_nvml_device *, unsigned, unsigned *))                                      \
    F(nvmlDeviceGetMaxClockInfo, int(struct rg_nvml_device *, unsigned, unsigned *))                                   \
    F(nvmlDeviceGetEnforcedPowerLimit, int(struct rg_nvml_device *, unsigned *))                                       \
    F(nvmlDeviceGetPowerUsage, int(struct rg_nvml_device *, unsigned *))                                               \
    F(nvmlDeviceGetTemperatureV, int(struct rg_nvml_device *, struct rg_nvml_temperature *))                           \
    F(nvmlDeviceGetTemperature, int(struct rg_nvml_device *, unsigned, unsigned *))                                    \
    F(nvmlDeviceGetPerformanceState, int(struct rg_nvml_device *, unsigned *))                                         \
    F(nvmlDeviceGetCurrentClocksEventReasons, int(struct rg_nvml_device *, unsigned long long *))                      \
    F(nvmlDeviceGetCurrentClocksThrottleReasons, int(struct rg_nvml_device *, unsigned long long *))                   \
    F(nvmlDeviceGetFieldValues, int(struct rg_nvml_device *, int, struct rg_nvml_field *))                             \
    F(nvmlDeviceGetPersistenceMode, int(struct rg_nvml_device *, unsigned *))                                          \
    F(nvmlDeviceGetMigMode, int(struct rg_nvml_device *, unsigned *, unsigned *))                                      \
    F(nvmlDeviceGetEccMode, int(struct rg_nvml_device *, unsigned *, unsigned *))                                      \
    F(nvmlDeviceGetTotalEccErrors, int(struct rg_nvml_device *, unsigned, unsigned, unsigned long long *))             \
    F(nvmlDeviceGetRemappedRows, int(struct rg_nvml_device *, unsigned *, unsigned *, unsigned *, unsigned *))         \
    F(nvmlDeviceGetRetiredPages, int(struct rg_nvml_device *, unsigned, unsigned *, unsigned long long *))             \
    F(nvmlDeviceGetRetiredPagesPendingStatus, int(struct rg_nvml_device *, unsigned *))                                \
    F(nvmlDeviceGetCurrPcieLinkGeneration, int(struct rg_nvml_device *, unsigned *))                                   \
    F(nvmlDeviceGetMaxPcieLinkGeneration, int(struct rg_nvml_device *, unsigned *))                                    \
    F(nvmlDeviceGetCurrPcieLinkWidth, int(struct rg_nvml_device *, unsigned *))                                        \
    F(nvmlDeviceGetMaxPcieLinkWidth, int(struct rg_nvml_device *, unsigned *))                                         \
    F(nvmlDeviceGetPcieReplayCounter, int(struct rg_nvml_device *, unsigned *))                                        \
    F(nvmlDeviceGetNvLinkState, int(struct rg_nvml_device *, unsigned, unsigned *))                                    \
    F(nvmlDeviceGetNvLinkErrorCounter, int(struct rg_nvml_device *, unsigned, unsigned, unsigned long long *))         \
    F(nvmlEventSetCreate, int(struct rg_nvml_event_set **))                                                            \
    F(nvmlEventSetFree, int(struct rg_nvml_event_set *))                                                               \
    F(nvmlEventSetWait_v2, int(struct rg_nvml_event_set *, struct rg_nvml_event *, unsigned))                          \
    F(nvmlDeviceRegisterEvents, int(struct rg_nvml_device *, unsigned long long, struct rg_nvml_event_set *))

#define RG_NVML_NEEDED 3

/* The functions as they were found; NULL: this driver has none of that name. */
struct rg_nvml {
#define RG_NVML_MEMBER(name, type) __typeof__(type) *(name);
    RG_NVML_FUNCTIONS(RG_NVML_MEMBER)
#undef RG_NVML_MEMBER
};

#endif
