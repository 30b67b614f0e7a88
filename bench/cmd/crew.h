/* Who still takes part in a run: the nodes of the plan, and which of their rails were lost. */
#ifndef RG_CMD_CREW_H
#define RG_CMD_CREW_H

#include "data/plan.h"

#include <stdbool.h>

struct rg_crew {
    int nodes, rails;
    char **hosts; /* by node; the caller's */
    bool *lost;   /* by node * rails + rail */
    int *present; /* the nodes that are not lost as a whole */
    size_t present_count;
    struct rg_absentee *absent; /* lost rails of those */
    size_t absent_count;
};

/* -ENOMEM. Close with rg_crew_close, which takes a zeroed structure. */
int rg_crew_open(char **hosts, int nodes, int rails, struct rg_crew *out, struct rg_error *err);
void rg_crew_close(struct rg_crew *crew);

/* Takes a rail (or, -1, all rails of a node) out; how many of them were in until now. present and absent follow. */
int rg_crew_lose(struct rg_crew *crew, int node, int rail);

/* Nodes of which something was lost. */
int rg_crew_lost_nodes(const struct rg_crew *crew);

#endif
