/* Numbers by name, and lists of texts. */
#ifndef RG_BASE_NAMES_H
#define RG_BASE_NAMES_H

#include "base/error.h"

#include <search.h>
#include <stddef.h>

struct rg_names {
    struct hsearch_data table;
};

/* Room for so many names, whose texts outlive the table. -ENOMEM. Close with rg_names_close, which takes a zeroed
 * structure. */
int rg_names_open(size_t most, struct rg_names *out, struct rg_error *err);
void rg_names_close(struct rg_names *names);

/* Gives a name a number, unless it has one; the number that it has then. */
int rg_names_enter(struct rg_names *names, const char *name, int number);

/* -1: it has none, or is NULL. */
int rg_names_find(const struct rg_names *names, const char *name);

/* "a,b,c", malloc'd; NULL without memory. */
char *rg_names_join(char *const *list, size_t count, char between);

#endif
