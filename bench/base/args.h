/* Option tables: one row gives parsing, range, --help, the man page and the key in JSON documents. */
#ifndef RG_BASE_ARGS_H
#define RG_BASE_ARGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An integer that is not known or was left open (JSON null); a number is NAN then and a text NULL. */
#define RG_NONE INT64_MIN

#define RG_SIZES_MOST 512

/* Message sizes in bytes, or other whole numbers, in the order given. */
struct rg_sizes {
    uint32_t count;
    int64_t bytes[RG_SIZES_MOST];
};

enum rg_option_type {
    RG_FLAG,    /* bool; `--name`, `--name=yes`, `--name=no` */
    RG_INTEGER, /* int64_t */
    RG_BYTES,   /* int64_t; 4096, 64K, 8M, 1G (powers of 1024) */
    RG_NUMBER,  /* double */
    RG_CHOICE,  /* const char *, one of the row's choices */
    RG_TEXT,    /* const char *, not empty */
    RG_SIZES,   /* struct rg_sizes; `4K`, `64,4K,1M` or `1:64K` (times 2) or `1:64K:4` (times 4) */
    RG_COUNTS,  /* the same of whole numbers: `2,16,256`, `2:256` */
    RG_MAYBE,   /* int64_t: 0, 1 or RG_NONE; in documents only */
    RG_NUMBERS, /* struct rg_numbers; in documents only */
};

/* A malloc'd array; {NULL, 0} stands for null. */
struct rg_numbers {
    double *values;
    size_t count;
};

struct rg_option {
    const char *name; /* on the command line; NULL: only in documents */
    const char *key;  /* in JSON; NULL: only on the command line */
    enum rg_option_type type;
    size_t offset;        /* of the field in the target structure */
    double min, max;      /* of integers, bytes, numbers and sizes */
    const char *fallback; /* the default as text; NULL: none (RG_NONE, NULL, false) */
    const char *metavar;
    const char *help;           /* ends in a full stop; the default is added to it */
    const char *const *choices; /* NULL-terminated */
    char letter;                /* '\0': none */
    bool hidden;                /* for tests; in no help */
    bool nullable;              /* in JSON it may be null */
    bool required;              /* in JSON it must be there */
};

/* Options that are stored in one structure. */
struct rg_option_group {
    const char *title;
    const struct rg_option *rows;
    size_t count;
    void *target;
};

#define RG_GROUPS_MOST 4

/* A command line as it is typed, and what it does. */
struct rg_example {
    const char *line, *does;
};

struct rg_command {
    const char *name; /* "run" */
    const char *synopsis;
    const char *summary;               /* one line, lower case, no full stop */
    const char *description;           /* paragraphs parted by an empty line */
    const char *notes;                 /* the same, after the options; may be NULL */
    const struct rg_example *examples; /* the last one's line is NULL; may be NULL */
    struct rg_option_group groups[RG_GROUPS_MOST];
    size_t group_count;
};

#define RG_GIVEN_MOST 128

/* What the command line held. */
struct rg_args {
    struct {
        const struct rg_option *row;
        const char *text;
    } given[RG_GIVEN_MOST];
    size_t given_count;
    char **words; /* positional arguments, into argv */
    int word_count;
    char **rest; /* what followed `--`, into argv */
    int rest_count;
    bool help; /* --help was given; nothing else was checked */
    bool man;  /* likewise the hidden --man */
};

/* Sets every field of the group's target to its default. */
void rg_args_defaults(const struct rg_option_group *group);

/* Parses text by the row's type and range into its field of target. -EINVAL with a message that names the option. */
int rg_args_set(const struct rg_option *row, void *target, const char *text, struct rg_error *err);

/* Parses argv[1..] into the groups' targets, which hold defaults already; permutes argv. -EINVAL with a message. */
int rg_args_parse(const struct rg_command *command, int argc, char **argv, struct rg_args *out, struct rg_error *err);

/* Whether the option of that name was given. */
bool rg_args_given(const struct rg_args *args, const char *name);

void rg_args_print_help(const struct rg_command *command, FILE *out);

/* The same as a man page in roff. */
void rg_args_print_man(const struct rg_command *command, FILE *out);

/* "64K", "4096", "1.5G" is refused. Writes bytes; -EINVAL with a message. */
int rg_args_parse_bytes(const char *text, int64_t *out, struct rg_error *err);

/* The shortest exact form, as options take it: 65536 -> "64K". */
const char *rg_args_format_bytes(int64_t bytes, char out[24]);

/* The same for a sentence, where a number alone would be of anything: 1000 -> "1000 B". */
const char *rg_args_say_bytes(int64_t bytes, char out[24]);

#endif
