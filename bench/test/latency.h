/* The latency loops: one message at a time, every sample kept. */
#ifndef RG_TEST_LATENCY_H
#define RG_TEST_LATENCY_H

#include "net/endpoint.h"

/* Bounded by time (messages == 0): samples between begin_ns and end_ns; by count: warm-up first, then `messages`
 * samples. */
struct rg_pings {
    uint64_t start_ns, begin_ns, end_ns;
    uint64_t warmup_messages, messages;
    uint32_t idle_polls; /* as in rg_stream */
    uint64_t give_up_ns;
    volatile uint8_t
        *arriving_byte; /* the last byte of the message in the target buffer; for pings seen by their last byte */
    volatile uint8_t *departing_byte; /* the same in the source buffer */
};

/* Room for `room` samples in ns. */
struct rg_samples {
    uint64_t *ns;
    uint64_t count, room;
    uint64_t first_ns, last_ns; /* begin of the first sample, end of the last */
};

/* How arrival is seen. Read: by the reader's own completion, with no peer. Message: by a receive completion. Byte: by
 * the last byte. */
enum rg_arrival { RG_ARRIVAL_COMPLETION, RG_ARRIVAL_MESSAGE, RG_ARRIVAL_BYTE };

/* A sample is the whole round trip from one post to the next. 0; -EIO: see rg_endpoint_explain; -ETIMEDOUT: no answer;
 * -ETIME, -EAGAIN: as for a stream; -ENOSPC: no room for the samples of the window. */
int rg_latency_initiate(
    struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings, struct rg_samples *samples);

/* Answers until the initiator says that it is done; a read needs no answer and returns at once. */
int rg_latency_serve(struct rg_endpoint *endpoint, enum rg_arrival arrival, const struct rg_pings *pings);

#endif
