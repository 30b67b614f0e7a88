#include "judge/ends.h"

#include "judge/hold.h"

#include <math.h>
#include <string.h>

/* rail: RG_NONE: any of the node's */
struct end {
    const char *node;
    int64_t rail;
    bool sends;
};

static bool is_at(const struct end *end, const char *node, int64_t rail)
{
    return node != NULL && strcmp(end->node, node) == 0 &&
           (end->rail == RG_NONE || rail == RG_NONE || end->rail == rail);
}

static bool is_lost(const struct rg_run *run, const struct end *end)
{
    for (size_t i = 0; i < run->lost_count; i++)
        if (is_at(end, run->lost[i].node, run->lost[i].rail))
            return true;
    return false;
}

/* Where something else explains it as well (one_of), nobody is let off. */
static bool is_suspected(const struct rg_verdict *verdict, const struct end *end)
{
    for (size_t i = 0; i < verdict->accused_count; i++) {
        const struct rg_accused *accused = &verdict->accused[i];
        bool both = strcmp(accused->part, "nic") == 0 || strcmp(accused->part, "node") == 0;
        if (strcmp(accused->status, "one_of") != 0 && is_at(end, accused->node, accused->rail) &&
            (both || strcmp(accused->part, end->sends ? "tx" : "rx") == 0))
            return true;
    }
    return false;
}

bool rg_ends_are_open(const struct rg_row *row)
{
    bool open = row->status == RG_FAIL || row->status == RG_NOISY || row->status == RG_NOT_RUN;
    bool flow = strcmp(row->scope, "rail") == 0 && row->node != NULL && row->peer_node != NULL;
    return open && (flow || (strcmp(row->scope, "node") == 0 && row->opposite != NULL));
}

int rg_ends_lay(const struct rg_run *run, struct rg_verdict *verdict, struct rg_row *row)
{
    bool flow = strcmp(row->scope, "rail") == 0, sends = flow || strcmp(row->side, "tx") == 0;
    const struct end ends[] = {{row->node, flow ? row->rail : RG_NONE, sends},
        {flow ? row->peer_node : row->opposite, flow ? row->peer_rail : RG_NONE, !sends}};
    bool guilty[2];
    for (int i = 0; i < 2; i++) {
        bool lost = isnan(row->measured) && is_lost(run, &ends[i]); /* what was measured was so before */
        guilty[i] = lost || (row->status != RG_NOT_RUN && is_suspected(verdict, &ends[i]));
        if (lost && row->status == RG_NOT_RUN) {
            char words[300];
            snprintf(words, sizeof words, "%s was lost", ends[i].node);
            rg_hold_reason(row, words);
        }
    }
    enum rg_laid laid = guilty[0] == guilty[1] ? RG_LAID_TO_BOTH : guilty[0] ? RG_LAID_TO_FIRST : RG_LAID_TO_SECOND;
    return rg_sides_add(&verdict->sides, rg_points_find(&verdict->points, row), row, laid);
}
