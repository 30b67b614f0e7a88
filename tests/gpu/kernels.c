/* The kernels on a device, held against the functions that the host itself uses. Prints what is not so, and how much
 * was compared; exits with 1 if anything is not so, and with 2 where a call failed. */
#include "kernels/kernels.h"
#include "coll/elements.h"
#include "mem/pattern.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS ((1u << 20) + 12345) /* more than a grid has threads */
#define CHUNK 3001u
#define RANKS 4u
#define KEY 99u

static int failures, kinds;

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    printf("not so: %s\n", what);
    failures++;
}

static void must(int status, const char *what)
{
    if (status == cudaSuccess)
        return;
    printf("%s: %s\n", what, cudaGetErrorString((cudaError_t)status));
    exit(2);
}

static void *device_bytes(size_t bytes)
{
    void *there;
    must(cudaMalloc(&there, bytes), "cudaMalloc");
    return there;
}

static void read_back(void *here, const void *there, size_t bytes)
{
    must(cudaDeviceSynchronize(), "the kernel");
    must(cudaMemcpy(here, there, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

static void change(void *there, size_t at, unsigned char bits)
{
    unsigned char byte;
    read_back(&byte, (char *)there + at, 1);
    byte ^= bits;
    must(cudaMemcpy((char *)there + at, &byte, 1, cudaMemcpyHostToDevice), "cudaMemcpy");
}

static struct rg_kernel_found *nothing_found(struct rg_kernel_found *there)
{
    const struct rg_kernel_found none = {0, UINT64_MAX};
    must(cudaMemcpy(there, &none, sizeof none, cudaMemcpyHostToDevice), "cudaMemcpy");
    return there;
}

static bool finds(const uint64_t *words, uint64_t blocks, uint64_t bytes, uint64_t stride_bytes,
    struct rg_kernel_found *there, uint64_t mismatches, uint64_t first)
{
    struct rg_kernel_found found;
    must(rg_kernel_verify(words, KEY, 0, blocks, bytes, stride_bytes, nothing_found(there), NULL), "verify");
    read_back(&found, there, sizeof found);
    return found.mismatches == mismatches && found.first_index == first;
}

static void check_words(struct rg_kernel_found *there)
{
    uint64_t *words = device_bytes(WORDS * 8), *here = malloc(WORDS * 8);
    must(here == NULL ? cudaErrorMemoryAllocation : rg_kernel_fill(words, WORDS, KEY, NULL), "fill");
    read_back(here, words, WORDS * 8);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < WORDS; i++)
        wrong += here[i] != rg_pattern_word(KEY, i);
    expect(wrong == 0, "fill writes the host's pattern");
    expect(finds(words, 1, WORDS * 8, WORDS * 8, there, 0, UINT64_MAX), "what was filled verifies");
    change(words, 8 * (1u << 20) + 7, 1);
    change(words, 8 * 100, 128);
    expect(finds(words, 1, WORDS * 8, WORDS * 8, there, 2, 100), "both changes are counted, the first is named");
    change(words, 8 * 100, 128);
    change(words, 64 * 7 + 13, 255);
    expect(finds(words, 50, 13, 64, there, 0, UINT64_MAX), "a byte behind the end of its block does not count");
    change(words, 64 * 7 + 12, 255);
    expect(finds(words, 50, 13, 64, there, 1, 8 * 7 + 1), "the last byte of a block counts");
    free(here);
    must(cudaFree(words), "cudaFree");
}

/* From and to addresses that allow of wide loads, and of narrow ones alone; a byte behind the end stays. */
static void check_copy(size_t bytes, size_t from_at, size_t to_at)
{
    char *from = device_bytes(bytes + 64), *to = device_bytes(bytes + 64), *a = malloc(bytes), *b = malloc(bytes + 1);
    must(a == NULL || b == NULL ? cudaErrorMemoryAllocation
                                : rg_kernel_fill((uint64_t *)(void *)from, (bytes + 64) / 8, KEY, NULL),
        "fill");
    must(cudaMemset(to, 0x5a, bytes + 64), "cudaMemset");
    must(rg_kernel_copy(to + to_at, from + from_at, bytes, NULL), "copy");
    read_back(a, from + from_at, bytes);
    read_back(b, to + to_at, bytes + 1);
    expect(memcmp(a, b, bytes) == 0, "copies are whole");
    expect(b[bytes] == 0x5a, "copies end where they should");
    free(a);
    free(b);
    must(cudaFree(from), "cudaFree");
    must(cudaFree(to), "cudaFree");
}

static uint64_t elements_found(const void *there, const struct rg_elements *e, struct rg_kernel_found *found_there)
{
    struct rg_kernel_found found;
    uint64_t count = rg_elements_gotten(e);
    must(rg_kernel_elements_check(there, e, 0, count, nothing_found(found_there), NULL), "elements check");
    read_back(&found, found_there, sizeof found);
    return found.mismatches == 0 ? count : found.mismatches == 1 ? found.first_index : UINT64_MAX;
}

static void check_elements(const struct rg_elements *e, struct rg_kernel_found *found_there)
{
    uint32_t bytes = rg_element_bytes(e->type);
    uint64_t given = rg_elements_given(e), gotten = rg_elements_gotten(e), wrong = 0;
    size_t room = (size_t)(given > gotten ? given : gotten) * bytes;
    char *there = device_bytes(room), *here = malloc(room);
    must(here == NULL ? cudaErrorMemoryAllocation : rg_kernel_elements_fill(there, e, 0, given, NULL), "elements fill");
    read_back(here, there, given * bytes);
    for (uint64_t i = 0; i < given; i++) {
        uint32_t expected = rg_elements_input(e, i);
        wrong += memcmp(&here[i * bytes], &expected, bytes) != 0;
    }
    expect(wrong == 0, "inputs are the host's");
    for (uint64_t i = 0; i < gotten; i++) {
        uint32_t right = rg_elements_output(e, i);
        memcpy(&here[i * bytes], &right, bytes);
    }
    must(cudaMemcpy(there, here, gotten * bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    expect(elements_found(there, e, found_there) == gotten, "the right result passes");
    change(there, (gotten / 2) * bytes, 1);
    expect(elements_found(there, e, found_there) == gotten / 2, "a wrong element is found where it is");
    free(here);
    must(cudaFree(there), "cudaFree");
    kinds++;
}

int main(void)
{
    struct rg_kernel_found *found = device_bytes(sizeof *found);
    check_words(found);
    check_copy((16u << 20) + 16 * 777 + 5, 0, 0);
    check_copy(100003, 1, 0);
    check_copy(100003, 16, 3);
    for (int operation = RG_ALL_REDUCE; operation <= RG_SEND_RECV; operation++)
        for (int type = RG_FLOAT32; type <= RG_UINT8; type++)
            for (int reduction = RG_SUM; reduction <= RG_AVG; reduction++) {
                struct rg_elements e = {.operation = (enum rg_operation_kind)operation,
                    .type = (enum rg_data_type)type,
                    .reduction = (enum rg_reduction)reduction,
                    .ranks = RANKS,
                    .rank = 1,
                    .chunk = CHUNK,
                    .seed = 5};
                check_elements(&e, found);
            }
    must(cudaFree(found), "cudaFree");
    printf("%d kinds of elements, %d not so\n", kinds, failures);
    return failures > 0;
}
