/* The bandwidth loops: keep the depth full, count what completes. */
#ifndef RG_TEST_BANDWIDTH_H
#define RG_TEST_BANDWIDTH_H

#include "net/endpoint.h"

/* When a stream runs. Times by rg_clock_now_ns. Bounded by time: load from start_ns, the window lies from begin_ns to
 * end_ns. Bounded by count (messages > 0): warm-up messages first; when these have all completed, the window runs from
 * the first post of `messages` more to their last completion. */
struct rg_stream {
    uint64_t start_ns, begin_ns, end_ns;
    uint64_t warmup_messages, messages;
    uint64_t subwindows;
    bool last;              /* nothing follows on this endpoint */
    uint32_t arrivals_from; /* queue pairs on which the peer sends at the same time; 0: none */
    uint32_t idle_polls; /* empty polls between two looks at the clock, when the processor is offered to others, too */
    uint64_t give_up_ns; /* nothing outlasts it */
};

/* For idle_polls: a rank with a processor of its own polls on; where ranks outnumber processors, they take turns. */
#define RG_IDLE_POLLS_ALONE 1000000
#define RG_IDLE_POLLS_SHARED 16
/* Over TCP an empty poll is a system call, or a nap. */
#define RG_IDLE_POLLS_CALLS 1000
#define RG_IDLE_POLLS_NAPS 16

/* Where the window and its parts begin and end: mark i at at_ns[i], when messages[i] had completed. A message that was
 * under way at the end of a part bounded by time counts by its share of the time between two completions. The window
 * has count - 1 parts; within it, completions were seen so many times. */
struct rg_marks {
    uint64_t count, seen;
    uint64_t *at_ns; /* room for subwindows + 1 each */
    double *messages;
};

/* How far a stream has come: what completed, in how many polls that saw any, the last at last_ns; and what ends the
 * part, a time or a count. */
struct rg_progress {
    uint64_t completed, polls, last_ns, next;
};

/* Room for so many parts. -ENOMEM. Close with rg_marks_close, which takes a zeroed structure. */
int rg_marks_open(struct rg_marks *out, uint64_t subwindows, struct rg_error *err);
void rg_marks_close(struct rg_marks *marks);

/* Sends for the window, then until all is completed and the peer has finished, too. 0; -EIO: see rg_endpoint_explain;
 * -ETIMEDOUT: nothing completed any more; -ETIME: the time was up while messages still completed; -EAGAIN: called after
 * the window had begun. The marks hold what was reached. */
int rg_bandwidth_initiate(struct rg_endpoint *endpoint, const struct rg_stream *stream, struct rg_marks *marks);

/* Receives until the peer has finished on all queue pairs. */
int rg_bandwidth_serve(struct rg_endpoint *endpoint, uint32_t queue_pairs, const struct rg_stream *stream);

/* One of several flows that a rank keeps going at once. */
struct rg_lane {
    struct rg_endpoint *endpoint;
    bool initiates;
    uint32_t arrivals_from; /* as in rg_stream */
    struct rg_marks marks;  /* of one that initiates */
    int code;               /* how it went, as rg_bandwidth_initiate gives it */
    uint64_t unsent;        /* this and what follows is the loop's own */
    struct rg_progress progress;
    bool finished;
};

/* All lanes in turn, until each has ended or failed. The stream's `arrivals_from` does not count. */
void rg_bandwidth_run_lanes(struct rg_lane *lanes, size_t count, const struct rg_stream *stream);

#endif
