/* A run's files as it happens: what the ranks say of themselves and measure, who was lost, and, for the ranks' last
 * question, what should be measured again. */
#ifndef RG_CMD_RECORDER_H
#define RG_CMD_RECORDER_H

#include "base/file.h"
#include "cmd/crew.h"
#include "data/machine.h"
#include "data/plan.h"
#include "data/run.h"
#include "judge/fleet.h"

struct rg_recorder {
    struct rg_run *run;
    const char *directory;
    const struct rg_machine *machine; /* by whose tolerance flows are held against their peers; NULL: none */
    struct rg_journal *journal;
    struct rg_crew crew;
    int64_t written;              /* lines of the journal; run counts those of rounds that are done */
    struct rg_fleet_judge *fleet; /* NULL until the ranks ask */
};

/* each: ranks a node. The journal is the caller's; it is cut back to what the run counts. On failure nothing is left to
 * close. Close with rg_recorder_close. */
int rg_recorder_open(struct rg_run *run, const char *directory, const struct rg_machine *machine,
    struct rg_journal *journal, int each, struct rg_recorder *out, struct rg_error *err);
void rg_recorder_close(struct rg_recorder *recorder);

/* Writes run.json. */
int rg_recorder_write(const struct rg_recorder *recorder, struct rg_error *err);

/* A rank's introduction; one that introduces itself again, in a later attempt, is known already. */
int rg_recorder_meet(struct rg_recorder *recorder, const char *line, struct rg_error *err);

/* A rank's measurement. It counts when its round is done. */
int rg_recorder_add(struct rg_recorder *recorder, const char *line, struct rg_error *err);

/* What a round left is safe on disk before run.json counts it, and before the next one does. clock_error_us: negative
 * if not known. */
int rg_recorder_end_round(struct rg_recorder *recorder, int64_t number, double clock_error_us, struct rg_error *err);

/* Takes back what was measured in a round that did not end: it will be measured anew. */
int rg_recorder_rewind(struct rg_recorder *recorder, struct rg_error *err);

/* A node's rail, or (-1) all of them, is lost; one that was before stays lost as it was. */
void rg_recorder_lose(struct rg_recorder *recorder, int node, int rail, const char *where);

/* The node is lost as a whole: that is also why its ranks, from the `since`th entry of the run's list on, did not come.
 */
void rg_recorder_lose_node(struct rg_recorder *recorder, int node, size_t since, const char *where);

/* The ranks have done what was planned: what should be measured again? No links: nothing. *links is malloc'd. */
int rg_recorder_ask(struct rg_recorder *recorder, struct rg_round *round, struct rg_link **links, struct rg_error *err);

struct rg_plan rg_recorder_plan(const struct rg_recorder *recorder);

/* Frees what a recorder has put into a run; lost and hardware_reason hold texts of their own. */
void rg_recorder_forget(struct rg_run *run);

#endif
