/* railgauge-rank: what mpirun starts, one process a rail. Rank 0 reads its orders from standard input and reports
 * events on standard output; nobody else prints, but for errors. */
#include "base/clock.h"
#include "base/names.h"
#include "cmd/self.h"
#include "data/event.h"
#include "test/group.h"
#include "test/session.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ALSO "; nor can take part: " /* nodes */
#define HELLO_DEADLINE_S 60.0
#define ANSWER_DEADLINE_S 600.0 /* the front may have many flows to think about */

struct rank {
    struct rg_control *control;
    struct rg_orders orders;
    struct rg_rank_facts *facts; /* by rank */
    int *node_of;
    bool *missing;
    int node_count;
    struct rg_self self;
};

static void say(const struct rg_event *event)
{
    char *line = rg_event_line(event);
    if (line != NULL) {
        puts(line);
        fflush(stdout);
    }
    free(line);
}

static void say_text(enum rg_event_kind kind, int64_t round, double value, const char *text)
{
    struct rg_event event = {.kind = kind, .round = round, .value = value, .text = text ? strdup(text) : NULL};
    say(&event);
    free(event.text);
}

static int read_orders(struct rank *rank, struct rg_error *err)
{
    char *line = NULL, *text;
    size_t room = 0;
    bool root = rg_control_rank(rank->control) == 0;
    if (root && getline(&line, &room, stdin) < 0) {
        free(line);
        return rg_fail(err, -EINVAL, "no orders on standard input; railgauge-rank is started by `railgauge run`");
    }
    text = line;
    int code = rg_control_broadcast(rank->control, &text, rg_clock_after_ns(HELLO_DEADLINE_S), "orders", err);
    if (code == 0)
        code = rg_orders_read(text, &rank->orders, err);
    free(text);
    return code;
}

/* Nodes come in the order of their first ranks. */
static void count_nodes(struct rank *rank, struct rg_names *table)
{
    for (int i = 0; i < rg_control_size(rank->control); i++) {
        rank->node_of[i] = rg_names_enter(table, rank->facts[i].node.node, rank->node_count);
        rank->node_count += rank->node_of[i] == rank->node_count;
    }
}

/* Which of the plan's nodes they are, the orders tell. */
static int number_nodes(struct rank *rank, struct rg_error *err)
{
    int size = rg_control_size(rank->control), code = 0;
    size_t present = rank->orders.present_count;
    struct rg_control_name *names = calloc((size_t)size, sizeof *names);
    struct rg_names table;
    rank->node_of = calloc((size_t)size, sizeof *rank->node_of);
    if (names == NULL || rank->node_of == NULL || rg_names_open((size_t)size, &table, err) != 0) {
        free(names);
        return rg_fail(err, -ENOMEM, "no memory");
    }
    count_nodes(rank, &table);
    rg_names_close(&table);
    if ((size_t)rank->node_count != present)
        code =
            rg_fail(err, -EINVAL, "%zu hosts were named, but they have %d host names: each must be a node of its own",
                present, rank->node_count);
    for (int i = 0; code == 0 && i < size; i++) {
        rank->node_of[i] = rank->orders.present[rank->node_of[i]];
        int each = size / rank->node_count;
        names[i] = (struct rg_control_name){
            rank->facts[i].node.node, rank->facts[i].rail.rail, rank->node_of[i] * (int64_t)each + i % each};
    }
    if (code == 0)
        code = rg_control_set_nodes(rank->control, rank->node_of, names, err);
    free(names);
    return code;
}

/* "node1: why" is told of the first that cannot take part, and of the others who they are. */
static int refuse(struct rg_error *err, const char *line)
{
    size_t used = strlen(err->text), name = strcspn(line, ":");
    if (used == 0)
        return rg_fail(err, -ENODEV, "%.700s", line);
    if (strncmp(err->text, line, name + 1) != 0)
        snprintf(err->text + used, sizeof err->text - used, "%s%.*s", strstr(err->text, ALSO) != NULL ? ", " : ALSO,
            (int)name, line);
    return -ENODEV;
}

/* Splits the lines of all ranks, joined by newlines, into facts. */
static int read_facts(struct rank *rank, char *joined, struct rg_error *err)
{
    int at = 0, code = 0;
    err->text[0] = '\0';
    for (char *line; (line = strsep(&joined, "\n")) != NULL && at < rg_control_size(rank->control); at++) {
        if (line[0] == '!')
            code = refuse(err, line + 1);
        else if (code == 0)
            code = rg_rank_facts_read(line, &rank->facts[at], err);
    }
    return code;
}

/* Everyone tells rank 0 what it is, and rank 0 tells everyone. */
static int introduce(struct rank *rank, struct rg_error *err)
{
    char **texts = NULL, *joined = NULL, *self = rg_self_line(&rank->self, rank->control, &rank->orders, err);
    uint64_t until_ns = rg_clock_after_ns(HELLO_DEADLINE_S);
    if (self == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    int code = rg_control_gather(rank->control, self, until_ns, "introduction", &texts, rank->missing, err);
    if (code == 0 && texts != NULL)
        joined = rg_names_join(texts, (size_t)rg_control_size(rank->control), '\n');
    if (code == 0)
        code = rg_control_broadcast(rank->control, &joined, rg_clock_after_ns(HELLO_DEADLINE_S), "introduction", err);
    for (int i = 0; code == 0 && texts != NULL && i < rg_control_size(rank->control); i++)
        if (texts[i][0] != '!')
            say_text(RG_EVENT_RANK, 0, 0, texts[i]);
    if (code == 0)
        code = read_facts(rank, joined, err);
    rg_control_free_texts(rank->control, texts);
    free(joined);
    free(self);
    return code == 0 ? number_nodes(rank, err) : code;
}

/* At rank 0, which alone knows. */
static void say_missing(const struct rank *rank, const struct rg_error *why)
{
    for (int i = 0; i < rg_control_size(rank->control); i++)
        if (rank->missing[i])
            say_text(RG_EVENT_LOST, i, 0, why->text);
}

/* Lines, joined by newlines. */
static void say_measurements(const char *lines)
{
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        char *line = strndup(lines, length);
        if (line != NULL)
            say_text(RG_EVENT_MEASUREMENT, 0, 0, line);
        free(line);
        lines += length + (lines[length] == '\n');
    }
}

/* At rank 0, with what the ranks sent at the end of a round: measurements, or "!" and why they are out of step. */
static int report_round(const struct rank *rank, char *const *texts, struct rg_error *err)
{
    int code = 0;
    for (int i = 0; i < rg_control_size(rank->control); i++) {
        const char *line = texts[i] ? texts[i] : "";
        if (line[0] == '!') {
            const char *end = strchr(line, '\n');
            code = rg_fail(err, -ETIMEDOUT, "%.*s", end ? (int)(end - line - 1) : (int)strlen(line + 1), line + 1);
            line = end ? end + 1 : "";
        }
        say_measurements(line);
    }
    return code;
}

/* Gathers the round's measurements; negative when the run cannot go on. */
static int end_round(struct rank *rank, int64_t number, const struct rg_round_result *result, double deadline_s,
    int round_code, struct rg_error *err)
{
    char **texts = NULL, *text = NULL, *go = (char[]){"go"}, *told = go;
    struct rg_error why = *err;
    uint64_t until_ns = result->end_ns + rg_seconds_to_ns(2.5 * deadline_s);
    if (asprintf(&text, "%s%s%s%s", round_code < 0 ? "!" : "", round_code < 0 ? why.text : "",
            round_code < 0 ? "\n" : "", result->line ? result->line : "") < 0)
        return rg_fail(err, -ENOMEM, "no memory");
    int code = rg_control_gather(rank->control, text, until_ns, "end of the round", &texts, rank->missing, err);
    if (rg_control_rank(rank->control) == 0 && texts != NULL) {
        if (code == -ETIMEDOUT)
            say_missing(rank, err);
        int reported = report_round(rank, texts, &why);
        if (code == 0 && reported != 0) {
            *err = why;
            code = reported;
        }
        say_text(RG_EVENT_ROUND_DONE, number, isnan(result->clock_error_us) ? -1 : result->clock_error_us, NULL);
    }
    rg_control_free_texts(rank->control, texts);
    free(text);
    if (code == 0)
        code = rg_control_broadcast(
            rank->control, &told, until_ns + rg_seconds_to_ns(deadline_s), "end of the round", err);
    if (told != go)
        free(told);
    return code;
}

static int (*const run_kind[])(const struct rg_session *session, const struct rg_round *round, int64_t number,
    bool *missing, struct rg_round_result *out, struct rg_error *err) = {
    [RG_TEST_BANDWIDTH] = rg_session_flow,
    [RG_TEST_LATENCY] = rg_session_flow,
    [RG_TEST_COLLECTIVE] = rg_session_collective,
    [RG_TEST_COPY] = rg_session_copy,
};

/* A simulated node dies, and a simulated rank hangs, for real. */
static void meet_fate(const struct rg_session *session, double at_s)
{
    const struct rg_fabric *fabric = session->fabric;
    int node = session->node_of[session->rank], rail = (int)session->ranks[session->rank].rail.rail;
    for (int i = 0; fabric != NULL && i < fabric->fault_count; i++) {
        const struct rg_fault_plan *fault = &fabric->faults[i];
        if (fault->part.node != node || at_s < fault->at_s || rg_session_is_absent(session, node, rail))
            continue;
        if (fault->kind == RG_FAULT_DIES)
            raise(SIGKILL);
        while (fault->kind == RG_FAULT_HANGS && fault->part.rail == rail)
            pause();
    }
}

static int run_round(struct rank *rank, const struct rg_session *session, const struct rg_round *round, int64_t number,
    struct rg_error *err)
{
    const struct rg_suite *suite = &rank->orders.suite;
    struct rg_round_result result = {.clock_error_us = NAN};
    char label[96];
    rg_plan_label(suite, round, label, sizeof label);
    if (session->rank == 0)
        say_text(RG_EVENT_ROUND, number, rg_plan_limit_s(suite, round), label);
    meet_fate(session, round->at_s);
    enum rg_test_kind kind = rg_test_kind_of(suite->tests[round->test_index].test);
    bool simulated = session->fabric != NULL && !rg_test_has_flows(kind);
    int code = (simulated ? rg_session_simulated_collective : run_kind[kind])(
        session, round, number, rank->missing, &result, err);
    /* What went wrong before the start is known by now, and the others still wait for it: asking all once more would
     * only add these. */
    if (code < 0 && !result.started)
        say_missing(rank, err);
    else
        code = end_round(rank, number, &result, suite->tests[round->test_index].deadline_s, code, err);
    free(result.line);
    return code;
}

/* Asks the front what should be measured again; links are malloc'd, none: nothing more. */
static int ask(struct rank *rank, struct rg_round *round, struct rg_link **links, struct rg_error *err)
{
    char *line = NULL, *text;
    size_t room = 0;
    int code = 0;
    if (rg_control_rank(rank->control) == 0) {
        say_text(RG_EVENT_ASK, 0, 0, NULL);
        if (getline(&line, &room, stdin) < 0)
            code = rg_fail(err, -EPIPE, "the front is gone");
    }
    text = line;
    if (code == 0)
        code = rg_control_broadcast(rank->control, &text, rg_clock_after_ns(ANSWER_DEADLINE_S), "more orders", err);
    if (code == 0)
        code = rg_orders_round_read(text, round, links, err);
    free(text);
    return code;
}

/* Suspects, as long as the front has questions. */
static int run_confirmations(
    struct rank *rank, const struct rg_session *session, int64_t number, double at_s, struct rg_error *err)
{
    int code = 0;
    for (;; number++) {
        struct rg_round round;
        struct rg_link *links = NULL;
        code = ask(rank, &round, &links, err);
        if (code != 0 || round.link_count == 0 || round.test_index >= rank->orders.suite.test_count) {
            free(links);
            return code;
        }
        round.at_s = at_s;
        code = run_round(rank, session, &round, number, err);
        at_s += rg_plan_seconds(&rank->orders.suite, &round);
        free(links);
        if (code != 0)
            return code;
    }
}

static int run(struct rank *rank, struct rg_error *err)
{
    int code = read_orders(rank, err);
    if (code == 0)
        code = introduce(rank, err);
    if (code != 0)
        return code;
    struct rg_group_slot slot = {0};
    struct rg_session session = {rank->control, &rank->orders, rank->facts, rank->node_of, (int)rank->orders.nodes,
        rg_control_rank(rank->control), rank->orders.fabric.nodes > 0 ? &rank->orders.fabric : NULL, rank->self.monitor,
        &slot};
    bool root = session.rank == 0;
    if (root)
        say_text(RG_EVENT_READY, 0, rg_control_size(rank->control), NULL);
    struct rg_plan plan = rg_orders_plan(&rank->orders);
    int64_t rounds = rg_plan_rounds(&plan);
    double at_s = 0;
    for (int64_t number = 0; code == 0 && number < rounds; number++) {
        struct rg_round round = rg_plan_round(&plan, number);
        round.at_s = at_s;
        at_s += rg_plan_seconds(&rank->orders.suite, &round);
        if (number >= rank->orders.first_round)
            code = run_round(rank, &session, &round, number, err);
    }
    if (code == 0) {
        int64_t next = rank->orders.first_round > rounds ? rank->orders.first_round : rounds;
        code = run_confirmations(rank, &session, next, at_s, err);
    }
    if (code == 0 && root)
        say_text(RG_EVENT_DONE, 0, 0, NULL);
    rg_communicator_close(slot.communicator);
    return code;
}

int main(int argc, char **argv)
{
    struct rank rank = {0};
    struct rg_error err = {{0}};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no rank outlives the daemon that started it, not even one that hangs */
    int code = rg_control_open(&argc, &argv, &rank.control, &err);
    if (code != 0) {
        fprintf(stderr, "railgauge-rank: %s\n", err.text);
        return 4;
    }
    size_t size = (size_t)rg_control_size(rank.control);
    rank.facts = calloc(size, sizeof *rank.facts);
    rank.missing = calloc(size, sizeof *rank.missing);
    code = rank.facts && rank.missing ? run(&rank, &err) : rg_fail(&err, -ENOMEM, "no memory");
    if (code != 0 && rg_control_rank(rank.control) == 0)
        say_text(RG_EVENT_FAILED, 0, 0, err.text);
    rg_control_close(rank.control);
    rg_self_close(&rank.self);
    for (size_t i = 0; rank.facts != NULL && i < size; i++)
        rg_rank_facts_close(&rank.facts[i]);
    free(rank.facts);
    free(rank.missing);
    free(rank.node_of);
    rg_orders_close(&rank.orders);
    return code == 0 ? 0 : 4;
}
