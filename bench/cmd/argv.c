#include "cmd/argv.h"

#include <stdlib.h>
#include <string.h>

void rg_argv_add(struct rg_argv *words, const char *text)
{
    char **grown = realloc(words->list, (words->count + 2) * sizeof *grown);
    if (grown != NULL) {
        words->list = grown;
        grown[words->count] = NULL;
    }
    char *copy = grown ? strdup(text) : NULL;
    words->failed |= copy == NULL;
    if (copy == NULL)
        return;
    words->list[words->count++] = copy;
    words->list[words->count] = NULL;
}

void rg_argv_split(struct rg_argv *words, const char *text)
{
    char *copy = strdup(text), *more = copy;
    words->failed |= copy == NULL;
    for (char *word; copy != NULL && (word = strsep(&more, " \t")) != NULL;)
        if (word[0] != '\0')
            rg_argv_add(words, word);
    free(copy);
}

void rg_argv_free(char **list)
{
    for (char **word = list; word != NULL && *word != NULL; word++)
        free(*word);
    free(list);
}
