/* A list of words that grows. */
#ifndef RG_CMD_ARGV_H
#define RG_CMD_ARGV_H

#include <stdbool.h>
#include <stddef.h>

struct rg_argv {
    char **list; /* NULL-terminated, malloc'd, as each word is; NULL while there is none */
    size_t count;
    bool failed; /* memory was short: the list lacks words */
};

/* Adds a copy. */
void rg_argv_add(struct rg_argv *words, const char *text);

/* Adds the words of a text, which blanks part. */
void rg_argv_split(struct rg_argv *words, const char *text);

/* Frees a list; takes NULL. */
void rg_argv_free(char **list);

#endif
