#include "report/format.h"

#include <string.h>

static void print_json(
    const struct rg_run *run, const struct rg_verdict *verdict, const struct rg_text_style *style, FILE *out)
{
    (void)run;
    (void)style;
    rg_verdict_print(verdict, out);
}

static const struct rg_report_format formats[] = {
    {"text", rg_report_text},
    {"json", print_json},
    {"markdown", rg_report_markdown},
    {"junit", rg_report_junit},
    {"openmetrics", rg_report_openmetrics},
};

const char *const rg_report_format_words[] = {"text", "json", "markdown", "junit", "openmetrics", NULL};

const struct rg_report_format *rg_report_format_of(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}
