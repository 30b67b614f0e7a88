#include "cmd/remote.h"

#include "base/clock.h"
#include "cmd/argv.h"
#include "cmd/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 64
#define PAUSE_MS 10 /* to look whether one has ended; what is said is heard at once */
#define ANSWER_MOST_BYTES (1 << 20)
#define SHELL_CANNOT 127

struct asked {
    pid_t pid; /* 0: it has ended */
    int input, output;
    FILE *said;
    char *text;
    size_t used, heard; /* bytes of the text; and of lines that were heard */
};

/* Adds a word as the shell on the other side has to read it. */
static void add_quoted(struct rg_argv *words, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        rg_argv_add(words, word);
        return;
    }
    size_t used = 0;
    char *quoted = malloc(4 * strlen(word) + 3);
    words->failed |= quoted == NULL;
    for (const char *at = word; quoted != NULL; at++) {
        if (at == word)
            quoted[used++] = '\'';
        if (*at == '\0')
            break;
        if (*at == '\'')
            used += (size_t)sprintf(quoted + used, "'\\''");
        else
            quoted[used++] = *at;
    }
    if (quoted != NULL) {
        memcpy(quoted + used, "'", 2);
        rg_argv_add(words, quoted);
    }
    free(quoted);
}

static void build(struct rg_argv *line, const char *host, const struct rg_remote_question *question, const char *last)
{
    bool here = rg_probe_is_here(host);
    for (char *const *word = question->shell; !here && *word != NULL; word++)
        rg_argv_add(line, *word);
    if (!here)
        rg_argv_add(line, host);
    void (*add)(struct rg_argv *, const char *) = here ? rg_argv_add : add_quoted;
    for (char *const *word = question->words; *word != NULL; word++)
        add(line, *word);
    if (last != NULL)
        add(line, last);
}

static void become(char **line, int input, int output, int said)
{
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(said, 2) < 0)
        _exit(SHELL_CANNOT);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(line[0], line);
    dprintf(2, "%s: %s\n", line[0], strerror(errno));
    _exit(SHELL_CANNOT);
}

/* Both ends of what the child reads: of a socket, so that saying something to who is gone is an error and no signal. */
static bool open_input(bool talks, int ends[2])
{
    if (talks)
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
    ends[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends[1] >= 0;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int ask(const char *host, const struct rg_remote_question *question, const char *last, struct asked *out,
    struct rg_error *err)
{
    struct rg_argv line = {0};
    int input[2] = {-1, -1}, output[2] = {-1, -1};
    build(&line, host, question, last);
    out->said = tmpfile();
    bool ready = !line.failed && line.list != NULL && out->said != NULL && open_input(question->hear != NULL, input) &&
                 pipe2(output, O_CLOEXEC | O_NONBLOCK) == 0 && fcntl(output[1], F_SETFL, 0) == 0;
    out->pid = ready ? fork() : -1;
    if (out->pid == 0)
        become(line.list, input[1], output[1], fileno(out->said));
    int code = 0;
    if (out->pid < 0) {
        code = rg_fail(err, -EAGAIN, "cannot ask %s: %s", host, strerror(errno));
        out->pid = 0;
    }
    close_end(&input[1]);
    close_end(&output[1]);
    out->input = input[0];
    out->output = output[0];
    rg_argv_free(line.list);
    return code;
}

/* Hears the lines that have come; those that are heard are no part of the answer. */
static void hear(const struct rg_remote_question *question, size_t host, struct asked *asked, uint64_t at_ns)
{
    char *end;
    while ((end = memchr(asked->text + asked->heard, '\n', asked->used - asked->heard)) != NULL) {
        size_t length = (size_t)(end - asked->text) + 1 - asked->heard;
        *end = '\0';
        enum rg_remote_heard heard = question->hear(question->context, host, asked->text + asked->heard, at_ns);
        *end = '\n';
        if (heard == RG_REMOTE_SAY && send(asked->input, "\n", 1, MSG_NOSIGNAL) != 1)
            heard = RG_REMOTE_ENOUGH;
        if (heard == RG_REMOTE_ENOUGH)
            close_end(&asked->input);
        if (heard == RG_REMOTE_NOT_MEANT) {
            asked->heard += length;
            continue;
        }
        memmove(asked->text + asked->heard, end + 1, asked->used - asked->heard - length);
        asked->used -= length;
    }
}

/* Takes what has come. */
static void take(const struct rg_remote_question *question, size_t host, struct asked *asked)
{
    while (asked->output >= 0) {
        if (asked->text == NULL && (asked->text = malloc(ANSWER_MOST_BYTES + 1)) == NULL)
            close_end(&asked->output);
        size_t room = ANSWER_MOST_BYTES - asked->used;
        ssize_t got = asked->text != NULL && room > 0 ? read(asked->output, asked->text + asked->used, room) : 0;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            close_end(&asked->output);
        asked->used += got > 0 ? (size_t)got : 0;
        if (got > 0 && question->hear != NULL)
            hear(question, host, asked, rg_clock_now_ns());
    }
}

/* Whether it has ended, or is ended since it is late. */
static bool has_ended(struct asked *asked, bool late, struct rg_remote_answer *out)
{
    int status;
    if (late) {
        kill(-asked->pid, SIGKILL);
        kill(asked->pid, SIGKILL); /* before it has a group of its own */
    }
    if (waitpid(asked->pid, &status, late ? 0 : WNOHANG) == 0)
        return false;
    asked->pid = 0;
    out->status = !late && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return true;
}

/* Waits until all have ended, and ends those that take too long. */
static void await(const struct rg_remote_question *question, size_t from, size_t count, struct asked *asked,
    double patience_s, struct rg_remote_answer *out)
{
    uint64_t until_ns = rg_clock_after_ns(patience_s);
    struct pollfd news[AT_ONCE];
    for (size_t open = count; open > 0;) {
        bool late = rg_clock_now_ns() >= until_ns;
        open = 0;
        for (size_t i = 0; i < count; i++) {
            news[i] = (struct pollfd){.fd = -1, .events = POLLIN};
            if (asked[i].pid == 0)
                continue;
            bool ended = has_ended(&asked[i], late, &out[from + i]);
            take(question, from + i, &asked[i]); /* also what it said last */
            if (late)
                snprintf(out[from + i].said, sizeof out[from + i].said, "not within %.0f s", patience_s);
            open += !ended;
            news[i].fd = ended ? -1 : asked[i].output;
        }
        if (open > 0)
            poll(news, count, PAUSE_MS);
    }
}

/* The last line that is not empty. */
static void last_line(FILE *file, char *out, size_t room)
{
    char line[1024];
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0')
            snprintf(out, room, "%s", line);
    }
}

static void collect(struct asked *asked, struct rg_remote_answer *out)
{
    if (asked->text != NULL && out->status >= 0) {
        asked->text[asked->used] = '\0';
        out->text = asked->text;
        asked->text = NULL;
    }
    free(asked->text);
    if (asked->said != NULL && out->said[0] == '\0')
        last_line(asked->said, out->said, sizeof out->said);
    if (asked->said != NULL)
        fclose(asked->said);
    close_end(&asked->input);
    close_end(&asked->output);
}

int rg_remote_run(char *const *hosts, size_t count, const struct rg_remote_question *question,
    struct rg_remote_answer *out, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct rg_remote_answer){.status = -1};
    for (size_t from = 0; code == 0 && from < count; from += AT_ONCE) {
        struct asked asked[AT_ONCE];
        size_t many = count - from < AT_ONCE ? count - from : AT_ONCE;
        for (size_t i = 0; i < many; i++)
            asked[i] = (struct asked){.input = -1, .output = -1};
        for (size_t i = from; code == 0 && i < from + many; i++)
            code = ask(hosts[i], question, question->last ? question->last[i] : NULL, &asked[i - from], err);
        await(question, from, many, asked, code == 0 ? question->patience_s : 0, out);
        for (size_t i = 0; i < many; i++)
            collect(&asked[i], &out[from + i]);
    }
    return code;
}

void rg_remote_close(struct rg_remote_answer *answers, size_t count)
{
    for (size_t i = 0; answers != NULL && i < count; i++)
        free(answers[i].text);
}
