#include "judge/peers.h"

#include "judge/hold.h"

#include <errno.h>
#include <math.h>

#define DEVIATIONS 3
#define DEVIATION_OF_MAD 1.4826 /* of a normal distribution */

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to compare with the fleet");
}

static int settle(void *context, struct rg_verdict *verdict, size_t first, struct rg_error *err)
{
    struct rg_peers *peers = context;
    int code = 0;
    for (size_t i = first; i < verdict->row_count; i++) {
        struct rg_row *row = &verdict->rows[i];
        row->measured = row->status == RG_UNJUDGED ? row->measured : NAN; /* what failed is no peer, figure or not */
        size_t point = code == 0 ? rg_points_place(&peers->points, row) : RG_NO_POINT;
        if (code == 0 && (point == RG_NO_POINT || rg_point_add(&peers->points.at[point], row) != 0))
            code = no_memory(err);
        rg_row_close(row);
    }
    verdict->row_count = first;
    return code;
}

int rg_peers_open(const struct rg_run *run, const char *directory, const struct rg_machine *machine,
    struct rg_verdict *out, struct rg_peers *peers, struct rg_error *err)
{
    struct rg_settler settler = {settle, peers};
    char size[24];
    *peers = (struct rg_peers){.least_loss_percent = rg_judge_least_loss_percent(run, machine)};
    peers->least_loss_source =
        machine != NULL && !isnan(machine->fleet_tolerance_percent) ? "fleet_tolerance_percent" : "default";
    int code = rg_judge_measured_by(run, directory, NULL, &settler, &peers->read, err);
    if (code == 0 && rg_points_sum_up(&peers->points) != 0)
        code = no_memory(err);
    for (size_t i = 0; code == 0 && i < peers->points.count; i++) {
        const struct rg_test_point *point = &peers->points.at[i];
        if (point->measured < RG_PEERS_LEAST)
            rg_verdict_note(out, "%s %s, %s: %zu measured are too few to be held against each other", point->test,
                rg_args_format_bytes(point->size_bytes, size), point->scope, point->measured);
    }
    return code;
}

void rg_peers_close(struct rg_peers *peers)
{
    rg_points_close(&peers->points);
    rg_verdict_close(&peers->read);
}

int rg_peers_hold(const struct rg_peers *peers, struct rg_row *row, struct rg_verdict *out, struct rg_error *err)
{
    size_t place = rg_points_find(&peers->points, row);
    const struct rg_test_point *point = place == RG_NO_POINT ? NULL : &peers->points.at[place];
    char words[64];
    if (point == NULL || point->measured < RG_PEERS_LEAST || point->median <= 0)
        return 0;
    double spread = 100 * DEVIATIONS * DEVIATION_OF_MAD * point->mad / point->median;
    snprintf(words, sizeof words, "median of %zu", point->measured);
    struct rg_bound by = {.kind = "fleet",
        .source = rg_verdict_text(out, words),
        .tolerance_source = spread > peers->least_loss_percent ? "3 deviations of the fleet" : peers->least_loss_source,
        .expected = point->median,
        .tolerance_percent = fmin(fmax(spread, peers->least_loss_percent), 100)};
    struct rg_bound *bound = rg_hold(row, &by);
    if (bound == NULL)
        return no_memory(err);
    if (spread >= 100 && bound->status == RG_PASS) {
        bound->status = RG_NOISY;
        bound->reason = "the fleet is too uneven to tell";
    }
    return 0;
}
