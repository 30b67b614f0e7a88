/* One flow of a round, from set-up to record: what flow.c (the round), flow_setup.c and flow_record.c share; for the
 * files of test/ alone. */
#ifndef RG_TEST_FLOW_H
#define RG_TEST_FLOW_H

#include "hw/counters.h"
#include "hw/netdev.h"
#include "net/endpoint.h"
#include "test/bandwidth.h"
#include "test/latency.h"
#include "test/record.h"
#include "test/session.h"
#include "test/simulated.h"

/* What peers tell each other of a step; code 0: it went well. */
struct rg_outcome {
    int32_t code, reserved;
    struct rg_endpoint_fault fault;
    char message[512];
};
_Static_assert(sizeof(struct rg_outcome) == 712, "a wire structure");

struct rg_setup_note {
    struct rg_outcome outcome;
    struct rg_registration source, target;
    struct rg_endpoint_address address;
};

struct rg_result_note {
    struct rg_outcome outcome;
    uint64_t posted[RG_QUEUE_PAIRS_MOST];
};

struct rg_integrity_note {
    struct rg_mismatch found;
    uint64_t checked; /* 0: could not be */
};

/* Between this rank and one peer. Pairs of what is told and heard lie side by side. */
struct rg_flow {
    const struct rg_session *session;
    const struct rg_round *round;
    const struct rg_settings *settings;
    struct rg_role role;
    int64_t number;
    enum rg_test_kind kind;
    enum rg_operation operation;
    enum rg_arrival arrival;
    uint64_t message_bytes;
    bool tcp;
    struct rg_nic nic; /* over TCP the name of the interface alone */
    struct rg_netdev netdev;
    struct rg_layout layout;
    struct rg_memory *source, *target;
    struct rg_endpoint *endpoint;
    struct rg_endpoint_path path;
    struct rg_registration from_way, to_way; /* of the memory that data leave from and arrive in */
    bool writes_in_order, opens_anew;
    bool deserted; /* the peer did not come */
    struct rg_setup_note my_setup, their_setup;
    struct rg_result_note my_result, their_result;
    struct rg_outcome mine, theirs;
    struct rg_integrity_note arrived_here, arrived_there;
    struct rg_counters counters_before;
    struct rg_counter_change my_counters, their_counters;
    struct rg_gpu_state gpu_before;
    struct rg_gpu_change my_gpu, their_gpu;
    struct rg_start start;
    struct rg_marks marks;
    struct rg_samples samples;
};

/* All flows of this rank in a round. */
struct rg_flows {
    const struct rg_session *session;
    struct rg_flow *at;
    size_t count;
};

/* Whether a flow has something to do in a step; both ends of it must come to the same answer. */
typedef bool (*rg_flow_test)(const struct rg_flow *flow);

static inline bool rg_flow_went_well(const struct rg_flow *flow)
{
    return flow->mine.code == 0 && flow->theirs.code == 0 && !flow->deserted;
}

/* Swaps the members at the given offsets of every flow for which `takes_part` holds with its peer. A flow whose peer
 * does not come is deserted, and failed. Negative: someone did not come. */
int rg_flows_swap(struct rg_flows *flows, rg_flow_test takes_part, size_t mine, size_t theirs, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err);

void rg_flow_fail(struct rg_flow *flow, int code, const struct rg_error *why);

/* deadlines: how many of the settings' deadlines after from_ns. */
uint64_t rg_flow_later(const struct rg_flow *flow, uint64_t from_ns, double deadlines);

/* The key of the pattern that a rank's data have in this round. */
uint64_t rg_flow_key(const struct rg_flow *flow, int source_rank, uint32_t pass);

/* Data leave from the writer, the sender, and him who is read. */
bool rg_flow_leaves_here(const struct rg_flow *flow);
bool rg_flow_arrives_here(const struct rg_flow *flow);

/* Whether a GPU's memory has a part in it, at a rank. */
bool rg_flow_uses_gpu(const struct rg_flow *flow, int rank);

/* What has been counted so far of this rank's part in it. */
void rg_flow_count(const struct rg_flow *flow, struct rg_counters *out);

/* Which way data travel that this rank initiates. */
struct rg_link rg_flow_link(const struct rg_flow *flow);

/* Buffers, endpoints and connections of all flows; what fails is in the flows. flow_setup.c */
int rg_flows_set_up(struct rg_flows *flows, struct rg_error *err);

/* The measurement of a flow that this rank initiated, a line, malloc'd. flow_record.c */
char *rg_flow_record(const struct rg_flow *flow);

#endif
