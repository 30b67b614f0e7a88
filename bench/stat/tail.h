/* Tails of distributions. Pure. */
#ifndef RG_STAT_TAIL_H
#define RG_STAT_TAIL_H

/* That |t| of Student's distribution is at least as large. freedom > 0. */
double rg_tail_student(double t, double freedom);

/* The t that rg_tail_student gives p for. */
double rg_tail_student_quantile(double p, double freedom);

/* That of n trials with chance p each at least k come true. */
double rg_tail_binomial(double n, double k, double p);

#endif
