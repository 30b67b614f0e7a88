/* Parts of a fleet, and which of them show a change; for the files of judge/ alone. */
#ifndef RG_JUDGE_EXTENT_H
#define RG_JUDGE_EXTENT_H

#include "judge/trend_words.h"

#define RG_EXTENT_RAILS 64
#define RG_EXTENT_NONE SIZE_MAX

/* What a finding may be about. Of one place that stands by itself (alone) are the series that have just its node and
 * rail; of any other part those that have these, where they are given. */
struct rg_extent {
    const char *name, *scope;
    const char *node; /* NULL: all, or none of a place alone */
    int64_t rail;     /* RG_NONE: all, or none of a place alone */
    bool alone;
};

/* Turns changes into findings, event by event. */
struct rg_finder {
    const struct rg_past *past;
    struct rg_trend *trend;
    const size_t *kind_of; /* by series: the same figure of any place; in the order of series */
    size_t kind_count;
    size_t *finding_of;                                /* by change; RG_EXTENT_NONE: not explained yet */
    size_t *order;                                     /* of the changes: those of one event side by side */
    size_t cluster_first, cluster_last, first_finding; /* the event's */
    const char **nodes;                                /* the series' nodes, each once */
    size_t *node_of, node_count;                       /* by series; RG_EXTENT_NONE: it is of no node */
    struct rg_judge_place *places, *others;
    unsigned char *known, *shown; /* by node * RG_EXTENT_RAILS + rail: a place that was measured, and how it changed */
    size_t *kind_known, *kind_shown;
    double *mean, *scratch;
    struct rg_error *err;
};

bool rg_extent_same(const char *a, const char *b);

/* A change for the worse. */
bool rg_extent_is_worse(const struct rg_past *past, const struct rg_change *change);

/* Whether it is a change of the part that nothing explains yet. */
bool rg_extent_is_open(const struct rg_finder *f, const struct rg_extent *part, size_t change);

/* The greatest open change of the part; RG_EXTENT_NONE: there is none. */
size_t rg_extent_greatest(const struct rg_finder *f, const struct rg_extent *part);

/* The open change that stands for them: about as great as the one in the middle, or of one place alone as the greatest,
 * and of the first kind that many of these are of, so that it is the same night after night. */
size_t rg_extent_lead(const struct rg_finder *f, const struct rg_extent *part);

/* Measures the finding's size over all series that show it, and counts the places that do. Whether most of the part
 * does: three in four, and two at least; in a fleet, on two nodes and two rails. A slow part drags along all
 * collectives that it has a part in: of a node's or a rail's most must show it, and of the other nodes' or rails' not.
 */
bool rg_extent_look_around(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io);

/* Which side of its flows shows it, and in how many of the kinds that could; after rg_extent_look_around. */
void rg_extent_look_closer(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io);

/* Compares what was recorded of the places that show it, and of the others like them that do not. The last to be
 * called: it forgets the former. */
void rg_extent_compare_facts(const struct rg_finder *f, const struct rg_extent *part, struct rg_finding *io);

#endif
