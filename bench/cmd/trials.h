/* Fleets by lot, to see how often the judge is right. */
#ifndef RG_CMD_TRIALS_H
#define RG_CMD_TRIALS_H

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

/* Simulates `count` fleets with faults and as many healthy ones, drawn from the seed: 3 to 512 nodes with 8 rails, 0 to
 * 4 faults of all kinds that flows show, which cost 10 % or more, 0.3 to 2 % noise, half of them with all pairs and
 * half with a screen. Prints each miss with its seed and both figures. Returns the exit status: 0 if at least 99 % were
 * judged exactly and no healthy fleet was accused, else 1; negative without memory. */
int rg_trials_run(int64_t count, uint64_t seed, FILE *out, struct rg_error *err);

#endif
