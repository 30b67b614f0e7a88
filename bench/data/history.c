#include "data/history.h"

#include "data/database.h"

#include <errno.h>
#include <string.h>

static int bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    return sqlite3_bind_text(statement, place, text ? text : "", -1, SQLITE_STATIC);
}

/* Binds the fields from place 1 on. */
static void bind_series(sqlite3_stmt *statement, const struct rg_series *series)
{
    for (size_t i = 0; i < rg_series_row_count; i++) {
        const char *at = (const char *)series + rg_series_rows[i].offset;
        if (rg_series_rows[i].type == RG_TEXT) {
            const char *text;
            memcpy(&text, at, sizeof text);
            bind_text(statement, (int)i + 1, text);
        } else {
            int64_t number;
            memcpy(&number, at, sizeof number);
            sqlite3_bind_int64(statement, (int)i + 1, number == RG_NONE ? -1 : number);
        }
    }
}

/* --- adding --- */

struct adder {
    const struct rg_history *history;
    sqlite3_stmt *run, *find_series, *add_series, *figure, *find_fact, *add_fact, *run_fact;
    int64_t run_id;
    struct rg_error *err;
};

static int open_adder(struct adder *a)
{
    char fields[RG_HISTORY_FIELDS_MOST], wanted[RG_HISTORY_FIELDS_MOST], marks[RG_HISTORY_FIELDS_MOST],
        find[RG_HISTORY_FIELDS_MOST + 64], add[2 * RG_HISTORY_FIELDS_MOST + 64];
    rg_history_list_fields(fields, "", ", ");
    rg_history_list_fields(wanted, " = ?", " AND ");
    size_t used = 0;
    for (size_t i = 0; i < rg_series_row_count; i++)
        used += (size_t)snprintf(marks + used, sizeof marks - used, "%s?", i > 0 ? ", " : "");
    snprintf(find, sizeof find, "SELECT id FROM series WHERE %s", wanted);
    snprintf(add, sizeof add, "INSERT INTO series (%s) VALUES (%s)", fields, marks);
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } all[] = {
        {&a->run,
            "INSERT INTO run (run_id, started_at, status, exit_status, suite, machine, version, origin, nodes, ranks,"
            " verdict_rows) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO NOTHING"},
        {&a->find_series, find},
        {&a->add_series, add},
        {&a->figure, "INSERT INTO figure (run, series, value, measurements) VALUES (?, ?, ?, ?)"},
        {&a->find_fact, "SELECT id FROM fact WHERE name = ? AND value = ?"},
        {&a->add_fact, "INSERT INTO fact (name, value) VALUES (?, ?)"},
        {&a->run_fact, "INSERT OR IGNORE INTO run_fact (run, fact, node, rail) VALUES (?, ?, ?, ?)"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((*all[i].statement = rg_history_prepare(a->history, all[i].sql, a->err)) == NULL)
            return -EIO;
    return 0;
}

static void close_adder(struct adder *a)
{
    sqlite3_stmt *all[] = {a->run, a->find_series, a->add_series, a->figure, a->find_fact, a->add_fact, a->run_fact};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sqlite3_finalize(all[i]);
}

/* The id that `find` gives, or else that of what `add` adds; both have the same bound. */
static int find_or_add(const struct adder *a, sqlite3_stmt *find, sqlite3_stmt *add, int64_t *id)
{
    int found = sqlite3_step(find);
    if (found == SQLITE_ROW)
        *id = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    if (found == SQLITE_ROW) {
        sqlite3_clear_bindings(add);
        return 0;
    }
    int code = rg_history_step(a->history, add, "cannot be written", a->err);
    *id = sqlite3_last_insert_rowid(a->history->db);
    return code;
}

static int add_run(struct adder *a, const struct rg_past_run *run, bool *added)
{
    bind_text(a->run, 1, run->run_id);
    bind_text(a->run, 2, run->started_at);
    bind_text(a->run, 3, run->status);
    if (run->exit_status != RG_NONE)
        sqlite3_bind_int64(a->run, 4, run->exit_status);
    const char *texts[] = {run->suite, run->machine, run->version};
    for (int i = 0; i < 3; i++)
        if (texts[i] != NULL)
            bind_text(a->run, 5 + i, texts[i]);
    bind_text(a->run, 8, run->origin);
    sqlite3_bind_int64(a->run, 9, run->nodes);
    sqlite3_bind_int64(a->run, 10, run->ranks);
    sqlite3_bind_int64(a->run, 11, run->rows);
    int code = rg_history_step(a->history, a->run, "cannot be written", a->err);
    *added = sqlite3_changes(a->history->db) > 0;
    a->run_id = sqlite3_last_insert_rowid(a->history->db);
    return code;
}

static int add_figure(const struct adder *a, const struct rg_figure *figure)
{
    int64_t series = 0;
    bind_series(a->find_series, &figure->of);
    bind_series(a->add_series, &figure->of);
    int code = find_or_add(a, a->find_series, a->add_series, &series);
    if (code != 0)
        return code;
    sqlite3_bind_int64(a->figure, 1, a->run_id);
    sqlite3_bind_int64(a->figure, 2, series);
    sqlite3_bind_double(a->figure, 3, figure->value);
    sqlite3_bind_int64(a->figure, 4, figure->measurements);
    return rg_history_step(a->history, a->figure, "cannot be written", a->err);
}

static int add_fact(const struct adder *a, const struct rg_fact *fact)
{
    int64_t id = 0;
    sqlite3_stmt *both[] = {a->find_fact, a->add_fact};
    for (int i = 0; i < 2; i++) {
        bind_text(both[i], 1, fact->name);
        bind_text(both[i], 2, fact->value);
    }
    int code = find_or_add(a, a->find_fact, a->add_fact, &id);
    if (code != 0)
        return code;
    sqlite3_bind_int64(a->run_fact, 1, a->run_id);
    sqlite3_bind_int64(a->run_fact, 2, id);
    bind_text(a->run_fact, 3, fact->node);
    sqlite3_bind_int64(a->run_fact, 4, fact->rail == RG_NONE ? -1 : fact->rail);
    return rg_history_step(a->history, a->run_fact, "cannot be written", a->err);
}

static int remove_run(const struct rg_history *history, const char *which, struct rg_error *err)
{
    char sql[768];
    snprintf(sql, sizeof sql,
        "DELETE FROM figure WHERE run IN (SELECT id FROM run WHERE %s);"
        "DELETE FROM run_fact WHERE run IN (SELECT id FROM run WHERE %s); DELETE FROM run WHERE %s",
        which, which, which);
    return rg_history_execute(history, sql, "cannot be written", err);
}

/* A run that was incomplete when it was added may have been resumed since, and got further. */
static int make_room(const struct adder *a, const struct rg_past_run *run)
{
    char which[160];
    sqlite3_snprintf(sizeof which, which,
        "run_id = %Q AND status = 'incomplete' AND (%d OR ifnull(verdict_rows, 0) < %lld)", run->run_id,
        strcmp(run->status, "complete") == 0, (long long)run->rows);
    return remove_run(a->history, which, a->err);
}

int rg_history_add(struct rg_history *history, const struct rg_entry *entry, bool *added, struct rg_error *err)
{
    struct adder a = {.history = history, .err = err};
    int code = rg_history_execute(history, "BEGIN IMMEDIATE", "cannot be locked", err);
    if (code != 0)
        return code;
    code = open_adder(&a);
    if (code == 0)
        code = make_room(&a, &entry->run);
    if (code == 0)
        code = add_run(&a, &entry->run, added);
    for (size_t i = 0; code == 0 && *added && i < entry->figure_count; i++)
        code = add_figure(&a, &entry->figures[i]);
    for (size_t i = 0; code == 0 && *added && i < entry->fact_count; i++)
        code = add_fact(&a, &entry->facts[i]);
    close_adder(&a);
    if (code == 0)
        code = rg_history_execute(history, "COMMIT", "cannot be written", err);
    if (code != 0)
        sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

/* --- removing --- */

/* Ends what began with BEGIN IMMEDIATE: what no run has any more goes, too. code: of what was done since. */
static int end_removal(const struct rg_history *history, int code, struct rg_error *err)
{
    if (code == 0)
        code = rg_history_execute(history,
            "DELETE FROM series WHERE id NOT IN (SELECT series FROM figure);"
            "DELETE FROM fact WHERE id NOT IN (SELECT fact FROM run_fact); COMMIT",
            "cannot be written", err);
    if (code != 0) {
        sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
        return code;
    }
    return rg_history_execute(history, "VACUUM", "cannot be made smaller", err);
}

static int remove_by_id(const struct rg_history *history, const char *run_id, struct rg_error *err)
{
    char which[160];
    sqlite3_snprintf(sizeof which, which, "run_id = %.64Q", run_id); /* no id is as long */
    int code = remove_run(history, which, err);
    if (code != 0 || sqlite3_changes(history->db) > 0)
        return code;
    return rg_fail(err, -EINVAL, "%s has no run '%s'; `railgauge history list` shows those it has. Nothing was removed",
        history->path, run_id);
}

int rg_history_remove(struct rg_history *history, char *const *run_ids, size_t count, struct rg_error *err)
{
    int code = rg_history_execute(history, "BEGIN IMMEDIATE", "cannot be locked", err);
    if (code != 0)
        return code;
    for (size_t i = 0; code == 0 && i < count; i++) {
        size_t first = 0;
        while (strcmp(run_ids[first], run_ids[i]) != 0)
            first++;
        code = first == i ? remove_by_id(history, run_ids[i], err)
                          : rg_fail(err, -EINVAL, "run %s is given twice. Nothing was removed", run_ids[i]);
    }
    return end_removal(history, code, err);
}

int rg_history_prune(
    struct rg_history *history, const char *before, int64_t keep, int64_t *removed, struct rg_error *err)
{
    char which[256];
    sqlite3_snprintf(sizeof which, which,
        "started_at < %Q OR id NOT IN (SELECT id FROM run ORDER BY started_at DESC, run_id DESC LIMIT %lld)",
        before ? before : "", keep == RG_NONE ? -1LL : (long long)keep);
    int code = rg_history_execute(history, "BEGIN IMMEDIATE", "cannot be locked", err);
    if (code != 0)
        return code;
    code = remove_run(history, which, err);
    *removed = sqlite3_changes(history->db);
    return end_removal(history, code, err);
}
