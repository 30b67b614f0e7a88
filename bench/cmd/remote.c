#include "cmd/remote.h"

#include "base/clock.h"
#include "cmd/argv.h"
#include "cmd/probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 64
#define PAUSE_MS 10
#define ANSWER_MOST_BYTES (1 << 20)
#define SHELL_CANNOT 127

struct asked {
    pid_t pid; /* 0: it has ended */
    FILE *out, *said;
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

static void build(struct rg_argv *line, const char *host, char *const *shell, char *const *words)
{
    bool here = rg_probe_is_here(host);
    for (; !here && *shell != NULL; shell++)
        rg_argv_add(line, *shell);
    if (!here)
        rg_argv_add(line, host);
    for (; *words != NULL; words++) {
        if (here)
            rg_argv_add(line, *words);
        else
            add_quoted(line, *words);
    }
}

static void become(char **line, const struct asked *asked)
{
    FILE *null = fopen("/dev/null", "re");
    if (null == NULL || dup2(fileno(null), 0) < 0 || dup2(fileno(asked->out), 1) < 0 ||
        dup2(fileno(asked->said), 2) < 0)
        _exit(SHELL_CANNOT);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(line[0], line);
    dprintf(2, "%s: %s\n", line[0], strerror(errno));
    _exit(SHELL_CANNOT);
}

static int ask(const char *host, char *const *shell, char *const *words, struct asked *out, struct rg_error *err)
{
    struct rg_argv line = {0};
    build(&line, host, shell, words);
    out->out = tmpfile();
    out->said = tmpfile();
    bool ready = !line.failed && line.list != NULL && out->out != NULL && out->said != NULL;
    out->pid = ready ? fork() : -1;
    if (out->pid == 0)
        become(line.list, out);
    int code = 0;
    if (out->pid < 0) {
        code = rg_fail(err, -EAGAIN, "cannot ask %s: %s", host, strerror(errno));
        out->pid = 0;
    }
    rg_argv_free(line.list);
    return code;
}

/* Waits until all have ended, and ends those that take too long. */
static void await(struct asked *asked, size_t count, double patience_s, struct rg_remote_answer *out)
{
    uint64_t until_ns = rg_clock_after_ns(patience_s);
    for (size_t open = count; open > 0;) {
        bool late = rg_clock_now_ns() >= until_ns;
        open = 0;
        for (size_t i = 0; i < count; i++) {
            int status;
            if (asked[i].pid == 0)
                continue;
            if (late) {
                kill(-asked[i].pid, SIGKILL);
                kill(asked[i].pid, SIGKILL); /* before it has a group of its own */
            }
            if (waitpid(asked[i].pid, &status, late ? 0 : WNOHANG) == 0) {
                open++;
                continue;
            }
            asked[i].pid = 0;
            out[i].status = !late && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            if (late)
                snprintf(out[i].said, sizeof out[i].said, "not within %.0f s", patience_s);
        }
        if (open > 0)
            poll(NULL, 0, PAUSE_MS);
    }
}

static char *read_all(FILE *file)
{
    char *text = malloc(ANSWER_MOST_BYTES + 1);
    if (text == NULL)
        return NULL;
    rewind(file);
    text[fread(text, 1, ANSWER_MOST_BYTES, file)] = '\0';
    return text;
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
    if (asked->out != NULL && out->status >= 0)
        out->text = read_all(asked->out);
    if (asked->said != NULL && out->said[0] == '\0')
        last_line(asked->said, out->said, sizeof out->said);
    if (asked->out != NULL)
        fclose(asked->out);
    if (asked->said != NULL)
        fclose(asked->said);
}

int rg_remote_run(char *const *hosts, size_t count, char *const *shell, char *const *words, double patience_s,
    struct rg_remote_answer *out, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct rg_remote_answer){.status = -1};
    for (size_t from = 0; code == 0 && from < count; from += AT_ONCE) {
        struct asked asked[AT_ONCE] = {{0}};
        size_t many = count - from < AT_ONCE ? count - from : AT_ONCE;
        for (size_t i = 0; code == 0 && i < many; i++)
            code = ask(hosts[from + i], shell, words, &asked[i], err);
        await(asked, many, code == 0 ? patience_s : 0, out + from);
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
