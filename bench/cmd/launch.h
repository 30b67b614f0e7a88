/* mpirun as a child: its command line, its lines, its end. */
#ifndef RG_CMD_LAUNCH_H
#define RG_CMD_LAUNCH_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rg_launch_plan {
    const char *mpirun; /* program */
    char **hosts;       /* NULL-terminated */
    int ranks_per_node;
    const char *mpi_interface; /* NULL: MPI chooses */
    char **extra;              /* the user's own mpirun options, NULL-terminated; may be NULL */
    const char *rank_program;
};

/* rg_argv_free frees it; NULL without memory. */
char **rg_launch_argv(const struct rg_launch_plan *plan);

/* SIGINT, SIGTERM and SIGHUP, caught for rg_launch_wait from open to close; SIGPIPE, ignored meanwhile. */
struct rg_signals {
    int fd;
    sigset_t before;
    struct sigaction pipe_before;
};

void rg_signals_open(struct rg_signals *out);
void rg_signals_close(struct rg_signals *signals);

struct rg_launch;

enum rg_launch_news {
    RG_LAUNCH_LINE,   /* rank 0 wrote a line */
    RG_LAUNCH_SIGNAL, /* this process got SIGINT, SIGTERM or SIGHUP */
    RG_LAUNCH_ENDED,  /* the child is gone and has no more to say */
    RG_LAUNCH_SILENT, /* the deadline passed */
};

/* Starts the child in a process group of its own, with `input` on its standard input; it is ended when this process
 * ends. What it writes to its standard error is kept, and passed on at once if `verbose`. Close with rg_launch_close.
 */
int rg_launch_open(char *const *argv, const char *input, const struct rg_signals *signals, bool verbose,
    struct rg_launch **out, struct rg_error *err);

/* Sends the child one more line on its standard input. -ENOMEM. */
int rg_launch_say(struct rg_launch *launch, const char *line, struct rg_error *err);

/* Waits for news until the deadline (rg_clock_now_ns); what is there already is news even after it. *line is valid
 * until the next call; *signal_number is the signal. */
enum rg_launch_news rg_launch_wait(struct rg_launch *launch, uint64_t until_ns, const char **line, int *signal_number);

/* Asks the child to end, makes it after a grace of seconds, and waits for it. */
void rg_launch_stop(struct rg_launch *launch, double grace_s);

/* How it ended, in words; valid after RG_LAUNCH_ENDED or a stop. */
const char *rg_launch_end(const struct rg_launch *launch);

/* What it said on standard error, on one line. mpirun frames its help texts, which tell little, in lines of dashes:
 * what stands before the first frame, such as ssh's own error, counts; where nothing does, the frame's first lines.
 * Its own complaints about ranks that vanished are left out. */
void rg_launch_gist(const struct rg_launch *launch, char *out, size_t room);

/* Ends the child if it still runs. Takes NULL. */
void rg_launch_close(struct rg_launch *launch);

#endif
