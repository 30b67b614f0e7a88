/* What differed, and the sentence that tells it; for the files of judge/ alone. */
#ifndef RG_JUDGE_TREND_WORDS_H
#define RG_JUDGE_TREND_WORDS_H

#include "data/trend.h"

/* A NIC or GPU that a finding is about; node NULL: any; rail RG_NONE: any. */
struct rg_judge_place {
    const char *node;
    int64_t rail;
};

/* Those that a finding is about, and those like them that did not change. */
struct rg_judge_places {
    struct rg_judge_place *here, *others;
    size_t count, other_count;
};

/* Fills in the finding's differences: what was otherwise here in the run before, and in how many of the others. */
void rg_judge_compare_facts(const struct rg_trend *trend, const struct rg_judge_places *places, struct rg_finding *io);

/* Writes its sentence, and the brief one. */
void rg_judge_say(const struct rg_trend *trend, struct rg_finding *io);

#endif
