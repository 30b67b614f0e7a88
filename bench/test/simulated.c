#include "test/simulated.h"

#include "base/clock.h"
#include "fleet/random.h"
#include "mem/pattern.h"
#include "stat/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 20

/* How many flows use the NICs at a link's ends in its round. */
static void count_sharers(const struct rg_round *round, const struct rg_link *link, int nodes, struct rg_moment *out)
{
    struct rg_link *links = calloc((size_t)RG_SCHEDULE_LINKS(nodes) + round->link_count, sizeof *links);
    out->senders = out->receivers = 1;
    if (links == NULL)
        return;
    int count = rg_plan_links(round, link->from_node, link->from_rail, links), sharers = 0;
    for (int i = 0; i < count; i++)
        sharers += links[i].from_node == link->from_node && links[i].from_rail == link->from_rail;
    out->senders = sharers > 0 ? sharers : 1;
    count = rg_plan_links(round, link->to_node, link->to_rail, links);
    sharers = 0;
    for (int i = 0; i < count; i++)
        sharers += links[i].to_node == link->to_node && links[i].to_rail == link->to_rail;
    out->receivers = sharers > 0 ? sharers : 1;
    free(links);
}

void rg_simulated_open(const struct rg_fabric *fabric, const struct rg_round *round, int64_t number,
    const struct rg_link *link, struct rg_simulated *out)
{
    *out = (struct rg_simulated){.fabric = fabric, .link = *link};
    out->moment = (struct rg_moment){.round = number,
        .at_s = round->at_s,
        .loaded = round->links == NULL && rg_schedule_is_loaded(&round->schedule, round->turn),
        .senders = 1,
        .receivers = 1};
    if (round->links == NULL && !rg_schedule_is_exclusive(round->schedule.pattern))
        count_sharers(round, link, fabric->nodes, &out->moment);
    rg_fabric_flow(fabric, link, &out->moment, &out->outcome);
}

void rg_simulated_bandwidth(const struct rg_simulated *simulated, const struct rg_stream *stream,
    uint64_t message_bytes, struct rg_marks *marks)
{
    int parts = (int)stream->subwindows;
    double bits = 8.0 * (double)message_bytes, moved = 0;
    double length_ns = stream->messages > 0 ? (double)stream->messages * bits / fmax(simulated->outcome.rate_gbps, 1e-9)
                                            : (double)(stream->end_ns - stream->begin_ns);
    marks->count = 0;
    marks->seen = (uint64_t)parts;
    marks->at_ns[marks->count] = stream->begin_ns;
    marks->messages[marks->count++] = 0;
    for (int i = 0; i < parts; i++) {
        double rate =
            rg_fabric_subwindow(simulated->fabric, &simulated->link, &simulated->moment, &simulated->outcome, i, parts);
        moved += rate * length_ns / parts / bits;
        marks->at_ns[marks->count] = stream->begin_ns + (uint64_t)(length_ns * (i + 1) / parts);
        marks->messages[marks->count++] = floor(moved);
    }
}

void rg_simulated_latency(
    const struct rg_simulated *simulated, const struct rg_stream *stream, struct rg_samples *samples)
{
    uint64_t wanted = stream->messages > 0 ? stream->messages : RG_SIMULATED_SAMPLES, now_ns = stream->begin_ns;
    samples->first_ns = now_ns;
    for (samples->count = 0; samples->count < wanted && samples->count < samples->room; samples->count++) {
        double us = 2 * rg_fabric_latency(simulated->fabric, &simulated->link, &simulated->moment, &simulated->outcome,
                            samples->count);
        samples->ns[samples->count] = (uint64_t)(us * 1e3);
        now_ns += samples->ns[samples->count];
    }
    samples->last_ns = now_ns;
}

void rg_simulated_integrity(const struct rg_simulated *simulated, uint64_t words, uint64_t key, struct rg_mismatch *out)
{
    *out = (struct rg_mismatch){.words_checked = words};
    if (!simulated->outcome.corrupt || words == 0)
        return;
    uint64_t at = rg_random_mix(key) % words;
    out->mismatches = 1;
    out->first_offset_bytes = 8 * at;
    out->expected = rg_pattern_word(key, at);
    out->got = out->expected ^ 1ull << (key % 64);
}

int rg_simulated_members(const struct rg_fabric *fabric, const struct rg_circle *circle, double at_s, int *out)
{
    int count = 0;
    for (int node = 0; node < fabric->nodes; node++)
        for (int rail = 0; rail < fabric->rails; rail++)
            if ((circle->node < 0 || circle->node == node || circle->peer == node) &&
                (circle->rail < 0 || circle->rail == rail) && !rg_fabric_is_gone(fabric, node, rail, at_s))
                out[count++] = node * fabric->rails + rail;
    return count;
}

/* Seconds of one. */
static double collective_s(
    const struct rg_fabric *fabric, const int *members, int count, double moved_bytes, int64_t number, int repetition)
{
    double slowest = 1;
    for (int i = 0; i < count; i++)
        for (int f = 0; f < fabric->fault_count; f++) {
            const struct rg_fault_plan *fault = &fabric->faults[f];
            const struct rg_fleet fleet = {fabric->nodes, fabric->rails, fabric->leaf_of};
            struct rg_part nic = {RG_PART_NIC, fault->part.node, fault->part.rail, -1, -1};
            bool straggles = fault->kind == RG_FAULT_STRAGGLES && rg_part_touches(&fleet, &nic, members[i], members[i]);
            bool slow = fault->kind == RG_FAULT_SLOW && fault->part.kind <= RG_PART_RAIL &&
                        rg_part_touches(&fleet, &fault->part, members[i], members[i]);
            if (straggles || slow)
                slowest = fmin(slowest, 1 - fault->loss);
        }
    uint64_t draw = rg_random_with(
        rg_random_with(fabric->seed, (uint64_t)number), (uint64_t)members[0] << 20 ^ (uint64_t)repetition);
    double noise = 1 + fabric->noise * rg_random_normal(draw);
    double moving_s = moved_bytes * 8 / (fabric->rate_gbps * 1e9 * slowest);
    return (moving_s + 2 * log2(count + 1) * fabric->latency_us * 1e-6) * fmax(noise, 0.1);
}

void rg_simulated_collective(const struct rg_fabric *fabric, const struct rg_settings *settings, const int *members,
    int count, double bus_factor, struct rg_measurement *io)
{
    bool reduces = strcmp(settings->test, "all_reduce") == 0 || strcmp(settings->test, "reduce_scatter") == 0;
    bool host = strcmp(settings->memory, "host") == 0;
    double us[REPETITIONS];
    struct rg_summary times;
    for (int i = 0; i < REPETITIONS; i++)
        us[i] = 1e6 * collective_s(fabric, members, count, bus_factor * (double)io->size_bytes, io->round, i);
    rg_summary_of(us, REPETITIONS, &times);
    io->kind = "collective";
    io->status = "ok";
    io->memory = host ? "host" : "cuda";
    io->transport = "sim";
    io->backend = host ? "mpi" : "nccl";
    io->hardware_reason = "simulated fabric";
    io->has_group = io->has_collective = true;
    io->collective = (struct rg_collective_result){
        .reduction = reduces ? settings->reduction : NULL,
        .data_type = settings->data_type,
        .library = "simulated",
        .in_place = settings->in_place,
        .iterations = REPETITIONS,
        .calls_per_sample = 1,
        .moved_bytes = io->size_bytes,
        .time_avg_us = times.mean,
        .time_min_us = times.min,
        .time_max_us = times.max,
        .time_p50_us = times.p50,
        .time_p99_us = times.p99,
        .algbw_gigabytes_per_s = (double)io->size_bytes / times.mean / 1e3,
        .busbw_gigabytes_per_s = bus_factor * (double)io->size_bytes / times.mean / 1e3,
    };
}
