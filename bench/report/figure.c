#include "report/figure.h"

#include <math.h>
#include <stdio.h>

const char *rg_figure(double value, char out[RG_FIGURE_LENGTH])
{
    if (isnan(value))
        snprintf(out, RG_FIGURE_LENGTH, "-");
    else if (value >= 1e6 || (value > 0 && value < 1e-3))
        snprintf(out, RG_FIGURE_LENGTH, "%.3g", value);
    else
        snprintf(out, RG_FIGURE_LENGTH, "%.*f",
            value >= 1000 || value <= 0 ? 0 : 3 - (int)fmax(floor(log10(value)), -3), value);
    return out;
}
