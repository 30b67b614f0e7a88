#include "fleet/schedule.h"

#include "fleet/random.h"

#define PARTNERS 3 /* that a screen gives each node, at least */
#define FEISTEL_ROUNDS 6

/* --- shuffling --- */

/* Half the bits of the smallest power of four that holds n numbers. */
static unsigned half_bits(uint64_t n)
{
    unsigned half = 1;
    while (half < 31 && 1ull << (2 * half) < n)
        half++;
    return half;
}

static uint64_t turn(uint64_t seed, unsigned half, uint64_t x, bool back)
{
    uint64_t mask = (1ull << half) - 1, left = x >> half, right = x & mask;
    for (unsigned i = 0; i < FEISTEL_ROUNDS; i++) {
        unsigned round = back ? FEISTEL_ROUNDS - 1 - i : i;
        uint64_t kept = back ? left : right;
        uint64_t other =
            (back ? right : left) ^ (rg_random_mix(seed ^ rg_random_mix(kept + ((uint64_t)round << 40))) & mask);
        left = back ? other : kept;
        right = back ? kept : other;
    }
    return left << half | right;
}

uint64_t rg_schedule_shuffle(uint64_t seed, uint64_t n, uint64_t x)
{
    unsigned half = half_bits(n);
    do
        x = turn(seed, half, x, false);
    while (x >= n);
    return x;
}

uint64_t rg_schedule_unshuffle(uint64_t seed, uint64_t n, uint64_t number)
{
    unsigned half = half_bits(n);
    do
        number = turn(seed, half, number, true);
    while (number >= n);
    return number;
}

/* --- who meets whom --- */

bool rg_schedule_is_exclusive(enum rg_pattern pattern)
{
    static const bool exclusive[] = {[RG_PATTERN_PAIRS] = true,
        [RG_PATTERN_SCREEN] = true,
        [RG_PATTERN_RING] = true,
        [RG_PATTERN_ALL_TO_ALL] = true,
        [RG_PATTERN_CONGESTION] = false};
    return pattern < (int)sizeof exclusive && exclusive[pattern];
}

int rg_schedule_tournament(int nodes)
{
    if (nodes < 2)
        return 0;
    return nodes % 2 == 0 ? nodes - 1 : nodes;
}

int rg_schedule_partner(int nodes, int round, int node)
{
    int seats = nodes + nodes % 2; /* with an odd number, whoever meets the empty last seat sits out */
    int turning = seats - 1;
    int partner;
    if (node == turning)
        partner = round * (seats / 2) % turning; /* the one for whom 2 * node = round, modulo an odd number */
    else
        partner = (round - node % turning + turning) % turning;
    if (partner == node)
        partner = turning;
    return partner < nodes ? partner : -1;
}

/* Different rounds of one tournament give different partners; who sits where is drawn. */
static int screen_partner(const struct rg_schedule *s, int meeting, int node)
{
    uint64_t nodes = (uint64_t)s->nodes, rounds = (uint64_t)rg_schedule_tournament(s->nodes);
    int round = (int)rg_schedule_shuffle(rg_random_mix(s->seed), rounds, (uint64_t)meeting);
    int place = (int)rg_schedule_unshuffle(s->seed, nodes, (uint64_t)node);
    int partner = rg_schedule_partner(s->nodes, round, place);
    return partner < 0 ? -1 : (int)rg_schedule_shuffle(s->seed, nodes, (uint64_t)partner);
}

/* A fifth of the nodes are victims, as in GPCNeT (Chunduri et al., SC 2019), in pairs. */
static int victims_of(int nodes)
{
    int pairs = nodes / 10;
    return pairs > 0 ? 2 * pairs : 2;
}

static int meetings_of(const struct rg_schedule *s)
{
    int all = rg_schedule_tournament(s->nodes);
    int wanted = s->meetings > 0 ? s->meetings : PARTNERS + s->nodes % 2; /* one may sit out once */
    switch (s->pattern) {
    case RG_PATTERN_PAIRS:
        return all;
    case RG_PATTERN_SCREEN:
        return wanted < all ? wanted : all;
    case RG_PATTERN_RING:
        return s->nodes < 3 ? s->nodes - 1 : 2;
    case RG_PATTERN_ALL_TO_ALL:
        return s->nodes - 1;
    case RG_PATTERN_INCAST:
    case RG_PATTERN_OUTCAST:
        return s->nodes < 2 ? 0 : s->nodes;
    case RG_PATTERN_LOOPBACK:
        return 1;
    case RG_PATTERN_CONGESTION:
        return s->nodes < 4 ? 0 : s->meetings > 0 ? s->meetings : PARTNERS;
    }
    return 0;
}

/* --- rounds: meeting by meeting, in it each use of the rails, in it each way --- */

struct place {
    int meeting, turn, phase;
};

static bool pairs_up(const struct rg_schedule *s)
{
    return s->pattern == RG_PATTERN_PAIRS || s->pattern == RG_PATTERN_SCREEN;
}

static int phases_of(const struct rg_schedule *s)
{
    if (s->pattern == RG_PATTERN_CONGESTION)
        return 2; /* alone, then loaded */
    return pairs_up(s) && !s->both_ways && !s->symmetric ? 2 : 1;
}

static int turns_of(const struct rg_schedule *s)
{
    if (s->rail_use == RG_RAILS_CROSS)
        return s->rails - 1;
    return s->rail_use == RG_RAILS_ONE ? s->rails : 1;
}

static struct place place_of(const struct rg_schedule *s, int64_t round)
{
    int phases = phases_of(s), turns = turns_of(s);
    return (struct place){(int)(round / phases / turns), (int)(round / phases % turns), (int)(round % phases)};
}

int64_t rg_schedule_rounds(const struct rg_schedule *schedule)
{
    return (int64_t)meetings_of(schedule) * turns_of(schedule) * phases_of(schedule);
}

bool rg_schedule_is_loaded(const struct rg_schedule *schedule, int64_t round)
{
    return schedule->pattern == RG_PATTERN_CONGESTION && place_of(schedule, round).phase == 1;
}

/* --- links --- */

struct list {
    const struct rg_schedule *schedule;
    struct place place;
    struct rg_link *out;
    int count;
};

/* From a node to another on rail r, or from r to the rail that it crosses to. */
static void add(struct list *list, int from, int to, int rail, bool load)
{
    const struct rg_schedule *s = list->schedule;
    int there = s->rail_use == RG_RAILS_CROSS ? (rail + list->place.turn + 1) % s->rails : rail;
    list->out[list->count++] = (struct rg_link){from, rail, to, there, load};
}

/* The same link turned round. */
static void add_back(struct list *list)
{
    struct rg_link link = list->out[list->count - 1];
    list->out[list->count++] = (struct rg_link){link.to_node, link.to_rail, link.from_node, link.from_rail, link.load};
}

/* `rail` is this end's: where rails cross, the lower node's link begins at another one. */
static int rail_there(const struct list *list, int rail)
{
    const struct rg_schedule *s = list->schedule;
    return s->rail_use == RG_RAILS_CROSS ? (rail - list->place.turn - 1 + s->rails) % s->rails : rail;
}

static void add_pair(struct list *list, int node, int partner, int rail)
{
    const struct rg_schedule *s = list->schedule;
    bool lower = node < partner;
    add(list, lower ? node : partner, lower ? partner : node, lower ? rail : rail_there(list, rail), false);
    if (s->both_ways)
        add_back(list);
    else if (!s->symmetric && list->place.phase == 1) {
        add_back(list);
        list->out[0] = list->out[--list->count];
    }
}

/* What leaves a rail for a node, and what arrives there from another. */
static void add_shift(struct list *list, int node, int rail, int shift)
{
    int nodes = list->schedule->nodes;
    add(list, node, (node + shift) % nodes, rail, false);
    add(list, (node - shift + nodes) % nodes, node, rail_there(list, rail), false);
}

static void add_star(struct list *list, int node, int rail, bool inward)
{
    int centre = list->place.meeting;
    bool leaves = inward == (node != centre);
    for (int other = 0; other < list->schedule->nodes; other++)
        if (other != node && (node == centre || other == centre))
            add(list, leaves ? node : other, leaves ? other : node, leaves ? rail : rail_there(list, rail), false);
}

static void add_loopback(struct list *list, int node, int rail)
{
    add(list, node, node, rail, false);
    if (list->schedule->rail_use == RG_RAILS_CROSS)
        add(list, node, node, rail_there(list, rail), false);
}

/* Nodes stand in a drawn order: victims first, two by two; the rest load. */
static void add_congestion(struct list *list, int node, int rail)
{
    const struct rg_schedule *s = list->schedule;
    uint64_t seed = rg_random_mix(s->seed + (uint64_t)list->place.meeting), nodes = (uint64_t)s->nodes;
    int place = (int)rg_schedule_unshuffle(seed, nodes, (uint64_t)node), victims = victims_of(s->nodes);
    int loaders = s->nodes - victims;
    if (place < victims) {
        int other = (int)rg_schedule_shuffle(seed, nodes, (uint64_t)(place ^ 1));
        bool first = place % 2 == 0;
        add(list, first ? node : other, first ? other : node, first ? rail : rail_there(list, rail), false);
        return;
    }
    for (int i = 0; list->place.phase == 1 && i < loaders; i++) {
        int other = (int)rg_schedule_shuffle(seed, nodes, (uint64_t)victims + (uint64_t)i);
        int mine = place - victims;
        bool out = s->incast_load ? i == 0 && mine != 0 : i == (mine + 1) % loaders;
        bool in = s->incast_load ? mine == 0 && i != 0 : mine == (i + 1) % loaders;
        if (out)
            add(list, node, other, rail, true);
        if (in)
            add(list, other, node, rail_there(list, rail), true);
    }
}

int rg_schedule_links(const struct rg_schedule *schedule, int64_t round, int node, int rail, struct rg_link *out)
{
    struct list list = {schedule, place_of(schedule, round), out, 0};
    int partner;
    if (schedule->rail_use == RG_RAILS_ONE && list.place.turn != rail)
        return 0;
    switch (schedule->pattern) {
    case RG_PATTERN_PAIRS:
    case RG_PATTERN_SCREEN:
        partner = schedule->pattern == RG_PATTERN_PAIRS ? rg_schedule_partner(schedule->nodes, list.place.meeting, node)
                                                        : screen_partner(schedule, list.place.meeting, node);
        if (partner >= 0)
            add_pair(&list, node, partner, rail);
        break;
    case RG_PATTERN_RING:
        add_shift(&list, node, rail, list.place.meeting == 0 ? 1 : schedule->nodes - 1);
        break;
    case RG_PATTERN_ALL_TO_ALL:
        add_shift(&list, node, rail, list.place.meeting + 1);
        break;
    case RG_PATTERN_INCAST:
    case RG_PATTERN_OUTCAST:
        add_star(&list, node, rail, schedule->pattern == RG_PATTERN_INCAST);
        break;
    case RG_PATTERN_LOOPBACK:
        add_loopback(&list, node, rail);
        break;
    case RG_PATTERN_CONGESTION:
        add_congestion(&list, node, rail);
        break;
    }
    return list.count;
}
