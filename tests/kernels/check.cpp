// The kernels as host code, block by block and thread by thread, held against the functions that the host itself uses.
// Built with sanitizers; the order of threads and blocks is RAILGAUGE_DOUBLE_ORDER's, blocks run on
// RAILGAUGE_DOUBLE_THREADS.
#include "device.h"

#include "kernels/kernels.cuh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace
{

int failures;

void expect(bool holds, const char *what)
{
    if (holds)
        return;
    printf("not so: %s\n", what);
    failures++;
}

constexpr uint64_t words = 5000, key = 99;
constexpr unsigned blocks = 3;

std::vector<uint64_t> filled()
{
    std::vector<uint64_t> buffer(words);
    expect(emulated<rg_fill_kernel>::launch(blocks, RG_BLOCK_THREADS, buffer.data(), words, key), "the fill ends");
    return buffer;
}

void fill_is_the_hosts_pattern()
{
    std::vector<uint64_t> buffer = filled();
    bool same = true;
    for (uint64_t i = 0; i < words; i++)
        same &= buffer[i] == rg_pattern_word(key, i);
    expect(same, "fill writes the host's pattern");
}

rg_kernel_found verify(
    const std::vector<uint64_t> &buffer, uint64_t first, uint64_t count, uint64_t bytes, uint64_t stride)
{
    rg_kernel_found found = {0, UINT64_MAX};
    expect(emulated<rg_verify_kernel>::launch(
               blocks, RG_BLOCK_THREADS, buffer.data(), key, first, count, bytes, stride, &found),
        "the verify ends");
    return found;
}

void verify_finds_what_was_changed()
{
    std::vector<uint64_t> buffer = filled();
    expect(verify(buffer, 0, 1, words * 8, words).mismatches == 0, "what was filled verifies");
    buffer[4711] ^= 1;
    buffer[100] ^= 1ull << 63;
    rg_kernel_found found = verify(buffer, 0, 1, words * 8, words);
    expect(found.mismatches == 2 && found.first_index == 100, "both changes are counted, the first is named");
    // 50 blocks of 13 bytes, 8 words apart: the bytes behind a block's end do not count.
    std::vector<uint64_t> parts = filled();
    parts[8 * 7 + 1] ^= 0xffull << 40;
    expect(verify(parts, 0, 50, 13, 8).mismatches == 0, "a byte behind the end of its block does not count");
    parts[8 * 7 + 1] ^= 0xffull << 32;
    found = verify(parts, 0, 50, 13, 8);
    expect(found.mismatches == 1 && found.first_index == 8 * 7 + 1, "the last byte of a block counts");
}

void copies_are_whole()
{
    std::vector<uint4> from(777), to(777);
    for (size_t i = 0; i < from.size(); i++)
        from[i] = make_uint4(static_cast<unsigned>(i), 1, 2, 3);
    emulated<rg_copy_kernel>::launch(blocks, RG_BLOCK_THREADS, to.data(), from.data(), from.size());
    expect(memcmp(to.data(), from.data(), from.size() * sizeof(uint4)) == 0, "wide copies are whole");
    std::vector<unsigned char> odd(1001, 7), there(1001, 0);
    emulated<rg_copy_bytes_kernel>::launch(blocks, RG_BLOCK_THREADS, there.data(), odd.data(), odd.size());
    expect(odd == there, "copies byte by byte are whole");
}

void check_elements(const rg_elements &e)
{
    uint32_t bytes = rg_element_bytes(e.type);
    uint64_t given = rg_elements_given(&e), gotten = rg_elements_gotten(&e);
    std::vector<char> input(given * bytes), output(gotten * bytes);
    emulated<rg_elements_fill_kernel>::launch(blocks, RG_BLOCK_THREADS, input.data(), e, 0, given);
    bool same = true;
    for (uint64_t i = 0; i < given; i++) {
        uint32_t expected = rg_elements_input(&e, i);
        same &= memcmp(&input[i * bytes], &expected, bytes) == 0;
    }
    expect(same, "inputs are the host's");
    for (uint64_t i = 0; i < gotten; i++) {
        uint32_t right = rg_elements_output(&e, i);
        memcpy(&output[i * bytes], &right, bytes);
    }
    rg_kernel_found found = {0, UINT64_MAX};
    emulated<rg_elements_check_kernel>::launch(blocks, RG_BLOCK_THREADS, output.data(), e, 0, gotten, &found);
    expect(found.mismatches == 0, "the right result passes");
    output[(gotten / 2) * bytes] ^= 1;
    emulated<rg_elements_check_kernel>::launch(blocks, RG_BLOCK_THREADS, output.data(), e, 0, gotten, &found);
    expect(found.mismatches == 1 && found.first_index == gotten / 2, "a wrong element is found where it is");
}

void elements_are_the_hosts()
{
    for (int operation = RG_ALL_REDUCE; operation <= RG_SEND_RECV; operation++)
        for (int type = RG_FLOAT32; type <= RG_UINT8; type++)
            for (int reduction = RG_SUM; reduction <= RG_AVG; reduction++) {
#ifdef EMULATED_TSAN // threads are dear, and meet alike in all of these
                if (operation != type || reduction != RG_SUM)
                    continue;
#endif
                rg_elements e = {};
                e.operation = static_cast<rg_operation_kind>(operation);
                e.type = static_cast<rg_data_type>(type);
                e.reduction = static_cast<rg_reduction>(reduction);
                e.ranks = 4;
                e.rank = 1;
                e.chunk = 300;
                e.seed = 5;
                check_elements(e);
            }
}

#ifdef PLANTED_RACE
// The sum of a block without the barrier between writing and reading it.
extern "C" void racy_kernel(unsigned long long *out)
{
    __shared__ unsigned long long seen[RG_BLOCK_THREADS];
    seen[threadIdx.x] = threadIdx.x;
    if (threadIdx.x == 0)
        for (unsigned i = 0; i < RG_BLOCK_THREADS; i++)
            *out += seen[i];
}

void race()
{
    unsigned long long sum = 0;
    emulated<racy_kernel>::launch(1, RG_BLOCK_THREADS, &sum);
}
#endif

#ifdef PLANTED_OVERRUN
void overrun()
{
    std::vector<uint64_t> buffer(words);
    emulated<rg_fill_kernel>::launch(blocks, RG_BLOCK_THREADS, buffer.data(), words + 1, key);
}
#endif

} // namespace

int main()
{
#ifdef PLANTED_RACE
    race();
    return 0;
#endif
#ifdef PLANTED_OVERRUN
    overrun();
    return 0;
#endif
    fill_is_the_hosts_pattern();
    verify_finds_what_was_changed();
    copies_are_whole();
    elements_are_the_hosts();
    return failures > 0;
}
