/* A row held against what a machine's file promises. */
#ifndef RG_JUDGE_PROMISES_H
#define RG_JUDGE_PROMISES_H

#include "judge/judge.h"

/* How many rails the nodes of a run have. */
size_t rg_promises_rails(const struct rg_run *run);

/* Whether a run used all rails of the machine; so it did where either is not known. */
bool rg_promises_whole(const struct rg_run *run, const struct rg_machine *machine);

/* Holds a row against the expectation that is about it, if there is one. */
int rg_promises_hold(const struct rg_machine *machine, bool whole, struct rg_row *row, struct rg_error *err);

/* Adds to out, which has counted all rows, a row for each expectation that nothing was measured for. */
int rg_promises_absent(
    const struct rg_run *run, const struct rg_machine *machine, struct rg_verdict *out, struct rg_error *err);

/* Says of what the machine expects at a size otherwise than it was measured in how they differ. */
void rg_promises_note(const struct rg_machine *machine, struct rg_verdict *out);

#endif
