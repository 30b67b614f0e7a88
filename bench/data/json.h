/* Documents as tables: a shape lists an object's fields and the structures that they are stored in, and serves both
 * ways. The only part, with its siblings in data/, that knows cJSON. Texts that are read point into the cJSON tree. */
#ifndef RG_DATA_JSON_H
#define RG_DATA_JSON_H

#include "base/args.h"

#include <cjson/cJSON.h>

#define RG_SCHEMA_VERSION "1.0"
#define RG_DOCUMENT_MOST_BYTES (64u << 20)

struct rg_shape;

/* An object inside an object. */
struct rg_section {
    const char *key;
    const struct rg_shape *shape;
    size_t offset;  /* of the inner structure */
    size_t present; /* offset of a bool in the outer structure: false stands for null */
    bool required;  /* never null; `present` is not used */
};

struct rg_shape {
    const struct rg_option *rows;
    size_t row_count;
    const struct rg_section *sections;
    size_t section_count;
    const char *const *others; /* NULL-terminated: keys that the caller reads and writes itself; may be NULL */
};

/* Where in which file we are, for messages: `suite.json: tests[3].depth: ...`. Put into words only when it is told. */
struct rg_place {
    const char *file;
    const struct rg_place *outer; /* outlives this one; NULL: the document */
    const char *key;              /* a member of it; NULL: the element `index` */
    int index;
};

/* -EINVAL with "file: path: message". */
int rg_json_refuse(const struct rg_place *place, struct rg_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The place of a member ("key") or of an element (key NULL) of the one given, which has to outlive it. */
struct rg_place rg_json_inside(const struct rg_place *place, const char *key, int index);

/* Parses text as one document of the kind ("suite", ...); name stands for it in messages. *out is the caller's to
 * cJSON_Delete. */
int rg_json_parse(const char *text, const char *name, const char *kind, cJSON **out, struct rg_error *err);
int rg_json_load(const char *path, const char *kind, cJSON **out, struct rg_error *err);

/* Reads object by shape into target, which holds defaults already; refuses unknown, repeated and missing keys, wrong
 * types and values out of range. */
int rg_json_read(const cJSON *object, const struct rg_shape *shape, void *target, const struct rg_place *place,
    struct rg_error *err);

/* Sets every field of target to its default, else to null (NULL, NAN, RG_NONE, false). */
void rg_json_clear(const struct rg_shape *shape, void *target);

/* Copies every text of target, words of a list excepted, to `to` one behind the other, and has target point there. to
 * NULL: only counts. Returns the bytes. */
size_t rg_json_move_texts(const struct rg_shape *shape, void *target, char *to);

/* Frees the number arrays of target. */
void rg_json_release(const struct rg_shape *shape, void *target);

/* Adds every field to object. */
void rg_json_write(cJSON *object, const struct rg_shape *shape, const void *target);

/* A new object that begins with schema_version and document. */
cJSON *rg_json_document(const char *kind);

/* Whether text is a run's id, 20261122T093000Z-1a2b3c4d. */
bool rg_json_is_run_id(const char *text);

/* The place of a word in a NULL-terminated list, that of the NULL where it is not there. */
int rg_json_word_place(const char *const *words, const char *word);

/* Whether item is a whole number of that range; takes it then. NULL is none. */
bool rg_json_is_integer(const cJSON *item, int64_t min, int64_t max, int64_t *out);

/* Adds a text, or null. */
void rg_json_add_text(cJSON *object, const char *key, const char *text);

/* The array member `key`, which must be there, or NULL with a message. */
const cJSON *rg_json_array(const cJSON *object, const char *key, const struct rg_place *place, struct rg_error *err);

#endif
