/* What nodes of a run should share, and one does not: versions, firmware, settings. */
#ifndef RG_REPORT_ALIKE_H
#define RG_REPORT_ALIKE_H

#include "data/run.h"

#define RG_ALIKE_SENTENCES_MOST 64
#define RG_ALIKE_SENTENCE_LENGTH 640

struct rg_alike {
    char sentences[RG_ALIKE_SENTENCES_MOST][RG_ALIKE_SENTENCE_LENGTH];
    int count;
};

/* A sentence for each such thing: who has what, and what most have. Where every rail of one number is alike on all
 * nodes, rails may differ from each other. */
void rg_alike_find(const struct rg_run *run, struct rg_alike *out);

#endif
