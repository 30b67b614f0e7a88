#include "stat/reach.h"

#include "stat/tail.h"

#include <math.h>

/* One half of the chance is left to runs, the other to rows. The worst of many rows lies low in any run, by as much as
 * half of all runs see (usual); that it lies lower still, and its run as well, hardly comes together: these two are
 * added as squares. 1.5 / runs: the centre is a median itself, of few. */
double rg_reach(const struct rg_spread *spread, size_t runs, double chance)
{
    double n = (double)runs, rows = spread->rows, freedom = n * (rows - 1), usual = 0, worst = 0;
    int alone = freedom < 1;
    double run = rg_tail_student_quantile(alone ? 2 * chance : chance, n - 1) * spread->between * sqrt(1 + 1.5 / n);
    if (!alone) {
        usual = rg_tail_student_quantile(2 * (1 - pow(0.5, 1 / rows)), freedom) * spread->within;
        worst = rg_tail_student_quantile(chance / rows, freedom) * spread->within;
    }
    return usual + hypot(run, worst - usual);
}
