#include "stat/tail.h"

#include <math.h>

/* The continued fraction of the incomplete beta function, Abramowitz and Stegun, "Handbook of Mathematical Functions",
 * 26.5.8, by the method of Lentz (Applied Optics 15, 1976). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m < 1000; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double term = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                              : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            value *= c * d;
        }
        if (fabs(c * d - 1) < 1e-12)
            break;
    }
    return value;
}

/* The regularized incomplete beta function I_x(a, b). */
static double beta_share(double x, double a, double b)
{
    if (x <= 0 || x >= 1)
        return x > 0;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double rg_tail_student(double t, double freedom)
{
    return beta_share(freedom / (freedom + t * t), freedom / 2, 0.5);
}

double rg_tail_student_quantile(double p, double freedom)
{
    double low = 0, high = 1;
    while (rg_tail_student(high, freedom) > p && high < 1e12)
        high *= 2;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (rg_tail_student(middle, freedom) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double rg_tail_binomial(double n, double k, double p)
{
    return k <= 0 ? 1 : beta_share(p, k, n - k + 1);
}
