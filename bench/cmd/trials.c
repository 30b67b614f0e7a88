#include "cmd/trials.h"

#include "data/fabric.h"
#include "data/plan.h"
#include "fleet/random.h"
#include "judge/fleet.h"
#include "test/simulated.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NODES_LEAST 3
#define NODES_MOST 512
#define RAILS 8
#define FAULTS_MOST 4

struct trial {
    struct rg_fabric fabric;
    struct rg_plan plan;
    struct rg_suite suite;
    struct rg_fleet_judge *judge;
    char (*names)[32];
    bool touched[FAULTS_MOST]; /* that some flow passed through the fault's part */
};

/* One round of a trial. */
struct visit {
    struct trial *trial;
    const struct rg_round *round;
    int64_t number;
    struct rg_error *err;
};

static int measure(void *context, const struct rg_link *link)
{
    const struct visit *visit = context;
    struct trial *t = visit->trial;
    struct rg_simulated simulated;
    const struct rg_fleet fleet = {t->fabric.nodes, t->fabric.rails, t->fabric.leaf_of};
    rg_simulated_open(&t->fabric, visit->round, visit->number, link, &simulated);
    if (simulated.outcome.gone)
        return 0;
    for (int f = 0; f < t->fabric.fault_count; f++)
        t->touched[f] |= rg_part_touches(&fleet, &t->fabric.faults[f].part,
            link->from_node * t->fabric.rails + link->from_rail, link->to_node * t->fabric.rails + link->to_rail);
    const struct rg_flow_outcome *o = &simulated.outcome;
    return rg_fleet_judge_add_flow(t->judge, 0, visit->round->size_bytes, link, o->dead ? NAN : o->rate_gbps,
        o->dead ? -1 : !o->corrupt, visit->err);
}

static int measure_round(struct trial *t, const struct rg_round *round, int64_t number, struct rg_error *err)
{
    struct visit visit = {t, round, number, err};
    return rg_plan_each_link(&t->plan, round, measure, &visit);
}

/* Who has died or hung is lost, as `railgauge run` would tell. */
static void lose_the_gone(struct trial *t, double at_s)
{
    for (int node = 0; node < t->fabric.nodes; node++)
        for (int rail = 0; rail < RAILS; rail++)
            if (rg_fabric_is_gone(&t->fabric, node, rail, at_s))
                rg_fleet_judge_lose(t->judge, t->names[node], rail);
}

static int measure_all(struct trial *t, struct rg_error *err)
{
    int64_t rounds = rg_plan_rounds(&t->plan);
    double at_s = 0;
    int code = 0;
    for (int64_t n = 0; code == 0 && n < rounds; n++) {
        struct rg_round round = rg_plan_round(&t->plan, n);
        round.at_s = at_s;
        at_s += rg_plan_seconds(&t->suite, &round);
        code = measure_round(t, &round, n, err);
    }
    lose_the_gone(t, at_s);
    for (int64_t n = rounds; code == 0; n++) {
        struct rg_round round = {.at_s = at_s};
        struct rg_link *links;
        int64_t test;
        code = rg_fleet_judge_ask(t->judge, &test, &round.size_bytes, &links, &round.link_count, err);
        if (code != 0 || links == NULL)
            return code;
        round.links = links;
        code = measure_round(t, &round, n, err);
        free(links);
    }
    return code;
}

static bool is_the_part(const struct trial *t, const struct rg_accused *a, const struct rg_fault_plan *fault)
{
    const struct rg_part *part = &fault->part;
    bool leaf = part->kind >= RG_PART_LEAF_TX;
    bool corrupts = fault->kind == RG_FAULT_CORRUPTS, found_corrupt = strcmp(a->fault, "corrupt") == 0;
    if (strcmp(a->part, rg_fault_part_words[part->kind]) != 0 || corrupts != found_corrupt ||
        strcmp(a->status, "one_of") == 0)
        return false;
    if (a->rail != (part->rail < 0 ? RG_NONE : part->rail))
        return false;
    if (leaf)
        return a->leaf == part->node;
    if (part->kind == RG_PART_RAIL)
        return a->node == NULL;
    return strcmp(a->node, t->names[part->node]) == 0 &&
           (part->peer < 0 || strcmp(a->peer_node, t->names[part->peer]) == 0);
}

/* Whether just the planted parts that flows passed through were named. What is lost is told by who does not come any
 * more, which needs no judge; that it was well until then, and that the others are not accused of it, does. */
static bool is_exact(const struct trial *t, const struct rg_verdict *verdict)
{
    size_t named = 0;
    for (int f = 0; f < t->fabric.fault_count; f++) {
        bool found = false;
        for (size_t i = 0; i < verdict->accused_count; i++)
            found |= is_the_part(t, &verdict->accused[i], &t->fabric.faults[f]);
        if (found != (t->touched[f] && t->fabric.faults[f].kind < RG_FAULT_DIES))
            return false;
        named += found;
    }
    return named == verdict->accused_count;
}

static void print_miss(const struct trial *t, uint64_t seed, const struct rg_verdict *verdict, FILE *out)
{
    fprintf(out, "miss: seed %llu, %d nodes, noise %.2f %%, %s\n", (unsigned long long)seed, t->fabric.nodes,
        100 * t->fabric.noise, t->suite.tests[0].pattern);
    for (int f = 0; f < t->fabric.fault_count; f++) {
        const struct rg_fault_plan *fault = &t->fabric.faults[f];
        fprintf(out, "  planted: %s %s of node %d, rail %d, peer %d, loss %.1f %%, at %.1f s%s\n",
            rg_fault_kind_words[fault->kind], rg_fault_part_words[fault->part.kind], fault->part.node, fault->part.rail,
            fault->part.peer, 100 * fault->loss, fault->at_s, t->touched[f] ? "" : ", no flow passed through it");
    }
    for (size_t i = 0; i < verdict->accused_count; i++)
        fprintf(out, "  named: %s\n", verdict->accused[i].sentence);
}

static int open_trial(struct trial *t, uint64_t seed, bool healthy, struct rg_error *err)
{
    uint64_t draw = rg_random_with(seed, 1);
    int nodes = NODES_LEAST + (int)(draw % (NODES_MOST - NODES_LEAST + 1));
    int faults = healthy ? 0 : (int)(rg_random_with(seed, 2) % (FAULTS_MOST + 1));
    rg_fabricdoc_default(nodes, RAILS, seed, &t->fabric);
    t->fabric.noise = 0.003 + 0.017 * rg_random_share(rg_random_with(seed, 3));
    int code = rg_fabric_prepare(&t->fabric, err);
    if (code == 0)
        code = rg_suite_single("rdma_write_bw", &t->suite, err);
    if (code != 0)
        return code;
    t->suite.tests[0].pattern = seed % 2 ? "pairs" : "screen";
    t->plan = (struct rg_plan){&t->suite, nodes, RAILS, seed};
    code = rg_fabric_draw_faults(&t->fabric, faults, rg_plan_begin_s(&t->plan, rg_plan_rounds(&t->plan)), err);
    if (code != 0)
        return code;
    t->names = calloc((size_t)nodes, sizeof *t->names);
    const char **names = calloc((size_t)nodes, sizeof *names);
    if (t->names == NULL || names == NULL) {
        free(names);
        return rg_fail(err, -ENOMEM, "no memory for %d nodes", nodes);
    }
    for (int node = 0; node < nodes; node++) {
        rg_fabricdoc_node_name(node, t->names[node]);
        names[node] = t->names[node];
    }
    code =
        rg_fleet_judge_open(names, nodes, RAILS, t->fabric.leaf_of, seed, RG_FLEET_LEAST_LOSS_PERCENT, &t->judge, err);
    free(names);
    return code;
}

static void close_trial(struct trial *t)
{
    rg_fleet_judge_close(t->judge);
    rg_suite_close(&t->suite);
    rg_fabric_close(&t->fabric);
    free(t->names);
}

/* 1: exact, 0: not; negative without memory. accused: whether anything was named. */
static int run_one(uint64_t seed, bool healthy, bool *accused, FILE *out, struct rg_error *err)
{
    struct trial trial = {0};
    struct rg_verdict verdict = {.run_id = "trial", .against_kind = "none"};
    int code = open_trial(&trial, seed, healthy, err);
    if (code == 0)
        code = measure_all(&trial, err);
    if (code == 0)
        code = rg_fleet_judge_conclude(trial.judge, &trial.suite, &verdict, err);
    if (code == 0) {
        code = is_exact(&trial, &verdict);
        *accused = verdict.accused_count > 0;
        if (code == 0)
            print_miss(&trial, seed, &verdict, out);
    }
    rg_verdict_close(&verdict);
    close_trial(&trial);
    return code;
}

int rg_trials_run(int64_t count, uint64_t seed, FILE *out, struct rg_error *err)
{
    int64_t exact = 0, false_alarms = 0;
    bool accused = false;
    for (int64_t i = 0; i < count; i++) {
        int code = run_one(seed + (uint64_t)i, false, &accused, out, err);
        if (code < 0)
            return code;
        exact += code;
        code = run_one(seed + (uint64_t)i, true, &accused, out, err);
        if (code < 0)
            return code;
        false_alarms += accused;
    }
    fprintf(out,
        "%lld of %lld fleets with 0 to %d faults were judged exactly (%.2f %%); %lld of %lld healthy fleets were accused\n",
        (long long)exact, (long long)count, FAULTS_MOST, 100.0 * (double)exact / (double)count, (long long)false_alarms,
        (long long)count);
    return (double)exact >= 0.99 * (double)count && false_alarms == 0 ? 0 : 1;
}
