#include "base/clock.h"

void rg_clock_timestamp(char out[RG_TIMESTAMP_LENGTH])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, RG_TIMESTAMP_LENGTH, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
