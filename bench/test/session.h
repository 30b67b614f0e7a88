/* What every round of a run needs to know. */
#ifndef RG_TEST_SESSION_H
#define RG_TEST_SESSION_H

#include "ctl/control.h"
#include "data/measurement.h"
#include "data/plan.h"
#include "data/run.h"
#include "hw/gpu.h"
#include "hw/nic.h"
#include "mem/memory.h"
#include "test/bandwidth.h"

struct rg_fabric;
struct rg_group_slot;

struct rg_session {
    struct rg_control *control;
    const struct rg_orders *orders;
    struct rg_rank_facts *ranks; /* by rank, of the whole run */
    const int *node_of;          /* by rank: the node's number in the plan */
    int node_count;              /* in the plan; some may be gone */
    int rank;
    const struct rg_fabric *fabric; /* NULL: a real one */
    struct rg_gpu_monitor *monitor; /* NULL: no NVML, or no GPU */
    struct rg_group_slot *slot;     /* the communicator of the last collective; changes from round to round */
};

/* What this rank has to do with one peer in a round. */
struct rg_role {
    int peer;
    bool initiates, serves;
    bool load; /* of a congestion test: not what is measured, but what is in its way */
};

/* All its roles, one a peer: malloc'd, none where it sits out or the peer is not there any more. */
int rg_session_roles(const struct rg_session *session, const struct rg_round *round, struct rg_role **out,
    size_t *count, struct rg_error *err);

/* Whether a node's rail was lost before, and its rank only looks on. */
bool rg_session_is_absent(const struct rg_session *session, int node, int64_t rail);

/* The number that a rank has in the plan: among all nodes, those that are gone included. */
int rg_session_planned_rank(const struct rg_session *session, int rank);

/* The settings of a round's test. */
const struct rg_settings *rg_session_settings(const struct rg_session *session, const struct rg_round *round);

/* The kind of memory ("host", "cuda") that holds what leaves a rank, or what arrives there. */
const char *rg_session_memory_kind(
    const struct rg_session *session, const struct rg_round *round, int rank, bool leaves);

/* The GPU of this rank; -ENXIO with the reason: it has none. */
int rg_session_place(const struct rg_session *session, struct rg_memory_place *out, struct rg_error *err);

/* When the loops of a round run. */
void rg_session_plan_stream(const struct rg_session *session, const struct rg_settings *settings,
    const struct rg_start *start, struct rg_stream *out);

/* Looks at this rank's GPU, for the report on what happened to it between two looks. Some milliseconds. */
void rg_session_look(const struct rg_session *session, struct rg_gpu_state *out);

/* What a rank's GPU went through, for a measurement; the texts point into the change and the session. */
void rg_session_report_gpu(
    const struct rg_session *session, int rank, const struct rg_gpu_change *change, struct rg_gpu_report *out);

/* Why what a rank's GPU does is not hardware's doing; NULL: it is. */
const char *rg_session_why_no_gpu_hardware(const struct rg_session *session, int rank);

/* A measurement with everything filled in that is known before it is made. `from` and `to`: the ranks of a flow; both
 * -1: it is none, and the caller says what it is. The texts point into the session. */
void rg_session_describe(const struct rg_session *session, const struct rg_round *round, int64_t number, int from,
    int to, struct rg_measurement *out);

/* What a round left. */
struct rg_round_result {
    char *line;            /* malloc'd: the measurements that this rank owes, joined by newlines; NULL if none */
    uint64_t end_ns;       /* when the window ends, or would have; deadlines after the loop count from here */
    bool started;          /* the ranks agreed on a start */
    double clock_error_us; /* NAN: it never started */
};

/* Runs one round, all ranks together; who initiates a flow owes its measurement. A flow that fails is no error of the
 * call. Negative: the ranks are out of step (err says who is missing; so does missing, by rank, at rank 0). */
int rg_session_flow(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err);

/* The same for copies: each rank's GPU makes its own, and each rank owes a measurement. */
int rg_session_copy(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err);

/* The same for a collective on a simulated fabric. */
int rg_session_simulated_collective(const struct rg_session *session, const struct rg_round *round, int64_t number,
    bool *missing, struct rg_round_result *out, struct rg_error *err);

/* The same for a collective; the first rank of each group owes its measurement. */
int rg_session_collective(const struct rg_session *session, const struct rg_round *round, int64_t number, bool *missing,
    struct rg_round_result *out, struct rg_error *err);

#endif
