#include "data/database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION 0x72676831 /* "rgh1": tells our files from other databases */
#define WAIT_MS 60000          /* for another process to finish writing */
#define BACKUPS_MOST 1000

/* --- what the other files use --- */

int rg_history_fail(const struct rg_history *history, const char *what, struct rg_error *err)
{
    int code = sqlite3_errcode(history->db) & 0xff;
    const char *message = sqlite3_errmsg(history->db);
    if (code == SQLITE_NOTADB)
        return rg_fail(err, -EINVAL, "%s: is no history: it is not an SQLite database", history->path);
    if (code == SQLITE_CORRUPT)
        return rg_fail(err, -EINVAL, "%s: is damaged (%s); `sqlite3 FILE .recover` saves what can be saved",
            history->path, message);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return rg_fail(
            err, -EBUSY, "%s: %s: another process has been writing it for %d s", history->path, what, WAIT_MS / 1000);
    return rg_fail(err, code == SQLITE_NOMEM ? -ENOMEM : -EIO, "%s: %s: %s", history->path, what, message);
}

int rg_history_execute(const struct rg_history *history, const char *sql, const char *what, struct rg_error *err)
{
    return sqlite3_exec(history->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : rg_history_fail(history, what, err);
}

sqlite3_stmt *rg_history_prepare(const struct rg_history *history, const char *sql, struct rg_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL) != SQLITE_OK)
        rg_history_fail(history, "cannot be asked", err);
    return statement;
}

int rg_history_step(const struct rg_history *history, sqlite3_stmt *statement, const char *what, struct rg_error *err)
{
    int code = sqlite3_step(statement) == SQLITE_DONE ? 0 : rg_history_fail(history, what, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code;
}

void rg_history_list_fields(char out[RG_HISTORY_FIELDS_MOST], const char *after, const char *between)
{
    size_t used = 0;
    for (size_t i = 0; i < rg_series_row_count; i++)
        used += (size_t)snprintf(
            out + used, RG_HISTORY_FIELDS_MOST - used, "%s%s%s", i > 0 ? between : "", rg_series_rows[i].key, after);
}

/* --- schema --- */

/* From each version to the next; the first makes a new file. Texts are '' and numbers -1 where a series has none. */
static const char *const steps[] = {
    "CREATE TABLE run (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, started_at TEXT NOT NULL, status TEXT NOT NULL,"
    " exit_status INTEGER, suite TEXT, machine TEXT, version TEXT, origin TEXT NOT NULL, nodes INTEGER NOT NULL,"
    " ranks INTEGER NOT NULL);"
    "CREATE TABLE series (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, test TEXT NOT NULL, size_bytes INTEGER NOT NULL,"
    " direction TEXT NOT NULL, memory TEXT NOT NULL, variant TEXT NOT NULL, pattern TEXT NOT NULL,"
    " queue_pairs INTEGER NOT NULL, scope TEXT NOT NULL, node TEXT NOT NULL, rail INTEGER NOT NULL,"
    " peer_node TEXT NOT NULL, side TEXT NOT NULL, ranks INTEGER NOT NULL, metric TEXT NOT NULL,"
    " UNIQUE (test, node, rail, size_bytes, side, metric, direction, memory, variant, pattern, queue_pairs, scope,"
    " peer_node, ranks, origin));"
    "CREATE TABLE figure (run INTEGER NOT NULL REFERENCES run, series INTEGER NOT NULL REFERENCES series,"
    " value REAL NOT NULL, measurements INTEGER NOT NULL, PRIMARY KEY (run, series)) WITHOUT ROWID;",
    /* 2: what the runs were made with */
    "CREATE TABLE fact (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (name, value));"
    "CREATE TABLE run_fact (run INTEGER NOT NULL REFERENCES run, fact INTEGER NOT NULL REFERENCES fact,"
    " node TEXT NOT NULL, rail INTEGER NOT NULL, PRIMARY KEY (run, fact, node, rail)) WITHOUT ROWID;",
    /* 3: how far an incomplete run had got */
    "ALTER TABLE run ADD COLUMN verdict_rows INTEGER;",
};
#define SCHEMA_VERSION ((int)(sizeof steps / sizeof *steps))

static int read_number(const struct rg_history *history, const char *sql, int *out, struct rg_error *err)
{
    sqlite3_stmt *statement = rg_history_prepare(history, sql, err);
    if (statement == NULL)
        return -EIO;
    int code = sqlite3_step(statement) == SQLITE_ROW ? 0 : rg_history_fail(history, "cannot be read", err);
    *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code;
}

/* The schema's version, 0 for an empty database. */
static int read_version(const struct rg_history *history, int *version, struct rg_error *err)
{
    int application = 0, objects = 0;
    int code = read_number(history, "PRAGMA user_version", version, err);
    if (code == 0)
        code = read_number(history, "PRAGMA application_id", &application, err);
    if (code == 0)
        code = read_number(history, "SELECT count(*) FROM sqlite_master", &objects, err);
    if (code != 0)
        return code;
    if (objects > 0 && application != APPLICATION)
        return rg_fail(err, -EINVAL, "%s: is no history, but the database of something else", history->path);
    if (*version > SCHEMA_VERSION)
        return rg_fail(err, -EINVAL,
            "%s: has schema version %d, and this railgauge knows %d at most; use the newer railgauge that wrote it",
            history->path, *version, SCHEMA_VERSION);
    return 0;
}

/* --- copying before a migration --- */

/* What has been committed; the caller holds the lock for writing, so that it stays as it is. */
static int copy_to(const struct rg_history *history, const char *path, struct rg_error *err)
{
    sqlite3 *from = NULL, *to = NULL;
    int code = sqlite3_open_v2(history->path, &from, SQLITE_OPEN_READONLY, NULL);
    unlink(path);
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    if (backup != NULL) {
        sqlite3_backup_step(backup, -1);
        code = sqlite3_backup_finish(backup);
    } else if (code == SQLITE_OK) {
        code = sqlite3_errcode(to);
    }
    sqlite3_close(to);
    sqlite3_close(from);
    if (code == SQLITE_OK)
        return 0;
    unlink(path);
    return rg_fail(err, -EIO, "%s: could not be copied to %s before its migration: %s; nothing was changed",
        history->path, path, sqlite3_errstr(code));
}

static int back_up(const struct rg_history *history, int version, char out[4096], struct rg_error *err)
{
    char partial[4096 + 16];
    int number = 1;
    do
        snprintf(out, 4096, "%s.schema-%d.backup%s%.*d", history->path, version, number > 1 ? "-" : "",
            number > 1 ? 1 : 0, number > 1 ? number : 0);
    while (access(out, F_OK) == 0 && ++number < BACKUPS_MOST);
    snprintf(partial, sizeof partial, "%s.partial", out);
    int code = copy_to(history, partial, err);
    if (code == 0 && rename(partial, out) != 0)
        code = rg_fail(err, -errno, "%s: cannot be named %s: %s", partial, out, strerror(errno));
    if (code != 0)
        out[0] = '\0';
    return code;
}

/* --- opening --- */

static int migrate(const struct rg_history *history, char copied[4096], struct rg_error *err)
{
    char mark[96];
    int version = 0, code = rg_history_execute(history, "BEGIN IMMEDIATE", "cannot be locked", err);
    if (code != 0)
        return code;
    code = read_version(history, &version, err); /* another process may have been quicker */
    if (code == 0 && version > 0 && version < SCHEMA_VERSION)
        code = back_up(history, version, copied, err);
    for (int step = version; code == 0 && step < SCHEMA_VERSION; step++)
        code = rg_history_execute(history, steps[step], "cannot be migrated", err);
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, SCHEMA_VERSION);
    if (code == 0)
        code = rg_history_execute(history, mark, "cannot be migrated", err);
    if (code == 0)
        return rg_history_execute(history, "COMMIT", "cannot be written", err);
    sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

/* Readers then need not wait for a writer. SQLite does not wait by itself for the lock that the switch takes. */
static int use_write_ahead_log(const struct rg_history *history, struct rg_error *err)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int code = SQLITE_BUSY;
    for (int ms = 0; code == SQLITE_BUSY && ms < WAIT_MS; ms += 10) {
        code = sqlite3_exec(history->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (code == SQLITE_BUSY)
            nanosleep(&pause, NULL);
    }
    if (code == SQLITE_OK)
        return rg_history_execute(history, "PRAGMA synchronous = FULL", "cannot be used", err);
    return rg_history_fail(history, "cannot be used", err);
}

static int connect_to(struct rg_history *history, bool create, struct rg_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    if (!create && access(history->path, F_OK) != 0)
        return rg_fail(err, -ENOENT, "%s: there is no such history; `railgauge history add` makes one", history->path);
    if (sqlite3_open_v2(history->path, &history->db, flags, NULL) != SQLITE_OK)
        return rg_history_fail(history, "cannot be opened", err);
    sqlite3_busy_timeout(history->db, WAIT_MS);
    return 0;
}

int rg_history_open(const char *path, bool create, struct rg_history **out, char copied[4096], struct rg_error *err)
{
    struct rg_history *history = calloc(1, sizeof *history);
    int version = 0, code = 0;
    copied[0] = '\0';
    if (history == NULL || (history->path = strdup(path)) == NULL)
        code = rg_fail(err, -ENOMEM, "no memory");
    if (code == 0)
        code = connect_to(history, create, err);
    if (code == 0)
        code = read_version(history, &version, err);
    if (code == 0 && version == 0 && !create)
        code = rg_fail(err, -EINVAL, "%s: is empty; `railgauge history add` fills it", path);
    if (code == 0)
        code = use_write_ahead_log(history, err);
    if (code == 0 && version < SCHEMA_VERSION)
        code = migrate(history, copied, err);
    if (code == 0)
        *out = history;
    else
        rg_history_close(history);
    return code;
}

void rg_history_close(struct rg_history *history)
{
    if (history == NULL)
        return;
    sqlite3_close(history->db);
    free(history->path);
    free(history);
}
