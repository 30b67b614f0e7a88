/* Times one all-reduce of each size given, under SimGrid's SMPI: a line "BYTES MICROSECONDS" for each, of the slowest
 * rank. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double time_one(int count)
{
    float *in = SMPI_SHARED_MALLOC((size_t)count * sizeof *in), *out = SMPI_SHARED_MALLOC((size_t)count * sizeof *out);
    double slowest = 0;
    MPI_Barrier(MPI_COMM_WORLD);
    double begun = MPI_Wtime();
    MPI_Allreduce(in, out, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    double took = MPI_Wtime() - begun;
    MPI_Reduce(&took, &slowest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    SMPI_SHARED_FREE(in);
    SMPI_SHARED_FREE(out);
    return slowest;
}

int main(int argc, char **argv)
{
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int i = 1; i < argc; i++) {
        long bytes = strtol(argv[i], NULL, 10);
        double took = time_one((int)(bytes / (long)sizeof(float)));
        if (rank == 0)
            printf("%ld %.4f\n", bytes, took * 1e6);
    }
    MPI_Finalize();
    return 0;
}
