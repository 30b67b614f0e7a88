/* A command on many hosts at once, over the remote shell. */
#ifndef RG_CMD_REMOTE_H
#define RG_CMD_REMOTE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rg_remote_answer {
    char *text;     /* what it printed, malloc'd; NULL: nothing that could be read */
    int status;     /* its exit status; -1: it did not end by itself in time */
    char said[200]; /* the last line on standard error */
};

enum rg_remote_heard {
    RG_REMOTE_NOT_MEANT, /* the line is part of the answer */
    RG_REMOTE_SAY,       /* a newline is to be said to the host */
    RG_REMOTE_ENOUGH,    /* nothing more is to be said */
};

struct rg_remote_question {
    char *const *shell; /* see rg_probe_shell */
    char *const *words; /* the command, NULL-terminated */
    char *const *last;  /* one more word for each host; NULL: none */
    double patience_s;  /* how long each may take */
    /* Hears each line that a host prints, when it came by rg_clock_now_ns; NULL: nobody talks, and the command has no
     * input. */
    enum rg_remote_heard (*hear)(void *context, size_t host, const char *line, uint64_t at_ns);
    void *context;
};

/* Asks each host, some at a time; this machine itself without the shell. Answers are the caller's to close, also those
 * of a call that failed. */
int rg_remote_run(char *const *hosts, size_t count, const struct rg_remote_question *question,
    struct rg_remote_answer *out, struct rg_error *err);

void rg_remote_close(struct rg_remote_answer *answers, size_t count);

#endif
