#include "fleet/inquiry.h"

#include "fleet/random.h"

#include <errno.h>
#include <stdlib.h>

#define ROUNDS_MOST 4      /* in which suspects are measured again */
#define CAUTION_TO_ASK 2.0 /* to be worth a second look */
#define CAUTION_TO_CONDEMN 8.0
#define NOISE_OF_INTEGRITY 0.02f /* data are intact or not */
#define LEAF_WITNESSES 4
#define PARTNER_TRIES 64

struct heap {
    struct rg_sighting *at;
    size_t count, room;
};

struct rg_inquiry {
    const struct rg_fleet *fleet;
    const bool *gone;
    bool both_ways;
    double least_loss;
    uint64_t seed;
    struct heap rates, integrity;
    size_t damaged; /* flows */
    int rounds;     /* asked for, this inquiry's and those before */
};

int rg_inquiry_open(const struct rg_fleet *fleet, const bool *gone, double least_loss, bool both_ways, uint64_t seed,
    int asked, struct rg_inquiry **out, struct rg_error *err)
{
    struct rg_inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (inquiry == NULL)
        return rg_fail(err, -ENOMEM, "no memory to look for suspects");
    *inquiry = (struct rg_inquiry){
        .fleet = fleet, .gone = gone, .least_loss = least_loss, .both_ways = both_ways, .seed = seed, .rounds = asked};
    *out = inquiry;
    return 0;
}

void rg_inquiry_close(struct rg_inquiry *inquiry)
{
    if (inquiry == NULL)
        return;
    free(inquiry->rates.at);
    free(inquiry->integrity.at);
    free(inquiry);
}

static int push(struct heap *heap, const struct rg_sighting *sighting, struct rg_error *err)
{
    if (heap->count == heap->room) {
        size_t room = heap->room ? 2 * heap->room : 1024;
        struct rg_sighting *grown = realloc(heap->at, room * sizeof *grown);
        if (grown == NULL)
            return rg_fail(err, -ENOMEM, "no memory to look for suspects");
        heap->at = grown;
        heap->room = room;
    }
    heap->at[heap->count++] = *sighting;
    return 0;
}

int rg_inquiry_add(struct rg_inquiry *inquiry, const struct rg_sighting *sighting, int intact, struct rg_error *err)
{
    int code = push(&inquiry->rates, sighting, err);
    struct rg_sighting seen = *sighting;
    seen.shortfall = intact == 0 ? 1.0f : 0.0f;
    seen.noise = NOISE_OF_INTEGRITY;
    inquiry->damaged += intact == 0;
    return code == 0 && intact >= 0 ? push(&inquiry->integrity, &seen, err) : code;
}

static int find(
    const struct rg_inquiry *inquiry, double caution, struct rg_finding **out, size_t *count, struct rg_error *err)
{
    struct rg_suspicion rates = {inquiry->least_loss, caution}, integrity = {0.5, caution};
    struct rg_suspect *slow = NULL, *corrupt = NULL;
    size_t slow_count = 0, corrupt_count = 0;
    int code =
        rg_suspects_find(inquiry->fleet, inquiry->rates.at, inquiry->rates.count, &rates, &slow, &slow_count, err);
    if (code == 0 && inquiry->damaged > 0)
        code = rg_suspects_find(
            inquiry->fleet, inquiry->integrity.at, inquiry->integrity.count, &integrity, &corrupt, &corrupt_count, err);
    struct rg_finding *found = calloc(slow_count + corrupt_count + 1, sizeof *found);
    if (code == 0 && found == NULL)
        code = rg_fail(err, -ENOMEM, "no memory to look for suspects");
    for (size_t i = 0; code == 0 && i < slow_count; i++)
        found[i] = (struct rg_finding){slow[i], false};
    for (size_t i = 0; code == 0 && i < corrupt_count; i++)
        found[slow_count + i] = (struct rg_finding){corrupt[i], true};
    free(slow);
    free(corrupt);
    if (code != 0) {
        free(found);
        return code;
    }
    *out = found;
    *count = slow_count + corrupt_count;
    return 0;
}

int rg_inquiry_conclude(const struct rg_inquiry *inquiry, struct rg_finding **out, size_t *count, struct rg_error *err)
{
    return find(inquiry, CAUTION_TO_CONDEMN, out, count, err);
}

/* --- the next round --- */

struct questions {
    struct rg_inquiry *inquiry;
    const struct rg_finding *findings;
    size_t finding_count;
    bool *sends, *receives, *accused; /* by NIC */
    struct rg_link *links;
    size_t count;
};

static int nic_of(const struct questions *q, int node, int rail)
{
    return node * q->inquiry->fleet->rails + rail;
}

/* Whether data may go from one NIC to another in this round. */
static bool is_free(const struct questions *q, int from, int to)
{
    const struct rg_inquiry *inquiry = q->inquiry;
    bool there = !inquiry->gone[from] && !inquiry->gone[to] && !q->sends[from] && !q->receives[to];
    return there && !(inquiry->both_ways && (q->sends[to] || q->receives[from]));
}

static void add_link(struct questions *q, int from, int to)
{
    int rails = q->inquiry->fleet->rails;
    q->sends[from] = q->receives[to] = true;
    q->links[q->count++] = (struct rg_link){from / rails, from % rails, to / rails, to % rails, false};
}

/* Joins two NICs if both are still free. */
static void join(struct questions *q, int from, int to)
{
    if (!is_free(q, from, to))
        return;
    add_link(q, from, to);
    if (q->inquiry->both_ways)
        add_link(q, to, from);
}

/* A NIC of the same rail that nobody accuses, on a node of another leaf where that matters, with which this one can be
 * joined; -1: none was found. */
static int partner_for(const struct questions *q, int node, int rail, bool of_other_leaf, bool sends)
{
    const struct rg_fleet *fleet = q->inquiry->fleet;
    int self = nic_of(q, node, rail);
    uint64_t number =
        rg_random_with(q->inquiry->seed, (uint64_t)self << 8 ^ (uint64_t)q->inquiry->rounds << 1 ^ (uint64_t)sends);
    for (int i = 0; i < PARTNER_TRIES + fleet->nodes && i < PARTNER_TRIES + 4096; i++) {
        int other =
            i < PARTNER_TRIES ? (int)((number = rg_random_mix(number)) % (uint64_t)fleet->nodes) : i - PARTNER_TRIES;
        int nic = nic_of(q, other, rail);
        bool leaf_suits = !of_other_leaf || fleet->leaf_of[other] != fleet->leaf_of[node];
        if (other != node && leaf_suits && !q->accused[nic] && (sends ? is_free(q, self, nic) : is_free(q, nic, self)))
            return nic;
    }
    return -1;
}

static void ask_tx(struct questions *q, int node, int rail, bool of_other_leaf)
{
    int other = partner_for(q, node, rail, of_other_leaf, true);
    if (other >= 0)
        join(q, nic_of(q, node, rail), other);
}

static void ask_rx(struct questions *q, int node, int rail, bool of_other_leaf)
{
    int other = partner_for(q, node, rail, of_other_leaf, false);
    if (other >= 0)
        join(q, other, nic_of(q, node, rail));
}

/* Some NICs under the leaf that nobody accuses for themselves. */
static void ask_leaf(struct questions *q, const struct rg_part *part)
{
    const struct rg_fleet *fleet = q->inquiry->fleet;
    int witnesses = 0;
    for (int node = 0; node < fleet->nodes && witnesses < LEAF_WITNESSES; node++) {
        if (fleet->leaf_of[node] != part->node)
            continue;
        witnesses++;
        if (part->kind == RG_PART_LEAF_TX)
            ask_tx(q, node, part->rail, true);
        else
            ask_rx(q, node, part->rail, true);
    }
}

static void ask_about(struct questions *q, const struct rg_part *part)
{
    switch (part->kind) {
    case RG_PART_TX:
        ask_tx(q, part->node, part->rail, false);
        break;
    case RG_PART_RX:
        ask_rx(q, part->node, part->rail, false);
        break;
    case RG_PART_NIC:
        ask_tx(q, part->node, part->rail, false);
        ask_rx(q, part->node, part->rail, false);
        break;
    case RG_PART_NODE:
        for (int rail = 0; rail < q->inquiry->fleet->rails; rail++) {
            ask_tx(q, part->node, rail, false);
            ask_rx(q, part->node, rail, false);
        }
        break;
    case RG_PART_PATH:
        join(q, nic_of(q, part->node, part->rail), nic_of(q, part->peer, part->peer_rail));
        join(q, nic_of(q, part->peer, part->peer_rail), nic_of(q, part->node, part->rail));
        break;
    case RG_PART_RAIL:
        break; /* nobody on it is known good */
    case RG_PART_LEAF_TX:
    case RG_PART_LEAF_RX:
        ask_leaf(q, part);
        break;
    case RG_PART_KINDS:
        break;
    }
}

static void accuse(struct questions *q, const struct rg_part *part)
{
    const struct rg_fleet *fleet = q->inquiry->fleet;
    if (part->kind >= RG_PART_LEAF_TX || part->kind == RG_PART_PATH)
        return; /* its NICs are good for other flows */
    for (int node = 0; part->kind == RG_PART_RAIL && node < fleet->nodes; node++)
        q->accused[nic_of(q, node, part->rail)] = true;
    for (int rail = 0; part->kind != RG_PART_RAIL && rail < fleet->rails; rail++)
        if (part->rail < 0 || part->rail == rail)
            q->accused[nic_of(q, part->node, rail)] = true;
}

static void ask_all(struct questions *q)
{
    for (size_t i = 0; i < q->finding_count; i++) {
        const struct rg_suspect *s = &q->findings[i].suspect;
        accuse(q, &s->part);
        for (size_t a = 0; a < s->alternative_count; a++)
            accuse(q, &s->alternatives[a]);
    }
    for (size_t i = 0; i < q->finding_count; i++) {
        const struct rg_suspect *s = &q->findings[i].suspect;
        ask_about(q, &s->part);
        for (size_t a = 0; a < s->alternative_count; a++)
            ask_about(q, &s->alternatives[a]);
    }
}

int rg_inquiry_ask(struct rg_inquiry *inquiry, struct rg_link **links, size_t *count, struct rg_error *err)
{
    size_t nics = (size_t)inquiry->fleet->nodes * (size_t)inquiry->fleet->rails;
    struct rg_finding *findings = NULL;
    struct questions q = {.inquiry = inquiry};
    *links = NULL;
    *count = 0;
    if (inquiry->rounds >= ROUNDS_MOST)
        return 0;
    int code = find(inquiry, CAUTION_TO_ASK, &findings, &q.finding_count, err);
    if (code != 0 || q.finding_count == 0) {
        free(findings);
        return code;
    }
    q.findings = findings;
    q.links = calloc(nics + 1, sizeof *q.links); /* each NIC sends once at most */
    q.sends = calloc(nics, 3 * sizeof *q.sends);
    if (q.links == NULL || q.sends == NULL) {
        code = rg_fail(err, -ENOMEM, "no memory to look for suspects");
    } else {
        q.receives = q.sends + nics;
        q.accused = q.sends + 2 * nics;
        ask_all(&q);
        inquiry->rounds++;
    }
    free(findings);
    free(q.sends);
    if (code != 0) {
        free(q.links);
        return code;
    }
    *links = q.links;
    *count = q.count;
    return 0;
}
