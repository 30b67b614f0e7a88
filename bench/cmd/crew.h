/* Who takes part in a run: the nodes of the plan, what they are called, and which of their rails were lost. A rank has
 * two numbers: the plan's, which counts the ranks of all nodes and is told to people, and that of an attempt, in which
 * those of lost nodes are missing. */
#ifndef RG_CMD_CREW_H
#define RG_CMD_CREW_H

#include "base/names.h"
#include "data/plan.h"

#include <stdbool.h>

struct rg_crew {
    int nodes, rails;
    int each;           /* ranks a node: its rails, or twice as many */
    const char **names; /* by node: its own once it has been met, until then the host's */
    bool *met;          /* by rank of the plan */
    struct rg_names numbers;
    bool *lost;   /* by node * rails + rail */
    int *present; /* the nodes that are not lost as a whole */
    size_t present_count;
    struct rg_absentee *absent; /* lost rails of those */
    size_t absent_count;
};

/* The hosts' texts must outlive the crew. -ENOMEM. Close with rg_crew_close, which takes a zeroed structure. */
int rg_crew_open(char **hosts, int nodes, int rails, int each, struct rg_crew *out, struct rg_error *err);
void rg_crew_close(struct rg_crew *crew);

/* A rank of the plan introduces itself as of a node of this name, which must outlive the crew; false: it, or somebody
 * in its place, has done so before. */
bool rg_crew_meet(struct rg_crew *crew, int64_t planned, const char *name);

/* The node of that name among those that were met; -1: there is none. */
int rg_crew_number(const struct rg_crew *crew, const char *name);

/* The plan's number of a rank of this attempt; -1: it has none. */
int64_t rg_crew_planned(const struct rg_crew *crew, int64_t rank);

/* Takes a rail (or, -1, all rails of a node) out; how many of them were in until now. present and absent, and with them
 * the numbers of an attempt, change with rg_crew_muster. */
int rg_crew_lose(struct rg_crew *crew, int node, int rail);
void rg_crew_muster(struct rg_crew *crew);

/* Nodes of which something was lost. */
int rg_crew_lost_nodes(const struct rg_crew *crew);

#endif
