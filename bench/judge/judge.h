/* From measurements and what was expected to a verdict. Reads the run's files; decides nothing else from outside. */
#ifndef RG_JUDGE_JUDGE_H
#define RG_JUDGE_JUDGE_H

#include "data/machine.h"
#include "data/run.h"
#include "data/verdict.h"
#include "judge/fleet.h"

/* What to hold a run against: any of them, or all. */
struct rg_yardstick {
    const struct rg_machine *machine;
    const struct rg_machine *rates; /* whose line rate percentages are of, and by whose tolerance parts are suspected;
                                     * NULL: machine's */
    const char *const *baselines;   /* directories of earlier runs */
    size_t baseline_count;
    double tolerance_percent; /* against a run */
    const char *tolerance_source;
    bool fleet; /* against the median of what is alike in the run itself */
};

/* Rows that a verdict keeps one by one: of a larger run, those that are well are told of by point and side alone; from
 * twice as many on, so are the others. */
#define RG_ROWS_KEPT 50000u

/* A share of the rate whose loss makes a part suspect: the machine's own figure, or one by whether the run is of
 * hardware. */
double rg_judge_least_loss_percent(const struct rg_run *run, const struct rg_machine *machine);

/* Judges the run in directory, row by row as they are read. A row that is held against several yardsticks is as bad as
 * the worst of them says. A bandwidth passes when it reaches the threshold and so does the low end of the 95 %
 * interval of its sub-windows' median; it is noisy when the interval leaves that open, and fails otherwise, so also
 * when the interval lies above the threshold and the mean below both: a link that was down for a part of the window.
 * For latencies the other way round. Close *out with rg_verdict_close, before the run and the machine, whose texts it
 * uses. -EINVAL with file and line when a document is bad. */
int rg_judge_run(const struct rg_run *run, const char *directory, const struct rg_yardstick *yardstick,
    struct rg_verdict *out, struct rg_error *err);

/* Concludes a verdict that holds suspects alone, of so many flows: it fails if there are any suspects, and is
 * inconclusive if ranks were lost or there were no flows. */
void rg_judge_conclude_fleet(const struct rg_run *run, size_t flows, struct rg_verdict *io);

/* The rows of a run as measured, before they are held against anything. Its flows go to the fleet's judge, unless that
 * is NULL. */
int rg_judge_measured(const struct rg_run *run, const char *directory, struct rg_fleet_judge *fleet,
    struct rg_verdict *out, struct rg_error *err);

/* Is given the rows from first on, which are new, whenever there are some; may change them, and take any away. */
struct rg_settler {
    int (*settle)(void *context, struct rg_verdict *verdict, size_t first, struct rg_error *err);
    void *context;
};

/* The same, with each row settled as it comes. */
int rg_judge_measured_by(const struct rg_run *run, const char *directory, struct rg_fleet_judge *fleet,
    const struct rg_settler *settler, struct rg_verdict *out, struct rg_error *err);

#endif
