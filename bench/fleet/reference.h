/* What a healthy flow has, when some are not healthy. Pure. */
#ifndef RG_FLEET_REFERENCE_H
#define RG_FLEET_REFERENCE_H

#include <stddef.h>

/* The rate that healthy flows of one kind have, and the relative standard deviation of their noise, from the rates of
 * all, healthy or not. Faults only slow flows down, so the healthy ones are the uppermost cluster: those within `width`
 * (a share, such as 0.1) of the 95th percentile, or, where hardly anybody is there, of the next lower rate that has
 * company. Told are their median, and the scaled median deviation of those above it: what lies below may be faulty. The
 * cluster is widened to what that noise asks for. count must be at least 1. Sorts rates. */
void rg_reference_find(double *rates, size_t count, double width, double *healthy, double *noise);

/* A width for it, where faults take `least_loss` (a share) of a rate or more. */
double rg_reference_width(double least_loss);

#endif
