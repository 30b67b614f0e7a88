/* Texts that are kept once: equal texts have equal pointers. */
#ifndef RG_DATA_TEXTS_H
#define RG_DATA_TEXTS_H

#include <stddef.h>

/* Zeroed: empty. */
struct rg_texts {
    char **slots; /* by hash, NULL where there is none */
    size_t room, count;
};

/* The copy of text that is kept. NULL gives NULL; so does no memory. */
const char *rg_texts_keep(struct rg_texts *texts, const char *text);
void rg_texts_close(struct rg_texts *texts);

#endif
