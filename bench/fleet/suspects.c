#include "fleet/suspects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIE 3.0        /* nats */
#define INSTEAD_MOST 4 /* parts that may be what seems to be one */
#define REPLACED_MOST 16

/* --- evidence --- */

/* Whether the sending end of a flow belongs to the part; the other end is then the witness. */
static bool is_of_sender(const struct rg_fleet *fleet, const struct rg_part *part, const struct rg_sighting *s)
{
    int nic = part->node * fleet->rails + part->rail;
    switch (part->kind) {
    case RG_PART_TX:
    case RG_PART_NIC:
    case RG_PART_PATH:
        return s->from == nic;
    case RG_PART_NODE:
        return s->from / fleet->rails == part->node;
    case RG_PART_RAIL:
        return s->from % fleet->rails == part->rail;
    case RG_PART_LEAF_TX:
        return true;
    case RG_PART_RX:
    case RG_PART_LEAF_RX:
    case RG_PART_KINDS:
        break;
    }
    return false;
}

/* How the other end does, on the same side, in flows that do not pass through the part. */
static void ask_others(
    const struct rg_search *search, const struct rg_part *part, const struct rg_sighting *s, struct rg_witness *out)
{
    const struct rg_part_index *index = &search->index;
    bool receives = is_of_sender(index->fleet, part, s);
    const size_t *first = receives ? index->by_rx_first : index->by_tx_first;
    const uint32_t *order = receives ? index->by_rx : index->by_tx;
    int32_t nic = receives ? s->to : s->from;
    for (size_t i = first[nic]; i < first[nic + 1]; i++) {
        const struct rg_sighting *other = &index->sightings[order[i]];
        if (rg_part_touches(index->fleet, part, other->from, other->to))
            continue;
        if (rg_search_is_short(search, other))
            out->others_short++;
        else
            out->others_well++;
    }
}

static int ascending(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Sorts the members into the order in which they were measured. */
static void call_witnesses(struct rg_search *search, struct rg_suspect *out)
{
    struct rg_part_members *members = &search->members;
    size_t skipped = members->count > RG_WITNESSES_MOST ? members->count - RG_WITNESSES_MOST : 0;
    qsort(members->at, members->count, sizeof *members->at, ascending);
    for (size_t i = 0; i < members->count; i++) {
        const struct rg_sighting *s = &search->index.sightings[members->at[i]];
        bool fell_short = rg_search_is_short(search, s);
        out->short_flows += fell_short;
        out->well_flows += !fell_short;
        if (i < skipped)
            continue;
        struct rg_witness *witness = &out->witnesses[out->witness_count++];
        *witness = (struct rg_witness){s->from, s->to, s->shortfall, fell_short, 0, 0};
        ask_others(search, &out->part, s, witness);
    }
}

/* --- the answer --- */

static int stronger(const void *left, const void *right)
{
    double a = ((const struct rg_suspect *)left)->strength, b = ((const struct rg_suspect *)right)->strength;
    return (a < b) - (a > b);
}

static int report(struct rg_search *search, struct rg_suspect **out, size_t *count)
{
    int code = 0;
    *count = 0;
    *out = calloc(search->accepted_count + 1, sizeof **out);
    if (*out == NULL)
        return -ENOMEM;
    for (size_t a = 0; code == 0 && a < search->accepted_count; a++) {
        const struct rg_candidate *c = &search->accepted[a];
        struct rg_suspect *suspect = &(*out)[(*count)++];
        *suspect = (struct rg_suspect){
            .part = c->part, .loss = c->loss, .strength = c->gain, .comes_and_goes = c->comes_and_goes};
        code = rg_part_gather(&search->index, &suspect->part, &search->members);
        if (code == 0) {
            call_witnesses(search, suspect);
            code = rg_search_alternatives(
                search, a, TIE, suspect->alternatives, RG_ALTERNATIVES_MOST, &suspect->alternative_count);
        }
    }
    qsort(*out, *count, sizeof **out, stronger);
    return code;
}

static int replace_misfits(struct rg_search *search)
{
    int code = 0;
    for (size_t a = 0, tries = 0; code == 0 && a < search->accepted_count && tries < REPLACED_MOST;) {
        bool fits, replaced = false;
        code = rg_search_fits(search, a, &fits);
        if (code == 0 && !fits) {
            code = rg_search_replace(search, a, INSTEAD_MOST, &replaced);
            tries++;
        }
        a = replaced ? 0 : a + 1;
    }
    return code;
}

/* Two parts of a NIC may be the NIC: one that is accepted early for what another did may have hidden that. */
static int join_parts(struct rg_search *search)
{
    int code = 0;
    for (size_t a = 0; code == 0 && a < search->accepted_count; a++)
        for (size_t b = a + 1; code == 0 && b < search->accepted_count; b++) {
            bool joined;
            code = rg_search_join(search, a, b, &joined);
            if (joined) { /* from the start */
                a = 0;
                b = 0;
            }
        }
    return code;
}

int rg_suspects_find(const struct rg_fleet *fleet, const struct rg_sighting *sightings, size_t count,
    const struct rg_suspicion *suspicion, struct rg_suspect **out, size_t *out_count, struct rg_error *err)
{
    struct rg_search search = {
        .index = {.fleet = fleet, .sightings = sightings, .count = count}, .suspicion = suspicion};
    struct rg_suspect *found = NULL;
    size_t found_count = 0;
    int code = rg_search_run(&search);
    if (code == 0)
        code = replace_misfits(&search);
    if (code == 0)
        code = join_parts(&search);
    if (code == 0)
        code = report(&search, &found, &found_count);
    rg_search_close(&search);
    if (code != 0) {
        free(found);
        return rg_fail(err, code, "no memory to look for suspects");
    }
    *out = found;
    *out_count = found_count;
    return 0;
}
