/* What collectives cost, by the model of latency and bandwidth of Hockney ("The communication challenge for MPP",
 * Parallel Computing 20, 1994): with p ranks and m bytes, steps(p) messages one after the other, each with the latency
 * a, and volume(p) m bytes, each with the time b; what a reduction takes is in b. The algorithms are those of Thakur,
 * Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", IJHPCA 19 (2005). Where p is
 * no power of two they take a little longer. Pure. */
#ifndef RG_JUDGE_COST_H
#define RG_JUDGE_COST_H

struct rg_cost {
    const char *test, *algorithm, *formula;
    double (*steps)(double ranks), (*volume)(double ranks);
    double (*bus)(double ranks); /* bytes of bus bandwidth for a byte of the buffer, as nccl-tests counts */
};

/* In the order of the tests; the last one's test is NULL. */
extern const struct rg_cost rg_cost_table[];

/* Bytes of bus bandwidth for a byte of the buffer, of a test that is in the table. */
double rg_cost_bus(const char *test, double ranks);

#endif
