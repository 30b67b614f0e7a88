/* Fuzzers of all that reads text from outside, for libFuzzer. Compiled once a target: FUZZ_TARGET is one of the
 * functions below, less `fuzz_`. What is read is used: documents are written again, measurements judged and reported.
 */
#include "base/file.h"
#include "cmd/hosts.h"
#include "data/event.h"
#include "data/fabric.h"
#include "data/machine.h"
#include "data/measurement.h"
#include "data/plan.h"
#include "data/run.h"
#include "judge/judge.h"
#include "report/format.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMED_(prefix, name) prefix##name
#define NAMED(prefix, name) NAMED_(prefix, name)

/* The input as a file; its path holds until the next call. */
static const char *file_of(const char *text)
{
    static char path[64];
    static int memory = -1;
    if (memory < 0)
        memory = memfd_create("document.json", MFD_CLOEXEC);
    if (ftruncate(memory, 0) != 0 || pwrite(memory, text, strlen(text), 0) != (ssize_t)strlen(text))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    return path;
}

static char directory[] = "/dev/shm/railgauge-fuzz-XXXXXX";

static void remove_directory(void)
{
    char path[sizeof directory + 32];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, i ? "run.json" : "measurements.ndjson");
        unlink(path);
    }
    rmdir(directory);
}

/* A run's directory in which one file has that text. */
static const char *directory_with(const char *name, const char *text)
{
    static bool made;
    char path[sizeof directory + 32];
    if (!made && (mkdtemp(directory) == NULL || atexit(remove_directory) != 0))
        abort();
    made = true;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
    return directory;
}

/* One of the valid examples; malloc'd. */
char *example(const char *name);
char *example(const char *name)
{
    char path[128], *text = NULL;
    struct rg_error err;
    snprintf(path, sizeof path, "results-schema/examples/valid/%s", name);
    if (rg_file_read(path, 1 << 20, &text, NULL, &err) != 0)
        abort();
    return text;
}

/* A refusal says why. */
static void check_refusal(int code, const struct rg_error *err)
{
    if (code != 0 && (code > 0 || err->text[0] == '\0'))
        abort();
}

void fuzz_suite(const char *text);
void fuzz_suite(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_suite suite;
    int code = rg_suite_load(file_of(text), &suite, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    cJSON_Delete(rg_suite_document(&suite));
    struct rg_plan plan = {&suite, 4, 2, 1};
    int64_t rounds = rg_plan_rounds(&plan);
    for (int64_t n = 0; n < rounds && n < 8; n++) {
        struct rg_round round = rg_plan_round(&plan, n);
        char label[200];
        rg_plan_label(&suite, &round, label, sizeof label);
    }
    rg_suite_close(&suite);
}

void fuzz_machine(const char *text);
void fuzz_machine(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_machine machine;
    struct rg_source source = {"fuzz", "A fuzzer", "None."};
    int code = rg_machine_load(file_of(text), &machine, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    free(rg_machine_text(&machine, &machine, &source));
    rg_machine_close(&machine);
}

void fuzz_run(const char *text);
void fuzz_run(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_run run;
    static char *lines;
    struct rg_yardstick alone = {.fleet = true};
    struct rg_verdict verdict;
    int code = rg_run_load(directory_with("run.json", text), &run, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    if (lines == NULL)
        lines = example("measurement-bandwidth.ndjson");
    directory_with("measurements.ndjson", lines);
    if (rg_judge_run(&run, directory, &alone, &verdict, &err) == 0)
        rg_verdict_close(&verdict);
    if (rg_run_write(&run, directory, &err) != 0)
        abort();
    rg_run_close(&run);
}

void fuzz_measurement(const char *text);
void fuzz_measurement(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_measurement measurement;
    int code = rg_measurement_read(text, "line", &measurement, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    free(rg_measurement_line(&measurement));
    rg_measurement_close(&measurement);
}

/* A run of two nodes with two rails, held against itself and its fleet, and told in every format. */
void fuzz_compare(const char *text);
void fuzz_compare(const char *text)
{
    static struct rg_run run;
    static FILE *nowhere;
    struct rg_error err = {{0}};
    const char *where = directory_with("measurements.ndjson", text);
    if (run.run_id == NULL) {
        char *document = example("run-complete.json");
        directory_with("run.json", document);
        free(document);
        if (rg_run_load(where, &run, &err) != 0 || (nowhere = fopen("/dev/null", "we")) == NULL)
            abort();
        run.measurements = 0;
    }
    struct rg_yardstick yardstick = {
        .baselines = &where, .baseline_count = 1, .tolerance_percent = 5, .tolerance_source = "default", .fleet = true};
    struct rg_verdict verdict;
    struct rg_text_style style = {.all = true};
    int code = rg_judge_run(&run, where, &yardstick, &verdict, &err);
    check_refusal(code, &err);
    for (const char *const *format = rg_report_format_words; code == 0 && *format != NULL; format++)
        rg_report_format_of(*format)->print(&run, &verdict, &style, nowhere);
    if (code == 0)
        rg_verdict_close(&verdict);
}

void fuzz_fabric(const char *text);
void fuzz_fabric(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_fabric fabric;
    int code = rg_fabricdoc_load(file_of(text), &fabric, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    free(rg_fabricdoc_text(&fabric));
    rg_fabric_close(&fabric);
}

void fuzz_fault(const char *text);
void fuzz_fault(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_fabric fabric;
    rg_fabricdoc_default(16, 8, 1, &fabric);
    if (rg_fabric_prepare(&fabric, &err) == 0)
        check_refusal(rg_fabricdoc_add_fault(&fabric, text, &err), &err);
    rg_fabric_close(&fabric);
}

void fuzz_orders(const char *text);
void fuzz_orders(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_orders orders;
    int code = rg_orders_read(text, &orders, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    free(rg_orders_text(&orders));
    rg_orders_close(&orders);
}

void fuzz_round(const char *text);
void fuzz_round(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_round round;
    struct rg_link *links = NULL;
    int code = rg_orders_round_read(text, &round, &links, &err);
    check_refusal(code, &err);
    if (code == 0)
        free(rg_orders_round_text(&round));
    free(links);
}

void fuzz_event(const char *text);
void fuzz_event(const char *text)
{
    struct rg_event event;
    if (rg_event_read(text, &event) != 0)
        return;
    free(rg_event_line(&event));
    free(event.text);
}

void fuzz_facts(const char *text);
void fuzz_facts(const char *text)
{
    struct rg_error err = {{0}};
    struct rg_rank_facts facts;
    int code = rg_rank_facts_read(text, &facts, &err);
    check_refusal(code, &err);
    if (code != 0)
        return;
    free(rg_rank_facts_line(&facts));
    rg_rank_facts_close(&facts);
}

void fuzz_hostfile(const char *text);
void fuzz_hostfile(const char *text)
{
    struct rg_error err = {{0}};
    char **hosts = NULL;
    int slots = 0, code = rg_hosts_read(file_of(text), &hosts, &slots, &err);
    check_refusal(code, &err);
    for (char **host = hosts; code == 0 && *host != NULL; host++)
        free(*host);
    if (code == 0)
        free(hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    NAMED(fuzz_, FUZZ_TARGET)(text);
    free(text);
    return 0;
}
