/* Who talks to whom, round by round. Pure: front, ranks and simulator compute the same from the same numbers. */
#ifndef RG_FLEET_SCHEDULE_H
#define RG_FLEET_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* PAIRS: every pair of nodes meets once. SCREEN: a few rounds of random pairs, each with a partner not met before.
 * RING: each node sends to the next one, then to the one before. ALL_TO_ALL: in round s each node sends to the s-th
 * after it. INCAST: each node in turn receives from all others; OUTCAST: sends to all others. LOOPBACK: inside each
 * node. CONGESTION: some nodes, the victims, meet in pairs, first alone, then while the others load the fabric. */
enum rg_pattern {
    RG_PATTERN_PAIRS,
    RG_PATTERN_SCREEN,
    RG_PATTERN_RING,
    RG_PATTERN_ALL_TO_ALL,
    RG_PATTERN_INCAST,
    RG_PATTERN_OUTCAST,
    RG_PATTERN_LOOPBACK,
    RG_PATTERN_CONGESTION,
};

/* Whether its flows go between two nodes, and each NIC has one at most each way. */
bool rg_schedule_is_exclusive(enum rg_pattern pattern);

/* SAME: rail r talks to rail r, all rails at once. CROSS: rail r to each other rail in turn. ONE: rail r to rail r, one
 * rail at a time. */
enum rg_rail_use { RG_RAILS_SAME, RG_RAILS_CROSS, RG_RAILS_ONE };

struct rg_schedule {
    enum rg_pattern pattern;
    enum rg_rail_use rail_use;
    bool both_ways;   /* data travel both ways at once over each link; pairs, screen and loopback only */
    bool symmetric;   /* the test tells the same from either end, so that one way is enough */
    bool incast_load; /* of CONGESTION: incast rather than all_to_all */
    int nodes, rails;
    int meetings; /* of SCREEN and CONGESTION; 0: enough for 3 partners a node, as far as there are so many */
    uint64_t seed;
};

/* Data travel from -> to. */
struct rg_link {
    int from_node, from_rail, to_node, to_rail;
    bool load; /* of CONGESTION: not a victim's */
};

/* How many rounds there are; 0 where there are too few nodes or rails for the pattern. In a round no NIC sends twice or
 * receives twice, but in INCAST, OUTCAST and the load of CONGESTION. */
int64_t rg_schedule_rounds(const struct rg_schedule *schedule);

/* The links of a round that begin or end at a node's rail. out has room for RG_SCHEDULE_LINKS(nodes); returns how many.
 */
#define RG_SCHEDULE_LINKS(nodes) ((nodes) + 2)
int rg_schedule_links(const struct rg_schedule *schedule, int64_t round, int node, int rail, struct rg_link *out);

/* Whether a round of CONGESTION is one of those under load. */
bool rg_schedule_is_loaded(const struct rg_schedule *schedule, int64_t round);

/* Rounds in which every pair of nodes meets once: nodes - 1 for an even number, nodes for an odd one, 0 for one node;
 * and whom a node meets in one of them, -1: it sits out. The circle method of round-robin tournaments: one node stays,
 * the others turn. */
int rg_schedule_tournament(int nodes);
int rg_schedule_partner(int nodes, int round, int node);

/* The number that stands at place x of a shuffled 0..n-1, and the place of a number. A Feistel network over the next
 * power of four with cycle walking (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). */
uint64_t rg_schedule_shuffle(uint64_t seed, uint64_t n, uint64_t x);
uint64_t rg_schedule_unshuffle(uint64_t seed, uint64_t n, uint64_t number);

#endif
