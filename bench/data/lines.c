#include "data/lines.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256 /* lines */
#define SHARES_MOST 8
#define SHARE_LEAST 16 /* lines that are worth a thread */

struct slot {
    char *line;
    size_t room;
    struct rg_measurement measurement;
    bool parsed; /* and not yet handed out */
};

/* Lines that one thread parses, until one is at fault. */
struct share {
    struct rg_lines *lines;
    size_t from, to, fault; /* fault: the slot; to: there is none */
    int code;
    struct rg_error err;
};

struct rg_lines {
    FILE *file;
    char path[PATH_MAX];
    bool may_be_cut, ended;
    int64_t before; /* lines of earlier batches */
    size_t count, next, share_count, processors;
    struct slot *slots; /* as many as were needed so far, up to BATCH */
    size_t room;
    struct share shares[SHARES_MOST];
};

int rg_lines_open(const char *path, bool may_be_cut, struct rg_lines **out, struct rg_error *err)
{
    struct rg_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory to read it", path);
    snprintf(lines->path, sizeof lines->path, "%s", path);
    lines->may_be_cut = may_be_cut;
    cpu_set_t own;
    int processors = sched_getaffinity(0, sizeof own, &own) == 0 ? CPU_COUNT(&own) : 1;
    lines->processors = processors > SHARES_MOST ? SHARES_MOST : (size_t)processors;
    lines->file = fopen(path, "re");
    if (lines->file == NULL) {
        int code = -errno;
        free(lines);
        return rg_fail(err, code, "%s: cannot be read: %s", path, strerror(-code));
    }
    *out = lines;
    return 0;
}

void rg_lines_close(struct rg_lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < lines->room; i++) {
        if (lines->slots[i].parsed)
            rg_measurement_close(&lines->slots[i].measurement);
        free(lines->slots[i].line);
    }
    fclose(lines->file);
    free(lines->slots);
    free(lines);
}

/* "FILE: line 7: line 1: ..." is "FILE: line 7: ...": each line is a document of one line. */
static void drop_inner_line(char *text, size_t place)
{
    static const char inner[] = ": line 1";
    if (strlen(text) > place && strncmp(text + place, inner, sizeof inner - 1) == 0)
        memmove(text + place, text + place + sizeof inner - 1, strlen(text + place + sizeof inner - 1) + 1);
}

static void *parse(void *context)
{
    struct share *share = context;
    struct rg_lines *lines = share->lines;
    char place[PATH_MAX + 32];
    share->code = 0;
    for (share->fault = share->from; share->fault < share->to; share->fault++) {
        struct slot *slot = &lines->slots[share->fault];
        share->code = rg_measurement_read(slot->line, lines->path, &slot->measurement, &share->err);
        if (share->code != 0) { /* once more, to tell the line */
            snprintf(place, sizeof place, "%s: line %lld", lines->path,
                (long long)lines->before + (long long)share->fault + 1);
            share->code = rg_measurement_read(slot->line, place, &slot->measurement, &share->err);
            drop_inner_line(share->err.text, strlen(place));
            break;
        }
        slot->parsed = true;
    }
    return NULL;
}

/* Every share but the last has a thread, if there is one to be had; the last is done here. */
static void parse_batch(struct rg_lines *lines)
{
    pthread_t threads[SHARES_MOST];
    bool started[SHARES_MOST] = {false};
    size_t worth = (lines->count + SHARE_LEAST - 1) / SHARE_LEAST;
    lines->share_count = worth < lines->processors ? worth : lines->processors;
    for (size_t i = 0; i < lines->share_count; i++) {
        struct share *share = &lines->shares[i];
        share->lines = lines;
        share->from = i * lines->count / lines->share_count;
        share->to = (i + 1) * lines->count / lines->share_count;
        started[i] = i + 1 < lines->share_count && pthread_create(&threads[i], NULL, parse, share) == 0;
        if (!started[i])
            parse(share);
    }
    for (size_t i = 0; i < lines->share_count; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

static int grow(struct rg_lines *lines, struct rg_error *err)
{
    size_t room = lines->room ? 2 * lines->room : 4; /* a power of 2, as BATCH is */
    struct slot *slots = realloc(lines->slots, room * sizeof *slots);
    if (slots == NULL)
        return rg_fail(err, -ENOMEM, "%s: no memory to read it", lines->path);
    memset(slots + lines->room, 0, (room - lines->room) * sizeof *slots);
    lines->slots = slots;
    lines->room = room;
    return 0;
}

static int read_batch(struct rg_lines *lines, struct rg_error *err)
{
    lines->before += (int64_t)lines->count;
    lines->count = lines->next = 0;
    while (lines->count < BATCH && !lines->ended) {
        if (lines->count == lines->room && grow(lines, err) != 0)
            return -ENOMEM;
        struct slot *slot = &lines->slots[lines->count];
        errno = 0;
        ssize_t length = getline(&slot->line, &slot->room, lines->file);
        if (length < 0 && !feof(lines->file))
            return rg_fail(err, errno ? -errno : -EIO, "%s: line %lld: cannot be read: %s", lines->path,
                (long long)lines->before + (long long)lines->count + 1, strerror(errno ? errno : EIO));
        bool cut = length > 0 && slot->line[length - 1] != '\n';
        lines->ended = length <= 0 || cut;
        if (length > 0 && !cut)
            slot->line[length - 1] = '\0';
        if (length > 0 && !(cut && lines->may_be_cut))
            lines->count++;
    }
    parse_batch(lines);
    return 0;
}

int rg_lines_next(struct rg_lines *lines, struct rg_measurement *out, int64_t *number, struct rg_error *err)
{
    int code = lines->next == lines->count ? read_batch(lines, err) : 0;
    if (code != 0 || lines->next == lines->count)
        return code;
    struct slot *slot = &lines->slots[lines->next];
    for (size_t i = 0; !slot->parsed && i < lines->share_count; i++) {
        const struct share *share = &lines->shares[i];
        if (lines->next >= share->from && lines->next < share->to)
            return rg_fail(err, share->code, "%s", share->err.text);
    }
    *out = slot->measurement;
    slot->parsed = false;
    *number = lines->before + (int64_t)++lines->next;
    return 1;
}
