#include "hw/sysfs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rg_sysfs_line(const char *path, char *out, size_t room)
{
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(out, (int)room, file) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

void rg_sysfs_link_name(const char *path, char *out, size_t room)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(out, room, "%s", slash ? slash + 1 : target);
}

double rg_sysfs_number(const char *path)
{
    char line[32], *end;
    rg_sysfs_line(path, line, sizeof line);
    double value = strtod(line, &end);
    return end == line ? -1 : value;
}
