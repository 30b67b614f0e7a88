#include "base/names.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int rg_names_open(size_t most, struct rg_names *out, struct rg_error *err)
{
    *out = (struct rg_names){0};
    return hcreate_r(2 * most + 1, &out->table) != 0 ? 0 : rg_fail(err, -ENOMEM, "no memory for %zu names", most);
}

void rg_names_close(struct rg_names *names)
{
    hdestroy_r(&names->table);
}

/* A table's key is a char *, though nothing changes it; nor does a search change the table. */
static ENTRY *look_up(const struct rg_names *names, const char *name, int number, ACTION action)
{
    ENTRY *found = NULL, entry = {(char *)(uintptr_t)name, (void *)(intptr_t)number};
    hsearch_r(entry, action, &found, (struct hsearch_data *)(uintptr_t)&names->table);
    return found;
}

int rg_names_enter(struct rg_names *names, const char *name, int number)
{
    const ENTRY *found = look_up(names, name, number, ENTER);
    return found ? (int)(intptr_t)found->data : -1;
}

int rg_names_find(const struct rg_names *names, const char *name)
{
    const ENTRY *found = name != NULL ? look_up(names, name, 0, FIND) : NULL;
    return found ? (int)(intptr_t)found->data : -1;
}

char *rg_names_join(char *const *list, size_t count, char between)
{
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(list[i]) + 1;
    char *joined = calloc(bytes, 1), *at = joined;
    for (size_t i = 0; joined != NULL && i < count; i++) {
        if (i > 0)
            *at++ = between;
        at = stpcpy(at, list[i]);
    }
    return joined;
}
