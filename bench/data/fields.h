/* Short forms for the tables of documents; for the files of data/ alone. */
#ifndef RG_DATA_FIELDS_H
#define RG_DATA_FIELDS_H

#include "data/json.h"

#define RG_FIELD_COUNT(array) (sizeof(array) / sizeof *(array))
#define RG_FIELD_MOST 9007199254740992.0 /* 2^53 */

/* Rows of the structure S: a name is both the JSON key and the member. */
#define RG_FIELD_AT(member) .offset = offsetof(struct S, member), .required = true
#define RG_FIELD_TEXT(member)                                                                                          \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, RG_FIELD_AT(member)                                                           \
    }
#define RG_FIELD_TEXT_OR_NULL(member)                                                                                  \
    {                                                                                                                  \
        .key = #member, .type = RG_TEXT, RG_FIELD_AT(member), .nullable = true                                         \
    }
#define RG_FIELD_WORD(member, words)                                                                                   \
    {                                                                                                                  \
        .key = #member, .type = RG_CHOICE, RG_FIELD_AT(member), .choices = (words)                                     \
    }
#define RG_FIELD_WORD_OR_NULL(member, words)                                                                           \
    {                                                                                                                  \
        .key = #member, .type = RG_CHOICE, RG_FIELD_AT(member), .choices = (words), .nullable = true                   \
    }
#define RG_FIELD_COUNTED(member)                                                                                       \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, RG_FIELD_AT(member), .min = 0, .max = RG_FIELD_MOST                        \
    }
#define RG_FIELD_COUNTED_OR_NULL(member)                                                                               \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, RG_FIELD_AT(member), .min = 0, .max = RG_FIELD_MOST, .nullable = true      \
    }
#define RG_FIELD_RAIL(member)                                                                                          \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, RG_FIELD_AT(member), .min = 0, .max = 63                                   \
    }
#define RG_FIELD_RAIL_OR_NULL(member)                                                                                  \
    {                                                                                                                  \
        .key = #member, .type = RG_INTEGER, RG_FIELD_AT(member), .min = 0, .max = 63, .nullable = true                 \
    }
#define RG_FIELD_FLAG(member)                                                                                          \
    {                                                                                                                  \
        .key = #member, .type = RG_FLAG, RG_FIELD_AT(member)                                                           \
    }
#define RG_FIELD_REAL(member)                                                                                          \
    {                                                                                                                  \
        .key = #member, .type = RG_NUMBER, RG_FIELD_AT(member), .min = 0, .max = 1e300                                 \
    }
#define RG_FIELD_REAL_OR_NULL(member)                                                                                  \
    {                                                                                                                  \
        .key = #member, .type = RG_NUMBER, RG_FIELD_AT(member), .min = 0, .max = 1e300, .nullable = true               \
    }
#define RG_FIELD_SHAPE(rows_)                                                                                          \
    {                                                                                                                  \
        .rows = (rows_), .row_count = RG_FIELD_COUNT(rows_)                                                            \
    }

#endif
