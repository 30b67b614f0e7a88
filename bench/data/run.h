/* A run: who measured what with what, and how it ended (run.json). */
#ifndef RG_DATA_RUN_H
#define RG_DATA_RUN_H

#include "data/fabric.h"
#include "data/gpu.h"
#include "data/suite.h"

/* What a node is. The environment is recorded by this list alone, never as a whole. */
struct rg_node_facts {
    const char *node, *kernel, *os, *cpu_model, *mpi, *rdma_core, *tcp_congestion;
    int64_t cpus, numa_nodes, memory_bytes, leaf; /* leaf: which block of the fabric it hangs on; RG_NONE: not known */
};

/* One rail of a node: the NIC that one rank drives. Everything but rail, rank and soft may be null. */
struct rg_rail_facts {
    const char *gpu, *gpu_distance, *gpu_why; /* PCI address; how near the NIC; why none, or no hardware */
    int64_t gpu_device;                       /* CUDA ordinal; RG_NONE: no GPU */
    int64_t gpu_numa_node;                    /* RG_NONE: no GPU, or not known */
    const char *device, *netdev, *driver, *firmware, *gid, *gid_type, *link_layer, *port_state, *pci_address;
    int64_t rail, rank, port, gid_index, active_mtu_bytes, netdev_mtu_bytes, numa_node;
    double link_gbps; /* null for software RDMA, whose rate is made up */
    bool soft;
    bool has_gpu_facts;
    struct rg_gpu_facts gpu_facts;
};

struct rg_rank_facts {
    struct rg_node_facts node;
    struct rg_rail_facts rail;
    cJSON *root; /* holds the texts of one that was read from a line; NULL otherwise */
};

/* What a run was asked for besides its suite, so that it can be taken up again just so. */
struct rg_run_options {
    const char *mpirun;      /* the program */
    char **mpirun_options;   /* the user's own; NULL-terminated, malloc'd */
    int64_t max_lost;        /* nodes; RG_NONE: no limit */
    double start_timeout_s;  /* for the ranks to come up */
    int64_t check;           /* 1: each node is looked at before anything is measured; RG_NONE: it is not known */
    struct rg_fabric fabric; /* a simulated one as it was when the run began; nodes 0: none */
};

/* A rank that did not come. */
struct rg_lost_rank {
    const char *node, *where;
    int64_t rank, rail;
};

#define RG_RUN_ID_LENGTH 26

struct rg_run {
    const char *run_id, *version, *status, *incomplete_reason, *started_at, *ended_at, *machine, *hardware_reason;
    int64_t exit_status, seed, hardware; /* hardware: 0, 1 or RG_NONE while unknown */
    int64_t rounds_planned, rounds_done, measurements, ranks_per_node;
    const char *mpi_interface, *transport;
    bool has_options; /* false: simulated in one process, or recorded by a version that did not note them */
    struct rg_run_options options;
    double clock_error_us; /* NAN: not known */
    char **hosts;          /* NULL-terminated */
    char **mpirun;         /* argv, NULL-terminated */
    struct rg_suite suite;
    struct rg_rank_facts *ranks; /* by rank */
    size_t rank_count;
    struct rg_lost_rank *lost;
    size_t lost_count;
    cJSON *root; /* of one that was read; the arrays above are then the reader's to free */
};

/* Nodes of its ranks, which are in their order. */
size_t rg_run_nodes(const struct rg_run *run);

/* Writes DIRECTORY/run.json atomically. */
int rg_run_write(const struct rg_run *run, const char *directory, struct rg_error *err);

/* Reads DIRECTORY/run.json; close with rg_run_close. mpirun stays NULL. */
int rg_run_load(const char *directory, struct rg_run *out, struct rg_error *err);

/* -EINVAL unless it is the run's id that another file of its directory names. */
int rg_run_check_id(const struct rg_run *run, const char *run_id, struct rg_error *err);

/* Frees the suite, the hosts, the options, ranks and lost, and what was read; takes a zeroed structure. */
void rg_run_close(struct rg_run *run);

/* One line that tells a rank's facts to the front, and back. line is malloc'd. rg_rank_facts_close takes a zeroed
 * structure. */
char *rg_rank_facts_line(const struct rg_rank_facts *facts);
int rg_rank_facts_read(const char *line, struct rg_rank_facts *out, struct rg_error *err);
void rg_rank_facts_close(struct rg_rank_facts *facts);

/* Everything null. */
void rg_rank_facts_clear(struct rg_rank_facts *out);

/* A fresh id: the time in UTC and four random bytes, 20261122T093000Z-1a2b3c4d. */
void rg_run_new_id(char out[RG_RUN_ID_LENGTH]);

#endif
