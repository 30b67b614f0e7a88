/* Reading below a node's root; for the files of check/ alone. Paths are formatted. What is read is printable ASCII. */
#ifndef RG_CHECK_READ_H
#define RG_CHECK_READ_H

#include "check/node.h"

#include <limits.h>
#include <stddef.h>

/* The whole path of a file. */
void rg_check_path(const struct rg_check_node *node, char out[PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool rg_check_exists(const struct rg_check_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first line, or "" and false. */
bool rg_check_line(const struct rg_check_node *node, char out[RG_CHECK_LINE], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first line as a whole number, decimal or 0x...; RG_NONE: there is none. */
int64_t rg_check_number(const struct rg_check_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What follows key, and blanks, in the line of the file that begins with it, or "" and false. */
bool rg_check_value(const struct rg_check_node *node, const char *path, const char *key, char out[RG_CHECK_LINE]);

/* Where a library is among the system's own, its whole path; false: nowhere. */
bool rg_check_library(const struct rg_check_node *node, const char *name, char out[PATH_MAX]);

/* The n-th of the absolute directories in LD_LIBRARY_PATH, from 0, which a program looks into before the system's;
 * false: there are fewer. */
bool rg_check_library_directory(const struct rg_check_node *node, int n, char out[PATH_MAX]);

/* Sorted names in a directory, "." and ".." left out; malloc'd, and NULL-terminated. NULL: it cannot be read. */
char **rg_check_names(const struct rg_check_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes NULL. */
void rg_check_free_names(char **names);

#endif
