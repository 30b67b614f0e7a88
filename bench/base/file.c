#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int rg_file_read(const char *path, size_t limit_bytes, char **out, size_t *out_bytes, struct rg_error *err)
{
    char *text = NULL;
    size_t used = 0, room = 0;
    int code = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rg_fail(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
    for (;;) {
        if (used + 1 >= room) {
            room = room ? room * 2 : 65536;
            char *grown = realloc(text, room);
            if (grown == NULL) {
                code = rg_fail(err, -ENOMEM, "%s: no memory to read it", path);
                goto fail;
            }
            text = grown;
        }
        ssize_t got = read(fd, text + used, room - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            code = rg_fail(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
            goto fail;
        }
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > limit_bytes) {
            code = rg_fail(err, -EFBIG, "%s: larger than %zu bytes, which no such file is", path, limit_bytes);
            goto fail;
        }
    }
    close(fd);
    text[used] = '\0';
    *out = text;
    if (out_bytes != NULL)
        *out_bytes = used;
    return 0;
fail:
    close(fd);
    free(text);
    return code;
}

/* Writes all of it, or returns -errno. */
static int write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = write(fd, text, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        text += put;
        bytes -= (size_t)put;
    }
    return 0;
}

/* Makes the rename itself durable; file systems that cannot are left to themselves. */
static void sync_directory_of(const char *path)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        snprintf(parent, sizeof parent, ".");
    else
        slash[slash == parent] = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* Into a new file, or into what is no file; -errno. */
static int write_text(const char *path, bool file, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | (file ? O_CREAT | O_TRUNC : 0), 0666);
    if (fd < 0)
        return -errno;
    int code = write_all(fd, text, strlen(text));
    if (code == 0 && file && fsync(fd) != 0)
        code = -errno;
    if (close(fd) != 0 && code == 0)
        code = -errno;
    return code;
}

int rg_file_write_atomic(const char *path, const char *text, struct rg_error *err)
{
    char target[PATH_MAX], temporary[PATH_MAX];
    struct stat there;
    bool exists = stat(path, &there) == 0, file = !exists || S_ISREG(there.st_mode) || S_ISDIR(there.st_mode);
    if (!exists || realpath(path, target) == NULL) /* a link stays one */
        snprintf(target, sizeof target, "%s", path);
    if (snprintf(temporary, sizeof temporary, "%s.%ld.new", target, (long)getpid()) >= (int)sizeof temporary)
        return rg_fail(err, -ENAMETOOLONG, "%s: the path is too long", path);
    int code = write_text(file ? temporary : path, file, text);
    if (code == 0 && file && rename(temporary, target) != 0)
        code = -errno;
    if (code != 0) {
        if (file)
            unlink(temporary);
        return rg_fail(err, code, "%s: cannot be written: %s", path, strerror(-code));
    }
    if (file)
        sync_directory_of(target);
    return 0;
}

struct rg_journal {
    int fd;
    off_t safe; /* how much of it counts, whatever happens */
    char path[PATH_MAX];
};

/* The process of a line of the kernel's, `1: FLOCK  ADVISORY  WRITE 7012 08:01:131 0 EOF`, if it is about this file;
 * else 0. */
static int process_in(const char *line, ino_t inode)
{
    char *end;
    const char *at = strstr(line, " WRITE ");
    if (at == NULL || strstr(line, " FLOCK ") == NULL)
        return 0;
    long process = strtol(at + strlen(" WRITE "), &end, 10);
    const char *colon = strrchr(end, ':');
    return colon != NULL && strtoul(colon + 1, NULL, 10) == inode ? (int)process : 0;
}

/* The number of the process that has locked the file; 0: not known. */
static int holder_of(int fd)
{
    struct stat status;
    char *text = NULL, *more;
    int holder = 0;
    if (fstat(fd, &status) != 0 || rg_file_read("/proc/locks", 16u << 20, &text, NULL, NULL) != 0)
        return 0;
    more = text;
    for (const char *line; holder == 0 && (line = strsep(&more, "\n")) != NULL;)
        holder = process_in(line, status.st_ino);
    free(text);
    return holder;
}

static int lock(const struct rg_journal *journal, struct rg_error *err)
{
    if (flock(journal->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return rg_fail(err, -errno, "%s: cannot be locked: %s", journal->path, strerror(errno));
    char who[32] = "another process";
    int holder = holder_of(journal->fd);
    if (holder > 0)
        snprintf(who, sizeof who, "process %d", holder);
    return rg_fail(err, -EBUSY, "%s: is being written by %s", journal->path, who);
}

static int open_journal(const char *path, int how, const char *verb, struct rg_journal **out, struct rg_error *err)
{
    struct rg_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory to open it", path);
    snprintf(journal->path, sizeof journal->path, "%s", path);
    journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | how, 0666);
    int code = journal->fd < 0 ? rg_fail(err, -errno, "%s: cannot be %s: %s", path, verb, strerror(errno)) : 0;
    if (code == 0)
        code = lock(journal, err);
    if (code != 0) {
        rg_journal_close(journal);
        return code;
    }
    journal->safe = lseek(journal->fd, 0, SEEK_END);
    *out = journal;
    return 0;
}

int rg_journal_open(const char *path, struct rg_journal **out, struct rg_error *err)
{
    return open_journal(path, O_EXCL, "created", out, err);
}

int rg_journal_resume(const char *path, struct rg_journal **out, struct rg_error *err)
{
    return open_journal(path, 0, "opened", out, err);
}

/* Where the lines end; negative: there are not so many. */
static off_t end_of_lines(int fd, int64_t lines)
{
    char part[65536];
    off_t at = 0;
    for (ssize_t got; lines > 0 && (got = pread(fd, part, sizeof part, at)) > 0;) {
        ssize_t i = 0;
        while (i < got && lines > 0)
            lines -= part[i++] == '\n';
        at += i;
    }
    return lines > 0 ? -1 : at;
}

int rg_journal_keep(struct rg_journal *journal, int64_t lines, struct rg_error *err)
{
    off_t end = end_of_lines(journal->fd, lines);
    if (end < 0)
        return rg_fail(
            err, -EINVAL, "%s: holds fewer than the run's %lld measurements", journal->path, (long long)lines);
    journal->safe = end;
    return rg_journal_rewind(journal, err);
}

int rg_journal_append(struct rg_journal *journal, const char *text, struct rg_error *err)
{
    char *line;
    int bytes = asprintf(&line, "%s\n", text);
    if (bytes < 0)
        return rg_fail(err, -ENOMEM, "%s: no memory to write a line", journal->path);
    off_t before = lseek(journal->fd, 0, SEEK_END);
    int code = write_all(journal->fd, line, (size_t)bytes);
    free(line);
    if (code == 0)
        return 0;
    /* Half a line would spoil the lines before it: take it back. */
    if (before >= 0 && ftruncate(journal->fd, before) != 0)
        return rg_fail(
            err, code, "%s: cannot be written, and its last line is damaged: %s", journal->path, strerror(-code));
    return rg_fail(err, code, "%s: cannot be written: %s", journal->path, strerror(-code));
}

int rg_journal_sync(struct rg_journal *journal, struct rg_error *err)
{
    if (fsync(journal->fd) != 0)
        return rg_fail(err, -errno, "%s: cannot be synced: %s", journal->path, strerror(errno));
    journal->safe = lseek(journal->fd, 0, SEEK_END);
    return 0;
}

int rg_journal_rewind(struct rg_journal *journal, struct rg_error *err)
{
    if (ftruncate(journal->fd, journal->safe) != 0)
        return rg_fail(err, -errno, "%s: cannot be cut back: %s", journal->path, strerror(errno));
    return 0;
}

void rg_journal_close(struct rg_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal);
}
