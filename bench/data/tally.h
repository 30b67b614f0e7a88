/* Rows of a verdict put together: by point, and by part of the fleet. What a large run's reports are written from, and
 * what stays small however many rows there are. */
#ifndef RG_DATA_TALLY_H
#define RG_DATA_TALLY_H

#include "data/json.h"
#include "data/texts.h"

struct rg_row;

enum rg_status {
    RG_PASS,
    RG_FAIL,
    RG_NOISY,       /* measured on both sides of the threshold */
    RG_UNSUPPORTED, /* the device cannot do it */
    RG_NOT_RUN,     /* there is no measurement that counts */
    RG_UNJUDGED,    /* measured, with nothing to hold it against */
    RG_STATUSES,
};

/* A test at a size: rows of one point are alike in all that a figure depends on but the place. */
struct rg_test_point {
    const char *test, *direction, *memory, *variant, *pattern, *scope, *metric;
    int64_t size_bytes, queue_pairs, test_index; /* test_index: of the first row */
    size_t rows, measured, counts[RG_STATUSES];
    double least, median, most, mad; /* of what was measured; NAN before rg_points_sum_up, and where nothing was */
    float *values;                   /* of what was measured */
    size_t room;
};

/* Zeroed: empty. The texts are the rows'. */
struct rg_points {
    struct rg_test_point *at;
    size_t count, room;
};

#define RG_NO_POINT SIZE_MAX

/* The point that a row is of, without any row. */
struct rg_test_point rg_point_of(const struct rg_row *row);

/* "rdma_write_bw 64K one_way, incast": in a sentence on what was measured. */
void rg_point_say(const struct rg_test_point *point, char *out, size_t room);

/* The place of a row's point in the list; RG_NO_POINT: not there. */
size_t rg_points_find(const struct rg_points *points, const struct rg_row *row);

/* The same, added where it was not there; RG_NO_POINT without memory. */
size_t rg_points_place(struct rg_points *points, const struct rg_row *row);

/* "memory cuda, here host; 8 queue pairs, here 1": how a point of elsewhere differs from one here; empty: in nothing
 * that both tell. */
void rg_points_differ(const struct rg_test_point *there, const struct rg_test_point *here, char *out, size_t room);

/* Adds a row's status, and its figure if it has one. -ENOMEM without a message. */
int rg_point_add(struct rg_test_point *point, const struct rg_row *row);

/* Least, median, most, and the median absolute deviation from the median. */
int rg_points_sum_up(struct rg_points *points);
void rg_points_close(struct rg_points *points);

/* What one side of a node's rail (or of the node, or a group of ranks) did at a point, in all rows that it is in. */
struct rg_side {
    size_t point;
    const char *node, *peer_node; /* peer_node: of a pair of nodes in a collective */
    const char *side;             /* tx, rx; NULL: it has no sides */
    int64_t rail;
    uint32_t rows, counts[RG_STATUSES];
    uint32_t let_off; /* of the rows: did not pass, for which the other end is to blame; they count for nothing else */
    double worst, expected, threshold, tolerance_percent; /* of the row that did worst; NAN: there is none */
    double worst_nominal_percent, worst_ceiling_percent;
    enum rg_status status; /* of the row that did worst */
    char *reason;          /* its reason; owned; NULL: the figures say it */
    const char *source;
};

struct rg_sides {
    struct rg_side *at;
    size_t count, room;
    uint32_t *slots; /* by hash: place in at + 1 */
    size_t slot_room;
};

/* What the row is about: a flow's sender (first) and its receiver, a node and the one that it met. */
enum rg_laid { RG_LAID_TO_BOTH, RG_LAID_TO_FIRST, RG_LAID_TO_SECOND };

/* Adds a row of the point to the sides that it is about; one that it is not laid to is let off. -ENOMEM without a
 * message. */
int rg_sides_add(struct rg_sides *sides, size_t point, const struct rg_row *row, enum rg_laid laid);
void rg_sides_close(struct rg_sides *sides);

/* How bad a status is: fail most, then noisy, not run, unsupported, pass, unjudged. */
int rg_status_weight(enum rg_status status);

#endif
