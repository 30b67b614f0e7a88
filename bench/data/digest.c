#include "data/digest_parts.h"

#include "fleet/random.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to sum up the run");
}

/* --- cells --- */

int rg_cell_add(struct rg_cell *cell, double value, uint32_t most, struct rg_error *err)
{
    float v = (float)value;
    cell->min = cell->seen == 0 ? v : fminf(cell->min, v);
    cell->max = cell->seen == 0 ? v : fmaxf(cell->max, v);
    cell->seen++;
    if (cell->kept == most) {
        uint64_t at = rg_random_mix(cell->seen) % cell->seen;
        if (at < most)
            cell->values[at] = v;
        return 0;
    }
    if (cell->kept == cell->room) {
        uint32_t room = cell->room ? 2 * cell->room : 4;
        float *grown = realloc(cell->values, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        cell->values = grown;
        cell->room = room;
    }
    cell->values[cell->kept++] = v;
    return 0;
}

static int ascending(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

double rg_cell_quantile(struct rg_cell *cell, double share)
{
    if (cell->kept == 0)
        return NAN;
    qsort(cell->values, cell->kept, sizeof *cell->values, ascending);
    uint32_t at = (uint32_t)(share * cell->kept);
    return (double)cell->values[at < cell->kept ? at : cell->kept - 1];
}

static void free_cells(struct rg_cell *cells, size_t count)
{
    for (size_t i = 0; cells != NULL && i < count; i++)
        free(cells[i].values);
}

/* --- nodes --- */

int rg_digest_node(const struct rg_digest *digest, const char *name)
{
    return rg_names_find(&digest->numbers, name);
}

static int collect_nodes(struct rg_digest *digest, struct rg_error *err)
{
    const struct rg_run *run = digest->run;
    size_t room = run->rank_count + 1;
    digest->names = calloc(room, sizeof *digest->names);
    digest->leaves = calloc(room, sizeof *digest->leaves);
    if (digest->names == NULL || digest->leaves == NULL || rg_names_open(room, &digest->numbers, err) != 0)
        return no_memory(err);
    for (size_t i = 0; i < run->rank_count; i++) {
        const struct rg_node_facts *facts = &run->ranks[i].node;
        int rail = (int)run->ranks[i].rail.rail;
        digest->rails = rail >= digest->rails ? rail + 1 : digest->rails;
        if (rg_names_enter(&digest->numbers, facts->node, digest->nodes) < digest->nodes)
            continue;
        digest->leaves[digest->nodes] = facts->leaf;
        digest->names[digest->nodes++] = facts->node;
    }
    digest->block_nodes = (digest->nodes + RG_BLOCKS_MOST - 1) / RG_BLOCKS_MOST;
    digest->blocks = digest->nodes ? (digest->nodes + digest->block_nodes - 1) / digest->block_nodes : 0;
    return 0;
}

size_t rg_digest_nics(const struct rg_digest *digest)
{
    return (size_t)digest->nodes * (size_t)digest->rails;
}

int rg_digest_open(const struct rg_run *run, const struct rg_machine *machine, double least_loss_percent,
    struct rg_digest **out, struct rg_error *err)
{
    struct rg_digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL)
        return no_memory(err);
    digest->run = run;
    digest->machine = machine;
    digest->least_loss = least_loss_percent / 100;
    int code = collect_nodes(digest, err);
    if (code == 0) {
        digest->lost = calloc(rg_digest_nics(digest) + 1, sizeof *digest->lost);
        digest->counted_in = calloc(rg_digest_nics(digest) + 1, sizeof *digest->counted_in);
        code = digest->lost && digest->counted_in ? 0 : no_memory(err);
    }
    for (size_t i = 0; code == 0 && i < rg_digest_nics(digest); i++)
        digest->counted_in[i] = -1;
    for (size_t i = 0; code == 0 && i < run->lost_count; i++) {
        int node = rg_digest_node(digest, run->lost[i].node);
        if (node >= 0 && run->lost[i].rail < digest->rails)
            digest->lost[(int64_t)node * digest->rails + run->lost[i].rail] = true;
    }
    if (code == 0)
        *out = digest;
    else
        rg_digest_close(digest);
    return code;
}

static void close_point(struct rg_digest_point *point, size_t nics)
{
    free_cells(&point->all, 1);
    free_cells(point->percentiles, RG_PERCENTILES);
    free_cells(&point->algorithm, 1);
    free_cells(&point->time_p50, 1);
    free_cells(&point->time_p99, 1);
    free_cells(point->tx, nics);
    free_cells(point->rx, nics);
    free(point->tx);
    free(point->rx);
    free(point->pairs);
    free(point->bins);
    free(point->variant);
    free(point->pattern);
    free(point->backend);
    free(point->library);
    free(point->hardware_reason);
}

static void free_faults(struct rg_digest_fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(faults[i].reason);
        free(faults[i].said);
    }
    free(faults);
}

void rg_digest_close(struct rg_digest *digest)
{
    if (digest == NULL)
        return;
    for (size_t i = 0; i < digest->point_count; i++)
        close_point(&digest->points[i], rg_digest_nics(digest));
    for (size_t i = 0; i < digest->counter_count; i++)
        free(digest->counters[i].added);
    for (size_t i = 0; i < digest->alarm_count; i++)
        free(digest->alarms[i].text);
    free_faults(digest->faults, digest->fault_count);
    free_faults(digest->damages, digest->damage_count);
    free(digest->points);
    free(digest->counters);
    free(digest->alarms);
    free(digest->counted_in);
    free(digest->lost);
    free(digest->names);
    free(digest->leaves);
    rg_names_close(&digest->numbers);
    free(digest);
}

/* --- points --- */

static bool same(const char *text, const char *other)
{
    return strcmp(text ? text : "", other ? other : "") == 0;
}

static bool is_of(
    const struct rg_digest_point *point, const struct rg_measurement *m, const char *variant, const char *pattern)
{
    /* A failed collective or copy has no result to tell its variant: its test and size do. */
    bool untold = !m->has_flow && !m->has_collective && !m->has_copy;
    return point->test_index == m->test_index && point->size_bytes == m->size_bytes && same(point->test, m->test) &&
           same(point->direction, m->direction) && same(point->memory, m->memory) &&
           same(point->transport, m->transport) && same(point->pattern, pattern) &&
           point->queue_pairs == m->queue_pairs && (untold || same(point->variant, variant));
}

static char *copy_of(const char *text)
{
    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

static void describe_point(
    struct rg_digest_point *point, const struct rg_measurement *m, const char *variant, const char *pattern)
{
    enum rg_test_kind kind = rg_test_kind_of(m->test);
    *point = (struct rg_digest_point){.test = m->test,
        .kind = m->kind,
        .direction = m->direction,
        .memory = m->memory,
        .transport = m->transport,
        .metric = kind == RG_TEST_LATENCY      ? "latency_p50_us"
                  : kind == RG_TEST_COLLECTIVE ? "busbw_gigabytes_per_s"
                                               : "bandwidth_gbps",
        .variant = copy_of(variant),
        .pattern = copy_of(pattern),
        .backend = copy_of(m->backend),
        .hardware_reason = copy_of(m->hardware_reason),
        .test_index = m->test_index,
        .size_bytes = m->size_bytes,
        .queue_pairs = m->queue_pairs,
        .hardware = m->hardware,
        .up = kind != RG_TEST_LATENCY,
        .comparable =
            m->has_copy || (m->has_flow && strncmp(pattern, "incast", 6) != 0 && strncmp(pattern, "outcast", 7) != 0),
        .judged = kind == RG_TEST_BANDWIDTH && rg_measurement_is_exclusive(m),
        .payload_share = NAN,
        .least_subwindow = NAN,
        .clock_error_us = NAN};
}

static struct rg_digest_point *point_of(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    char variant[128], pattern[64];
    rg_measurement_variant(m, variant, sizeof variant);
    rg_measurement_pattern(m, pattern, sizeof pattern);
    for (size_t i = 0; i < digest->point_count; i++) {
        size_t at = (digest->last + i) % digest->point_count;
        if (is_of(&digest->points[at], m, variant, pattern)) {
            digest->last = at;
            return &digest->points[at];
        }
    }
    struct rg_digest_point *grown = realloc(digest->points, (digest->point_count + 1) * sizeof *grown);
    if (grown == NULL) {
        no_memory(err);
        return NULL;
    }
    digest->points = grown;
    digest->last = digest->point_count++;
    describe_point(&grown[digest->last], m, variant, pattern);
    return &grown[digest->last];
}

/* --- what is added to a point --- */

static int add_to_nic(
    struct rg_digest *digest, struct rg_cell **cells, int node, int rail, double value, struct rg_error *err)
{
    if (node < 0 || rail < 0 || rail >= digest->rails)
        return 0;
    if (*cells == NULL)
        *cells = calloc(rg_digest_nics(digest) + 1, sizeof **cells);
    if (*cells == NULL)
        return no_memory(err);
    return rg_cell_add(&(*cells)[node * digest->rails + rail], value, RG_CELL_KEPT, err);
}

static bool is_worse(const struct rg_digest_point *point, double value, double other)
{
    return point->up ? value < other : value > other;
}

static int add_pair(
    struct rg_digest *digest, struct rg_digest_point *point, const struct rg_spot *spot, struct rg_error *err)
{
    size_t count = (size_t)digest->blocks * (size_t)digest->blocks;
    if (spot->node < 0 || spot->peer < 0 || spot->node == spot->peer)
        return 0;
    if (point->pairs == NULL) {
        point->pairs = calloc(count + 1, sizeof *point->pairs);
        if (point->pairs == NULL)
            return no_memory(err);
        for (size_t i = 0; i < count; i++)
            point->pairs[i].value = NAN;
    }
    int at = spot->node / digest->block_nodes * digest->blocks + spot->peer / digest->block_nodes;
    if (isnan(point->pairs[at].value) || is_worse(point, spot->value, (double)point->pairs[at].value)) {
        point->pairs[at].value = (float)spot->value;
        point->pairs[at].rail = spot->rail;
    }
    return 0;
}

static void keep_if_bad(struct rg_digest_point *point, const struct rg_spot *spot)
{
    int at = point->worst_count;
    while (at > 0 && is_worse(point, spot->value, point->worst[at - 1].value))
        at--;
    if (at == RG_WORST_KEPT)
        return;
    if (point->worst_count < RG_WORST_KEPT)
        point->worst_count++;
    memmove(&point->worst[at + 1], &point->worst[at], (size_t)(point->worst_count - 1 - at) * sizeof *point->worst);
    point->worst[at] = *spot;
}

struct rg_spot rg_digest_spot(const struct rg_digest *digest, const struct rg_measurement *m)
{
    struct rg_spot spot = {-1, -1, -1, -1, NAN, m->round};
    if (m->has_flow)
        spot = (struct rg_spot){rg_digest_node(digest, m->flow.from.node), (int)m->flow.from.rail,
            rg_digest_node(digest, m->flow.to.node), (int)m->flow.to.rail, NAN, m->round};
    else if (m->has_copy)
        spot.node = rg_digest_node(digest, m->copy.node), spot.rail = (int)m->copy.rail;
    else if (m->has_group) {
        spot.node = rg_digest_node(digest, m->group.node);
        spot.peer = rg_digest_node(digest, m->group.peer_node);
        spot.rail = m->group.rail == RG_NONE ? -1 : (int)m->group.rail;
    }
    return spot;
}

static bool is_lost(const struct rg_digest *digest, int node, int rail)
{
    return node >= 0 && rail >= 0 && rail < digest->rails && digest->lost[node * digest->rails + rail];
}

static int add_samples(struct rg_digest_point *point, const struct rg_latency *latency, struct rg_error *err)
{
    if (latency->samples_us.values == NULL)
        return 0;
    if (point->bins == NULL && (point->bins = calloc(RG_BINS, sizeof *point->bins)) == NULL)
        return no_memory(err);
    for (size_t i = 0; i < latency->samples_us.count; i++) {
        double bin = 32 * (log2(fmax(latency->samples_us.values[i], 0x1p-10)) + 10);
        point->bins[bin < RG_BINS - 1 ? (size_t)bin : RG_BINS - 1]++;
    }
    return 0;
}

static int add_result(struct rg_digest_point *point, const struct rg_measurement *m, struct rg_error *err)
{
    int code = 0;
    if (m->has_path)
        point->payload_share = fmin(isnan(point->payload_share) ? 1 : point->payload_share, m->path.payload_share);
    if (m->has_window)
        point->clock_error_us =
            fmax(isnan(point->clock_error_us) ? 0 : point->clock_error_us, m->window.clock_error_us);
    if (m->has_bandwidth)
        point->least_subwindow =
            fmin(isnan(point->least_subwindow) ? INFINITY : point->least_subwindow, m->bandwidth.subwindows.min_gbps);
    if (m->has_latency) {
        const struct rg_latency *l = &m->latency;
        const double values[RG_PERCENTILES] = {l->min_us, l->p50_us, l->p90_us, l->p99_us, l->p99_9_us, l->max_us};
        point->method = l->method;
        point->samples += (double)l->samples;
        for (int i = 0; code == 0 && i < RG_PERCENTILES; i++)
            code = rg_cell_add(&point->percentiles[i], values[i], RG_SPREAD_KEPT, err);
        if (code == 0)
            code = add_samples(point, l, err);
    }
    if (m->has_collective) {
        const struct rg_collective_result *c = &m->collective;
        if (point->library == NULL)
            point->library = copy_of(c->library);
        code = rg_cell_add(&point->algorithm, c->algbw_gigabytes_per_s, RG_SPREAD_KEPT, err);
        if (code == 0)
            code = rg_cell_add(&point->time_p50, c->time_p50_us, RG_SPREAD_KEPT, err);
        if (code == 0)
            code = rg_cell_add(&point->time_p99, c->time_p99_us, RG_SPREAD_KEPT, err);
    }
    return code;
}

/* What failed has nothing, however fast its data arrived damaged. */
static double value_of(const struct rg_digest_point *point, const struct rg_measurement *m, bool ok)
{
    return !ok                 ? (point->up ? 0 : INFINITY)
           : m->has_bandwidth  ? m->bandwidth.bandwidth_gbps
           : m->has_latency    ? m->latency.p50_us
           : m->has_collective ? m->collective.busbw_gigabytes_per_s
           : point->up         ? 0
                               : INFINITY;
}

static int add_to_point(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    struct rg_digest_point *point = point_of(digest, m, err);
    if (point == NULL)
        return -ENOMEM;
    bool ok = strcmp(m->status, "ok") == 0, failed = strcmp(m->status, "failed") == 0;
    point->ok += ok;
    point->failed += failed;
    point->unsupported += strcmp(m->status, "unsupported") == 0;
    point->not_run += strcmp(m->status, "not_run") == 0;
    if (!ok && !failed)
        return 0;
    struct rg_spot spot = rg_digest_spot(digest, m);
    spot.value = value_of(point, m, ok);
    /* What fails at a lost rail proves nothing; what suspects were asked again is no sample of the fleet. */
    bool lost = is_lost(digest, spot.node, spot.rail) || is_lost(digest, spot.peer, spot.peer_rail);
    bool again = m->pattern != NULL && strcmp(m->pattern, "confirm") == 0;
    int code = ok && !again ? add_result(point, m, err) : 0;
    if (code == 0 && ok && !again)
        code = rg_cell_add(&point->all, spot.value, RG_SPREAD_KEPT, err);
    point->again += again;
    if (code != 0 || (failed && lost))
        return code;
    keep_if_bad(point, &spot);
    if (point->comparable && !again)
        code = add_to_nic(digest, &point->tx, spot.node, spot.rail, spot.value, err);
    if (code == 0 && point->comparable && !again && m->has_flow)
        code = add_to_nic(digest, &point->rx, spot.peer, spot.peer_rail, spot.value, err);
    return code == 0 && m->has_flow && point->comparable ? add_pair(digest, point, &spot, err) : code;
}

int rg_digest_add(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    int code = rg_run_check_id(digest->run, m->run_id, err);
    if (code != 0)
        return code;
    digest->measurements++;
    /* Load that is in another's way is no point of its own. */
    code = m->phase != NULL && strcmp(m->phase, "load") == 0 ? 0 : add_to_point(digest, m, err);
    return code == 0 ? rg_digest_add_beside(digest, m, err) : code;
}
