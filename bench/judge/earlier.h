/* A run held against an earlier one: each place against the same place, like against like. */
#ifndef RG_JUDGE_EARLIER_H
#define RG_JUDGE_EARLIER_H

#include "judge/judge.h"

struct rg_earlier;

/* Reads the run in directory, and notes in out what keeps the two from being compared. out keeps the texts. Close with
 * rg_earlier_close, which takes NULL, before out. */
int rg_earlier_open(const char *directory, const struct rg_run *now, const struct rg_yardstick *yardstick,
    struct rg_verdict *out, struct rg_earlier **earlier, struct rg_error *err);
void rg_earlier_close(struct rg_earlier *earlier);

const char *rg_earlier_run_id(const struct rg_earlier *earlier);

/* Holds a row against the same place in the earlier run. A suite may measure a place twice; the k-th time then is held
 * against the k-th. */
int rg_earlier_hold(struct rg_earlier *earlier, struct rg_row *row, struct rg_error *err);

/* The next place that the earlier run measured and this one did not, as a row that was not run, added to out: true;
 * else false, or with *code set. */
bool rg_earlier_missing(struct rg_earlier *earlier, struct rg_verdict *out, int *code, struct rg_error *err);

/* Notes which points of out were not compared, and why. */
void rg_earlier_note(const struct rg_earlier *earlier, struct rg_verdict *out);

#endif
