#include "report/history.h"

#include "base/wrap.h"
#include "report/naming.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text of CSV. What a spreadsheet would take for a formula is quoted and begins with an apostrophe, as OWASP advises
 * against CSV injection. */
static void print_text(const char *text, FILE *out)
{
    if (text == NULL)
        return;
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    bool quoted = formula || text[strcspn(text, ",\"\n\r")] != '\0';
    fputs(formula ? "\"'" : quoted ? "\"" : "", out);
    while (*text != '\0') {
        uint32_t c = rg_naming_next(&text);
        if (c == '"')
            fputc('"', out);
        rg_naming_put(c, out);
    }
    fputs(quoted ? "\"" : "", out);
}

/* --- runs --- */

void rg_report_runs(const struct rg_past *past, FILE *out)
{
    fprintf(out, "%-26s %-21s %-12s %-12s %5s %5s %7s %4s  %s\n", "run", "began", "suite", "machine", "nodes", "ranks",
        "figures", "exit", "origin");
    for (size_t i = 0; i < past->run_count; i++) {
        const struct rg_past_run *run = &past->runs[i];
        char exit_status[24] = "-";
        if (run->exit_status != RG_NONE)
            snprintf(exit_status, sizeof exit_status, "%lld", (long long)run->exit_status);
        fprintf(out, "%-26s %-21s %-12s %-12s %5lld %5lld %7lld %4s  %s%s%s\n", run->run_id, run->started_at,
            run->suite ? run->suite : "-", run->machine ? run->machine : "-", (long long)run->nodes,
            (long long)run->ranks, (long long)run->figures, exit_status, run->origin,
            strcmp(run->status, "complete") == 0 ? "" : "; ", strcmp(run->status, "complete") == 0 ? "" : run->status);
    }
}

void rg_report_runs_csv(const struct rg_past *past, FILE *out)
{
    fputs("run_id,started_at,suite,machine,origin,status,nodes,ranks,figures,exit_status\n", out);
    for (size_t i = 0; i < past->run_count; i++) {
        const struct rg_past_run *run = &past->runs[i];
        const char *texts[] = {run->run_id, run->started_at, run->suite, run->machine, run->origin, run->status};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            print_text(texts[k], out);
            fputc(',', out);
        }
        fprintf(out, "%lld,%lld,%lld,", (long long)run->nodes, (long long)run->ranks, (long long)run->figures);
        if (run->exit_status != RG_NONE)
            fprintf(out, "%lld", (long long)run->exit_status);
        fputc('\n', out);
    }
}

/* --- trend --- */

static const char *side_of(const struct rg_series *series)
{
    return series->side == NULL ? "" : strcmp(series->side, "tx") == 0 ? "sends" : "receives";
}

/* The same figure of another place. */
static bool is_alike(const struct rg_series *a, const struct rg_series *b)
{
    struct rg_series moved = *a;
    moved.node = b->node;
    moved.peer_node = b->peer_node;
    moved.rail = b->rail;
    return rg_series_compare(&moved, b) == 0;
}

static void place_words(const struct rg_series *series, size_t others, char out[80])
{
    char rail[24] = "";
    if (series->rail != RG_NONE)
        snprintf(rail, sizeof rail, "%srail %lld", series->node ? " " : "", (long long)series->rail);
    const char *node = series->node ? series->node : series->rail == RG_NONE ? "all" : "";
    if (others > 0)
        snprintf(out, 80, "%s%s +%zu", node, rail, others);
    else
        snprintf(out, 80, "%s%s", node, rail);
}

/* One line for the changes of a finding that are alike but for their place, with the figures of the first. */
static void print_changes(const struct rg_trend *trend, const struct rg_finding *finding, FILE *out)
{
    const struct rg_past *past = trend->past;
    for (size_t i = 0; i < finding->count; i++) {
        const struct rg_change *change = &trend->changes[finding->first + i];
        const struct rg_series *series = &past->series[change->series];
        size_t before = 0, others = 0;
        for (size_t k = 0; k < finding->count; k++) {
            bool alike = k != i && is_alike(&past->series[trend->changes[finding->first + k].series], series);
            before += alike && k < i;
            others += alike;
        }
        if (before > 0)
            continue;
        char place[80], words[160], interval[40] = "-";
        place_words(series, others, place);
        if (!isnan(change->low_percent))
            snprintf(interval, sizeof interval, "%+.1f to %+.1f", fmin(change->low_percent, change->high_percent),
                fmax(change->low_percent, change->high_percent));
        fprintf(out, "    %-20s %-8s %9.5g -> %-9.5g %-5s %+6.1f %%  %-16s  %s\n", place, side_of(series),
            change->before, change->after, rg_series_unit(series), change->percent, interval,
            rg_series_words(series, words, sizeof words));
    }
}

#define GAPS_SHOWN 20

static void print_parts(const struct rg_gaps *gaps, FILE *out)
{
    for (size_t i = 0; i < gaps->count && i < GAPS_SHOWN; i++) {
        fputs("  ", out);
        rg_wrap_print(gaps->at[i].sentence, 2, 4, out);
    }
    if (gaps->count > GAPS_SHOWN)
        fprintf(out, "  and %zu more; JSON has all of them\n", gaps->count - GAPS_SHOWN);
}

/* What the last run lacks, and then what the one before it lacked, too. */
static void print_gaps(const struct rg_trend *trend, FILE *out)
{
    char text[400];
    const struct rg_past *past = trend->past;
    if (trend->missing_series > 0) {
        snprintf(text, sizeof text,
            "NOT MEASURED in the last run, %s: %zu of the %zu series that the run of its suite before it has, %s.",
            past->runs[past->run_count - 1].run_id, trend->missing_series, trend->earlier_series,
            past->runs[trend->earlier].run_id);
        rg_wrap_print(text, 0, 2, out);
        print_parts(&trend->missing, out);
    }
    if (trend->gone_series > 0) {
        snprintf(text, sizeof text,
            "Gone for longer: %zu series that runs of the last run's suite measured before, the last time in %s.",
            trend->gone_series, past->runs[trend->gone_run].run_id);
        rg_wrap_print(text, 0, 2, out);
        print_parts(&trend->gone, out);
    }
}

static void print_finding(const struct rg_trend *trend, const struct rg_finding *finding, FILE *out)
{
    char text[1700];
    const struct rg_past_run *told = &trend->past->runs[finding->told];
    const char *word = !finding->worse ? "better" : finding->fresh ? "NEW, WORSE" : "worse";
    const char *after = finding->worse && !finding->stands ? "; made good since" : "";
    snprintf(text, sizeof text, "%s: %s%s.", word, finding->sentence, after);
    fputc('\n', out);
    rg_wrap_print(text, 0, 2, out);
    fprintf(out, "  first shown by run %s, told after %s\n", trend->past->runs[finding->run].run_id, told->run_id);
    print_changes(trend, finding, out);
}

/* --- the first lines, which are all that some see; not wrapped, so that each stays one --- */

#define NAMED 3

/* "sim005 rail 2 sends 8.2 % less since 2026-09-20, ..., and 2 more": those that are new, or those that stand since
 * before. How many they are. */
static size_t name_regressions(const struct rg_trend *trend, bool fresh, char *out, size_t room)
{
    size_t used = 0, count = 0;
    for (size_t i = 0; i < trend->finding_count; i++) {
        const struct rg_finding *finding = &trend->findings[i];
        if (!finding->worse || finding->fresh != fresh || (!fresh && !finding->stands) || ++count > NAMED ||
            used >= room)
            continue;
        used += (size_t)snprintf(out + used, room - used, "%s%s since %.10s", count > 1 ? ", " : "", finding->brief,
            trend->past->runs[finding->run].started_at);
    }
    if (count > NAMED && used < room)
        snprintf(out + used, room - used, ", and %zu more", count - NAMED);
    return count;
}

static void print_incomplete(const struct rg_trend *trend, FILE *out)
{
    fprintf(out, "INCOMPLETE: the last run lacks %zu of %zu series: ", trend->missing_series, trend->earlier_series);
    for (size_t i = 0; i < trend->missing.count && i < NAMED; i++)
        fprintf(out, "%s%s", i > 0 ? "; " : "", trend->missing.at[i].sentence);
    if (trend->missing.count > NAMED)
        fprintf(out, "; and %zu more", trend->missing.count - NAMED);
    fputs(".\n", out);
}

static void print_head(const struct rg_trend *trend, FILE *out)
{
    char fresh[1200], standing[1200];
    size_t news = name_regressions(trend, true, fresh, sizeof fresh);
    size_t olds = name_regressions(trend, false, standing, sizeof standing);
    if (news > 0)
        fprintf(out, "WORSE: %zu new regression%s: %s.\n", news, news > 1 ? "s" : "", fresh);
    if (trend->missing_series > 0)
        print_incomplete(trend, out);
    if (olds > 0)
        fprintf(out, "%s%zu %sregression%s stand%s: %s.\n", news > 0 ? "" : "Nothing new; ", olds,
            news > 0 ? "earlier " : "", olds > 1 ? "s" : "", olds > 1 ? "" : "s", standing);
    else if (news == 0 && trend->last_series == 0)
        fputs("The last run measured nothing that could have got worse.\n", out);
    else if (news == 0 && trend->short_series > 0 && trend->short_series == trend->last_series)
        fprintf(out, "Too few runs to tell whether anything has got worse: it takes %zu that measured the same.\n",
            trend->least_runs);
    else if (news == 0)
        fputs("Nothing new, and no regression stands.\n", out);
}

static void print_span(const struct rg_trend *trend, FILE *out)
{
    const struct rg_past *past = trend->past;
    const char *first = past->runs[0].started_at, *last = past->runs[past->run_count - 1].started_at;
    char text[400], seen[80] = "";
    size_t worse = 0;
    for (size_t i = 0; i < trend->finding_count; i++)
        worse += trend->findings[i].worse;
    if (trend->seen > 0)
        snprintf(seen, sizeof seen, " New is what could not be told after run %s.", past->runs[trend->seen - 1].run_id);
    snprintf(text, sizeof text,
        "%zu run%s from %.10s to %.10s, %zu series; in all that time %zu change%s for the worse and %zu for the better.%s",
        past->run_count, past->run_count > 1 ? "s" : "", first, last, past->series_count, worse, worse == 1 ? "" : "s",
        trend->finding_count - worse, seen);
    rg_wrap_print(text, 0, 0, out);
    if (trend->short_series > 0 && trend->short_series < trend->last_series) {
        snprintf(text, sizeof text,
            "Of %zu of the last run's %zu series no change can be told yet: it takes %zu runs that measured them.",
            trend->short_series, trend->last_series, trend->least_runs);
        rg_wrap_print(text, 0, 0, out);
    }
}

void rg_report_trend(const struct rg_trend *trend, FILE *out)
{
    if (trend->past->run_count == 0) {
        fputs("There are no runs.\n", out);
        return;
    }
    print_head(trend, out);
    print_span(trend, out);
    print_gaps(trend, out);
    for (size_t i = 0; i < trend->finding_count; i++)
        print_finding(trend, &trend->findings[i], out);
}

/* --- export --- */

void rg_report_figure_head(FILE *out)
{
    fputs("run_id,started_at,suite,machine", out);
    for (size_t i = 0; i < rg_series_row_count; i++)
        fprintf(out, ",%s", rg_series_rows[i].key);
    fputs(",value,measurements\n", out);
}

void rg_report_figure(const struct rg_past_run *run, const struct rg_figure *figure, FILE *out)
{
    const char *texts[] = {run->run_id, run->started_at, run->suite, run->machine};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        print_text(texts[i], out);
        fputc(',', out);
    }
    for (size_t i = 0; i < rg_series_row_count; i++) {
        const char *at = (const char *)&figure->of + rg_series_rows[i].offset, *text;
        int64_t number;
        if (rg_series_rows[i].type == RG_TEXT) {
            memcpy(&text, at, sizeof text);
            print_text(text, out);
        } else {
            memcpy(&number, at, sizeof number);
            if (number != RG_NONE)
                fprintf(out, "%lld", (long long)number);
        }
        fputc(',', out);
    }
    /* the shorter way, where it reads back as the same number */
    char value[32];
    snprintf(value, sizeof value, "%.15g", figure->value);
    if (strtod(value, NULL) != figure->value)
        snprintf(value, sizeof value, "%.17g", figure->value);
    fprintf(out, "%s,%lld\n", value, (long long)figure->measurements);
}
