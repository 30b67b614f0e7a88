#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define SPIN_LAST_NS 200000

void rg_clock_wait_until(uint64_t at_ns)
{
    uint64_t now_ns = rg_clock_now_ns();
    if (now_ns + SPIN_LAST_NS < at_ns)
        rg_clock_sleep_ns(at_ns - now_ns - SPIN_LAST_NS);
    while (rg_clock_now_ns() < at_ns)
        ;
}

void rg_clock_timestamp(char out[RG_TIMESTAMP_LENGTH])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, RG_TIMESTAMP_LENGTH, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

bool rg_clock_read_timestamp(const char *text, time_t *out)
{
    struct tm utc = {0};
    char again[RG_TIMESTAMP_LENGTH];
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    size_t digits = rest != NULL && *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (rest == NULL || digits > 9 || strcmp(rest + (digits > 0 ? digits + 1 : 0), "Z") != 0)
        return false;
    time_t second = timegm(&utc); /* makes March 2 of February 30 */
    strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%S", &utc);
    if (strncmp(again, text, strlen(again)) != 0)
        return false;
    *out = second;
    return true;
}

bool rg_clock_read_day(const char *text, time_t *out)
{
    char midnight[RG_TIMESTAMP_LENGTH];
    int length = snprintf(midnight, sizeof midnight, "%sT00:00:00Z", text);
    return length == RG_TIMESTAMP_LENGTH - 1 && rg_clock_read_timestamp(midnight, out);
}
