/* What a report shows beside its runs: their history, and what they let one plan. */
#ifndef RG_CMD_BESIDE_H
#define RG_CMD_BESIDE_H

#include "base/error.h"

#include <stddef.h>

struct rg_beside {
    char *history, *plan;          /* JSON, malloc'd; NULL: there is none */
    char why_not[RG_ERROR_LENGTH]; /* there is no plan */
};

/* Puts the trend of the history `db` (NULL: none) into JSON, as far as it is about what the runs in these directories
 * measured. -EINVAL, -ENOENT: a run or the history is bad; -EIO, -EBUSY, -ENOMEM: it cannot be read. */
int rg_beside_history(
    const char *db, char *const *directories, size_t count, struct rg_beside *io, struct rg_error *err);

/* Puts what `railgauge plan` says of the runs into JSON, or says in why_not why it says nothing. -ENOMEM. */
int rg_beside_plan(char *const *directories, size_t count, struct rg_beside *io, struct rg_error *err);

/* Takes a zeroed structure. */
void rg_beside_close(struct rg_beside *beside);

#endif
