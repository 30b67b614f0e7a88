#include "cmd/sequel.h"

#include "base/args.h"

#define TIMES_TO_BLAME 2 /* mpirun may be killed once by somebody who means no harm */
#define TIMES_MOST 3

enum rg_sequel rg_sequel_of(const struct rg_attempted *a)
{
    if (a->ending == RG_ENDING_DONE)
        return RG_SEQUEL_FINISH;
    if (a->ending == RG_ENDING_SIGNAL || a->ending == RG_ENDING_OWN)
        return RG_SEQUEL_STOP;
    if (a->max_lost != RG_NONE && a->lost_nodes > a->max_lost)
        return RG_SEQUEL_TOO_MANY_LOST;
    if (a->present < (a->nodes > 1 ? 2 : 1))
        return RG_SEQUEL_STOP;
    if (a->newly_lost > 0)
        return RG_SEQUEL_AGAIN;
    if (!a->ever_started) /* whatever hinders all ranks will do so again */
        return RG_SEQUEL_STOP;
    if (a->started && a->ending != RG_ENDING_TOLD && a->times >= TIMES_TO_BLAME)
        return RG_SEQUEL_WITHOUT_FIRST;
    return a->times < TIMES_MOST ? RG_SEQUEL_AGAIN : RG_SEQUEL_STOP;
}
