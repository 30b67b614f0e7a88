/* How far the clocks of hosts are from this one's, by what they say while they are talked to. */
#ifndef RG_CMD_CLOCKS_H
#define RG_CMD_CLOCKS_H

#include "check/check.h"
#include "cmd/remote.h"

/* One host's; begins zeroed. */
struct rg_clocks_talk {
    uint64_t asked_ns;
    int answers; /* the first is unasked, and tells that the host listens */
    struct rg_check_offset best;
};

/* For a question's `hear`; the context is an array of talks, by host. */
enum rg_remote_heard rg_clocks_hear(void *context, size_t host, const char *line, uint64_t at_ns);

/* The host's side: tells the time at once, and for each line on standard input once more, until its end. */
void rg_clocks_tell(void);

#endif
