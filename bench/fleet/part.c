#include "fleet/part.h"

#include <errno.h>
#include <stdlib.h>

bool rg_part_same(const struct rg_part *a, const struct rg_part *b)
{
    return a->kind == b->kind && a->node == b->node && a->rail == b->rail && a->peer == b->peer &&
           a->peer_rail == b->peer_rail;
}

int rg_part_leaf_of(const struct rg_fleet *fleet, int node)
{
    return fleet->leaf_of ? fleet->leaf_of[node] : 0;
}

bool rg_part_touches(const struct rg_fleet *fleet, const struct rg_part *part, int32_t from, int32_t to)
{
    int rails = fleet->rails, nic = part->node * rails + part->rail, peer = part->peer * rails + part->peer_rail;
    int from_leaf = rg_part_leaf_of(fleet, from / rails), to_leaf = rg_part_leaf_of(fleet, to / rails);
    switch (part->kind) {
    case RG_PART_TX:
        return from == nic;
    case RG_PART_RX:
        return to == nic;
    case RG_PART_NIC:
        return from == nic || to == nic;
    case RG_PART_NODE:
        return from / rails == part->node || to / rails == part->node;
    case RG_PART_RAIL:
        return from % rails == part->rail || to % rails == part->rail;
    case RG_PART_PATH:
        return (from == nic && to == peer) || (from == peer && to == nic);
    case RG_PART_LEAF_TX:
        return from_leaf == part->node && to_leaf != from_leaf && from % rails == part->rail;
    case RG_PART_LEAF_RX:
        return to_leaf == part->node && to_leaf != from_leaf && to % rails == part->rail;
    case RG_PART_KINDS:
        break;
    }
    return false;
}

static int sort_by(const struct rg_part_index *index, bool by_tx, size_t **first, uint32_t **order)
{
    size_t nics = (size_t)index->fleet->nodes * (size_t)index->fleet->rails;
    *first = calloc(nics + 2, sizeof **first);
    *order = calloc(index->count + 1, sizeof **order);
    if (*first == NULL || *order == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < index->count; i++)
        (*first)[(by_tx ? index->sightings[i].from : index->sightings[i].to) + 2]++;
    for (size_t nic = 2; nic < nics + 2; nic++)
        (*first)[nic] += (*first)[nic - 1];
    for (size_t i = 0; i < index->count; i++)
        (*order)[(*first)[(by_tx ? index->sightings[i].from : index->sightings[i].to) + 1]++] = (uint32_t)i;
    return 0;
}

static int add_member(struct rg_part_members *members, uint32_t sighting)
{
    if (members->count == members->room) {
        size_t room = members->room ? 2 * members->room : 64;
        uint32_t *grown = realloc(members->at, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        members->at = grown;
        members->room = room;
    }
    members->at[members->count++] = sighting;
    return 0;
}

/* Whether a flow was met already as one that leaves the part. */
static bool leaves(const struct rg_fleet *fleet, const struct rg_part *part, const struct rg_sighting *s)
{
    if (part->kind == RG_PART_NODE)
        return s->from / fleet->rails == part->node;
    if (part->kind == RG_PART_RAIL)
        return s->from % fleet->rails == part->rail;
    return s->from == part->node * fleet->rails + part->rail;
}

/* Those of one NIC's sightings that pass through the part; `once`: without those that leave it. */
static int add_of_nic(const struct rg_part_index *index, const struct rg_part *part, int nic, bool sends, bool once,
    struct rg_part_members *out)
{
    const size_t *first = sends ? index->by_tx_first : index->by_rx_first;
    const uint32_t *order = sends ? index->by_tx : index->by_rx;
    int code = 0;
    for (size_t i = first[nic]; code == 0 && i < first[nic + 1]; i++) {
        const struct rg_sighting *s = &index->sightings[order[i]];
        if (!(once && leaves(index->fleet, part, s)) && rg_part_touches(index->fleet, part, s->from, s->to))
            code = add_member(out, order[i]);
    }
    return code;
}

int rg_part_gather(const struct rg_part_index *index, const struct rg_part *part, struct rg_part_members *out)
{
    const struct rg_fleet *fleet = index->fleet;
    int nic = part->node * fleet->rails + part->rail, code = 0;
    out->count = 0;
    if (index->by_tx_first == NULL || index->by_rx_first == NULL)
        return 0;
    switch (part->kind) {
    case RG_PART_TX:
        return add_of_nic(index, part, nic, true, false, out);
    case RG_PART_RX:
        return add_of_nic(index, part, nic, false, false, out);
    case RG_PART_NIC:
        code = add_of_nic(index, part, nic, true, false, out);
        return code == 0 ? add_of_nic(index, part, nic, false, true, out) : code;
    case RG_PART_PATH:
        code = add_of_nic(index, part, nic, true, false, out);
        return code == 0 ? add_of_nic(index, part, nic, false, false, out) : code;
    case RG_PART_NODE:
        for (int rail = 0; code == 0 && rail < fleet->rails; rail++) {
            code = add_of_nic(index, part, part->node * fleet->rails + rail, true, false, out);
            if (code == 0)
                code = add_of_nic(index, part, part->node * fleet->rails + rail, false, true, out);
        }
        return code;
    case RG_PART_RAIL:
        for (int node = 0; code == 0 && node < fleet->nodes; node++) {
            code = add_of_nic(index, part, node * fleet->rails + part->rail, true, false, out);
            if (code == 0)
                code = add_of_nic(index, part, node * fleet->rails + part->rail, false, true, out);
        }
        return code;
    case RG_PART_LEAF_TX:
    case RG_PART_LEAF_RX:
        for (int node = 0; code == 0 && node < fleet->nodes; node++)
            if (rg_part_leaf_of(fleet, node) == part->node)
                code = add_of_nic(
                    index, part, node * fleet->rails + part->rail, part->kind == RG_PART_LEAF_TX, false, out);
        return code;
    case RG_PART_KINDS:
        break;
    }
    return code;
}

int rg_part_index_open(struct rg_part_index *index)
{
    int code = sort_by(index, true, &index->by_tx_first, &index->by_tx);
    return code == 0 ? sort_by(index, false, &index->by_rx_first, &index->by_rx) : code;
}

void rg_part_index_close(struct rg_part_index *index)
{
    free(index->by_tx_first);
    free(index->by_rx_first);
    free(index->by_tx);
    free(index->by_rx);
}
