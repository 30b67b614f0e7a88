#include "fleet/search.h"

#include "fleet/candidates.h"

#include "stat/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ERRATIC 0.07         /* a faulty part's loss varies by this share of it */
#define COMING_AND_GOING 3.0 /* what a flow costs that a part with such a fault explains, in nats */
#define SHORT_SIGMAS 3.0
#define BEYOND_NOISE 3.0 /* nats: nearly two and a half standard deviations */
#define NOISE_LEAST 1e-4
#define LEFT_LEAST 1e-3 /* less of a rate than this is nothing */
#define SLIGHT 1e-3     /* nats; what sums of floats may be off by */

static int nics_of(const struct rg_fleet *fleet)
{
    return fleet->nodes * fleet->rails;
}

/* --- how well a part explains its sightings --- */

static double square(double x)
{
    return x * x;
}

/* How far a flow is below what is healthy: its shortfall, and of one far below half the logarithm of its rate. Noise of
 * rates is relative, so that a flow at a twentieth is far out even where healthy ones differ by half; but busy hosts
 * make more slow flows than the whole logarithm would have. */
static double depth_of(double shortfall)
{
    return fmax(shortfall, -log(fmax(1 - shortfall, LEFT_LEAST)) / 2);
}

double rg_search_cost(const struct rg_sighting *s, double loss)
{
    double error = loss > 0 ? s->shortfall - loss : depth_of(s->shortfall);
    double spread = square(s->noise) + square(ERRATIC * loss);
    return square(error) / (2 * fmax(spread, NOISE_LEAST * NOISE_LEAST));
}

bool rg_search_is_short(const struct rg_search *search, const struct rg_sighting *s)
{
    return s->shortfall > search->suspicion->least_loss / 2 && depth_of(s->shortfall) > SHORT_SIGMAS * s->noise;
}

static double steady_gain(const struct rg_search *search, double loss)
{
    double gain = 0;
    for (size_t i = 0; i < search->members.count; i++) {
        uint32_t at = search->members.at[i];
        if (search->predicted[at] < loss)
            gain += search->cost[at] - rg_search_cost(&search->index.sightings[at], loss);
    }
    return gain;
}

/* The mean of the members near a loss. */
static double refine(const struct rg_search *search, double loss)
{
    double sum = 0, weight = 0;
    for (size_t i = 0; i < search->members.count; i++) {
        const struct rg_sighting *s = &search->index.sightings[search->members.at[i]];
        double spread = square(s->noise) + square(ERRATIC * loss);
        if (fabs(s->shortfall - loss) > 3 * sqrt(spread))
            continue;
        sum += s->shortfall / spread;
        weight += 1 / spread;
    }
    return weight > 0 ? sum / weight : loss;
}

/* A loss near which a start leads, by the sample alone. */
static double settle(const double *sample, size_t count, double noise, double start)
{
    double sum = 0, reach = 3 * sqrt(square(noise) + square(ERRATIC * start));
    size_t near = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs(sample[i] - start) <= reach) {
            sum += sample[i];
            near++;
        }
    return near > 0 ? sum / (double)near : start;
}

static void try_steady(struct rg_search *search, struct rg_candidate *c)
{
    struct rg_summary summary;
    if (search->loose != NULL && rg_part_same(search->loose, &c->part))
        return;
    double *sample = search->values, noise = search->index.sightings[search->members.at[0]].noise;
    size_t n = 0, step = search->members.count / RG_SEARCH_SAMPLE | 1; /* odd, to meet all rails */
    for (size_t i = 0; i < search->members.count; i += step)
        sample[n++] = search->index.sightings[search->members.at[i]].shortfall;
    rg_summary_of(sample, n, &summary);
    double starts[] = {summary.p50, rg_summary_quantile(sample, n, 0.25), summary.min, summary.mean};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        bool again = false;
        starts[i] = settle(sample, n, noise, starts[i]);
        for (size_t earlier = 0; earlier < i; earlier++)
            again |= fabs(starts[i] - starts[earlier]) < noise / 4;
        double loss = again ? 0 : fmin(refine(search, starts[i]), 1);
        if (loss < search->suspicion->least_loss)
            continue;
        double gain = steady_gain(search, loss) - search->price_of_kind[c->part.kind];
        if (gain > c->gain) {
            c->gain = gain;
            c->loss = loss;
            c->price = search->price_of_kind[c->part.kind];
            c->comes_and_goes = false;
        }
    }
}

/* What it costs to say which k of m flows fell short, in nats: m times the entropy of k/m. */
static double choice_cost(size_t k, size_t m)
{
    double share = (double)k / (double)m;
    if (k == 0 || k == m)
        return 0;
    return -(double)m * (share * log(share) + (1 - share) * log(1 - share));
}

/* Whether its flows fell short alike, so that it neither comes nor goes. */
static bool is_steady(const struct rg_search *search, double noise)
{
    double count = (double)search->members.count, sum = 0, squares = 0;
    for (size_t i = 0; i < search->members.count; i++) {
        double shortfall = search->index.sightings[search->members.at[i]].shortfall;
        sum += shortfall;
        squares += square(shortfall);
    }
    double mean = sum / count;
    return squares / count - square(mean) < square(SHORT_SIGMAS) * (square(noise) + square(ERRATIC * mean));
}

static bool must_be_steady(const struct rg_search *search, const struct rg_part *part)
{
    if (search->steady != NULL && rg_part_same(search->steady, part))
        return true;
    return part->kind > RG_PART_NIC && part->kind != RG_PART_PATH; /* a loose cable is one link's */
}

/* Some flows fall short by any amount, others not at all. */
static void try_coming_and_going(struct rg_search *search, struct rg_candidate *c)
{
    double gain = 0, sum = 0, noise = 0;
    size_t fell_short = 0, count = search->members.count;
    if (must_be_steady(search, &c->part))
        return;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = search->members.at[i];
        const struct rg_sighting *s = &search->index.sightings[at];
        sum += s->shortfall;
        noise = s->noise;
        if (s->shortfall < search->suspicion->least_loss || !rg_search_is_short(search, s) ||
            search->cost[at] <= COMING_AND_GOING)
            continue;
        gain += search->cost[at] - COMING_AND_GOING;
        fell_short++;
    }
    double price = search->price_of_kind[c->part.kind] + log((double)count + 1) + choice_cost(fell_short, count);
    if (fell_short < 2 || gain - price <= c->gain || is_steady(search, noise))
        return;
    c->gain = gain - price;
    c->loss = sum / (double)count;
    c->price = price;
    c->comes_and_goes = true;
}

static int evaluate(struct rg_search *search, struct rg_candidate *c)
{
    int code = rg_part_gather(&search->index, &c->part, &search->members);
    c->gain = -INFINITY;
    if (code != 0 || search->members.count == 0)
        return code;
    try_steady(search, c);
    try_coming_and_going(search, c);
    return 0;
}

/* --- the search --- */

/* What of a flow's cost another part might still explain: of one that is explained already, what is beyond noise. */
static double unexplained(const struct rg_search *search, uint32_t at)
{
    return search->predicted[at] > 0 ? fmax(search->cost[at] - BEYOND_NOISE, 0) : search->cost[at];
}

/* What the sightings of a part cost with the parts that are accepted. Leaves them in search->members. */
static int explain_anew(struct rg_search *search, const struct rg_part *part)
{
    int code = rg_part_gather(&search->index, part, &search->members);
    for (size_t i = 0; code == 0 && i < search->members.count; i++) {
        uint32_t at = search->members.at[i];
        const struct rg_sighting *s = &search->index.sightings[at];
        double loss = 0;
        bool loose = false;
        for (size_t a = 0; a < search->accepted_count; a++) {
            const struct rg_candidate *c = &search->accepted[a];
            if (!rg_part_touches(search->index.fleet, &c->part, s->from, s->to))
                continue;
            loose |= c->comes_and_goes;
            if (!c->comes_and_goes)
                loss = fmax(loss, c->loss);
        }
        double cost = rg_search_cost(s, loss), before = unexplained(search, at);
        bool is_low = rg_search_is_short(search, s);
        search->predicted[at] = (float)loss;
        search->cost[at] = (float)(loose && is_low ? fmin(cost, COMING_AND_GOING) : cost);
        if (is_low)
            rg_candidates_note(search, s, unexplained(search, at) - before);
    }
    return code;
}

static int accept(struct rg_search *search, const struct rg_candidate *c)
{
    if (search->accepted_count == search->accepted_room) {
        size_t room = search->accepted_room ? 2 * search->accepted_room : 16;
        struct rg_candidate *grown = realloc(search->accepted, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        search->accepted = grown;
        search->accepted_room = room;
    }
    search->accepted[search->accepted_count++] = *c;
    return explain_anew(search, &c->part);
}

/* The strongest first. What a candidate gains only shrinks while others are accepted, so an old figure that is not the
 * largest need not be made anew. */
static int accept_all(struct rg_search *search, size_t most)
{
    int code = 0;
    rg_candidates_queue(search);
    for (struct rg_candidate *best; code == 0 && search->accepted_count < most; rg_candidates_settle(search)) {
        best = rg_candidates_first(search);
        if (best == NULL || best->gain <= search->suspicion->caution)
            return 0;
        double before = best->gain, bound = rg_candidates_bound(search, best);
        if (!rg_candidates_are_worth(search, best->part.kind, bound)) {
            best->gain = -INFINITY;
            continue;
        }
        best->gain = bound;
        if (bound < before)
            continue;
        code = evaluate(search, best);
        if (code != 0 || best->gain < before)
            continue;
        code = accept(search, best);
        best->gain = -INFINITY;
    }
    return code;
}

static void take_out(struct rg_search *search, size_t a)
{
    search->accepted_count--;
    memmove(&search->accepted[a], &search->accepted[a + 1], (search->accepted_count - a) * sizeof *search->accepted);
}

/* There is room: it was taken out before. */
static void put_back(struct rg_search *search, size_t a, const struct rg_candidate *c)
{
    memmove(&search->accepted[a + 1], &search->accepted[a], (search->accepted_count - a) * sizeof *search->accepted);
    search->accepted[a] = *c;
    search->accepted_count++;
}

/* Whether the others explain what an accepted part explains; then it goes. */
static int look_back(struct rg_search *search)
{
    int code = 0;
    for (size_t a = 0; code == 0 && a < search->accepted_count;) {
        struct rg_candidate c = search->accepted[a];
        take_out(search, a);
        code = explain_anew(search, &c.part);
        if (code == 0)
            code = evaluate(search, &c);
        if (code == 0 && c.gain > search->suspicion->caution) {
            put_back(search, a++, &c);
            code = explain_anew(search, &c.part);
        }
    }
    return code;
}

/* The more parts of a kind there are, the more must speak for one of them. */
static void set_prices(struct rg_search *search)
{
    const struct rg_fleet *fleet = search->index.fleet;
    double nics = nics_of(fleet), nodes = fleet->nodes, leaves = 1;
    for (int node = 0; node < fleet->nodes; node++)
        leaves = fmax(leaves, rg_part_leaf_of(fleet, node) + 1);
    search->price_of_kind[RG_PART_TX] = search->price_of_kind[RG_PART_RX] = log(nics) + 1;
    search->price_of_kind[RG_PART_NIC] = log(nics) + 2;
    search->price_of_kind[RG_PART_NODE] = log(nodes) + 6;
    search->price_of_kind[RG_PART_RAIL] = log(fleet->rails) + 6;
    search->price_of_kind[RG_PART_PATH] = log(nics * fmax(nodes - 1, 1) / 2 + 1) + 1;
    search->price_of_kind[RG_PART_LEAF_TX] = search->price_of_kind[RG_PART_LEAF_RX] = log(leaves * fleet->rails) + 4;
}

static int prepare(struct rg_search *search)
{
    struct rg_part_index *index = &search->index;
    search->predicted = calloc(index->count + 1, sizeof *search->predicted);
    search->cost = calloc(index->count + 1, sizeof *search->cost);
    search->queue = calloc(search->candidate_count + 1, sizeof *search->queue);
    int code = search->predicted && search->cost && search->queue ? 0 : -ENOMEM;
    if (code == 0)
        code = rg_part_index_open(index);
    for (size_t i = 0; code == 0 && i < index->count; i++)
        search->cost[i] = (float)rg_search_cost(&index->sightings[i], 0);
    return code;
}

void rg_search_close(struct rg_search *search)
{
    rg_part_index_close(&search->index);
    free(search->predicted);
    free(search->cost);
    free(search->members.at);
    free(search->candidates);
    free(search->queue);
    free(search->bounds.tx);
    free(search->accepted);
}

int rg_search_alternatives(
    struct rg_search *search, size_t a, double tie, struct rg_part *out, size_t room, size_t *count)
{
    struct rg_candidate c = search->accepted[a];
    *count = 0;
    take_out(search, a);
    int code = explain_anew(search, &c.part);
    for (size_t i = 0; code == 0 && i < search->candidate_count && *count < room; i++) {
        struct rg_candidate other = search->candidates[i];
        double bound = rg_candidates_bound(search, &other);
        if (rg_part_same(&other.part, &c.part) || bound - search->price_of_kind[other.part.kind] + tie < c.gain)
            continue;
        code = evaluate(search, &other);
        bool looser = other.comes_and_goes && !c.comes_and_goes;
        if (code == 0 && !looser && other.gain + tie >= c.gain)
            out[(*count)++] = other.part;
    }
    put_back(search, a, &c);
    return code == 0 ? explain_anew(search, &c.part) : code;
}

int rg_search_run(struct rg_search *search)
{
    set_prices(search);
    int code = rg_candidates_find(search);
    if (code == 0 && search->candidate_count > 0)
        code = prepare(search);
    if (code == 0)
        code = accept_all(search, SIZE_MAX);
    return code == 0 ? look_back(search) : code;
}

/* --- steady or not --- */

/* What the sightings cost with what was accepted, and the prices paid. */
static double total_of(const struct rg_search *search)
{
    double total = 0;
    for (size_t i = 0; i < search->index.count; i++)
        total += search->cost[i];
    for (size_t a = 0; a < search->accepted_count; a++)
        total += search->accepted[a].price;
    return total;
}

static void leave_out(struct rg_search *search, const struct rg_part *part)
{
    for (size_t i = 0; i < search->candidate_count; i++)
        if (rg_part_same(&search->candidates[i].part, part))
            search->candidates[i].gain = -INFINITY;
}

int rg_search_fits(struct rg_search *search, size_t a, bool *fits)
{
    const struct rg_candidate *c = &search->accepted[a];
    int code = rg_part_gather(&search->index, &c->part, &search->members);
    *fits = !c->comes_and_goes;
    for (size_t i = 0; code == 0 && i < search->members.count; i++)
        *fits &= search->index.sightings[search->members.at[i]].shortfall > c->loss / 2;
    return code;
}

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = malloc(bytes + 1);
    if (copy != NULL)
        memcpy(copy, from, bytes);
    return copy;
}

static void *swap(void *old, void *fresh)
{
    free(old);
    return fresh;
}

/* Goes on without a part that was accepted, unless it is otherwise: steady if it came and went, and the other way
 * round. */
static int go_without(struct rg_search *search, size_t a, size_t most, const double *bounds_before)
{
    const struct rg_candidate misfit = search->accepted[a];
    take_out(search, a);
    search->steady = misfit.comes_and_goes ? &misfit.part : NULL;
    search->loose = misfit.comes_and_goes ? NULL : &misfit.part;
    int code = explain_anew(search, &misfit.part);
    for (size_t i = 0; i < search->candidate_count; i++) {
        double bound = rg_candidates_bound(search, &search->candidates[i]);
        if (bound > bounds_before[i] + SLIGHT)
            search->candidates[i].gain = bound; /* the others gain no more than they did */
    }
    for (size_t i = 0; i < search->accepted_count; i++)
        leave_out(search, &search->accepted[i].part);
    if (code == 0)
        code = accept_all(search, search->accepted_count + most);
    if (code == 0)
        code = look_back(search);
    search->steady = search->loose = NULL;
    return code;
}

int rg_search_replace(struct rg_search *search, size_t a, size_t most, bool *replaced)
{
    struct rg_search before = *search;
    size_t bounds =
        2 * ((size_t)nics_of(search->index.fleet) + (size_t)search->bounds.leaves * (size_t)search->index.fleet->rails);
    before.predicted = copy_of(search->predicted, search->index.count * sizeof *search->predicted);
    before.cost = copy_of(search->cost, search->index.count * sizeof *search->cost);
    before.bounds.tx = copy_of(search->bounds.tx, bounds * sizeof *search->bounds.tx);
    before.candidates = copy_of(search->candidates, search->candidate_count * sizeof *search->candidates);
    before.accepted = copy_of(search->accepted, search->accepted_count * sizeof *search->accepted);
    double *bounds_before = calloc(search->candidate_count + 1, sizeof *bounds_before);
    for (size_t i = 0; bounds_before != NULL && i < search->candidate_count; i++)
        bounds_before[i] = rg_candidates_bound(search, &search->candidates[i]);
    int code =
        bounds_before && before.predicted && before.cost && before.bounds.tx && before.candidates && before.accepted
            ? 0
            : -ENOMEM;
    double total = total_of(search);
    if (code == 0)
        code = go_without(search, a, most, bounds_before);
    *replaced = code == 0 && total_of(search) < total;
    if (code == 0 && !*replaced) {
        search->predicted = swap(search->predicted, before.predicted);
        search->cost = swap(search->cost, before.cost);
        memcpy(search->bounds.tx, before.bounds.tx, bounds * sizeof *search->bounds.tx);
        memcpy(search->candidates, before.candidates, search->candidate_count * sizeof *search->candidates);
        memcpy(search->accepted, before.accepted, before.accepted_count * sizeof *search->accepted);
        search->accepted_count = before.accepted_count;
        before.predicted = before.cost = NULL;
    }
    free(before.predicted);
    free(before.cost);
    free(before.bounds.tx);
    free(before.candidates);
    free(before.accepted);
    free(bounds_before);
    return code;
}

/* --- one part instead of two --- */

static bool is_of_nic(const struct rg_part *part, int node, int rail)
{
    bool end = part->node == node && part->rail == rail;
    bool peer = part->kind == RG_PART_PATH && part->peer == node && part->peer_rail == rail;
    return part->kind == RG_PART_PATH ? end || peer : part->kind <= RG_PART_NIC && end;
}

/* Without a and b, with the part instead, if that costs less in all. */
static int join_in(struct rg_search *search, size_t a, size_t b, const struct rg_part *part, bool *joined)
{
    const struct rg_candidate first = search->accepted[a], second = search->accepted[b];
    struct rg_candidate instead = {.part = *part};
    double total = total_of(search);
    take_out(search, b);
    take_out(search, a);
    int code = explain_anew(search, &first.part);
    if (code == 0)
        code = explain_anew(search, &second.part);
    if (code == 0)
        code = evaluate(search, &instead);
    if (code == 0 && instead.gain > search->suspicion->caution) {
        code = accept(search, &instead);
        *joined = code == 0 && total_of(search) < total;
        if (code == 0 && !*joined) {
            search->accepted_count--;
            code = explain_anew(search, &instead.part);
        }
    }
    if (code == 0 && !*joined) {
        put_back(search, a, &first);
        put_back(search, b, &second);
        code = explain_anew(search, &first.part);
        if (code == 0)
            code = explain_anew(search, &second.part);
    }
    return code;
}

int rg_search_join(struct rg_search *search, size_t a, size_t b, bool *joined)
{
    const struct rg_part first = search->accepted[a].part, second = search->accepted[b].part;
    const int ends[][2] = {{first.node, first.rail}, {first.peer, first.peer_rail}};
    int code = 0;
    *joined = false;
    for (size_t end = 0; end < (first.kind == RG_PART_PATH ? 2u : 1u); end++)
        for (int kind = RG_PART_TX; kind <= RG_PART_NIC; kind++) {
            struct rg_part part = first;
            part.kind = (enum rg_part_kind)kind;
            part.node = ends[end][0];
            part.rail = ends[end][1];
            part.peer = part.peer_rail = -1;
            bool both = is_of_nic(&first, part.node, part.rail) && is_of_nic(&second, part.node, part.rail);
            if (code == 0 && !*joined && both && !rg_part_same(&part, &first) && !rg_part_same(&part, &second))
                code = join_in(search, a, b, &part, joined);
        }
    return code;
}
