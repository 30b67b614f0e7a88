#include "report/format.h"
#include "report/naming.h"

#include <stdlib.h>
#include <string.h>

#define CASES_MOST 20000 /* of a larger fleet, the cases that pass are told of together */

struct counts {
    size_t tests, failures, errors, skipped;
};

static void put(const char *text, FILE *out)
{
    while (*text != '\0') {
        uint32_t c = rg_naming_next(&text);
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\n' || c == '\r' || c == '\t')
            fprintf(out, "&#%u;", c);
        else
            rg_naming_put(c, out);
    }
}

static void count(enum rg_status status, struct counts *io)
{
    io->tests++;
    io->failures += status == RG_FAIL;
    io->skipped += status == RG_UNJUDGED;
    io->errors += status == RG_NOISY || status == RG_UNSUPPORTED || status == RG_NOT_RUN;
}

static bool is_told(const struct rg_verdict *verdict, const struct rg_side *side)
{
    bool let_off = side->rows == side->let_off; /* it is as well as unknown */
    return verdict->sides.count <= CASES_MOST || let_off || (side->status != RG_PASS && side->status != RG_UNJUDGED);
}

static void begin_suite(const struct rg_run *run, const char *name, const struct counts *counts, FILE *out)
{
    fputs("  <testsuite name=\"", out);
    put(name, out);
    fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", counts->tests, counts->failures,
        counts->errors, counts->skipped);
    char timestamp[20]; /* JUnit knows no zone */
    snprintf(timestamp, sizeof timestamp, "%s", run->started_at ? run->started_at : "1970-01-01T00:00:00");
    fputs(" timestamp=\"", out);
    put(timestamp, out);
    fputs("\">\n", out);
}

static void print_case(
    const char *class, const char *name, enum rg_status status, const char *type, const char *message, FILE *out)
{
    const char *element = status == RG_FAIL ? "failure" : status == RG_UNJUDGED ? "skipped" : "error";
    fputs("    <testcase classname=\"", out);
    put(class, out);
    fputs("\" name=\"", out);
    put(name, out);
    if (status == RG_PASS) {
        fputs("\"/>\n", out);
        return;
    }
    fprintf(out, "\">\n      <%s", element);
    if (status != RG_UNJUDGED)
        fprintf(out, " type=\"%s\"", type);
    fputs(" message=\"", out);
    put(message, out);
    fputs("\"/>\n    </testcase>\n", out);
}

static void print_side(const struct rg_verdict *verdict, const struct rg_side *side, const char *class, FILE *out)
{
    const struct rg_test_point *point = &verdict->points.at[side->point];
    char name[256], figures[256], message[1024];
    rg_naming_side(side, point->scope, name, sizeof name);
    rg_naming_side_figures(side, point->metric, figures, sizeof figures);
    if (side->rows == side->let_off)
        snprintf(message, sizeof message, "the other end of all that it took part in is to blame");
    else if (side->status == RG_UNJUDGED)
        snprintf(message, sizeof message, "%s; nothing is expected", figures);
    else
        snprintf(message, sizeof message, "%s%s%s; %u of %u", figures, side->reason && figures[0] ? ": " : "",
            side->reason ? side->reason : "", side->counts[side->status], side->rows);
    print_case(class, name, side->status, rg_status_names[side->status], message, out);
}

/* The sides of each point, by place in `order`, points one after the other. */
static size_t *order_sides(const struct rg_verdict *verdict, size_t **first)
{
    size_t points = verdict->points.count;
    size_t *order = calloc(verdict->sides.count + 1, sizeof *order);
    *first = calloc(points + 2, sizeof **first);
    if (order == NULL || *first == NULL) {
        free(order);
        return NULL;
    }
    for (size_t i = 0; i < verdict->sides.count; i++)
        (*first)[verdict->sides.at[i].point + 2]++;
    for (size_t p = 2; p < points + 2; p++)
        (*first)[p] += (*first)[p - 1];
    for (size_t i = 0; i < verdict->sides.count; i++)
        order[(*first)[verdict->sides.at[i].point + 1]++] = i;
    return order;
}

static void print_point(
    const struct rg_run *run, const struct rg_verdict *verdict, const size_t *order, size_t from, size_t to, FILE *out)
{
    const struct rg_test_point *point = &verdict->points.at[verdict->sides.at[order[from]].point];
    struct counts counts = {0};
    size_t untold = 0;
    char title[300];
    for (size_t i = from; i < to; i++) {
        const struct rg_side *side = &verdict->sides.at[order[i]];
        if (is_told(verdict, side))
            count(side->status, &counts);
        else
            untold++;
    }
    counts.tests += untold > 0;
    rg_naming_point(point, title, 256);
    if (strcmp(point->scope, "node") == 0) /* else it would be the flows' */
        snprintf(title + strlen(title), 16, ", all rails");
    begin_suite(run, title, &counts, out);
    for (size_t i = from; i < to; i++)
        if (is_told(verdict, &verdict->sides.at[order[i]]))
            print_side(verdict, &verdict->sides.at[order[i]], title, out);
    if (untold > 0) {
        char words[64];
        snprintf(words, sizeof words, "%zu others that are well", untold);
        print_case(title, words, RG_PASS, NULL, "", out);
    }
    fputs("  </testsuite>\n", out);
}

/* A case of the run itself: counted, or printed where there is nothing to count it in. */
static void add_case(
    const char *name, size_t number, enum rg_status status, const char *message, struct counts *io, FILE *out)
{
    char numbered[64];
    snprintf(numbered, sizeof numbered, number > 0 ? "%s %zu" : "%s", name, number);
    if (io != NULL)
        count(status, io);
    else
        print_case(
            "run", numbered, status, status == RG_NOISY ? "inconclusive" : rg_status_names[status], message, out);
}

static void each_case_of_run(const struct rg_run *run, const struct rg_verdict *verdict, struct counts *io, FILE *out)
{
    char message[1024];
    add_case("verdict", 0, verdict->status, verdict->summary, io, out);
    if (run->hardware == 0) {
        snprintf(message, sizeof message, "not hardware: %s", run->hardware_reason);
        add_case("hardware", 0, RG_UNJUDGED, message, io, out);
    }
    for (size_t i = 0; i < verdict->accused_count; i++)
        add_case("suspect", i + 1, RG_FAIL, verdict->accused[i].sentence, io, out);
    for (size_t i = 0; i < run->lost_count; i++) {
        const struct rg_lost_rank *lost = &run->lost[i];
        snprintf(message, sizeof message, "rank %lld (%s, rail %lld): %s", (long long)lost->rank, lost->node,
            (long long)lost->rail, lost->where);
        add_case("lost", i + 1, RG_NOT_RUN, message, io, out);
    }
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        add_case("not compared", i + 1, RG_UNJUDGED, verdict->incompatible[i], io, out);
}

static void print_run(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct counts *counts, FILE *out)
{
    begin_suite(run, "run", counts, out);
    each_case_of_run(run, verdict, NULL, out);
    fputs("  </testsuite>\n", out);
}

void rg_report_junit(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    size_t *first = NULL, *order = order_sides(verdict, &first);
    struct counts all = {0}, own = {0};
    (void)style;
    if (order == NULL) {
        free(first);
        return;
    }
    each_case_of_run(run, verdict, &own, NULL);
    all = own;
    for (size_t p = 0; p < verdict->points.count; p++) {
        size_t untold = 0;
        for (size_t i = first[p]; i < first[p + 1]; i++) {
            if (is_told(verdict, &verdict->sides.at[order[i]]))
                count(verdict->sides.at[order[i]].status, &all);
            else
                untold++;
        }
        all.tests += untold > 0;
    }
    fprintf(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"railgauge\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
        all.tests, all.failures, all.errors, all.skipped);
    print_run(run, verdict, &own, out);
    for (size_t p = 0; p < verdict->points.count; p++)
        if (first[p + 1] > first[p])
            print_point(run, verdict, order, first[p], first[p + 1], out);
    fputs("</testsuites>\n", out);
    free(order);
    free(first);
}
