#include "data/texts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a (Fowler, Noll and Vo). */
static size_t hash(const char *text)
{
    uint64_t sum = 14695981039346656037u;
    for (; *text != '\0'; text++)
        sum = (sum ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(sum ^ sum >> 32);
}

/* Where text is, or would go. There is always an empty slot. */
static size_t slot_of(char *const *slots, size_t room, const char *text)
{
    size_t slot = hash(text) & (room - 1);
    while (slots[slot] != NULL && strcmp(slots[slot], text) != 0)
        slot = (slot + 1) & (room - 1);
    return slot;
}

static int grow(struct rg_texts *texts)
{
    size_t room = texts->room ? 2 * texts->room : 64;
    char **slots = calloc(room, sizeof *slots);
    if (slots == NULL)
        return -1;
    for (size_t i = 0; i < texts->room; i++)
        if (texts->slots[i] != NULL)
            slots[slot_of(slots, room, texts->slots[i])] = texts->slots[i];
    free(texts->slots);
    texts->slots = slots;
    texts->room = room;
    return 0;
}

const char *rg_texts_keep(struct rg_texts *texts, const char *text)
{
    if (text == NULL || (2 * (texts->count + 1) > texts->room && grow(texts) != 0))
        return NULL;
    size_t slot = slot_of(texts->slots, texts->room, text);
    if (texts->slots[slot] == NULL && (texts->slots[slot] = strdup(text)) != NULL)
        texts->count++;
    return texts->slots[slot];
}

void rg_texts_close(struct rg_texts *texts)
{
    for (size_t i = 0; i < texts->room; i++)
        free(texts->slots[i]);
    free(texts->slots);
    *texts = (struct rg_texts){0};
}
