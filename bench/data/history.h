/* The figures of many runs in one SQLite file. One process writes at a time, others wait for it; any number read
 * meanwhile. What has been added is on the disk. */
#ifndef RG_DATA_HISTORY_H
#define RG_DATA_HISTORY_H

#include "data/series.h"

struct rg_history;

/* Opens the file; if create, makes it where there is none. A file of an older schema is migrated, after a copy of it
 * has been written beside it, whose path goes into copied (empty: there was no need). -EINVAL: it is no history, or of
 * a newer schema; -ENOENT, -EIO, -EBUSY: the file cannot be used. All with a message. */
int rg_history_open(const char *path, bool create, struct rg_history **out, char copied[4096], struct rg_error *err);

/* Takes NULL. */
void rg_history_close(struct rg_history *history);

/* Adds a run in one transaction. added: false where the run is there already, and stays as it is; an incomplete one
 * makes room for the same run once it is complete, or has more rows. */
int rg_history_add(struct rg_history *history, const struct rg_entry *entry, bool *added, struct rg_error *err);

/* What of a history is of interest; NULL and RG_NONE stand for all. */
struct rg_history_filter {
    const char *test, *node;
    int64_t rail;
};

struct rg_past_fact {
    size_t run; /* place among the runs */
    const char *name, *value, *node;
    int64_t rail;
};

/* Runs in the order of time. */
struct rg_past {
    struct rg_past_run *runs;
    size_t run_count;
    struct rg_series *series; /* in the order of rg_series_compare */
    size_t series_count;
    double *values;             /* of series s and run r at s * run_count + r; NAN: not measured */
    struct rg_past_fact *facts; /* in the order of runs */
    size_t fact_count;
    char **texts; /* owned */
    size_t text_count, text_room;
};

/* Loads the runs alone, or everything that the filter lets through; close with rg_past_close. */
int rg_history_runs(struct rg_history *history, struct rg_past *out, struct rg_error *err);
int rg_history_load(
    struct rg_history *history, const struct rg_history_filter *filter, struct rg_past *out, struct rg_error *err);

/* What the series have in a field (test, node or rail), shortened: "sim000, sim001, sim002 and 61 more". */
int rg_history_names(struct rg_history *history, const char *field, char *out, size_t room, struct rg_error *err);

/* Takes a zeroed structure. */
void rg_past_close(struct rg_past *past);

/* Calls body for each figure, run by run. What it returns ends the walk unless it is 0. */
int rg_history_each(struct rg_history *history, const struct rg_history_filter *filter,
    int (*body)(void *context, const struct rg_past_run *run, const struct rg_figure *figure), void *context,
    struct rg_error *err);

/* Removes these runs, by their ids, and none of them where the history has not all: -EINVAL. */
int rg_history_remove(struct rg_history *history, char *const *run_ids, size_t count, struct rg_error *err);

/* Removes the runs that began before a time ("2026-01-01", NULL: none) and all but the latest `keep` (RG_NONE: all). */
int rg_history_prune(
    struct rg_history *history, const char *before, int64_t keep, int64_t *removed, struct rg_error *err);

#endif
