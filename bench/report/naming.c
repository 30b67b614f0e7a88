#include "report/naming.h"

#include "report/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *rg_naming_unit(const char *metric)
{
    if (strcmp(metric, "bandwidth_gbps") == 0)
        return "Gb/s";
    return strcmp(metric, "busbw_gigabytes_per_s") == 0 ? "GB/s" : "us";
}

void rg_naming_point(const struct rg_test_point *point, char *out, size_t room)
{
    char size[24], pairs[48] = "";
    bool host = point->memory == NULL || strcmp(point->memory, "host") == 0;
    if (point->queue_pairs != RG_NONE && point->direction != NULL)
        snprintf(pairs, sizeof pairs, ", %lld %s%s", (long long)point->queue_pairs, rg_test_channel_word(point->test),
            point->queue_pairs == 1 ? "" : "s");
    snprintf(out, room, "%s %s%s%s%s%s%s%s%s%s%s%s", point->test, rg_args_format_bytes(point->size_bytes, size),
        point->direction ? " " : "", point->direction ? point->direction : "", pairs, host ? "" : ", ",
        host ? "" : point->memory, point->variant ? ", " : "", point->variant ? point->variant : "",
        point->pattern ? ", " : "", point->pattern ? point->pattern : "",
        strcmp(point->metric, "latency_p50_us") == 0   ? ", median"
        : strcmp(point->metric, "latency_p99_us") == 0 ? ", 99th percentile"
                                                       : "");
}

void rg_naming_side(const struct rg_side *side, const char *scope, char *out, size_t room)
{
    bool group = strcmp(scope, "group") == 0;
    const char *does = side->side == NULL ? "" : strcmp(side->side, "tx") == 0 ? " sends" : " receives";
    if (side->node == NULL && side->rail == RG_NONE)
        snprintf(out, room, group ? "all ranks" : "every %s", scope);
    else if (side->node == NULL)
        snprintf(out, room, "rail %lld of all nodes", (long long)side->rail);
    else if (side->peer_node != NULL)
        snprintf(out, room, "%s with %s", side->node, side->peer_node);
    else if (side->rail == RG_NONE)
        snprintf(out, room, "%s%s, all rails", side->node, does);
    else
        snprintf(out, room, "%s rail %lld%s%s", side->node, (long long)side->rail, does,
            strcmp(scope, "gpu") == 0 ? ", its GPU" : "");
}

void rg_naming_side_figures(const struct rg_side *side, const char *metric, char *out, size_t room)
{
    char measured[16], threshold[16], expected[16];
    bool latency = strncmp(metric, "latency", 7) == 0;
    size_t used = 0;
    out[0] = '\0';
    if (!isnan(side->worst))
        used = (size_t)snprintf(out, room, "%s %s", rg_figure(side->worst, measured), rg_naming_unit(metric));
    if (!isnan(side->threshold) && used < room)
        snprintf(out + used, room - used, "%s %s %s, which is %s %s %.3g %% (%s)", used ? " of" : "expected is",
            latency ? "at most" : "at least", rg_figure(side->threshold, threshold),
            rg_figure(side->expected, expected), latency ? "and" : "less", side->tolerance_percent,
            side->source ? side->source : "-");
}

/* --- characters --- */

static bool is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7F) || (c > 0x9F && c <= 0xD7FF) ||
           (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

uint32_t rg_naming_next(const char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)*text;
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xF0 && at[0] < 0xF8 ? 3 : at[0] >= 0xE0 ? 2 : at[0] >= 0xC0 ? 1 : -1;
    uint32_t c = more <= 0 ? at[0] : at[0] & (0x3Fu >> more);
    *text += 1;
    if (more < 0 || at[0] >= 0xF8)
        return 0xFFFD;
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (at[i] & 0x3Fu);
    }
    if (c < least[more] || !is_allowed(c))
        return 0xFFFD;
    *text += more;
    return c;
}

void rg_naming_put(uint32_t c, FILE *out)
{
    if (c < 0x80) {
        fputc((int)c, out);
        return;
    }
    if (c < 0x800) {
        fputc((int)(0xC0 | c >> 6), out);
    } else {
        if (c < 0x10000) {
            fputc((int)(0xE0 | c >> 12), out);
        } else {
            fputc((int)(0xF0 | c >> 18), out);
            fputc((int)(0x80 | (c >> 12 & 0x3F)), out);
        }
        fputc((int)(0x80 | (c >> 6 & 0x3F)), out);
    }
    fputc((int)(0x80 | (c & 0x3F)), out);
}

void rg_naming_put_markdown(const char *text, FILE *out)
{
    const char *begin = text;
    while (*text != '\0') {
        bool after_www = text - begin >= 3 && strncasecmp(text - 3, "www", 3) == 0;
        uint32_t c = rg_naming_next(&text);
        if (c == '\n' || c == '\r' || c == '\t')
            c = ' ';
        if (c == '<')
            fputs("&lt;", out);
        else if (c == '&')
            fputs("&amp;", out);
        else if (c == '@' || (c == ':' && *text == '/') || (c == '.' && after_www)) /* a mention, or a link */
            fprintf(out, "&#%u;", (unsigned)c);
        else if (c < 0x80 && strchr("\\`*_{}[]>#|!~$", (int)c) != NULL)
            fprintf(out, "\\%c", (char)c);
        else
            rg_naming_put(c, out);
    }
}

/* --- what did not pass --- */

/* How far a side is from what it must reach, as a share; what was not measured comes first. */
static double reached(const struct rg_side *side, const struct rg_test_point *point)
{
    if (isnan(side->worst) || isnan(side->threshold))
        return 0;
    return strncmp(point->metric, "latency", 7) == 0 ? side->threshold / side->worst : side->worst / side->threshold;
}

static int worse_first(const void *left, const void *right, void *context)
{
    const struct rg_verdict *verdict = context;
    const size_t *l = left, *r = right;
    const struct rg_side *a = &verdict->sides.at[*l], *b = &verdict->sides.at[*r];
    int weight = rg_status_weight(b->status) - rg_status_weight(a->status);
    double x = reached(a, &verdict->points.at[a->point]), y = reached(b, &verdict->points.at[b->point]);
    double m = (double)a->counts[a->status] / a->rows, n = (double)b->counts[b->status] / b->rows;
    if (weight != 0 || x != y)
        return weight != 0 ? weight : (x > y) - (x < y);
    return m != n ? (m < n) - (m > n) : (*l > *r) - (*l < *r); /* a flow's ends: the one whose others are as bad */
}

size_t *rg_naming_worst(const struct rg_verdict *verdict, size_t *count)
{
    size_t *places = calloc(verdict->sides.count + 1, sizeof *places);
    *count = 0;
    for (size_t i = 0; places != NULL && i < verdict->sides.count; i++)
        if (verdict->sides.at[i].status != RG_PASS && verdict->sides.at[i].status != RG_UNJUDGED)
            places[(*count)++] = i;
    if (places != NULL)
        qsort_r(places, *count, sizeof *places, worse_first, (void *)(uintptr_t)verdict);
    return places;
}
