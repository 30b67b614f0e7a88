/* What went wrong, in words for the person who ran the program. */
#ifndef RG_BASE_ERROR_H
#define RG_BASE_ERROR_H

#define RG_ERROR_LENGTH 1024

/* Caller-owned; a callee that returns a negative errno has written one sentence, without a newline, into it. */
struct rg_error {
    char text[RG_ERROR_LENGTH];
};

/* Writes the message and returns code, so that a failing function can end in `return rg_fail(...)`. err may be NULL. */
int rg_fail(struct rg_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the message that is there already, and returns code. */
int rg_fail_in(struct rg_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
