/* The run as it happens: the ranks' events become the run's files and the progress that is shown. Ranks that are lost
 * cost their own results: the others are started again, for what is left. */
#ifndef RG_CMD_RECORDER_H
#define RG_CMD_RECORDER_H

#include "cmd/launch.h"
#include "data/machine.h"
#include "data/plan.h"
#include "data/run.h"

struct rg_recorder_plan {
    const char *directory;
    int node_count;
    const struct rg_launch_plan *launch; /* of all hosts */
    const struct rg_fabric *fabric;      /* NULL: a real one */
    int64_t lost_most;                   /* nodes that may be lost; RG_NONE: all but two */
    const struct rg_machine *machine;    /* by whose tolerance flows are held against their peers; NULL: none */
    double start_timeout_s;
    bool resumed; /* the run's files are there already, and run was read from them */
    bool quiet, verbose;
};

/* How it went. */
struct rg_recorder_end {
    char reason[2048]; /* why it is incomplete; empty: it is complete */
    bool started;      /* all ranks came up, so that there is something to judge */
    int signal_number; /* that stopped it; 0: none */
};

/* Launches mpirun, journals what the ranks measure, and fills in run's mpirun, ranks, lost, hardware, counts and clock
 * error. Negative: the run's files could not be created, and nothing was started. */
int rg_recorder_run(
    struct rg_run *run, const struct rg_recorder_plan *plan, struct rg_recorder_end *end, struct rg_error *err);

/* Frees what rg_recorder_run put into run. */
void rg_recorder_forget(struct rg_run *run);

#endif
