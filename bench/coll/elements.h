/* What a collective is given and what it must give back, element by element, as a function of where the element stands:
 * nothing is stored, and the check is bit by bit. Plain C, for host and kernels alike.
 *
 * Reductions: few small numbers, so that every order of reduction is exact in every type; bfloat16 has 8 significant
 * bits, so no partial result exceeds 128. Which ranks hold which of them goes round with the element's index.
 *   sum, avg   m ones, the rest zeros; the sum is m (avg: m / n, exact where n is a power of two)
 *   prod       m twos, the rest ones; the product is 2^m
 *   min, max   b, b + 1, ... b + min(n - 1, 63); the least is b, the greatest the last of them
 * Data movements: bits of the pattern that memory is filled with, keyed by the rank that they come from. */
#ifndef RG_COLL_ELEMENTS_H
#define RG_COLL_ELEMENTS_H

#include "base/shared.h"
#include "mem/pattern.h"

#include <stdint.h>

enum rg_operation_kind {
    RG_ALL_REDUCE,
    RG_ALL_GATHER,
    RG_REDUCE_SCATTER,
    RG_BROADCAST, /* from rank 0 */
    RG_ALL_TO_ALL,
    RG_SEND_RECV, /* to the next rank, from the one before, in a ring */
};

enum rg_data_type { RG_FLOAT32, RG_BFLOAT16, RG_FLOAT16, RG_INT32, RG_UINT8 };

enum rg_reduction { RG_SUM, RG_PROD, RG_MIN, RG_MAX, RG_AVG };

/* One operation as one rank sees it. chunk: elements that a rank gives to each other (all_gather, reduce_scatter,
 * all_to_all), or all (the rest). */
struct rg_elements {
    enum rg_operation_kind operation;
    enum rg_data_type type;
    enum rg_reduction reduction;
    uint32_t ranks, rank;
    uint64_t chunk, seed;
};

RG_SHARED uint32_t rg_element_bytes(enum rg_data_type type)
{
    return type == RG_UINT8 ? 1 : type == RG_BFLOAT16 || type == RG_FLOAT16 ? 2 : 4;
}

/* The bits of value / divisor, which the type must be able to hold exactly; divisor: a power of two up to 2^14. */
RG_SHARED uint32_t rg_element_bits(enum rg_data_type type, uint32_t value, uint32_t divisor)
{
    uint32_t bits = 0, exponent = 127, rest = value;
    if (type == RG_INT32 || type == RG_UINT8 || value == 0)
        return value / divisor;
    /* float32: the leading one is implied, what follows it is the fraction. */
    while (rest >> 1 != 0) {
        rest >>= 1;
        exponent++;
    }
    bits = (value << (150 - exponent)) & 0x7fffffu;
    for (; divisor > 1; divisor >>= 1)
        exponent--;
    bits |= exponent << 23;
    if (type == RG_BFLOAT16)
        return bits >> 16;
    if (type == RG_FLOAT16)
        return ((exponent - 112) << 10) | ((bits >> 13) & 0x3ffu);
    return bits;
}

/* Elements at a rank before the operation, and after it. */
RG_SHARED uint64_t rg_elements_given(const struct rg_elements *e)
{
    int spread = e->operation == RG_REDUCE_SCATTER || e->operation == RG_ALL_TO_ALL;
    return spread ? e->chunk * e->ranks : e->chunk;
}

RG_SHARED uint64_t rg_elements_gotten(const struct rg_elements *e)
{
    int gathered = e->operation == RG_ALL_GATHER || e->operation == RG_ALL_TO_ALL;
    return gathered ? e->chunk * e->ranks : e->chunk;
}

/* What rank `from` holds at index i of a movement. */
RG_SHARED uint32_t rg_elements_moved(const struct rg_elements *e, uint32_t from, uint64_t i)
{
    uint32_t word = (uint32_t)rg_pattern_word(rg_pattern_key(e->seed, from, 0), i);
    uint32_t bytes = rg_element_bytes(e->type);
    return bytes == 4 ? word : word & ((1u << (8 * bytes)) - 1);
}

/* How many ranks hold the greater number of a sum or product at index i. */
RG_SHARED uint32_t rg_elements_share(const struct rg_elements *e, uint64_t i, uint32_t most)
{
    return (uint32_t)(rg_pattern_word(e->seed, i) % ((e->ranks < most ? e->ranks : most) + 1));
}

/* What a rank adds to a reduction at index i. */
RG_SHARED uint32_t rg_elements_contributed(const struct rg_elements *e, uint64_t i)
{
    uint32_t place = (uint32_t)((e->rank + i) % e->ranks), value = 0;
    switch (e->reduction) {
    case RG_SUM:
    case RG_AVG:
        value = place < rg_elements_share(e, i, 128);
        break;
    case RG_PROD:
        value = place < rg_elements_share(e, i, 7) ? 2 : 1;
        break;
    case RG_MIN:
    case RG_MAX:
        value = (uint32_t)(rg_pattern_word(e->seed, i) % 64) + (place < 63 ? place : 63);
        break;
    }
    return rg_element_bits(e->type, value, 1);
}

/* What the reduction over all ranks must give at index i. */
RG_SHARED uint32_t rg_elements_reduced(const struct rg_elements *e, uint64_t i)
{
    uint32_t base = (uint32_t)(rg_pattern_word(e->seed, i) % 64), last = e->ranks - 1;
    switch (e->reduction) {
    case RG_SUM:
        return rg_element_bits(e->type, rg_elements_share(e, i, 128), 1);
    case RG_AVG:
        return rg_element_bits(e->type, rg_elements_share(e, i, 128), e->ranks);
    case RG_PROD:
        return rg_element_bits(e->type, 1u << rg_elements_share(e, i, 7), 1);
    case RG_MIN:
        return rg_element_bits(e->type, base, 1);
    case RG_MAX:
        return rg_element_bits(e->type, base + (last < 63 ? last : 63), 1);
    }
    return 0;
}

/* The bits of element i before the operation. */
RG_SHARED uint32_t rg_elements_input(const struct rg_elements *e, uint64_t i)
{
    int reduces = e->operation == RG_ALL_REDUCE || e->operation == RG_REDUCE_SCATTER;
    return reduces ? rg_elements_contributed(e, i) : rg_elements_moved(e, e->rank, i);
}

/* The bits of element i after it. */
RG_SHARED uint32_t rg_elements_output(const struct rg_elements *e, uint64_t i)
{
    switch (e->operation) {
    case RG_ALL_REDUCE:
        return rg_elements_reduced(e, i);
    case RG_REDUCE_SCATTER:
        return rg_elements_reduced(e, e->rank * e->chunk + i);
    case RG_ALL_GATHER:
        return rg_elements_moved(e, (uint32_t)(i / e->chunk), i % e->chunk);
    case RG_BROADCAST:
        return rg_elements_moved(e, 0, i);
    case RG_ALL_TO_ALL:
        return rg_elements_moved(e, (uint32_t)(i / e->chunk), e->rank * e->chunk + i % e->chunk);
    case RG_SEND_RECV:
        return rg_elements_moved(e, (e->rank + e->ranks - 1) % e->ranks, i);
    }
    return 0;
}

#endif
