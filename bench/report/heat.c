#include "report/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORST_SHOWN 16
#define RAILS_A_LINE 8
#define SIDES_DIFFER 0.02f

struct line {
    int node;
    float worst;
};

static float cell_of(const struct rg_heat *heat, int node, int rail)
{
    float tx = heat->tx[node * heat->rails + rail], rx = heat->rx[node * heat->rails + rail];
    return isnan(tx) ? rx : isnan(rx) ? tx : fminf(tx, rx);
}

static int worst_first(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    if (a->worst != b->worst)
        return (a->worst > b->worst) - (a->worst < b->worst);
    return a->node - b->node;
}

static struct line *sort_nodes(const struct rg_heat *heat)
{
    struct line *lines = calloc((size_t)heat->nodes + 1, sizeof *lines);
    for (int node = 0; lines != NULL && node < heat->nodes; node++) {
        lines[node] = (struct line){node, INFINITY};
        for (int rail = 0; rail < heat->rails; rail++)
            lines[node].worst = fminf(lines[node].worst, cell_of(heat, node, rail)); /* passes over NAN */
        lines[node].worst = roundf(100 * lines[node].worst);
    }
    if (lines != NULL)
        qsort(lines, (size_t)heat->nodes, sizeof *lines, worst_first);
    return lines;
}

static const char *colour_of(float share)
{
    return share >= 0.95f ? "\033[42;30m" : share >= 0.8f ? "\033[43;30m" : "\033[41;97m";
}

/* "100", " 80t": it sends only 80 %; "-": nothing is known. */
static void print_cell(const struct rg_heat *heat, int node, int rail, bool colour, FILE *out)
{
    float tx = heat->tx[node * heat->rails + rail], rx = heat->rx[node * heat->rails + rail];
    float share = cell_of(heat, node, rail);
    const char *side = fabsf(tx - rx) <= SIDES_DIFFER || isnan(tx) || isnan(rx) ? " " : tx < rx ? "t" : "r";
    if (isnan(share))
        fprintf(out, "     - ");
    else
        fprintf(
            out, " %s%5.0f%s%s", colour ? colour_of(share) : "", (double)(100 * share), side, colour ? "\033[0m" : "");
}

static void print_line(const struct rg_heat *heat, int node, bool colour, FILE *out)
{
    const char *name = heat->names[node];
    size_t length = strlen(name);
    for (int rail = 0; rail < heat->rails; rail++) {
        if (rail % RAILS_A_LINE == 0)
            fprintf(out, "%s  %s%-*s", rail > 0 ? "\n" : "",
                rail > 0      ? ""
                : length > 20 ? ".."
                              : "",
                length > 20 && rail == 0 ? 18 : 20,
                rail > 0      ? ""
                : length > 20 ? name + length - 18
                              : name);
        print_cell(heat, node, rail, colour, out);
    }
    fputc('\n', out);
}

void rg_report_heat(const struct rg_heat *heat, bool colour, bool all, FILE *out)
{
    struct line *lines = heat->nodes > 0 ? sort_nodes(heat) : NULL;
    int shown = all || heat->nodes <= RG_HEAT_NODES_WHOLE ? heat->nodes : WORST_SHOWN;
    if (lines == NULL)
        return;
    fprintf(out,
        "\nWhat each rail sends or receives, in %% of a healthy flow, worst nodes first\n(t: it sends less, r: it "
        "receives less%s)\n  %-20s",
        lines[0].worst <= 0 ? "; 0: nothing gets through intact" : "", "");
    for (int rail = 0; rail < heat->rails && rail < RAILS_A_LINE; rail++)
        fprintf(out, "     r%-1d", rail);
    fputc('\n', out);
    for (int i = 0; i < shown; i++)
        print_line(heat, lines[i].node, colour, out);
    if (shown < heat->nodes)
        fprintf(out, "  and %d more nodes, none of which is worse\n", heat->nodes - shown);
    free(lines);
}
