/* The ranks of a collective, and what they tell each other through the first of them. */
#ifndef RG_TEST_GROUP_H
#define RG_TEST_GROUP_H

#include "coll/communicator.h"
#include "test/session.h"

struct rg_group_ranks {
    int *members;    /* ranks, ascending; malloc'd */
    int count, self; /* self: this rank's place; -1: it sits out */
};

/* The group of this rank in a round: all ranks, or those of its node, of its rail, or of its node and the one it meets.
 */
int rg_group_open(
    const struct rg_session *session, const struct rg_round *round, struct rg_group_ranks *out, struct rg_error *err);
void rg_group_close(struct rg_group_ranks *group);

/* Which group it is, for the record; texts point into the session. */
void rg_group_describe(const struct rg_session *session, const struct rg_round *round,
    const struct rg_group_ranks *group, struct rg_group *out);

/* Everyone's `mine` arrives in `all` at the first member, in the group's order: `bytes` each. */
int rg_group_gather(const struct rg_session *session, const struct rg_group_ranks *group, const void *mine, void *all,
    size_t bytes, uint64_t until_ns, const char *what, struct rg_error *err);

/* The first member's `note` arrives at all others in its place. */
int rg_group_spread(const struct rg_session *session, const struct rg_group_ranks *group, void *note, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err);

/* A communicator that outlives a round, since the next one is often for the same group. */
struct rg_group_slot {
    struct rg_communicator *communicator;
    char key[160]; /* backend, group and settings that it was made for */
};

#endif
