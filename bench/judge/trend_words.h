/* What differed, and the sentence that tells it; for the files of judge/ alone. */
#ifndef RG_JUDGE_TREND_WORDS_H
#define RG_JUDGE_TREND_WORDS_H

#include "data/trend.h"

/* A NIC or GPU that a finding is about; node NULL: any; rail RG_NONE: any. */
struct rg_judge_place {
    const char *node;
    int64_t rail;
};

/* Fills in the finding's differences: what was otherwise at these places in the run before. */
void rg_judge_compare_facts(
    const struct rg_trend *trend, const struct rg_judge_place *places, size_t count, struct rg_finding *io);

/* Writes its sentence. */
void rg_judge_say(const struct rg_trend *trend, struct rg_finding *io);

#endif
