/* The registry of backends, and the data that they reduce. */
#include "coll/collective.h"

#include "coll/backends.h"
#include "mem/pattern.h"

#include <errno.h>
#include <string.h>

static const struct rg_collective_ops *const backends[] = {&rg_collective_mpi};

/* As many ones as every type that we reduce can sum exactly: bfloat16 has 8 significant bits. */
#define ONES_MOST 128

static uint64_t ones_at(uint64_t seed, int ranks, uint64_t i)
{
    uint64_t most = (uint64_t)(ranks < ONES_MOST ? ranks : ONES_MOST);
    return rg_pattern_word(seed, i) % (most + 1);
}

float rg_collective_input(uint64_t seed, int ranks, int rank, uint64_t i)
{
    uint64_t place = ((uint64_t)rank + i) % (uint64_t)ranks;
    return place < ones_at(seed, ranks, i) ? 1.0f : 0.0f;
}

float rg_collective_sum(uint64_t seed, int ranks, uint64_t i)
{
    return (float)ones_at(seed, ranks, i);
}

int rg_collective_open(
    const char *backend, uint64_t bytes_each, uint64_t seed, struct rg_collective **out, struct rg_error *err)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(backends[i]->name, backend) == 0)
            return backends[i]->open(bytes_each, seed, out, err);
    return rg_fail(err, -EINVAL, "collectives over '%s' are not built in", backend);
}

void rg_collective_close(struct rg_collective *collective)
{
    if (collective != NULL)
        collective->ops->close(collective);
}

int rg_collective_run(struct rg_collective *collective, uint64_t until_ns, struct rg_error *err)
{
    return collective->ops->run(collective, until_ns, err);
}

void rg_collective_spoil(struct rg_collective *collective)
{
    for (uint64_t i = 0; i < collective->elements; i++)
        collective->output[i] = -1;
}

static uint64_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void rg_collective_verify(const struct rg_collective *collective, struct rg_collective_check *out)
{
    *out = (struct rg_collective_check){.elements_checked = collective->elements};
    for (uint64_t i = 0; i < collective->elements; i++) {
        uint64_t expected = bits_of(rg_collective_sum(collective->seed, collective->ranks, i));
        uint64_t got = bits_of(collective->output[i]);
        if (expected == got)
            continue;
        if (out->mismatches++ == 0) {
            out->first_offset_bytes = i * sizeof(float);
            out->expected = expected;
            out->got = got;
        }
    }
}

double rg_collective_bus_factor(int ranks)
{
    return 2.0 * (ranks - 1) / ranks;
}
