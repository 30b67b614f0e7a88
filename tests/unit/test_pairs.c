/* hw/pairs: which GPU a rail uses where not every NIC has one next to it. The rest is tests/cli/topology.bats. */
#include "helpers.h"

#include "hw/topology.h"

static void no_two_rails_share_a_gpu_while_there_are_others(void **state)
{
    static const struct {
        int rails, gpus, next_to[8], expected[8];
    } cases[] = {
        {4, 4, {0, 1, 2, 3}, {0, 1, 2, 3}},     /* each its own */
        {4, 4, {3, 2, 1, 0}, {3, 2, 1, 0}},     /* in whatever order CUDA counts them */
        {4, 4, {2, 3, -1, -1}, {2, 3, 0, 1}},   /* half the NICs are down: the others' GPUs are not taken twice */
        {4, 4, {-1, -1, 1, -1}, {0, 2, 1, 3}},  /* one NIC on PCI among software devices */
        {4, 4, {-1, -1, -1, -1}, {0, 1, 2, 3}}, /* nothing is known: by number */
        {4, 2, {-1, -1, -1, -1}, {0, 1, 0, 1}}, /* more rails than GPUs */
        {5, 2, {1, -1, -1, -1, -1}, {1, 0, 0, 1, 0}},
        {2, 1, {0, -1}, {0, 0}},
        {2, 8, {-1, 0}, {1, 0}},
        {1, 8, {5}, {5}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int out[8];
        rg_pairing_share(cases[i].next_to, cases[i].rails, cases[i].gpus, out);
        for (int rail = 0; rail < cases[i].rails; rail++)
            if (out[rail] != cases[i].expected[rail])
                fail_msg("case %zu: rail %d got GPU %d, not %d", i, rail, out[rail], cases[i].expected[rail]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_rails_share_a_gpu_while_there_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
