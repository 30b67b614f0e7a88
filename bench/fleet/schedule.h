/* Who talks to whom, round by round. Pure. */
#ifndef RG_FLEET_SCHEDULE_H
#define RG_FLEET_SCHEDULE_H

/* Rounds in which every pair of nodes meets once: nodes - 1 for an even number, nodes for an odd one, 0 for one node.
 */
int rg_schedule_rounds(int nodes);

/* Whom a node meets in a round; -1: it sits out. The circle method of round-robin tournaments: one node stays, the
 * others turn. */
int rg_schedule_partner(int nodes, int round, int node);

#endif
