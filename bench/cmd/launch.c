#include "cmd/launch.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_KEPT 16384
#define GIST_LINES 5
#define PROBE_S 20
#define HOSTFILE_MOST_BYTES (16u << 20)

/* --- the command line --- */

struct words {
    char **list;
    size_t count;
    bool failed;
};

static void add_word(struct words *words, const char *text)
{
    char **grown = realloc(words->list, (words->count + 2) * sizeof *grown);
    if (grown != NULL) {
        words->list = grown;
        grown[words->count] = NULL;
    }
    char *copy = grown ? strdup(text) : NULL;
    words->failed |= copy == NULL;
    if (copy == NULL)
        return;
    words->list[words->count++] = copy;
    words->list[words->count] = NULL;
}

static void add_parameter(struct words *words, const char *name, const char *value)
{
    add_word(words, "--mca");
    add_word(words, name);
    add_word(words, value);
}

void rg_launch_free_texts(char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++)
        free(*text);
    free(texts);
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
    struct words words = {0};
    char number[32], *hosts = host_list(plan);
    int count = 0;
    while (plan->hosts[count] != NULL)
        count++;
    add_word(&words, plan->mpirun);
    if (geteuid() == 0)
        add_word(&words, "--allow-run-as-root");
    add_word(&words, "--host");
    add_word(&words, hosts ? hosts : "");
    snprintf(number, sizeof number, "%d", count * plan->ranks_per_node);
    add_word(&words, "-np");
    add_word(&words, number);
    snprintf(number, sizeof number, "ppr:%d:node", plan->ranks_per_node);
    add_word(&words, "--map-by");
    add_word(&words, number);
    add_word(&words, "--bind-to"); /* a rank moves near its NIC by itself */
    add_word(&words, "none");
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
    add_word(&words, "--enable-recovery");
    add_parameter(&words, "orte_abort_on_non_zero_status", "0");
    for (int i = 0; i < plan->extra_count; i++)
        add_word(&words, plan->extra[i]);
    add_word(&words, plan->rank_program);
    words.failed |= hosts == NULL;
    free(hosts);
    if (!words.failed)
        return words.list;
    rg_launch_free_texts(words.list);
    return NULL;
}

/* The name of the interface that has this address. */
static void interface_of(const struct sockaddr *address, char *out, size_t room)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *each = all; each != NULL; each = each->ifa_next) {
        if (each->ifa_addr == NULL || each->ifa_addr->sa_family != address->sa_family)
            continue;
        bool same =
            address->sa_family == AF_INET
                ? memcmp(&((const struct sockaddr_in *)(const void *)each->ifa_addr)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof(struct in_addr)) == 0
                : memcmp(&((const struct sockaddr_in6 *)(const void *)each->ifa_addr)->sin6_addr,
                      &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof(struct in6_addr)) == 0;
        if (same)
            snprintf(out, room, "%s", each->ifa_name);
    }
    freeifaddrs(all);
}

void rg_launch_find_interface(const char *host, char *out, size_t room)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof own;
    out[0] = '\0';
    if (getaddrinfo(host, "22", &hints, &found) != 0)
        return;
    /* Connecting a datagram socket sends nothing, but makes the kernel choose a route. */
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &length) == 0)
        interface_of((const struct sockaddr *)&own, out, room);
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
}

/* The value of slots= in a line, 0 if there is none, negative if it is no number from 1 to 64. */
static int slots_in(const char *line)
{
    const char *given = strstr(line, "slots=");
    char *end;
    while (given != NULL && given > line && strchr(" \t", given[-1]) == NULL) /* max_slots= is another word */
        given = strstr(given + 1, "slots=");
    if (given == NULL)
        return 0;
    long value = strtol(given + strlen("slots="), &end, 10);
    return value < 1 || value > 64 || (*end != '\0' && strchr(" \t\r", *end) == NULL) ? -1 : (int)value;
}

int rg_launch_read_hostfile(const char *path, char ***out, int *slots, struct rg_error *err)
{
    char *text;
    struct words words = {0};
    int number = 0, code = rg_file_read(path, HOSTFILE_MOST_BYTES, &text, NULL, err);
    if (code != 0)
        return code;
    *slots = 0;
    char *more = text;
    for (char *line; code == 0 && (line = strsep(&more, "\n")) != NULL;) {
        number++;
        line[strcspn(line, "#")] = '\0';
        line += strspn(line, " \t\r");
        size_t length = strcspn(line, " \t\r");
        int given = slots_in(line);
        if (length == 0)
            continue;
        if (given < 0 || (words.count > 0 && given != *slots))
            code = rg_fail(err, -EINVAL, "%s: line %d: slots= must be a number from 1 to 64, the same for every node",
                path, number);
        *slots = given;
        line[length] = '\0';
        add_word(&words, line);
    }
    free(text);
    if (code == 0 && (words.failed || words.count == 0))
        code = rg_fail(err, -EINVAL, "%s: names no host", path);
    if (code != 0) {
        rg_launch_free_texts(words.list);
        return code;
    }
    *out = words.list;
    return 0;
}

int rg_launch_split_hosts(const char *list, char ***out, struct rg_error *err)
{
    struct words words = {0};
    char *copy = strdup(list), *more = copy;
    for (char *word; copy != NULL && (word = strsep(&more, ",")) != NULL;) {
        words.failed |= word[0] == '\0';
        add_word(&words, word);
    }
    free(copy);
    if (words.failed || words.count == 0) {
        rg_launch_free_texts(words.list);
        return rg_fail(err, -EINVAL, "--hosts: '%s' is no list of names; write a,b,c", list);
    }
    *out = words.list;
    return 0;
}

static bool is_here(const char *host)
{
    char own[256] = "";
    gethostname(own, sizeof own - 1);
    return strcmp(host, "localhost") == 0 || strcmp(host, own) == 0;
}

static pid_t probe_one(const char *host)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    setpgid(0, 0);
    alarm(PROBE_S); /* outlives the exec */
    execlp("ssh", "ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=8", host, "true", (char *)NULL);
    _exit(127);
}

void rg_launch_probe(char *const *hosts, bool *alive)
{
    size_t count = 0;
    while (hosts[count] != NULL)
        count++;
    pid_t *children = calloc(count + 1, sizeof *children);
    for (size_t i = 0; i < count; i++) {
        alive[i] = is_here(hosts[i]) || children == NULL;
        if (children != NULL)
            children[i] = alive[i] ? 0 : probe_one(hosts[i]);
    }
    for (size_t i = 0; children != NULL && i < count; i++) {
        int status = 0;
        if (children[i] > 0 && waitpid(children[i], &status, 0) == children[i])
            alive[i] = WIFEXITED(status) && WEXITSTATUS(status) != 255;
    }
    free(children);
}

/* --- the child --- */

struct rg_launch {
    pid_t pid; /* 0 once it has ended */
    int input, output, errors, signals;
    char *unsent; /* for its standard input */
    size_t unsent_bytes, sent;
    struct sigaction pipe_before;
    bool verbose;
    sigset_t before;
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

static void become_child(char *const *argv, int input, const int *output, const int *errors, const sigset_t *mask)
{
    setpgid(0, 0);
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

static void catch_signals(struct rg_launch *launch)
{
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGHUP);
    sigprocmask(SIG_BLOCK, &caught, &launch->before);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &launch->pipe_before);
    launch->signals = signalfd(-1, &caught, SFD_CLOEXEC);
}

int rg_launch_open(char *const *argv, const char *input, bool verbose, struct rg_launch **out, struct rg_error *err)
{
    struct rg_launch *launch = calloc(1, sizeof *launch);
    int input_pipe[2] = {-1, -1}, output[2] = {-1, -1}, errors[2] = {-1, -1};
    if (launch == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    launch->verbose = verbose;
    launch->input = -1;
    catch_signals(launch);
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
        become_child(argv, input_pipe[0], output, errors, &launch->before);
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
        if (now_ns >= until_ns)
            return RG_LAUNCH_SILENT;
        struct pollfd polled[4] = {{.fd = launch->output, .events = POLLIN}, {.fd = launch->errors, .events = POLLIN},
            {.fd = launch->signals, .events = POLLIN},
            {.fd = has_input(launch) ? launch->input : -1, .events = POLLOUT}};
        uint64_t left_ms = (until_ns - now_ns) / 1000000 + 1;
        if (poll(polled, 4, left_ms > 60000 ? 60000 : (int)left_ms) <= 0)
            continue;
        if (polled[2].revents & POLLIN) {
            struct signalfd_siginfo info;
            if (read(launch->signals, &info, sizeof info) == (ssize_t)sizeof info) {
                *signal_number = (int)info.ssi_signo;
                return RG_LAUNCH_SIGNAL;
            }
        }
        if (polled[3].revents != 0)
            send_input(launch);
        if (polled[1].revents != 0 && !read_errors(launch))
            close_stream(&launch->errors);
        if (polled[0].revents != 0 && !read_output(launch))
            close_stream(&launch->output);
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

void rg_launch_gist(const struct rg_launch *launch, char *out, size_t room)
{
    const char *text = launch->kept;
    size_t used = 0;
    out[0] = '\0';
    for (int lines = 0; *text != '\0' && lines < GIST_LINES;) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, "-----", 5) == 0 && used > 0)
            break;
        if (length > 0 && strncmp(text, "-----", 5) != 0 && used + 1 < room) {
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
    close_stream(&launch->signals);
    sigaction(SIGPIPE, &launch->pipe_before, NULL);
    free(launch->unsent);
    sigprocmask(SIG_SETMASK, &launch->before, NULL);
    free(launch->line);
    free(launch);
}
