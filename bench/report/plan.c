#include "report/plan.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_OVERHEAD_S 0.25 /* endpoints, common start, notes, verification: about what a round takes besides */

struct sum {
    int64_t rounds, flows;
    double seconds;
};

static int count_link(void *context, const struct rg_link *link)
{
    (void)link;
    ++*(int64_t *)context;
    return 0;
}

/* with_flows: counts them, round by round, which takes a while for many nodes. */
static void add_up(const struct rg_plan *plan, bool with_flows, struct sum *sums)
{
    int64_t rounds = rg_plan_rounds(plan);
    for (int64_t n = 0; n < rounds; n++) {
        struct rg_round round = rg_plan_round(plan, n);
        struct sum *sum = &sums[round.test_index];
        sum->rounds++;
        sum->seconds += rg_plan_seconds(plan->suite, &round) + ROUND_OVERHEAD_S;
        if (with_flows && rg_test_has_flows(rg_test_kind_of(plan->suite->tests[round.test_index].test)))
            rg_plan_each_link(plan, &round, count_link, &sum->flows);
    }
}

static const char *time_text(double seconds, char out[24])
{
    if (seconds < 120)
        snprintf(out, 24, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(out, 24, "%.0f min", seconds / 60);
    else
        snprintf(out, 24, "%.1f h", seconds / 3600);
    return out;
}

/* Of one rank: both buffers of a flow. */
static int64_t memory_of(const struct rg_settings *s)
{
    int64_t largest = 0;
    for (uint32_t i = 0; i < s->sizes.count; i++)
        if (s->sizes.bytes[i] > largest)
            largest = s->sizes.bytes[i];
    enum rg_test_kind kind = rg_test_kind_of(s->test);
    bool host_collective = kind == RG_TEST_COLLECTIVE && strcmp(s->memory, "host") == 0;
    bool walks = kind != RG_TEST_LATENCY && !host_collective;
    return 2 * (walks && s->working_set_bytes > largest ? s->working_set_bytes : largest);
}

/* In what else a test differs from others of its name in the suite: "  queue_pairs 8, direction both_ways". */
static void print_differences(const struct rg_suite *suite, const struct rg_settings *s, const char *told, FILE *out)
{
    const char *between = "  ";
    for (size_t i = 0; i < rg_settings_row_count; i++) {
        const struct rg_option *row = &rg_settings_rows[i];
        char here[64], there[64];
        const char *text = rg_settings_text(row, s, here);
        bool differs = false;
        for (size_t t = 0; t < suite->test_count; t++)
            differs |= strcmp(suite->tests[t].test, s->test) == 0 &&
                       strcmp(rg_settings_text(row, &suite->tests[t], there), text) != 0;
        differs &= text != told;
        if (differs)
            fprintf(out, "%s%s %s", between, row->key, text);
        between = differs ? ", " : between;
    }
    fputc('\n', out);
}

static void print_test(const struct rg_suite *suite, const struct rg_settings *s, const struct sum *sum, FILE *out)
{
    char sizes[64], first[24], last[24], seconds[24], memory[24];
    rg_args_format_bytes(s->sizes.bytes[0], first);
    rg_args_format_bytes(s->sizes.bytes[s->sizes.count - 1], last);
    snprintf(sizes, sizeof sizes, s->sizes.count > 1 ? "%s..%s" : "%s", first, last);
    enum rg_test_kind kind = rg_test_kind_of(s->test);
    const char *what = rg_test_has_flows(kind) ? s->pattern : kind == RG_TEST_COPY ? s->copy : s->group;
    fprintf(out, "  %-15s %-13s %-22s %7lld %10lld %9s %10s", s->test, sizes, what, (long long)sum->rounds,
        (long long)sum->flows, time_text(sum->seconds, seconds), rg_args_format_bytes(memory_of(s), memory));
    print_differences(suite, s, what, out);
}

static double seconds_for(const struct rg_plan *plan, int nodes)
{
    struct rg_plan other = *plan;
    struct sum *sums = calloc(plan->suite->test_count + 1, sizeof *sums);
    double seconds = 0;
    other.nodes = nodes;
    if (sums != NULL)
        add_up(&other, false, sums);
    for (size_t i = 0; sums != NULL && i < plan->suite->test_count; i++)
        seconds += sums[i].seconds;
    free(sums);
    return seconds;
}

void rg_report_plan(const struct rg_plan *plan, FILE *out)
{
    static const int nodes[] = {2, 16, 256};
    struct sum *sums = calloc(plan->suite->test_count, sizeof *sums), all = {0};
    char text[24];
    if (sums == NULL)
        return;
    add_up(plan, true, sums);
    fprintf(out, "suite %s, %d node%s with %d rail%s: nothing is measured\n\n", plan->suite->name, plan->nodes,
        plan->nodes == 1 ? "" : "s", plan->rails, plan->rails == 1 ? "" : "s");
    fprintf(out, "  %-15s %-13s %-22s %7s %10s %9s %10s\n", "test", "sizes", "who with whom", "rounds", "flows", "time",
        "memory");
    for (size_t i = 0; i < plan->suite->test_count; i++) {
        print_test(plan->suite, &plan->suite->tests[i], &sums[i], out);
        all.rounds += sums[i].rounds;
        all.flows += sums[i].flows;
        all.seconds += sums[i].seconds;
    }
    fprintf(out, "  %-52s %7lld %10lld %9s\n\n", "in all", (long long)all.rounds, (long long)all.flows,
        time_text(all.seconds, text));
    fputs("Memory is of one rank. Time includes about a quarter of a second a round for set-up and checks;\n"
          "suspects that are measured again come on top. The same suite takes about\n",
        out);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        fprintf(out, "  %-9s for %d nodes\n", time_text(seconds_for(plan, nodes[i]), text), nodes[i]);
    free(sums);
}
