#include "base/clock.h"

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
