/* coll: inputs whose sum is exact in every type and order, and the check of the result. */
#include "helpers.h"

#include "coll/backends.h"
#include "doubles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEED 99u
#define ELEMENTS 97u

/* Rounds to the nearest bfloat16, ties to even, as hardware does. */
static float to_bfloat16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1);
    bits &= 0xffff0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float as_it_is(float value)
{
    return value;
}

static void shuffle(int *order, int count)
{
    uint32_t random = 2463534242u;
    for (int i = count - 1; i > 0; i--) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        int j = (int)(random % (uint32_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* Adds up every element over the ranks in that order, rounding after each addition. */
static void check_sums(int ranks, const int *order, float (*rounded)(float))
{
    for (uint64_t i = 0; i < ELEMENTS; i++) {
        float sum = 0;
        for (int r = 0; r < ranks; r++)
            sum = rounded(sum + rounded(rg_collective_input(SEED, ranks, order[r], i)));
        float expected = rg_collective_sum(SEED, ranks, i);
        if (sum != expected)
            fail_msg("%d ranks, element %d: %g, not %g", ranks, (int)i, (double)sum, (double)expected);
    }
}

static void check_orders(float (*rounded)(float))
{
    int order[300];
    for (int ranks = 2; ranks <= 300; ranks++) {
        for (int i = 0; i < ranks; i++)
            order[i] = i;
        check_sums(ranks, order, rounded);
        for (int i = 0; i < ranks; i++)
            order[i] = ranks - 1 - i;
        check_sums(ranks, order, rounded);
        shuffle(order, ranks);
        check_sums(ranks, order, rounded);
    }
}

static void inputs_sum_exactly_in_float32_in_any_order(void **state)
{
    (void)state;
    check_orders(as_it_is);
}

static void inputs_sum_exactly_in_bfloat16_in_any_order(void **state)
{
    (void)state;
    assert_true(to_bfloat16(257.0f) == 256.0f); /* or the test proves nothing */
    check_orders(to_bfloat16);
}

static void partial_sums_of_a_tree_are_exact_too(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= 300; ranks++) {
        for (uint64_t i = 0; i < ELEMENTS; i++) {
            float part[300];
            for (int r = 0; r < ranks; r++)
                part[r] = rg_collective_input(SEED, ranks, r, i);
            for (int step = 1; step < ranks; step *= 2)
                for (int r = 0; r + step < ranks; r += 2 * step)
                    part[r] = to_bfloat16(part[r] + part[r + step]);
            assert_true(part[0] == rg_collective_sum(SEED, ranks, i));
        }
    }
}

static void inputs_differ_between_ranks_and_sums_between_elements(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= 300; ranks += 7) {
        bool ranks_differ = false, sums_differ = false;
        for (uint64_t i = 0; i < 4000; i++) { /* neighbours differ at 2 elements in ranks */
            ranks_differ |= rg_collective_input(SEED, ranks, 0, i) != rg_collective_input(SEED, ranks, 1, i);
            sums_differ |= rg_collective_sum(SEED, ranks, i) != rg_collective_sum(SEED, ranks, 0);
        }
        assert_true(ranks_differ && sums_differ);
    }
}

static void a_rank_left_out_or_counted_twice_changes_sums(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= 64; ranks++)
        for (int rank = 0; rank < ranks; rank++) {
            int changed = 0;
            for (uint64_t i = 0; i < 1000; i++)
                changed += rg_collective_input(SEED, ranks, rank, i) != 0;
            assert_true(changed > 0);
        }
}

static void the_check_names_the_first_wrong_element_and_counts_all(void **state)
{
    float output[16];
    struct rg_collective collective = {
        .ops = &rg_collective_mpi, .output = output, .elements = COUNT_OF(output), .seed = SEED, .ranks = 4};
    struct rg_collective_check check;
    uint32_t expected, got = 0x7fc00000u; /* a NaN: only bits tell it from what it should be */
    (void)state;
    for (uint64_t i = 0; i < COUNT_OF(output); i++)
        output[i] = rg_collective_sum(SEED, 4, i);
    rg_collective_verify(&collective, &check);
    assert_int_equal(check.elements_checked, 16);
    assert_int_equal(check.mismatches, 0);
    memcpy(&expected, &output[5], sizeof expected);
    memcpy(&output[5], &got, sizeof got);
    output[11] += 1;
    rg_collective_verify(&collective, &check);
    assert_int_equal(check.mismatches, 2);
    assert_int_equal(check.first_offset_bytes, 20);
    assert_int_equal(check.expected, expected);
    assert_int_equal(check.got, got);
}

static void bus_bandwidth_counts_what_each_rank_must_move(void **state)
{
    (void)state;
    assert_near(rg_collective_bus_factor(1), 0);
    assert_near(rg_collective_bus_factor(2), 1);
    assert_near(rg_collective_bus_factor(4), 1.5);
    assert_near(rg_collective_bus_factor(16), 1.875);
    assert_near(rg_collective_bus_factor(1024), 2046.0 / 1024);
}

static void a_backend_is_found_by_its_name(void **state)
{
    struct rg_collective *collective = NULL;
    struct rg_error err = {{0}};
    (void)state;
    double_calls = (struct double_calls){0};
    assert_int_equal(rg_collective_open("mpi", 4096, SEED, &collective, &err), 0);
    assert_int_equal(rg_collective_run(collective, 1, &err), 0);
    assert_int_equal(rg_collective_run(collective, 0, &err), -ETIMEDOUT);
    rg_collective_close(collective);
    rg_collective_close(NULL);
    assert_int_equal(double_calls.opened, 1);
    assert_int_equal(double_calls.closed, 1);
}

static void an_unknown_backend_is_refused_by_name(void **state)
{
    struct rg_collective *collective = NULL;
    struct rg_error err = {{0}};
    (void)state;
    assert_int_equal(rg_collective_open("abacus", 4096, SEED, &collective, &err), -EINVAL);
    assert_has(err.text, "abacus");
    assert_null(collective);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_sum_exactly_in_float32_in_any_order),
        cmocka_unit_test(inputs_sum_exactly_in_bfloat16_in_any_order),
        cmocka_unit_test(partial_sums_of_a_tree_are_exact_too),
        cmocka_unit_test(inputs_differ_between_ranks_and_sums_between_elements),
        cmocka_unit_test(a_rank_left_out_or_counted_twice_changes_sums),
        cmocka_unit_test(the_check_names_the_first_wrong_element_and_counts_all),
        cmocka_unit_test(bus_bandwidth_counts_what_each_rank_must_move),
        cmocka_unit_test(a_backend_is_found_by_its_name),
        cmocka_unit_test(an_unknown_backend_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("collective", tests, NULL, NULL);
}
