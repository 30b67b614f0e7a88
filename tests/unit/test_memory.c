/* mem: the pattern of the payload in host memory, and what a check of it sees. */
#include "helpers.h"

#include "base/numa.h"
#include "mem/memory.h"
#include "mem/pattern.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 8192u
#define SEED 12345u

static const struct rg_memory_place anywhere = {.device = -1, .numa_node = -1};

static uint64_t key_of(uint32_t rank, uint32_t pass)
{
    return rg_pattern_key(SEED, rank, pass);
}

/* A buffer that holds the pattern of rank 1, pass 0. */
static int open_memory(void **state)
{
    struct rg_memory *memory = NULL;
    if (rg_memory_open("host", &anywhere, BYTES, &memory, NULL) != 0 || rg_memory_fill(memory, key_of(1, 0), NULL) != 0)
        return -1;
    *state = memory;
    return 0;
}

static int close_memory(void **state)
{
    rg_memory_close(*state);
    return 0;
}

static struct rg_mismatch verify(const struct rg_memory *memory, uint64_t key, struct rg_blocks blocks)
{
    struct rg_mismatch found = {0};
    struct rg_error err = {{0}};
    if (rg_memory_verify(memory, key, &blocks, &found, &err) != 0)
        fail_msg("%s", err.text);
    return found;
}

static const struct rg_blocks everything = {.first_bytes = 0, .count = 1, .block_bytes = BYTES, .stride_bytes = BYTES};

static void memory_is_large_enough_aligned_and_zero(void **state)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, 1000000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct rg_memory *memory = NULL;
        assert_int_equal(rg_memory_open("host", &anywhere, sizes[i], &memory, NULL), 0);
        assert_true(rg_memory_bytes(memory) >= sizes[i]);
        assert_int_equal((uintptr_t)rg_memory_address(memory) % 4096, 0);
        const unsigned char *bytes = rg_memory_address(memory);
        for (size_t at = 0; at < rg_memory_bytes(memory); at++)
            if (bytes[at] != 0)
                fail_msg("byte %zu is not zero", at);
        rg_memory_close(memory);
    }
    rg_memory_close(NULL);
}

static void an_unknown_kind_of_memory_is_refused_by_name(void **state)
{
    struct rg_memory *memory = NULL;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_memory_open("clay", &anywhere, 64, &memory, &err), -EINVAL);
    assert_has(err.text, "clay");
    assert_null(memory);
}

static void what_was_filled_verifies(void **state)
{
    struct rg_mismatch found = verify(*state, key_of(1, 0), everything);
    assert_int_equal(found.mismatches, 0);
    assert_int_equal(found.words_checked, BYTES / 8);
}

static void a_block_of_any_size_is_checked_to_its_last_byte_and_no_further(void **state)
{
    unsigned char *bytes = rg_memory_address(*state);
    for (uint64_t size = 1; size <= 65; size++) {
        struct rg_blocks block = {.first_bytes = 128, .count = 1, .block_bytes = size, .stride_bytes = 128};
        bytes[127] ^= 0x10;
        bytes[128 + size] ^= 0x10;
        struct rg_mismatch found = verify(*state, key_of(1, 0), block);
        assert_int_equal(found.mismatches, 0);
        assert_int_equal(found.words_checked, (size + 7) / 8);
        bytes[127] ^= 0x10;
        bytes[128 + size] ^= 0x10;
        for (uint64_t at = 0; at < size; at++) {
            bytes[128 + at] ^= 0x10;
            found = verify(*state, key_of(1, 0), block);
            if (found.mismatches != 1 || found.first_offset_bytes != 128 + at / 8 * 8 ||
                (found.expected ^ found.got) != (uint64_t)0x10 << (at % 8 * 8))
                fail_msg("byte %d of a block of %d", (int)at, (int)size);
            bytes[128 + at] ^= 0x10;
        }
    }
}

static void blocks_that_changed_places_are_seen(void **state)
{
    unsigned char *bytes = rg_memory_address(*state), kept[64];
    memcpy(kept, bytes + 64, 64);
    memcpy(bytes + 64, bytes + 640, 64);
    memcpy(bytes + 640, kept, 64);
    struct rg_mismatch found = verify(*state, key_of(1, 0), everything);
    assert_int_equal(found.mismatches, 16); /* every word of both */
    assert_int_equal(found.first_offset_bytes, 64);
}

static void data_that_slipped_by_a_word_are_seen(void **state)
{
    unsigned char *bytes = rg_memory_address(*state);
    memmove(bytes + 8, bytes, BYTES - 8);
    assert_int_equal(verify(*state, key_of(1, 0), everything).mismatches, BYTES / 8 - 1);
}

static void data_of_an_earlier_pass_are_seen(void **state)
{
    assert_int_equal(verify(*state, key_of(1, 1), everything).mismatches, BYTES / 8);
}

static void data_of_another_rank_are_seen(void **state)
{
    assert_int_equal(verify(*state, key_of(2, 0), everything).mismatches, BYTES / 8);
    assert_int_equal(verify(*state, key_of(0, 1), everything).mismatches, BYTES / 8);
}

static void data_of_another_run_are_seen(void **state)
{
    assert_int_equal(verify(*state, rg_pattern_key(SEED + 1, 1, 0), everything).mismatches, BYTES / 8);
}

static void keys_of_ranks_and_passes_all_differ(void **state)
{
    uint64_t keys[64 * 16];
    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(keys); i++)
        keys[i] = key_of(i / 16, i % 16);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t j = 0; j < i; j++)
            assert_true(keys[i] != keys[j]);
}

static void damage_is_found_with_offset_words_and_count(void **state)
{
    struct rg_blocks blocks = {.first_bytes = 64, .count = 3, .block_bytes = 40, .stride_bytes = 128};
    assert_int_equal(rg_memory_damage(*state, 200, NULL), 0); /* second word of the second block, at 192 */
    assert_int_equal(rg_memory_damage(*state, 85, NULL), 0);  /* rounded down to 80 */
    assert_int_equal(rg_memory_damage(*state, 104, NULL), 0); /* between the blocks */
    struct rg_mismatch found = verify(*state, key_of(1, 0), blocks);
    assert_int_equal(found.words_checked, 15);
    assert_int_equal(found.mismatches, 2);
    assert_int_equal(found.first_offset_bytes, 80);
    assert_true(found.expected == rg_pattern_word(key_of(1, 0), 10));
    assert_true(found.got == ~found.expected);
}

static void findings_of_several_checks_add_up(void **state)
{
    struct rg_blocks early = {.first_bytes = 0, .count = 1, .block_bytes = 64, .stride_bytes = 64};
    struct rg_blocks late = {.first_bytes = 640, .count = 2, .block_bytes = 64, .stride_bytes = 64};
    struct rg_mismatch found = {0};
    assert_int_equal(rg_memory_damage(*state, 648, NULL), 0);
    assert_int_equal(rg_memory_damage(*state, 8, NULL), 0);
    assert_int_equal(rg_memory_verify(*state, key_of(1, 0), &late, &found, NULL), 0);
    assert_int_equal(rg_memory_verify(*state, key_of(1, 0), &early, &found, NULL), 0);
    assert_int_equal(found.words_checked, 24);
    assert_int_equal(found.mismatches, 2);
    assert_int_equal(found.first_offset_bytes, 648); /* the first that was found */
}

static void damage_outside_the_buffer_is_refused(void **state)
{
    struct rg_error err = {{0}};
    assert_int_equal(rg_memory_damage(*state, BYTES, &err), -ERANGE);
    assert_has(err.text, "8192");
    assert_int_equal(rg_memory_damage(*state, UINT64_MAX, &err), -ERANGE);
    assert_int_equal(rg_memory_damage(*state, BYTES - 1, &err), 0);
}

static void assert_refused(struct rg_memory *memory, struct rg_blocks blocks)
{
    struct rg_mismatch found = {0};
    struct rg_error err = {{0}};
    assert_int_equal(rg_memory_verify(memory, key_of(1, 0), &blocks, &found, &err), -ERANGE);
    assert_int_equal(found.words_checked, 0);
    assert_true(err.text[0] != '\0');
}

static void blocks_outside_the_buffer_are_refused(void **state)
{
    assert_refused(
        *state, (struct rg_blocks){.first_bytes = 8, .count = 1, .block_bytes = BYTES, .stride_bytes = BYTES});
    assert_refused(*state, (struct rg_blocks){.first_bytes = BYTES, .count = 1, .block_bytes = 1, .stride_bytes = 64});
    assert_refused(*state, (struct rg_blocks){.first_bytes = 0, .count = 129, .block_bytes = 64, .stride_bytes = 64});
    assert_int_equal(verify(*state, key_of(1, 0), (struct rg_blocks){BYTES, 0, 64, 64}).words_checked, 0);
    assert_int_equal(verify(*state, key_of(1, 0), (struct rg_blocks){0, 128, 64, 64}).words_checked, BYTES / 8);
}

static void blocks_so_far_outside_that_the_sum_wraps_are_refused(void **state)
{
    assert_refused(
        *state, (struct rg_blocks){.first_bytes = 0, .count = 2, .block_bytes = 8, .stride_bytes = -(uint64_t)8});
    assert_refused(
        *state, (struct rg_blocks){.first_bytes = -(uint64_t)8, .count = 1, .block_bytes = 16, .stride_bytes = 64});
}

/* --- on a NUMA node --- */

/* From now on mbind is answered as containers answer it. */
static bool forbid_mbind(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT_OF(rules), rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The exit status of the child that touches memory: 0, or which of these went wrong. */
static int touch_without_mbind(void)
{
    struct rg_error err = {{0}};
    cpu_set_t before, after;
    char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || sched_getaffinity(0, sizeof before, &before) != 0 || !forbid_mbind())
        return 1;
    if (rg_numa_touch(memory, BYTES, 0, &err) != 0 || memory[BYTES - 1] != 0)
        return 2;
    if (sched_getaffinity(0, sizeof after, &after) != 0 || !CPU_EQUAL(&before, &after))
        return 3;
    if (rg_numa_touch(memory, BYTES, 999, &err) != -EPERM)
        return 4;
    return strcmp(err.text, "no memory on NUMA node 999: Operation not permitted") == 0 ? 0 : 5;
}

static void memory_is_on_its_numa_node_also_where_it_may_not_be_bound(void **state)
{
    struct rg_error err = {{0}};
    char memory[64] = {1};
    int status;
    (void)state;
    if (access("/sys/devices/system/node/node0/cpulist", R_OK) != 0)
        skip();
    pid_t child = fork();
    if (child == 0)
        _exit(touch_without_mbind());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(rg_numa_touch(memory, sizeof memory, 1 << 20, &err), -EINVAL);
    assert_int_equal(rg_numa_touch(memory, sizeof memory, -1, &err), 0);
    assert_int_equal(memory[63], 0);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_large_enough_aligned_and_zero),
        cmocka_unit_test(an_unknown_kind_of_memory_is_refused_by_name),
        IN_MEMORY(what_was_filled_verifies),
        IN_MEMORY(a_block_of_any_size_is_checked_to_its_last_byte_and_no_further),
        IN_MEMORY(blocks_that_changed_places_are_seen),
        IN_MEMORY(data_that_slipped_by_a_word_are_seen),
        IN_MEMORY(data_of_an_earlier_pass_are_seen),
        IN_MEMORY(data_of_another_rank_are_seen),
        IN_MEMORY(data_of_another_run_are_seen),
        cmocka_unit_test(keys_of_ranks_and_passes_all_differ),
        IN_MEMORY(damage_is_found_with_offset_words_and_count),
        IN_MEMORY(findings_of_several_checks_add_up),
        IN_MEMORY(damage_outside_the_buffer_is_refused),
        IN_MEMORY(blocks_outside_the_buffer_are_refused),
        IN_MEMORY(blocks_so_far_outside_that_the_sum_wraps_are_refused),
        cmocka_unit_test(memory_is_on_its_numa_node_also_where_it_may_not_be_bound),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
