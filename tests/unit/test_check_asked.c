/* check: what the system's calls and NVML tell is judged, and nodes are held against each other. The node is that of
 * tests/fixtures/node. */
#include "helpers.h"
#include "nodes.h"

#include <stdlib.h>
#include <string.h>

/* --- what no file tells --- */

static void little_shm(struct rg_check_facts *facts)
{
    facts->shm_bytes = facts->shm_free_bytes = 64ll << 20;
}

static void full_shm(struct rg_check_facts *facts)
{
    facts->shm_free_bytes = 512ll << 20;
}

static void no_shm(struct rg_check_facts *facts)
{
    facts->shm_bytes = facts->shm_free_bytes = RG_NONE;
}

static void no_address(struct rg_check_facts *facts)
{
    facts->self.address[0] = '\0';
    snprintf(facts->self.error, sizeof facts->self.error, "Name or service not known");
}

static void own_address(struct rg_check_facts *facts)
{
    snprintf(facts->self.address, sizeof facts->self.address, "127.0.1.1");
}

static void other_name(struct rg_check_facts *facts)
{
    snprintf(facts->self.back, sizeof facts->self.back, "gateway.example");
}

static void same_name(struct rg_check_facts *facts)
{
    snprintf(facts->self.back, sizeof facts->self.back, "LOCALHOST.example");
}

static void no_name(struct rg_check_facts *facts)
{
    facts->self.back[0] = '\0';
}

static struct rg_check_host *a_host(struct rg_check_facts *facts, const char *address, const char *back)
{
    static const char *const addresses[] = {"10.0.0.2", "10.0.0.3", "10.0.0.4"};
    facts->hosts = calloc(3, sizeof *facts->hosts); /* the node's to free */
    assert_non_null(facts->hosts);
    facts->host_count = 3;
    for (int i = 0; i < 3; i++) {
        snprintf(facts->hosts[i].name, sizeof facts->hosts[i].name, "node%d", i);
        snprintf(facts->hosts[i].address, sizeof facts->hosts[i].address, "%s", addresses[i]);
    }
    snprintf(facts->hosts[1].address, sizeof facts->hosts[1].address, "%s", address);
    snprintf(facts->hosts[1].back, sizeof facts->hosts[1].back, "%s", back);
    return &facts->hosts[1];
}

static void good_hosts(struct rg_check_facts *facts)
{
    a_host(facts, "10.0.0.3", "node1.example");
}

static void lost_host(struct rg_check_facts *facts)
{
    struct rg_check_host *host = a_host(facts, "", "");
    snprintf(host->error, sizeof host->error, "Name or service not known");
}

static void twin_hosts(struct rg_check_facts *facts)
{
    a_host(facts, "10.0.0.2", "");
}

static void loopback_host(struct rg_check_facts *facts)
{
    a_host(facts, "127.0.0.1", "");
}

static void renamed_host(struct rg_check_facts *facts)
{
    a_host(facts, "10.0.0.3", "node7");
}

static void no_plugin(struct rg_check_facts *facts)
{
    facts->library_path = NULL;
}

static void no_plugin_but_asked_for(struct rg_check_facts *facts)
{
    facts->library_path = NULL;
    facts->nccl_net = "gIB";
}

static void plugin_by_path(struct rg_check_facts *facts)
{
    facts->library_path = NULL;
    facts->nccl_plugin = "/usr/local/gib/lib64/libnccl-net.so";
}

static void plugin_by_name(struct rg_check_facts *facts)
{
    facts->nccl_plugin = "shadow"; /* there is no libnccl-net-shadow.so */
}

static void switched_off_plugin(struct rg_check_facts *facts)
{
    facts->nccl_plugin = "none";
}

static void unknown_net(struct rg_check_facts *facts)
{
    facts->nccl_net = "Abacus";
    facts->nccl_plugin = "abacus";
}

static void no_library(struct rg_check_facts *facts)
{
    facts->nvml = RG_CHECK_NVML_NONE;
    snprintf(facts->nvml_error, sizeof facts->nvml_error, "no NVML: libnvidia-ml.so.1: cannot open shared object file");
}

static void another_driver(struct rg_check_facts *facts)
{
    facts->nvml = RG_CHECK_NVML_BROKEN;
    snprintf(facts->nvml_error, sizeof facts->nvml_error, "no NVML: nvmlInit_v2: Driver/library version mismatch (18)");
}

static void own_clock(struct rg_check_facts *facts)
{
    facts->clock_synchronised = false;
}

static void no_clock(struct rg_check_facts *facts)
{
    facts->clock_told = false;
}

static void other_libraries(struct rg_check_facts *facts)
{
    facts->library_path = "/usr/local/nvidia/lib64:/usr/local/gib/lib64:relative:";
}

static void more_libraries(struct rg_check_facts *facts)
{
    facts->library_path = "relative::/usr/local/nvidia/lib64:/usr/lib/x86_64-linux-gnu:/usr/local/gib/lib64";
}

static void what_the_system_s_calls_tell_is_judged(void **state)
{
    static const struct {
        void (*change)(struct rg_check_facts *);
        const char *check;
        enum rg_preflight_status status;
        const char *words;
    } cases[] = {
        {little_shm, "shm", RG_PREFLIGHT_FAIL, "64 MiB free of 64 MiB"},
        {full_shm, "shm", RG_PREFLIGHT_WARN, "512 MiB free of 8192 MiB"},
        {no_shm, "shm", RG_PREFLIGHT_NOT_RUN, "cannot be read"},
        {no_address, "hostname", RG_PREFLIGHT_WARN, "localhost has no address: Name or service not known"},
        {own_address, "hostname", RG_PREFLIGHT_WARN, "localhost is 127.0.1.1"},
        {own_clock, "clock", RG_PREFLIGHT_WARN, "not synchronised"},
        {no_clock, "clock", RG_PREFLIGHT_NOT_RUN, "does not tell this process"},
        {other_libraries, "libraries", RG_PREFLIGHT_WARN,
            "/usr/local/gib/lib64/libibverbs.so.1 hides /usr/lib/x86_64-linux-gnu/libibverbs.so.1.14.44.0"},
        {more_libraries, "libraries", RG_PREFLIGHT_PASS, "hides none"},
        {other_name, "hostname", RG_PREFLIGHT_WARN, "localhost is 10.0.0.2; which is gateway.example"},
        {same_name, "hostname", RG_PREFLIGHT_PASS, "localhost is 10.0.0.2"},
        {no_name, "hostname", RG_PREFLIGHT_PASS, "localhost is 10.0.0.2"},
        {good_hosts, "host_names", RG_PREFLIGHT_PASS, "all 3 hosts have addresses"},
        {lost_host, "host_names", RG_PREFLIGHT_WARN, "node1 has no address: Name or service not known"},
        {twin_hosts, "host_names", RG_PREFLIGHT_FAIL, "node0 and node1 are both 10.0.0.2"},
        {loopback_host, "host_names", RG_PREFLIGHT_WARN, "node1 is 127.0.0.1, this node itself"},
        {renamed_host, "host_names", RG_PREFLIGHT_WARN, "node1 is 10.0.0.3, which is node7"},
        {no_plugin, "nccl_plugin", RG_PREFLIGHT_WARN, "no plug-in (libnccl-net.so)"},
        {no_plugin_but_asked_for, "nccl_plugin", RG_PREFLIGHT_FAIL, "no plug-in (libnccl-net.so)"},
        {plugin_by_path, "nccl_plugin", RG_PREFLIGHT_PASS, "/usr/local/gib/lib64/libnccl-net.so"},
        {plugin_by_name, "nccl_plugin", RG_PREFLIGHT_WARN, "no plug-in (libnccl-net-shadow.so)"},
        {switched_off_plugin, "nccl_plugin", RG_PREFLIGHT_WARN, "no plug-in (none)"},
        {unknown_net, "nccl_plugin", RG_PREFLIGHT_FAIL, "no plug-in (libnccl-net-abacus.so)"},
        {another_driver, "nvidia_driver", RG_PREFLIGHT_FAIL, "Driver/library version mismatch (18)"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        look_at("a3-ultra", &machine, false, cases[i].change);
        assert_alone(cases[i].words, cases[i].check, cases[i].status, cases[i].words);
    }
}

static void a_plug_in_is_to_be_where_its_installer_puts_it(void **state)
{
    static const char *const homes[][2] = {
        {"gIB", "it is in /usr/local/gib/lib64"},
        {"FasTrak", "mount it at /usr/local/nvidia/lib64"},
        {"GPUDirectTCPX", "mount it at /usr/local/nvidia/lib64"},
    };
    struct rg_machine other = machine;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(homes); i++) {
        other.nccl_net = homes[i][0];
        look_at("a3-ultra", &other, false, no_plugin);
        assert_alone(homes[i][0], "nccl_plugin", RG_PREFLIGHT_WARN, "no plug-in (libnccl-net.so)");
        assert_has(row_of("nccl_plugin")->mend, homes[i][1]);
    }
}

/* --- what NVML tells --- */

#define GPU_3 node->gpus[3]

static void uncorrected(struct rg_check_node *node)
{
    GPU_3.state.counters.ecc_uncorrected_volatile = 2;
}

static void not_remapped(struct rg_check_node *node)
{
    GPU_3.state.now.remapping_failed = 1;
}

static void to_be_remapped(struct rg_check_node *node)
{
    GPU_3.state.now.remapping_pending = 1;
}

static void to_be_retired(struct rg_check_node *node)
{
    GPU_3.state.now.retirement_pending = 1;
}

static void no_ecc(struct rg_check_node *node)
{
    GPU_3.what.ecc = 0;
}

static void lost_link(struct rg_check_node *node)
{
    GPU_3.links.active = 17;
}

static void slow_link(struct rg_check_node *node)
{
    GPU_3.links.slowest_mbps = 13281;
}

static void half_the_links(struct rg_check_node *node)
{
    for (int i = 0; i < node->gpu_count; i++)
        node->gpus[i].links.active = 9;
}

static void lost_gpu(struct rg_check_node *node)
{
    GPU_3.answers = false;
    rg_gpu_unknown("GPU 0000:d3:00.0: GPU is lost (15)", &GPU_3.what, &GPU_3.state);
    GPU_3.links = (struct rg_gpu_links){RG_NONE, RG_NONE, RG_NONE, RG_NONE};
}

static void what_nvml_tells_is_judged(void **state)
{
    static const struct {
        void (*change)(struct rg_check_node *);
        const char *check;
        enum rg_preflight_status status;
        const char *words;
    } cases[] = {
        {NULL, "nvidia_driver", RG_PREFLIGHT_PASS, "library 570.124.06"},
        {uncorrected, "gpu_memory", RG_PREFLIGHT_FAIL,
            "2 uncorrected errors since the driver was loaded: 0000:d3:00.0"},
        {not_remapped, "gpu_memory", RG_PREFLIGHT_FAIL, "a row could not be remapped: 0000:d3:00.0"},
        {to_be_remapped, "gpu_memory", RG_PREFLIGHT_WARN, "a row waits for a reset to be remapped: 0000:d3:00.0"},
        {to_be_retired, "gpu_memory", RG_PREFLIGHT_WARN, "a page waits for a reset to be retired: 0000:d3:00.0"},
        {no_ecc, "gpu_memory", RG_PREFLIGHT_WARN, "ECC is off: 0000:d3:00.0"},
        {lost_link, "nvlink", RG_PREFLIGHT_FAIL, "17 of 18 active at 26.562 GB/s: 0000:d3:00.0"},
        {slow_link, "nvlink", RG_PREFLIGHT_WARN,
            "18 of 18 active, the slowest at 13.281 GB/s instead of 26.562: 0000:d3:00.0"},
        {half_the_links, "nvlink", RG_PREFLIGHT_WARN, "9 of 18 active at 26.562 GB/s: 0000:d0:00.0"},
        {lost_gpu, "gpu_count", RG_PREFLIGHT_FAIL, "8 NVIDIA GPUs on PCI; GPU 0000:d3:00.0: GPU is lost (15)"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        look_at_changed("a3-ultra", &machine, false, cases[i].change);
        assert_alone(cases[i].words, cases[i].check, cases[i].status, cases[i].words);
    }
}

static void no_link(struct rg_check_node *node)
{
    for (int i = 0; i < node->gpu_count; i++)
        node->gpus[i].links = (struct rg_gpu_links){0, 0, RG_NONE, RG_NONE};
}

static void gpus_without_nvlinks_have_none_that_could_be_down(void **state)
{
    (void)state;
    look_at_changed("a3-ultra", &machine, false, no_link);
    assert_alone("no NVLink", "nvlink", RG_PREFLIGHT_NOT_RUN, "no NVLink is in use");
    assert_int_equal(rg_preflight_exit_status(&preflight), 0);
}

static int64_t mode; /* of persistence */

static void set_mode(struct rg_check_node *node)
{
    for (int i = 0; i < node->gpu_count; i++)
        node->gpus[i].what.persistence = mode;
}

static void persistence_mode_stands_for_the_daemon(void **state)
{
    static const struct {
        int64_t mode;
        enum rg_preflight_status status;
        const char *words;
    } cases[] = {{1, RG_PREFLIGHT_PASS, "persistence mode on: 0000:d0:00.0, "},
        {0, RG_PREFLIGHT_WARN, "persistence mode off: 0000:d0:00.0, "},
        {RG_NONE, RG_PREFLIGHT_NOT_RUN, "no GPU tells its persistence mode"}};
    char *socket = path_in(root_of("a3-ultra"), "run/nvidia-persistenced/socket");
    (void)state;
    change_file(socket, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mode = cases[i].mode;
        look_at_changed("a3-ultra", &machine, false, set_mode);
        assert_alone(cases[i].words, "persistence", cases[i].status, cases[i].words);
    }
    put_back(socket);
    free(socket);
}

static void without_nvml_it_is_not_known_whether_gpus_are_sound(void **state)
{
    (void)state;
    look_at("a3-ultra", &machine, false, no_library);
    assert_int_equal(row_of("gpu_memory")->status, RG_PREFLIGHT_NOT_RUN);
    assert_has(row_of("nvlink")->found, "no NVML: libnvidia-ml.so.1");
    assert_int_equal(row_of("nvidia_driver")->status, RG_PREFLIGHT_PASS);
    assert_int_equal(rg_preflight_exit_status(&preflight), 3);
}

/* --- machines without RDMA --- */

static void where_the_machine_has_no_rdma_none_is_missed(void **state)
{
    static const char *const about[] = {
        "rdma_devices", "device_files", "link_rate", "mtu", "gids", "firmware", "gpu_direct", "memlock"};
    struct rg_machine without = machine;
    (void)state;
    without.rdma = 0;
    without.gpu = without.nccl_net = NULL;
    look_at("nothing", &without, false, NULL);
    for (size_t i = 0; i < COUNT_OF(about); i++) {
        assert_int_equal(row_of(about[i])->status, RG_PREFLIGHT_NOT_RUN);
        assert_false(row_of(about[i])->decides);
        assert_has(row_of(about[i])->found, "has no RDMA devices");
    }
    assert_int_equal(rg_preflight_exit_status(&preflight), 0);
    look_at("nothing", &without, true, little_shm); /* the others do count */
    assert_alone("little shm", "shm", RG_PREFLIGHT_FAIL, "64 MiB free");
}

static void plain_interface(struct rg_check_facts *facts)
{
    facts->netdev = (struct rg_netdev){.name = "eth0", .address = "10.0.0.2", .mtu_bytes = 8896};
}

static void loopback_interface(struct rg_check_facts *facts)
{
    facts->netdev = (struct rg_netdev){.name = "lo", .address = "127.0.0.1", .mtu_bytes = 65536, .loopback = true};
}

static void without_rdma_others_reach_a_node_by_the_interface_that_its_name_leads_to(void **state)
{
    struct rg_machine without = machine;
    (void)state;
    without.rdma = 0;
    look_at("a3-ultra", &without, false, plain_interface);
    assert_int_equal(preflight.rail_count, 1);
    assert_string_equal(preflight.rails[0].name, "eth0");
    assert_string_equal(preflight.rails[0].address, "10.0.0.2");
    assert_string_equal(preflight.rails[0].netdev, "eth0");
    assert_int_equal(preflight.rails[0].netdev_mtu_bytes, 8896);
    look_at("a3-ultra", &without, false, loopback_interface);
    assert_int_equal(preflight.rail_count, 0);
    look_at("a3-ultra", &machine, false, plain_interface);
    assert_int_equal(preflight.rail_count, 8);
}

/* --- a fleet --- */

static void of_nodes_that_differ_the_odd_one_is_named_and_what_the_others_have(void **state)
{
    struct rg_preflight fleet[5];
    char *path = path_in(root_of("a3-ultra"), "proc/sys/kernel/osrelease");
    char *memory = path_in(root_of("a3-ultra"), "proc/meminfo"), pages[128];
    (void)state;
    for (int i = 0; i < 5; i++) { /* how many pages are in use just now is no setting */
        snprintf(pages, sizeof pages,
            "MemTotal: 16000000 kB\nHugePages_Total: 1000\nHugePages_Free: %d\nHugepagesize: 2048 kB\n", i);
        change_file(memory, pages);
        if (i == 3)
            change_file(path, "6.1.0\n");
        look_at("a3-ultra", &machine, false, i == 4 ? own_clock : NULL);
        if (i == 3)
            put_back(path);
        put_back(memory);
        fleet[i] = preflight;
        preflight = (struct rg_preflight){0};
    }
    rg_check_compare(fleet, 5);
    for (int i = 0; i < 5; i++) {
        preflight = fleet[i];
        for (int r = 0; r < preflight.row_count; r++) {
            const struct rg_preflight_row *row = &preflight.rows[r];
            bool odd = (i == 3 && (strcmp(row->check, "versions") == 0 || strcmp(row->check, "gpu_direct") == 0)) ||
                       (i == 4 && strcmp(row->check, "clock") == 0); /* a fault of its own */
            if ((row->status == RG_PREFLIGHT_WARN) != odd)
                fail_msg("node %d: %s is %s", i, row->check, rg_preflight_words[row->status]);
        }
        if (i == 3)
            assert_string_equal(
                row_of("versions")->expected, "as on 4 of 5 nodes: Linux 6.6.72+; libibverbs.so.1.14.44.0");
        rg_preflight_close(&preflight);
    }
    free(path);
    free(memory);
}

static void of_two_nodes_that_differ_neither_is_right(void **state)
{
    struct rg_preflight fleet[2];
    (void)state;
    look_at("a3-ultra", NULL, false, NULL);
    fleet[0] = preflight;
    preflight = (struct rg_preflight){0};
    look_at("soft", NULL, false, NULL);
    fleet[1] = preflight;
    preflight = (struct rg_preflight){0};
    rg_check_compare(fleet, 2);
    for (int i = 0; i < 2; i++) {
        preflight = fleet[i];
        assert_int_equal(row_of("firmware")->status, RG_PREFLIGHT_WARN);
        assert_string_equal(row_of("firmware")->expected, "the same on all nodes");
        assert_int_equal(row_of("gids")->status, RG_PREFLIGHT_PASS);
        rg_preflight_close(&preflight);
    }
}

static void clocks_that_are_surely_apart_are_told_from_the_median(void **state)
{
    static const struct rg_check_offset offsets[] = {{true, -3600e6, 200}, {true, -3600e6 + 70e3, 200},
        {true, -3600e6 + 70e3, 30e3}, {true, -3600e6 - 1e3, 900}, {false, 0, 0}, {true, -3600e6, 200}};
    struct rg_preflight fleet[6] = {{.row_count = 0}};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_check_clock_offsets(fleet, 6, offsets, &err), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(fleet[i].row_count, offsets[i].known);
        if (offsets[i].known)
            assert_int_equal(fleet[i].rows[0].status, i == 1 ? RG_PREFLIGHT_WARN : RG_PREFLIGHT_PASS);
    }
    assert_string_equal(fleet[1].rows[0].found, "70 ms ahead of the median, or 0.2 ms more or less");
    assert_string_equal(fleet[3].rows[0].found, "1 ms behind the median, or 0.9 ms more or less");
    for (int i = 0; i < 6; i++)
        rg_preflight_close(&fleet[i]);
}

static void one_clock_agrees_with_itself(void **state)
{
    static const struct rg_check_offset offsets[] = {{true, 1e9, 1}, {false, 0, 0}};
    struct rg_preflight fleet[2] = {{.row_count = 0}};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_check_clock_offsets(fleet, 2, offsets, &err), 0);
    assert_int_equal(fleet[0].row_count + fleet[1].row_count, 0);
}

/* --- ways between nodes --- */

static void each_rail_is_tried_to_the_next_node_that_has_it(void **state)
{
    struct rg_preflight_rail rails[] = {{"mlx5_0", "10.0.0.2", "eth2", 8896}, {"mlx5_1", "10.1.0.2", "eth3", 8896}};
    struct rg_preflight_rail more[] = {{"mlx5_0", "10.0.0.3", "eth2", 9000}, {"mlx5_1", "2001:db8::3", "eth3", 9000}};
    struct rg_preflight_rail last[] = {{"mlx5_0", "10.0.0.4", "eth2", 1500}, {"mlx5_1", "10.1.0.4", "eth3", 100000}};
    struct rg_preflight fleet[4] = {{.rails = rails, .rail_count = 2}, {.rail_count = 0},
        {.rails = more, .rail_count = 2}, {.rails = last, .rail_count = 2}};
    char *paths[4] = {NULL};
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_check_plan_paths(fleet, 4, paths, &err), 0);
    assert_string_equal(paths[0], "mlx5_0/10.0.0.2/10.0.0.3/8896"); /* the other one speaks another protocol there */
    assert_null(paths[1]);
    assert_string_equal(paths[2], "mlx5_0/10.0.0.3/10.0.0.4/1500");
    assert_string_equal(paths[3], "mlx5_0/10.0.0.4/10.0.0.2/1500,mlx5_1/10.1.0.4/10.1.0.2/8896");
    for (int i = 0; i < 4; i++)
        free(paths[i]);
}

static void a_packet_that_arrives_is_heard_of_and_one_that_cannot_leave_is_no_pass(void **state)
{
    struct rg_preflight_row row;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_check_paths("a/127.0.0.2/127.0.0.3/8896,b/127.0.0.1/127.0.0.1/1500", &row, &err), 0);
    assert_int_equal(row.status, RG_PREFLIGHT_PASS);
    assert_string_equal(row.found, "8896 bytes arrive: a; 1500 bytes arrive: b");
    assert_int_equal(rg_check_paths("a/127.0.0.2/127.0.0.3/8896,b/192.0.2.1/192.0.2.2/1500", &row, &err), 0);
    assert_int_equal(row.status, RG_PREFLIGHT_NOT_RUN);
    assert_true(row.decides);
    assert_string_equal(row.found, "8896 bytes arrive: a; none can be sent: Cannot assign requested address: b");
}

static void what_is_no_way_is_refused(void **state)
{
    static const char *const bad[] = {"", "a", "a/127.0.0.1/127.0.0.1", "a/127.0.0.1/127.0.0.1/",
        "a/127.0.0.1/127.0.0.1/9x", "a/127.0.0.1/127.0.0.1/67", "a/127.0.0.1/127.0.0.1/65536", "a/127.0.0.1/here/1500",
        "a/127.0.0.1/127.0.0.1/1500/2", "a/127.0.0.1/127.0.0.1/1500,"};
    struct rg_preflight_row row;
    struct rg_error err = {{0}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (rg_check_paths(bad[i], &row, &err) == 0)
            fail_msg("'%s' is taken", bad[i]);
        assert_has(err.text, "is no list of NAME/FROM/TO/MTU");
    }
}

static void a_document_is_read_as_it_was_written(void **state)
{
    struct rg_preflight read;
    struct rg_error err = {{0}};
    (void)state;
    look_at("a3-ultra", &machine, true, little_shm);
    char *text = rg_preflight_json(&preflight, true);
    assert_null(strchr(text, '\n'));
    assert_int_equal(rg_preflight_parse(text, "node-a", &read, &err), 0);
    char *again = rg_preflight_json(&read, true);
    assert_string_equal(again, text);
    rg_preflight_close(&read);
    memcpy(strstr(text, "\"exit_status\":1"), "\"exit_status\":0", strlen("\"exit_status\":0"));
    assert_true(rg_preflight_parse(text, "node-a", &read, &err) < 0);
    assert_string_equal(err.text, "node-a: exit_status: 0 is not what its checks make it");
    free(text);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_system_s_calls_tell_is_judged),
        cmocka_unit_test(what_nvml_tells_is_judged),
        cmocka_unit_test(gpus_without_nvlinks_have_none_that_could_be_down),
        cmocka_unit_test(persistence_mode_stands_for_the_daemon),
        cmocka_unit_test(without_nvml_it_is_not_known_whether_gpus_are_sound),
        cmocka_unit_test(a_plug_in_is_to_be_where_its_installer_puts_it),
        cmocka_unit_test(without_rdma_others_reach_a_node_by_the_interface_that_its_name_leads_to),
        cmocka_unit_test(where_the_machine_has_no_rdma_none_is_missed),
        cmocka_unit_test(of_nodes_that_differ_the_odd_one_is_named_and_what_the_others_have),
        cmocka_unit_test(of_two_nodes_that_differ_neither_is_right),
        cmocka_unit_test(clocks_that_are_surely_apart_are_told_from_the_median),
        cmocka_unit_test(one_clock_agrees_with_itself),
        cmocka_unit_test(each_rail_is_tried_to_the_next_node_that_has_it),
        cmocka_unit_test(a_packet_that_arrives_is_heard_of_and_one_that_cannot_leave_is_no_pass),
        cmocka_unit_test(what_is_no_way_is_refused),
        cmocka_unit_test(a_document_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, make_nodes, remove_nodes);
}
