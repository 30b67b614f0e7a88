/* mpirun as a child, and the shell by which it reaches other nodes. */
#include "helpers.h"

#include "base/clock.h"
#include "cmd/argv.h"
#include "cmd/launch.h"
#include "cmd/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rg_signals signals;

static struct rg_launch *start(const char *script)
{
    char *words[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};
    struct rg_launch *launch = NULL;
    struct rg_error err = {{0}};
    assert_int_equal(rg_launch_open(words, "orders", &signals, false, &launch, &err), 0);
    return launch;
}

/* Something kept the front busy until long after the deadline, but rank 0 had spoken in time. */
static void a_line_that_is_there_counts_however_late_it_is_read(void **state)
{
    (void)state;
    const char *line;
    int number;
    struct rg_launch *launch = start("echo one; echo two; exec sleep 20");
    usleep(300000);
    uint64_t past_ns = rg_clock_now_ns() - 1;
    assert_int_equal(rg_launch_wait(launch, past_ns, &line, &number), RG_LAUNCH_LINE);
    assert_string_equal(line, "one");
    assert_int_equal(rg_launch_wait(launch, past_ns, &line, &number), RG_LAUNCH_LINE);
    assert_int_equal(rg_launch_wait(launch, past_ns, &line, &number), RG_LAUNCH_SILENT);
    rg_launch_close(launch);
}

static void an_end_that_is_there_counts_however_late_it_is_seen(void **state)
{
    (void)state;
    const char *line;
    int number;
    struct rg_launch *launch = start("echo sorry >&2; exit 3");
    usleep(300000);
    assert_int_equal(rg_launch_wait(launch, rg_clock_now_ns() - 1, &line, &number), RG_LAUNCH_ENDED);
    assert_string_equal(rg_launch_end(launch), "ended with status 3");
    rg_launch_close(launch);
}

static void silence_is_told_though_the_child_chatters_on_its_standard_error(void **state)
{
    (void)state;
    const char *line;
    int number;
    struct rg_launch *launch = start("while :; do echo chatter >&2; done");
    assert_int_equal(rg_launch_wait(launch, rg_clock_after_ns(0.3), &line, &number), RG_LAUNCH_SILENT);
    rg_launch_close(launch);
}

static void a_signal_is_news(void **state)
{
    (void)state;
    const char *line;
    int number = 0;
    struct rg_launch *launch = start("exec sleep 20");
    raise(SIGTERM);
    assert_int_equal(rg_launch_wait(launch, rg_clock_after_ns(5), &line, &number), RG_LAUNCH_SIGNAL);
    assert_int_equal(number, SIGTERM);
    rg_launch_close(launch);
}

static void the_gist_leaves_out_what_tells_nothing(void **state)
{
    (void)state;
    const char *line;
    int number;
    char words[1000];
    struct rg_launch *launch =
        start("{ echo '[vm:1] PMIX ERROR: BAD-PARAM in file x.c at line 1033'; echo 'ssh: no route to host';"
              "echo '[vm:1] 5 more processes have sent help message help-mpi-api.txt / mpi-abort';"
              "echo '[vm:1] Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all'; } >&2");
    assert_int_equal(rg_launch_wait(launch, rg_clock_after_ns(5), &line, &number), RG_LAUNCH_ENDED);
    rg_launch_gist(launch, words, sizeof words);
    assert_string_equal(words, "ssh: no route to host");
    rg_launch_close(launch);
}

/* The parent dies as if it were killed, without a word to its child, which writes to `path` when it is told to end. */
static void die_beside_a_child(void *path)
{
    char script[512];
    snprintf(script, sizeof script,
        "trap 'echo ended >%s; exit' TERM; echo ready; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done",
        (const char *)path);
    const char *line;
    int number;
    if (rg_launch_wait(start(script), rg_clock_after_ns(5), &line, &number) == RG_LAUNCH_LINE)
        kill(getpid(), SIGKILL);
}

static void the_child_does_not_outlive_this_process(void **state)
{
    (void)state;
    char *directory = new_directory(), *path = path_in(directory, "ended");
    int status = in_child(die_beside_a_child, path, 10);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 100 && !exists(path); i++)
        usleep(50000);
    assert_true(exists(path));
    free(path);
    remove_directory(directory);
}

/* --- the remote shell --- */

static char *joined(char **words)
{
    char *text = calloc(1, 1000);
    for (char **word = words; text != NULL && word != NULL && *word != NULL; word++)
        snprintf(text + strlen(text), 1000 - strlen(text), "%s%s", word == words ? "" : " ", *word);
    rg_argv_free(words);
    return text;
}

#define assert_shell(expected, ...)                                                                                    \
    do {                                                                                                               \
        char *text = joined(rg_probe_shell((char *[]){__VA_ARGS__, NULL}));                                            \
        assert_string_equal(text, expected);                                                                           \
        free(text);                                                                                                    \
    } while (0)

static void the_shell_is_the_one_that_mpirun_is_told_to_use(void **state)
{
    (void)state;
    unsetenv("OMPI_MCA_plm_rsh_agent");
    unsetenv("OMPI_MCA_plm_rsh_args");
    const char *quiet = " -o BatchMode=yes -o ConnectTimeout=8";
    char expected[200];
    snprintf(expected, sizeof expected, "ssh%s", quiet);
    assert_shell(expected, NULL);
    assert_shell(expected, "--mca", "btl", "self,tcp");
    snprintf(expected, sizeof expected, "ssh -p 2222%s", quiet);
    assert_shell(expected, "--mca", "plm_rsh_args", "-p 2222");
    assert_shell("/bin/echo -q here", "--verbose", "-mca", "plm_rsh_agent", "/no/such/rsh -x : /bin/echo -q", "--mca",
        "plm_rsh_args", "here");
    setenv("OMPI_MCA_plm_rsh_args", "-p 33", 1);
    snprintf(expected, sizeof expected, "ssh -p 33%s", quiet);
    assert_shell(expected, NULL);
    snprintf(expected, sizeof expected, "ssh -p 2222%s", quiet);
    assert_shell(expected, "--mca", "plm_rsh_args", "-p 2222");
    setenv("OMPI_MCA_plm_rsh_agent", "/usr/bin/env", 1);
    assert_shell("/usr/bin/env -p 33", NULL);
    unsetenv("OMPI_MCA_plm_rsh_agent");
    unsetenv("OMPI_MCA_plm_rsh_args");
}

/* Stands for a remote shell: its words are `HOST true`. */
static char *a_shell(const char *directory, const char *script)
{
    char text[500], *path = path_in(directory, "shell");
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    write_text(path, text);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static void who_does_not_answer_is_not_there_but_if_nobody_does_nothing_is_known(void **state)
{
    (void)state;
    char *hosts[] = {"localhost", "a", "b", NULL}, *directory = new_directory();
    bool there[3];
    char *path = a_shell(directory, "[ \"$*\" != 'a true' ]");
    assert_true(rg_probe_hosts(hosts, (char *[]){path, NULL}, there));
    assert_true(there[0]);
    assert_false(there[1]);
    assert_true(there[2]);
    free(path);
    path = a_shell(directory, "exit 1");
    assert_false(rg_probe_hosts(hosts, (char *[]){path, NULL}, there));
    assert_true(there[0] && there[1] && there[2]);
    free(path);
    assert_true(rg_probe_hosts(hosts, (char *[]){"/no/such/shell", NULL}, there));
    assert_true(there[0] && there[1] && there[2]);
    remove_directory(directory);
}

static int catch_signals(void **state)
{
    (void)state;
    rg_signals_open(&signals);
    return 0;
}

static int release_signals(void **state)
{
    (void)state;
    rg_signals_close(&signals);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_is_there_counts_however_late_it_is_read),
        cmocka_unit_test(an_end_that_is_there_counts_however_late_it_is_seen),
        cmocka_unit_test(silence_is_told_though_the_child_chatters_on_its_standard_error),
        cmocka_unit_test(a_signal_is_news),
        cmocka_unit_test(the_gist_leaves_out_what_tells_nothing),
        cmocka_unit_test(the_child_does_not_outlive_this_process),
        cmocka_unit_test(the_shell_is_the_one_that_mpirun_is_told_to_use),
        cmocka_unit_test(who_does_not_answer_is_not_there_but_if_nobody_does_nothing_is_known),
    };
    return cmocka_run_group_tests_name("launch", tests, catch_signals, release_signals);
}
