/* report/text: the verdict as a table for people. */
#include "helpers.h"

#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct story {
    struct rg_run run;
    struct rg_verdict verdict;
};

static int setup(void **state)
{
    static struct story story;
    story = (struct story){
        .run = {.run_id = MADE_RUN_ID, .status = "complete", .hardware = 1, .rank_count = 4, .suite = {.name = "made"}},
        .verdict = {.run_id = MADE_RUN_ID,
            .against_kind = "machine",
            .against_name = "lab-2x100",
            .status = RG_PASS,
            .hardware = 1,
            .summary = "All is well."}};
    *state = &story;
    return 0;
}

static int teardown(void **state)
{
    rg_verdict_close(&((struct story *)*state)->verdict);
    return 0;
}

/* A flow's bandwidth that is held against 97. */
static struct rg_row *add_row(struct story *story, enum rg_status status, double measured)
{
    struct rg_row *row = rg_verdict_add(&story->verdict);
    assert_non_null(row);
    row->status = status;
    row->test = "rdma_write_bw";
    row->direction = "both_ways";
    row->memory = "host";
    row->scope = "rail";
    row->metric = "bandwidth_gbps";
    row->node = "node-a";
    row->peer_node = "node-b";
    row->rail = row->peer_rail = 0;
    row->size_bytes = 65536;
    row->queue_pairs = 1;
    row->measured = measured;
    row->expected = 100;
    row->threshold = 97;
    row->nominal_percent = row->ceiling_percent = measured;
    row->ceiling = 98;
    return row;
}

static char *print_styled(const struct story *story, struct rg_text_style style)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    struct rg_verdict tallied = story->verdict; /* rows may have been changed after the last time */
    tallied.points = (struct rg_points){0};
    tallied.sides = (struct rg_sides){0};
    for (size_t i = 0; i < tallied.row_count; i++)
        assert_int_equal(rg_verdict_tally(&tallied, &tallied.rows[i], false), 0);
    tallied.not_asked = story->verdict.not_asked;
    assert_int_equal(rg_points_sum_up(&tallied.points), 0);
    rg_report_text(&story->run, &tallied, &style, out);
    rg_points_close(&tallied.points);
    rg_sides_close(&tallied.sides);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *print(const struct story *story)
{
    return print_styled(story, (struct rg_text_style){0});
}

/* Takes the text. */
static void assert_narrow(char *text)
{
    size_t widest = 0;
    for (char *more = text, *line; (line = strsep(&more, "\n")) != NULL;) {
        if (strlen(line) > 100)
            print_error("%zu columns: %s\n", strlen(line), line);
        widest = strlen(line) > widest ? strlen(line) : widest;
    }
    free(text);
    assert_in_range(widest, 20, 100);
}

/* How many lines have both parts. */
static int lines_with(const char *text, const char *a, const char *b)
{
    int count = 0;
    char *copy = strdup(text);
    for (char *more = copy, *line; (line = strsep(&more, "\n")) != NULL;)
        count += strstr(line, a) != NULL && strstr(line, b) != NULL;
    free(copy);
    return count;
}

static void the_verdict_comes_first_in_one_word(void **state)
{
    static const struct {
        enum rg_status status;
        const char *begin;
    } words[] = {{RG_PASS, "PASS: All is well.\n"}, {RG_FAIL, "FAIL: All is well.\n"},
        {RG_NOISY, "INCONCLUSIVE: All is well.\n"}};
    struct story *story = *state;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        story->verdict.status = words[i].status;
        char *text = print(story);
        assert_begins(text, words[i].begin);
        assert_has(text, MADE_RUN_ID);
        free(text);
    }
}

static void statuses_are_words(void **state)
{
    struct story *story = *state;
    static const char *const words[] = {"pass", "FAIL", "noisy", "unsupported", "not run"};
    for (int status = RG_PASS; status <= RG_NOT_RUN; status++)
        add_row(story, (enum rg_status)status, 100 + status);
    char *text = print(story);
    for (int status = RG_PASS; status <= RG_NOT_RUN; status++) {
        char figure[16];
        snprintf(figure, sizeof figure, " %d.0 ", 100 + status);
        assert_int_equal(lines_with(text, words[status], figure), 1);
    }
    assert_null(strchr(text, '\033'));
    free(text);
}

static void colours_are_beside_the_words_and_only_when_asked_for(void **state)
{
    struct story *story = *state;
    add_row(story, RG_FAIL, 50);
    char *text = print_styled(story, (struct rg_text_style){.colour = true});
    assert_has(text, "\033[1;31mFAIL");
    free(text);
}

static void a_row_says_where_how_much_and_how_much_it_should_be(void **state)
{
    struct story *story = *state;
    struct rg_row *row = add_row(story, RG_FAIL, 91.5);
    row->rail = row->peer_rail = 3;
    row->ceiling_percent = 93.37;
    char *text = print(story);
    assert_has(text, "rdma_write_bw 64K both_ways, 1 queue pair\n");
    assert_has(text, "node-a r3 > node-b r3");
    assert_int_equal(lines_with(text, "91.50 Gb/s", ">= 97.00"), 1);
    assert_int_equal(lines_with(text, "91.50", "93.37"), 1);
    free(text);
}

static void latencies_have_an_upper_bound(void **state)
{
    struct story *story = *state;
    struct rg_row *row = add_row(story, RG_PASS, 2.05);
    row->test = "rdma_write_lat";
    row->metric = "latency_p50_us";
    row->direction = NULL;
    row->size_bytes = 8;
    row->threshold = 2.2;
    row->nominal_percent = row->ceiling_percent = NAN;
    char *text = print(story);
    assert_has(text, "rdma_write_lat 8, median\n");
    assert_int_equal(lines_with(text, "2.050 us", "<= 2.200"), 1);
    free(text);
}

static void a_reason_is_shown_below_its_row(void **state)
{
    struct story *story = *state;
    add_row(story, RG_FAIL, NAN)->reason = strdup("the cable is loose");
    char *text = print(story);
    assert_has(text, "the cable is loose\n");
    assert_int_equal(lines_with(text, "FAIL", " - "), 1); /* no figure */
    free(text);
}

static void sides_of_nodes_and_groups_have_places_of_their_own(void **state)
{
    struct story *story = *state;
    struct rg_row *row = add_row(story, RG_PASS, 180);
    row->scope = "node";
    row->side = "tx";
    row->peer_node = NULL;
    row = add_row(story, RG_PASS, 181);
    row->scope = "node";
    row->side = "rx";
    row->peer_node = NULL;
    row = add_row(story, RG_PASS, 9.5);
    row->scope = "group";
    row->test = "all_reduce";
    row->metric = "busbw_gigabytes_per_s";
    row->direction = row->node = row->peer_node = NULL;
    row->rail = row->peer_rail = RG_NONE;
    char *text = print(story);
    assert_int_equal(lines_with(text, "node-a sends, all rails", "180.0"), 1);
    assert_int_equal(lines_with(text, "node-a receives, all rails", "181.0"), 1);
    assert_int_equal(lines_with(text, "all ranks", "9.500 GB/s"), 1);
    free(text);
}

static void what_was_not_asked_for_is_counted_and_not_listed(void **state)
{
    struct story *story = *state;
    add_row(story, RG_PASS, 100);
    struct rg_row *row = add_row(story, RG_NOT_RUN, NAN);
    row->asked = false;
    row->size_bytes = 1 << 20;
    story->verdict.not_asked = 1;
    char *text = print(story);
    assert_lacks(text, "1M");
    assert_has(text, "1 expectation of lab-2x100 the suite did not ask for");
    free(text);
}

static void a_large_fleet_is_summed_up_with_what_did_not_pass(void **state)
{
    struct story *story = *state;
    for (int i = 0; i < 30; i++)
        add_row(story, i == 4 ? RG_FAIL : RG_PASS, i == 4 ? 51.5 : 100 + i);
    char *text = print(story);
    assert_has(text, "30 flows: least 51.50, median 114.5, most 129.0 Gb/s; 29 pass; 1 FAIL\n");
    assert_int_equal(lines_with(text, "node-a", "51.50"), 1);
    assert_int_equal(lines_with(text, "node-a r0 > node-b r0", ""), 1);
    free(text);
    text = print_styled(story, (struct rg_text_style){.all = true});
    assert_int_equal(lines_with(text, "node-a r0 > node-b r0", ""), 30);
    free(text);
}

static void of_a_large_fleet_what_failed_comes_first_and_one_reason_is_not_told_a_hundred_times(void **state)
{
    struct story *story = *state;
    for (int i = 0; i < 120; i++) {
        struct rg_row *row = add_row(story, i == 60 ? RG_FAIL : RG_NOT_RUN, i == 60 ? 51.5 : NAN);
        if (i != 60)
            row->reason = strdup(i == 7 ? "node-q was lost" : "the earlier run has it");
    }
    char *text = print(story), *failed = strstr(text, "  FAIL "), *open = strstr(text, "  not run ");
    assert_has(text, "1 of 120 flows: least 51.50");
    assert_true(failed != NULL && open != NULL && failed < open);
    assert_int_equal(lines_with(text, "the earlier run has it", ""), 7);
    assert_int_equal(lines_with(text, "not run", "and 112 more: the earlier run has it"), 1);
    assert_int_equal(lines_with(text, "node-q was lost", ""), 1);
    assert_lacks(text, "that did not pass");
    assert_narrow(text); /* frees it */
    text = print_styled(story, (struct rg_text_style){.all = true});
    assert_int_equal(lines_with(text, "the earlier run has it", ""), 118);
    free(text);
}

static void the_end_of_a_long_name_is_shown(void **state)
{
    struct story *story = *state;
    add_row(story, RG_PASS, 100)->node = "gke-cluster-with-a-long-name-pool-1-7f2a-x9k1";
    char *text = print(story);
    assert_has(text, "7f2a-x9k1 r0 > node-b r0");
    free(text);
}

/* A rank whose GPU and NIC are so far apart. */
static struct rg_rank_facts rank_at(const char *node, int64_t rail, const char *distance)
{
    struct rg_rank_facts rank;
    rg_rank_facts_clear(&rank);
    rank.node.node = node;
    rank.rail.rail = rail;
    rank.rail.gpu_distance = distance;
    return rank;
}

static void a_gpu_far_from_its_nic_is_warned_of_once_a_node(void **state)
{
    struct story *story = *state;
    struct rg_rank_facts ranks[] = {rank_at("node-a", 0, "PHB"), rank_at("node-a", 1, "PXB"),
        rank_at("node-b", 0, "NODE"), rank_at("node-a", 2, "SYS"), rank_at("node-b", 1, "PIX"),
        rank_at("node-c", 0, "by_index"), rank_at("node-c", 1, NULL),
        rank_at("node-a", 2, "SYS") /* a NIC that talks to itself has two ranks */};
    story->run.ranks = ranks;
    story->run.rank_count = COUNT_OF(ranks);
    char *text = print(story);
    assert_int_equal(lines_with(text, "warning: ", "crosses a host bridge"), 2);
    assert_has(text, "crosses a host bridge on node-a, rail 0 (PHB), rail 2 (SYS)\n");
    assert_has(text, "crosses a host bridge on node-b, rail 0 (NODE)\n");
    free(text);
    ranks[0].rail.gpu_distance = ranks[2].rail.gpu_distance = ranks[3].rail.gpu_distance = "PIX";
    ranks[7].rail.gpu_distance = NULL;
    text = print(story);
    assert_lacks(text, "warning");
    free(text);
}

static void far_gpus_on_many_nodes_are_not_all_named(void **state)
{
    struct story *story = *state;
    static char names[40][16];
    struct rg_rank_facts ranks[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(names[i], sizeof names[i], "node-%zu", i);
        ranks[i] = rank_at(names[i], 0, "SYS");
    }
    story->run.ranks = ranks;
    story->run.rank_count = COUNT_OF(ranks);
    char *text = print(story);
    assert_int_equal(lines_with(text, "crosses a host bridge", "(SYS)"), 8);
    assert_has(text, "warning: so it does on other nodes\n");
    free(text);
    story->run.rank_count = 8;
    text = print(story);
    assert_lacks(text, "other nodes");
    free(text);
}

static void no_line_is_wider_than_100_columns_for_a_node_of_far_gpus(void **state)
{
    struct story *story = *state;
    static char name[254];
    struct rg_rank_facts ranks[64];
    memset(name, 'n', 40);
    for (size_t i = 0; i < COUNT_OF(ranks); i++)
        ranks[i] = rank_at(name, (int64_t)i, "NODE");
    story->run.ranks = ranks;
    story->run.rank_count = COUNT_OF(ranks);
    char *text = print(story);
    assert_has(text, "rail 63 (NODE)");
    assert_narrow(text);
}

static void no_line_is_wider_than_100_columns_for_long_names(void **state)
{
    static char name[254];
    struct story *story = *state;
    memset(name, 'n', sizeof name - 1);
    for (int status = RG_PASS; status < RG_STATUSES; status++) {
        struct rg_row *row = add_row(story, (enum rg_status)status, 100);
        row->node = row->peer_node = name;
        row->rail = row->peer_rail = 63;
        row = add_row(story, (enum rg_status)status, 100);
        row->scope = "node";
        row->side = "rx";
        row->node = name;
        row->peer_node = NULL;
    }
    assert_narrow(print(story));
}

static void no_line_is_wider_than_100_columns_for_any_number(void **state)
{
    static const double numbers[] = {
        0, 1e-12, 1e-9, 0.00012, 0.0999, 1, 9.9999, 99.999, 999.96, 1000, 123456.7, 1e9, 1e12, 1e15, 1e300};
    struct story *story = *state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct rg_row *row = add_row(story, RG_UNSUPPORTED, numbers[i]);
        row->threshold = numbers[i];
        row->node = row->peer_node = "gke-cluster-with-a-long-name-pool-1-7f2a-x9k1";
    }
    assert_narrow(print(story));
    for (size_t i = 0; i < 30; i++)
        add_row(story, (enum rg_status)(i % RG_STATUSES), numbers[i % COUNT_OF(numbers)]);
    assert_narrow(print(story));
}

static void no_line_is_wider_than_100_columns_for_long_sentences(void **state)
{
    static char words[400];
    struct story *story = *state;
    struct rg_lost_rank lost = {
        .node = "gke-cluster-with-a-long-name-pool-1-7f2a-x9k1.example.com", .where = words, .rank = 65535, .rail = 63};
    for (size_t i = 0; i + 1 < sizeof words; i++)
        words[i] = i % 7 == 6 ? ' ' : 'w';
    add_row(story, RG_FAIL, 1)->reason = strdup(words);
    rg_verdict_note(&story->verdict, "%s", words);
    assert_narrow(print(story));
    snprintf(story->verdict.summary, sizeof story->verdict.summary, "%s", words);
    assert_narrow(print(story));
    story->verdict.summary[0] = '\0';
    story->run.hardware = 0;
    story->run.hardware_reason = words;
    assert_narrow(print(story));
    story->run.hardware = 1;
    story->run.lost = &lost;
    story->run.lost_count = 1;
    assert_narrow(print(story));
}

#define TOLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TOLD(the_verdict_comes_first_in_one_word),
        TOLD(statuses_are_words),
        TOLD(colours_are_beside_the_words_and_only_when_asked_for),
        TOLD(a_row_says_where_how_much_and_how_much_it_should_be),
        TOLD(latencies_have_an_upper_bound),
        TOLD(a_reason_is_shown_below_its_row),
        TOLD(sides_of_nodes_and_groups_have_places_of_their_own),
        TOLD(what_was_not_asked_for_is_counted_and_not_listed),
        TOLD(a_large_fleet_is_summed_up_with_what_did_not_pass),
        TOLD(of_a_large_fleet_what_failed_comes_first_and_one_reason_is_not_told_a_hundred_times),
        TOLD(the_end_of_a_long_name_is_shown),
        TOLD(a_gpu_far_from_its_nic_is_warned_of_once_a_node),
        TOLD(far_gpus_on_many_nodes_are_not_all_named),
        TOLD(no_line_is_wider_than_100_columns_for_a_node_of_far_gpus),
        TOLD(no_line_is_wider_than_100_columns_for_long_names),
        TOLD(no_line_is_wider_than_100_columns_for_any_number),
        TOLD(no_line_is_wider_than_100_columns_for_long_sentences),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
