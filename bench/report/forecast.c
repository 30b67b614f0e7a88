#include "report/forecast.h"

#include "base/wrap.h"
#include "report/figure.h"
#include "report/naming.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define POINTS_SHOWN 60

static const char method[] =
    "Models: latency and bandwidth (Hockney, Parallel Computing 20, 1994), for collectives with the algorithms of Thakur, "
    "Rabenseifner and Gropp (IJHPCA 19, 2005). p ranks, n nodes, m bytes. Fitted by least squares of relative errors; of "
    "several models the one that Akaike's criterion prefers; intervals are 95 %, around every model not ruled out. A "
    "projection knows of no switch, oversubscription or congestion that only more nodes would meet.";

/* A sentence, malloc'd; NULL without memory. */
static char *words(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *words(const char *format, ...)
{
    va_list list;
    char *text = NULL;
    va_start(list, format);
    int written = vasprintf(&text, format, list);
    va_end(list);
    return written < 0 ? NULL : text;
}

static void wrap_and_free(char *text, int column, int indent, FILE *out)
{
    fprintf(out, "%*s", column, "");
    rg_wrap_print(text ? text : "", column, indent, out);
    free(text);
}

static const char *formula_side(const struct rg_forecast_fit *fit)
{
    return fit->projection_count > 0 ? "time" : "time of a message";
}

/* "a 2.01 us a step (1.98 to 2.04)", one after the other. */
static char *terms_of(const struct rg_forecast_fit *fit)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return NULL;
    for (size_t k = 0; k < fit->term_count; k++)
        fprintf(out, "%s%s = %.4g %s (%.4g to %.4g)", k > 0 ? ", " : "", fit->terms[k].name, fit->terms[k].value,
            fit->terms[k].unit, fit->terms[k].low, fit->terms[k].high);
    fclose(out);
    return text;
}

static char *fit_words(const struct rg_forecast_fit *fit)
{
    char *terms = terms_of(fit);
    char *text =
        words("%s; %s = %s; %s. %zu points at %lld to %lld nodes; residuals: deviation %.2g %%, largest %.2g %%.%s%s%s",
            fit->model, formula_side(fit), fit->formula, terms ? terms : "", fit->point_count,
            (long long)fit->fewest_nodes, (long long)fit->most_nodes, fit->deviation_percent, fit->worst_percent,
            fit->rivals ? " Not ruled out: " : "", fit->rivals ? fit->rivals : "", fit->rivals ? "." : "");
    free(terms);
    return text;
}

static char *head_words(const struct rg_forecast *forecast)
{
    return words("%zu run%s, %lld rank%s a node.", forecast->run_count, forecast->run_count == 1 ? "" : "s",
        (long long)forecast->ranks_per_node, forecast->ranks_per_node == 1 ? "" : "s");
}

static char *hardware_words(const struct rg_forecast *forecast)
{
    return words(
        "NOT HARDWARE: %s. What follows is a plan for that, and for no real fabric.", forecast->hardware_reason);
}

/* "12.3 ms" of a time with three digits, its interval in the same unit. */
struct unit {
    const char *name;
    double us;
};

static struct unit unit_of(double us)
{
    if (us >= 1e6)
        return (struct unit){"s", 1e6};
    return us >= 1e3 ? (struct unit){"ms", 1e3} : (struct unit){"us", 1};
}

/* The cells of a projection. */
enum { CELLS = 8 };

static const char *const cell_heads[CELLS] = {
    "nodes", "size", "time", "95 %", "Tb/s/node", "efficiency", "of a step", "beyond measured"};

/* "32 x nodes", "1/64 x size", or nothing where the answer is not beyond. */
static void beyond_text(double beyond, const char *what, char out[24])
{
    out[0] = '\0';
    if (beyond != 1)
        snprintf(out, 24, "%s%.3g x %s", beyond < 1 ? "1/" : "", fmax(beyond, 1 / beyond), what);
}

static void fill_cells(const struct rg_forecast_projection *p, char cells[CELLS][64])
{
    char low[RG_FIGURE_LENGTH], high[RG_FIGURE_LENGTH], time[RG_FIGURE_LENGTH], size[24], nodes[24];
    struct unit unit = unit_of(p->time_us);
    snprintf(cells[0], 64, "%lld", (long long)p->nodes);
    snprintf(cells[1], 64, "%s", rg_args_format_bytes(p->size_bytes, size));
    snprintf(cells[2], 64, "%s %s", rg_figure(p->time_us / unit.us, time), unit.name);
    snprintf(
        cells[3], 64, "%s to %s", rg_figure(p->time_low_us / unit.us, low), rg_figure(p->time_high_us / unit.us, high));
    snprintf(cells[4], 64, "%s", rg_figure(p->node_gbps / 1e3, time));
    snprintf(cells[5], 64, "%.1f %%", p->efficiency_percent);
    snprintf(cells[6], 64, isnan(p->step_percent) ? "-" : "%.3g %%", p->step_percent);
    beyond_text(p->nodes_beyond, "nodes", nodes);
    beyond_text(p->size_beyond, "size", size);
    snprintf(cells[7], 64, "%s%s%s", nodes, nodes[0] && size[0] ? ", " : "", nodes[0] || size[0] ? size : "-");
}

static void print_row(const char *const *cells, FILE *out)
{
    fprintf(out, "  %6s %8s %9s %18s %9s %10s %9s  %s\n", cells[0], cells[1], cells[2], cells[3], cells[4], cells[5],
        cells[6], cells[7]);
}

static void print_projections(const struct rg_forecast_fit *fit, FILE *out)
{
    if (fit->projection_count > 0)
        print_row(cell_heads, out);
    for (size_t i = 0; i < fit->projection_count; i++) {
        char cells[CELLS][64];
        const char *row[CELLS];
        fill_cells(&fit->projections[i], cells);
        for (size_t k = 0; k < CELLS; k++)
            row[k] = cells[k];
        print_row(row, out);
    }
}

static void print_points(const struct rg_forecast_fit *fit, FILE *out)
{
    fprintf(out, "  %6s %8s %12s %12s %10s\n", "nodes", "size", "measured us", "fitted us", "residual");
    for (size_t i = 0; i < fit->point_count && i < POINTS_SHOWN; i++) {
        const struct rg_forecast_point *p = &fit->points[i];
        char size[24], measured[RG_FIGURE_LENGTH], fitted[RG_FIGURE_LENGTH];
        fprintf(out, "  %6lld %8s %12s %12s %+8.2f %%\n", (long long)p->nodes,
            rg_args_format_bytes(p->size_bytes, size), rg_figure(p->measured_us, measured),
            rg_figure(p->fitted_us, fitted), p->residual_percent);
    }
    if (fit->point_count > POINTS_SHOWN)
        fprintf(out, "    and %zu more; JSON has all of them\n", fit->point_count - POINTS_SHOWN);
}

void rg_report_forecast(const struct rg_forecast *forecast, FILE *out)
{
    if (forecast->hardware_reason != NULL)
        wrap_and_free(hardware_words(forecast), 0, 0, out);
    for (size_t i = 0; i < forecast->doubt_count; i++)
        wrap_and_free(words("BEWARE: %s", forecast->doubts[i]), 0, 2, out);
    for (size_t i = 0; i < forecast->fit_count; i++)
        wrap_and_free(words("%s: %s", forecast->fits[i].series, forecast->fits[i].sentence), 0, 2, out);
    for (size_t i = 0; i < forecast->left_out_count; i++)
        wrap_and_free(words("Not planned: %s.", forecast->left_out[i]), 0, 2, out);
    wrap_and_free(head_words(forecast), 0, 0, out);
    for (size_t i = 0; i < forecast->fit_count; i++) {
        const struct rg_forecast_fit *fit = &forecast->fits[i];
        fprintf(out, "\n%s\n", fit->series);
        print_projections(fit, out);
        wrap_and_free(fit_words(fit), 2, 4, out);
        print_points(fit, out);
    }
    fputc('\n', out);
    rg_wrap_print(method, 0, 0, out);
}

/* --- Markdown --- */

static void put_and_free(char *text, FILE *out)
{
    rg_naming_put_markdown(text ? text : "", out);
    free(text);
}

static void print_markdown_table(const struct rg_forecast_fit *fit, FILE *out)
{
    if (fit->projection_count == 0)
        return;
    fputs("\n|", out);
    for (size_t k = 0; k < CELLS; k++)
        fprintf(out, " %s |", cell_heads[k]);
    fputs("\n|--:|--:|--:|--:|--:|--:|--:|---|\n", out);
    for (size_t i = 0; i < fit->projection_count; i++) {
        char cells[CELLS][64];
        fill_cells(&fit->projections[i], cells);
        fputc('|', out);
        for (size_t k = 0; k < CELLS; k++)
            fprintf(out, " %s |", cells[k]);
        fputc('\n', out);
    }
}

void rg_report_forecast_markdown(const struct rg_forecast *forecast, FILE *out)
{
    fputs("### railgauge: plan\n\n", out);
    if (forecast->hardware_reason != NULL) {
        fputs("**", out);
        put_and_free(hardware_words(forecast), out);
        fputs("**\n\n", out);
    }
    for (size_t i = 0; i < forecast->doubt_count; i++) {
        fputs("**BEWARE:** ", out);
        rg_naming_put_markdown(forecast->doubts[i], out);
        fputs("\n\n", out);
    }
    for (size_t i = 0; i < forecast->fit_count; i++) {
        fputs("- ", out);
        put_and_free(words("%s: %s", forecast->fits[i].series, forecast->fits[i].sentence), out);
        fputc('\n', out);
    }
    for (size_t i = 0; i < forecast->left_out_count; i++) {
        fputs("- not planned: ", out);
        rg_naming_put_markdown(forecast->left_out[i], out);
        fputc('\n', out);
    }
    for (size_t i = 0; i < forecast->fit_count; i++) {
        fputs("\n**", out);
        rg_naming_put_markdown(forecast->fits[i].series, out);
        fputs("**\n", out);
        print_markdown_table(&forecast->fits[i], out);
        fputc('\n', out);
        put_and_free(fit_words(&forecast->fits[i]), out);
        fputc('\n', out);
    }
    fputc('\n', out);
    put_and_free(head_words(forecast), out);
    fputc(' ', out);
    rg_naming_put_markdown(method, out);
    fputc('\n', out);
}
