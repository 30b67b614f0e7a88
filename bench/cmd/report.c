/* railgauge report: runs as one web page. */
#include "base/file.h"
#include "cmd/beside.h"
#include "cmd/cmd.h"
#include "data/digest.h"
#include "data/measurements.h"
#include "judge/judge.h"
#include "report/html.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MOST 32

struct options {
    const char *output, *title, *machine, *db;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct rg_option rows[] = {
    {"output", NULL, RG_TEXT, AT(output), .fallback = "report.html", .metavar = "FILE", .letter = 'o',
        .help = "The page to write; one that is there is replaced when the new one is whole."},
    {"title", NULL, RG_TEXT, AT(title), .metavar = "TEXT",
        .help = "What stands above the report. [the verdict and the run's id]"},
    {"machine", NULL, RG_TEXT, AT(machine), .metavar = "NAME", .letter = 'm',
        .help =
            "A machine, by name or path, whose ceiling and baseline are drawn in. [the one that the run was started "
            "with]"},
    {"db", NULL, RG_TEXT, AT(db), .metavar = "FILE",
        .help = "A history, as railgauge history makes it: shows since when what the runs measured is other than "
                "before. [none]"},
};

static const char description[] =
    "Writes one HTML file that needs no network and no other file: the verdict in a sentence, the suspects and what "
    "speaks against them, a heat map of nodes and rails, a matrix of pairs, bandwidth against message size with the "
    "ceiling and the baseline, latency percentiles, collectives, counters and environment. Of several runs each can be "
    "looked at, and is compared with the first. Of runs at two or more numbers of nodes, what railgauge plan says of "
    "them; with --db, what railgauge history trend says of the figures that they have.\n\n"
    "The verdict is the run's own, from verdict.json; with --machine it is judged anew against that machine, as railgauge "
    "compare has it. What a plan stands on is judged again in any case.";

static const char notes[] =
    "Exit status: 0 the page was written, whatever the verdict is; 2 usage or invalid input; 4 it could not be written, or "
    "railgauge was built without the page.";

static const struct rg_example examples[] = {
    {"railgauge report run-1 -o report.html", "One file, to be opened offline or mailed."},
    {"railgauge report run-2 run-1 --db fabric.db -o report.html",
        "Two runs side by side, and what their figures did night after night."},
    {NULL, NULL},
};

/* One run on the page. */
struct entry {
    struct rg_run run;
    struct rg_machine machine;
    struct rg_verdict verdict;
    struct rg_digest *digest;
    bool has_machine, has_verdict;
    char *json, sentence[1024];
};

static void close_entry(struct entry *entry)
{
    rg_digest_close(entry->digest);
    rg_verdict_close(&entry->verdict);
    rg_machine_close(&entry->machine);
    rg_run_close(&entry->run);
    free(entry->json);
}

/* A machine that was asked for must be there; one that a run only names may be a file of another place. */
static int load_machine(const struct options *options, struct entry *entry, struct rg_error *err)
{
    const char *name = options->machine ? options->machine : entry->run.machine;
    if (name == NULL)
        return 0;
    int code = rg_cmd_load_machine(name, &entry->machine, err);
    entry->has_machine = code == 0;
    if (code == 0 || options->machine != NULL)
        return code;
    fprintf(stderr, "railgauge report: %s: no ceiling and baseline: %s\n", entry->run.run_id, err->text);
    return 0;
}

/* The verdict against a machine that was asked for, as `railgauge compare` has it. */
static int judge(const char *directory, struct entry *entry, struct rg_error *err)
{
    struct rg_yardstick yardstick = {.machine = &entry->machine};
    int code = rg_judge_run(&entry->run, directory, &yardstick, &entry->verdict, err);
    entry->has_verdict = code == 0;
    if (code != 0)
        return code;
    return rg_verdict_keep_document(&entry->verdict)
               ? 0
               : rg_fail(err, -ENOMEM, "%s: no memory to judge the run", directory);
}

static int take(void *context, const struct rg_measurement *measurement, struct rg_error *err)
{
    return rg_digest_add(context, measurement, err);
}

static int read_entry(
    const struct options *options, const char *directory, size_t room, struct entry *entry, struct rg_error *err)
{
    int code = rg_run_load(directory, &entry->run, err);
    if (code == 0)
        code = load_machine(options, entry, err);
    if (code == 0)
        code = options->machine ? judge(directory, entry, err)
                                : rg_verdict_load_of(&entry->run, directory, &entry->verdict, &entry->has_verdict, err);
    const struct rg_machine *machine = entry->has_machine ? &entry->machine : NULL;
    if (code == 0)
        code = rg_digest_open(
            &entry->run, machine, rg_judge_least_loss_percent(&entry->run, machine), &entry->digest, err);
    if (code == 0)
        code = rg_measurements_each(&entry->run, directory, take, entry->digest, err);
    if (code != 0)
        return code;
    entry->json = rg_digest_json(entry->digest, entry->has_verdict ? &entry->verdict : NULL, room);
    rg_digest_close(entry->digest);
    entry->digest = NULL;
    snprintf(entry->sentence, sizeof entry->sentence, "%s: %s: %s", entry->run.run_id,
        entry->has_verdict ? rg_verdict_word(&entry->verdict) : "no verdict",
        entry->has_verdict ? entry->verdict.summary : "the run ended before it was judged");
    return entry->json ? 0 : rg_fail(err, -ENOMEM, "%s: no memory to sum it up", directory);
}

static int write_page(const struct options *options, const struct entry *entries, size_t count,
    const struct rg_beside *beside, struct rg_error *err)
{
    const char *digests[RUNS_MOST], *sentences[RUNS_MOST];
    char title[1100], *page = NULL;
    struct rg_alike *odd = calloc(count, sizeof *odd);
    if (odd == NULL)
        return rg_fail(err, -ENOMEM, "no memory for the page");
    for (size_t i = 0; i < count; i++) {
        rg_alike_find(&entries[i].run, &odd[i]);
        digests[i] = entries[i].json;
        sentences[i] = entries[i].sentence;
    }
    const struct rg_verdict *verdict = &entries[0].verdict;
    size_t passed = 0;
    for (size_t i = 0; i < count; i++)
        passed += entries[i].has_verdict && entries[i].verdict.status == RG_PASS;
    if (count > 1)
        snprintf(title, sizeof title, "railgauge: %zu runs, %zu passed", count, passed);
    else
        snprintf(title, sizeof title, "railgauge: %s, run %s",
            entries[0].has_verdict ? rg_verdict_word(verdict) : "no verdict", entries[0].run.run_id);
    const struct rg_html_content content = {
        .title = options->title ? options->title : title,
        .digests = digests,
        .sentences = sentences,
        .odd = odd,
        .runs = count,
        .history = beside->history,
        .plan = beside->plan,
        .why_not = beside->why_not,
    };
    int code = rg_report_html(&content, &page, err);
    if (code == 0)
        code = rg_file_write_atomic(options->output, page, err);
    free(page);
    free(odd);
    return code;
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) : 0;
}

/* Everything that the page shows; -ENOMEM, -EIO, -EBUSY: it could not be had; else input is bad. */
static int read_all(const struct options *options, char **directories, struct entry *entries, size_t count,
    struct rg_beside *beside, struct rg_error *err)
{
    int code = rg_beside_history(options->db, directories, count, beside, err);
    if (code == 0)
        code = rg_beside_plan(directories, count, beside, err);
    size_t room = rg_report_html_room(count, length_of(beside->history) + length_of(beside->plan));
    for (size_t i = 0; code == 0 && i < count; i++) {
        code = read_entry(options, directories[i], room, &entries[i], err);
        code = code == 0 || code == -ENOMEM ? code : -EINVAL;
    }
    return code;
}

static int report(const struct options *options, char **directories, size_t count)
{
    struct rg_error err = {{0}};
    struct rg_beside beside = {.history = NULL};
    struct entry *entries = calloc(count, sizeof *entries);
    int code = entries ? 0 : rg_fail(&err, -ENOMEM, "no memory"), status = RG_EXIT_PASS;
    if (code == 0)
        code = read_all(options, directories, entries, count, &beside, &err);
    if (code != 0) {
        bool bad = code == -EINVAL || code == -ENOENT;
        status = rg_cmd_refuse("report", bad ? RG_EXIT_USAGE : RG_EXIT_CANNOT_RUN, &err);
    } else if (write_page(options, entries, count, &beside, &err) != 0) {
        status = rg_cmd_refuse("report", RG_EXIT_CANNOT_RUN, &err);
    } else {
        for (size_t i = 0; i < count; i++)
            puts(entries[i].sentence);
        printf("written to %s\n", options->output);
    }
    for (size_t i = 0; entries != NULL && i < count; i++)
        close_entry(&entries[i]);
    free(entries);
    rg_beside_close(&beside);
    return status;
}

int rg_cmd_report(int argc, char **argv)
{
    struct options options = {0};
    struct rg_command command = {
        .name = "report",
        .synopsis = "RUN... [options]",
        .summary = "show runs as one web page",
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
    if (args.word_count < 1 || args.rest_count > 0)
        rg_fail(&err, 0, "give the directories of one or more runs; see railgauge report --help");
    else if (args.word_count > RUNS_MOST)
        rg_fail(&err, 0, "%d runs are too many for one page; it takes %d", args.word_count, RUNS_MOST);
    if (err.text[0] != '\0')
        return rg_cmd_refuse("report", RG_EXIT_USAGE, &err);
    return report(&options, args.words, (size_t)args.word_count);
}
