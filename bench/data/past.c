/* Reading a history. */
#include "data/database.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUNS                                                                                                           \
    "SELECT id, run_id, started_at, status, exit_status, suite, machine, version, origin, nodes, ranks,"               \
    " verdict_rows, (SELECT count(*) FROM figure WHERE figure.run = run.id) FROM run ORDER BY started_at, run_id"

struct loader {
    const struct rg_history *history;
    struct rg_past *past;
    int64_t *run_ids;      /* by place among the runs */
    size_t *series_places; /* by id; SIZE_MAX: not wanted */
    size_t run_room, series_room, fact_room, ids;
    size_t run; /* what is being read is of this one */
    int (*body)(void *context, const struct rg_past_run *run, const struct rg_figure *figure);
    void *context;
    struct rg_error *err;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory for the history");
}

/* Room for one more of a list, by doubling; NULL without memory. */
static void *grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    size_t wanted = *room ? 2 * *room : 64;
    void *grown = realloc(list, wanted * size);
    if (grown != NULL)
        *room = wanted;
    return grown;
}

/* The text of a column, owned by the past; NULL where it is empty. */
static const char *text_at(struct rg_past *past, sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    if (text == NULL || text[0] == '\0')
        return NULL;
    char **grown = grow(past->texts, past->text_count, &past->text_room, sizeof *grown);
    if (grown == NULL)
        return NULL;
    past->texts = grown;
    return grown[past->text_count++] = strdup(text);
}

static int64_t number_at(sqlite3_stmt *row, int column)
{
    int64_t number = sqlite3_column_int64(row, column);
    return number < 0 || sqlite3_column_type(row, column) == SQLITE_NULL ? RG_NONE : number;
}

/* Calls take for each row of the answer; number: what is asked for, RG_NONE: nothing. */
static int ask(struct loader *l, const char *sql, const struct rg_history_filter *filter, int64_t number,
    int (*take)(struct loader *l, sqlite3_stmt *row))
{
    sqlite3_stmt *statement = rg_history_prepare(l->history, sql, l->err);
    int code = statement ? 0 : -EIO, step = SQLITE_DONE;
    if (filter != NULL && filter->test != NULL)
        sqlite3_bind_text(statement, 1, filter->test, -1, SQLITE_STATIC);
    if (filter != NULL && filter->node != NULL)
        sqlite3_bind_text(statement, 2, filter->node, -1, SQLITE_STATIC);
    if (filter != NULL && filter->rail != RG_NONE)
        sqlite3_bind_int64(statement, 3, filter->rail);
    if (number != RG_NONE)
        sqlite3_bind_int64(statement, 1, number);
    while (code == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW)
        code = take(l, statement);
    if (code == 0 && step != SQLITE_DONE)
        code = rg_history_fail(l->history, "cannot be read", l->err);
    sqlite3_finalize(statement);
    return code;
}

static int take_run(struct loader *l, sqlite3_stmt *row)
{
    struct rg_past *past = l->past;
    size_t room = l->run_room;
    struct rg_past_run *runs = grow(past->runs, past->run_count, &room, sizeof *runs);
    if (runs == NULL)
        return no_memory(l->err);
    past->runs = runs;
    int64_t *ids = grow(l->run_ids, past->run_count, &l->run_room, sizeof *ids);
    if (ids == NULL)
        return no_memory(l->err);
    l->run_ids = ids;
    ids[past->run_count] = sqlite3_column_int64(row, 0);
    runs[past->run_count++] = (struct rg_past_run){.run_id = text_at(past, row, 1),
        .started_at = text_at(past, row, 2),
        .status = text_at(past, row, 3),
        .exit_status = number_at(row, 4),
        .suite = text_at(past, row, 5),
        .machine = text_at(past, row, 6),
        .version = text_at(past, row, 7),
        .origin = text_at(past, row, 8),
        .nodes = number_at(row, 9),
        .ranks = number_at(row, 10),
        .rows = number_at(row, 11),
        .figures = number_at(row, 12)};
    return 0;
}

static int take_series(struct loader *l, sqlite3_stmt *row)
{
    struct rg_past *past = l->past;
    size_t id = (size_t)sqlite3_column_int64(row, 0);
    struct rg_series *series = grow(past->series, past->series_count, &l->series_room, sizeof *series);
    if (series == NULL)
        return no_memory(l->err);
    past->series = series;
    if (id >= l->ids) {
        size_t ids = id + id / 2 + 1024, *places = realloc(l->series_places, ids * sizeof *places);
        if (places == NULL)
            return no_memory(l->err);
        memset(places + l->ids, 0xff, (ids - l->ids) * sizeof *places);
        l->series_places = places;
        l->ids = ids;
    }
    l->series_places[id] = past->series_count;
    for (size_t i = 0; i < rg_series_row_count; i++) {
        void *at = (char *)&series[past->series_count] + rg_series_rows[i].offset;
        const char *text = rg_series_rows[i].type == RG_TEXT ? text_at(past, row, (int)i + 1) : NULL;
        int64_t number = number_at(row, (int)i + 1);
        if (rg_series_rows[i].type == RG_TEXT)
            memcpy(at, &text, sizeof text);
        else
            memcpy(at, &number, sizeof number);
    }
    past->series_count++;
    return 0;
}

/* A figure's series by its place, SIZE_MAX: the filter keeps it out. */
static size_t place_of(const struct loader *l, sqlite3_stmt *row)
{
    size_t id = (size_t)sqlite3_column_int64(row, 0);
    return id < l->ids ? l->series_places[id] : SIZE_MAX;
}

static int take_value(struct loader *l, sqlite3_stmt *row)
{
    size_t series = place_of(l, row);
    if (series != SIZE_MAX)
        l->past->values[series * l->past->run_count + l->run] = sqlite3_column_double(row, 1);
    return 0;
}

static int take_figure(struct loader *l, sqlite3_stmt *row)
{
    size_t series = place_of(l, row);
    if (series == SIZE_MAX)
        return 0;
    struct rg_figure figure = {.of = l->past->series[series],
        .value = sqlite3_column_double(row, 1),
        .measurements = sqlite3_column_int64(row, 2)};
    return l->body(l->context, &l->past->runs[l->run], &figure);
}

static int take_fact(struct loader *l, sqlite3_stmt *row)
{
    struct rg_past *past = l->past;
    struct rg_past_fact *facts = grow(past->facts, past->fact_count, &l->fact_room, sizeof *facts);
    if (facts == NULL)
        return no_memory(l->err);
    past->facts = facts;
    facts[past->fact_count++] = (struct rg_past_fact){.run = l->run,
        .name = text_at(past, row, 0),
        .value = text_at(past, row, 1),
        .node = text_at(past, row, 2),
        .rail = number_at(row, 3)};
    return 0;
}

static int read_runs_and_series(struct loader *l, const struct rg_history_filter *filter)
{
    char fields[RG_HISTORY_FIELDS_MOST], sql[2 * RG_HISTORY_FIELDS_MOST + 256];
    rg_history_list_fields(fields, "", ", ");
    snprintf(sql, sizeof sql,
        "SELECT id, %s FROM series WHERE (?1 IS NULL OR test = ?1) AND (?2 IS NULL OR node = ?2)"
        " AND (?3 IS NULL OR rail = ?3) ORDER BY %s",
        fields, fields);
    int code = ask(l, RUNS, NULL, RG_NONE, take_run);
    return code == 0 ? ask(l, sql, filter, RG_NONE, take_series) : code;
}

static int read_values(struct loader *l)
{
    struct rg_past *past = l->past;
    size_t count = past->series_count * past->run_count;
    past->values = malloc((count + 1) * sizeof *past->values);
    if (past->values == NULL)
        return no_memory(l->err);
    for (size_t i = 0; i < count; i++)
        past->values[i] = NAN;
    int code = 0;
    for (l->run = 0; code == 0 && l->run < past->run_count; l->run++) {
        code = ask(l, "SELECT series, value FROM figure WHERE run = ?", NULL, l->run_ids[l->run], take_value);
        if (code == 0)
            code = ask(l,
                "SELECT name, value, node, rail FROM run_fact JOIN fact ON fact.id = fact WHERE run = ?"
                " ORDER BY name, node, rail, value",
                NULL, l->run_ids[l->run], take_fact);
    }
    return code;
}

/* Everything is read as of one moment. */
static int begin(const struct loader *l)
{
    return rg_history_execute(l->history, "BEGIN", "cannot be read", l->err);
}

static int end(struct loader *l, int code)
{
    sqlite3_exec(l->history->db, "COMMIT", NULL, NULL, NULL);
    free(l->run_ids);
    free(l->series_places);
    if (code != 0)
        rg_past_close(l->past);
    return code;
}

int rg_history_runs(struct rg_history *history, struct rg_past *out, struct rg_error *err)
{
    *out = (struct rg_past){0};
    struct loader l = {.history = history, .past = out, .err = err};
    return end(&l, ask(&l, RUNS, NULL, RG_NONE, take_run));
}

#define NAMES_MOST 8

int rg_history_names(struct rg_history *history, const char *field, char *out, size_t room, struct rg_error *err)
{
    char sql[160];
    size_t used = 0, count = 0;
    int step;
    snprintf(sql, sizeof sql, "SELECT DISTINCT %s FROM series WHERE %s NOT IN ('', -1) ORDER BY 1", field, field);
    sqlite3_stmt *statement = rg_history_prepare(history, sql, err);
    if (statement == NULL)
        return -EIO;
    out[0] = '\0';
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        if (count++ < NAMES_MOST && used < room)
            used += (size_t)snprintf(
                out + used, room - used, "%s%.40s", used > 0 ? ", " : "", sqlite3_column_text(statement, 0));
    if (count > NAMES_MOST && used < room)
        snprintf(out + used, room - used, " and %zu more", count - NAMES_MOST);
    int code = step == SQLITE_DONE ? 0 : rg_history_fail(history, "cannot be read", err);
    sqlite3_finalize(statement);
    return code;
}

int rg_history_load(
    struct rg_history *history, const struct rg_history_filter *filter, struct rg_past *out, struct rg_error *err)
{
    *out = (struct rg_past){0};
    struct loader l = {.history = history, .past = out, .err = err};
    int code = begin(&l);
    if (code == 0)
        code = read_runs_and_series(&l, filter);
    if (code == 0)
        code = read_values(&l);
    return end(&l, code);
}

int rg_history_each(struct rg_history *history, const struct rg_history_filter *filter,
    int (*body)(void *context, const struct rg_past_run *run, const struct rg_figure *figure), void *context,
    struct rg_error *err)
{
    struct rg_past past = {0};
    struct loader l = {.history = history, .past = &past, .err = err, .body = body, .context = context};
    int code = begin(&l);
    if (code == 0)
        code = read_runs_and_series(&l, filter);
    size_t runs = l.run_ids != NULL ? past.run_count : 0;
    for (l.run = 0; code == 0 && l.run < runs; l.run++)
        code = ask(
            &l, "SELECT series, value, measurements FROM figure WHERE run = ?", NULL, l.run_ids[l.run], take_figure);
    code = end(&l, code);
    rg_past_close(&past);
    return code;
}

void rg_past_close(struct rg_past *past)
{
    for (size_t i = 0; i < past->text_count; i++)
        free(past->texts[i]);
    free(past->texts);
    free(past->runs);
    free(past->series);
    free(past->values);
    free(past->facts);
    *past = (struct rg_past){0};
}
