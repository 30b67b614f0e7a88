/* A command on many hosts at once, over the remote shell. */
#ifndef RG_CMD_REMOTE_H
#define RG_CMD_REMOTE_H

#include "base/error.h"

#include <stddef.h>

struct rg_remote_answer {
    char *text;     /* what it printed, malloc'd; NULL: nothing that could be read */
    int status;     /* its exit status; -1: it did not end by itself in time */
    char said[200]; /* the last line on standard error */
};

/* Runs words (NULL-terminated) on each host, some at a time; on this machine itself without the shell (see
 * rg_probe_shell). Each may take patience_s. Answers are the caller's to close, also those of a call that failed. */
int rg_remote_run(char *const *hosts, size_t count, char *const *shell, char *const *words, double patience_s,
    struct rg_remote_answer *out, struct rg_error *err);

void rg_remote_close(struct rg_remote_answer *answers, size_t count);

#endif
