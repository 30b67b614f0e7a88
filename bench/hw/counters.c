#include "hw/counters.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MOST_BYTES 64

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct rg_counter *)a)->name, ((const struct rg_counter *)b)->name);
}

static void read_one(const char *directory, const char *name, struct rg_counters *out)
{
    char path[PATH_MAX], *text, *end;
    bool other = strcmp(name, "lifespan") == 0; /* how often the driver asks its device, in ms */
    if (name[0] == '.' || other || strlen(name) >= RG_COUNTER_NAME_LENGTH || out->count >= RG_COUNTERS_MOST)
        return;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (rg_file_read(path, VALUE_MOST_BYTES, &text, NULL, NULL) != 0)
        return;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end != text && errno == 0 && value <= INT64_MAX) {
        struct rg_counter *counter = &out->at[out->count++];
        *counter = (struct rg_counter){.added = (int64_t)value};
        snprintf(counter->name, sizeof counter->name, "%s", name);
    }
    free(text);
}

void rg_counters_read(const char *root, const char *device, int port, struct rg_counters *out)
{
    static const char *const kinds[] = {"hw_counters", "counters"};
    out->count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char directory[PATH_MAX - 256];
        snprintf(directory, sizeof directory, "%s/class/infiniband/%s/ports/%d/%s", root, device, port, kinds[i]);
        DIR *dir = opendir(directory);
        for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
            read_one(directory, entry->d_name, out);
        if (dir != NULL)
            closedir(dir);
    }
    qsort(out->at, (size_t)out->count, sizeof *out->at, by_name);
}

void rg_counters_change(
    const struct rg_counters *before, const struct rg_counters *after, struct rg_counter_change *out)
{
    out->known = after->count;
    out->count = 0;
    for (int64_t i = 0; i < after->count; i++) {
        const struct rg_counter *was =
            bsearch(&after->at[i], before->at, (size_t)before->count, sizeof *before->at, by_name);
        if (was == NULL || after->at[i].added <= was->added)
            continue;
        out->at[out->count] = after->at[i];
        out->at[out->count++].added -= was->added;
    }
}
