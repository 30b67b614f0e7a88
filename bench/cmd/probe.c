#include "cmd/probe.h"

#include "base/clock.h"
#include "cmd/argv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_S 20.0
#define PROBE_PAUSE_MS 20
#define SSH_CANNOT 255   /* ssh's own exit status; any other is that of the command */
#define SHELL_CANNOT 127 /* there is no such program */

/* --- the remote shell --- */

/* The value that mpirun's options, else the environment, give a parameter; NULL: none. */
static const char *parameter(char *const *options, const char *name)
{
    char variable[64];
    for (char *const *at = options; at != NULL && at[0] != NULL && at[1] != NULL && at[2] != NULL; at++)
        if ((strcmp(*at, "--mca") == 0 || strcmp(*at, "-mca") == 0 || strcmp(*at, "--gmca") == 0 ||
                strcmp(*at, "-gmca") == 0) &&
            strcmp(at[1], name) == 0)
            return at[2];
    snprintf(variable, sizeof variable, "OMPI_MCA_%s", name);
    return getenv(variable);
}

static bool is_program(const char *name)
{
    const char *where = getenv("PATH");
    char path[4096], *copy = strdup(where ? where : "/usr/bin:/bin"), *more = copy;
    bool found = strchr(name, '/') != NULL && access(name, X_OK) == 0;
    for (char *directory; copy != NULL && !found && (directory = strsep(&more, ":")) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", directory, name);
        found = strchr(name, '/') == NULL && access(path, X_OK) == 0;
    }
    free(copy);
    return found;
}

static bool is_ssh(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash ? slash + 1 : program, "ssh") == 0;
}

/* An agent may be several, "ssh : rsh": the first that there is counts. */
static void add_agent(struct rg_argv *words, const char *agents)
{
    char *copy = strdup(agents), *more = copy;
    words->failed |= copy == NULL;
    for (char *agent; copy != NULL && words->count == 0 && (agent = strsep(&more, ":")) != NULL;) {
        struct rg_argv one = {0};
        rg_argv_split(&one, agent);
        if (one.count > 0 && (is_program(one.list[0]) || more == NULL))
            for (size_t i = 0; i < one.count; i++)
                rg_argv_add(words, one.list[i]);
        words->failed |= one.failed;
        rg_argv_free(one.list);
    }
    free(copy);
}

char **rg_probe_shell(char *const *mpirun_options)
{
    struct rg_argv words = {0};
    const char *agent = parameter(mpirun_options, "plm_rsh_agent"), *args = parameter(mpirun_options, "plm_rsh_args");
    add_agent(&words, agent ? agent : "ssh");
    if (args != NULL)
        rg_argv_split(&words, args);
    if (words.count > 0 && is_ssh(words.list[0])) /* the user's own come first, and win */
        rg_argv_split(&words, "-o BatchMode=yes -o ConnectTimeout=8");
    if (!words.failed && words.count > 0)
        return words.list;
    rg_argv_free(words.list);
    return NULL;
}

/* --- asking --- */

bool rg_probe_is_here(const char *host)
{
    char own[256] = "";
    gethostname(own, sizeof own - 1);
    return strcmp(host, "localhost") == 0 || strcmp(host, own) == 0;
}

static pid_t ask(const char *host, char *const *shell)
{
    struct rg_argv words = {0};
    for (; *shell != NULL; shell++)
        rg_argv_add(&words, *shell);
    rg_argv_add(&words, host);
    rg_argv_add(&words, "true");
    pid_t pid = words.failed ? -1 : fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none; /* the front has its own ways with signals */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        execvp(words.list[0], words.list);
        _exit(SHELL_CANNOT);
    }
    rg_argv_free(words.list);
    return pid;
}

/* Whether the child has ended; and then whether what it asked is there. */
static bool has_answered(pid_t child, bool ssh, bool *there)
{
    int status;
    pid_t got = waitpid(child, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    int code = got == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *there = code == 0 || code == SHELL_CANNOT || (ssh && code > 0 && code != SSH_CANNOT);
    return true;
}

static bool signal_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
                                            sigismember(&pending, SIGHUP) == 1);
}

/* children: 0 where there is none. False: a signal cut it short. */
static bool await(pid_t *children, size_t count, bool ssh, bool *there)
{
    uint64_t until_ns = rg_clock_after_ns(PROBE_S);
    size_t open = 0;
    for (size_t i = 0; i < count; i++)
        open += children[i] > 0;
    while (open > 0 && !signal_pending() && rg_clock_now_ns() < until_ns) {
        for (size_t i = 0; i < count; i++)
            if (children[i] > 0 && has_answered(children[i], ssh, &there[i])) {
                children[i] = 0;
                open--;
            }
        if (open > 0)
            poll(NULL, 0, PROBE_PAUSE_MS);
    }
    for (size_t i = 0; i < count; i++)
        if (children[i] > 0) {
            kill(-children[i], SIGKILL);
            kill(children[i], SIGKILL); /* before it has a group of its own */
            waitpid(children[i], NULL, 0);
        }
    return open == 0 || !signal_pending();
}

bool rg_probe_hosts(char *const *hosts, char *const *shell, bool *there)
{
    size_t count = 0, asked = 0, answered = 0;
    while (hosts[count] != NULL)
        count++;
    pid_t *children = calloc(count + 1, sizeof *children);
    for (size_t i = 0; i < count; i++) {
        there[i] = rg_probe_is_here(hosts[i]) || children == NULL || shell == NULL;
        if (!there[i] && (children[i] = ask(hosts[i], shell)) < 0)
            there[i] = true;
        asked += !there[i];
    }
    bool whole = children != NULL && shell != NULL && await(children, count, is_ssh(shell[0]), there);
    free(children);
    for (size_t i = 0; i < count; i++)
        answered += there[i] && !rg_probe_is_here(hosts[i]);
    if (whole && (asked == 0 || answered > 0))
        return true;
    for (size_t i = 0; i < count; i++)
        there[i] = true;
    return false;
}
