#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rg_fail(struct rg_error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

int rg_fail_in(struct rg_error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    struct rg_error inner = *err;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    if (at < sizeof err->text)
        snprintf(err->text + at, sizeof err->text - at, ": %s", inner.text);
    return code;
}
