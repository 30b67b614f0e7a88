/* The ranks of a run and what they tell each other, over MPI. Every call that waits has a deadline and names the ranks
 * that did not come; nothing here spins for more than a millisecond, so that a waiting rank leaves the processor to
 * those that measure. Deadlines are points in time of rg_clock_now_ns. After -ETIMEDOUT the ranks are out of step: what
 * is left is to tell rank 0 and to close. */
#ifndef RG_CTL_CONTROL_H
#define RG_CTL_CONTROL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rg_control;

/* Starts MPI. Close with rg_control_close. */
int rg_control_open(int *argc, char ***argv, struct rg_control **out, struct rg_error *err);

/* Ends MPI; when ranks are missing it can only be aborted, which does not return. Takes NULL. */
void rg_control_close(struct rg_control *control);

int rg_control_rank(const struct rg_control *control);
int rg_control_size(const struct rg_control *control);

/* This rank's place among those of its node, from 0: its rail. */
int rg_control_local_rank(const struct rg_control *control);

/* "Open MPI 4.1.4". */
void rg_control_mpi_version(char *out, size_t room);

/* Who a rank is to the people who read of it. */
struct rg_control_name {
    const char *node;
    int64_t rail, number; /* number: the rank's in the plan, where nodes count that are gone by now */
};

/* The node of every rank, by rank, for rg_control_start, and names for messages. All is copied. */
int rg_control_set_nodes(
    struct rg_control *control, const int *node_of, const struct rg_control_name *names, struct rg_error *err);

/* "rank 3 (node1, rail 1)", by the plan's number, as far as names are known yet. */
const char *rg_control_name(const struct rg_control *control, int rank, char out[320]);

/* Collects one text from every rank at rank 0, where *texts becomes a malloc'd array of malloc'd texts by rank
 * (elsewhere NULL), to be freed whatever is returned. -ETIMEDOUT at rank 0: missing[rank] tells who did not come (it
 * has room for every rank; only rank 0 uses it), their texts are NULL, and the message names them. */
int rg_control_gather(struct rg_control *control, const char *text, uint64_t until_ns, const char *what, char ***texts,
    bool *missing, struct rg_error *err);

/* Frees what rg_control_gather gave; takes NULL. */
void rg_control_free_texts(const struct rg_control *control, char **texts);

/* Rank 0's text to all; elsewhere *text is replaced by a malloc'd copy. */
int rg_control_broadcast(
    struct rg_control *control, char **text, uint64_t until_ns, const char *what, struct rg_error *err);

/* Swaps `bytes` bytes with a peer. -ETIMEDOUT names it. */
int rg_control_exchange(struct rg_control *control, int peer, const void *mine, void *theirs, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err);

/* One peer of several, and whether it came. */
struct rg_swap {
    int peer;
    const void *mine;
    void *theirs;
    bool came;
};

/* Swaps `bytes` bytes with each of several peers at once, so that ranks in a ring do not wait for each other in turn.
 * No peer twice. -ETIMEDOUT names one that did not come; `came` tells of all. */
int rg_control_exchange_all(struct rg_control *control, struct rg_swap *swaps, size_t count, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err);

/* What the ranks agreed on: a point in time, by this rank's own clock, and how wrong the clocks' offsets may be. */
struct rg_start {
    uint64_t at_ns;
    double clock_error_us; /* half the shortest round trip to the node, the bound of Cristian, "Probabilistic clock
                              synchronization", Distributed Computing 3 (1989); the largest of all nodes */
};

/* A barrier after which all ranks know the same start, some milliseconds ahead. Rank 0 waits until until_ns for the
 * others; they wait for it as long again. `trouble` is empty, or why this rank cannot go on: then nobody starts, and
 * rank 0 gets -ETIMEDOUT with that text, or with the names of those who did not come. missing as for rg_control_gather.
 */
int rg_control_start(struct rg_control *control, const char *trouble, uint64_t until_ns, const char *what,
    struct rg_start *out, bool *missing, struct rg_error *err);

#endif
