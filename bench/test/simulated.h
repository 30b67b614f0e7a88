/* What the loops would have left behind on a simulated fabric. Pure: no clock, no memory, no network. */
#ifndef RG_TEST_SIMULATED_H
#define RG_TEST_SIMULATED_H

#include "data/measurement.h"
#include "data/plan.h"
#include "fleet/fabric.h"
#include "fleet/stragglers.h"
#include "mem/memory.h"
#include "test/bandwidth.h"
#include "test/latency.h"

struct rg_simulated {
    const struct rg_fabric *fabric;
    struct rg_link link;
    struct rg_moment moment;
    struct rg_flow_outcome outcome;
};

/* The flow over `link` in the round of that number. */
void rg_simulated_open(const struct rg_fabric *fabric, const struct rg_round *round, int64_t number,
    const struct rg_link *link, struct rg_simulated *out);

/* Marks of a window; nothing is waited for. The outcome must not be dead. */
void rg_simulated_bandwidth(const struct rg_simulated *simulated, const struct rg_stream *stream,
    uint64_t message_bytes, struct rg_marks *marks);

/* Samples of whole round trips: as many as are asked for, or RG_SIMULATED_SAMPLES in a window. */
#define RG_SIMULATED_SAMPLES 2000
void rg_simulated_latency(
    const struct rg_simulated *simulated, const struct rg_stream *stream, struct rg_samples *samples);

/* What a check of so many words of the pattern of `key` finds. */
void rg_simulated_integrity(
    const struct rg_simulated *simulated, uint64_t words, uint64_t key, struct rg_mismatch *out);

/* The NICs, numbered node * rails + rail, of a communicator's ranks that are there at that time; how many. out: room
 * for all. Without node, peer and rail (-1) it has all. */
int rg_simulated_members(const struct rg_fabric *fabric, const struct rg_circle *circle, double at_s, int *out);

/* What the collective of a test takes among so many ranks, of which the slowest sets the pace: each sends and receives
 * the bus factor times the size at least, in a ring (Patarasuk and Yuan, "Bandwidth Optimal All-reduce Algorithms for
 * Clusters of Workstations", 2009). Fills in all but where and when. */
void rg_simulated_collective(const struct rg_fabric *fabric, const struct rg_settings *settings, const int *members,
    int count, double bus_factor, struct rg_measurement *io);

#endif
