#include "report/preflight.h"

#include "base/wrap.h"

#include <string.h>

#define TEXT_COLUMN 29

static void print_part(const char *label, const char *text, FILE *out)
{
    if (text[0] == '\0')
        return;
    int column = fprintf(out, "%*s%s:", TEXT_COLUMN, "", label);
    rg_wrap_print(text, column, TEXT_COLUMN, out);
}

static void print_row(const struct rg_preflight_row *row, FILE *out)
{
    int column = fprintf(out, "%-9s %-18s ", rg_preflight_words[row->status], row->check);
    rg_wrap_print(row->found, column, TEXT_COLUMN, out);
    if (row->status != RG_PREFLIGHT_WARN && row->status != RG_PREFLIGHT_FAIL)
        return;
    print_part("expected", row->expected, out);
    print_part("mend", row->mend, out);
}

void rg_report_preflight(const struct rg_preflight *preflight, FILE *out)
{
    int counts[RG_PREFLIGHT_STATUSES];
    for (int i = 0; i < preflight->row_count; i++)
        print_row(&preflight->rows[i], out);
    rg_preflight_count(preflight, counts);
    fprintf(out, "\n%s: %d pass, %d warn, %d fail, %d not run\n", preflight->node, counts[RG_PREFLIGHT_PASS],
        counts[RG_PREFLIGHT_WARN], counts[RG_PREFLIGHT_FAIL], counts[RG_PREFLIGHT_NOT_RUN]);
}

/* --- several nodes --- */

static bool is_told(const struct rg_preflight_row *row)
{
    return row->status == RG_PREFLIGHT_WARN || row->status == RG_PREFLIGHT_FAIL ||
           (row->status == RG_PREFLIGHT_NOT_RUN && row->decides);
}

static bool is_same(const struct rg_preflight_row *a, const struct rg_preflight_row *b)
{
    return a->status == b->status && strcmp(a->check, b->check) == 0 && strcmp(a->found, b->found) == 0 &&
           strcmp(a->expected, b->expected) == 0;
}

static bool has(const struct rg_preflight *node, const struct rg_preflight_row *row)
{
    for (int i = 0; i < node->row_count; i++)
        if (is_same(&node->rows[i], row))
            return true;
    return false;
}

static void print_who(const struct rg_preflight *nodes, int count, const struct rg_preflight_row *row, FILE *out)
{
    char who[1024] = "";
    int hidden = 0;
    for (int i = 0; i < count; i++) {
        size_t used = strlen(who);
        if (!has(&nodes[i], row))
            continue;
        if (used + strlen(nodes[i].node) + 32 < sizeof who)
            snprintf(who + used, sizeof who - used, "%s%s", used ? ", " : "", nodes[i].node);
        else
            hidden++;
    }
    if (hidden > 0)
        snprintf(who + strlen(who), sizeof who - strlen(who), " and %d more", hidden);
    print_part("on", who, out);
}

void rg_report_preflights(const struct rg_preflight *nodes, int count, FILE *out)
{
    int with[RG_PREFLIGHT_STATUSES] = {0};
    for (int i = 0; i < count; i++) {
        enum rg_preflight_status worst = RG_PREFLIGHT_PASS;
        for (int r = 0; r < nodes[i].row_count; r++) {
            const struct rg_preflight_row *row = &nodes[i].rows[r];
            bool earlier = false;
            if (!is_told(row))
                continue;
            if (worst != RG_PREFLIGHT_FAIL && (worst != RG_PREFLIGHT_NOT_RUN || row->status == RG_PREFLIGHT_FAIL))
                worst = row->status;
            for (int before = 0; before < i && !earlier; before++)
                earlier = has(&nodes[before], row);
            if (earlier)
                continue;
            print_row(row, out);
            print_who(nodes, count, row, out);
        }
        with[worst]++;
    }
    fprintf(out, "%s%d nodes: %d pass, %d warn, %d fail, %d could not be judged\n", with[0] < count ? "\n" : "", count,
        with[RG_PREFLIGHT_PASS], with[RG_PREFLIGHT_WARN], with[RG_PREFLIGHT_FAIL], with[RG_PREFLIGHT_NOT_RUN]);
}
