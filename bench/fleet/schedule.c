#include "fleet/schedule.h"

int rg_schedule_rounds(int nodes)
{
    if (nodes < 2)
        return 0;
    return nodes % 2 == 0 ? nodes - 1 : nodes;
}

int rg_schedule_partner(int nodes, int round, int node)
{
    int seats = nodes + nodes % 2; /* with an odd number, whoever meets the empty last seat sits out */
    int turning = seats - 1;
    int partner;
    if (node == turning)
        partner = round * (seats / 2) % turning; /* the one for whom 2 * node = round, modulo an odd number */
    else
        partner = (round - node % turning + turning) % turning;
    if (partner == node)
        partner = turning;
    return partner < nodes ? partner : -1;
}
