/* What the unit tests share. Every program prints TAP with CMOCKA_MESSAGE_OUTPUT=TAP. */
#ifndef RG_TESTS_HELPERS_H
#define RG_TESTS_HELPERS_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/machine.h"
#include "data/measurement.h"
#include "data/run.h"
#include "data/verdict.h"

#include <stdbool.h>
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* The source tree, for examples and scripts. */
#define SOURCE(path) (RG_SOURCE "/" path)

/* --- assertions --- */

/* Equal but for rounding; both may be NAN. */
#define assert_near(value, expected) check_near((value), (expected), 1e-9, #value, __FILE__, __LINE__)
#define assert_within(value, expected, slack) check_near((value), (expected), (slack), #value, __FILE__, __LINE__)
#define assert_has(text, part) check_has((text), (part), true, __FILE__, __LINE__)
#define assert_lacks(text, part) check_has((text), (part), false, __FILE__, __LINE__)
#define assert_begins(text, part) check_begins((text), (part), __FILE__, __LINE__)

void check_near(double value, double expected, double slack, const char *what, const char *file, int line);
void check_has(const char *text, const char *part, bool wanted, const char *file, int line);
void check_begins(const char *text, const char *part, const char *file, int line);

/* Runs body in a child that is killed after some seconds; the child's wait status. For what could hang. */
int in_child(void (*body)(void *), void *context, unsigned seconds);

/* --- files --- */

/* A fresh directory; the path is malloc'd. remove_directory takes it away with everything in it and frees the path. */
char *new_directory(void);
void remove_directory(char *path);

/* "directory/name", malloc'd. */
char *path_in(const char *directory, const char *name);
void write_text(const char *path, const char *text);

/* malloc'd. */
char *read_text(const char *path);
bool exists(const char *path);

/* Names in a directory, "." and ".." left out. */
int entries_of(const char *directory);

/* Calls body with each file of results-schema/examples/KIND whose name begins with prefix; how many there were. */
int for_each_example(const char *kind, const char *prefix, void (*body)(const char *path, const char *name));

/* --- a run that is made up: complete, of hardware, node-a, node-b, ... with ranks counted node by node --- */

#define MADE_RUN_ID "20260301T020000Z-1a2b3c4d"
#define PARTS 20 /* sub-windows of a made flow */

struct made_run {
    char *directory;
    struct rg_run run;
    struct rg_settings tests[4];
    struct rg_rank_facts ranks[16];
    struct rg_journal *journal;
    int rails;
};

/* One test of one size (rdma_write_bw, both_ways, 64K, one queue pair); change it as you like before the run is ended.
 */
void make_run(struct made_run *made, int nodes, int rails);
void add_measurement(struct made_run *made, const struct rg_measurement *measurement);

/* Writes run.json. */
void end_run(struct made_run *made);
void close_made_run(struct made_run *made);

/* A flow of test 0 that was ok, with an even rate and the interval given; end with rg_measurement_close. Nodes are
 * numbers. */
struct rg_measurement a_flow(
    const struct made_run *made, int round, int from, int to, int rail, double gbps, double low, double high);

/* A rdma_write_lat of 8 bytes. */
struct rg_measurement a_latency(
    const struct made_run *made, int round, int from, int to, double p50, double low, double high, double p99);
struct rg_measurement a_collective(const struct made_run *made, int round, double busbw);

/* Sets a status other than ok, and takes the figures away. */
void spoil(struct rg_measurement *measurement, const char *status, const char *reason);

/* Adds it and closes it. */
void add_and_close(struct made_run *made, struct rg_measurement measurement);

/* A verdict for judging into: the last one, which it closes first. drop_verdict is a group's teardown. */
extern struct rg_verdict last_verdict;
struct rg_verdict *a_verdict(void);
int drop_verdict(void **state);

/* A machine of hardware with these expectations: any number of rails of 100 Gb/s, 200 a node. */
struct rg_machine a_machine(struct rg_expectation *expectations, size_t count);

/* bandwidth_gbps of the made run's first test for a rail. */
struct rg_expectation an_expectation(double expected, double tolerance_percent);

#endif
