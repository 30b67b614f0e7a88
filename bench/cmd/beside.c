#include "cmd/beside.h"

#include "cmd/plan.h"
#include "judge/entry.h"
#include "judge/forecast.h"
#include "judge/trend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_BYTES 600000 /* of charts, in the page */

/* --- history --- */

struct wanted {
    const struct rg_past *past;
    bool *series;        /* by place among the past's: one of the runs measured it */
    const char **absent; /* ids of runs that the history has not; the runs' */
    struct rg_run *runs;
    size_t absent_count;
};

/* Figures and the past's series are in the same order. */
static void mark_series(struct wanted *wanted, const struct rg_entry *entry)
{
    const struct rg_past *past = wanted->past;
    for (size_t s = 0, i = 0; s < past->series_count && i < entry->figure_count;) {
        int order = rg_series_compare(&past->series[s], &entry->figures[i].of);
        wanted->series[s] |= order == 0;
        s += order <= 0;
        i += order >= 0;
    }
}

static int want_run(struct wanted *wanted, const char *directory, struct rg_run *run, struct rg_error *err)
{
    struct rg_verdict measured = {0};
    struct rg_entry entry = {0};
    bool there = false;
    int code = rg_run_load(directory, run, err);
    if (code == 0)
        code = rg_judge_entry(run, directory, &measured, &entry, err);
    if (code == 0) {
        mark_series(wanted, &entry);
        for (size_t r = 0; r < wanted->past->run_count; r++)
            there = there || strcmp(wanted->past->runs[r].run_id, run->run_id) == 0;
        if (!there)
            wanted->absent[wanted->absent_count++] = run->run_id;
    }
    rg_entry_close(&entry);
    rg_verdict_close(&measured);
    return code == 0 || code == -ENOMEM ? code : -EINVAL;
}

/* The file's name without its directories. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int tell_past(const char *db, const struct rg_past *past, char *const *directories, size_t count,
    struct rg_beside *io, struct rg_error *err)
{
    struct wanted wanted = {.past = past};
    struct rg_trend trend = {0};
    wanted.series = calloc(past->series_count + 1, sizeof *wanted.series);
    wanted.absent = calloc(count, sizeof *wanted.absent);
    wanted.runs = calloc(count, sizeof *wanted.runs);
    int code = wanted.series && wanted.absent && wanted.runs ? 0 : rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < count; i++)
        code = want_run(&wanted, directories[i], &wanted.runs[i], err);
    if (code == 0)
        code = rg_judge_trend(past, RG_TREND_LEAST_PERCENT, SIZE_MAX, &trend, err);
    if (code == 0) {
        io->history =
            rg_trend_page_json(&trend, base_name(db), wanted.series, wanted.absent, wanted.absent_count, HISTORY_BYTES);
        code = io->history ? 0 : rg_fail(err, -ENOMEM, "no memory for the history");
    }
    rg_trend_close(&trend);
    for (size_t i = 0; wanted.runs != NULL && i < count; i++)
        rg_run_close(&wanted.runs[i]);
    free(wanted.runs);
    free(wanted.absent);
    free(wanted.series);
    return code;
}

int rg_beside_history(
    const char *db, char *const *directories, size_t count, struct rg_beside *io, struct rg_error *err)
{
    struct rg_history *history = NULL;
    struct rg_past past = {0};
    const struct rg_history_filter all = {NULL, NULL, RG_NONE};
    char copied[4096];
    if (db == NULL)
        return 0;
    int code = rg_history_open(db, false, &history, copied, err);
    if (code == 0 && copied[0] != '\0')
        fprintf(stderr, "railgauge report: %s was of an older schema and has been migrated; as it was, it is in %s\n",
            db, copied);
    if (code == 0)
        code = rg_history_load(history, &all, &past, err);
    if (code == 0)
        code = tell_past(db, &past, directories, count, io, err);
    rg_past_close(&past);
    rg_history_close(history);
    return code;
}

/* --- plan --- */

/* Whether all runs have as many nodes; which, in *nodes. What cannot be read is told when it is needed. */
static bool is_one_number(char *const *directories, size_t count, size_t *nodes)
{
    struct rg_error unheard;
    bool one = true;
    *nodes = 0;
    for (size_t i = 0; one && i < count; i++) {
        struct rg_run run = {0};
        size_t these = 0;
        if (rg_run_load(directories[i], &run, &unheard) == 0)
            these = rg_run_nodes(&run);
        one = i == 0 || these == *nodes;
        *nodes = these;
        rg_run_close(&run);
    }
    return one;
}

int rg_beside_plan(char *const *directories, size_t count, struct rg_beside *io, struct rg_error *err)
{
    struct rg_forecast_question question;
    struct rg_forecast forecast = {.run_count = 0};
    struct rg_error why;
    size_t nodes;
    if (is_one_number(directories, count, &nodes)) {
        snprintf(io->why_not, sizeof io->why_not,
            "a plan needs runs at two or more numbers of nodes, and %s %zu: give runs of others to railgauge report, too",
            count == 1 ? "this run has" : "these runs all have", nodes);
        return 0;
    }
    rg_cmd_plan_question(&question);
    int code = rg_judge_forecast((const char *const *)directories, count, &question, &forecast, &why);
    if (code == 0 && (io->plan = rg_forecast_json(&forecast)) == NULL)
        code = rg_fail(&why, -ENOMEM, "no memory for the plan");
    if (code == -ENOMEM)
        *err = why;
    else if (code != 0)
        snprintf(io->why_not, sizeof io->why_not, "%s", why.text);
    rg_forecast_close(&forecast);
    return code == -ENOMEM ? code : 0;
}

void rg_beside_close(struct rg_beside *beside)
{
    free(beside->history);
    free(beside->plan);
}
