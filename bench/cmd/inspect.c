#include "cmd/inspect.h"

#include "base/names.h"
#include "check/check.h"
#include "cmd/argv.h"
#include "cmd/clocks.h"
#include "cmd/probe.h"
#include "cmd/remote.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what is asked --- */

/* `railgauge check` as it is to run there: this program's own path. */
static void begin_command(struct rg_argv *words)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = '\0';
    rg_argv_add(words, self);
    rg_argv_add(words, "check");
    rg_argv_add(words, "--format");
    rg_argv_add(words, "json");
}

/* What was asked of this one. NULL without memory. */
static char **command_there(const struct rg_inspection *inspection, char *const *hosts, size_t count)
{
    struct rg_argv words = {0};
    char *all = rg_names_join(hosts, count, ','); /* for each to look up */
    begin_command(&words);
    if (inspection->quick)
        rg_argv_add(&words, "--quick");
    else
        rg_argv_add(&words, "--tell-time");
    if (!inspection->quick && count > 1) {
        rg_argv_add(&words, "--peers");
        rg_argv_add(&words, all ? all : "");
    }
    if (inspection->machine != NULL) {
        char path[PATH_MAX]; /* a file's path is the same there, but the folder that it starts from may not be */
        bool file = strpbrk(inspection->machine, "/.") != NULL && realpath(inspection->machine, path) != NULL;
        rg_argv_add(&words, "--machine");
        rg_argv_add(&words, file ? path : inspection->machine);
    }
    words.failed |= all == NULL;
    free(all);
    if (!words.failed)
        return words.list;
    rg_argv_free(words.list);
    return NULL;
}

/* --- what is answered --- */

/* A node that gave no document fails for that. Its name is the host's in either case. */
static int take_answer(
    const char *host, const struct rg_remote_answer *answer, struct rg_preflight *out, struct rg_error *err)
{
    struct rg_error fault = {{0}};
    if (answer->text == NULL || answer->text[0] == '\0' || rg_preflight_parse(answer->text, host, out, &fault) != 0) {
        struct rg_preflight_row *row = rg_preflight_add(out);
        if (row == NULL)
            return rg_fail(err, -ENOMEM, "no memory");
        rg_preflight_unreachable(row, answer->said[0] ? answer->said : fault.text);
    }
    snprintf(out->node, sizeof out->node, "%s", host);
    return 0;
}

/* The nodes' own checks, and how far their clocks are from this one's. */
static int ask_nodes(const struct rg_inspection *inspection, char *const *hosts, size_t count, char *const *shell,
    struct rg_clocks_talk *talks, struct rg_preflight *nodes, struct rg_error *err)
{
    char **words = command_there(inspection, hosts, count);
    struct rg_remote_answer *answers = calloc(count + 1, sizeof *answers);
    struct rg_remote_question question = {
        shell, words, NULL, inspection->patience_s, inspection->quick ? NULL : rg_clocks_hear, talks};
    int code = words != NULL && answers != NULL ? rg_remote_run(hosts, count, &question, answers, err)
                                                : rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < count; i++)
        code = take_answer(hosts[i], &answers[i], &nodes[i], err);
    rg_remote_close(answers, count);
    free(answers);
    rg_argv_free(words);
    return code;
}

/* --- between nodes --- */

static int compare_clocks(
    const struct rg_clocks_talk *talks, struct rg_preflight *nodes, size_t count, struct rg_error *err)
{
    struct rg_check_offset *offsets = calloc(count + 1, sizeof *offsets);
    int code = offsets ? 0 : rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < count; i++)
        offsets[i] = talks[i].best;
    if (code == 0)
        code = rg_check_clock_offsets(nodes, (int)count, offsets, err);
    free(offsets);
    return code;
}

/* Adds the one row of a node's document. */
static int take_path_row(const struct rg_remote_answer *answer, struct rg_preflight *node, struct rg_error *err)
{
    struct rg_preflight told = {0};
    struct rg_preflight_row *row = rg_preflight_add(node);
    if (row == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    if (answer->text != NULL && rg_preflight_parse(answer->text, node->node, &told, NULL) == 0 && told.row_count == 1) {
        *row = told.rows[0];
    } else {
        *row = (struct rg_preflight_row){.check = "path_mtu", .status = RG_PREFLIGHT_NOT_RUN, .decides = true};
        snprintf(row->found, sizeof row->found, "it gave no answer");
    }
    rg_preflight_close(&told);
    return 0;
}

/* The ways from each node to the next; a node has none, or it is asked to try them. */
static int try_paths(const struct rg_inspection *inspection, char *const *hosts, char *const *shell,
    struct rg_preflight *nodes, size_t count, struct rg_error *err)
{
    struct rg_argv words = {0};
    char **paths = calloc(count + 1, sizeof *paths), **asked = calloc(count + 1, sizeof *asked);
    struct rg_remote_answer *answers = calloc(count + 1, sizeof *answers);
    size_t *who = calloc(count + 1, sizeof *who), many = 0;
    begin_command(&words);
    rg_argv_add(&words, "--paths");
    bool ready = !words.failed && paths != NULL && asked != NULL && answers != NULL && who != NULL;
    int code = ready ? rg_check_plan_paths(nodes, (int)count, paths, err) : rg_fail(err, -ENOMEM, "no memory");
    for (size_t i = 0; code == 0 && i < count; i++) {
        if (paths[i] == NULL)
            continue;
        who[many] = i;
        asked[many] = hosts[i];
        paths[many] = paths[i];
        if (many++ != i)
            paths[i] = NULL;
    }
    struct rg_remote_question question = {shell, words.list, paths, inspection->patience_s, NULL, NULL};
    if (code == 0 && many > 0)
        code = rg_remote_run(asked, many, &question, answers, err);
    for (size_t i = 0; code == 0 && i < many; i++)
        code = take_path_row(&answers[i], &nodes[who[i]], err);
    for (size_t i = 0; paths != NULL && i < count; i++)
        free(paths[i]);
    rg_remote_close(answers, many);
    free(answers);
    free(asked);
    free(paths);
    free(who);
    rg_argv_free(words.list);
    return code;
}

int rg_inspect_hosts(const struct rg_inspection *inspection, char *const *hosts, size_t count,
    struct rg_preflight *nodes, struct rg_error *err)
{
    char **shell = rg_probe_shell(NULL);
    struct rg_clocks_talk *talks = calloc(count + 1, sizeof *talks);
    int code = shell != NULL && talks != NULL ? 0 : rg_fail(err, -ENOMEM, "no memory");
    if (code == 0)
        code = ask_nodes(inspection, hosts, count, shell, talks, nodes, err);
    if (code == 0)
        rg_check_compare(nodes, (int)count);
    if (code == 0 && !inspection->quick && count > 1)
        code = compare_clocks(talks, nodes, count, err);
    if (code == 0 && !inspection->quick && count > 1)
        code = try_paths(inspection, hosts, shell, nodes, count, err);
    free(talks);
    rg_argv_free(shell);
    return code;
}
