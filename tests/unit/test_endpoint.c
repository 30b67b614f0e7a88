/* net/endpoint: where messages lie, and the registry of transports. */
#include "helpers.h"

#include "doubles.h"
#include "net/endpoint.h"

#include <errno.h>
#include <stdlib.h>

struct shape {
    uint64_t message_bytes, working_set_bytes;
    uint32_t queue_pairs;
};

static const struct shape shapes[] = {{65536, 67108864, 1}, {65536, 67108864, 4}, {1, 4096, 3}, {8, 1000, 2},
    {64, 640, 10}, {64, 703, 3}, {65, 1280, 7}, {100, 12800, 16}, {4096, 1048576, 255}, {1, 65536, 1024},
    {1048576, 8388608, 3}, {63, 64, 1}};

/* Marks each 64-byte cell that the messages of all queue pairs touch; none is touched twice. */
static uint64_t mark_all(const struct rg_layout *layout, bool *cells)
{
    uint64_t touched = 0;
    for (uint32_t q = 0; q < layout->queue_pairs; q++) {
        struct rg_blocks blocks = rg_layout_touched(layout, q, 1ull << 40);
        for (uint64_t i = 0; i < blocks.count; i++) {
            uint64_t begin = blocks.first_bytes + i * blocks.stride_bytes;
            assert_int_equal(begin % 64, 0);
            assert_true(begin + blocks.block_bytes <= rg_layout_bytes(layout));
            for (uint64_t cell = begin / 64; cell * 64 < begin + blocks.block_bytes; cell++) {
                if (cells[cell])
                    fail_msg("queue pair %u writes into another's block at %llu", q, (unsigned long long)begin);
                cells[cell] = true;
                touched++;
            }
        }
    }
    return touched;
}

static void blocks_of_queue_pairs_never_overlap_and_cover_the_buffer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct rg_layout layout =
            rg_layout_of(shapes[i].message_bytes, shapes[i].working_set_bytes, shapes[i].queue_pairs);
        bool *cells = calloc(rg_layout_bytes(&layout) / 64 + 1, 1);
        assert_int_equal(mark_all(&layout, cells), rg_layout_bytes(&layout) / 64);
        free(cells);
    }
}

static void the_buffer_is_about_the_working_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct rg_layout layout =
            rg_layout_of(shapes[i].message_bytes, shapes[i].working_set_bytes, shapes[i].queue_pairs);
        uint64_t stride = (shapes[i].message_bytes + 63) / 64 * 64, bytes = rg_layout_bytes(&layout);
        assert_true(bytes <= shapes[i].working_set_bytes || bytes == stride);
        /* What is left over is less than a block for each queue pair. */
        assert_true(bytes + stride * shapes[i].queue_pairs > shapes[i].working_set_bytes);
    }
}

static void a_message_as_large_as_the_working_set_has_one_block(void **state)
{
    (void)state;
    struct rg_layout layout = rg_layout_of(1 << 20, 64, 1);
    assert_int_equal(rg_layout_bytes(&layout), 1 << 20);
    struct rg_blocks blocks = rg_layout_touched(&layout, 0, 1000);
    assert_int_equal(blocks.first_bytes, 0);
    assert_int_equal(blocks.count, 1);
    assert_int_equal(blocks.block_bytes, 1 << 20);
}

static void queue_pairs_take_turns_through_the_blocks(void **state)
{
    (void)state;
    /* 12 blocks of 128 bytes for 3 queue pairs: 0 3 6 9, 1 4 7 10, 2 5 8 11. */
    struct rg_layout layout = rg_layout_of(100, 12 * 128, 3);
    assert_int_equal(layout.blocks, 12);
    assert_int_equal(layout.per_queue, 4);
    struct rg_blocks blocks = rg_layout_touched(&layout, 2, 4);
    assert_int_equal(blocks.first_bytes, 2 * 128);
    assert_int_equal(blocks.stride_bytes, 3 * 128);
    assert_int_equal(blocks.count, 4);
    assert_int_equal(blocks.block_bytes, 100);
}

static void only_what_was_sent_counts_as_touched(void **state)
{
    (void)state;
    struct rg_layout layout = rg_layout_of(64, 640, 2); /* 5 blocks each */
    assert_int_equal(rg_layout_touched(&layout, 1, 0).count, 0);
    assert_int_equal(rg_layout_touched(&layout, 1, 3).count, 3);
    assert_int_equal(rg_layout_touched(&layout, 1, 5).count, 5);
    assert_int_equal(rg_layout_touched(&layout, 1, 6).count, 5); /* the sixth message lies where the first did */
}

static void with_fewer_blocks_than_queue_pairs_some_share_one_inside_the_buffer(void **state)
{
    (void)state;
    for (uint64_t room = 1; room < 8; room++) {
        struct rg_layout layout = rg_layout_of(64, room * 64, 8);
        int users[8] = {0};
        assert_int_equal(rg_layout_bytes(&layout), room * 64);
        for (uint32_t q = 0; q < 8; q++) {
            struct rg_blocks blocks = rg_layout_touched(&layout, q, 100);
            assert_int_equal(blocks.count, 1);
            assert_true(blocks.first_bytes + blocks.block_bytes <= room * 64);
            users[blocks.first_bytes / 64]++;
        }
        for (uint64_t block = 0; block < room; block++)
            assert_true(users[block] > 0);
    }
}

static void a_transport_is_found_by_its_name(void **state)
{
    struct rg_endpoint_config config = {.queue_pairs = 1};
    struct rg_endpoint_fault fault = {{0}, {0}};
    struct rg_endpoint *endpoint = NULL;
    struct rg_error err = {{0}};
    (void)state;
    double_calls = (struct double_calls){0};
    assert_int_equal(rg_endpoint_open("verbs", &config, &endpoint, &fault, &err), 0);
    assert_non_null(endpoint);
    rg_endpoint_close(endpoint);
    rg_endpoint_close(NULL);
    assert_int_equal(double_calls.opened, 1);
    assert_int_equal(double_calls.closed, 1);
}

static void an_unknown_transport_is_refused_by_name(void **state)
{
    struct rg_endpoint_config config = {.queue_pairs = 1};
    struct rg_endpoint_fault fault = {{0}, {0}};
    struct rg_endpoint *endpoint = NULL;
    struct rg_error err = {{0}};
    (void)state;
    double_calls = (struct double_calls){0};
    assert_int_equal(rg_endpoint_open("pigeon", &config, &endpoint, &fault, &err), -EINVAL);
    assert_has(err.text, "pigeon");
    assert_null(endpoint);
    assert_int_equal(double_calls.opened, 0);
}

static void what_a_transport_says_is_passed_on(void **state)
{
    struct rg_endpoint_config config = {.queue_pairs = 0};
    struct rg_endpoint_fault fault = {{0}, {0}};
    struct rg_endpoint *endpoint = NULL;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_endpoint_open("verbs", &config, &endpoint, &fault, &err), -EOPNOTSUPP);
    assert_string_equal(err.text, "no queue pairs");
    assert_string_equal(fault.step, "create queue pair");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_queue_pairs_never_overlap_and_cover_the_buffer),
        cmocka_unit_test(the_buffer_is_about_the_working_set),
        cmocka_unit_test(a_message_as_large_as_the_working_set_has_one_block),
        cmocka_unit_test(queue_pairs_take_turns_through_the_blocks),
        cmocka_unit_test(only_what_was_sent_counts_as_touched),
        cmocka_unit_test(with_fewer_blocks_than_queue_pairs_some_share_one_inside_the_buffer),
        cmocka_unit_test(a_transport_is_found_by_its_name),
        cmocka_unit_test(an_unknown_transport_is_refused_by_name),
        cmocka_unit_test(what_a_transport_says_is_passed_on),
    };
    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
