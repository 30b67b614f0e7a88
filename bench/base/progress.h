/* Progress for the person who waits: a bar with the time left on a terminal, a line a step elsewhere. */
#ifndef RG_BASE_PROGRESS_H
#define RG_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rg_progress {
    FILE *out;
    bool bar; /* out is a terminal */
    bool quiet;
    uint64_t from_ns;       /* when the first step began; 0: not yet */
    double total_s, done_s; /* as estimated; the pace so far corrects it */
};

void rg_progress_open(struct rg_progress *progress, FILE *out, bool quiet, double total_s);

/* Step `number` (from 0) of `count` begins; it is thought to take step_s. */
void rg_progress_step(struct rg_progress *progress, int64_t number, int64_t count, double step_s, const char *label);

/* Clears the bar, so that something else can be printed. */
void rg_progress_clear(struct rg_progress *progress);

#endif
