/* What a preflight found on a node: the document `check`. */
#ifndef RG_DATA_PREFLIGHT_H
#define RG_DATA_PREFLIGHT_H

#include "data/json.h"

enum rg_preflight_status {
    RG_PREFLIGHT_PASS,
    RG_PREFLIGHT_WARN,
    RG_PREFLIGHT_FAIL,
    RG_PREFLIGHT_NOT_RUN,
    RG_PREFLIGHT_STATUSES
};

extern const char *const rg_preflight_words[]; /* by status; NULL-terminated */

/* One check. Texts are one line each, of printable ASCII. */
struct rg_preflight_row {
    char check[32]; /* its name */
    enum rg_preflight_status status;
    bool decides;       /* on the exit status; not a check that warns at most, nor one of what the node has none of */
    char found[1024];   /* of a check that was not run: why */
    char expected[256]; /* "" where it was not run */
    char mend[640];     /* what to do; "" unless there is something to mend */
};

/* By what other nodes reach this one: an RDMA port that is active and has an address or, where no RDMA is expected, the
 * network interface that the node's name leads to. */
struct rg_preflight_rail {
    char name[80], address[48], netdev[32];
    int64_t netdev_mtu_bytes;
};

struct rg_preflight {
    char node[256];
    const char *machine; /* the name of what is expected; NULL: nothing in particular */
    bool quick;
    struct rg_preflight_row *rows;
    int row_count;
    struct rg_preflight_rail *rails;
    int rail_count;
    cJSON *root; /* of one that was read */
};

void rg_preflight_count(const struct rg_preflight *preflight, int counts[RG_PREFLIGHT_STATUSES]);

/* 0: all pass, or warn; 1: one fails; 3: one that decides could not be run. */
int rg_preflight_exit_status(const struct rg_preflight *preflight);

/* The document as text, malloc'd; on one line, or on many for people. */
char *rg_preflight_json(const struct rg_preflight *preflight, bool one_line);

/* Another row, all zero; NULL without memory. */
struct rg_preflight_row *rg_preflight_add(struct rg_preflight *preflight);

/* The one row of a node that could not be asked, for this reason. */
void rg_preflight_unreachable(struct rg_preflight_row *out, const char *reason);

/* Reads the document; name stands for it in messages. -EINVAL, -ENOMEM. Close it with rg_preflight_close. */
int rg_preflight_parse(const char *text, const char *name, struct rg_preflight *out, struct rg_error *err);

/* Takes a zeroed structure. */
void rg_preflight_close(struct rg_preflight *preflight);

#endif
