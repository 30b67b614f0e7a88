#include "report/alike.h"
#include "report/figure.h"
#include "report/format.h"
#include "report/naming.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDES_SHOWN 40
#define SENTENCES_SHOWN 16 /* of each kind */
#define POINTS_SHOWN 60

static void put_figure(double value, FILE *out)
{
    char figure[16];
    fprintf(out, " %s |", rg_figure(value, figure));
}

static void print_rest(size_t count, const char *what, FILE *out)
{
    if (count > SENTENCES_SHOWN)
        fprintf(out, "- and %zu more %s\n", count - SENTENCES_SHOWN, what);
}

static void print_head(const struct rg_run *run, const struct rg_verdict *verdict, FILE *out)
{
    static const char *const shown[RG_STATUSES] = {[RG_PASS] = "PASS", [RG_FAIL] = "FAIL", [RG_NOISY] = "INCONCLUSIVE"};
    fprintf(out, "### railgauge: %s\n\n", shown[verdict->status]);
    rg_naming_put_markdown(verdict->summary, out);
    fputs("\n\nRun ", out);
    rg_naming_put_markdown(run->run_id, out);
    fputs(", suite ", out);
    rg_naming_put_markdown(run->suite.name, out);
    fprintf(out, ", %zu rank%s", run->rank_count, run->rank_count == 1 ? "" : "s");
    if (verdict->against_name != NULL) {
        fputs(", held against ", out);
        rg_naming_put_markdown(verdict->against_name, out);
    }
    if (run->hardware == 0) {
        fputs("; **not hardware**: ", out);
        rg_naming_put_markdown(run->hardware_reason, out);
    }
    fputs(".\n", out);
    if (verdict->accused_count > 0 || run->lost_count > 0)
        fputc('\n', out);
    for (size_t i = 0; i < verdict->accused_count && i < SENTENCES_SHOWN; i++) {
        fputs("- **suspect**, ", out);
        rg_naming_put_markdown(verdict->accused[i].status, out);
        fputs(": ", out);
        rg_naming_put_markdown(verdict->accused[i].sentence, out);
        fputc('\n', out);
    }
    print_rest(verdict->accused_count, "suspects", out);
    for (size_t i = 0; i < run->lost_count && i < SENTENCES_SHOWN; i++) {
        fprintf(out, "- **lost**: rank %lld (", (long long)run->lost[i].rank);
        rg_naming_put_markdown(run->lost[i].node, out);
        fprintf(out, ", rail %lld): ", (long long)run->lost[i].rail);
        rg_naming_put_markdown(run->lost[i].where, out);
        fputc('\n', out);
    }
    print_rest(run->lost_count, "lost ranks", out);
}

static void print_points(const struct rg_verdict *verdict, FILE *out)
{
    const struct rg_points *points = &verdict->points;
    char name[256];
    if (points->count == 0)
        return;
    fputs("\n| test | of | pass | fail | open | not judged | least | median | most | MAD | unit |\n"
          "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
        out);
    for (size_t i = 0; i < points->count && i < POINTS_SHOWN; i++) {
        const struct rg_test_point *p = &points->at[i];
        rg_naming_point(p, name, sizeof name);
        fputs("| ", out);
        rg_naming_put_markdown(name, out);
        fprintf(out, " | %s | %zu | %zu | %zu | %zu |", p->scope, p->counts[RG_PASS], p->counts[RG_FAIL],
            p->counts[RG_NOISY] + p->counts[RG_UNSUPPORTED] + p->counts[RG_NOT_RUN], p->counts[RG_UNJUDGED]);
        put_figure(p->least, out);
        put_figure(p->median, out);
        put_figure(p->most, out);
        put_figure(p->mad, out);
        fprintf(out, " %s |\n", rg_naming_unit(p->metric));
    }
    if (points->count > POINTS_SHOWN)
        fprintf(out, "\nand %zu more tests and sizes.\n", points->count - POINTS_SHOWN);
}

static void print_side(const struct rg_verdict *verdict, const struct rg_side *side, FILE *out)
{
    const struct rg_test_point *point = &verdict->points.at[side->point];
    char words[256];
    fprintf(out, "| %s | ", rg_status_names[side->status]);
    rg_naming_side(side, point->scope, words, sizeof words);
    rg_naming_put_markdown(words, out);
    fputs(" | ", out);
    rg_naming_point(point, words, sizeof words);
    rg_naming_put_markdown(words, out);
    fprintf(out, " | %u of %u |", side->counts[side->status], side->rows);
    put_figure(side->worst, out);
    put_figure(side->threshold, out);
    put_figure(side->expected, out);
    fprintf(out, " %s |", rg_naming_unit(point->metric));
    put_figure(side->tolerance_percent, out);
    fputc(' ', out);
    rg_naming_put_markdown(side->source ? side->source : "-", out);
    fputs(" |", out);
    put_figure(side->worst_nominal_percent, out);
    put_figure(side->worst_ceiling_percent, out);
    fputc(' ', out);
    rg_naming_put_markdown(side->reason ? side->reason : "", out);
    fputs(" |\n", out);
}

static void print_sides(const struct rg_verdict *verdict, FILE *out)
{
    size_t count;
    size_t *worst = rg_naming_worst(verdict, &count);
    if (count > 0)
        fputs(
            "\n**What did not pass**, worst first; of each part the worst measurement, but for flows that the other end is to blame for\n\n"
            "| status | where | test | rows | measured | threshold | expected | unit | tolerance % | source | % nominal "
            "| % ceiling | why |\n|---|---|---|---|--:|--:|--:|---|--:|---|--:|--:|---|\n",
            out);
    for (size_t i = 0; i < count && i < SIDES_SHOWN; i++)
        print_side(verdict, &verdict->sides.at[worst[i]], out);
    if (count > SIDES_SHOWN)
        fprintf(out, "\nand %zu more parts that did not pass.\n", count - SIDES_SHOWN);
    free(worst);
}

/* Nodes that differ from most others in what they should share. */
static void print_odd_ones(const struct rg_run *run, FILE *out)
{
    struct rg_alike alike;
    rg_alike_find(run, &alike);
    for (int i = 0; i < alike.count; i++) {
        fputs(i ? "- " : "\n**Nodes that differ**\n\n- ", out);
        rg_naming_put_markdown(alike.sentences[i], out);
        fputc('\n', out);
    }
}

void rg_report_markdown(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    (void)style;
    print_head(run, verdict, out);
    print_odd_ones(run, out);
    print_sides(verdict, out);
    print_points(verdict, out);
    if (verdict->incompatible_count > 0)
        fputs("\n**Not compared**\n\n", out);
    for (size_t i = 0; i < verdict->incompatible_count && i < SENTENCES_SHOWN; i++) {
        fputs("- ", out);
        rg_naming_put_markdown(verdict->incompatible[i], out);
        fputc('\n', out);
    }
    print_rest(verdict->incompatible_count, "that could not be compared", out);
}
