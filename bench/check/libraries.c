/* LD_LIBRARY_PATH doesn't put other libraries before those that are meant. */
#include "check/checks.h"
#include "check/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const libraries[] = {"libibverbs.so.1", "libmlx5.so.1", "librdmacm.so.1", "libnccl.so.2",
    "libnccl-net.so", "libmpi.so.40", "libnvidia-ml.so.1", NULL};

/* The file itself; false: it is not there. */
static bool find(const struct rg_check_node *node, const char *directory, const char *library, char real[PATH_MAX])
{
    char path[PATH_MAX];
    rg_check_path(node, path, "%s/%s", directory, library);
    return realpath(path, real) != NULL;
}

/* The first that there is counts for a program; the system's come last. */
static void look_for(const struct rg_check_node *node, const char *library, struct rg_preflight_row *out)
{
    char directory[PATH_MAX], first[PATH_MAX] = "", other[PATH_MAX], from[PATH_MAX] = "";
    bool hidden = false;
    for (int n = 0; !hidden && rg_check_library_directory(node, n, directory); n++) {
        if (!find(node, directory, library, other))
            continue;
        if (first[0] == '\0') {
            memcpy(first, other, sizeof first);
            memcpy(from, directory, sizeof from);
        }
        hidden = strcmp(first, other) != 0 && !rg_check_library(node, library, directory);
    }
    if (first[0] != '\0' && rg_check_library(node, library, directory)) {
        memcpy(other, directory, sizeof other);
        hidden = strcmp(first, other) != 0;
    }
    if (!hidden)
        return;
    rg_check_found(out, "%s/%s hides %s", from, library, other + strlen(node->root));
    rg_check_fault(out, RG_PREFLIGHT_WARN,
        "take %s out of LD_LIBRARY_PATH, put it last, or make sure that its libraries are meant: a libibverbs of another "
        "version may not find its drivers",
        from);
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const char *given = node->facts.library_path;
    rg_check_expect(out,
        "no second libibverbs, libmlx5, librdmacm, libnccl, NCCL plug-in, libmpi or libnvidia-ml before "
        "the one that is meant");
    for (const char *const *library = libraries; *library != NULL; library++)
        look_for(node, *library, out);
    if (out->found[0] == '\0')
        rg_check_found(
            out, "%s", given != NULL && given[0] ? "LD_LIBRARY_PATH hides none" : "LD_LIBRARY_PATH is not set");
}

const struct rg_check rg_check_libraries = {.name = "libraries", .weight = RG_CHECK_WARNS, .look = look};
