#include "data/namesakes.h"

#include "data/measurement.h"

#include <string.h>

/* The settings that a figure carries with it: as fields, or in its variant or pattern. */
static bool is_carried(const struct rg_option *row)
{
    static const char *const keys[] = {"sizes_bytes", "direction", "queue_pairs", "pattern", "rails", "load", "memory",
        "registration", "data_type", "reduction", "in_place", "group", "cuda_graph", "register_buffers", "copy",
        "copy_by", "numa"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(row->key, keys[i]) == 0)
            return true;
    return false;
}

/* Figures carry what these came to; whether two tests that are set otherwise came to the same is known by then. */
static bool may_come_to_the_same(const struct rg_option *row)
{
    return strcmp(row->key, "memory") == 0 || strcmp(row->key, "registration") == 0;
}

static const char *text_of(const struct rg_option *row, const struct rg_settings *test, char out[64])
{
    char first[24], last[24];
    if (row->type != RG_SIZES)
        return rg_settings_text(row, test, out);
    rg_args_format_bytes(test->sizes.bytes[0], first);
    rg_args_format_bytes(test->sizes.bytes[test->sizes.count - 1], last);
    snprintf(out, 64, test->sizes.count > 1 ? "%s..%s" : "%s", first, last);
    return out;
}

static bool differ(const struct rg_option *row, const struct rg_settings *a, const struct rg_settings *b)
{
    char text_a[64], text_b[64];
    return strcmp(text_of(row, a, text_a), text_of(row, b, text_b)) != 0;
}

/* Whether figures of two tests carry the same of a setting. */
static bool is_carried_alike(const struct rg_option *row, const struct rg_settings *a, const struct rg_settings *b)
{
    if (row->type == RG_SIZES || !differ(row, a, b))
        return true;
    if (strcmp(row->key, "pattern") == 0)
        return rg_measurement_exclusive_pattern(a->pattern) && rg_measurement_exclusive_pattern(b->pattern);
    if (strcmp(row->key, "rails") == 0)
        return strcmp(a->rails, "cross") != 0 && strcmp(b->rails, "cross") != 0;
    char text_a[64], text_b[64];
    return may_come_to_the_same(row) &&
           (strcmp(text_of(row, a, text_a), "auto") == 0 || strcmp(text_of(row, b, text_b), "auto") == 0);
}

static bool has_size(const struct rg_settings *test, int64_t size_bytes)
{
    for (uint32_t i = 0; i < test->sizes.count; i++)
        if (test->sizes.bytes[i] == size_bytes)
            return true;
    return false;
}

/* Whether two tests have figures that carry the same: at that size; RG_NONE: at any. */
static bool carry_the_same(const struct rg_settings *a, const struct rg_settings *b, int64_t size_bytes)
{
    bool share = size_bytes != RG_NONE && has_size(b, size_bytes);
    for (uint32_t i = 0; size_bytes == RG_NONE && i < a->sizes.count; i++)
        share |= has_size(b, a->sizes.bytes[i]);
    for (size_t i = 1; share && i < rg_settings_row_count; i++)
        share = !is_carried(&rg_settings_rows[i]) || is_carried_alike(&rg_settings_rows[i], a, b);
    return share;
}

/* rest: no setting tells a test from one whose figures carry something else anyway. */
static void tell(const struct rg_suite *suite, size_t test, bool rest, int64_t size_bytes, char *out, size_t room)
{
    const struct rg_settings *here = &suite->tests[test];
    size_t used = 0;
    char text[64];
    out[0] = '\0';
    for (size_t i = 1; i < rg_settings_row_count && used < room; i++) {
        const struct rg_option *row = &rg_settings_rows[i];
        bool open = !row->hidden && !(rest && (row->type == RG_SIZES || may_come_to_the_same(row))), tells = false;
        /* The first of those that carry the same needs nothing to tell it from those after it, which may come and go.
         */
        for (size_t t = 0; open && !tells && t < (rest ? test : suite->test_count); t++) {
            const struct rg_settings *there = &suite->tests[t];
            tells = strcmp(there->test, here->test) == 0 && differ(row, here, there) &&
                    ((is_carried(row) && !rest) || carry_the_same(here, there, size_bytes));
        }
        if (tells)
            used += (size_t)snprintf(
                out + used, room - used, "%s%s %s", used ? ", " : "", row->key, text_of(row, here, text));
    }
}

void rg_namesakes_tell(const struct rg_suite *suite, size_t test, char *out, size_t room)
{
    tell(suite, test, false, RG_NONE, out, room);
}

void rg_namesakes_tell_rest(const struct rg_suite *suite, size_t test, int64_t size_bytes, char *out, size_t room)
{
    tell(suite, test, true, size_bytes, out, room);
}

const char *rg_namesakes_value(const char *told, const char *key, size_t *length)
{
    size_t key_length = strlen(key);
    for (const char *at = told; at != NULL; at = strstr(at, ", ")) {
        at += at == told ? 0 : 2;
        if (strncmp(at, key, key_length) != 0 || at[key_length] != ' ')
            continue;
        at += key_length + 1;
        const char *end = strstr(at, ", ");
        *length = end ? (size_t)(end - at) : strlen(at);
        return at;
    }
    return NULL;
}

static bool is_told_otherwise(const char *told, const char *key, const char *value, size_t value_length)
{
    size_t length;
    const char *said = rg_namesakes_value(told, key, &length);
    bool open = said == NULL || strncmp(said, "auto", length) == 0 || memmem(said, length, "..", 2) != NULL;
    return !open && (length != value_length || strncmp(said, value, length) != 0);
}

static bool is_of_pattern(const char *told, const struct rg_series *series)
{
    char said[24];
    size_t length;
    const char *at = rg_namesakes_value(told, "pattern", &length);
    if (at == NULL)
        return true;
    snprintf(said, sizeof said, "%.*s", (int)length, at);
    if (strcmp(series->scope, "victims") == 0)
        return strcmp(said, "congestion") == 0;
    return series->pattern != NULL ? strncmp(series->pattern, said, length) == 0
                                   : rg_measurement_exclusive_pattern(said);
}

/* Whether a variant has all words that it would have by what is told; NULL: it is not known. */
static bool has_words(const char *variant, const char *told)
{
    static const char *const keys[] = {"data_type", "reduction", "group", "copy", "copy_by"};
    for (size_t i = 0; variant != NULL && i < sizeof keys / sizeof *keys; i++) {
        size_t length, word;
        const char *said = rg_namesakes_value(told, keys[i], &length), *at = variant;
        while (said != NULL && ((word = strcspn(at, " ,")) != length || strncmp(at, said, length) != 0)) {
            if (at[word] == '\0')
                return false;
            at += word + 1;
        }
    }
    return true;
}

bool rg_namesakes_fit(const char *told, const struct rg_series *series)
{
    char size[24], pairs[24];
    rg_args_format_bytes(series->size_bytes, size);
    snprintf(pairs, sizeof pairs, "%lld", (long long)series->queue_pairs);
    const char *const fields[][2] = {{"sizes_bytes", size}, {"direction", series->direction},
        {"memory", series->memory}, {"queue_pairs", series->queue_pairs == RG_NONE ? NULL : pairs}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i][1] != NULL && is_told_otherwise(told, fields[i][0], fields[i][1], strlen(fields[i][1])))
            return false;
    for (size_t i = 1; i < rg_settings_row_count && series->variant != NULL; i++) {
        size_t length;
        const char *key = rg_settings_rows[i].key, *value = rg_namesakes_value(series->variant, key, &length);
        if (value != NULL && is_told_otherwise(told, key, value, length))
            return false;
    }
    return is_of_pattern(told, series) && has_words(series->variant, told);
}
