/* The host's own functions, for what runs the kernels' PTX to be held against. */
#include "coll/elements.h"

uint64_t reference_word(uint64_t key, uint64_t index);
uint32_t reference_input(const struct rg_elements *elements, uint64_t index);
uint32_t reference_output(const struct rg_elements *elements, uint64_t index);
uint64_t reference_gotten(const struct rg_elements *elements);
uint64_t reference_given(const struct rg_elements *elements);

uint64_t reference_word(uint64_t key, uint64_t index)
{
    return rg_pattern_word(key, index);
}

uint32_t reference_input(const struct rg_elements *elements, uint64_t index)
{
    return rg_elements_input(elements, index);
}

uint32_t reference_output(const struct rg_elements *elements, uint64_t index)
{
    return rg_elements_output(elements, index);
}

uint64_t reference_gotten(const struct rg_elements *elements)
{
    return rg_elements_gotten(elements);
}

uint64_t reference_given(const struct rg_elements *elements)
{
    return rg_elements_given(elements);
}
