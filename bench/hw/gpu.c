#include "hw/gpu.h"

#include "base/file.h"
#include "hw/nvml.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MOST_BYTES (256u << 20)
#define LOG_BUFFER_BYTES 65536 /* /dev/kmsg gives a record of up to 8 KiB at a time, or refuses */
#define LOADED_STATE_MOST 2    /* performance states in which a GPU computes; the others save power, also on PCIe */
#define NUMBER_MOST_BYTES 32
#define NVIDIA_VENDOR_ID 0x10deul

/* --- PCI addresses --- */

struct address {
    unsigned long domain, bus, device, function;
};

/* A hexadecimal number of some digits, and what follows it. */
static bool take_hex(const char **at, size_t digits_most, unsigned long *out)
{
    char *end;
    size_t digits = strspn(*at, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > digits_most)
        return false;
    *out = strtoul(*at, &end, 16);
    *at = end;
    return true;
}

static bool take(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

/* "0000:c1:00", to which ".0" may be added; the domain may have eight digits. */
static bool take_address(const char **at, struct address *out)
{
    *out = (struct address){0};
    return take_hex(at, 8, &out->domain) && take(at, ":") && take_hex(at, 2, &out->bus) && take(at, ":") &&
           take_hex(at, 2, &out->device) && (!take(at, ".") || take_hex(at, 1, &out->function));
}

static bool read_address(const char *text, struct address *out)
{
    return take_address(&text, out) && *text == '\0';
}

/* The first line of a file as a number that begins with 0x. */
static bool read_vendor(const char *path, unsigned long *out)
{
    char line[32];
    const char *at = line;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return read && take(&at, "0x") && take_hex(&at, 8, out);
}

/* Of a file of the device in sysfs; the address is one. */
static void path_of(const char *sysfs_root, const struct address *at, const char *file, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/bus/pci/devices/%04lx:%02lx:%02lx.%lx/%s", sysfs_root, at->domain, at->bus, at->device,
        at->function, file);
}

int rg_gpu_numa_node(const char *sysfs_root, const char *pci_address)
{
    struct address at;
    char path[PATH_MAX], *text, *end;
    if (!read_address(pci_address, &at))
        return -1;
    path_of(sysfs_root, &at, "numa_node", path);
    if (rg_file_read(path, NUMBER_MOST_BYTES, &text, NULL, NULL) != 0)
        return -1;
    long node = strtol(text, &end, 10);
    bool read = end != text && node >= 0 && node <= INT_MAX;
    free(text);
    return read ? (int)node : -1;
}

bool rg_gpu_is_real(const char *sysfs_root, const char *pci_address, char *reason, size_t room)
{
    struct address at;
    char path[PATH_MAX];
    unsigned long vendor;
    if (!read_address(pci_address, &at)) {
        snprintf(reason, room, "no GPU: '%s' is no PCI address", pci_address);
        return false;
    }
    path_of(sysfs_root, &at, "vendor", path);
    if (!read_vendor(path, &vendor)) {
        snprintf(reason, room, "CUDA double: there is no PCI device %s", pci_address);
        return false;
    }
    if (vendor != NVIDIA_VENDOR_ID) {
        snprintf(reason, room, "CUDA double: PCI device %s is of vendor 0x%04lx, NVIDIA is 0x%04lx", pci_address,
            vendor, NVIDIA_VENDOR_ID);
        return false;
    }
    if (room > 0)
        reason[0] = '\0';
    return true;
}

/* --- Xid errors --- */

static const struct rg_gpu_xids no_xids = {
    .source = RG_NONE, .count = RG_NONE, .first_place = RG_NONE, .last_place = RG_NONE};

void rg_gpu_add_xid(struct rg_gpu_xids *xids, int64_t place, int64_t code)
{
    xids->places[xids->count % RG_GPU_XIDS_MOST] = place;
    xids->codes[xids->count % RG_GPU_XIDS_MOST] = code;
    xids->count++;
}

/* "NVRM: Xid (PCI:0000:04:00): 79, pid=..."; before and behind the address there may be more. */
static bool read_xid(const char *line, const struct address *wanted, int64_t *code)
{
    struct address address;
    char *end;
    const char *at = strstr(line, "NVRM: Xid (");
    if (at == NULL || !take(&at, "NVRM: Xid ("))
        return false;
    take(&at, "PCI:");
    if (!take_address(&at, &address) || address.domain != wanted->domain || address.bus != wanted->bus ||
        address.device != wanted->device)
        return false;
    at = strstr(at, "): ");
    if (at == NULL || !take(&at, "): ") || !isdigit((unsigned char)*at))
        return false;
    *code = strtol(at, &end, 10);
    return true;
}

/* The number of a record of /dev/kmsg, "6,339,5140900,-;text"; other logs have none. */
static bool read_record_number(const char *line, int64_t *out)
{
    char *end;
    size_t level = strspn(line, "0123456789");
    if (level == 0 || line[level] != ',' || !isdigit((unsigned char)line[level + 1]))
        return false;
    *out = strtoll(line + level + 1, &end, 10);
    return *end == ',' && strchr(end, ';') != NULL;
}

/* What is read of a log, line by line. */
struct log {
    struct address gpu;
    struct rg_gpu_xids *xids;
    int64_t lines;
};

static void read_line(struct log *log, const char *line)
{
    int64_t place, code;
    if (line[0] == ' ') /* what a record adds to itself */
        return;
    if (!read_record_number(line, &place))
        place = log->lines;
    if (log->lines++ == 0)
        log->xids->first_place = place;
    log->xids->last_place = place;
    if (read_xid(line, &log->gpu, &code))
        rg_gpu_add_xid(log->xids, place, code);
}

/* Takes whole lines from the buffer; how many bytes are left at its beginning. */
static size_t read_lines(struct log *log, char *buffer, size_t used)
{
    char *at = buffer, *end;
    while ((end = memchr(at, '\n', used - (size_t)(at - buffer))) != NULL) {
        *end = '\0';
        read_line(log, at);
        at = end + 1;
    }
    size_t left = used - (size_t)(at - buffer);
    memmove(buffer, at, left);
    return left < LOG_BUFFER_BYTES / 2 ? left : 0;
}

/* 0 at the end; -errno. */
static int read_stream(int fd, struct log *log, char *buffer)
{
    size_t used = 0, total = 0;
    while (total < LOG_MOST_BYTES) {
        ssize_t got = read(fd, buffer + used, LOG_BUFFER_BYTES - used - 1);
        if (got < 0 && (errno == EINTR || errno == EPIPE)) /* EPIPE: the next records were overwritten meanwhile */
            continue;
        if (got == 0 || (got < 0 && errno == EAGAIN)) {
            buffer[used] = '\n'; /* the last line may lack its end */
            read_lines(log, buffer, used > 0 ? used + 1 : 0);
            return 0;
        }
        if (got < 0)
            return -errno;
        total += (size_t)got;
        used = read_lines(log, buffer, used + (size_t)got);
    }
    return -EFBIG;
}

int rg_gpu_read_log(const char *path, const char *pci_address, struct rg_gpu_xids *out, struct rg_error *err)
{
    struct rg_gpu_xids xids = {.source = RG_GPU_XIDS_OF_LOG, .last_place = -1};
    struct log log = {.xids = &xids};
    *out = no_xids;
    if (!read_address(pci_address, &log.gpu))
        return rg_fail(err, -EINVAL, "'%s' is no PCI address", pci_address);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char *buffer = fd < 0 ? NULL : malloc(LOG_BUFFER_BYTES);
    int code = fd < 0 ? -errno : buffer == NULL ? -ENOMEM : read_stream(fd, &log, buffer);
    free(buffer);
    if (fd >= 0)
        close(fd);
    if (code != 0)
        return rg_fail(err, code, "%s cannot be read: %s", path, strerror(-code));
    *out = xids;
    return 0;
}

/* --- what changed --- */

static int64_t *counter(struct rg_gpu_counters *counters, size_t i)
{
    return (int64_t *)(void *)((char *)counters + rg_json_gpu_counters.rows[i].offset);
}

static int64_t sum(int64_t a, int64_t b)
{
    return a == RG_NONE || b == RG_NONE ? RG_NONE : a + b;
}

__attribute__((format(printf, 2, 3))) static void warn_of(struct rg_gpu_change *change, const char *format, ...)
{
    va_list args;
    if (change->alarm_count >= RG_GPU_ALARMS_MOST)
        return;
    va_start(args, format);
    vsnprintf(change->alarms[change->alarm_count++], RG_GPU_REASON_LENGTH, format, args);
    va_end(args);
}

static void warn_if_added(struct rg_gpu_change *change, int64_t count, const char *what)
{
    if (count > 0)
        warn_of(change, "%lld %s", (long long)count, what);
}

/* To a text of RG_GPU_REASON_LENGTH; what has no room is cut off. */
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
    va_list args;
    size_t used = strlen(text);
    va_start(args, format);
    vsnprintf(text + used, RG_GPU_REASON_LENGTH - used, format, args);
    va_end(args);
}

/* What shrank was set back meanwhile, and what was added is not known. Sums over NVLinks need the same links. */
static void subtract(struct rg_gpu_change *change)
{
    for (size_t i = 0; i < rg_json_gpu_counters.row_count; i++) {
        int64_t before = *counter(&change->before.counters, i), after = *counter(&change->after.counters, i);
        bool known = before != RG_NONE && after != RG_NONE && after >= before;
        *counter(&change->added, i) = known ? after - before : RG_NONE;
    }
    if (change->before.now.nvlinks_active == change->after.now.nvlinks_active)
        return;
    change->added.nvlink_crc_flit_errors = change->added.nvlink_crc_data_errors = RG_NONE;
    change->added.nvlink_replays = change->added.nvlink_recoveries = RG_NONE;
}

static void judge_memory(struct rg_gpu_change *change)
{
    const struct rg_gpu_condition *before = &change->before.now, *after = &change->after.now;
    const struct rg_gpu_counters *added = &change->added;
    int64_t since_load = added->ecc_uncorrected_volatile, ever = added->ecc_uncorrected_aggregate;
    warn_if_added(change, since_load > ever ? since_load : ever, "new uncorrected ECC errors");
    warn_if_added(change, sum(added->remapped_rows_corrected, added->remapped_rows_uncorrected),
        "more rows of memory were remapped");
    warn_if_added(change, sum(added->retired_pages_corrected, added->retired_pages_uncorrected),
        "more pages of memory were retired");
    if (before->remapping_failed == 0 && after->remapping_failed == 1)
        warn_of(change, "a row of memory could not be remapped");
    if (before->remapping_pending == 0 && after->remapping_pending == 1)
        warn_of(change, "a row of memory waits for a reset of the GPU to be remapped");
    if (before->retirement_pending == 0 && after->retirement_pending == 1)
        warn_of(change, "a page of memory waits for a reset of the GPU to be retired");
}

/* To save power a link runs slower, but never narrower. */
static void judge_pcie(struct rg_gpu_change *change)
{
    const struct rg_gpu_condition *now = &change->after.now;
    bool loaded = now->performance_state >= 0 && now->performance_state <= LOADED_STATE_MOST;
    warn_if_added(change, change->added.pcie_replays, "PCIe replays");
    if (now->pcie_width > 0 && now->pcie_width < now->pcie_width_max)
        warn_of(change, "the PCIe link runs at %lld lanes of %lld", (long long)now->pcie_width,
            (long long)now->pcie_width_max);
    if (loaded && now->pcie_generation > 0 && now->pcie_generation < now->pcie_generation_max)
        warn_of(change, "the PCIe link runs at generation %lld of %lld in performance state P%lld",
            (long long)now->pcie_generation, (long long)now->pcie_generation_max, (long long)now->performance_state);
}

static void judge_nvlink(struct rg_gpu_change *change)
{
    int64_t before = change->before.now.nvlinks_active, after = change->after.now.nvlinks_active;
    if (after != RG_NONE && after < before)
        warn_of(change, "%lld NVLinks are active, %lld were before", (long long)after, (long long)before);
    warn_if_added(change, change->added.nvlink_crc_flit_errors, "NVLink CRC errors in flits");
    warn_if_added(change, change->added.nvlink_crc_data_errors, "NVLink CRC errors in data");
    warn_if_added(change, change->added.nvlink_replays, "NVLink replays");
    warn_if_added(change, change->added.nvlink_recoveries, "NVLink recoveries");
}

/* For how long a reason kept the clocks down; RG_NONE: that is not counted. */
static int64_t time_of(const struct rg_gpu_counters *added, int64_t reason)
{
    switch (reason) {
    case RG_NVML_SW_POWER_CAP:
        return added->sw_power_cap_us;
    case RG_NVML_SW_THERMAL_SLOWDOWN:
        return added->sw_thermal_slowdown_us;
    case RG_NVML_HW_THERMAL_SLOWDOWN:
        return added->hw_thermal_slowdown_us;
    case RG_NVML_HW_POWER_BRAKE_SLOWDOWN:
        return added->hw_power_brake_slowdown_us;
    default:
        return RG_NONE;
    }
}

/* By heat or power; the other reasons are settings, or that the GPU has nothing to do. */
static const int64_t worrying = RG_NVML_SW_POWER_CAP | RG_NVML_HW_SLOWDOWN | RG_NVML_SW_THERMAL_SLOWDOWN |
                                RG_NVML_HW_THERMAL_SLOWDOWN | RG_NVML_HW_POWER_BRAKE_SLOWDOWN;

/* A look that failed leaves open what the other one did not see. */
static void judge_throttle(struct rg_gpu_change *change)
{
    char text[RG_GPU_REASON_LENGTH] = "";
    bool known = change->before.throttle != RG_NONE && change->after.throttle != RG_NONE;
    int64_t seen = change->before.throttle == RG_NONE ? 0 : change->before.throttle;
    seen |= change->after.throttle == RG_NONE ? 0 : change->after.throttle;
    for (int i = 0; i < RG_GPU_WORDS_MOST - 1; i++) {
        int64_t reason = 1ll << i, time_us = time_of(&change->added, reason);
        if (time_us > 0)
            seen |= reason;
        if ((seen & worrying & reason) != 0)
            append(text, "%s%s", text[0] ? ", " : "", rg_json_throttle_words[i]);
        if (time_us > 0)
            append(text, " for %.3g s", (double)time_us / 1e6);
    }
    change->throttle = known || seen != 0 ? seen : RG_NONE;
    if (text[0] != '\0')
        warn_of(change, "heat or power kept the clocks down: %s", text);
}

/* Why the Xid errors of two looks tell nothing of the time between; NULL: they do. */
static const char *why_no_xids(const struct rg_gpu_state *before, const struct rg_gpu_state *after)
{
    const struct rg_gpu_xids *a = &before->xids, *b = &after->xids;
    if (b->source == RG_NONE)
        return after->xid_reason;
    if (a->source == RG_NONE)
        return before->xid_reason;
    if (a->source != b->source)
        return "the kernel's log could be read at one of two looks only";
    if (b->last_place < a->last_place)
        return "the kernel's log was replaced between two looks";
    if (b->first_place > a->last_place + 1)
        return "the kernel's log lost records between two looks";
    return NULL;
}

static void judge_xids(struct rg_gpu_change *change)
{
    const struct rg_gpu_xids *xids = &change->after.xids;
    const char *why = why_no_xids(&change->before, &change->after);
    char text[RG_GPU_REASON_LENGTH] = "";
    change->xid_count = why ? RG_NONE : 0;
    snprintf(change->xid_reason, sizeof change->xid_reason, "%s", why ? why : "");
    if (why != NULL)
        return;
    for (int64_t i = xids->count > RG_GPU_XIDS_MOST ? xids->count - RG_GPU_XIDS_MOST : 0; i < xids->count; i++) {
        if (xids->places[i % RG_GPU_XIDS_MOST] <= change->before.xids.last_place)
            continue;
        change->xids[change->xid_count] = xids->codes[i % RG_GPU_XIDS_MOST];
        append(text, " %lld", (long long)change->xids[change->xid_count++]);
    }
    if (change->xid_count > 0)
        warn_of(change, "the driver reported Xid errors:%s", text);
}

void rg_gpu_change(const struct rg_gpu_state *before, const struct rg_gpu_state *after, struct rg_gpu_change *out)
{
    *out = (struct rg_gpu_change){.before = *before, .after = *after};
    if (before->reason[0] == '\0' && after->reason[0] != '\0')
        warn_of(out, "the GPU answers no more: %.150s", after->reason);
    subtract(out);
    judge_xids(out);
    judge_memory(out);
    judge_pcie(out);
    judge_nvlink(out);
    judge_throttle(out);
}

/* --- for documents --- */

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

void rg_gpu_facts_of(const struct rg_gpu *gpu, const struct rg_gpu_state *state, struct rg_gpu_facts *out)
{
    bool logged = state->xids.source == RG_GPU_XIDS_OF_LOG;
    *out = (struct rg_gpu_facts){
        .name = text_or_null(gpu->name),
        .uuid = text_or_null(gpu->uuid),
        .vbios = text_or_null(gpu->vbios),
        .driver = text_or_null(gpu->driver),
        .cuda_driver = text_or_null(gpu->cuda_driver),
        .reason = text_or_null(gpu->reason[0] ? gpu->reason : state->reason),
        .xid_reason = logged ? NULL : text_or_null(state->xid_reason),
        .sm_clock_max_mhz = gpu->sm_clock_max_mhz,
        .memory_clock_max_mhz = gpu->memory_clock_max_mhz,
        .ecc = gpu->ecc,
        .persistence = gpu->persistence,
        .mig = gpu->mig,
        .power_limit_w = gpu->power_limit_w,
        .xids_logged = logged ? state->xids.count : RG_NONE,
        .now = state->now,
        .counters = state->counters,
    };
}

static int64_t words_of(int64_t mask, const char *words[RG_GPU_WORDS_MOST])
{
    const int known = RG_GPU_WORDS_MOST - 1;
    int64_t count = 0;
    if (mask == RG_NONE)
        return RG_NONE;
    for (int i = 0; i < known; i++)
        if (mask >> i & 1)
            words[count++] = rg_json_throttle_words[i];
    if (mask >> known != 0)
        words[count++] = rg_json_throttle_words[known];
    return count;
}

void rg_gpu_report_of(const struct rg_gpu_change *change, struct rg_gpu_report *out)
{
    const struct rg_gpu_state *before = &change->before, *after = &change->after;
    rg_json_clear_gpu_report(out);
    out->reason = text_or_null(after->reason[0] ? after->reason : before->reason);
    out->before = before->now;
    out->after = after->now;
    out->added = change->added;
    out->xid_source = change->xid_count == RG_NONE ? NULL : rg_json_xid_sources[after->xids.source];
    out->xid_reason = text_or_null(change->xid_reason);
    out->throttle_reason_count = words_of(change->throttle, out->throttle_reasons);
    out->new_xid_count = change->xid_count;
    memcpy(out->new_xids, change->xids, sizeof out->new_xids);
    out->alarm_count = change->alarm_count;
    for (int64_t i = 0; i < change->alarm_count; i++)
        out->alarms[i] = change->alarms[i];
}

void rg_gpu_unknown(const char *reason, struct rg_gpu *gpu, struct rg_gpu_state *state)
{
    if (gpu != NULL) {
        *gpu = (struct rg_gpu){.sm_clock_max_mhz = RG_NONE,
            .memory_clock_max_mhz = RG_NONE,
            .ecc = RG_NONE,
            .persistence = RG_NONE,
            .mig = RG_NONE,
            .power_limit_w = NAN};
        snprintf(gpu->reason, sizeof gpu->reason, "%s", reason);
    }
    if (state == NULL)
        return;
    *state = (struct rg_gpu_state){.throttle = RG_NONE, .xids = no_xids};
    rg_json_clear(&rg_json_gpu_condition, &state->now);
    rg_json_clear(&rg_json_gpu_counters, &state->counters);
    snprintf(state->reason, sizeof state->reason, "%s", reason);
    snprintf(state->xid_reason, sizeof state->xid_reason, "%s", reason);
}
