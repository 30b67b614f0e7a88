#include "judge/cost.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static double one(double p)
{
    (void)p;
    return 1;
}

static double log_p(double p)
{
    return log2(p);
}

static double twice_log_p(double p)
{
    return 2 * log2(p);
}

static double half_log_p(double p)
{
    return log2(p) / 2;
}

static double others(double p)
{
    return p - 1;
}

static double twice_others(double p)
{
    return 2 * (p - 1);
}

static double log_p_and_others(double p)
{
    return log2(p) + p - 1;
}

static double others_share(double p)
{
    return (p - 1) / p;
}

static double twice_others_share(double p)
{
    return 2 * (p - 1) / p;
}

const struct rg_cost rg_cost_table[] = {
    {"all_reduce", "ring", "2(p-1) a + 2(p-1)/p m b", twice_others, twice_others_share, twice_others_share},
    {"all_reduce", "halving and doubling (Rabenseifner)", "2 log2(p) a + 2(p-1)/p m b", twice_log_p, twice_others_share,
        twice_others_share},
    {"all_reduce", "recursive doubling", "log2(p) a + log2(p) m b", log_p, log_p, twice_others_share},
    {"all_gather", "ring", "(p-1) a + (p-1)/p m b", others, others_share, others_share},
    {"all_gather", "recursive doubling", "log2(p) a + (p-1)/p m b", log_p, others_share, others_share},
    {"reduce_scatter", "pairwise", "(p-1) a + (p-1)/p m b", others, others_share, others_share},
    {"reduce_scatter", "recursive halving", "log2(p) a + (p-1)/p m b", log_p, others_share, others_share},
    {"broadcast", "binomial tree", "log2(p) a + log2(p) m b", log_p, log_p, one},
    {"broadcast", "scatter and ring", "(log2(p)+p-1) a + 2(p-1)/p m b", log_p_and_others, twice_others_share, one},
    {"broadcast", "chain in small pieces", "(p-1) a + m b", others, one, one},
    {"all_to_all", "pairwise", "(p-1) a + (p-1)/p m b", others, others_share, others_share},
    {"all_to_all", "Bruck", "log2(p) a + log2(p)/2 m b", log_p, half_log_p, others_share},
    {"send_recv", "one message", "a + m b", one, one, one},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

double rg_cost_bus(const char *test, double ranks)
{
    const struct rg_cost *cost = rg_cost_table;
    while (strcmp(cost->test, test) != 0)
        cost++;
    return cost->bus(ranks);
}
