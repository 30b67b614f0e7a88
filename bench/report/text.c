#include "report/text.h"

#include "base/args.h"
#include "base/wrap.h"
#include "report/alike.h"
#include "report/figure.h"
#include "report/heat.h"
#include "report/naming.h"
#include "report/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 24      /* of one point, before it is summed up */
#define BAD_ROWS_SHOWN 200 /* of one point that is summed up */
#define ALIKE_SHOWN 6      /* of those that were not measured for the same reason */
#define REASONS_KEPT 16
#define NAME_SHOWN 18
#define NODES_WARNED_OF 8
#define SUSPECTS_SHOWN 16
#define PLACE_WIDTH 29

static const char *const colours[RG_STATUSES] = {[RG_PASS] = "\033[32m",
    [RG_FAIL] = "\033[1;31m",
    [RG_NOISY] = "\033[33m",
    [RG_UNSUPPORTED] = "\033[33m",
    [RG_NOT_RUN] = "\033[33m",
    [RG_UNJUDGED] = "\033[2m"};

static const char *const words[RG_STATUSES] = {"pass", "FAIL", "noisy", "unsupported", "not run", "-"};

static void print_status(enum rg_status status, const struct rg_text_style *style, FILE *out)
{
    fprintf(out, "  %s%-11s%s", style->colour ? colours[status] : "", words[status], style->colour ? "\033[0m" : "");
}

/* The end of a long name tells nodes apart. */
static const char *short_name(const char *name, char out[NAME_SHOWN + 3])
{
    size_t length = strlen(name);
    if (length <= NAME_SHOWN)
        return name;
    snprintf(out, NAME_SHOWN + 3, "..%s", name + length - (NAME_SHOWN - 2));
    return out;
}

/* Which ranks a collective joined: of a pair of nodes, of a node, of a rail, or all. */
static void print_group(const struct rg_row *row, char *out, size_t room)
{
    char a[NAME_SHOWN + 3], b[NAME_SHOWN + 3];
    if (row->peer_node != NULL)
        snprintf(out, room, "%s with %s", short_name(row->node, a), short_name(row->peer_node, b));
    else if (row->node != NULL)
        snprintf(out, room, "%s, all rails", short_name(row->node, a));
    else if (row->rail != RG_NONE)
        snprintf(out, room, "rail %lld of all nodes", (long long)row->rail);
}

static void print_place(const struct rg_row *row, FILE *out)
{
    char place[80] = "all ranks", a[NAME_SHOWN + 3], b[NAME_SHOWN + 3];
    if (row->peer_node != NULL && strcmp(row->scope, "rail") == 0)
        snprintf(place, sizeof place, "%s r%lld > %s r%lld", short_name(row->node, a), (long long)row->rail,
            short_name(row->peer_node, b), (long long)row->peer_rail);
    else if (strcmp(row->scope, "gpu") == 0)
        snprintf(place, sizeof place, "%s r%lld, its GPU", short_name(row->node, a), (long long)row->rail);
    else if (strcmp(row->scope, "group") == 0)
        print_group(row, place, sizeof place);
    else if (row->node != NULL)
        snprintf(place, sizeof place, "%s %s, %s", short_name(row->node, a),
            strcmp(row->side, "tx") == 0 ? "sends" : "receives", "all rails");
    else if (row->status == RG_NOT_RUN)
        snprintf(place, sizeof place, "every %s", row->scope);
    fprintf(out, " %-*s", PLACE_WIDTH, place);
    if (strlen(place) > PLACE_WIDTH) /* the figures go on below */
        fprintf(out, "\n%*s", 14 + PLACE_WIDTH, "");
}

static void print_sentence(const char *text, int indent, FILE *out)
{
    fprintf(out, "%*s", indent, "");
    rg_wrap_print(text, indent, indent, out);
}

static void print_row(const struct rg_row *row, const struct rg_text_style *style, FILE *out)
{
    char measured[RG_FIGURE_LENGTH], threshold[RG_FIGURE_LENGTH], first[RG_FIGURE_LENGTH], second[RG_FIGURE_LENGTH],
        bound[24] = "";
    bool latency = strncmp(row->metric, "latency", 7) == 0;
    print_status(row->status, style, out);
    print_place(row, out);
    if (!isnan(row->threshold))
        snprintf(bound, sizeof bound, "%s %s", latency ? "<=" : ">=", rg_figure(row->threshold, threshold));
    fprintf(out, " %9s %-4s %-11s %9s %10s\n", rg_figure(row->measured, measured), rg_naming_unit(row->metric), bound,
        rg_figure(style->rated ? row->nominal_percent : row->expected, first),
        rg_figure(style->rated ? row->ceiling_percent : 100 * row->measured / row->expected, second));
    if (row->reason != NULL && row->status != RG_UNJUDGED)
        print_sentence(row->reason, 14, out);
}

static bool same_word(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What is told together: points that differ in scope alone. */
static bool same_group(const struct rg_test_point *a, const struct rg_test_point *b)
{
    return strcmp(a->test, b->test) == 0 && a->size_bytes == b->size_bytes && same_word(a->direction, b->direction) &&
           same_word(a->memory, b->memory) && same_word(a->variant, b->variant) && same_word(a->pattern, b->pattern) &&
           a->queue_pairs == b->queue_pairs && strcmp(a->metric, b->metric) == 0;
}

/* "128 flows: least 380.1, median 391.5, most 392.0 Gb/s; 128 pass", or "96 of 128 flows: least ...; 32 not run" */
static void print_sum(const struct rg_test_point *point, FILE *out)
{
    static const struct {
        const char *scope, *words;
    } whats[] = {{"rail", "flows"}, {"node", "node sides"}, {"group", "groups"}, {"gpu", "GPUs"}};
    char line[256], least[16], median[16], most[16];
    size_t what = 0;
    while (what + 1 < sizeof whats / sizeof *whats && strcmp(whats[what].scope, point->scope) != 0)
        what++;
    int used = point->measured > 0 && point->measured < point->rows
                   ? snprintf(line, sizeof line, "%zu of %zu %s", point->measured, point->rows, whats[what].words)
                   : snprintf(line, sizeof line, "%zu %s", point->rows, whats[what].words);
    if (point->measured > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, ": least %s, median %s, most %s %s",
            rg_figure(point->least, least), rg_figure(point->median, median), rg_figure(point->most, most),
            rg_naming_unit(point->metric));
    for (int s = 0; s < RG_STATUSES; s++)
        if (point->counts[s] > 0 && s != RG_UNJUDGED)
            used += snprintf(line + used, sizeof line - (size_t)used, "; %zu %s", point->counts[s], words[s]);
    print_sentence(line, 2, out);
}

/* Rows by the first point of their group. */
struct grouped {
    const struct rg_verdict *verdict;
    size_t *group_of_point, *group_of_row;
};

/* Rows that say the same. */
struct alike {
    const char *reason;
    size_t rows;
};

static struct alike *find_alike(struct alike *reasons, size_t *count, const char *reason)
{
    for (size_t i = 0; i < *count; i++)
        if (same_word(reasons[i].reason, reason))
            return &reasons[i];
    if (*count == REASONS_KEPT)
        return NULL;
    reasons[*count] = (struct alike){reason, 0};
    return &reasons[(*count)++];
}

/* Rows of a status; of those without a measurement that say the same, the first few. How many were told of. */
static size_t print_rows_of(const struct grouped *grouped, size_t group, enum rg_status status, size_t most,
    const struct rg_text_style *style, FILE *out)
{
    struct alike reasons[REASONS_KEPT];
    size_t count = 0, shown = 0, folded = 0;
    bool folds = status == RG_NOT_RUN || status == RG_UNSUPPORTED;
    for (size_t i = 0; i < grouped->verdict->row_count; i++) {
        const struct rg_row *row = &grouped->verdict->rows[i];
        if (grouped->group_of_row[i] != group || row->status != status)
            continue;
        struct alike *alike = folds ? find_alike(reasons, &count, row->reason) : NULL;
        if (alike != NULL && alike->rows++ >= ALIKE_SHOWN)
            folded++;
        else if (shown < most)
            print_row(row, style, out), shown++;
    }
    for (size_t i = 0; i < count; i++) {
        char line[1100];
        if (reasons[i].rows <= ALIKE_SHOWN)
            continue;
        print_status(status, style, out);
        snprintf(line, sizeof line, "and %zu more: %s", reasons[i].rows - ALIKE_SHOWN,
            reasons[i].reason ? reasons[i].reason : "for no recorded reason");
        fputc(' ', out);
        rg_wrap_print(line, 14, 14, out);
    }
    return shown + folded;
}

/* How many rows of a group did not pass, and whether the others are told of in sum. */
static size_t count_bad(const struct grouped *grouped, size_t group, bool *summed)
{
    const struct rg_points *points = &grouped->verdict->points;
    size_t total = 0, bad = 0;
    for (size_t p = group; p < points->count; p++)
        if (grouped->group_of_point[p] == group) {
            total += points->at[p].rows;
            bad += points->at[p].rows - points->at[p].counts[RG_PASS] - points->at[p].counts[RG_UNJUDGED];
        }
    *summed = total > ROWS_SHOWN;
    return bad;
}

static void print_group_of_points(
    const struct grouped *grouped, size_t group, const struct rg_text_style *style, FILE *out)
{
    static const enum rg_status worst_first[] = {RG_FAIL, RG_NOISY, RG_NOT_RUN, RG_UNSUPPORTED};
    const struct rg_verdict *v = grouped->verdict;
    bool summed;
    size_t bad = count_bad(grouped, group, &summed), told = 0;
    char name[256];
    summed &= !style->all;
    rg_naming_point(&v->points.at[group], name, sizeof name);
    fprintf(out, "\n%s\n", name);
    for (size_t p = group; (summed || v->left_out > 0) && p < v->points.count; p++)
        if (grouped->group_of_point[p] == group)
            print_sum(&v->points.at[p], out);
    for (size_t i = 0; !summed && i < v->row_count; i++)
        if (grouped->group_of_row[i] == group)
            print_row(&v->rows[i], style, out);
    for (size_t s = 0; summed && s < sizeof worst_first / sizeof *worst_first; s++)
        told += print_rows_of(
            grouped, group, worst_first[s], told < BAD_ROWS_SHOWN ? BAD_ROWS_SHOWN - told : 0, style, out);
    if (summed && bad > told)
        fprintf(out, "  and %zu more that did not pass%s\n", bad - told, v->left_out == 0 ? "; --all has each" : "");
}

/* Ranks of a node that were lost in the same way are told of together, with the first of them. */
static void print_lost(const struct rg_run *run, size_t first, FILE *out)
{
    char line[2048], rails[400] = "";
    size_t count = 0;
    for (size_t i = 0; i < run->lost_count; i++) {
        const struct rg_lost_rank *lost = &run->lost[i];
        if (strcmp(lost->node, run->lost[first].node) != 0 || strcmp(lost->where, run->lost[first].where) != 0)
            continue;
        if (i < first)
            return;
        size_t used = strlen(rails);
        snprintf(rails + used, sizeof rails - used, "%s%lld", count++ ? ", " : "", (long long)lost->rail);
    }
    char others[32] = "";
    if (count > 1)
        snprintf(others, sizeof others, " and %zu more", count - 1);
    snprintf(line, sizeof line, "lost: rank %lld%s (%s, rail%s %s): %s", (long long)run->lost[first].rank, others,
        run->lost[first].node, count > 1 ? "s" : "", rails, run->lost[first].where);
    print_sentence(line, 0, out);
}

/* Whether what goes between a rank's GPU and its NIC leaves the PCIe switches that are near them. */
static bool is_far(const struct rg_rank_facts *rank)
{
    const char *distance = rank->rail.gpu_distance;
    return distance != NULL &&
           (strcmp(distance, "PHB") == 0 || strcmp(distance, "NODE") == 0 || strcmp(distance, "SYS") == 0);
}

/* Whether a far pair of ranks before this one is on the same node, and of the same rail if one is asked for. */
static bool was_far(const struct rg_run *run, size_t rank, int64_t rail)
{
    for (size_t i = 0; i < rank; i++)
        if (is_far(&run->ranks[i]) && same_word(run->ranks[i].node.node, run->ranks[rank].node.node) &&
            (rail == RG_NONE || run->ranks[i].rail.rail == rail))
            return true;
    return false;
}

/* A sentence for each node with such pairs, until there are many. */
static void print_far_pairs(const struct rg_run *run, FILE *out)
{
    size_t nodes = 0;
    char line[4096];
    for (size_t i = 0; run->ranks != NULL && i < run->rank_count; i++) {
        const struct rg_rank_facts *first = &run->ranks[i];
        if (!is_far(first) || was_far(run, i, RG_NONE))
            continue;
        if (nodes++ == NODES_WARNED_OF) {
            print_sentence("warning: so it does on other nodes", 0, out);
            break;
        }
        size_t used = (size_t)snprintf(
            line, sizeof line, "warning: traffic between GPU and NIC crosses a host bridge on %s", first->node.node);
        for (size_t j = i; j < run->rank_count && used < sizeof line; j++) {
            const struct rg_rail_facts *rail = &run->ranks[j].rail;
            if (is_far(&run->ranks[j]) && same_word(run->ranks[j].node.node, first->node.node) &&
                !was_far(run, j, rail->rail))
                used += (size_t)snprintf(
                    line + used, sizeof line - used, ", rail %lld (%s)", (long long)rail->rail, rail->gpu_distance);
        }
        print_sentence(line, 0, out);
    }
}

/* Nodes that differ from most others in what they should share. */
static void print_odd_ones(const struct rg_run *run, FILE *out)
{
    struct rg_alike alike;
    char line[RG_ALIKE_SENTENCE_LENGTH + 16];
    rg_alike_find(run, &alike);
    for (int i = 0; i < alike.count; i++) {
        snprintf(line, sizeof line, "warning: %s", alike.sentences[i]);
        print_sentence(line, 0, out);
    }
}

static void print_head(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    const char *word = rg_verdict_word(verdict);
    const char *shown = strcmp(word, "pass") == 0 ? "PASS" : strcmp(word, "fail") == 0 ? "FAIL" : "INCONCLUSIVE";
    char line[2048];
    fprintf(out, "%s%s%s:", style->colour ? colours[verdict->status] : "", shown, style->colour ? "\033[0m" : "");
    rg_wrap_print(verdict->summary, (int)strlen(shown) + 1, 0, out);
    snprintf(line, sizeof line, "run %s, suite %s, %zu rank%s%s%s", run->run_id, run->suite.name, run->rank_count,
        run->rank_count == 1 ? "" : "s", run->hardware == 0 ? "; not hardware: " : "",
        run->hardware == 0 ? run->hardware_reason : "");
    print_sentence(line, 0, out);
    for (size_t i = 0; i < run->lost_count; i++)
        print_lost(run, i, out);
    size_t told_of = style->all || verdict->accused_count <= SUSPECTS_SHOWN ? verdict->accused_count : SUSPECTS_SHOWN;
    for (size_t i = 0; i < told_of; i++) {
        const struct rg_accused *accused = &verdict->accused[i];
        bool told = strcmp(accused->status, "one_of") == 0; /* by the sentence itself */
        snprintf(line, sizeof line, "%ssuspect%s%s%s: %s", style->colour ? colours[RG_FAIL] : "",
            style->colour ? "\033[0m" : "", told ? "" : ", ", told ? "" : accused->status, accused->sentence);
        print_sentence(line, 0, out);
    }
    if (told_of < verdict->accused_count)
        fprintf(out, "and %zu more suspects; --all prints them\n", verdict->accused_count - told_of);
    print_far_pairs(run, out);
    print_odd_ones(run, out);
    for (size_t i = 0; i < verdict->incompatible_count; i++)
        print_sentence(verdict->incompatible[i], 0, out);
}

/* What the columns of rows are, if there will be any. True: some points are summed up. */
static bool print_columns(const struct grouped *grouped, const struct rg_text_style *style, FILE *out)
{
    bool rows = style->all, sums = false;
    for (size_t p = 0; p < grouped->verdict->points.count; p++) {
        bool summed;
        rows |= grouped->group_of_point[p] == p && (count_bad(grouped, p, &summed) > 0 || !summed);
        sums |= grouped->group_of_point[p] == p && summed;
    }
    if (rows && grouped->verdict->row_count > 0)
        fprintf(out, "\n  %-11s %-29s %14s %-11s %9s %10s\n", "status", "where", "measured     ", "threshold",
            style->rated ? "% nominal" : "expected", style->rated ? "% ceiling" : "% of it");
    return sums && !style->all;
}

static void print_points(const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    bool sums = false;
    const struct rg_points *points = &verdict->points;
    struct grouped grouped = {.verdict = verdict,
        .group_of_point = calloc(points->count + 1, sizeof(size_t)),
        .group_of_row = calloc(verdict->row_count + 1, sizeof(size_t))};
    for (size_t p = 0; grouped.group_of_point != NULL && p < points->count; p++) {
        size_t first = 0;
        while (!same_group(&points->at[first], &points->at[p]))
            first++;
        grouped.group_of_point[p] = first;
    }
    for (size_t i = 0; grouped.group_of_point != NULL && grouped.group_of_row != NULL && i < verdict->row_count; i++) {
        size_t point = verdict->rows[i].asked ? rg_points_find(points, &verdict->rows[i]) : RG_NO_POINT;
        grouped.group_of_row[i] = point == RG_NO_POINT ? RG_NO_POINT : grouped.group_of_point[point];
    }
    if (grouped.group_of_point != NULL && grouped.group_of_row != NULL)
        sums = print_columns(&grouped, style, out);
    for (size_t p = 0; grouped.group_of_point != NULL && grouped.group_of_row != NULL && p < points->count; p++)
        if (grouped.group_of_point[p] == p)
            print_group_of_points(&grouped, p, style, out);
    if (sums && verdict->left_out == 0)
        fputs("\nWhere there are many rows, those that are well are summed up; --all has each.\n", out);
    free(grouped.group_of_point);
    free(grouped.group_of_row);
}

static bool is_compared(const struct rg_verdict *verdict)
{
    for (size_t i = 0; i < verdict->row_count; i++)
        if (!isnan(verdict->rows[i].expected))
            return true;
    return false;
}

void rg_report_text(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    struct rg_text_style rated = *style;
    rated.rated = !is_compared(verdict);
    for (size_t i = 0; !rated.rated && i < verdict->row_count; i++)
        rated.rated = !isnan(verdict->rows[i].nominal_percent);
    print_head(run, verdict, style, out);
    rg_report_heat(&verdict->heat, style->colour, style->all, out);
    print_points(verdict, &rated, out);
    rg_report_together(verdict, out);
    if (verdict->not_asked > 0)
        fprintf(out, "\n%zu expectation%s of %s the suite did not ask for.\n", verdict->not_asked,
            verdict->not_asked == 1 ? "" : "s", verdict->against_name);
}
