/* One life of mpirun: started for what is left of a run, heard until it has said its last word, and ended. */
#ifndef RG_CMD_ATTEMPT_H
#define RG_CMD_ATTEMPT_H

#include "base/progress.h"
#include "cmd/launch.h"
#include "cmd/recorder.h"
#include "cmd/sequel.h"

/* What holds for all attempts of a run. */
struct rg_attempt_plan {
    const struct rg_launch_plan *launch; /* of all hosts */
    const struct rg_fabric *fabric;      /* NULL: a real one */
    const struct rg_signals *signals;
    struct rg_progress *progress;
    double start_timeout_s;
    bool verbose;
};

struct rg_attempt {
    enum rg_ending ending;
    bool started;      /* all ranks came up */
    int signal_number; /* that ended it; 0: none */
    double at_s;       /* by the plan's time: when the last round began */
    char reason[2048]; /* why it ended, in words; empty: everything was measured */
};

/* Fills in the run's mpirun, and by the recorder all that the ranks say. */
void rg_attempt_run(struct rg_recorder *recorder, const struct rg_attempt_plan *plan, struct rg_attempt *out);

#endif
