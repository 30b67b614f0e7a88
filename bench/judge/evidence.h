/* What the fleet's judge has heard; inside judge/. */
#ifndef RG_JUDGE_EVIDENCE_H
#define RG_JUDGE_EVIDENCE_H

#include "base/names.h"
#include "fleet/stragglers.h"
#include "judge/fleet.h"

#define RG_ALARMS_MOST 12

struct rg_seen_flow {
    int32_t from, to; /* NICs */
    float gbps;       /* NAN: it failed */
    int8_t intact;
    bool again; /* of a round in which suspects were measured: the load was another, so it is no reference */
};

/* One test at one size. */
struct rg_point {
    int64_t test_index, size_bytes;
    struct rg_seen_flow *flows;
    size_t count, room, heard; /* heard: how many the inquiry has */
    struct rg_inquiry *inquiry;
    int64_t round_again;        /* the last one in which suspects were measured */
    int rounds_again;           /* how many there were */
    double healthy_gbps, noise; /* NAN: nothing got through */
    bool concluded;
};

/* What a NIC counted of one kind of trouble. */
struct rg_alarm {
    const char *words; /* static; NULL: this and the following are free */
    int64_t added;
};

/* A communicator of some of the ranks, of a test at a size: its collectives' pace. */
struct rg_heard_circle {
    int test; /* among rg_test_names */
    int64_t test_index, size_bytes;
    struct rg_circle circle;       /* without what it lacks, which all tell together */
    double median_gigabytes_per_s; /* bus bandwidth: one slow operation of many proves nothing */
};

struct rg_fleet_judge {
    struct rg_fleet fleet;
    char **names;
    struct rg_names numbers; /* of nodes */
    int *leaf_of;
    bool *gone;                                /* by NIC */
    struct rg_alarm (*alarms)[RG_ALARMS_MOST]; /* by NIC, in its flows */
    int64_t *counted_round;                    /* by NIC: the last one whose counters were added */
    bool *both_ways;                           /* by test of the suite */
    size_t test_count;
    uint64_t seed;
    double least_loss;
    struct rg_point *points;
    size_t point_count;
    struct rg_heard_circle *circles;
    size_t circle_count, circle_room;
};

/* The judge's number of a node; -1: it has none. */
int rg_evidence_node(const struct rg_fleet_judge *judge, const char *name);

/* What proves nothing: a flow that failed, with an end that is lost. */
bool rg_evidence_is_void(const struct rg_fleet_judge *judge, const struct rg_seen_flow *flow);

/* The healthy rate among rates of one kind, and their noise: fleet/reference.h with the judge's least loss. Sorts
 * rates, of which there must be one. */
void rg_evidence_reference(
    const struct rg_fleet_judge *judge, double *rates, size_t count, double *healthy, double *noise);

/* Lets the point's inquiry hear what it has not heard yet. */
int rg_evidence_hear(struct rg_fleet_judge *judge, struct rg_point *point, struct rg_error *err);

/* Forgets the inquiry, which holds twice what the flows themselves do; when it is needed again, it hears them anew. */
void rg_evidence_rest(struct rg_point *point);

/* Hears a collective of a node, a pair of nodes or a rail. */
int rg_evidence_add_circle(
    struct rg_fleet_judge *judge, const struct rg_measurement *measurement, struct rg_error *err);

/* Adds what the collectives accuse, beside what flows accuse already: communicators with a rank of such a part in them
 * are no evidence. */
int rg_evidence_accuse_stragglers(struct rg_fleet_judge *judge, const struct rg_part *accused, size_t accused_count,
    struct rg_verdict *out, struct rg_error *err);

/* How each NIC did, for the verdict's picture. */
int rg_evidence_draw(const struct rg_fleet_judge *judge, struct rg_verdict *out, struct rg_error *err);

#endif
