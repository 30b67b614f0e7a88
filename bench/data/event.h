/* What rank 0 tells the front on its standard output, a line each: an event, or a measurement as it stands. */
#ifndef RG_DATA_EVENT_H
#define RG_DATA_EVENT_H

#include "data/json.h"

enum rg_event_kind {
    RG_EVENT_RANK,        /* text: the facts of a rank */
    RG_EVENT_READY,       /* all ranks are there; value: how many */
    RG_EVENT_ROUND,       /* round `round` begins; text: what it measures; value: seconds by which it must have ended */
    RG_EVENT_ROUND_DONE,  /* value: bound of the clocks' error in us */
    RG_EVENT_LOST,        /* rank `round` did not come; text: where */
    RG_EVENT_FAILED,      /* the run cannot begin or go on; text: why */
    RG_EVENT_ASK,         /* the plan is done: what should be measured again? */
    RG_EVENT_DONE,        /* everything was measured */
    RG_EVENT_MEASUREMENT, /* text: the line itself */
};

struct rg_event {
    enum rg_event_kind kind;
    int64_t round;
    double value;
    char *text; /* malloc'd when read; NULL if none */
};

/* malloc'd line; NULL without memory. */
char *rg_event_line(const struct rg_event *event);

/* -EINVAL when the line is no event of ours. The text is the caller's to free. */
int rg_event_read(const char *line, struct rg_event *out);

#endif
