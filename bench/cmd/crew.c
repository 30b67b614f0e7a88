#include "cmd/crew.h"

#include <errno.h>
#include <stdlib.h>

static int lost_rails(const struct rg_crew *crew, int node)
{
    int lost = 0;
    for (int rail = 0; rail < crew->rails; rail++)
        lost += crew->lost[node * crew->rails + rail];
    return lost;
}

static void muster(struct rg_crew *crew)
{
    crew->present_count = crew->absent_count = 0;
    for (int node = 0; node < crew->nodes; node++) {
        if (lost_rails(crew, node) == crew->rails)
            continue;
        crew->present[crew->present_count++] = node;
        for (int rail = 0; rail < crew->rails; rail++)
            if (crew->lost[node * crew->rails + rail])
                crew->absent[crew->absent_count++] = (struct rg_absentee){node, rail};
    }
}

int rg_crew_open(char **hosts, int nodes, int rails, struct rg_crew *out, struct rg_error *err)
{
    size_t all = (size_t)nodes * (size_t)rails;
    *out = (struct rg_crew){.nodes = nodes, .rails = rails, .hosts = hosts};
    out->lost = calloc(all + 1, sizeof *out->lost);
    out->present = calloc((size_t)nodes + 1, sizeof *out->present);
    out->absent = calloc(all + 1, sizeof *out->absent);
    if (out->lost == NULL || out->present == NULL || out->absent == NULL) {
        rg_crew_close(out);
        return rg_fail(err, -ENOMEM, "no memory for %d nodes", nodes);
    }
    muster(out);
    return 0;
}

void rg_crew_close(struct rg_crew *crew)
{
    free(crew->lost);
    free(crew->present);
    free(crew->absent);
    *crew = (struct rg_crew){0};
}

int rg_crew_lose(struct rg_crew *crew, int node, int rail)
{
    int newly = 0;
    for (int r = 0; r < crew->rails; r++) {
        bool *lost = &crew->lost[node * crew->rails + r];
        if ((rail >= 0 && rail != r) || *lost)
            continue;
        *lost = true;
        newly++;
    }
    muster(crew);
    return newly;
}

int rg_crew_lost_nodes(const struct rg_crew *crew)
{
    int nodes = 0;
    for (int node = 0; node < crew->nodes; node++)
        nodes += lost_rails(crew, node) > 0;
    return nodes;
}
