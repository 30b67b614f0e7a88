/* Looks at a GPU twice, as a run does before and after a test, and prints as JSON what the documents would tell of it.
 *
 *   nvml_look PCI_ADDRESS KERNEL_LOG SYSFS_ROOT [LINE]
 *
 * LINE is added to the log between the two looks. */
#include "hw/gpu.h"

#include <stdio.h>
#include <stdlib.h>

static int add_line(const char *path, const char *line)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return -1;
    fprintf(file, "%s\n", line);
    return fclose(file);
}

static void print(const struct rg_gpu *gpu, const struct rg_gpu_state *before, const struct rg_gpu_state *after,
    const char *pci_address, const char *sysfs_root)
{
    struct rg_gpu_facts facts;
    struct rg_gpu_change change;
    struct rg_gpu_report report;
    char why[RG_GPU_REASON_LENGTH];
    rg_gpu_facts_of(gpu, before, &facts);
    rg_gpu_change(before, after, &change);
    rg_gpu_report_of(&change, &report);
    report.node = "here";
    report.rail = report.rank = 0;
    report.gpu = pci_address;
    cJSON *object = cJSON_CreateObject();
    rg_json_write(cJSON_AddObjectToObject(object, "facts"), &rg_json_gpu_facts, &facts);
    rg_json_add_gpu_reports(object, "gpus", &report, 1);
    cJSON_AddBoolToObject(object, "real", rg_gpu_is_real(sysfs_root, pci_address, why, sizeof why));
    rg_json_add_text(object, "why", why[0] ? why : NULL);
    char *text = cJSON_Print(object);
    if (text != NULL)
        puts(text);
    free(text);
    cJSON_Delete(object);
}

int main(int argc, char **argv)
{
    struct rg_gpu_monitor *monitor = NULL;
    struct rg_gpu gpu;
    struct rg_gpu_state before, after;
    struct rg_error err = {{0}};
    if (argc < 4) {
        fputs("usage: nvml_look PCI_ADDRESS KERNEL_LOG SYSFS_ROOT [LINE]\n", stderr);
        return 2;
    }
    if (rg_gpu_open(argv[2], &monitor, &err) == 0) {
        if (rg_gpu_describe(monitor, argv[1], &gpu, &err) != 0)
            fprintf(stderr, "%s\n", err.text);
        rg_gpu_read_state(monitor, argv[1], &before);
        if (argc > 4 && add_line(argv[2], argv[4]) != 0)
            return 2;
        rg_gpu_read_state(monitor, argv[1], &after);
    } else {
        fprintf(stderr, "%s\n", err.text);
        rg_gpu_unknown(err.text, &gpu, &before);
        rg_gpu_unknown(err.text, NULL, &after);
    }
    rg_gpu_close(monitor);
    print(&gpu, &before, &after, argv[1], argv[3]);
    return 0;
}
