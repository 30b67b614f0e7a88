/* From what a loop left to the fields of a measurement. Pure. */
#ifndef RG_TEST_RECORD_H
#define RG_TEST_RECORD_H

#include "data/measurement.h"
#include "data/plan.h"
#include "data/run.h"
#include "mem/memory.h"
#include "test/bandwidth.h"
#include "test/latency.h"

/* Holds the texts of a measurement until it has been written. */
struct rg_record_texts {
    char expected[24];
    char got[24];
    char reason[512];
};

/* Sets what the plan says of a flow in a round, or (load) of what is in its way: test, kind, size, pattern, phase,
 * direction, queue pairs, and who begins. */
void rg_record_plan(const struct rg_suite *suite, const struct rg_round *round, bool load, struct rg_measurement *out);

/* Sets status, window and bandwidth; the measurement then owns the arrays. at_ns of the marks and start_ns are of one
 * clock. */
void rg_record_bandwidth(const struct rg_marks *marks, uint64_t start_ns, uint64_t message_bytes,
    struct rg_measurement *out, struct rg_record_texts *texts);

/* Sets status, window and latency: of the whole round trip for a read, of half of it for the others, whose samples it
 * halves. arrival and in_order_guaranteed are left as the caller has set them; without an arrival, it is the test's
 * usual one. */
void rg_record_latency(const struct rg_samples *samples, uint64_t start_ns, bool keep, struct rg_measurement *out,
    struct rg_record_texts *texts);

/* The status of what failed with a code: what was asked for and could not be had is no fault of the fabric. */
const char *rg_record_status(int64_t code);

/* Sets integrity as found at a rank; a mismatch makes the measurement fail. */
void rg_record_integrity(const struct rg_mismatch *found, bool checked, const struct rg_rank_facts *at,
    struct rg_measurement *out, struct rg_record_texts *texts);

#endif
