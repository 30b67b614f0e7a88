/* LD_LIBRARY_PATH doesn't put other libraries before the system's. */
#include "check/checks.h"
#include "check/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const libraries[] = {
    "libibverbs.so.1", "libmlx5.so.1", "librdmacm.so.1", "libnccl.so.2", "libmpi.so.40", NULL};
static void look_into(const struct rg_check_node *node, const char *directory, struct rg_preflight_row *out)
{
    char path[PATH_MAX], here[PATH_MAX], there[PATH_MAX];
    for (const char *const *library = libraries; *library != NULL; library++) {
        rg_check_path(node, path, "%s/%s", directory, *library);
        if (realpath(path, here) == NULL || !rg_check_library(node, *library, there) || strcmp(here, there) == 0)
            continue;
        rg_check_found(out, "%s/%s hides %s", directory, *library, there + strlen(node->root));
        rg_check_fault(out, RG_PREFLIGHT_WARN,
            "take %s out of LD_LIBRARY_PATH, or make sure that its libraries are meant: a libibverbs of another version may "
            "not find its drivers",
            directory);
    }
}

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const char *given = node->facts.library_path;
    char *copy = strdup(given ? given : ""), *more = copy;
    rg_check_expect(out, "no second libibverbs, libmlx5, librdmacm, libnccl or libmpi before the system's");
    for (const char *directory; copy != NULL && (directory = strsep(&more, ":")) != NULL;)
        if (directory[0] == '/')
            look_into(node, directory, out);
    free(copy);
    if (out->found[0] == '\0')
        rg_check_found(
            out, "%s", given != NULL && given[0] ? "LD_LIBRARY_PATH hides none" : "LD_LIBRARY_PATH is not set");
}

const struct rg_check rg_check_libraries = {"libraries", RG_CHECK_WARNS, false, look};
