/* Collectives by MPI on host memory: the processors' stand-in where there is no GPU. */
#include "coll/backends.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>

static void mpi_close(struct rg_collective *collective)
{
    free(collective->input);
    free(collective->output);
    free(collective);
}

static int mpi_open(uint64_t bytes_each, uint64_t seed, struct rg_collective **out, struct rg_error *err)
{
    if (bytes_each % sizeof(float) != 0 || bytes_each / sizeof(float) > INT_MAX)
        return rg_fail(err, -EOPNOTSUPP, "all_reduce of float32 needs a size that is a multiple of 4, at most 8G");
    struct rg_collective *collective = calloc(1, sizeof *collective);
    if (collective == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    collective->ops = &rg_collective_mpi;
    collective->elements = bytes_each / sizeof(float);
    collective->seed = seed;
    MPI_Comm_size(MPI_COMM_WORLD, &collective->ranks);
    MPI_Comm_rank(MPI_COMM_WORLD, &collective->rank);
    collective->input = calloc(collective->elements, sizeof(float));
    collective->output = calloc(collective->elements, sizeof(float));
    if (collective->input == NULL || collective->output == NULL) {
        mpi_close(collective);
        return rg_fail(err, -ENOMEM, "no host memory for %llu bytes", (unsigned long long)bytes_each);
    }
    for (uint64_t i = 0; i < collective->elements; i++)
        collective->input[i] = rg_collective_input(seed, collective->ranks, collective->rank, i);
    *out = collective;
    return 0;
}

static int mpi_failed(int status, struct rg_error *err)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(status, text, &length);
    return rg_fail(err, -EIO, "all_reduce: MPI said: %.*s", length, text);
}

/* Non-blocking, so that a rank that never comes costs a deadline and not the run. */
static int mpi_run(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err)
{
    MPI_Request request;
    int status = MPI_Iallreduce(
        collective->input, collective->output, (int)collective->elements, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
    int done = 0;
    while (status == MPI_SUCCESS && !done) {
        status = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (status == MPI_SUCCESS && !done && rg_clock_now_ns() > until_ns) {
            collective->input = collective->output = NULL; /* MPI may still use them */
            return rg_fail(err, -ETIMEDOUT, "all_reduce did not end in time");
        }
    }
    return status == MPI_SUCCESS ? 0 : mpi_failed(status, err);
}

const struct rg_collective_ops rg_collective_mpi = {
    .name = "mpi",
    .open = mpi_open,
    .close = mpi_close,
    .run = mpi_run,
};
