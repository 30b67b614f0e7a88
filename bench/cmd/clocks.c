#include "cmd/clocks.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS 6
#define WORD "clock "

static int64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * (int64_t)RG_NS_PER_S + now.tv_nsec;
}

/* The host read its clock at some time between question and answer: in the middle, or off by half of that at most. */
static void take(struct rg_clocks_talk *talk, int64_t told_ns, uint64_t at_ns)
{
    int64_t here_ns = wall_clock_ns() - (int64_t)(rg_clock_now_ns() - at_ns);
    double half_us = (double)(at_ns - talk->asked_ns) / 2e3;
    if (talk->best.known && talk->best.error_us <= half_us)
        return;
    talk->best = (struct rg_check_offset){true, (double)(told_ns - here_ns) / 1e3 + half_us, half_us};
}

enum rg_remote_heard rg_clocks_hear(void *context, size_t host, const char *line, uint64_t at_ns)
{
    struct rg_clocks_talk *talk = &((struct rg_clocks_talk *)context)[host];
    char *end;
    if (strncmp(line, WORD, strlen(WORD)) != 0)
        return RG_REMOTE_NOT_MEANT;
    int64_t told_ns = strtoll(line + strlen(WORD), &end, 10);
    if (*end != '\0')
        return RG_REMOTE_NOT_MEANT;
    if (talk->answers++ > 0)
        take(talk, told_ns, at_ns);
    if (talk->answers == ANSWERS)
        return RG_REMOTE_ENOUGH;
    talk->asked_ns = rg_clock_now_ns();
    return RG_REMOTE_SAY;
}

void rg_clocks_tell(void)
{
    int letter = '\n';
    do {
        if (letter != '\n')
            continue;
        printf(WORD "%lld\n", (long long)wall_clock_ns());
        fflush(stdout);
    } while ((letter = getchar()) != EOF);
}
