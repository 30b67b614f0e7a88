/* Numbers that look random and are a function of what they are for: the same on every machine, in any order. */
#ifndef RG_FLEET_RANDOM_H
#define RG_FLEET_RANDOM_H

#include <math.h>
#include <stdint.h>

/* The finalizer of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
static inline uint64_t rg_random_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* One more thing that the number is for. */
static inline uint64_t rg_random_with(uint64_t seed, uint64_t what)
{
    return rg_random_mix(seed ^ rg_random_mix(what));
}

/* In [0,1). */
static inline double rg_random_share(uint64_t number)
{
    return (double)(number >> 11) * 0x1p-53;
}

/* Of the standard normal distribution (Box and Muller, 1958). */
static inline double rg_random_normal(uint64_t number)
{
    double radius = sqrt(-2 * log(1 - rg_random_share(number)));
    return radius * cos(2 * M_PI * rg_random_share(rg_random_mix(number)));
}

#endif
