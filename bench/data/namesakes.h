/* Tests of one name in a suite, and what tells them apart. */
#ifndef RG_DATA_NAMESAKES_H
#define RG_DATA_NAMESAKES_H

#include "data/series.h"
#include "data/suite.h"

#define RG_NAMESAKES_WITH " with " /* before such a text, in the name of a fact: "rdma_write_bw's depth with ..." */

/* How a test of the suite is set otherwise than others of its name, as "direction both_ways, queue_pairs 8": by what
 * figures carry with them; from others whose figures carry the same, by all the rest. Empty: by nothing. */
void rg_namesakes_tell(const struct rg_suite *suite, size_t test, char *out, size_t room);

/* The rest alone, "depth 16": what tells its figures at a size from those of tests before it that carry the same. */
void rg_namesakes_tell_rest(const struct rg_suite *suite, size_t test, int64_t size_bytes, char *out, size_t room);

/* What such a text says of a setting, not terminated; NULL: nothing. */
const char *rg_namesakes_value(const char *told, const char *key, size_t *length);

/* Whether a series can be of the test that such a text tells from others of the series' test. */
bool rg_namesakes_fit(const char *told, const struct rg_series *series);

#endif
