#include "check/check.h"
#include "check/checks.h"

#include <stdio.h>
#include <string.h>

static struct rg_preflight_row *row_of(struct rg_preflight *node, const char *check)
{
    for (int i = 0; i < node->row_count; i++)
        if (strcmp(node->rows[i].check, check) == 0)
            return &node->rows[i];
    return NULL;
}

/* A node's row of the check, unless it has a fault already. */
static struct rg_preflight_row *sound(struct rg_preflight *node, const char *check)
{
    struct rg_preflight_row *row = row_of(node, check);
    return row != NULL && (row->status == RG_PREFLIGHT_PASS || row->status == RG_PREFLIGHT_NOT_RUN) ? row : NULL;
}

/* How many nodes show the same. */
static int alike(struct rg_preflight *nodes, int count, const struct rg_preflight_row *row)
{
    int same = 0;
    for (int i = 0; i < count; i++) {
        const struct rg_preflight_row *other = sound(&nodes[i], row->check);
        same += other != NULL && strcmp(other->found, row->found) == 0;
    }
    return same;
}

static void compare(struct rg_preflight *nodes, int count, const char *check)
{
    struct rg_preflight_row most = {.status = RG_PREFLIGHT_NOT_RUN};
    int compared = 0, agreed = 0;
    for (int i = 0; i < count; i++) {
        const struct rg_preflight_row *row = sound(&nodes[i], check);
        int same = row ? alike(nodes, count, row) : 0;
        compared += row != NULL;
        if (same > agreed) {
            agreed = same;
            most = *row;
        }
    }
    if (agreed == compared)
        return;
    bool majority = 2 * agreed > compared;
    for (int i = 0; i < count; i++) {
        struct rg_preflight_row *row = sound(&nodes[i], check);
        if (row == NULL || (majority && strcmp(row->found, most.found) == 0))
            continue;
        row->expected[0] = row->mend[0] = '\0';
        if (majority)
            rg_check_expect(row, "as on %d of %d nodes: %.180s", agreed, compared, most.found);
        else
            rg_check_expect(row, "the same on all nodes");
        row->status = RG_PREFLIGHT_PASS;
        rg_check_fault(row, RG_PREFLIGHT_WARN, "make it as on the other nodes, or leave this node out of the run");
    }
}

void rg_check_compare(struct rg_preflight *nodes, int count)
{
    for (const struct rg_check *const *check = rg_check_all; *check != NULL; check++)
        if (!(*check)->own)
            compare(nodes, count, (*check)->name);
}
