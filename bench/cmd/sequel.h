/* What follows when mpirun has ended: a decision, apart from what is done about it. */
#ifndef RG_CMD_SEQUEL_H
#define RG_CMD_SEQUEL_H

#include <stdbool.h>
#include <stdint.h>

/* How an attempt ended. */
enum rg_ending {
    RG_ENDING_DONE,     /* everything was measured */
    RG_ENDING_TOLD,     /* rank 0 said why the ranks cannot go on */
    RG_ENDING_LAUNCHER, /* mpirun ended, and rank 0 had not said why it would */
    RG_ENDING_SILENT,   /* rank 0 was not heard of in time */
    RG_ENDING_SIGNAL,   /* this process was told to stop */
    RG_ENDING_OWN,      /* the front itself cannot go on */
};

/* What is known by then. */
struct rg_attempted {
    enum rg_ending ending;
    bool started;      /* all ranks were there */
    bool ever_started; /* or had been, in an earlier attempt */
    int newly_lost;    /* rails */
    int times;         /* attempts in a row, this one included, that ended in the same round and cost nobody */
    int nodes, present, lost_nodes;
    int64_t max_lost; /* nodes; RG_NONE: no limit */
};

enum rg_sequel {
    RG_SEQUEL_FINISH,        /* all is measured that can be */
    RG_SEQUEL_AGAIN,         /* with those who are left, what is left */
    RG_SEQUEL_WITHOUT_FIRST, /* the same without rank 0, which cannot tell that it is to blame */
    RG_SEQUEL_STOP,          /* for the reason that ended the attempt */
    RG_SEQUEL_TOO_MANY_LOST,
};

enum rg_sequel rg_sequel_of(const struct rg_attempted *attempted);

#endif
