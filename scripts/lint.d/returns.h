/* For clang-tidy alone, which looks at one file at a time: a failing function returns the code that it names. */
#include "base/error.h"

#define rg_fail(err, code, ...) (rg_fail(err, code, __VA_ARGS__), (code))
#define rg_fail_in(err, code, ...) (rg_fail_in(err, code, __VA_ARGS__), (code))
