/* A run from its first round to its last: as many attempts as it takes. Ranks that are lost cost their own results: the
 * others are started again, for what is left. */
#ifndef RG_CMD_CAMPAIGN_H
#define RG_CMD_CAMPAIGN_H

#include "cmd/attempt.h"

struct rg_campaign_plan {
    const char *directory;
    const struct rg_launch_plan *launch; /* of all hosts */
    const struct rg_signals *signals;
    struct rg_journal *journal;
    const struct rg_machine *machine; /* by whose tolerance flows are held against their peers; NULL: none */
    bool quiet, verbose;
};

/* How it went. */
struct rg_campaign_end {
    char reason[2048]; /* why it is incomplete; empty: it is complete */
    bool started;      /* all ranks came up, so that there is something to judge */
    bool more;         /* something is left that could be measured */
    int signal_number; /* that stopped it; 0: none */
};

/* By the run's own options. Fills in run's mpirun, ranks, lost, hardware, counts and clock error; the journal holds
 * then what run counts. Negative: nothing was started. */
int rg_campaign_run(
    struct rg_run *run, const struct rg_campaign_plan *plan, struct rg_campaign_end *end, struct rg_error *err);

#endif
