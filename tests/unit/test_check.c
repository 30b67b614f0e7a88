/* check: each fault of a node is found by the check that is for it, and by no other. The node is that of
 * tests/fixtures/node. */
#include "helpers.h"
#include "nodes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fault {
    const char *what, *path, *content;
    const char *check;
    enum rg_preflight_status status;
    const char *words;
};

#define RDMA "sys/class/infiniband/"
#define PCI "sys/devices/pci0000:40/0000:40:00.0/0000:41:00.0/"
#define NIC "0000:42:00.0/0000:43:00.0/"
#define GPU "0000:42:01.0/0000:d3:00.0/"
#define LOCKED "Max locked memory         "

static const struct fault faults[] = {
    {"a port is down", RDMA "mlx5_3/ports/1/state", "1: DOWN\n", "rdma_devices", RG_PREFLIGHT_FAIL, "DOWN: mlx5_3"},
    {"a NIC is gone", RDMA "mlx5_7", NULL, "rdma_devices", RG_PREFLIGHT_FAIL, "mlx5_5, mlx5_6"},
    {"a device has no file", "dev/infiniband/uverbs2", NULL, "device_files", RG_PREFLIGHT_FAIL,
        "no file in /dev/infiniband: mlx5_2"},
    {"a device has no number", "sys/class/infiniband_verbs/uverbs1/ibdev", NULL, "device_files", RG_PREFLIGHT_FAIL,
        "no entry in /sys/class/infiniband_verbs: mlx5_1"},
    {"a link lost lanes", RDMA "mlx5_5/ports/1/rate", "100 Gb/sec (1X NDR)\n", "link_rate", RG_PREFLIGHT_FAIL,
        "100 Gb/sec (1X NDR): mlx5_5"},
    {"an MTU is small", "sys/class/net/eth4/mtu", "1500\n", "mtu", RG_PREFLIGHT_FAIL,
        "network MTU 1500, so RDMA MTU 1024: mlx5_2"},
    {"an MTU is a little too small", "sys/class/net/eth4/mtu", "4191\n", "mtu", RG_PREFLIGHT_FAIL,
        "RDMA MTU 2048: mlx5_2"},
    {"a port has no RoCE v2 of its IPv4 address", RDMA "mlx5_1/ports/1/gid_attrs/types/3", "IB/RoCE v1\n", "gids",
        RG_PREFLIGHT_WARN, "mlx5_1: index 5, 2001:db8::1 on eth3"},
    {"a port has no GID that can be read", RDMA "mlx5_1/ports/1/gid_attrs/types", NULL, "gids", RG_PREFLIGHT_FAIL,
        "no GID: mlx5_1"},
    {"a firmware is older", RDMA "mlx5_6/fw_ver", "28.39.1002\n", "firmware", RG_PREFLIGHT_WARN,
        "28.39.1002 of MT_0000000838: mlx5_6"},
    {"a NIC has half its lanes", PCI NIC "current_link_width", "8\n", "pcie_link", RG_PREFLIGHT_FAIL,
        "32 GT/s x8 instead of 32 GT/s x16, less than the network's rate: mlx5_3"},
    {"a NIC is a generation back", PCI NIC "current_link_speed", "16.0 GT/s PCIe\n", "pcie_link", RG_PREFLIGHT_FAIL,
        "16 GT/s x16 instead of 32 GT/s x16, less than the network's rate: mlx5_3"},
    {"a NIC could do more than it must", PCI NIC "max_link_speed", "64.0 GT/s PCIe\n", "pcie_link", RG_PREFLIGHT_WARN,
        "32 GT/s x16 instead of 64 GT/s x16: mlx5_3"},
    {"a GPU has half its lanes", PCI GPU "current_link_width", "8\n", "pcie_link", RG_PREFLIGHT_WARN,
        "32 GT/s x8 instead of 32 GT/s x16: 0000:d3:00.0"},
    {"a GPU rests", PCI GPU "current_link_speed", "2.5 GT/s PCIe\n", "pcie_link", RG_PREFLIGHT_PASS, "x16, its most"},
    {"a GPU is gone", PCI GPU "vendor", "0xffff\n", "gpu_count", RG_PREFLIGHT_FAIL, "7 NVIDIA GPUs"},
    {"there is no driver", "proc/driver/nvidia/version", NULL, "nvidia_driver", RG_PREFLIGHT_FAIL, "no driver"},
    {"the driver cannot do dma-buf", "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Release Build\n", "gpu_direct", RG_PREFLIGHT_FAIL,
        "proprietary kernel modules on Linux 6.6.72+: dma-buf does not work"},
    {"the kernel cannot do dma-buf", "proc/sys/kernel/osrelease", "5.11.0\n", "gpu_direct", RG_PREFLIGHT_FAIL,
        "Linux 5.11.0: dma-buf does not work; nvidia-peermem is not loaded"},
    {"a GPU had an Xid error", "dev/kmsg", "3,9,1,-;NVRM: Xid (PCI:0000:d3:00): 79, GPU has fallen off the bus.\n",
        "gpu_errors", RG_PREFLIGHT_WARN, "0000:d3:00.0: 1 Xid errors, the last 79"},
    {"a module is not loaded", "sys/module/nvidia_uvm", NULL, "kernel_modules", RG_PREFLIGHT_FAIL,
        "not loaded: nvidia_uvm"},
    {"little memory may be locked", "proc/self/limits", LOCKED "8388608  8388608  bytes\n", "memlock",
        RG_PREFLIGHT_FAIL, "8388608 bytes"},
    {"some memory may be locked", "proc/self/limits", LOCKED "17179869184  17179869184  bytes\n", "memlock",
        RG_PREFLIGHT_WARN, "17179869184 bytes"},
    {"huge pages take the memory", "proc/meminfo",
        "MemTotal: 16000000 kB\nHugePages_Total: 5000\nHugePages_Free: 5000\nHugepagesize: 2048 kB\n", "hugepages",
        RG_PREFLIGHT_WARN, "5000 pages of 2048 kB; 5000 of them unused"},
    {"huge pages are in use", "proc/meminfo",
        "MemTotal: 16000000 kB\nHugePages_Total: 5000\nHugePages_Free: 100\nHugepagesize: 2048 kB\n", "hugepages",
        RG_PREFLIGHT_PASS, "5000 pages of 2048 kB"},
    {"there is no libibverbs", "usr/lib/x86_64-linux-gnu/libibverbs.so.1", NULL, "versions", RG_PREFLIGHT_WARN,
        "Linux 6.6.72+; no libibverbs"},
    {"processors save power", "sys/devices/system/cpu/cpufreq/policy2/scaling_governor", "powersave\n", "cpu_governor",
        RG_PREFLIGHT_WARN, "performance on 3 of them; powersave on 1 of them"},
    {"pages are moved", "proc/sys/kernel/numa_balancing", "1\n", "numa_balancing", RG_PREFLIGHT_WARN,
        "on, 2 NUMA nodes"},
    /* what cannot be read, though it matters */
    {"the limits cannot be read", "proc/self/limits", NULL, "memlock", RG_PREFLIGHT_NOT_RUN, "/proc/self/limits"},
    {"the log cannot be read", "dev/kmsg", NULL, "gpu_errors", RG_PREFLIGHT_NOT_RUN, "cannot be read"},
    {"modules cannot be read", "sys/module", NULL, "kernel_modules", RG_PREFLIGHT_NOT_RUN, "/sys/module"},
    {"a firmware is not told", RDMA "mlx5_6/fw_ver", NULL, "firmware", RG_PREFLIGHT_NOT_RUN, "does not tell"},
    {"half of the plug-in is gone", "usr/local/gib/lib64/libnccl-net_internal.so", NULL, "nccl_plugin",
        RG_PREFLIGHT_WARN, "libnccl-net_internal.so, which it needs, is not beside it"},
    {"a bridge is closed", PCI "config", "\1\2\3\4", "acs", RG_PREFLIGHT_NOT_RUN,
        "bridges above 1 of 8 ports cannot be read"},
    {"a NIC's settings are closed", PCI NIC "config", "\1\2\3\4", "relaxed_ordering", RG_PREFLIGHT_NOT_RUN,
        "of 1 of 8 ports cannot be read"},
    {"a NIC's link is not told", PCI NIC "current_link_speed", "Unknown\n", "pcie_link", RG_PREFLIGHT_PASS,
        "not told of 1 more"},
};

static void each_fault_is_found_by_the_check_that_is_for_it_and_by_no_other(void **state)
{
    (void)state;
    look_at("a3-ultra", &machine, false, NULL);
    assert_alone("nothing is wrong", "rdma_devices", RG_PREFLIGHT_PASS, "ACTIVE: mlx5_0");
    assert_int_equal(rg_preflight_exit_status(&preflight), 0);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const struct fault *fault = &faults[i];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", root_of("a3-ultra"), fault->path);
        change_file(path, fault->content);
        look_at("a3-ultra", &machine, false, NULL);
        assert_alone(fault->what, fault->check, fault->status, fault->words);
        bool unread = fault->status == RG_PREFLIGHT_NOT_RUN && row_of(fault->check)->decides;
        assert_int_equal(rg_preflight_exit_status(&preflight), fault->status == RG_PREFLIGHT_FAIL ? 1 : unread ? 3 : 0);
        put_back(path);
    }
}

/* --- the configuration of PCI devices --- */

/* Writes bytes of a configuration space in the place of its own. */
static void patch(const char *path, long at, const char bytes[2])
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, 2, file), 2);
    fclose(file);
}

static void settings_of_pci_devices_are_read_from_their_configuration(void **state)
{
    static const struct {
        const char *what, *path;
        long at;
        const char bytes[3], before[3];
        const char *check, *words;
    } cases[] = {
        {"a bridge redirects requests", PCI "0000:42:00.0/config", 0x146, "\4\0", "\0\0", "acs",
            "bridge 0000:42:00.0 redirects: mlx5_3"},
        {"a bridge farther up redirects completions", PCI "../config", 0x146, "\x08\0", "\0\0", "acs",
            "bridge 0000:40:00.0 redirects: mlx5_3"},
        {"order is strict", PCI NIC "config", 0x88, "\0\x59", "\x10\x59", "relaxed_ordering",
            "relaxed ordering off, read requests of 4096 bytes: mlx5_3"},
        {"read requests are small", PCI NIC "config", 0x88, "\x10\x10", "\x10\x59", "relaxed_ordering",
            "relaxed ordering on, read requests of 256 bytes: mlx5_3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", root_of("a3-ultra"), cases[i].path);
        patch(path, cases[i].at, cases[i].bytes);
        look_at("a3-ultra", &machine, false, NULL);
        assert_alone(cases[i].what, cases[i].check, RG_PREFLIGHT_WARN, cases[i].words);
        patch(path, cases[i].at, cases[i].before);
    }
}

static void the_64_bytes_that_anyone_may_read_are_not_enough_and_lists_in_a_circle_end(void **state)
{
    char path[512], config[64] = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/" PCI NIC "config", root_of("a3-ultra"));
    config[0x34] = 0x40;
    change_file(path, "");
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(config, 1, sizeof config, file), sizeof config);
        fclose(file);
        look_at("a3-ultra", &machine, false, NULL);
        assert_alone("64 bytes", "relaxed_ordering", RG_PREFLIGHT_NOT_RUN, "run it as root");
        config[0x34] = 0x30; /* points to itself */
        config[0x31] = 0x30;
    }
    unlink(path);
    put_back(path);
}

/* --- other nodes --- */

static void memory_may_be_locked_by_capability_but_not_by_one_of_a_user_namespace(void **state)
{
    char *root = strdup(root_of("a3-ultra")), *limits = path_in(root, "proc/self/limits");
    char *status = path_in(root, "proc/self/status"), *users = path_in(root, "proc/self/uid_map");
    (void)state;
    change_file(limits, LOCKED "8388608  8388608  bytes\n");
    change_file(status, "CapEff:\t0000000000004000\n");
    look_at("a3-ultra", &machine, false, NULL);
    assert_alone("CAP_IPC_LOCK", "memlock", RG_PREFLIGHT_PASS, "by CAP_IPC_LOCK");
    change_file(users, "0 1000 1\n");
    look_at("a3-ultra", &machine, false, NULL);
    assert_alone("CAP_IPC_LOCK of a namespace", "memlock", RG_PREFLIGHT_FAIL, "8388608 bytes");
    put_back(limits);
    put_back(status);
    put_back(users);
    free(limits);
    free(status);
    free(users);
    free(root);
}

static void without_a_machine_nics_are_held_against_each_other(void **state)
{
    char *rate = path_in(root_of("a3-ultra"), RDMA "mlx5_5/ports/1/rate");
    char *port = path_in(root_of("a3-ultra"), RDMA "mlx5_4/ports/1/state");
    (void)state;
    change_file(rate, "200 Gb/sec (2X NDR)\n");
    look_at("a3-ultra", NULL, false, NULL);
    assert_alone("half the lanes", "link_rate", RG_PREFLIGHT_WARN, "200 Gb/sec (2X NDR): mlx5_5");
    put_back(rate);
    change_file(port, "1: DOWN\n");
    look_at("a3-ultra", NULL, false, NULL);
    assert_alone("a port is down", "rdma_devices", RG_PREFLIGHT_WARN, "DOWN: mlx5_4");
    put_back(port);
    free(rate);
    free(port);
}

static void software_rdma_is_called_that_and_passes_for_no_hardware(void **state)
{
    (void)state;
    look_at("soft", NULL, false, NULL);
    assert_alone("rxe", "rdma_devices", RG_PREFLIGHT_PASS, "software RDMA, ACTIVE: rxe0");
    assert_has(row_of("mtu")->found, "RDMA MTU 1024 (software RDMA): rxe0");
    assert_has(row_of("gids")->found, "rxe0: index 3, 127.0.0.2 on eth0");
    assert_int_equal(row_of("link_rate")->status, RG_PREFLIGHT_NOT_RUN);
    look_at("soft", &machine, false, NULL);
    assert_int_equal(row_of("rdma_devices")->status, RG_PREFLIGHT_FAIL);
    assert_has(row_of("rdma_devices")->expected, "8 active ports of hardware, as a3-ultra has");
}

static void a_node_with_nothing_fails_for_that_alone(void **state)
{
    (void)state;
    look_at("nothing", NULL, false, NULL);
    assert_alone("nothing", "rdma_devices", RG_PREFLIGHT_FAIL, "no RDMA device");
    assert_has(row_of("rdma_devices")->mend, "software RDMA");
    look_at("nothing", &machine, false, NULL);
    assert_null(strstr(row_of("rdma_devices")->mend, "software RDMA")); /* no hardware comes of that */
    assert_int_equal(row_of("gpu_count")->status, RG_PREFLIGHT_FAIL);
    assert_int_equal(rg_preflight_exit_status(&preflight), 1);
}

static void a_port_whose_network_device_lives_elsewhere_has_no_usable_gid(void **state)
{
    char *netdev = path_in(root_of("a3-ultra"), "sys/class/net/eth6"), *away = path_in(nodes, "eth6");
    (void)state;
    assert_int_equal(rename(netdev, away), 0);
    look_at("a3-ultra", &machine, false, NULL);
    assert_alone("elsewhere", "gids", RG_PREFLIGHT_FAIL, "no usable GID; its network device is eth6: mlx5_4");
    assert_int_equal(rename(away, netdev), 0);
    free(netdev);
    free(away);
}

static void what_cannot_be_read_decides_only_if_it_could_have_failed(void **state)
{
    static const struct {
        const char *path;
        int exit_status;
    } cases[] = {{"proc/self/limits", 3}, {"sys/module", 3}, {"dev/kmsg", 0}, {PCI NIC "config", 0}, {PCI "config", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *path = path_in(root_of("a3-ultra"), cases[i].path);
        change_file(path, NULL);
        look_at("a3-ultra", &machine, false, NULL);
        put_back(path);
        free(path);
        if (rg_preflight_exit_status(&preflight) != cases[i].exit_status)
            fail_msg("%s: %d", cases[i].path, rg_preflight_exit_status(&preflight));
    }
}

static void the_quick_ones_are_those_that_would_stop_a_run(void **state)
{
    static const char *const quick[] = {
        "rdma_devices", "device_files", "gids", "gpu_count", "nvidia_driver", "memlock", "shm"};
    (void)state;
    look_at("a3-ultra", &machine, true, NULL);
    assert_int_equal(preflight.row_count, COUNT_OF(quick));
    for (size_t i = 0; i < COUNT_OF(quick); i++)
        assert_string_equal(preflight.rows[i].check, quick[i]);
}

static void what_a_file_holds_cannot_spoil_the_report(void **state)
{
    char *path = path_in(root_of("a3-ultra"), RDMA "mlx5_6/fw_ver"), long_text[4096];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    change_file(path, "28\x1b[31m\xff\n");
    look_at("a3-ultra", &machine, false, NULL);
    assert_has(row_of("firmware")->found, "28?[31m? of ");
    write_text(path, long_text);
    look_at("a3-ultra", &machine, false, NULL);
    assert_int_equal(row_of("firmware")->status, RG_PREFLIGHT_WARN);
    put_back(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_found_by_the_check_that_is_for_it_and_by_no_other),
        cmocka_unit_test(settings_of_pci_devices_are_read_from_their_configuration),
        cmocka_unit_test(the_64_bytes_that_anyone_may_read_are_not_enough_and_lists_in_a_circle_end),
        cmocka_unit_test(memory_may_be_locked_by_capability_but_not_by_one_of_a_user_namespace),
        cmocka_unit_test(without_a_machine_nics_are_held_against_each_other),
        cmocka_unit_test(software_rdma_is_called_that_and_passes_for_no_hardware),
        cmocka_unit_test(a_node_with_nothing_fails_for_that_alone),
        cmocka_unit_test(a_port_whose_network_device_lives_elsewhere_has_no_usable_gid),
        cmocka_unit_test(what_cannot_be_read_decides_only_if_it_could_have_failed),
        cmocka_unit_test(the_quick_ones_are_those_that_would_stop_a_run),
        cmocka_unit_test(what_a_file_holds_cannot_spoil_the_report),
    };
    return cmocka_run_group_tests(tests, make_nodes, remove_nodes);
}
