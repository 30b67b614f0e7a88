#include "report/preflight.h"

#include "base/wrap.h"

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
