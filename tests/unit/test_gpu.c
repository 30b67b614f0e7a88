/* hw/gpu and data/gpu: what the kernel's log, sysfs and two looks at a GPU tell, and how documents hold it. Looks by
 * NVML are tests/double/nvml's. */
#include "helpers.h"

#include "hw/gpu.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GPU "0000:04:00.0"

/* --- Xid errors in the kernel's log --- */

static char *directory;

static int new_files(void **state)
{
    (void)state;
    directory = new_directory();
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    remove_directory(directory);
    return 0;
}

/* What a log of these lines holds of a GPU. */
static struct rg_gpu_xids xids_in(const char *text, const char *gpu)
{
    struct rg_gpu_xids xids;
    struct rg_error err = {{0}};
    char *path = path_in(directory, "log");
    write_text(path, text);
    assert_int_equal(rg_gpu_read_log(path, gpu, &xids, &err), 0);
    free(path);
    assert_int_equal(xids.source, RG_GPU_XIDS_OF_LOG);
    return xids;
}

static void xid_errors_are_found_in_every_form_that_drivers_print(void **state)
{
    static const struct {
        const char *line;
        int64_t code; /* -1: no Xid error of this GPU */
    } cases[] = {
        {"NVRM: Xid (PCI:0000:04:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", 79},
        {"[ 1234.567890] NVRM: Xid (PCI:0000:04:00): 31, pid=79749, name=exe, Ch 0000000a", 31},
        {"Oct 06 17:59:27 host kernel: NVRM: Xid (PCI:0000:04:00): 119, pid=1122", 119},
        {"3,339,5140900,-;NVRM: Xid (PCI:0000:04:00): 63, Row Remapper: New row marked for remapping", 63},
        {"NVRM: Xid (0000:04:00): 14, Channel 00000001", 14},
        {"NVRM: Xid (PCI:0000:04:00 GPU-I:05): 13, Graphics Exception", 13},
        {"NVRM: Xid (PCI:0000:04:00.0): 48, DBE", 48},
        {"NVRM: Xid (PCI:00000000:04:00): 94, Contained", 94},
        {"NVRM: Xid (PCI:0000:05:00): 79, another GPU", -1},
        {"NVRM: Xid (PCI:0001:04:00): 79, another domain", -1},
        {"NVRM: Xid (PCI:0000:04:01): 79, another device", -1},
        {"NVRM: Xid (PCI:0000:04:00): no number", -1},
        {"NVRM: Xid (PCI:0000:04:00", -1},
        {"NVRM: Xid (PCI:", -1},
        {"NVRM: GPU 0000:04:00.0: GPU has fallen off the bus.", -1},
        {"nvidia-nvswitch0: SXid (PCI:0000:04:00.0): 12028, Non-fatal", -1},
        {" NVRM: Xid (PCI:0000:04:00): 79, what a record adds to itself", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rg_gpu_xids xids = xids_in(cases[i].line, GPU);
        if (xids.count != (cases[i].code >= 0))
            fail_msg("%lld found in: %s", (long long)xids.count, cases[i].line);
        if (cases[i].code >= 0)
            assert_int_equal(xids.codes[0], cases[i].code);
    }
    assert_int_equal(xids_in(cases[0].line, "00000000:04:00.0").count, 1);
    assert_int_equal(xids_in("NVRM: Xid (PCI:0000:C1:00): 79", "0000:c1:00.0").count, 1);
    assert_int_equal(xids_in("NVRM: Xid (PCI:0000:c1:00): 79", "0000:C1:00.0").count, 1);
}

static void places_are_numbers_of_records_or_of_lines(void **state)
{
    (void)state;
    struct rg_gpu_xids xids = xids_in("6,700,1,-;boot\n"
                                      "3,701,2,-;NVRM: Xid (PCI:0000:04:00): 79, off\n"
                                      " SUBSYSTEM=pci\n"
                                      "6,702,3,-;usb: NVRM\n"
                                      "4,703,4,c;NVRM: Xid (PCI:0000:04:00): 63, row",
        GPU);
    assert_int_equal(xids.count, 2);
    assert_int_equal(xids.first_place, 700);
    assert_int_equal(xids.last_place, 703);
    assert_int_equal(xids.places[0], 701);
    assert_int_equal(xids.places[1], 703);
    xids = xids_in("boot\n\nNVRM: Xid (PCI:0000:04:00): 79, off\nusb\n", GPU);
    assert_int_equal(xids.first_place, 0);
    assert_int_equal(xids.last_place, 3);
    assert_int_equal(xids.places[0], 2);
    xids = xids_in("", GPU);
    assert_int_equal(xids.count, 0);
    assert_true(xids.last_place < xids.first_place);
}

static void a_long_log_is_read_to_its_end_and_the_last_xid_errors_are_kept(void **state)
{
    size_t room = 3u << 20, used = 0;
    char *text = malloc(room);
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 20000; i++)
        used += (size_t)sprintf(text + used, "[%12d] a line of the log that nobody minds\n", i);
    memset(text + used, 'x', 100000); /* a line that is longer than any */
    used += 100000;
    for (int i = 0; i < 20; i++)
        used += (size_t)sprintf(text + used, "\nNVRM: Xid (PCI:0000:04:00): %d, one of many\n", 100 + i);
    assert_true(used < room);
    struct rg_gpu_xids xids = xids_in(text, GPU);
    free(text);
    assert_int_equal(xids.count, 20);
    for (int64_t i = 4; i < 20; i++)
        assert_int_equal(xids.codes[i % RG_GPU_XIDS_MOST], 100 + i);
}

static void a_log_that_cannot_be_read_is_an_error_with_the_reason(void **state)
{
    struct rg_gpu_xids xids;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_gpu_read_log("/nowhere/kmsg", GPU, &xids, &err), -ENOENT);
    assert_string_equal(err.text, "/nowhere/kmsg cannot be read: No such file or directory");
    assert_int_equal(xids.source, RG_NONE);
    assert_int_equal(xids.count, RG_NONE);
    assert_int_equal(rg_gpu_read_log(directory, GPU, &xids, &err), -EISDIR);
    assert_int_equal(rg_gpu_read_log("/dev/null", "GPU 0", &xids, &err), -EINVAL);
    assert_string_equal(err.text, "'GPU 0' is no PCI address");
    assert_int_equal(rg_gpu_read_log("/dev/zero", GPU, &xids, &err), -EFBIG);
}

/* --- whether there is hardware --- */

static void add_pci_device(const char *address, const char *vendor)
{
    char path[512], *names[] = {"bus", "bus/pci", "bus/pci/devices"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s", directory, address);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/vendor", directory, address);
    write_text(path, vendor);
}

static void the_numa_node_is_the_one_in_sysfs_or_not_known(void **state)
{
    static const struct {
        const char *text;
        int expected;
    } cases[] = {{"1\n", 1}, {"0\n", 0}, {"-1\n", -1}, {"", -1}, {"near\n", -1}};
    char *file = path_in(directory, "bus/pci/devices/" GPU "/numa_node");
    (void)state;
    add_pci_device(GPU, "0x10de\n");
    assert_int_equal(rg_gpu_numa_node(directory, GPU), -1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_text(file, cases[i].text);
        assert_int_equal(rg_gpu_numa_node(directory, GPU), cases[i].expected);
    }
    assert_int_equal(rg_gpu_numa_node(directory, "GPU 0"), -1);
    free(file);
}

static void a_gpu_is_real_where_sysfs_has_a_pci_device_of_nvidia(void **state)
{
    char why[RG_GPU_REASON_LENGTH] = "left";
    (void)state;
    add_pci_device("0000:c1:00.0", "0x10de\n");
    assert_true(rg_gpu_is_real(directory, "0000:c1:00.0", why, sizeof why));
    assert_string_equal(why, "");
    assert_true(rg_gpu_is_real(directory, "00000000:C1:00.0", why, sizeof why));
    assert_true(rg_gpu_is_real(directory, "0000:c1:00", why, sizeof why));
}

static void a_gpu_is_not_real_without_such_a_device_and_the_reason_is_told(void **state)
{
    static const struct {
        const char *address, *why;
    } cases[] = {
        {"0000:d0:00.0", "CUDA double: there is no PCI device 0000:d0:00.0"},
        {"0000:c1:00.1", "CUDA double: there is no PCI device 0000:c1:00.1"},
        {"0000:c2:00.0", "CUDA double: PCI device 0000:c2:00.0 is of vendor 0x1af4, NVIDIA is 0x10de"},
        {"0000:c3:00.0", "CUDA double: there is no PCI device 0000:c3:00.0"},
        {"", "no GPU: '' is no PCI address"},
        {"c1:00.0", "no GPU: 'c1:00.0' is no PCI address"},
        {"0000:c1:00.0/../0000:c1:00.0", "no GPU: '0000:c1:00.0/../0000:c1:00.0' is no PCI address"},
        {"0000:c1:00.0 ", "no GPU: '0000:c1:00.0 ' is no PCI address"},
        {"0000:0c1:00.0", "no GPU: '0000:0c1:00.0' is no PCI address"},
    };
    char why[RG_GPU_REASON_LENGTH];
    (void)state;
    add_pci_device("0000:c1:00.0", "0x10de\n");
    add_pci_device("0000:c2:00.0", "0x1af4\n");
    add_pci_device("0000:c3:00.0", "nonsense\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_false(rg_gpu_is_real(directory, cases[i].address, why, sizeof why));
        assert_string_equal(why, cases[i].why);
    }
    assert_false(rg_gpu_is_real("/nowhere", "0000:c1:00.0", why, sizeof why));
}

/* --- what happened between two looks --- */

/* A GPU that is well: at full link, without an error, and doing something. */
static struct rg_gpu_state a_look(void)
{
    struct rg_gpu_state look;
    rg_gpu_unknown("", NULL, &look);
    look.now = (struct rg_gpu_condition){.sm_clock_mhz = 1980,
        .memory_clock_mhz = 3201,
        .temperature_c = 40,
        .power_w = 250,
        .pcie_generation = 5,
        .pcie_generation_max = 5,
        .pcie_width = 16,
        .pcie_width_max = 16,
        .nvlinks_active = 18};
    look.counters = (struct rg_gpu_counters){0};
    look.throttle = 0;
    look.xids = (struct rg_gpu_xids){.source = RG_GPU_XIDS_OF_LOG, .last_place = 99};
    return look;
}

static struct rg_gpu_change last;

/* The alarms of two looks, one a line. */
static const char *alarms_of(const struct rg_gpu_state *before, const struct rg_gpu_state *after)
{
    static char text[RG_GPU_ALARMS_MOST * (RG_GPU_REASON_LENGTH + 1) + 1];
    size_t used = 0;
    text[0] = '\0';
    rg_gpu_change(before, after, &last);
    for (int64_t i = 0; i < last.alarm_count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "\n" : "", last.alarms[i]);
    return text;
}

static void a_calm_test_alarms_nobody(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    after.now.temperature_c = 60;
    after.counters.ecc_corrected_volatile = after.counters.ecc_corrected_aggregate = 3;
    assert_string_equal(alarms_of(&before, &after), "");
    assert_int_equal(last.added.ecc_corrected_volatile, 3);
    assert_int_equal(last.added.ecc_uncorrected_volatile, 0);
    assert_int_equal(last.added.pcie_replays, 0);
    assert_int_equal(last.throttle, 0);
    assert_int_equal(last.xid_count, 0);
    assert_string_equal(last.xid_reason, "");
}

static void what_was_added_is_the_difference_and_unknown_where_either_look_lacks_it_or_it_was_set_back(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    before.counters.pcie_replays = 10;
    after.counters.pcie_replays = 14;
    before.counters.retired_pages_corrected = RG_NONE;
    after.counters.remapped_rows_corrected = RG_NONE;
    before.counters.ecc_uncorrected_volatile = 5; /* the driver was loaded again */
    after.counters.ecc_uncorrected_volatile = 1;
    rg_gpu_change(&before, &after, &last);
    assert_int_equal(last.added.pcie_replays, 4);
    assert_int_equal(last.added.retired_pages_corrected, RG_NONE);
    assert_int_equal(last.added.remapped_rows_corrected, RG_NONE);
    assert_int_equal(last.added.ecc_uncorrected_volatile, RG_NONE);
}

static void each_counter_that_should_stand_still_alarms_when_it_grows(void **state)
{
    static const struct {
        size_t offset;
        const char *alarm;
    } cases[] = {
        {offsetof(struct rg_gpu_counters, ecc_uncorrected_volatile), "2 new uncorrected ECC errors"},
        {offsetof(struct rg_gpu_counters, ecc_uncorrected_aggregate), "2 new uncorrected ECC errors"},
        {offsetof(struct rg_gpu_counters, remapped_rows_corrected), "2 more rows of memory were remapped"},
        {offsetof(struct rg_gpu_counters, remapped_rows_uncorrected), "2 more rows of memory were remapped"},
        {offsetof(struct rg_gpu_counters, retired_pages_corrected), "2 more pages of memory were retired"},
        {offsetof(struct rg_gpu_counters, retired_pages_uncorrected), "2 more pages of memory were retired"},
        {offsetof(struct rg_gpu_counters, pcie_replays), "2 PCIe replays"},
        {offsetof(struct rg_gpu_counters, nvlink_crc_flit_errors), "2 NVLink CRC errors in flits"},
        {offsetof(struct rg_gpu_counters, nvlink_crc_data_errors), "2 NVLink CRC errors in data"},
        {offsetof(struct rg_gpu_counters, nvlink_replays), "2 NVLink replays"},
        {offsetof(struct rg_gpu_counters, nvlink_recoveries), "2 NVLink recoveries"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rg_gpu_state before = a_look(), after = a_look();
        *(int64_t *)(void *)((char *)&after.counters + cases[i].offset) = 2;
        assert_string_equal(alarms_of(&before, &after), cases[i].alarm);
        *(int64_t *)(void *)((char *)&before.counters + cases[i].offset) = RG_NONE;
        assert_string_equal(alarms_of(&before, &after), "");
    }
}

static void memory_that_awaits_repair_alarms_once_not_for_ever(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    after.now.remapping_failed = after.now.remapping_pending = after.now.retirement_pending = 1;
    assert_string_equal(alarms_of(&before, &after), "a row of memory could not be remapped\n"
                                                    "a row of memory waits for a reset of the GPU to be remapped\n"
                                                    "a page of memory waits for a reset of the GPU to be retired");
    assert_string_equal(alarms_of(&after, &after), "");
}

static void a_pcie_link_below_its_best_alarms_but_not_one_that_saves_power(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    after.now.pcie_width = 8;
    assert_string_equal(alarms_of(&before, &after), "the PCIe link runs at 8 lanes of 16");
    after.now.pcie_width_max = RG_NONE;
    assert_string_equal(alarms_of(&before, &after), "");
    after = a_look();
    after.now.pcie_generation = 3;
    assert_string_equal(alarms_of(&before, &after), "the PCIe link runs at generation 3 of 5 in performance state P0");
    after.now.performance_state = 8;
    assert_string_equal(alarms_of(&before, &after), "");
    after.now.performance_state = RG_NONE;
    assert_string_equal(alarms_of(&before, &after), "");
}

static void nvlinks_that_went_alarm_and_sums_over_other_links_are_not_compared(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    after.now.nvlinks_active = 17;
    after.counters.nvlink_replays = 5;
    assert_string_equal(alarms_of(&before, &after), "17 NVLinks are active, 18 were before");
    assert_int_equal(last.added.nvlink_replays, RG_NONE);
    assert_int_equal(last.added.pcie_replays, 0);
    after.now.nvlinks_active = RG_NONE;
    assert_string_equal(alarms_of(&before, &after), "");
}

static void reasons_of_both_looks_and_times_that_grew_are_why_clocks_were_kept_down(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    before.throttle = 0x1; /* idle */
    after.throttle = 0x12; /* settings */
    assert_string_equal(alarms_of(&before, &after), "");
    assert_int_equal(last.throttle, 0x13);
    before.throttle = 0x40;
    after.throttle = 0x4;
    assert_string_equal(
        alarms_of(&before, &after), "heat or power kept the clocks down: sw_power_cap, hw_thermal_slowdown");
    assert_int_equal(last.throttle, 0x44);
    before.throttle = after.throttle = 0;
    after.counters.hw_power_brake_slowdown_us = 1500000;
    assert_string_equal(
        alarms_of(&before, &after), "heat or power kept the clocks down: hw_power_brake_slowdown for 1.5 s");
    assert_int_equal(last.throttle, 0x80);
    for (int i = 0; i < 9; i++) {
        bool worrying = (0xecu >> i & 1) != 0;
        after = a_look();
        after.throttle = 1 << i;
        assert_int_equal(alarms_of(&before, &after)[0] != '\0', worrying);
    }
}

static void half_a_look_at_the_clocks_that_saw_nothing_says_nothing(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    before.throttle = RG_NONE;
    assert_string_equal(alarms_of(&before, &after), "");
    assert_int_equal(last.throttle, RG_NONE);
    after.throttle = 0x20;
    assert_string_equal(alarms_of(&before, &after), "heat or power kept the clocks down: sw_thermal_slowdown");
    assert_int_equal(last.throttle, 0x20);
    before.throttle = after.throttle = RG_NONE;
    rg_gpu_change(&before, &after, &last);
    assert_int_equal(last.throttle, RG_NONE);
}

static void xid_errors_behind_the_first_look_are_new(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    rg_gpu_add_xid(&before.xids, 50, 31);
    after.xids = before.xids;
    assert_string_equal(alarms_of(&before, &after), "");
    rg_gpu_add_xid(&after.xids, 100, 79);
    rg_gpu_add_xid(&after.xids, 140, 63);
    after.xids.last_place = 150;
    assert_string_equal(alarms_of(&before, &after), "the driver reported Xid errors: 79 63");
    assert_int_equal(last.xid_count, 2);
    assert_int_equal(last.xids[0], 79);
    assert_int_equal(last.xids[1], 63);
    for (int i = 0; i < 40; i++)
        rg_gpu_add_xid(&after.xids, 150 + i, 200 + i);
    after.xids.last_place = 200;
    rg_gpu_change(&before, &after, &last);
    assert_int_equal(last.xid_count, RG_GPU_XIDS_MOST);
    assert_int_equal(last.xids[0], 224);
    assert_int_equal(last.xids[RG_GPU_XIDS_MOST - 1], 239);
}

static void a_log_that_lost_its_beginning_still_tells_what_is_new(void **state)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    (void)state;
    rg_gpu_add_xid(&before.xids, 3, 31);
    rg_gpu_add_xid(&before.xids, 4, 31);
    after.xids.first_place = 100; /* the very next record */
    after.xids.last_place = 200;
    rg_gpu_add_xid(&after.xids, 150, 79);
    assert_string_equal(alarms_of(&before, &after), "the driver reported Xid errors: 79");
    after.xids.first_place = 101;
    assert_string_equal(alarms_of(&before, &after), "");
    assert_int_equal(last.xid_count, RG_NONE);
    assert_string_equal(last.xid_reason, "the kernel's log lost records between two looks");
    after.xids.first_place = 0;
    after.xids.last_place = 98;
    rg_gpu_change(&before, &after, &last);
    assert_string_equal(last.xid_reason, "the kernel's log was replaced between two looks");
}

static void xid_errors_are_not_known_unless_both_looks_have_one_source(void **state)
{
    struct rg_gpu_state with = a_look(), without = a_look(), events = a_look();
    (void)state;
    rg_gpu_unknown("/dev/kmsg cannot be read: Operation not permitted", NULL, &without);
    without.reason[0] = '\0';
    events.xids = (struct rg_gpu_xids){.source = RG_GPU_XIDS_OF_EVENTS, .first_place = 1};
    rg_gpu_change(&with, &without, &last);
    assert_int_equal(last.xid_count, RG_NONE);
    assert_string_equal(last.xid_reason, "/dev/kmsg cannot be read: Operation not permitted");
    rg_gpu_change(&without, &with, &last);
    assert_int_equal(last.xid_count, RG_NONE);
    assert_string_equal(last.xid_reason, "/dev/kmsg cannot be read: Operation not permitted");
    rg_gpu_change(&with, &events, &last);
    assert_int_equal(last.xid_count, RG_NONE);
    assert_string_equal(last.xid_reason, "the kernel's log could be read at one of two looks only");
    without = events;
    rg_gpu_add_xid(&events.xids, ++events.xids.last_place, 45);
    assert_string_equal(alarms_of(&without, &events), "the driver reported Xid errors: 45");
    assert_string_equal(alarms_of(&events, &events), "");
}

static void a_gpu_that_is_lost_alarms_and_leaves_nothing_known(void **state)
{
    struct rg_gpu_state before = a_look(), after;
    (void)state;
    rg_gpu_unknown("GPU 0000:04:00.0: GPU is lost (15)", NULL, &after);
    assert_string_equal(alarms_of(&before, &after), "the GPU answers no more: GPU 0000:04:00.0: GPU is lost (15)");
    assert_string_equal(alarms_of(&after, &after), "");
    assert_int_equal(last.throttle, RG_NONE);
    for (size_t i = 0; i < rg_json_gpu_counters.row_count; i++)
        assert_int_equal(*(int64_t *)(void *)((char *)&last.added + rg_json_gpu_counters.rows[i].offset), RG_NONE);
}

/* Everything that can go wrong at once. */
static struct rg_gpu_change a_disaster(void)
{
    struct rg_gpu_state before = a_look(), after = a_look();
    struct rg_gpu_change change;
    for (size_t i = 0; i < rg_json_gpu_counters.row_count; i++)
        *(int64_t *)(void *)((char *)&after.counters + rg_json_gpu_counters.rows[i].offset) = INT64_C(1) << 40;
    after.now.remapping_failed = after.now.remapping_pending = after.now.retirement_pending = 1;
    after.now.pcie_width = after.now.pcie_generation = 1;
    after.throttle = INT64_C(0xfff);
    snprintf(after.reason, sizeof after.reason, "%0*d", RG_GPU_REASON_LENGTH - 1, 0);
    for (int i = 0; i < RG_GPU_XIDS_MOST; i++)
        rg_gpu_add_xid(&after.xids, 100 + i, INT32_MAX);
    after.xids.last_place = 200;
    rg_gpu_change(&before, &after, &change);
    return change;
}

static void every_alarm_at_once_has_room(void **state)
{
    struct rg_gpu_change change = a_disaster();
    (void)state;
    assert_int_equal(change.alarm_count, 16);
    for (int64_t i = 0; i < change.alarm_count; i++)
        assert_in_range(strlen(change.alarms[i]), 10, RG_GPU_REASON_LENGTH - 1);
}

/* --- documents --- */

static cJSON *written(const struct rg_gpu_report *reports, size_t count)
{
    cJSON *object = cJSON_CreateObject();
    rg_json_add_gpu_reports(object, "gpus", reports, count);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    object = cJSON_Parse(text);
    free(text);
    return object;
}

static void reports_are_read_as_they_were_written(void **state)
{
    struct rg_gpu_change disaster = a_disaster(), nothing;
    struct rg_gpu_state unknown;
    struct rg_gpu_report reports[2], *read;
    struct rg_error err = {{0}};
    const struct rg_place place = {.file = "measurement"};
    size_t count;
    (void)state;
    rg_gpu_unknown("no NVML: nowhere", NULL, &unknown);
    rg_gpu_change(&unknown, &unknown, &nothing);
    rg_gpu_report_of(&disaster, &reports[0]);
    rg_gpu_report_of(&nothing, &reports[1]);
    for (int i = 0; i < 2; i++) {
        reports[i].node = "node-a";
        reports[i].rail = reports[i].rank = i;
        reports[i].gpu = i ? NULL : GPU;
    }
    cJSON *object = written(reports, 2);
    assert_int_equal(rg_json_read_gpu_reports(object, "gpus", &place, &read, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(&read[0].before, &reports[0].before, sizeof read->before);
    assert_memory_equal(&read[0].after, &reports[0].after, sizeof read->after);
    assert_memory_equal(&read[0].added, &reports[0].added, sizeof read->added);
    assert_int_equal(read[0].throttle_reason_count, RG_GPU_WORDS_MOST);
    assert_string_equal(read[0].throttle_reasons[0], "gpu_idle");
    assert_string_equal(read[0].throttle_reasons[9], "other");
    assert_int_equal(read[0].new_xid_count, RG_GPU_XIDS_MOST);
    assert_int_equal(read[0].new_xids[15], INT32_MAX);
    assert_int_equal(read[0].alarm_count, 16);
    assert_string_equal(read[0].alarms[15], disaster.alarms[15]);
    assert_string_equal(read[0].xid_source, "kernel_log");
    assert_null(read[0].xid_reason);
    assert_string_equal(read[1].reason, "no NVML: nowhere");
    assert_string_equal(read[1].xid_reason, "no NVML: nowhere");
    assert_null(read[1].gpu);
    assert_null(read[1].xid_source);
    assert_int_equal(read[1].new_xid_count, RG_NONE);
    assert_int_equal(read[1].throttle_reason_count, RG_NONE);
    assert_int_equal(read[1].alarm_count, 0);
    assert_int_equal(read[1].after.remapping_failed, RG_NONE);
    assert_true(isnan(read[1].after.power_w));
    free(read);
    cJSON_Delete(object);
    object = written(NULL, 0);
    assert_int_equal(rg_json_read_gpu_reports(object, "gpus", &place, &read, &count, &err), 0);
    assert_int_equal(count, 0);
    free(read);
    cJSON_Delete(object);
}

static void reports_that_break_a_rule_are_refused_at_their_place(void **state)
{
    static const struct {
        const char *key, *value, *message;
    } cases[] = {
        {"throttle_reasons", "[\"boredom\"]", "gpus[0].throttle_reasons[0]: 'boredom' is unknown here"},
        {"throttle_reasons", "[\"other\", 1]", "gpus[0].throttle_reasons[1]: must be a text that is not empty"},
        {"throttle_reasons", "3", "gpus[0].throttle_reasons: must be an array, or null"},
        {"throttle_reasons", NULL, "gpus[0].throttle_reasons: must be an array, or null"},
        {"alarms", "[\"\"]", "gpus[0].alarms[0]: must be a text that is not empty"},
        {"alarms", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "gpus[0].alarms: has more than 16 elements"},
        {"new_xids", "[79, -1]", "gpus[0].new_xids[1]: must be a whole number, not negative"},
        {"new_xids", "[1.5]", "gpus[0].new_xids[0]: must be a whole number, not negative"},
        {"new_xids", "[1e99]", "gpus[0].new_xids[0]: must be a whole number, not negative"},
        {"new_xids", "null", "gpus[0]: there is an xid_reason just when new_xids is null"},
        {"xid_reason", "\"no\"", "gpus[0]: there is an xid_reason just when new_xids is null"},
        {"xid_source", "null", "gpus[0]: there is an xid_source just when new_xids is not null"},
        {"added", "null", "gpus[0].added: must be an object"},
        {"rank", "-1", "gpus[0].rank: -1 is not from 0 to 9007199254740992"},
        {"serial", "\"1\"", "gpus[0]: unknown field \"serial\""},
    };
    struct rg_gpu_change disaster = a_disaster();
    struct rg_gpu_report report, *read;
    const struct rg_place place = {.file = "m"};
    size_t count;
    (void)state;
    rg_gpu_report_of(&disaster, &report);
    report.node = "node-a";
    report.rail = report.rank = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rg_error err = {{0}};
        cJSON *object = written(&report, 1);
        cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItem(object, "gpus"), 0);
        cJSON_DeleteItemFromObject(item, cases[i].key);
        if (cases[i].value != NULL)
            cJSON_AddItemToObject(item, cases[i].key, cJSON_Parse(cases[i].value));
        assert_int_equal(rg_json_read_gpu_reports(object, "gpus", &place, &read, &count, &err), -EINVAL);
        assert_has(err.text, cases[i].message);
        assert_null(read);
        cJSON_Delete(object);
    }
}

static void facts_hold_what_the_gpu_is_and_the_first_look(void **state)
{
    struct rg_gpu gpu;
    struct rg_gpu_state look = a_look();
    struct rg_gpu_facts facts, read;
    struct rg_error err = {{0}};
    const struct rg_place place = {.file = "run.json"};
    (void)state;
    rg_gpu_unknown("", &gpu, NULL);
    snprintf(gpu.name, sizeof gpu.name, "NVIDIA H200");
    gpu.ecc = 1;
    gpu.power_limit_w = 700;
    rg_gpu_add_xid(&look.xids, 50, 31);
    rg_gpu_facts_of(&gpu, &look, &facts);
    cJSON *object = cJSON_CreateObject();
    rg_json_write(object, &rg_json_gpu_facts, &facts);
    rg_json_clear(&rg_json_gpu_facts, &read);
    assert_int_equal(rg_json_read(object, &rg_json_gpu_facts, &read, &place, &err), 0);
    assert_string_equal(read.name, "NVIDIA H200");
    assert_null(read.uuid);
    assert_null(read.reason);
    assert_int_equal(read.ecc, 1);
    assert_int_equal(read.mig, RG_NONE);
    assert_near(read.power_limit_w, 700);
    assert_int_equal(read.xids_logged, 1);
    assert_null(read.xid_reason);
    assert_int_equal(read.now.pcie_width, 16);
    assert_int_equal(read.counters.pcie_replays, 0);
    cJSON_Delete(object);
    look.xids = (struct rg_gpu_xids){.source = RG_GPU_XIDS_OF_EVENTS};
    snprintf(look.xid_reason, sizeof look.xid_reason, "no log");
    rg_gpu_facts_of(&gpu, &look, &facts);
    assert_int_equal(facts.xids_logged, RG_NONE);
    assert_string_equal(facts.xid_reason, "no log");
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, new_files, remove_files)
    const struct CMUnitTest tests[] = {
        WITH_FILES(xid_errors_are_found_in_every_form_that_drivers_print),
        WITH_FILES(places_are_numbers_of_records_or_of_lines),
        WITH_FILES(a_long_log_is_read_to_its_end_and_the_last_xid_errors_are_kept),
        WITH_FILES(a_log_that_cannot_be_read_is_an_error_with_the_reason),
        WITH_FILES(the_numa_node_is_the_one_in_sysfs_or_not_known),
        WITH_FILES(a_gpu_is_real_where_sysfs_has_a_pci_device_of_nvidia),
        WITH_FILES(a_gpu_is_not_real_without_such_a_device_and_the_reason_is_told),
        cmocka_unit_test(a_calm_test_alarms_nobody),
        cmocka_unit_test(what_was_added_is_the_difference_and_unknown_where_either_look_lacks_it_or_it_was_set_back),
        cmocka_unit_test(each_counter_that_should_stand_still_alarms_when_it_grows),
        cmocka_unit_test(memory_that_awaits_repair_alarms_once_not_for_ever),
        cmocka_unit_test(a_pcie_link_below_its_best_alarms_but_not_one_that_saves_power),
        cmocka_unit_test(nvlinks_that_went_alarm_and_sums_over_other_links_are_not_compared),
        cmocka_unit_test(reasons_of_both_looks_and_times_that_grew_are_why_clocks_were_kept_down),
        cmocka_unit_test(half_a_look_at_the_clocks_that_saw_nothing_says_nothing),
        cmocka_unit_test(xid_errors_behind_the_first_look_are_new),
        cmocka_unit_test(a_log_that_lost_its_beginning_still_tells_what_is_new),
        cmocka_unit_test(xid_errors_are_not_known_unless_both_looks_have_one_source),
        cmocka_unit_test(a_gpu_that_is_lost_alarms_and_leaves_nothing_known),
        cmocka_unit_test(every_alarm_at_once_has_room),
        cmocka_unit_test(reports_are_read_as_they_were_written),
        cmocka_unit_test(reports_that_break_a_rule_are_refused_at_their_place),
        cmocka_unit_test(facts_hold_what_the_gpu_is_and_the_first_look),
    };
    return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
