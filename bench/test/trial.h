/* How many operations of a collective are measured, and how many share a sample: found out by trials. Pure. */
#ifndef RG_TEST_TRIAL_H
#define RG_TEST_TRIAL_H

#include "data/suite.h"

/* So many operations in samples of `calls`, the last of what is left; measured, or a trial. */
struct rg_trial {
    bool measured;
    uint64_t iterations, calls;
};

struct rg_trial rg_trial_first(const struct rg_settings *settings);

/* What comes after a trial that took spent_s at the slowest rank; tried: operations of all trials so far. sample_s: how
 * long a sample should last, see rg_collective_sample_s. */
struct rg_trial rg_trial_next(
    const struct rg_settings *settings, const struct rg_trial *last, uint64_t tried, double spent_s, double sample_s);

#endif
