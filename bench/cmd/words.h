/* A list of words that grows. */
#ifndef RG_CMD_WORDS_H
#define RG_CMD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct rg_words {
    char **list; /* NULL-terminated, malloc'd, as each word is; NULL while there is none */
    size_t count;
    bool failed; /* memory was short: the list lacks words */
};

/* Adds a copy. */
void rg_words_add(struct rg_words *words, const char *text);

/* Adds the words of a text, which blanks part. */
void rg_words_split(struct rg_words *words, const char *text);

/* Frees a list; takes NULL. */
void rg_words_free(char **list);

#endif
