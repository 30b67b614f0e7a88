/* The one clock of every measurement. */
#ifndef RG_BASE_CLOCK_H
#define RG_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define RG_NS_PER_S 1000000000ull

/* CLOCK_MONOTONIC_RAW in ns: not slewed by NTP, so that a rate is a rate; counts from this machine's boot. */
static inline uint64_t rg_clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * RG_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t rg_seconds_to_ns(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

static inline double rg_ns_to_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* The point in time that lies the given number of seconds ahead. */
static inline uint64_t rg_clock_after_ns(double seconds)
{
    return rg_clock_now_ns() + rg_seconds_to_ns(seconds);
}

/* Lets other processes run for about the given time. */
static inline void rg_clock_sleep_ns(uint64_t ns)
{
    struct timespec pause = {.tv_sec = (time_t)(ns / RG_NS_PER_S), .tv_nsec = (long)(ns % RG_NS_PER_S)};
    nanosleep(&pause, NULL);
}

/* Sleeps, and for the last moments spins, until the point in time. */
void rg_clock_wait_until(uint64_t at_ns);

/* Whether it is too late to begin a window: more than a hundredth of it is over. */
static inline bool rg_clock_missed(uint64_t begin_ns, uint64_t end_ns)
{
    return rg_clock_now_ns() > begin_ns + (end_ns - begin_ns) / 100;
}

#define RG_TIMESTAMP_LENGTH 21

/* The wall-clock time, RFC 3339 in UTC: 2026-11-22T09:30:00Z. */
void rg_clock_timestamp(char out[RG_TIMESTAMP_LENGTH]);

/* Reads one, with or without a fraction of a second, into the second since 1970. false: it is written otherwise, or no
 * moment of the calendar. */
bool rg_clock_read_timestamp(const char *text, time_t *out);

/* The same of a day, 2026-11-22: when it begins. */
bool rg_clock_read_day(const char *text, time_t *out);

#endif
