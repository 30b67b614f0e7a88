/* The parts of a fabric, and which flows pass through them. Pure. */
#ifndef RG_FLEET_PART_H
#define RG_FLEET_PART_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rg_part_kind {
    RG_PART_TX,      /* (node, rail) sending */
    RG_PART_RX,      /* (node, rail) receiving */
    RG_PART_NIC,     /* (node, rail), both */
    RG_PART_NODE,    /* all rails of a node, both ways */
    RG_PART_RAIL,    /* a rail of all nodes, both ways: its switches */
    RG_PART_PATH,    /* between (node, rail) and (peer, peer_rail), both ways */
    RG_PART_LEAF_TX, /* what leaves the leaf `node` on a rail for other leaves */
    RG_PART_LEAF_RX, /* what enters it */
    RG_PART_KINDS,
};

/* Members that a kind does not have are -1. */
struct rg_part {
    enum rg_part_kind kind;
    int node, rail, peer, peer_rail;
};

bool rg_part_same(const struct rg_part *a, const struct rg_part *b);

struct rg_fleet {
    int nodes, rails;
    const int *leaf_of; /* by node, from 0 up; NULL: all under one */
};

/* Whether a flow passes through a part. */
bool rg_part_touches(const struct rg_fleet *fleet, const struct rg_part *part, int32_t from, int32_t to);

/* The leaf of a node: 0 where all are under one. */
int rg_part_leaf_of(const struct rg_fleet *fleet, int node);

/* One flow that was measured. NICs are numbered node * rails + rail. */
struct rg_sighting {
    int32_t from, to;
    float shortfall; /* share of the healthy rate that was missing: 0 as it should be, 1 nothing came; noise may make it
                        negative */
    float noise;     /* standard deviation of the shortfall of a healthy flow */
};

/* Sightings by the NIC that they leave, and by the one that they reach: those of NIC i at first[i] .. first[i+1]. The
 * sightings are the caller's, and outlive it. */
struct rg_part_index {
    const struct rg_fleet *fleet;
    const struct rg_sighting *sightings;
    size_t count;
    size_t *by_tx_first, *by_rx_first;
    uint32_t *by_tx, *by_rx;
};

/* Fills in the last four; -ENOMEM. rg_part_index_close frees them, and takes an index that was not opened. */
int rg_part_index_open(struct rg_part_index *index);
void rg_part_index_close(struct rg_part_index *index);

/* The sightings through one part, by their numbers; `at` is malloc'd and grows. */
struct rg_part_members {
    uint32_t *at;
    size_t count, room;
};

/* Puts them in the place of what *out held. -ENOMEM. */
int rg_part_gather(const struct rg_part_index *index, const struct rg_part *part, struct rg_part_members *out);

#endif
