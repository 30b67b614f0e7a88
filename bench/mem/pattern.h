/* The payload: every 8-byte word is a function of where it stands and of whose it is, so that a block that arrives in
 * the wrong place, from another flow, or from an earlier pass is seen. Plain C without headers of its own: kernels
 * include it too. */
#ifndef RG_MEM_PATTERN_H
#define RG_MEM_PATTERN_H

#include "base/shared.h"

#include <stdint.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): a
 * bijection in which each input bit changes about half of the output bits. */
RG_SHARED uint64_t rg_pattern_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* Stands for one pass of one flow of one run. */
RG_SHARED uint64_t rg_pattern_key(uint64_t seed, uint32_t source_rank, uint32_t pass)
{
    return rg_pattern_mix(seed ^ rg_pattern_mix(((uint64_t)source_rank << 32) | pass));
}

/* The word at byte offset 8 * index. */
RG_SHARED uint64_t rg_pattern_word(uint64_t key, uint64_t index)
{
    return rg_pattern_mix(key + (index + 1) * 0x9e3779b97f4a7c15ull);
}

#endif
