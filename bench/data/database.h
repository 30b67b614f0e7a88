/* A history's connection to SQLite; for the files of data/ alone. */
#ifndef RG_DATA_DATABASE_H
#define RG_DATA_DATABASE_H

#include "data/history.h"

#include <sqlite3.h>

struct rg_history {
    sqlite3 *db;
    char *path;
};

/* -EIO, or what fits SQLite's code better, with "FILE: what: SQLite's message". */
int rg_history_fail(const struct rg_history *history, const char *what, struct rg_error *err);

int rg_history_execute(const struct rg_history *history, const char *sql, const char *what, struct rg_error *err);

/* NULL with a message. */
sqlite3_stmt *rg_history_prepare(const struct rg_history *history, const char *sql, struct rg_error *err);

/* Executes it, resets it, and forgets what was bound. */
int rg_history_step(const struct rg_history *history, sqlite3_stmt *statement, const char *what, struct rg_error *err);

#define RG_HISTORY_FIELDS_MOST 512

/* Writes the fields of a series as columns, "origin, test, ...", each with that after it. */
void rg_history_list_fields(char out[RG_HISTORY_FIELDS_MOST], const char *after, const char *between);

#endif
