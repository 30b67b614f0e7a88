/* coll: what collectives are given and must give back, in every type and order, and how fast they count. */
#include "helpers.h"

#include "coll/backends.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the types, by arithmetic of their own: value = (-1)^s 2^(e - bias) (1 + f / 2^bits) --- */

static double value_of(enum rg_data_type type, uint32_t bits)
{
    int fraction = type == RG_FLOAT32 ? 23 : type == RG_BFLOAT16 ? 7 : 10;
    int exponent = type == RG_FLOAT16 ? 5 : 8, bias = (1 << (exponent - 1)) - 1;
    uint32_t f = bits & ((1u << fraction) - 1), e = bits >> fraction & ((1u << exponent) - 1);
    if (type == RG_INT32 || type == RG_UINT8)
        return bits;
    assert_int_equal(bits >> (fraction + exponent), 0); /* no negative numbers among them */
    return e == 0 ? ldexp((double)f, 1 - bias - fraction) : ldexp(1 + ldexp((double)f, -fraction), (int)e - bias);
}

/* Whether the type holds the value exactly: a partial result must not be rounded, in whatever order it came about. */
static bool holds(enum rg_data_type type, double value)
{
    int bits = type == RG_FLOAT32 ? 24 : type == RG_BFLOAT16 ? 8 : type == RG_FLOAT16 ? 11 : type == RG_INT32 ? 31 : 8;
    int exponent;
    double mantissa = frexp(value, &exponent);
    if (type == RG_INT32 || type == RG_UINT8)
        return value == floor(value) && value < ldexp(1, bits);
    return ldexp(mantissa, bits) == floor(ldexp(mantissa, bits)) && value < 60000;
}

static double join(enum rg_reduction reduction, double a, double b)
{
    switch (reduction) {
    case RG_PROD:
        return a * b;
    case RG_MIN:
        return fmin(a, b);
    case RG_MAX:
        return fmax(a, b);
    default:
        return a + b;
    }
}

static struct rg_elements all_reduce(enum rg_data_type type, enum rg_reduction reduction, uint32_t ranks)
{
    return (struct rg_elements){
        .operation = RG_ALL_REDUCE, .type = type, .reduction = reduction, .ranks = ranks, .chunk = 1000, .seed = 42};
}

/* Joins the ranks' inputs at index i from rank `first` on, upwards or downwards. */
static double reduce_in_order(struct rg_elements e, uint64_t i, uint32_t first, bool upwards)
{
    double result = 0;
    for (uint32_t step = 0; step < e.ranks; step++) {
        e.rank = upwards ? (first + step) % e.ranks : (first + e.ranks - step) % e.ranks;
        double value = value_of(e.type, rg_elements_input(&e, i));
        result = step == 0 ? value : join(e.reduction, result, value);
        if (!holds(e.type, result))
            fail_msg("%g is not exact in type %d", result, (int)e.type);
    }
    return result;
}

static void every_order_of_reduction_is_exact_and_gives_what_is_expected(void **state)
{
    static const uint32_t ranks[] = {1, 2, 3, 8, 16, 127, 300};
    (void)state;
    for (int type = RG_FLOAT32; type <= RG_UINT8; type++)
        for (int reduction = RG_SUM; reduction <= RG_MAX; reduction++)
            for (size_t n = 0; n < COUNT_OF(ranks); n++)
                for (uint64_t i = 0; i < 40; i++) {
                    struct rg_elements e = all_reduce((enum rg_data_type)type, (enum rg_reduction)reduction, ranks[n]);
                    double expected = value_of(e.type, rg_elements_output(&e, i));
                    assert_true(reduce_in_order(e, i, 0, true) == expected);
                    assert_true(reduce_in_order(e, i, (uint32_t)i % e.ranks, false) == expected);
                }
}

static void an_average_is_the_sum_over_a_power_of_two(void **state)
{
    (void)state;
    for (int type = RG_FLOAT32; type <= RG_UINT8; type++)
        for (uint32_t ranks = 1; ranks <= 256; ranks *= 2)
            for (uint64_t i = 0; i < 50; i++) {
                struct rg_elements e = all_reduce((enum rg_data_type)type, RG_AVG, ranks);
                bool whole = type == RG_INT32 || type == RG_UINT8;
                double average = reduce_in_order(e, i, 0, true) / ranks;
                assert_true(value_of(e.type, rg_elements_output(&e, i)) == (whole ? floor(average) : average));
            }
}

static void a_reduction_depends_on_the_element_and_on_every_rank(void **state)
{
    (void)state;
    struct rg_elements e = all_reduce(RG_FLOAT32, RG_SUM, 8);
    unsigned results = 0, givers = 0;
    for (uint64_t i = 0; i < 200; i++) {
        results |= 1u << (int)value_of(e.type, rg_elements_output(&e, i));
        for (e.rank = 0; e.rank < e.ranks; e.rank++)
            givers |= (unsigned)(rg_elements_input(&e, i) != 0) << e.rank;
    }
    assert_int_equal(results, 0x1ff); /* every sum from 0 to 8 turns up */
    assert_int_equal(givers, 0xff);
}

/* What a rank holds at index i after it, by the definition of the operation, from what the ranks held before. */
static void movements_bring_each_element_from_where_it_was(void **state)
{
    static const enum rg_operation_kind operations[] = {RG_ALL_GATHER, RG_BROADCAST, RG_ALL_TO_ALL, RG_SEND_RECV};
    (void)state;
    for (size_t o = 0; o < COUNT_OF(operations); o++) {
        struct rg_elements e = {.operation = operations[o], .type = RG_INT32, .ranks = 5, .chunk = 7, .seed = 3};
        for (uint32_t rank = 0; rank < e.ranks; rank++)
            for (uint64_t i = 0; i < rg_elements_gotten(&e); i++) {
                struct rg_elements at = e, from = e;
                uint64_t place = i % e.chunk;
                at.rank = rank;
                from.rank = (uint32_t)(i / e.chunk);
                if (e.operation == RG_BROADCAST)
                    from.rank = 0;
                else if (e.operation == RG_SEND_RECV)
                    from.rank = (rank + 4) % 5;
                else if (e.operation == RG_ALL_TO_ALL)
                    place += rank * e.chunk;
                assert_int_equal(rg_elements_output(&at, i), rg_elements_input(&from, place));
            }
    }
}

static void reduce_scatter_gives_each_rank_its_part_of_an_all_reduce(void **state)
{
    struct rg_elements whole = all_reduce(RG_INT32, RG_SUM, 6), part = whole;
    (void)state;
    part.operation = RG_REDUCE_SCATTER;
    part.chunk = 10;
    for (part.rank = 0; part.rank < part.ranks; part.rank++)
        for (uint64_t i = 0; i < part.chunk; i++)
            assert_int_equal(rg_elements_output(&part, i), rg_elements_output(&whole, part.rank * part.chunk + i));
}

/* Worked out by hand: 1e9 bytes in 0.01 s are 100 GB/s of algorithm bandwidth; times nccl-tests' factor for n ranks. */
static void bus_bandwidth_is_that_of_nccl_tests(void **state)
{
    static const struct {
        enum rg_operation_kind operation;
        int ranks;
        double busbw;
    } known[] = {
        {RG_ALL_REDUCE, 2, 100},
        {RG_ALL_REDUCE, 4, 150},
        {RG_ALL_REDUCE, 8, 175},
        {RG_ALL_REDUCE, 16, 187.5},
        {RG_ALL_GATHER, 2, 50},
        {RG_ALL_GATHER, 8, 87.5},
        {RG_ALL_GATHER, 16, 93.75},
        {RG_REDUCE_SCATTER, 4, 75},
        {RG_REDUCE_SCATTER, 16, 93.75},
        {RG_ALL_TO_ALL, 8, 87.5},
        {RG_BROADCAST, 2, 100},
        {RG_BROADCAST, 16, 100},
        {RG_SEND_RECV, 2, 100},
        {RG_SEND_RECV, 8, 100},
        {RG_ALL_REDUCE, 1, 0},
        {RG_ALL_GATHER, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        double algbw = 1e9 / 0.01 / 1e9;
        double busbw = algbw * rg_collective_bus_factor(known[i].operation, known[i].ranks);
        if (fabs(busbw - known[i].busbw) > 1e-9)
            fail_msg("%s of %d ranks: %g, not %g", rg_operation_words[known[i].operation], known[i].ranks, busbw,
                known[i].busbw);
    }
}

static void operations_are_found_by_their_words(void **state)
{
    (void)state;
    for (int i = RG_ALL_REDUCE; i <= RG_SEND_RECV; i++)
        assert_int_equal(rg_operation_of(rg_operation_words[i]), i);
    assert_int_equal(rg_operation_of("all_lose"), -1);
}

static void averages_over_odd_numbers_of_ranks_have_no_exact_check(void **state)
{
    struct rg_collective_config config = {.operation = RG_ALL_REDUCE, .reduction = RG_AVG};
    (void)state;
    assert_null(rg_collective_inexact(&config, 8));
    assert_has(rg_collective_inexact(&config, 6), "power of two");
    assert_non_null(rg_collective_inexact(&config, 1 << 15));
    config.reduction = RG_SUM;
    assert_null(rg_collective_inexact(&config, 6));
    config = (struct rg_collective_config){.operation = RG_ALL_GATHER, .reduction = RG_AVG};
    assert_null(rg_collective_inexact(&config, 6));
}

/* --- the registry, on a double of six ranks --- */

static int open_of(struct rg_communicator *group, enum rg_operation_kind operation, uint64_t bytes, bool in_place,
    struct rg_collective **out, struct rg_error *err)
{
    struct rg_collective_config config = {
        .operation = operation, .type = RG_BFLOAT16, .bytes = bytes, .in_place = in_place, .seed = 1};
    return rg_collective_open(group, &config, out, err);
}

static void a_size_is_cut_down_to_whole_elements_for_each_rank(void **state)
{
    static const struct {
        enum rg_operation_kind operation;
        uint64_t bytes, moved;
    } known[] = {{RG_ALL_REDUCE, 100, 100}, {RG_ALL_REDUCE, 102, 102}, {RG_ALL_GATHER, 100, 96},
        {RG_REDUCE_SCATTER, 12, 12}, {RG_ALL_TO_ALL, 34, 24}, {RG_BROADCAST, 6, 6}, {RG_SEND_RECV, 2, 2}};
    struct rg_communicator *group;
    struct rg_collective *collective;
    (void)state;
    assert_int_equal(rg_communicator_open("mpi", NULL, 1, &group, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        assert_int_equal(open_of(group, known[i].operation, known[i].bytes, false, &collective, NULL), 0);
        assert_int_equal(rg_collective_moved_bytes(collective), known[i].moved);
    }
}

static void what_cannot_be_done_is_refused_with_its_reason(void **state)
{
    struct rg_communicator *group;
    struct rg_collective *collective;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_communicator_open("mpi", NULL, 1, &group, NULL), 0);
    assert_int_equal(open_of(group, RG_ALL_GATHER, 10, false, &collective, &err), -EOPNOTSUPP);
    assert_has(err.text, "12 bytes");
    assert_int_equal(open_of(group, RG_ALL_REDUCE, 7, false, &collective, &err), -EOPNOTSUPP);
    assert_has(err.text, "multiple of 2");
    assert_int_equal(open_of(group, RG_ALL_TO_ALL, 4096, true, &collective, &err), -EOPNOTSUPP);
    assert_has(err.text, "in place");
    assert_int_equal(open_of(group, RG_SEND_RECV, 4096, true, &collective, &err), -EOPNOTSUPP);
    assert_int_equal(rg_communicator_open("pigeons", NULL, 1, &group, &err), -EOPNOTSUPP);
    assert_has(err.text, "pigeons");
}

static void *allocate_from(size_t bytes, void *context)
{
    (void)bytes;
    return context;
}

static void in_place_a_rank_has_its_own_part_of_the_larger_buffer(void **state)
{
    char buffer[64];
    struct rg_communicator *group;
    struct rg_collective *c;
    struct rg_collective_buffer buffers[2];
    (void)state;
    assert_int_equal(rg_communicator_open("mpi", NULL, 1, &group, NULL), 0);
    assert_int_equal(open_of(group, RG_ALL_GATHER, 48, true, &c, NULL), 0);
    assert_true(rg_collective_place(c, allocate_from, buffer));
    assert_ptr_equal(c->output, buffer);
    assert_ptr_equal(c->input, buffer + 2 * 8);
    rg_collective_buffers(c, buffers);
    assert_ptr_equal(buffers[0].at, buffer);
    assert_null(buffers[1].at);
    assert_int_equal(open_of(group, RG_REDUCE_SCATTER, 48, true, &c, NULL), 0);
    assert_true(rg_collective_place(c, allocate_from, buffer));
    assert_ptr_equal(c->input, buffer);
    assert_ptr_equal(c->output, buffer + 2 * 8);
    rg_collective_buffers(c, buffers);
    assert_ptr_equal(buffers[0].at, buffer);
}

/* Four members, this one the third. */
static void operations_walk_through_the_working_set(void **state)
{
    static char memory[1 << 16];
    struct rg_communicator *group;
    struct rg_collective *c;
    struct rg_collective_buffer buffers[2];
    struct rg_collective_config config = {.operation = RG_ALL_GATHER, .type = RG_INT32, .bytes = 1200};
    (void)state;
    assert_int_equal(rg_communicator_open("mpi", NULL, 1, &group, NULL), 0);
    assert_int_equal(rg_collective_open(group, &config, &c, NULL), 0);
    assert_int_equal(c->turns, 1);
    config.working_set_bytes = 4096; /* 1,280 bytes a turn, so that the next is aligned */
    assert_int_equal(rg_collective_open(group, &config, &c, NULL), 0);
    assert_int_equal(c->turns, 3);
    assert_true(rg_collective_place(c, allocate_from, memory));
    rg_collective_buffers(c, buffers);
    size_t given = c->given_bytes, step = (given + 255) / 256 * 256;
    assert_int_equal(buffers[0].all, 2 * step + given);
    assert_int_equal(buffers[1].all, 2 * 1280 + 1200);
    for (uint64_t turn = 0; turn < 7; turn++) {
        assert_ptr_equal(rg_collective_input(c, turn), memory + turn % 3 * step);
        assert_ptr_equal(rg_collective_output(c, turn), memory + turn % 3 * 1280);
    }
    config.in_place = true;
    assert_int_equal(rg_collective_open(group, &config, &c, NULL), 0);
    assert_true(rg_collective_place(c, allocate_from, memory));
    rg_collective_buffers(c, buffers);
    assert_int_equal(buffers[0].all, 2 * 1280 + 1200);
    assert_ptr_equal(rg_collective_output(c, 1), memory + 1280);
    assert_ptr_equal(rg_collective_input(c, 1), (char *)c->input + 1280); /* this rank's part of the same turn */
}

static void a_failed_operation_breaks_its_communicator(void **state)
{
    struct rg_communicator *group;
    struct rg_collective *c;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_communicator_open("mpi", NULL, 1, &group, NULL), 0);
    assert_int_equal(open_of(group, RG_ALL_REDUCE, 64, false, &c, NULL), 0);
    assert_int_equal(rg_collective_run(c, 1, 1, NULL, 1, &err), 0);
    assert_false(group->broken);
    assert_int_equal(rg_collective_run(c, 1, 1, NULL, 0, &err), -ETIMEDOUT);
    assert_true(group->broken);
    rg_communicator_close(group);
    rg_communicator_close(NULL);
    rg_collective_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_reduction_is_exact_and_gives_what_is_expected),
        cmocka_unit_test(an_average_is_the_sum_over_a_power_of_two),
        cmocka_unit_test(a_reduction_depends_on_the_element_and_on_every_rank),
        cmocka_unit_test(movements_bring_each_element_from_where_it_was),
        cmocka_unit_test(reduce_scatter_gives_each_rank_its_part_of_an_all_reduce),
        cmocka_unit_test(bus_bandwidth_is_that_of_nccl_tests),
        cmocka_unit_test(operations_are_found_by_their_words),
        cmocka_unit_test(a_size_is_cut_down_to_whole_elements_for_each_rank),
        cmocka_unit_test(what_cannot_be_done_is_refused_with_its_reason),
        cmocka_unit_test(in_place_a_rank_has_its_own_part_of_the_larger_buffer),
        cmocka_unit_test(operations_walk_through_the_working_set),
        cmocka_unit_test(a_failed_operation_breaks_its_communicator),
        cmocka_unit_test(averages_over_odd_numbers_of_ranks_have_no_exact_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
