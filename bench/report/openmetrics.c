#include "base/clock.h"
#include "report/format.h"
#include "report/naming.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LABEL_MOST 253 /* bytes: as long as a host's name may be */

/* A figure of each side whose point has the metric. */
struct family {
    const char *name, *unit, *help, *metric;
    size_t offset; /* of the figure in struct rg_side */
    double factor; /* to the base unit */
};

#define AT(member) offsetof(struct rg_side, member)

static const struct family families[] = {
    {"railgauge_bandwidth_bytes_per_second", "bytes_per_second",
        "Payload rate of the side's worst flow, but for those that the other end is to blame for.", "bandwidth_gbps",
        AT(worst), 1e9 / 8},
    {"railgauge_bandwidth_threshold_bytes_per_second", "bytes_per_second", "What that flow has to reach.",
        "bandwidth_gbps", AT(threshold), 1e9 / 8},
    {"railgauge_bandwidth_nominal_ratio", "ratio", "That flow's rate as a share of the line rate.", "bandwidth_gbps",
        AT(worst_nominal_percent), 0.01},
    {"railgauge_bandwidth_ceiling_ratio", "ratio",
        "That flow's rate as a share of what headers leave of the line rate.", "bandwidth_gbps",
        AT(worst_ceiling_percent), 0.01},
    {"railgauge_latency_median_seconds", "seconds", "Median latency of the side's worst flow.", "latency_p50_us",
        AT(worst), 1e-6},
    {"railgauge_latency_median_threshold_seconds", "seconds", "What that latency has to stay within.", "latency_p50_us",
        AT(threshold), 1e-6},
    {"railgauge_latency_p99_seconds", "seconds", "99th percentile of the latency of the side's worst flow.",
        "latency_p99_us", AT(worst), 1e-6},
    {"railgauge_latency_p99_threshold_seconds", "seconds", "What that latency has to stay within.", "latency_p99_us",
        AT(threshold), 1e-6},
    {"railgauge_bus_bandwidth_bytes_per_second", "bytes_per_second", "Bus bandwidth of a collective.",
        "busbw_gigabytes_per_s", AT(worst), 1e9},
    {"railgauge_bus_bandwidth_threshold_bytes_per_second", "bytes_per_second", "What the bus bandwidth has to reach.",
        "busbw_gigabytes_per_s", AT(threshold), 1e9},
};

static void begin_family(const char *name, const char *unit, const char *help, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    if (unit != NULL)
        fprintf(out, "# UNIT %s %s\n", name, unit);
}

/* NULL: no such label. */
static void put_label(const char *name, const char *value, bool *first, FILE *out)
{
    if (value == NULL)
        return;
    fprintf(out, "%s%s=\"", *first ? "" : ",", name);
    *first = false;
    for (const char *at = value; *at != '\0' && at - value < LABEL_MOST;) {
        uint32_t c = rg_naming_next(&at);
        if (c == '\\' || c == '"')
            fprintf(out, "\\%c", (char)c);
        else if (c == '\n')
            fputs("\\n", out);
        else
            rg_naming_put(c, out);
    }
    fputc('"', out);
}

static void put_number_label(const char *name, int64_t value, bool *first, FILE *out)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_label(name, value == RG_NONE ? NULL : text, first, out);
}

static void put_labels(const struct rg_side *side, const struct rg_test_point *point, bool *first, FILE *out)
{
    put_label("node", side->node, first, out);
    put_number_label("rail", side->rail, first, out);
    put_label("side", side->side, first, out);
    put_label("peer", side->peer_node, first, out);
    put_label("test", point->test, first, out);
    put_number_label("size", point->size_bytes, first, out);
    put_label("direction", point->direction, first, out);
    put_label("scope", point->scope, first, out);
    put_label("memory", point->memory, first, out);
    put_number_label("queue_pairs", point->queue_pairs, first, out);
    put_label("variant", point->variant, first, out);
    put_label("pattern", point->pattern, first, out);
}

static double figure_of(const struct rg_side *side, const struct family *family)
{
    double value;
    memcpy(&value, (const char *)side + family->offset, sizeof value);
    return value * family->factor;
}

static void print_family(const struct rg_verdict *verdict, const struct family *family, FILE *out)
{
    bool begun = false;
    for (size_t i = 0; i < verdict->sides.count; i++) {
        const struct rg_side *side = &verdict->sides.at[i];
        const struct rg_test_point *point = &verdict->points.at[side->point];
        double figure = figure_of(side, family);
        bool first = true;
        if (isnan(figure) || strcmp(point->metric, family->metric) != 0)
            continue;
        if (!begun)
            begin_family(family->name, family->unit, family->help, out);
        begun = true;
        fprintf(out, "%s{", family->name);
        put_labels(side, point, &first, out);
        fprintf(out, "} %.12g\n", figure);
    }
}

static void print_statuses(const struct rg_verdict *verdict, FILE *out)
{
    if (verdict->sides.count > 0)
        begin_family("railgauge_status", NULL,
            "1 for how the side's worst measurement ended, but for those that the other end is to blame for.", out);
    for (size_t i = 0; i < verdict->sides.count; i++) {
        const struct rg_side *side = &verdict->sides.at[i];
        const struct rg_test_point *point = &verdict->points.at[side->point];
        bool first = true;
        fputs("railgauge_status{", out);
        put_labels(side, point, &first, out);
        put_label("metric", point->metric, &first, out);
        put_label("status", rg_status_names[side->status], &first, out);
        fputs("} 1\n", out);
    }
}

static void print_run(const struct rg_run *run, const struct rg_verdict *verdict, FILE *out)
{
    time_t began;
    begin_family("railgauge_exit_status", NULL, "0 pass, 1 fail, 3 inconclusive.", out);
    fprintf(out, "railgauge_exit_status %d\n", verdict->exit_status);
    if (run->hardware != RG_NONE) {
        begin_family("railgauge_hardware", NULL, "1: the figures are of real hardware from end to end.", out);
        fprintf(out, "railgauge_hardware %d\n", run->hardware != 0);
    }
    if (run->started_at != NULL && rg_clock_read_timestamp(run->started_at, &began)) {
        begin_family("railgauge_run_start_timestamp_seconds", "seconds", "When the run began.", out);
        fprintf(out, "railgauge_run_start_timestamp_seconds %lld\n", (long long)began);
    }
    begin_family("railgauge_measurements", NULL, "How many of what was judged ended how.", out);
    for (int s = 0; s < RG_STATUSES; s++)
        fprintf(out, "railgauge_measurements{status=\"%s\"} %zu\n", rg_status_names[s], verdict->counts[s]);
}

static void print_suspects(const struct rg_verdict *verdict, FILE *out)
{
    begin_family("railgauge_suspects", NULL, "Parts of the fabric that are to blame.", out);
    fprintf(out, "railgauge_suspects %zu\n", verdict->accused_count);
    if (verdict->accused_count > 0)
        begin_family("railgauge_suspect_loss_ratio", "ratio",
            "Share of a healthy flow's rate that a part costs; NaN: its data arrive damaged.", out);
    for (size_t i = 0; i < verdict->accused_count; i++) {
        const struct rg_accused *accused = &verdict->accused[i];
        bool first = true;
        fputs("railgauge_suspect_loss_ratio{", out);
        put_label("part", accused->part, &first, out);
        put_label("fault", accused->fault, &first, out);
        put_label("status", accused->status, &first, out);
        put_label("node", accused->node, &first, out);
        put_number_label("leaf", accused->leaf, &first, out);
        put_number_label("rail", accused->rail, &first, out);
        put_label("peer", accused->peer_node, &first, out);
        put_number_label("peer_rail", accused->peer_rail, &first, out);
        if (isnan(accused->loss_percent))
            fputs("} NaN\n", out);
        else
            fprintf(out, "} %.6g\n", accused->loss_percent / 100);
    }
}

void rg_report_openmetrics(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    (void)style;
    print_run(run, verdict, out);
    print_suspects(verdict, out);
    print_statuses(verdict, out);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        print_family(verdict, &families[i], out);
    fputs("# EOF\n", out);
}
