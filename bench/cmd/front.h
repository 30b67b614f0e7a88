/* What `railgauge run` knows of the run that it is to make; for the files of cmd/ alone. */
#ifndef RG_CMD_FRONT_H
#define RG_CMD_FRONT_H

#include "base/clock.h"
#include "cmd/campaign.h"
#include "cmd/cmd.h"

#include <limits.h>

/* As the command line has them. */
struct rg_front_options {
    const char *suite, *machine, *hosts, *hostfile, *output, *mpi_interface, *mpirun, *rank_program, *transport,
        *resume;
    int64_t ranks_per_node, seed, max_lost;
    double start_timeout_s;
    bool quiet, verbose, dry_run, no_check;
};

struct rg_front {
    struct rg_front_options options;
    struct rg_args args;
    struct rg_machine machine;
    bool has_machine;
    struct rg_run run;
    struct rg_journal *journal; /* NULL: not open yet */
    char run_id[RG_RUN_ID_LENGTH], started_at[RG_TIMESTAMP_LENGTH], ended_at[RG_TIMESTAMP_LENGTH];
    char directory[PATH_MAX], rank_program[PATH_MAX], interface[64];
    char machine_path[PATH_MAX], mpirun_path[PATH_MAX], transport[PATH_MAX + sizeof "sim:"];
    struct rg_launch_plan launch;
    int node_count;
};

/* A new run, by the options; nothing is written yet. */
int rg_front_begin(struct rg_front *front, struct rg_error *err);

/* The run of an earlier command: everything that it was started with holds again, but what may be given anew. Unless
 * nothing is to be measured, nobody else may write it from now on. */
int rg_front_resume(struct rg_front *front, struct rg_error *err);

/* What a run that is taken up has still to measure. */
void rg_front_print_left(const struct rg_front *front, FILE *out);

/* Everything about mpirun, but for who takes part; run is filled in. */
void rg_front_choose_launch(struct rg_front *front);

#endif
