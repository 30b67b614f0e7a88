/* What a history tells: since when which part does better or worse. */
#ifndef RG_DATA_TREND_H
#define RG_DATA_TREND_H

#include "data/history.h"
#include "stat/change.h"

#define RG_DIFFERENCES_MOST 12

/* What else was other than in the run before: of `of` places that the finding is about, in `places`. */
struct rg_difference {
    char name[192], before[192], after[192]; /* before "": was not known */
    size_t places, of;
    size_t elsewhere, elsewhere_of; /* in so many of the other places like them, which did not change */
};

/* One thing that happened, however many series show it. */
struct rg_finding {
    const char *part;        /* fleet, rail, node, nic, group, total, victims */
    const char *scope;       /* rail, node, group or gpu, fleet or victims: of what was measured */
    const char *node, *side; /* NULL: of all nodes; of both sides, or none */
    int64_t rail;            /* RG_NONE: of all rails */
    bool worse;
    bool fresh;       /* it could not be told when the seen runs were all */
    bool stands;      /* it is for the worse, and has not been made good since */
    size_t run, told; /* places among the past's runs: the first that shows it, the one after which it could be told */
    size_t hit,
        of; /* so many of a rail's nodes, of a node's rails, of the fleet's NICs, of collectives; 0: not counted */
    size_t tests_hit, tests_of;       /* in so many of the kinds of figure that could show it */
    size_t lead;                      /* place among the changes of the one that stands for them */
    double percent;                   /* by how much the lead's figure rose, over all places hit */
    double low_percent, high_percent; /* its 95 % interval */
    size_t first, count;              /* its changes */
    struct rg_difference differences[RG_DIFFERENCES_MOST];
    size_t difference_count;
    char brief[256]; /* where and what: "sim005 rail 2 sends 8.2 % less" */
    char sentence[1536];
};

/* Series that runs before measured and the last one did not, put together by what they have in common. */
struct rg_gap {
    const char *part; /* run, test, node, rail, nic, group: everything of it is missing */
    const char *node; /* NULL: of all nodes */
    int64_t rail;     /* RG_NONE: of all rails */
    size_t series;    /* so many */
    char sentence[320];
};

struct rg_gaps {
    struct rg_gap *at;
    size_t count;
};

struct rg_trend {
    const struct rg_past *past;
    struct rg_change *changes; /* in the order of the findings */
    size_t change_count;
    struct rg_finding *findings; /* the new ones first, then by date, the latest first */
    size_t finding_count;
    size_t seen; /* so many of the past's runs, from the first on: what could be told by then is not new */
    size_t fresh_regressions, standing_regressions;
    size_t least_runs;                /* with a series that it takes before any change of it can be told */
    size_t last_series, short_series; /* that the last run measured; and of these, that fewer runs have */
    size_t earlier; /* place among the past's runs: the run that the last one is held against; SIZE_MAX: none */
    size_t earlier_series, missing_series; /* that it measured; and that the last run did not measure then */
    size_t gone_series, gone_run;          /* that neither measured, but runs like them before; the latest of these */
    struct rg_gaps missing, gone;          /* the same, put together */
    double level, least_percent;
};

/* The document as text, malloc'd. */
char *rg_trend_json(const struct rg_trend *trend);

/* What a page shows of it, as text, malloc'd: the findings that concern the wanted series (by place among the past's),
 * and the figures, run by run, of those of these that changed: of each finding the series that got worst before the
 * others, until so many bytes are used up. What is left out is counted. name: the history's; absent: ids of runs that
 * the page is about and the history has not. */
char *rg_trend_page_json(const struct rg_trend *trend, const char *name, const bool *wanted, const char *const *absent,
    size_t absent_count, size_t room);

/* Takes a zeroed structure. */
void rg_trend_close(struct rg_trend *trend);

#endif
