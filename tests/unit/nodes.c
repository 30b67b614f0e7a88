#include "nodes.h"

#include "helpers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *nodes;
struct rg_machine machine;
struct rg_preflight preflight;

const char *root_of(const char *kind)
{
    static char root[512];
    snprintf(root, sizeof root, "%s/%s", nodes, kind);
    return root;
}

int make_nodes(void **state)
{
    struct rg_error err = {{0}};
    char command[1200];
    (void)state;
    nodes = new_directory();
    for (int i = 0; i < 3; i++) {
        const char *kind = (const char *const[]){"a3-ultra", "soft", "nothing"}[i];
        snprintf(command, sizeof command, "%s %s %s", SOURCE("tests/fixtures/node"), root_of(kind), kind);
        assert_int_equal(mkdir(root_of(kind), 0777), 0);
        assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a script of this repository
    }
    assert_int_equal(rg_machine_load(SOURCE("results-schema/machines/a3-ultra.json"), &machine, &err), 0);
    return 0;
}

int remove_nodes(void **state)
{
    (void)state;
    rg_preflight_close(&preflight);
    rg_machine_close(&machine);
    remove_directory(nodes);
    return 0;
}

/* --- looking --- */

static void set_good_facts(struct rg_check_facts *facts)
{
    *facts = (struct rg_check_facts){.self = {.name = "localhost", .address = "10.0.0.2", .back = "localhost"},
        .nvml = RG_CHECK_NVML_WORKS,
        .library_path = "/usr/lib/x86_64-linux-gnu:/usr/local/gib/lib64",
        .shm_bytes = 8ll << 30,
        .shm_free_bytes = 8ll << 30,
        .clock_told = true,
        .clock_synchronised = true,
        .clock_error_us = 1500};
}

/* GPUs as NVML tells of them where nothing is wrong. */
static void set_good_gpus(struct rg_check_node *node)
{
    for (int i = 0; i < node->gpu_count; i++) {
        struct rg_check_gpu *gpu = &node->gpus[i];
        rg_gpu_unknown("", &gpu->what, &gpu->state);
        gpu->answers = true;
        gpu->links = (struct rg_gpu_links){18, 18, 26562, 26562};
        snprintf(gpu->what.driver, sizeof gpu->what.driver, "570.124.06");
        gpu->what.ecc = gpu->what.persistence = 1;
        gpu->state.counters.ecc_uncorrected_volatile = 0;
        gpu->state.now.remapping_failed = gpu->state.now.remapping_pending = gpu->state.now.retirement_pending = 0;
    }
}

void look_at_changed(
    const char *kind, const struct rg_machine *expected, bool quick, void (*change)(struct rg_check_node *))
{
    struct rg_check_node *node;
    struct rg_error err = {{0}};
    rg_preflight_close(&preflight);
    assert_int_equal(rg_check_open(root_of(kind), expected, &node, &err), 0);
    set_good_facts(&node->facts);
    set_good_gpus(node);
    if (change != NULL)
        change(node);
    assert_int_equal(rg_check_run(node, quick, &preflight, &err), 0);
    rg_check_close(node);
}

static void (*change_facts)(struct rg_check_facts *);

static void change_its_facts(struct rg_check_node *node)
{
    if (change_facts != NULL)
        change_facts(&node->facts);
}

void look_at(const char *kind, const struct rg_machine *expected, bool quick, void (*change)(struct rg_check_facts *))
{
    change_facts = change;
    look_at_changed(kind, expected, quick, change_its_facts);
}

const struct rg_preflight_row *row_of(const char *check)
{
    for (int i = 0; i < preflight.row_count; i++)
        if (strcmp(preflight.rows[i].check, check) == 0)
            return &preflight.rows[i];
    fail_msg("there is no check %s", check);
    return NULL;
}

void assert_alone(const char *what, const char *check, enum rg_preflight_status status, const char *words)
{
    for (int i = 0; i < preflight.row_count; i++) {
        const struct rg_preflight_row *row = &preflight.rows[i];
        enum rg_preflight_status due = strcmp(row->check, check) == 0 ? status : RG_PREFLIGHT_PASS;
        if (row->status != due && (due != RG_PREFLIGHT_PASS || row->status != RG_PREFLIGHT_NOT_RUN || row->decides))
            fail_msg("%s: %s is %s, not %s: %s", what, row->check, rg_preflight_words[row->status],
                rg_preflight_words[due], row->found);
    }
    assert_has(row_of(check)->found, words);
    assert_true((row_of(check)->mend[0] != '\0') == (status == RG_PREFLIGHT_WARN || status == RG_PREFLIGHT_FAIL));
}

/* --- files --- */

/* Names that begin with a dot are no entries of sysfs. */
static void name_aside(const char *path, char out[600])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, 600, "%.*s/.aside-%s", (int)(slash - path), path, slash + 1);
}

void change_file(const char *path, const char *content)
{
    char aside[600];
    name_aside(path, aside);
    if (rename(path, aside) != 0)
        fail_msg("there is no %s", path);
    if (content != NULL)
        write_text(path, content);
}

void put_back(const char *path)
{
    char aside[600];
    name_aside(path, aside);
    assert_int_equal(rename(aside, path), 0);
}
