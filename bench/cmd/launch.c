#include "cmd/launch.h"

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
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_KEPT 16384
#define GIST_LINES 5

/* --- the command line --- */

static void add_parameter(struct rg_argv *words, const char *name, const char *value)
{
    rg_argv_add(words, "--mca");
    rg_argv_add(words, name);
    rg_argv_add(words, value);
}

/* "a:2,b:2", malloc'd. */
static char *host_list(const struct rg_launch_plan *plan)
{
    size_t bytes = 1;
    for (char **host = plan->hosts; *host != NULL; host++)
        bytes += strlen(*host) + 16;
    char *list = calloc(bytes, 1), *at = list;
    for (char **host = plan->hosts; list != NULL && *host != NULL; host++)
        at += sprintf(at, "%s%s:%d", at == list ? "" : ",", *host, plan->ranks_per_node);
    return list;
}

char **rg_launch_argv(const struct rg_launch_plan *plan)
{
    struct rg_argv words = {0};
    char number[32], *hosts = host_list(plan);
    int count = 0;
    while (plan->hosts[count] != NULL)
        count++;
    rg_argv_add(&words, plan->mpirun);
    if (geteuid() == 0)
        rg_argv_add(&words, "--allow-run-as-root");
    rg_argv_add(&words, "--host");
    rg_argv_add(&words, hosts ? hosts : "");
    snprintf(number, sizeof number, "%d", count * plan->ranks_per_node);
    rg_argv_add(&words, "-np");
    rg_argv_add(&words, number);
    snprintf(number, sizeof number, "ppr:%d:node", plan->ranks_per_node);
    rg_argv_add(&words, "--map-by");
    rg_argv_add(&words, number);
    rg_argv_add(&words, "--bind-to"); /* a rank moves near its NIC by itself */
    rg_argv_add(&words, "none");
    /* MPI's own traffic goes over TCP and one interface, never over the rails that are measured. */
    add_parameter(&words, "pml", "ob1");
    add_parameter(&words, "btl", "self,vader,tcp");
    if (plan->mpi_interface != NULL) {
        add_parameter(&words, "btl_tcp_if_include", plan->mpi_interface);
        add_parameter(&words, "oob_tcp_if_include", plan->mpi_interface);
    }
    add_parameter(&words, "plm_rsh_no_tree_spawn", "1");
    add_parameter(&words, "orte_keep_fqdn_hostnames", "1");
    /* A rank that dies must not take the others with it: they say what they saw of it. */
    rg_argv_add(&words, "--enable-recovery");
    add_parameter(&words, "orte_abort_on_non_zero_status", "0");
    for (char **option = plan->extra; option != NULL && *option != NULL; option++)
        rg_argv_add(&words, *option);
    rg_argv_add(&words, plan->rank_program);
    words.failed |= hosts == NULL;
    free(hosts);
    if (!words.failed)
        return words.list;
    rg_argv_free(words.list);
    return NULL;
}

/* --- signals --- */

void rg_signals_open(struct rg_signals *out)
{
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGHUP);
    sigprocmask(SIG_BLOCK, &caught, &out->before);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &out->pipe_before);
    out->fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
}

void rg_signals_close(struct rg_signals *signals)
{
    close(signals->fd);
    sigaction(SIGPIPE, &signals->pipe_before, NULL);
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

/* --- the child --- */

struct rg_launch {
    pid_t pid; /* 0 once it has ended */
    const struct rg_signals *signals;
    int input, output, errors;
    char *unsent; /* for its standard input */
    size_t unsent_bytes, sent;
    bool verbose;
    char *line; /* what came of standard output; a line that was handed out lies before `taken` */
    size_t used, room, taken;
    char kept[ERRORS_KEPT];
    size_t kept_used;
    char end[128];
};

static void close_stream(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* It does not outlive this process, however that ends: a run that is taken up again must not meet it. */
static void become_child(
    char *const *argv, pid_t parent, int input, const int *output, const int *errors, const sigset_t *mask)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    sigprocmask(SIG_SETMASK, mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    dup2(input, STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    dup2(errors[1], STDERR_FILENO);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: cannot be started: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void close_pair(const int *pair)
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

int rg_launch_say(struct rg_launch *launch, const char *line, struct rg_error *err)
{
    size_t bytes = strlen(line) + 1, left = launch->unsent_bytes - launch->sent;
    char *grown = malloc(left + bytes + 1);
    if (grown == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    if (left > 0)
        memcpy(grown, launch->unsent + launch->sent, left);
    snprintf(grown + left, bytes + 1, "%s\n", line);
    free(launch->unsent);
    launch->unsent = grown;
    launch->unsent_bytes = left + bytes;
    launch->sent = 0;
    return 0;
}

/* As much as the child takes now. One that does not read any more will be seen to have ended. */
static void send_input(struct rg_launch *launch)
{
    ssize_t sent = write(launch->input, launch->unsent + launch->sent, launch->unsent_bytes - launch->sent);
    if (sent > 0)
        launch->sent += (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR)
        close_stream(&launch->input);
}

static bool has_input(const struct rg_launch *launch)
{
    return launch->input >= 0 && launch->sent < launch->unsent_bytes;
}

int rg_launch_open(char *const *argv, const char *input, const struct rg_signals *signals, bool verbose,
    struct rg_launch **out, struct rg_error *err)
{
    pid_t self = getpid();
    struct rg_launch *launch = calloc(1, sizeof *launch);
    int input_pipe[2] = {-1, -1}, output[2] = {-1, -1}, errors[2] = {-1, -1};
    if (launch == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    launch->verbose = verbose;
    launch->input = -1;
    launch->signals = signals;
    if (rg_launch_say(launch, input, err) != 0 || pipe2(input_pipe, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0 ||
        pipe2(errors, O_CLOEXEC) != 0 || (launch->pid = fork()) < 0) {
        int code = rg_fail(err, -errno, "cannot start %s: %s", argv[0], strerror(errno));
        close_pair(input_pipe);
        close_pair(output);
        close_pair(errors);
        launch->pid = 0;
        launch->output = launch->errors = -1;
        rg_launch_close(launch);
        return code;
    }
    if (launch->pid == 0)
        become_child(argv, self, input_pipe[0], output, errors, &signals->before);
    setpgid(launch->pid, launch->pid);
    close(input_pipe[0]);
    fcntl(input_pipe[1], F_SETFL, O_NONBLOCK);
    launch->input = input_pipe[1];
    close(output[1]);
    close(errors[1]);
    launch->output = output[0];
    launch->errors = errors[0];
    *out = launch;
    return 0;
}

/* The first whole line that was not handed out yet, or NULL. */
static const char *next_line(struct rg_launch *launch)
{
    if (launch->taken > 0) {
        memmove(launch->line, launch->line + launch->taken, launch->used - launch->taken);
        launch->used -= launch->taken;
        launch->taken = 0;
    }
    char *end = launch->used > 0 ? memchr(launch->line, '\n', launch->used) : NULL;
    if (end == NULL)
        return NULL;
    *end = '\0';
    launch->taken = (size_t)(end - launch->line) + 1;
    return launch->line;
}

/* False at the end of the stream. */
static bool read_output(struct rg_launch *launch)
{
    if (launch->room - launch->used < 4096) {
        char *grown = realloc(launch->line, launch->room * 2 + 65536);
        if (grown == NULL)
            return false;
        launch->line = grown;
        launch->room = launch->room * 2 + 65536;
    }
    ssize_t got = read(launch->output, launch->line + launch->used, launch->room - launch->used);
    launch->used += got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && errno == EINTR);
}

static bool read_errors(struct rg_launch *launch)
{
    char part[4096];
    ssize_t got = read(launch->errors, part, sizeof part);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    size_t bytes = (size_t)got;
    if (launch->verbose)
        fwrite(part, 1, bytes, stderr);
    if (launch->kept_used + bytes >= ERRORS_KEPT) { /* the end matters */
        size_t drop = launch->kept_used + bytes - ERRORS_KEPT + 1;
        memmove(launch->kept, launch->kept + drop, launch->kept_used - drop);
        launch->kept_used -= drop;
    }
    memcpy(launch->kept + launch->kept_used, part, bytes);
    launch->kept_used += bytes;
    launch->kept[launch->kept_used] = '\0';
    return true;
}

static void note_end(struct rg_launch *launch, int status)
{
    launch->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(launch->end, sizeof launch->end, "was ended by signal %d (%s)", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    else
        snprintf(launch->end, sizeof launch->end, "ended with status %d", WEXITSTATUS(status));
}

/* The number of a signal that has come; 0: none. */
static int take_signal(const struct rg_launch *launch)
{
    struct signalfd_siginfo info;
    return read(launch->signals->fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

enum rg_launch_news rg_launch_wait(struct rg_launch *launch, uint64_t until_ns, const char **line, int *signal_number)
{
    while ((*line = next_line(launch)) == NULL) {
        uint64_t now_ns = rg_clock_now_ns();
        if (launch->output < 0 && launch->errors < 0) {
            int status;
            if (launch->pid > 0 && waitpid(launch->pid, &status, 0) == launch->pid)
                note_end(launch, status);
            return RG_LAUNCH_ENDED;
        }
        struct pollfd polled[4] = {{.fd = launch->output, .events = POLLIN}, {.fd = launch->errors, .events = POLLIN},
            {.fd = launch->signals->fd, .events = POLLIN},
            {.fd = has_input(launch) ? launch->input : -1, .events = POLLOUT}};
        uint64_t left_ms = now_ns < until_ns ? (until_ns - now_ns) / 1000000 + 1 : 0;
        int ready = poll(polled, 4, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0 && polled[2].revents != 0 && (*signal_number = take_signal(launch)) > 0)
            return RG_LAUNCH_SIGNAL;
        if (ready > 0 && polled[3].revents != 0)
            send_input(launch);
        if (ready > 0 && polled[1].revents != 0 && !read_errors(launch))
            close_stream(&launch->errors);
        if (ready > 0 && polled[0].revents != 0) {
            if (!read_output(launch))
                close_stream(&launch->output);
        } else if (now_ns >= until_ns && launch->output >= 0) {
            return RG_LAUNCH_SILENT; /* it was looked whether anything was there, however late */
        }
    }
    return RG_LAUNCH_LINE;
}

void rg_launch_stop(struct rg_launch *launch, double grace_s)
{
    int status;
    if (launch->pid <= 0)
        return;
    uint64_t until_ns = rg_clock_after_ns(grace_s);
    kill(-launch->pid, SIGTERM);
    while (waitpid(launch->pid, &status, WNOHANG) == 0) {
        struct pollfd polled = {.fd = launch->errors, .events = POLLIN};
        if (rg_clock_now_ns() > until_ns)
            kill(-launch->pid, SIGKILL);
        if (poll(&polled, 1, 20) > 0 && !read_errors(launch))
            close_stream(&launch->errors);
    }
    note_end(launch, status);
}

const char *rg_launch_end(const struct rg_launch *launch)
{
    return launch->end;
}

/* What Open MPI says of itself when ranks vanish, and tells nobody anything. */
static bool is_noise(const char *line, size_t length)
{
    static const char *const noise[] = {"PMIX ERROR", "PMIx ERROR", "more process has sent help message",
        "more processes have sent help message", "orte_base_help_aggregate"};
    bool found = length == 0;
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++)
        found |= memmem(line, length, noise[i], strlen(noise[i])) != NULL;
    return found;
}

void rg_launch_gist(const struct rg_launch *launch, char *out, size_t room)
{
    const char *text = launch->kept;
    size_t used = 0;
    out[0] = '\0';
    for (int lines = 0; *text != '\0' && lines < GIST_LINES;) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, "-----", 5) == 0 && used > 0)
            break;
        if (strncmp(text, "-----", 5) != 0 && !is_noise(text, length) && used + 1 < room) {
            used += (size_t)snprintf(out + used, room - used, "%s%.*s", used ? " " : "", (int)length, text);
            lines++;
        }
        text += length + (text[length] == '\n');
    }
}

void rg_launch_close(struct rg_launch *launch)
{
    if (launch == NULL)
        return;
    rg_launch_stop(launch, 5);
    close_stream(&launch->input);
    close_stream(&launch->output);
    close_stream(&launch->errors);
    free(launch->unsent);
    free(launch->line);
    free(launch);
}
