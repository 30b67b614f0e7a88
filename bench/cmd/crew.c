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

void rg_crew_muster(struct rg_crew *crew)
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

int rg_crew_open(char **hosts, int nodes, int rails, int each, struct rg_crew *out, struct rg_error *err)
{
    size_t all = (size_t)nodes * (size_t)rails;
    *out = (struct rg_crew){.nodes = nodes, .rails = rails, .each = each};
    out->names = calloc((size_t)nodes + 1, sizeof *out->names);
    out->met = calloc((size_t)nodes * (size_t)each + 1, sizeof *out->met);
    out->lost = calloc(all + 1, sizeof *out->lost);
    out->present = calloc((size_t)nodes + 1, sizeof *out->present);
    out->absent = calloc(all + 1, sizeof *out->absent);
    bool ok = out->names && out->met && out->lost && out->present && out->absent;
    if (!ok || rg_names_open((size_t)nodes, &out->numbers, err) != 0) {
        rg_crew_close(out);
        return rg_fail(err, -ENOMEM, "no memory for %d nodes", nodes);
    }
    for (int node = 0; node < nodes; node++)
        out->names[node] = hosts[node];
    rg_crew_muster(out);
    return 0;
}

void rg_crew_close(struct rg_crew *crew)
{
    rg_names_close(&crew->numbers);
    free(crew->names);
    free(crew->met);
    free(crew->lost);
    free(crew->present);
    free(crew->absent);
    *crew = (struct rg_crew){0};
}

bool rg_crew_meet(struct rg_crew *crew, int64_t planned, const char *name)
{
    if (planned < 0 || planned >= (int64_t)crew->nodes * crew->each || crew->met[planned])
        return false;
    int node = (int)(planned / crew->each);
    crew->met[planned] = true;
    crew->names[node] = name;
    rg_names_enter(&crew->numbers, name, node);
    return true;
}

int rg_crew_number(const struct rg_crew *crew, const char *name)
{
    return rg_names_find(&crew->numbers, name);
}

int64_t rg_crew_planned(const struct rg_crew *crew, int64_t rank)
{
    if (rank < 0 || (size_t)(rank / crew->each) >= crew->present_count)
        return -1;
    return crew->present[rank / crew->each] * (int64_t)crew->each + rank % crew->each;
}

int rg_crew_lose(struct rg_crew *crew, int node, int rail)
{
    int newly = 0;
    for (int r = 0; r < crew->rails; r++) {
        bool *lost = &crew->lost[node * crew->rails + r];
        newly += (rail < 0 || rail == r) && !*lost;
        *lost |= rail < 0 || rail == r;
    }
    return newly;
}

int rg_crew_lost_nodes(const struct rg_crew *crew)
{
    int nodes = 0;
    for (int node = 0; node < crew->nodes; node++)
        nodes += lost_rails(crew, node) > 0;
    return nodes;
}
