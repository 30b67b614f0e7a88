/* railgauge history: the figures of many runs, and since when they are other than before. */
#include "data/history.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "judge/entry.h"
#include "judge/trend.h"
#include "report/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    const char *db, *test, *node, *format, *before, *since;
    int64_t rail, keep;
    double least_percent;
};

#define FUTURE_MOST_S 86400 /* as clocks of the same cluster may differ, and more */

static const char *const formats[] = {"text", "json", "csv", "ndjson", NULL};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"db", NULL, RG_TEXT, AT(db), .fallback = "history.db", .metavar = "FILE", .help = "The history, an SQLite file."},
    {"test", NULL, RG_TEXT, AT(test), .metavar = "TEST", .help = "trend, export: this test alone."},
    {"node", NULL, RG_TEXT, AT(node), .metavar = "NODE", .help = "trend, export: this node alone."},
    {"rail", NULL, RG_INTEGER, AT(rail), 0, 63, .help = "trend, export: this rail alone."},
    {"least", NULL, RG_NUMBER, AT(least_percent), 0, 100, "1", .metavar = "PERCENT",
        .help = "trend: smaller changes are not told."},
    {"since", NULL, RG_TEXT, AT(since), .metavar = "RUN|DATE",
        .help =
            "trend: what could not be told after that run, or before that day (UTC), is new. [the last run but one]"},
    {"format", NULL, RG_CHOICE, AT(format), .choices = formats, .metavar = "WORD", .letter = 'f',
        .help = "list: text or csv; trend: text or json; export: csv or ndjson. [the first]"},
    {"before", NULL, RG_TEXT, AT(before), .metavar = "DATE",
        .help = "prune: runs that began before that day (UTC), as 2026-01-31."},
    {"keep", NULL, RG_INTEGER, AT(keep), 1, 100000, .help = "prune: all but so many, which began last."},
};

static const char description[] =
    "Keeps the figures of runs, and what they were made with, in one file, and tells since when which part does worse.\n\n"
    "add RUN... puts runs in, by their directories; one that is there already is left as it is, unless it "
    "was incomplete and has got further since. list shows them. trend "
    "says in words what has changed since when, by how much, and what else was other than in the run before. export "
    "writes every figure as CSV, or as NDJSON for BigQuery. remove RUN_ID... takes runs out, all or none; a run whose "
    "files were corrected is removed and added again. prune removes old runs.";

static const char notes[] =
    "Exit status of trend: 0; 1 for a new regression, which could not be told before the last run, or when --since says, "
    "so that a nightly job fails once for each; 3 where nothing is newly worse, but the last run measured nothing, or not "
    "what the one before it, of the same suite and machine, did: a run on soft-RoCE lacks all that was measured on hardware. "
    "What the next run lacks, too, is listed as gone, and no longer told by the status. Of all: 2 usage or invalid input, a "
    "history without runs, or a run, test, node or rail that it does not have; 4 the file cannot be read or written.\n\n"
    "Where several runs are added before trend is called, as after a job that died, give --since the last run that was "
    "there before them: the newest in list (for scripts: list --format csv) before the first of them is added, or the one "
    "that the last trend which was looked at ended with. The same call tells the same again.\n\n"
    "A figure is the median of what a run measured of one series: test, size, direction, memory, queue pairs, pattern, "
    "node, rail and side, and what else tells tests of its suite apart; what all flows of a round move together, and how "
    "many times what they have alone the victims of a load have beside it, are series, too. What failed is left out, and "
    "what mostly failed has no figure. Figures of hardware are never compared with those of soft-RoCE or of a "
    "simulation.\n\n"
    "Changes are found by the change-point model of Hawkins, Qiu and Kang (Journal of Quality Technology 35, 2003), made "
    "to bear bad nights, and told by Holm's procedure over all series that the options let through. A change is told when "
    "chance would give one as clear in a hundred quiet years of nights: 5 % less at 1 % noise after 3 or 4 runs, of a "
    "history of 40 runs or more; of a thousand series after 3 to 5. Restless nights take longer, and so do fewer: the "
    "first change takes 12 runs, of a thousand series 16, and trend says where a history has fewer. Sizes are means of "
    "what lies between changes, far values bounded; their intervals, in brackets or last in the line, are 95 % ones by "
    "Student's t, around the size alone: they take the date as given.\n\n"
    "In CSV, a text that begins with = + - @ or a tab, which a spreadsheet would take for a formula, has an apostrophe "
    "before it.\n\n"
    "prune with both options removes what either would.\n\n"
    "A history of an older railgauge is migrated, and a copy of the file as it was is left beside it.";

static const struct rg_example examples[] = {
    {"railgauge history add run-1 run-2 run-3 --db fabric.db",
        "Puts runs into a history, which is made if there is none."},
    {"railgauge history trend --db fabric.db",
        "Says what has changed since when, by how much, and what else was other than before."},
    {"railgauge history prune --keep 400 --db fabric.db", "Keeps the last 400 runs."},
    {NULL, NULL},
};

struct action {
    const char *word;
    int (*run)(
        const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err);
    const char *options; /* besides --db */
    const char *formats; /* the first is the default */
    bool makes;          /* a history where there is none */
    const char *words;   /* what else it takes; NULL: nothing */
};

/* What an errno of the library means to who ran the command. */
static int status_of(int code)
{
    return code == 0 ? RG_EXIT_PASS : code == -EINVAL || code == -ENOENT ? RG_EXIT_USAGE : RG_EXIT_CANNOT_RUN;
}

static int open_history(
    const struct action *action, const struct options *options, struct rg_history **out, struct rg_error *err)
{
    char copied[4096];
    int code = rg_history_open(options->db, action->makes, out, copied, err);
    if (code == 0 && copied[0] != '\0')
        fprintf(stderr, "railgauge history: %s was of an older schema and has been migrated; as it was, it is in %s\n",
            options->db, copied);
    return code;
}

/* --- add --- */

/* It would be the history's last run until its day has come. */
static int refuse_future(const struct rg_run *run, const char *directory, struct rg_error *err)
{
    char now[RG_TIMESTAMP_LENGTH];
    time_t began = 0;
    rg_clock_timestamp(now);
    if (rg_clock_read_timestamp(run->started_at, &began) && began <= time(NULL) + FUTURE_MOST_S)
        return 0;
    return rg_fail(err, -EINVAL,
        "%s/run.json: started_at: %s is yet to come: here it is %s; set this machine's clock right, or started_at",
        directory, run->started_at, now);
}

/* Everything of a run's directory that says something of the run. */
static int read_run(const char *directory, struct rg_run *run, struct rg_verdict *measured, struct rg_entry *entry,
    struct rg_error *err)
{
    struct rg_verdict verdict = {0};
    bool judged = false;
    int code = rg_run_load(directory, run, err);
    if (code == 0)
        code = refuse_future(run, directory, err);
    if (code == 0)
        code = rg_verdict_load_of(run, directory, &verdict, &judged, err);
    rg_verdict_close(&verdict);
    if (code == 0)
        code = rg_judge_entry(run, directory, measured, entry, err);
    return code == 0 ? 0 : -EINVAL; /* a run that cannot be read is bad input, whatever it is that is in the way */
}

/* The history is opened, and made, when there is something to put in. */
static int add_one(const struct action *action, const struct options *options, const char *directory,
    struct rg_history **history, struct rg_error *err)
{
    struct rg_run run = {0};
    struct rg_verdict measured = {0};
    struct rg_entry entry = {0};
    bool added = false;
    int code = read_run(directory, &run, &measured, &entry, err);
    if (code == 0 && *history == NULL)
        code = open_history(action, options, history, err);
    if (code == 0)
        code = rg_history_add(*history, &entry, &added, err);
    if (code == 0 && added)
        printf("%s added: %zu figures\n", run.run_id, entry.figure_count);
    else if (code == 0)
        printf("%s is there already; to replace it, `railgauge history remove %s`, then add it again\n", run.run_id,
            run.run_id);
    fflush(stdout); /* what is told is on the disk, whatever comes next */
    rg_entry_close(&entry);
    rg_verdict_close(&measured);
    rg_run_close(&run);
    return code;
}

static int add(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    struct rg_history *history = NULL;
    int code = 0;
    for (int i = 1; code == 0 && i < args->word_count; i++)
        code = add_one(action, options, args->words[i], &history, err);
    rg_history_close(history);
    return status_of(code);
}

/* --- list, trend, export, prune --- */

/* A slip in a name must not read as good news. */
static int refuse_nothing(
    struct rg_history *history, const struct options *options, const char *what, struct rg_error *err)
{
    char rail[32], wanted[400] = "", there[800] = "", names[400];
    snprintf(rail, sizeof rail, "%lld", (long long)options->rail);
    const struct {
        const char *field, *value;
    } asked[] = {{"test", options->test}, {"node", options->node}, {"rail", options->rail == RG_NONE ? NULL : rail}};
    size_t used = 0, told = 0;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (asked[i].value == NULL)
            continue;
        int code = rg_history_names(history, asked[i].field, names, sizeof names, err);
        if (code != 0)
            return code;
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, " --%s %.100s", asked[i].field, asked[i].value);
        told += (size_t)snprintf(there + told, sizeof there - told, "; its %ss: %.250s", asked[i].field, names);
    }
    return rg_fail(err, -EINVAL, "%s has no %s of%s%s", options->db, what, wanted, there);
}

static bool is_filtered(const struct options *options)
{
    return options->test != NULL || options->node != NULL || options->rail != RG_NONE;
}

static int list(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    struct rg_history *history = NULL;
    struct rg_past past = {0};
    (void)args;
    int code = open_history(action, options, &history, err);
    if (code == 0)
        code = rg_history_runs(history, &past, err);
    if (code == 0)
        (strcmp(options->format, "csv") == 0 ? rg_report_runs_csv : rg_report_runs)(&past, stdout);
    rg_past_close(&past);
    rg_history_close(history);
    return status_of(code);
}

/* How many of the runs were seen before what is new now; SIZE_MAX: as usual. */
static int count_seen(const struct rg_past *past, const char *since, size_t *seen, struct rg_error *err)
{
    time_t day;
    bool is_day = since != NULL && rg_clock_read_day(since, &day);
    *seen = is_day ? 0 : SIZE_MAX;
    for (size_t r = 0; since != NULL && r < past->run_count; r++)
        if (is_day ? strcmp(past->runs[r].started_at, since) < 0 : strcmp(past->runs[r].run_id, since) == 0)
            *seen = r + 1;
    if (since == NULL || *seen != SIZE_MAX)
        return 0;
    return rg_fail(err, -EINVAL,
        "--since: '%s' is no day as 2026-01-31, and no run of the history; `railgauge history list` shows its runs",
        since);
}

static int tell_trend(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    const struct rg_history_filter filter = {options->test, options->node, options->rail};
    struct rg_history *history = NULL;
    struct rg_past past = {0};
    struct rg_trend trend = {0};
    size_t seen;
    (void)args;
    int code = open_history(action, options, &history, err);
    if (code == 0)
        code = rg_history_load(history, &filter, &past, err);
    if (code == 0 && past.run_count == 0)
        code = rg_fail(err, -EINVAL, "%s has no runs; `railgauge history add` puts them in", options->db);
    else if (code == 0 && past.series_count == 0 && is_filtered(options))
        code = refuse_nothing(history, options, "series", err);
    if (code == 0)
        code = count_seen(&past, options->since, &seen, err);
    if (code == 0)
        code = rg_judge_trend(&past, options->least_percent, seen, &trend, err);
    if (code == 0 && strcmp(options->format, "json") == 0) {
        char *text = rg_trend_json(&trend);
        if (text != NULL)
            puts(text);
        else
            code = rg_fail(err, -ENOMEM, "no memory");
        free(text);
    } else if (code == 0) {
        rg_report_trend(&trend, stdout);
    }
    int status = status_of(code);
    if (code == 0 && (trend.missing_series > 0 || past.runs[past.run_count - 1].figures == 0))
        status = RG_EXIT_INCONCLUSIVE;
    if (code == 0 && trend.fresh_regressions > 0)
        status = RG_EXIT_FAIL;
    rg_trend_close(&trend);
    rg_past_close(&past);
    rg_history_close(history);
    return status;
}

struct writer {
    bool csv;
    size_t written;
    struct rg_error *err;
};

static int write_figure(void *context, const struct rg_past_run *run, const struct rg_figure *figure)
{
    struct writer *writer = context;
    if (writer->csv && writer->written == 0)
        rg_report_figure_head(stdout);
    writer->written++;
    if (writer->csv) {
        rg_report_figure(run, figure, stdout);
        return 0;
    }
    char *line = rg_series_line(run, figure);
    if (line == NULL)
        return rg_fail(writer->err, -ENOMEM, "no memory");
    puts(line);
    free(line);
    return 0;
}

static int export(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    const struct rg_history_filter filter = {options->test, options->node, options->rail};
    struct rg_history *history = NULL;
    struct writer writer = {.csv = strcmp(options->format, "csv") == 0, .err = err};
    (void)args;
    int code = open_history(action, options, &history, err);
    if (code == 0)
        code = rg_history_each(history, &filter, write_figure, &writer, err);
    if (code == 0 && writer.written == 0 && is_filtered(options))
        code = refuse_nothing(history, options, "figure", err);
    else if (code == 0 && writer.written == 0 && writer.csv)
        rg_report_figure_head(stdout);
    rg_history_close(history);
    return status_of(code);
}

static int drop(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    struct rg_history *history = NULL;
    int count = args->word_count - 1;
    int code = open_history(action, options, &history, err);
    if (code == 0)
        code = rg_history_remove(history, args->words + 1, (size_t)count, err);
    if (code == 0)
        printf("%d run%s removed\n", count, count == 1 ? "" : "s");
    rg_history_close(history);
    return status_of(code);
}

static int prune(
    const struct action *action, const struct options *options, const struct rg_args *args, struct rg_error *err)
{
    struct rg_history *history = NULL;
    int64_t removed = 0;
    time_t day;
    (void)args;
    int code = 0;
    if (options->before == NULL && options->keep == RG_NONE)
        code = rg_fail(err, -EINVAL, "prune needs --before DATE or --keep N; nothing was removed");
    else if (options->before != NULL && !rg_clock_read_day(options->before, &day)) /* a slip removes nothing */
        code = rg_fail(err, -EINVAL, "--before: '%s' is no date as 2026-01-31", options->before);
    if (code == 0)
        code = open_history(action, options, &history, err);
    if (code == 0)
        code = rg_history_prune(history, options->before, options->keep, &removed, err);
    if (code == 0)
        printf("%lld run%s removed\n", (long long)removed, removed == 1 ? "" : "s");
    rg_history_close(history);
    return status_of(code);
}

/* --- the command --- */

static const struct action actions[] = {
    {"add", add, "", NULL, true, "the directories of the runs"},
    {"list", list, "format", "text csv", false, NULL},
    {"trend", tell_trend, "test node rail least since format", "text json", false, NULL},
    {"export", export, "test node rail format", "csv ndjson", false, NULL},
    {"remove", drop, "", NULL, false, "the ids of the runs"},
    {"prune", prune, "before keep", NULL, false, NULL},
};

/* Whether word is one of the words, parted by blanks. */
static bool is_among(const char *word, const char *words)
{
    size_t length = strlen(word);
    for (const char *at = words; at != NULL && (at = strstr(at, word)) != NULL; at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static const struct action *choose(const struct rg_args *args, struct options *options, struct rg_error *err)
{
    const struct action *action = NULL;
    for (size_t i = 0; args->word_count > 0 && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(args->words[0], actions[i].word) == 0)
            action = &actions[i];
    if (action == NULL)
        rg_fail(err, 0, "say what to do: add, list, trend, export, remove or prune; see railgauge history --help");
    else if (args->rest_count > 0 || (action->words == NULL && args->word_count > 1))
        rg_fail(err, 0, "%s takes no words besides its options", action->word);
    else if (action->words != NULL && args->word_count < 2)
        rg_fail(err, 0, "give %s to %s", action->words, action->word);
    for (size_t i = 0; action != NULL && i < args->given_count; i++) {
        const char *name = args->given[i].row->name;
        if (strcmp(name, "db") != 0 && !is_among(name, action->options))
            rg_fail(err, 0, "--%s is not for %s", name, action->word);
    }
    if (action != NULL && options->format != NULL && !is_among(options->format, action->formats))
        rg_fail(err, 0, "--format: %s cannot be written as %s", action->word, options->format);
    if (action != NULL && options->format == NULL && action->formats != NULL)
        options->format = strcmp(action->word, "export") == 0 ? "csv" : "text"; /* the first of its formats */
    return action;
}

int rg_cmd_history(int argc, char **argv)
{
    struct options options = {0};
    struct rg_command command = {
        .name = "history",
        .synopsis = "add RUN... | list | trend | export | remove RUN_ID... | prune [options]",
        .summary = "keep the figures of runs, and tell since when which part does worse",
        .description = description,
        .notes = notes,
        .examples = examples,
        .groups = {{"Options", rows, sizeof rows / sizeof *rows, &options}},
        .group_count = 1,
    };
    struct rg_error err = {{0}};
    struct rg_args args;
    int status;
    if (!rg_cmd_parse(&command, argc, argv, &args, &status))
        return status;
    const struct action *action = choose(&args, &options, &err);
    if (err.text[0] != '\0')
        return rg_cmd_refuse("history", RG_EXIT_USAGE, &err);
    status = action->run(action, &options, &args, &err);
    if (err.text[0] == '\0' && (fflush(stdout) != 0 || ferror(stdout)))
        status = status_of(rg_fail(&err, -EIO, "the output cannot be written: %s", strerror(errno)));
    return err.text[0] != '\0' ? rg_cmd_refuse("history", status, &err) : status;
}
