#include "report/together.h"

#include "base/args.h"
#include "base/wrap.h"
#include "report/figure.h"
#include "report/naming.h"

#include <math.h>
#include <string.h>

static void print_total(const struct rg_total *total, FILE *out)
{
    const struct rg_test_point point = {.test = total->test,
        .direction = total->direction,
        .memory = total->memory,
        .variant = total->variant,
        .metric = "bandwidth_gbps",
        .size_bytes = total->size_bytes,
        .queue_pairs = total->queue_pairs};
    char line[512], name[256], median[RG_FIGURE_LENGTH], least[RG_FIGURE_LENGTH];
    rg_naming_point(&point, name, sizeof name);
    int used = snprintf(line, sizeof line, "%s: %s Gb/s in %lld flows", name, rg_figure(total->median_gbps, median),
        (long long)total->flows);
    if (total->rounds > 1)
        snprintf(line + used, sizeof line - (size_t)used, "; least of %lld rounds %s, in round %lld",
            (long long)total->rounds, rg_figure(total->least_gbps, least), (long long)total->least_round + 1);
    fputs("  ", out);
    rg_wrap_print(line, 2, 4, out);
}

static void print_head(const struct rg_congestion *c, FILE *out)
{
    const struct rg_test_point point = {.test = c->test,
        .direction = c->direction,
        .memory = c->memory,
        .variant = c->variant,
        .metric = c->metric,
        .size_bytes = c->size_bytes,
        .queue_pairs = c->queue_pairs};
    char name[256];
    rg_naming_point(&point, name, sizeof name);
    fprintf(out, "\n%s beside %s of the other nodes, median victim, %s\n", name, c->load, rg_naming_unit(c->metric));
    fprintf(out, "  %-5s %9s %9s %7s   %9s %9s %7s   %s\n", "rail", "p50 alone", "loaded", "ratio", "p99 alone",
        "loaded", "ratio", "worst ratio of p99");
}

static void print_congestion(const struct rg_congestion *c, FILE *out)
{
    char alone[RG_FIGURE_LENGTH], loaded[RG_FIGURE_LENGTH], alone_tail[RG_FIGURE_LENGTH], loaded_tail[RG_FIGURE_LENGTH];
    fprintf(out, "  %-5lld %9s %9s %7.2f   %9s %9s %7.2f   %.2f, %s\n", (long long)c->rail,
        rg_figure(c->alone_p50, alone), rg_figure(c->loaded_p50, loaded), c->ratio_p50,
        rg_figure(c->alone_p99, alone_tail), rg_figure(c->loaded_p99, loaded_tail), c->ratio_p99, c->worst_ratio_p99,
        c->worst_node);
}

void rg_report_together(const struct rg_verdict *verdict, FILE *out)
{
    if (verdict->total_count > 0)
        fprintf(out, "\nAll flows of a round together, the median round\n");
    for (size_t i = 0; i < verdict->total_count; i++)
        print_total(&verdict->totals[i], out);
    for (size_t i = 0; i < verdict->congestion_count; i++) {
        const struct rg_congestion *c = &verdict->congestions[i], *before = i > 0 ? c - 1 : NULL;
        if (before == NULL || strcmp(before->test, c->test) != 0 || before->size_bytes != c->size_bytes ||
            strcmp(before->load, c->load) != 0 || before->rail >= c->rail)
            print_head(c, out);
        print_congestion(c, out);
    }
}
