#include "ctl/control.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PINGS 8
#define TEXT_AFTER_LENGTH_S 10.0
#define SPIN_NS 1000000
#define PAUSE_LEAST_NS 50000
#define PAUSE_MOST_NS 100000000
#define TAG_GATHER 1
#define TAG_BROADCAST 2
#define TAG_EXCHANGE 3
#define TAG_START 4

struct rg_control {
    int rank, size, local_rank;
    int *node_of;
    char (*names)[320]; /* by rank; NULL: not known yet */
    bool broken;        /* a deadline passed: a clean end of MPI would hang */
};

static int mpi_failed(struct rg_control *control, int status, const char *what, struct rg_error *err)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    control->broken = true;
    MPI_Error_string(status, text, &length);
    return rg_fail(err, -EIO, "%s: MPI said: %.*s", what, length, text);
}

int rg_control_open(int *argc, char ***argv, struct rg_control **out, struct rg_error *err)
{
    struct rg_control *control = calloc(1, sizeof *control);
    if (control == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    if (MPI_Init(argc, argv) != MPI_SUCCESS) {
        free(control);
        return rg_fail(err, -EIO, "MPI_Init failed");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &control->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &control->size);
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    control->local_rank = local ? (int)strtol(local, NULL, 10) : 0;
    *out = control;
    return 0;
}

void rg_control_close(struct rg_control *control)
{
    if (control == NULL)
        return;
    if (control->broken)
        MPI_Abort(MPI_COMM_WORLD, 1);
    else
        MPI_Finalize();
    free(control->node_of);
    free(control->names);
    free(control);
}

int rg_control_rank(const struct rg_control *control)
{
    return control->rank;
}

int rg_control_size(const struct rg_control *control)
{
    return control->size;
}

int rg_control_local_rank(const struct rg_control *control)
{
    return control->local_rank;
}

void rg_control_mpi_version(char *out, size_t room)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING], *from = version;
    int length = 0;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = '\0';
    if (strncmp(from, "Open MPI v", 10) == 0)
        from += 10;
    snprintf(out, room, "%s%s", from == version ? "" : "Open MPI ", from);
}

int rg_control_set_nodes(
    struct rg_control *control, const int *node_of, const struct rg_control_name *names, struct rg_error *err)
{
    control->node_of = calloc((size_t)control->size, sizeof *control->node_of);
    control->names = calloc((size_t)control->size, sizeof *control->names);
    if (control->node_of == NULL || control->names == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    for (int rank = 0; rank < control->size; rank++) {
        control->node_of[rank] = node_of[rank];
        snprintf(control->names[rank], sizeof control->names[rank], "rank %lld (%s, rail %lld)",
            (long long)names[rank].number, names[rank].node, (long long)names[rank].rail);
    }
    return 0;
}

const char *rg_control_name(const struct rg_control *control, int rank, char out[320])
{
    if (control->names == NULL)
        snprintf(out, 320, "rank %d", rank);
    else
        snprintf(out, 320, "%s", control->names[rank]);
    return out;
}

/* The longer the wait has been, the less often it looks: at most a tenth is added to it. */
static uint64_t pause_after(uint64_t waited_ns)
{
    uint64_t pause_ns = waited_ns / 10;
    if (pause_ns < PAUSE_LEAST_NS)
        return PAUSE_LEAST_NS;
    return pause_ns > PAUSE_MOST_NS ? PAUSE_MOST_NS : pause_ns;
}

/* Waits for all requests; done[i] tells which came. A request that has not is cancelled. */
static int wait_all(struct rg_control *control, int count, MPI_Request *requests, bool *done, uint64_t until_ns,
    const char *what, struct rg_error *err)
{
    int open = count;
    for (int i = 0; i < count; i++) {
        done[i] = requests[i] == MPI_REQUEST_NULL;
        open -= done[i];
    }
    uint64_t begin_ns = rg_clock_now_ns();
    while (open > 0) {
        for (int i = 0; i < count; i++) {
            int flag = 0;
            if (done[i])
                continue;
            int status = MPI_Test(&requests[i], &flag, MPI_STATUS_IGNORE);
            if (status != MPI_SUCCESS)
                return mpi_failed(control, status, what, err);
            done[i] = flag;
            open -= flag;
        }
        uint64_t now_ns = rg_clock_now_ns();
        if (open > 0 && now_ns > until_ns) {
            control->broken = true;
            for (int i = 0; i < count; i++)
                if (!done[i])
                    MPI_Cancel(&requests[i]);
            return -ETIMEDOUT;
        }
        if (open > 0 && now_ns - begin_ns > SPIN_NS)
            rg_clock_sleep_ns(pause_after(now_ns - begin_ns));
    }
    return 0;
}

/* One send or receive with a peer. */
static int wait_peer(struct rg_control *control, int peer, MPI_Request request, uint64_t until_ns, const char *what,
    struct rg_error *err)
{
    bool done;
    char name[320];
    int code = wait_all(control, 1, &request, &done, until_ns, what, err);
    if (code == -ETIMEDOUT)
        rg_fail(err, code, "%s: %s did not come in time", what, rg_control_name(control, peer, name));
    return code;
}

static int send_to(struct rg_control *control, int peer, int tag, const void *data, size_t bytes, uint64_t until_ns,
    const char *what, struct rg_error *err)
{
    MPI_Request request;
    if (bytes > INT_MAX)
        return rg_fail(err, -EMSGSIZE, "%s: %zu bytes are too many for one message", what, bytes);
    int status = MPI_Isend(data, (int)bytes, MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request);
    if (status != MPI_SUCCESS)
        return mpi_failed(control, status, what, err);
    return wait_peer(control, peer, request, until_ns, what, err);
}

static int receive_from(struct rg_control *control, int peer, int tag, void *data, size_t bytes, uint64_t until_ns,
    const char *what, struct rg_error *err)
{
    MPI_Request request;
    int status = MPI_Irecv(data, (int)bytes, MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request);
    if (status != MPI_SUCCESS)
        return mpi_failed(control, status, what, err);
    return wait_peer(control, peer, request, until_ns, what, err);
}

/* "end of round 3: rank 2 (node1, rail 0) and 1 more did not come in time" */
static int name_missing(const struct rg_control *control, const bool *missing, const char *what, struct rg_error *err)
{
    char list[640] = "", name[320];
    int count = 0;
    for (int rank = 0; rank < control->size; rank++) {
        if (!missing[rank])
            continue;
        size_t used = strlen(list);
        if (count++ < 4)
            snprintf(
                list + used, sizeof list - used, "%s%s", count > 1 ? ", " : "", rg_control_name(control, rank, name));
    }
    if (count > 4)
        snprintf(list + strlen(list), sizeof list - strlen(list), " and %d more", count - 4);
    return rg_fail(err, -ETIMEDOUT, "%s: %s did not come in time", what, list);
}

/* At rank 0: one message of known length from every other rank that is not missing already; then missing tells who did
 * not send. */
static int receive_each(struct rg_control *control, int tag, void *const *data, const int64_t *bytes, uint64_t until_ns,
    const char *what, bool *missing, struct rg_error *err)
{
    int code = 0;
    MPI_Request *requests = calloc((size_t)control->size, sizeof(MPI_Request));
    bool *done = calloc((size_t)control->size, sizeof *done);
    if (requests == NULL || done == NULL) {
        code = rg_fail(err, -ENOMEM, "no memory");
        goto out;
    }
    for (int rank = 0; rank < control->size; rank++) {
        requests[rank] = MPI_REQUEST_NULL;
        if (rank > 0 && !missing[rank])
            MPI_Irecv(data[rank], (int)bytes[rank], MPI_BYTE, rank, tag, MPI_COMM_WORLD, &requests[rank]);
    }
    code = wait_all(control, control->size, requests, done, until_ns, what, err);
    for (int rank = 0; rank < control->size; rank++)
        missing[rank] |= !done[rank];
out:
    free(requests);
    free(done);
    return code;
}

/* Lengths first, then the texts of those whose length came. */
static int gather_at_root(struct rg_control *control, const char *text, uint64_t until_ns, const char *what,
    char **texts, bool *missing, struct rg_error *err)
{
    size_t size = (size_t)control->size;
    int64_t *lengths = calloc(size, sizeof *lengths), *eights = calloc(size, sizeof *eights);
    void **places = calloc(size, sizeof *places);
    int code = lengths && places && eights ? 0 : rg_fail(err, -ENOMEM, "no memory");
    for (size_t rank = 0; code == 0 && rank < size; rank++) {
        places[rank] = &lengths[rank];
        eights[rank] = sizeof *lengths;
    }
    if (code == 0)
        code = receive_each(control, TAG_GATHER, places, eights, until_ns, what, missing, err);
    int lengths_code = code;
    for (size_t rank = 0; (code == 0 || code == -ETIMEDOUT) && rank < size; rank++) {
        texts[rank] = missing[rank] ? NULL : rank == 0 ? strdup(text) : calloc((size_t)lengths[rank] + 1, 1);
        places[rank] = texts[rank];
        if (texts[rank] == NULL && !missing[rank])
            code = rg_fail(err, -ENOMEM, "no memory");
    }
    if (code == 0 || code == -ETIMEDOUT)
        code = receive_each(
            control, TAG_GATHER, places, lengths, rg_clock_after_ns(TEXT_AFTER_LENGTH_S), what, missing, err);
    free(lengths);
    free(eights);
    free(places);
    return code == 0 ? lengths_code : code;
}

int rg_control_gather(struct rg_control *control, const char *text, uint64_t until_ns, const char *what, char ***texts,
    bool *missing, struct rg_error *err)
{
    *texts = NULL;
    if (control->rank != 0) {
        int64_t length = (int64_t)strlen(text);
        int code = send_to(control, 0, TAG_GATHER, &length, sizeof length, until_ns, what, err);
        return code == 0 ? send_to(control, 0, TAG_GATHER, text, (size_t)length, until_ns, what, err) : code;
    }
    memset(missing, 0, (size_t)control->size * sizeof *missing);
    *texts = calloc((size_t)control->size, sizeof **texts);
    int code = *texts ? gather_at_root(control, text, until_ns, what, *texts, missing, err)
                      : rg_fail(err, -ENOMEM, "no memory");
    return code == -ETIMEDOUT ? name_missing(control, missing, what, err) : code;
}

void rg_control_free_texts(const struct rg_control *control, char **texts)
{
    for (int rank = 0; texts != NULL && rank < control->size; rank++)
        free(texts[rank]);
    free(texts);
}

int rg_control_broadcast(
    struct rg_control *control, char **text, uint64_t until_ns, const char *what, struct rg_error *err)
{
    int64_t length = control->rank == 0 ? (int64_t)strlen(*text) : 0;
    if (control->rank == 0) {
        int code = 0;
        for (int rank = 1; code == 0 && rank < control->size; rank++) {
            code = send_to(control, rank, TAG_BROADCAST, &length, sizeof length, until_ns, what, err);
            if (code == 0)
                code = send_to(control, rank, TAG_BROADCAST, *text, (size_t)length, until_ns, what, err);
        }
        return code;
    }
    int code = receive_from(control, 0, TAG_BROADCAST, &length, sizeof length, until_ns, what, err);
    if (code != 0)
        return code;
    char *copy = calloc((size_t)length + 1, 1);
    if (copy == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    code = receive_from(control, 0, TAG_BROADCAST, copy, (size_t)length, until_ns, what, err);
    if (code != 0) {
        free(copy);
        return code;
    }
    *text = copy;
    return 0;
}

/* Two requests a swap: what arrives, then what leaves. */
static int begin_swaps(struct rg_control *control, const struct rg_swap *swaps, size_t count, size_t bytes,
    MPI_Request *requests, const char *what, struct rg_error *err)
{
    int status = MPI_SUCCESS;
    for (size_t i = 0; i < count; i++)
        requests[2 * i] = requests[2 * i + 1] = MPI_REQUEST_NULL;
    for (size_t i = 0; status == MPI_SUCCESS && i < count; i++) {
        status = MPI_Irecv(
            swaps[i].theirs, (int)bytes, MPI_BYTE, swaps[i].peer, TAG_EXCHANGE, MPI_COMM_WORLD, &requests[2 * i]);
        if (status == MPI_SUCCESS)
            status = MPI_Isend(
                swaps[i].mine, (int)bytes, MPI_BYTE, swaps[i].peer, TAG_EXCHANGE, MPI_COMM_WORLD, &requests[2 * i + 1]);
    }
    return status == MPI_SUCCESS ? 0 : mpi_failed(control, status, what, err);
}

int rg_control_exchange_all(struct rg_control *control, struct rg_swap *swaps, size_t count, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err)
{
    char name[320];
    MPI_Request *requests = calloc(2 * count + 1, sizeof(MPI_Request));
    bool *done = calloc(2 * count + 1, sizeof *done);
    int code = requests && done ? 0 : rg_fail(err, -ENOMEM, "no memory");
    if (code == 0)
        code = begin_swaps(control, swaps, count, bytes, requests, what, err);
    if (code == 0)
        code = wait_all(control, (int)(2 * count), requests, done, until_ns, what, err);
    for (size_t i = 0; done != NULL && i < count; i++) {
        swaps[i].came = done[2 * i] && done[2 * i + 1];
        if (code == -ETIMEDOUT && !swaps[i].came)
            rg_fail(err, code, "%s: %s did not come in time", what, rg_control_name(control, swaps[i].peer, name));
    }
    free(requests);
    free(done);
    return code;
}

int rg_control_exchange(struct rg_control *control, int peer, const void *mine, void *theirs, size_t bytes,
    uint64_t until_ns, const char *what, struct rg_error *err)
{
    struct rg_swap swap = {peer, mine, theirs, false};
    return rg_control_exchange_all(control, &swap, 1, bytes, until_ns, what, err);
}

/* --- the common start --- */

/* From rank 0: a ping to be answered with the time, or the start. */
struct start_message {
    uint64_t is_start;
    uint64_t at_ns; /* by the receiver's clock */
    double clock_error_us;
};
_Static_assert(sizeof(struct start_message) == 24, "a wire structure");

struct offset {
    int64_t ns; /* the node's clock less rank 0's */
    uint64_t round_trip_ns;
};

/* The offset of a node's clock, from the quickest of several pings to its first rank. */
static int measure_offset(struct rg_control *control, int leader, uint64_t until_ns, const char *what,
    struct offset *out, struct rg_error *err)
{
    struct start_message ping = {0};
    out->round_trip_ns = UINT64_MAX;
    for (int i = 0; i < PINGS; i++) {
        uint64_t theirs, before = rg_clock_now_ns();
        int code = send_to(control, leader, TAG_START, &ping, sizeof ping, until_ns, what, err);
        if (code == 0)
            code = receive_from(control, leader, TAG_START, &theirs, sizeof theirs, until_ns, what, err);
        if (code != 0)
            return code;
        uint64_t after = rg_clock_now_ns();
        if (after - before >= out->round_trip_ns)
            continue;
        out->round_trip_ns = after - before;
        out->ns = (int64_t)(theirs - (before + (after - before) / 2));
    }
    return 0;
}

/* The first rank on the same node. */
static int leader_of(const struct rg_control *control, int rank)
{
    int leader = 0;
    while (control->node_of[leader] != control->node_of[rank])
        leader++;
    return leader;
}

static int start_at_root(
    struct rg_control *control, uint64_t until_ns, const char *what, struct rg_start *out, struct rg_error *err)
{
    struct offset *offsets = calloc((size_t)control->size, sizeof *offsets);
    int code = offsets ? 0 : rg_fail(err, -ENOMEM, "no memory");
    uint64_t slowest = 0;
    for (int rank = 1; code == 0 && rank < control->size; rank++) {
        int leader = leader_of(control, rank);
        if (leader == rank)
            code = measure_offset(control, rank, until_ns, what, &offsets[rank], err);
        else
            offsets[rank] = offsets[leader];
        if (offsets[rank].round_trip_ns > slowest)
            slowest = offsets[rank].round_trip_ns;
    }
    /* Far enough ahead for every rank to hear of it. */
    uint64_t at_ns = rg_clock_now_ns() + 20000000 + 4 * slowest + (uint64_t)control->size * 20000;
    *out = (struct rg_start){at_ns, (double)slowest / 2 / 1e3};
    for (int rank = 1; code == 0 && rank < control->size; rank++) {
        struct start_message start = {1, at_ns + (uint64_t)offsets[rank].ns, out->clock_error_us};
        code = send_to(control, rank, TAG_START, &start, sizeof start, until_ns, what, err);
    }
    free(offsets);
    return code;
}

static int start_elsewhere(
    struct rg_control *control, uint64_t until_ns, const char *what, struct rg_start *out, struct rg_error *err)
{
    for (;;) {
        struct start_message message;
        int code = receive_from(control, 0, TAG_START, &message, sizeof message, until_ns, what, err);
        if (code != 0)
            return code;
        if (message.is_start) {
            *out = (struct rg_start){message.at_ns, message.clock_error_us};
            return 0;
        }
        uint64_t now = rg_clock_now_ns();
        code = send_to(control, 0, TAG_START, &now, sizeof now, until_ns, what, err);
        if (code != 0)
            return code;
    }
}

/* At rank 0: the first of the texts that tells of trouble, if any. */
static int read_troubles(const struct rg_control *control, char *const *texts, struct rg_error *err)
{
    for (int rank = 0; rank < control->size; rank++)
        if (texts != NULL && texts[rank] != NULL && texts[rank][0] != '\0')
            return rg_fail(err, -ETIMEDOUT, "%s", texts[rank]);
    return 0;
}

int rg_control_start(struct rg_control *control, const char *trouble, uint64_t until_ns, const char *what,
    struct rg_start *out, bool *missing, struct rg_error *err)
{
    char **texts;
    int code = rg_control_gather(control, trouble, until_ns, what, &texts, missing, err);
    if (code == 0 && control->rank == 0 && (code = read_troubles(control, texts, err)) != 0)
        control->broken = true;
    rg_control_free_texts(control, texts);
    if (code != 0)
        return code;
    uint64_t now_ns = rg_clock_now_ns();
    uint64_t later_ns = until_ns + (until_ns > now_ns ? until_ns - now_ns : 0);
    return control->rank == 0 ? start_at_root(control, later_ns, what, out, err)
                              : start_elsewhere(control, later_ns, what, out, err);
}
