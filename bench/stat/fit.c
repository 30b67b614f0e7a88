#include "stat/fit.h"

#include "stat/tail.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MOST RG_FIT_TERMS_MOST

/* Relative errors below this are rounding, not noise. */
static const double least_deviation = 1e-9;

/* Inverts the symmetric matrix of the terms in use, by Gauss and Jordan; false where it is singular. Its diagonal is 1.
 */
static bool invert(const double matrix[MOST][MOST], const bool *used, size_t terms, double out[MOST][MOST])
{
    double left[MOST][MOST];
    memcpy(left, matrix, sizeof left);
    for (size_t i = 0; i < MOST; i++)
        for (size_t k = 0; k < MOST; k++)
            out[i][k] = i == k;
    for (size_t i = 0; i < terms; i++) {
        if (!used[i])
            continue;
        double pivot = left[i][i];
        if (!(pivot > 1e-10))
            return false;
        for (size_t k = 0; k < terms; k++) {
            left[i][k] /= pivot;
            out[i][k] /= pivot;
        }
        for (size_t row = 0; row < terms; row++) {
            double factor = left[row][i];
            if (row == i || !used[row])
                continue;
            for (size_t k = 0; k < terms; k++) {
                left[row][k] -= factor * left[i][k];
                out[row][k] -= factor * out[i][k];
            }
        }
    }
    return true;
}

/* The normal equations of relative errors, each term scaled to length 1. */
struct equations {
    double matrix[MOST][MOST], right[MOST], scale[MOST];
};

static bool set_up(const double (*x)[MOST], const double *y, size_t points, size_t terms, struct equations *out)
{
    *out = (struct equations){{{0}}, {0}, {0}};
    for (size_t k = 0; k < terms; k++) {
        for (size_t i = 0; i < points; i++)
            out->scale[k] += x[i][k] * x[i][k] / (y[i] * y[i]);
        out->scale[k] = sqrt(out->scale[k]);
        if (!(out->scale[k] > 0))
            return false;
    }
    for (size_t i = 0; i < points; i++)
        for (size_t k = 0; k < terms; k++) {
            double term = x[i][k] / y[i] / out->scale[k];
            out->right[k] += term;
            for (size_t j = 0; j < terms; j++)
                out->matrix[k][j] += term * x[i][j] / y[i] / out->scale[j];
        }
    return true;
}

/* Solves for the terms in use; those not in use are zero. */
static bool solve(const struct equations *e, const bool *used, size_t terms, double *value, double inverse[MOST][MOST])
{
    if (!invert(e->matrix, used, terms, inverse))
        return false;
    for (size_t k = 0; k < terms; k++) {
        value[k] = 0;
        for (size_t j = 0; used[k] && j < terms; j++)
            value[k] += used[j] ? inverse[k][j] * e->right[j] / e->scale[k] : 0;
    }
    return true;
}

static double sum_at(const double *value, const double *x, size_t terms)
{
    double sum = 0;
    for (size_t k = 0; k < terms; k++)
        sum += value[k] * x[k];
    return sum;
}

int rg_fit_find(const double (*x)[MOST], const double *y, size_t points, size_t terms, struct rg_fit *out)
{
    struct equations e;
    bool used[MOST] = {true, true, true};
    double full[MOST], inverse[MOST][MOST], narrowed[MOST][MOST], squares = 0;
    *out = (struct rg_fit){.points = points, .terms = terms};
    if (terms > MOST || points < terms + 2 || !set_up(x, y, points, terms, &e) ||
        !solve(&e, used, terms, full, inverse))
        return -EINVAL;
    memcpy(out->value, full, sizeof full);
    for (size_t tries = 0; tries < terms; tries++) {
        size_t lowest = 0;
        for (size_t k = 1; k < terms; k++)
            if (out->value[k] * e.scale[k] < out->value[lowest] * e.scale[lowest])
                lowest = k;
        if (out->value[lowest] >= 0)
            break;
        used[lowest] = false;
        if (!solve(&e, used, terms, out->value, narrowed))
            return -EINVAL;
    }
    for (size_t i = 0; i < points; i++)
        squares += pow(1 - sum_at(out->value, x[i], terms) / y[i], 2);
    out->freedom = (double)(points - terms);
    out->deviation = fmax(sqrt(squares / out->freedom), least_deviation);
    double n = (double)points, reach = rg_tail_student_quantile(0.05, out->freedom), parameters = (double)terms + 1;
    out->aicc = n * log(fmax(squares / n, least_deviation * least_deviation)) + 2 * parameters;
    out->aicc += n > parameters + 1 ? 2 * parameters * (parameters + 1) / (n - parameters - 1) : INFINITY;
    for (size_t k = 0; k < terms; k++) {
        for (size_t j = 0; j < terms; j++)
            out->covariance[k][j] = out->deviation * out->deviation * inverse[k][j] / e.scale[k] / e.scale[j];
        double half = reach * sqrt(out->covariance[k][k]), centre = used[k] ? out->value[k] : full[k];
        out->low[k] = fmax(centre - half, 0);
        out->high[k] = fmax(centre + half, 0);
    }
    return 0;
}

double rg_fit_at(const struct rg_fit *fit, const double x[MOST], double *low, double *high)
{
    double value = sum_at(fit->value, x, fit->terms), variance = pow(value * fit->deviation, 2);
    for (size_t k = 0; k < fit->terms; k++)
        for (size_t j = 0; j < fit->terms; j++)
            variance += x[k] * fit->covariance[k][j] * x[j];
    double half = rg_tail_student_quantile(0.05, fit->freedom) * sqrt(fmax(variance, 0));
    *low = fmax(value - half, 0);
    *high = value + half;
    return value;
}
