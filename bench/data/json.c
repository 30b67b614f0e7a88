#include "data/json.h"

#include "base/file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static size_t write_path(const struct rg_place *place, char *out, size_t room)
{
    size_t used = place->outer ? write_path(place->outer, out, room) : 0;
    if (place->outer == NULL || used >= room)
        return used;
    if (place->key == NULL)
        return used + (size_t)snprintf(out + used, room - used, "[%d]", place->index);
    return used + (size_t)snprintf(out + used, room - used, "%s%s", used ? "." : "", place->key);
}

int rg_json_refuse(const struct rg_place *place, struct rg_error *err, const char *format, ...)
{
    char message[RG_ERROR_LENGTH], path[192] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    write_path(place, path, sizeof path);
    return rg_fail(err, -EINVAL, "%s: %s%s%s", place->file, path, path[0] ? ": " : "", message);
}

struct rg_place rg_json_inside(const struct rg_place *place, const char *key, int index)
{
    return (struct rg_place){place->file, place, key, index};
}

static int line_of(const char *text, const char *at)
{
    int line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

int rg_json_parse(const char *text, const char *name, const char *kind, cJSON **out, struct rg_error *err)
{
    struct rg_place place = {.file = name};
    const char *end = text;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return rg_json_refuse(&place, err, "is empty; a %s document in JSON was expected", kind);
    cJSON *root = cJSON_ParseWithOpts(text, &end, true);
    if (root == NULL)
        return rg_json_refuse(&place, err, "line %d: is not JSON, or is cut off there", line_of(text, end));
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "schema_version");
    const cJSON *document = cJSON_GetObjectItemCaseSensitive(root, "document");
    int code = 0;
    if (!cJSON_IsObject(root) || !cJSON_IsString(document))
        code = rg_json_refuse(&place, err, "is not a railgauge document: it has no \"document\": \"%s\"", kind);
    else if (strcmp(document->valuestring, kind) != 0)
        code = rg_json_refuse(&place, err, "is a %s, but a %s was expected", document->valuestring, kind);
    else if (!cJSON_IsString(version) || strcmp(version->valuestring, RG_SCHEMA_VERSION) != 0)
        code = rg_json_refuse(&place, err, "schema_version: only \"%s\" can be read here", RG_SCHEMA_VERSION);
    if (code == 0)
        *out = root;
    else
        cJSON_Delete(root);
    return code;
}

int rg_json_load(const char *path, const char *kind, cJSON **out, struct rg_error *err)
{
    char *text;
    int code = rg_file_read(path, RG_DOCUMENT_MOST_BYTES, &text, NULL, err);
    if (code != 0)
        return code;
    code = rg_json_parse(text, path, kind, out, err);
    free(text);
    return code;
}

/* --- reading --- */

static void set_null(const struct rg_option *row, void *field)
{
    switch (row->type) {
    case RG_FLAG:
        *(bool *)field = false;
        break;
    case RG_INTEGER:
    case RG_BYTES:
    case RG_MAYBE:
        *(int64_t *)field = RG_NONE;
        break;
    case RG_NUMBER:
        *(double *)field = NAN;
        break;
    case RG_CHOICE:
    case RG_TEXT:
        *(const char **)field = NULL;
        break;
    case RG_SIZES:
    case RG_COUNTS:
        ((struct rg_sizes *)field)->count = 0;
        break;
    case RG_NUMBERS:
        *(struct rg_numbers *)field = (struct rg_numbers){0};
        break;
    }
}

static int read_integer(
    const struct rg_option *row, const cJSON *item, int64_t *out, const struct rg_place *place, struct rg_error *err)
{
    if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) || fabs(item->valuedouble) > 0x1p53)
        return rg_json_refuse(place, err, "must be a whole number");
    if (item->valuedouble < row->min || item->valuedouble > row->max)
        return rg_json_refuse(place, err, "%.0f is not from %.0f to %.0f", item->valuedouble, row->min, row->max);
    *out = (int64_t)item->valuedouble;
    return 0;
}

static int read_number(
    const struct rg_option *row, const cJSON *item, double *out, const struct rg_place *place, struct rg_error *err)
{
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
        return rg_json_refuse(place, err, "must be a number");
    if (row->min < row->max && (item->valuedouble < row->min || item->valuedouble > row->max))
        return rg_json_refuse(place, err, "%g is not from %g to %g", item->valuedouble, row->min, row->max);
    *out = item->valuedouble;
    return 0;
}

/* A text of a document is printed to terminals sooner or later, which take such characters for orders. */
static void drop_controls(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        bool c1 = at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
        if (c1 || at[0] == 0x7F || (at[0] < 0x20 && at[0] != '\n' && at[0] != '\t'))
            at[0] = '?';
        if (c1)
            at[1] = '?';
    }
}

static int read_text(const struct rg_option *row, const cJSON *item, const char **out, const struct rg_place *place,
    struct rg_error *err)
{
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
        return rg_json_refuse(place, err, "must be a text that is not empty");
    if (row->type == RG_TEXT) {
        drop_controls(item->valuestring);
        *out = item->valuestring;
        return 0;
    }
    struct rg_error why = {{0}};
    struct rg_option choice = *row;
    choice.offset = 0;
    choice.name = "";
    int code = rg_args_set(&choice, out, item->valuestring, &why);
    return code == 0 ? 0 : rg_json_refuse(place, err, "%s", why.text + strlen("--: "));
}

static int read_numbers(const struct rg_option *row, const cJSON *item, struct rg_numbers *out,
    const struct rg_place *place, struct rg_error *err)
{
    if (!cJSON_IsArray(item))
        return rg_json_refuse(place, err, "must be an array of numbers");
    size_t count = (size_t)cJSON_GetArraySize(item), at = 0;
    double *values = calloc(count + 1, sizeof *values);
    if (values == NULL)
        return rg_json_refuse(place, err, "no memory for %zu numbers", count);
    const cJSON *element;
    cJSON_ArrayForEach(element, item)
    {
        struct rg_place inner = rg_json_inside(place, NULL, (int)at);
        int code = read_number(row, element, &values[at++], &inner, err);
        if (code != 0) {
            free(values);
            return code;
        }
    }
    *out = (struct rg_numbers){values, count};
    return 0;
}

/* The JSON forms of sizes are turned into the command line's, so that one parser rules both. */
static int read_sizes(const struct rg_option *row, const cJSON *item, struct rg_sizes *out,
    const struct rg_place *place, struct rg_error *err)
{
    static const struct rg_option bound = {.min = 1, .max = 1 << 30};
    struct rg_option range = {.name = "", .type = RG_SIZES, .min = row->min, .max = row->max};
    struct rg_error why = {{0}};
    int64_t from = 0, to = 0;
    out->count = 0;
    if (cJSON_IsObject(item)) {
        const cJSON *factor = cJSON_GetObjectItemCaseSensitive(item, "factor");
        int code = read_integer(&bound, cJSON_GetObjectItemCaseSensitive(item, "from"), &from, place, err);
        if (code == 0)
            code = read_integer(&bound, cJSON_GetObjectItemCaseSensitive(item, "to"), &to, place, err);
        if (code != 0 || cJSON_GetArraySize(item) != 3 || !cJSON_IsNumber(factor))
            return rg_json_refuse(place, err, "a range of sizes has whole numbers from and to, a factor, and no more");
        char text[96];
        snprintf(text, sizeof text, "%lld:%lld:%.9g", (long long)from, (long long)to, factor->valuedouble);
        if (rg_args_set(&range, out, text, &why) != 0)
            return rg_json_refuse(place, err, "%s", why.text + strlen("--: "));
        return 0;
    }
    if (!cJSON_IsArray(item)) {
        out->count = 1;
        return read_integer(row, item, &out->bytes[0], place, err);
    }
    if (cJSON_GetArraySize(item) < 1 || cJSON_GetArraySize(item) > RG_SIZES_MOST)
        return rg_json_refuse(place, err, "must hold 1 to %d sizes", RG_SIZES_MOST);
    const cJSON *element;
    cJSON_ArrayForEach(element, item)
    {
        struct rg_place inner = rg_json_inside(place, NULL, (int)out->count);
        int code = read_integer(row, element, &out->bytes[out->count++], &inner, err);
        if (code != 0)
            return code;
    }
    return 0;
}

static int read_field(
    const struct rg_option *row, const cJSON *item, void *field, const struct rg_place *outer, struct rg_error *err)
{
    struct rg_place place = rg_json_inside(outer, row->key, 0);
    if (cJSON_IsNull(item) && row->nullable) {
        set_null(row, field);
        return 0;
    }
    switch (row->type) {
    case RG_FLAG:
    case RG_MAYBE:
        if (!cJSON_IsBool(item))
            return rg_json_refuse(&place, err, "must be true or false");
        if (row->type == RG_FLAG)
            *(bool *)field = cJSON_IsTrue(item);
        else
            *(int64_t *)field = cJSON_IsTrue(item);
        return 0;
    case RG_INTEGER:
    case RG_BYTES:
        return read_integer(row, item, field, &place, err);
    case RG_NUMBER:
        return read_number(row, item, field, &place, err);
    case RG_CHOICE:
    case RG_TEXT:
        return read_text(row, item, field, &place, err);
    case RG_SIZES:
    case RG_COUNTS:
        return read_sizes(row, item, field, &place, err);
    case RG_NUMBERS:
        return read_numbers(row, item, field, &place, err);
    }
    return rg_json_refuse(&place, err, "has a type that is unknown here");
}

#define SLOTS_MOST 96 /* fields of one shape */

/* The key of a shape's field by its slot: rows, sections, and what others read. NULL: none, or past the last. */
static const char *key_of(const struct rg_shape *shape, size_t slot)
{
    if (slot < shape->row_count)
        return shape->rows[slot].key;
    slot -= shape->row_count;
    return slot < shape->section_count ? shape->sections[slot].key : shape->others[slot - shape->section_count];
}

static size_t count_slots(const struct rg_shape *shape)
{
    size_t count = shape->row_count + shape->section_count;
    for (const char *const *key = shape->others; key != NULL && *key != NULL; key++)
        count++;
    return count;
}

/* Finds the item of each slot. Most documents hold their fields in the shape's order, so the search for a key begins
 * after the one before. */
static int find_fields(const cJSON *object, const struct rg_shape *shape, const cJSON *found[SLOTS_MOST],
    const struct rg_place *place, struct rg_error *err)
{
    size_t slots = count_slots(shape), slot = 0;
    const cJSON *item;
    if (!cJSON_IsObject(object))
        return rg_json_refuse(place, err, "must be an object");
    if (slots > SLOTS_MOST)
        return rg_json_refuse(place, err, "has more fields than can be read here");
    cJSON_ArrayForEach(item, object)
    {
        size_t tried = 0;
        for (const char *key; tried < slots; tried++, slot = slot + 1 < slots ? slot + 1 : 0)
            if ((key = key_of(shape, slot)) != NULL && key[0] == item->string[0] && strcmp(key, item->string) == 0)
                break;
        if (tried == slots)
            return rg_json_refuse(place, err, "unknown field \"%.64s\"", item->string);
        if (found[slot] != NULL)
            return rg_json_refuse(place, err, "field \"%.64s\" is there twice", item->string);
        found[slot] = item;
    }
    return 0;
}

static int read_section(const struct rg_section *section, const cJSON *item, void *target, const struct rg_place *place,
    struct rg_error *err)
{
    struct rg_place inner = rg_json_inside(place, section->key, 0);
    int code = 0;
    if (item == NULL)
        return rg_json_refuse(place, err, "field \"%s\" is missing", section->key);
    if (section->required || !cJSON_IsNull(item))
        code = rg_json_read(item, section->shape, (char *)target + section->offset, &inner, err);
    if (!section->required)
        *(bool *)((char *)target + section->present) = !cJSON_IsNull(item);
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the shapes */
int rg_json_read(
    const cJSON *object, const struct rg_shape *shape, void *target, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *found[SLOTS_MOST] = {NULL};
    int code = find_fields(object, shape, found, place, err);
    for (size_t i = 0; code == 0 && i < shape->row_count; i++) {
        const struct rg_option *row = &shape->rows[i];
        if (found[i] != NULL)
            code = read_field(row, found[i], (char *)target + row->offset, place, err);
        else if (row->required)
            code = rg_json_refuse(place, err, "field \"%s\" is missing", row->key);
    }
    for (size_t i = 0; code == 0 && i < shape->section_count; i++)
        code = read_section(&shape->sections[i], found[shape->row_count + i], target, place, err);
    return code;
}

void rg_json_clear(const struct rg_shape *shape, void *target)
{
    for (size_t i = 0; i < shape->row_count; i++)
        set_null(&shape->rows[i], (char *)target + shape->rows[i].offset);
    struct rg_option_group group = {.rows = shape->rows, .count = shape->row_count, .target = target};
    rg_args_defaults(&group);
    for (size_t i = 0; i < shape->section_count; i++) {
        const struct rg_section *section = &shape->sections[i];
        rg_json_clear(section->shape, (char *)target + section->offset);
        if (!section->required)
            *(bool *)((char *)target + section->present) = false;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the shapes */
size_t rg_json_move_texts(const struct rg_shape *shape, void *target, char *to)
{
    size_t bytes = 0;
    for (size_t i = 0; i < shape->row_count; i++) {
        const char **text = (const char **)(void *)((char *)target + shape->rows[i].offset);
        if (shape->rows[i].type != RG_TEXT || *text == NULL)
            continue;
        size_t length = strlen(*text) + 1;
        if (to != NULL)
            *text = memcpy(to + bytes, *text, length);
        bytes += length;
    }
    for (size_t i = 0; i < shape->section_count; i++) {
        const struct rg_section *section = &shape->sections[i];
        if (section->required || *(const bool *)((const char *)target + section->present))
            bytes += rg_json_move_texts(section->shape, (char *)target + section->offset, to ? to + bytes : NULL);
    }
    return bytes;
}

void rg_json_release(const struct rg_shape *shape, void *target)
{
    for (size_t i = 0; i < shape->row_count; i++) {
        if (shape->rows[i].type != RG_NUMBERS)
            continue;
        struct rg_numbers *numbers = (struct rg_numbers *)((char *)target + shape->rows[i].offset);
        free(numbers->values);
        *numbers = (struct rg_numbers){0};
    }
    for (size_t i = 0; i < shape->section_count; i++)
        rg_json_release(shape->sections[i].shape, (char *)target + shape->sections[i].offset);
}

/* --- writing --- */

/* JSON has no NaN or infinity: what is not a number is not known. */
static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static cJSON *integer_or_null(int64_t value)
{
    return value == RG_NONE ? cJSON_CreateNull() : cJSON_CreateNumber((double)value);
}

static cJSON *field_value(const struct rg_option *row, const void *field)
{
    cJSON *array;
    switch (row->type) {
    case RG_FLAG:
        return cJSON_CreateBool(*(const bool *)field);
    case RG_MAYBE:
        if (*(const int64_t *)field == RG_NONE)
            return cJSON_CreateNull();
        return cJSON_CreateBool(*(const int64_t *)field != 0);
    case RG_INTEGER:
    case RG_BYTES:
        return integer_or_null(*(const int64_t *)field);
    case RG_NUMBER:
        return number_or_null(*(const double *)field);
    case RG_CHOICE:
    case RG_TEXT:
        return *(const char *const *)field ? cJSON_CreateString(*(const char *const *)field) : cJSON_CreateNull();
    case RG_SIZES:
    case RG_COUNTS:
        array = cJSON_CreateArray();
        for (uint32_t i = 0; i < ((const struct rg_sizes *)field)->count; i++)
            cJSON_AddItemToArray(array, cJSON_CreateNumber((double)((const struct rg_sizes *)field)->bytes[i]));
        return array;
    case RG_NUMBERS: {
        const struct rg_numbers *numbers = field;
        if (numbers->values == NULL)
            return cJSON_CreateNull();
        array = cJSON_CreateArray();
        for (size_t i = 0; i < numbers->count; i++)
            cJSON_AddItemToArray(array, number_or_null(numbers->values[i]));
        return array;
    }
    }
    return cJSON_CreateNull();
}

void rg_json_write(cJSON *object, const struct rg_shape *shape, const void *target)
{
    for (size_t i = 0; i < shape->row_count; i++) {
        const struct rg_option *row = &shape->rows[i];
        if (row->key != NULL)
            cJSON_AddItemToObject(object, row->key, field_value(row, (const char *)target + row->offset));
    }
    for (size_t i = 0; i < shape->section_count; i++) {
        const struct rg_section *section = &shape->sections[i];
        if (!section->required && !*(const bool *)((const char *)target + section->present)) {
            cJSON_AddNullToObject(object, section->key);
            continue;
        }
        cJSON *inner = cJSON_AddObjectToObject(object, section->key);
        rg_json_write(inner, section->shape, (const char *)target + section->offset);
    }
}

cJSON *rg_json_document(const char *kind)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "schema_version", RG_SCHEMA_VERSION);
    cJSON_AddStringToObject(object, "document", kind);
    return object;
}

bool rg_json_is_run_id(const char *text)
{
    static const char form[] = "ddddddddTddddddZ-xxxxxxxx";
    size_t i = 0;
    for (; form[i] != '\0'; i++) {
        const char *allowed = form[i] == 'd'   ? "0123456789"
                              : form[i] == 'x' ? "0123456789abcdef"
                                               : (char[]){form[i], 0};
        if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
            return false;
    }
    return text[i] == '\0';
}

bool rg_json_is_integer(const cJSON *item, int64_t min, int64_t max, int64_t *out)
{
    if (!cJSON_IsNumber(item) || item->valuedouble < (double)min || item->valuedouble > (double)max ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

void rg_json_add_text(cJSON *object, const char *key, const char *text)
{
    if (text != NULL)
        cJSON_AddStringToObject(object, key, text);
    else
        cJSON_AddNullToObject(object, key);
}

const cJSON *rg_json_array(const cJSON *object, const char *key, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsArray(array))
        return array;
    rg_json_refuse(place, err, "field \"%s\" is missing or is not an array", key);
    return NULL;
}

int rg_json_word_place(const char *const *words, const char *word)
{
    int place = 0;
    while (words[place] != NULL && strcmp(words[place], word) != 0)
        place++;
    return place;
}
