#include "judge/learn.h"

#include "judge/hold.h"
#include "judge/judge.h"
#include "judge/promises.h"
#include "stat/reach.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOOD_RUNS_FAILING 0.01 /* of runs like those that were learned from */
#define DEVIATIONS_ODD 6       /* a row beyond is not noise */
#define SHORTFALL_ODD 5.0      /* percent; nearer the median nothing is odd */
#define DELAY_ODD 50.0         /* the same of latencies; their tails may be anywhere */
#define TOLERANCE_LEAST 1.0    /* percent */
#define TOLERANCE_MOST 50.0    /* beyond, an expectation tells nothing */
#define LATER_MOST 100.0       /* the same of latencies */
#define RUNS_ENOUGH 50         /* with as many, more would not help */
#define DEVIATION_OF_MAD 1.4826

/* One run, and its rows by point. */
struct lesson {
    const char *directory;
    struct rg_run run;
    struct rg_verdict verdict;     /* of the run by itself */
    struct rg_points points, ends; /* as measured; and the ends of the intervals that may be held against a row */
};

struct course {
    struct lesson *lessons;
    size_t count, promised; /* promised: points that a machine's file can tell of */
    const struct rg_machine *like;
    struct learned *points; /* by point of the first run */
};

/* A point of the first run, as all runs have it; in the unit of the metric. */
struct learned {
    double centre, deviation; /* of all rows from the centre */
    size_t rows;
    struct rg_spread spread;
};

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to learn from the runs");
}

/* An expectation knows nothing of depth or MTU: two tests of a suite that differ in such must not become one. */
static int refuse_mixture(const struct lesson *lesson, int64_t first, int64_t second, struct rg_error *err)
{
    const struct rg_settings *a = &lesson->run.suite.tests[first], *b = &lesson->run.suite.tests[second];
    const struct rg_option *row = rg_settings_odd_one(a, b);
    char one[64], other[64];
    if (row == NULL)
        return 0;
    return rg_fail(err, -EINVAL,
        "%s: tests %lld and %lld of the suite are both %s and differ in %s (%s and %s), which a machine's file does not "
        "tell apart: learn from runs of a suite that has one of them",
        lesson->directory, (long long)first + 1, (long long)second + 1, a->test, row->key,
        rg_settings_text(row, a, one), rg_settings_text(row, b, other));
}

static int take_row(struct lesson *lesson, struct rg_row *row, struct rg_error *err)
{
    const char **const texts[] = {
        &row->test, &row->direction, &row->memory, &row->variant, &row->pattern, &row->scope, &row->metric};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        *texts[t] = rg_verdict_text(&lesson->verdict, *texts[t]);
    size_t point = rg_points_place(&lesson->points, row);
    bool ok = point != RG_NO_POINT && rg_point_add(&lesson->points.at[point], row) == 0;
    if (ok && lesson->points.at[point].test_index != row->test_index) {
        int code = refuse_mixture(lesson, lesson->points.at[point].test_index, row->test_index, err);
        if (code != 0)
            return code;
    }
    bool latency = rg_hold_is_latency(row->metric);
    double end = latency ? row->ci95_high : row->ci95_low;
    if (!isnan(end))
        row->measured = latency ? fmax(row->measured, end) : fmin(row->measured, end);
    point = rg_points_place(&lesson->ends, row);
    ok = ok && point != RG_NO_POINT && rg_point_add(&lesson->ends.at[point], row) == 0;
    return ok ? 0 : no_memory(err);
}

static int settle(void *context, struct rg_verdict *unused, size_t first, struct rg_error *err)
{
    int code = 0;
    for (size_t i = first; i < unused->row_count; i++) {
        if (code == 0)
            code = take_row(context, &unused->rows[i], err);
        rg_row_close(&unused->rows[i]);
    }
    unused->row_count = first;
    return code;
}

/* Reads a run, and refuses one that is not good by itself. */
static int read_lesson(struct lesson *lesson, struct rg_error *err)
{
    struct rg_yardstick alone = {0};
    struct rg_verdict unused = {0};
    struct rg_settler settler = {settle, lesson};
    int code = rg_run_load(lesson->directory, &lesson->run, err);
    if (code == 0 && lesson->run.hardware == RG_NONE)
        code = rg_fail(err, -EINVAL, "%s: it is not known whether the run is of hardware", lesson->directory);
    if (code == 0)
        code = rg_judge_run(&lesson->run, lesson->directory, &alone, &lesson->verdict, err);
    if (code == 0 && lesson->verdict.status != RG_PASS)
        code = rg_fail(err, -EINVAL, "%s: is no good run, so nothing is learned from it: %s", lesson->directory,
            lesson->verdict.summary);
    if (code == 0)
        code = rg_judge_measured_by(&lesson->run, lesson->directory, NULL, &settler, &unused, err);
    rg_verdict_close(&unused);
    if (code == 0 && (rg_points_sum_up(&lesson->points) != 0 || rg_points_sum_up(&lesson->ends) != 0))
        code = no_memory(err);
    return code;
}

/* --- whether the runs are alike --- */

static int refuse_unlike(const struct lesson *a, const struct lesson *b, const char *how, struct rg_error *err)
{
    return rg_fail(err, -EINVAL, "%s and %s are not alike: %s", a->directory, b->directory, how);
}

static struct rg_row row_of(const struct rg_test_point *point)
{
    return (struct rg_row){.test = point->test,
        .direction = point->direction,
        .memory = point->memory,
        .variant = point->variant,
        .pattern = point->pattern,
        .scope = point->scope,
        .metric = point->metric,
        .size_bytes = point->size_bytes,
        .queue_pairs = point->queue_pairs};
}

/* Every point of a is one of b. */
static int check_points(const struct lesson *a, const struct lesson *b, struct rg_error *err)
{
    for (size_t p = 0; p < a->points.count; p++) {
        const struct rg_test_point *point = &a->points.at[p];
        struct rg_row row = row_of(point);
        char size[24], words[300];
        if (rg_points_find(&b->points, &row) != RG_NO_POINT)
            continue;
        snprintf(words, sizeof words, "%s %s (%s %s%s%s) was not measured by the second", point->test,
            rg_args_format_bytes(point->size_bytes, size), point->memory, point->scope, point->variant ? " " : "",
            point->variant ? point->variant : "");
        return refuse_unlike(a, b, words, err);
    }
    return 0;
}

static bool has_collectives(const struct lesson *lesson)
{
    for (size_t p = 0; p < lesson->points.count; p++)
        if (strcmp(lesson->points.at[p].scope, "group") == 0)
            return true;
    return false;
}

static int check_alike(const struct lesson *a, const struct lesson *b, struct rg_error *err)
{
    char words[400];
    if (strcmp(a->run.run_id, b->run.run_id) == 0)
        return rg_fail(err, -EINVAL, "%s and %s are the same run", a->directory, b->directory);
    if (a->run.hardware != b->run.hardware)
        return refuse_unlike(a, b, "one is of hardware and the other is not", err);
    if (rg_promises_rails(&a->run) != rg_promises_rails(&b->run))
        return refuse_unlike(a, b, "their nodes have different numbers of rails", err);
    if (a->run.suite.test_count != b->run.suite.test_count)
        return refuse_unlike(a, b, "their suites have different numbers of tests", err);
    for (size_t i = 0; i < a->run.suite.test_count; i++)
        if (rg_settings_differ(&a->run.suite.tests[i], &b->run.suite.tests[i], words, sizeof words))
            return refuse_unlike(a, b, words, err);
    if (a->run.rank_count != b->run.rank_count && (has_collectives(a) || has_collectives(b)))
        return refuse_unlike(a, b, "their collectives are of different numbers of ranks", err);
    int code = check_points(a, b, err);
    return code == 0 ? check_points(b, a, err) : code;
}

static int check_course(const struct course *course, struct rg_error *err)
{
    const struct lesson *first = &course->lessons[0];
    const struct rg_machine *like = course->like;
    int code = 0;
    for (size_t i = 1; code == 0 && i < course->count; i++)
        for (size_t j = 0; code == 0 && j < i; j++)
            code = check_alike(&course->lessons[j], &course->lessons[i], err);
    if (code == 0 && like != NULL && like->hardware != (first->run.hardware != 0))
        code = rg_fail(err, -EINVAL, "%s is %s, and the runs are %s hardware: they cannot stand for each other",
            like->name, like->hardware ? "a real machine" : "no real machine", first->run.hardware ? "of" : "not of");
    if (code == 0 && like != NULL && !rg_promises_whole(&first->run, like))
        code = rg_fail(err, -EINVAL, "%s has %lld rails a node, the runs used %zu", like->name, (long long)like->rails,
            rg_promises_rails(&first->run));
    return code;
}

/* --- what they say --- */

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static const struct rg_test_point *point_in(const struct rg_points *points, const struct rg_test_point *point)
{
    struct rg_row row = row_of(point);
    return &points->at[rg_points_find(points, &row)]; /* the runs are alike */
}

/* The median of the runs' medians, and the spread of all rows about it; in the unit of the metric. */
static int centre_of(const struct course *course, const struct rg_test_point *point, double *centre, double *deviation,
    size_t *rows, struct rg_error *err)
{
    double *medians = calloc(course->count, sizeof *medians), *off = NULL;
    size_t at = 0;
    *rows = 0;
    if (medians == NULL)
        return no_memory(err);
    for (size_t i = 0; i < course->count; i++) {
        const struct rg_test_point *p = point_in(&course->lessons[i].points, point);
        medians[i] = p->median;
        *rows += p->measured;
    }
    char digits[32]; /* six of them are plenty */
    snprintf(digits, sizeof digits, "%.6g", median_of(medians, course->count));
    *centre = strtod(digits, NULL);
    free(medians);
    if ((off = calloc(*rows + 1, sizeof *off)) == NULL)
        return no_memory(err);
    for (size_t i = 0; i < course->count; i++) {
        const struct rg_test_point *p = point_in(&course->lessons[i].points, point);
        for (size_t v = 0; v < p->measured; v++)
            off[at++] = fabs((double)p->values[v] - *centre);
    }
    *deviation = DEVIATION_OF_MAD * median_of(off, at);
    free(off);
    return 0;
}

/* The standard deviation within a run by the median of what rows are off, which a few odd rows don't move; that of the
 * few medians plainly, since what is odd among them has been refused. */
static int spread_of(
    const struct course *course, const struct rg_test_point *point, struct rg_spread *out, struct rg_error *err)
{
    double runs = (double)course->count, mean = 0, squares = 0;
    size_t rows = 0, at = 0;
    for (size_t i = 0; i < course->count; i++) {
        const struct rg_test_point *p = point_in(&course->lessons[i].points, point);
        rows += p->measured;
        mean += p->median / runs;
    }
    double *off = calloc(rows + 1, sizeof *off);
    if (off == NULL)
        return no_memory(err);
    for (size_t i = 0; i < course->count; i++) {
        const struct rg_test_point *p = point_in(&course->lessons[i].points, point);
        squares += (p->median - mean) * (p->median - mean);
        for (size_t v = 0; v < p->measured; v++)
            off[at++] = fabs((double)p->values[v] - p->median);
    }
    *out = (struct rg_spread){.rows = (double)rows / runs, .between = sqrt(squares / (runs - 1))};
    if (out->rows > 1) /* of one row a run there is nothing within */
        out->within = DEVIATION_OF_MAD * median_of(off, at) * sqrt(out->rows / (out->rows - 1));
    free(off);
    return 0;
}

/* How far the worst row of any run is from the centre, and the end of a row's interval from the row, both in percent;
 * refuses what is no noise. */
static int worst_of(const struct course *course, const struct rg_test_point *point, double centre, double deviation,
    double *shortfall, double *interval, struct rg_error *err)
{
    bool latency = rg_hold_is_latency(point->metric);
    bool tail = strcmp(point->metric, "latency_p99_us") == 0;
    double odd = tail ? INFINITY : fmax(100 * DEVIATIONS_ODD * deviation / centre, latency ? DELAY_ODD : SHORTFALL_ODD);
    char size[24];
    *shortfall = *interval = 0;
    for (size_t i = 0; i < course->count; i++) {
        const struct lesson *lesson = &course->lessons[i];
        const struct rg_test_point *measured = point_in(&lesson->points, point), *ends = point_in(&lesson->ends, point);
        double off = latency ? ends->most / centre - 1 : 1 - ends->least / centre;
        double off_measured = latency ? measured->most / centre - 1 : 1 - measured->least / centre;
        if (100 * off_measured > odd)
            return rg_fail(err, -EINVAL,
                "%s: %s %s, %s: %g lies %.1f %% %s the median of all runs, far outside their spread: it is no good run",
                lesson->directory, point->test, rg_args_format_bytes(point->size_bytes, size), point->scope,
                latency ? measured->most : measured->least, 100 * off_measured, latency ? "above" : "below");
        *shortfall = fmax(*shortfall, 100 * off);
        *interval = fmax(*interval, 100 * fabs(ends->median - measured->median) / centre);
    }
    return 0;
}

/* Says why a point has no expectation: it would be so wide that nothing fails it. More runs tell more of how runs
 * differ; the worst row and the intervals stay as they are. */
static void leave_out(const struct course *course, const struct rg_test_point *point, const struct rg_spread *spread,
    const struct rg_expectation *e, double fixed, double most, struct rg_verdict *notes)
{
    double chance = GOOD_RUNS_FAILING / (double)course->promised;
    size_t enough = course->count + 1;
    char size[24], words[64];
    while (enough < RUNS_ENOUGH && 100 * rg_reach(spread, enough, chance) / e->expected + fixed > most)
        enough++;
    snprintf(
        words, sizeof words, enough < RUNS_ENOUGH ? "about %zu runs would do" : "more runs would not help", enough);
    rg_verdict_note(notes, "%s %s%s%s%s%s, %s: not learned: its tolerance would be %.0f %%; %s", point->test,
        rg_args_format_bytes(point->size_bytes, size), point->direction ? " " : "",
        point->direction ? point->direction : "", point->variant ? " " : "", point->variant ? point->variant : "",
        point->metric, e->tolerance_percent, words);
}

/* A machine promises nothing of flows in each other's way. */
static bool is_promised(const struct rg_test_point *point)
{
    return point->pattern == NULL && point->measured > 0;
}

/* Of few runs some points' medians lie together by chance: they may differ by as much, in proportion, as those of half
 * the points of that kind do. */
static int widen(const struct course *course, const struct rg_test_point *point, struct rg_spread *io, double centre,
    struct rg_error *err)
{
    const struct rg_points *points = &course->lessons[0].points;
    double *shares = calloc(points->count, sizeof *shares);
    size_t count = 0;
    if (shares == NULL)
        return no_memory(err);
    for (size_t p = 0; p < points->count; p++) {
        const struct rg_test_point *other = &points->at[p];
        if (is_promised(other) && strcmp(other->metric, point->metric) == 0 && strcmp(other->scope, point->scope) == 0)
            shares[count++] = course->points[p].spread.between / course->points[p].centre;
    }
    io->between = fmax(io->between, median_of(shares, count) * centre);
    free(shares);
    return 0;
}

static int learn_points(struct course *course, struct rg_error *err)
{
    const struct rg_points *points = &course->lessons[0].points;
    int code = 0;
    course->points = calloc(points->count + 1, sizeof *course->points);
    if (course->points == NULL)
        return no_memory(err);
    for (size_t p = 0; code == 0 && p < points->count; p++) {
        const struct rg_test_point *point = &points->at[p];
        struct learned *learned = &course->points[p];
        if (!is_promised(point))
            continue;
        course->promised++;
        code = centre_of(course, point, &learned->centre, &learned->deviation, &learned->rows, err);
        if (code == 0 && learned->centre <= 0)
            code = rg_fail(err, -EINVAL, "%s: nothing was moved, so nothing is learned", point->test);
        if (code == 0)
            code = spread_of(course, point, &learned->spread, err);
    }
    if (code == 0 && course->promised == 0)
        code =
            rg_fail(err, -EINVAL, "%s: holds nothing that a machine's file can promise", course->lessons[0].directory);
    return code;
}

/* One more expectation, or a note why not. */
static int expect(const struct course *course, size_t p, const struct rg_source *source, struct rg_verdict *notes,
    struct rg_machine *out, struct rg_error *err)
{
    const struct rg_test_point *point = &course->lessons[0].points.at[p];
    const struct learned *learned = &course->points[p];
    struct rg_spread spread = learned->spread;
    double most = rg_hold_is_latency(point->metric) ? LATER_MOST : TOLERANCE_MOST;
    double centre = learned->centre, shortfall = NAN, interval = NAN;
    char note[200];
    int code = worst_of(course, point, centre, learned->deviation, &shortfall, &interval, err);
    if (code == 0)
        code = widen(course, point, &spread, centre, err);
    if (code != 0)
        return code;
    snprintf(note, sizeof note,
        "Median of %zu runs' medians, %zu rows; standard deviation %.2g %% between runs, %.2g %% within; worst row "
        "%.2g %% off.",
        course->count, learned->rows, 100 * learned->spread.between / centre, 100 * spread.within / centre, shortfall);
    double reach = rg_reach(&spread, course->count, GOOD_RUNS_FAILING / (double)course->promised);
    double tolerance = fmax(fmax(100 * reach / centre + interval, shortfall), TOLERANCE_LEAST);
    struct rg_expectation e = {.test = point->test,
        .direction = point->direction,
        .memory = point->memory,
        .variant = point->variant,
        .scope = point->scope,
        .metric = point->metric,
        .source = source->id,
        .note = rg_verdict_text(notes, note),
        .size_bytes = point->size_bytes,
        .queue_pairs = point->queue_pairs,
        .expected = centre,
        .tolerance_percent = ceil(10 * tolerance) / 10}; /* upwards, so that the worst row still passes */
    if (e.tolerance_percent > most)
        leave_out(course, point, &spread, &e, shortfall > most ? INFINITY : interval, most, notes);
    else
        out->expectations[out->expectation_count++] = e;
    return 0;
}

/* 6 where a rail's GID is no IPv4 address in IPv6's form. */
static int64_t ip_version_of(const struct rg_run *run)
{
    for (size_t i = 0; i < run->rank_count; i++) {
        const char *gid = run->ranks[i].rail.gid;
        if (gid != NULL && strncmp(gid, "0000:0000:0000:0000:0000:ffff:", 30) != 0 && strncmp(gid, "::ffff:", 7) != 0)
            return 6;
    }
    return 4;
}

static void name_source(const struct course *course, char id[64], char title[128], char note[1024])
{
    const struct rg_run *first = &course->lessons[0].run;
    size_t used;
    snprintf(id, 64, "learned-%s", first->run_id);
    for (char *c = id; *c != '\0'; c++)
        *c = (char)(*c == 'T' ? 't' : *c == 'Z' ? 'z' : *c);
    snprintf(title, 128, "%zu runs of suite %.64s", course->count, first->suite.name);
    used = (size_t)snprintf(note, 1024, "Learned by railgauge compare --learn%s%.200s. Runs: ",
        first->hardware ? "" : "; not hardware: ", first->hardware ? "" : first->hardware_reason);
    for (size_t i = 0; i < course->count && used + 40 < 1024; i++)
        used += (size_t)snprintf(note + used, 1024 - used, "%s%s", i > 0 ? ", " : "", course->lessons[i].run.run_id);
    if (used + 40 >= 1024)
        snprintf(note + used, 1024 - used, ", ...");
}

static int write_machine(
    const struct course *course, const char *name, char **text, struct rg_verdict *notes, struct rg_error *err)
{
    struct lesson *first = &course->lessons[0];
    const struct rg_machine *like = course->like;
    char id[64], title[128], note[1024];
    struct rg_source source = {id, title, note};
    struct rg_machine machine = {.line_rate_gbps = NAN,
        .node_nominal_gbps = NAN,
        .fleet_tolerance_percent = NAN,
        .mtu_bytes = RG_NONE,
        .rdma = RG_NONE,
        .ip_version = ip_version_of(&first->run),
        .rails = (int64_t)rg_promises_rails(&first->run)};
    int code = 0;
    name_source(course, id, title, note);
    if (like != NULL)
        machine = *like;
    machine.name = name;
    machine.description = title;
    machine.hardware = first->run.hardware != 0;
    machine.expectations = calloc(first->points.count + 1, sizeof *machine.expectations);
    machine.expectation_count = 0;
    if (machine.expectations == NULL)
        return no_memory(err);
    for (size_t p = 0; code == 0 && p < first->points.count; p++)
        if (is_promised(&first->points.at[p]))
            code = expect(course, p, &source, notes, &machine, err);
    if (code == 0 && machine.expectation_count == 0)
        code = rg_fail(err, -EINVAL, "the %zu runs tell too little: %s", course->count, notes->incompatible[0]);
    if (code == 0 && (*text = rg_machine_text(&machine, like, &source)) == NULL)
        code = no_memory(err);
    free(machine.expectations);
    return code;
}

int rg_learn_machine(const char *const *directories, size_t count, const struct rg_machine *like, const char *name,
    char **text, struct rg_verdict *notes, struct rg_error *err)
{
    struct course course = {.like = like};
    if (count < RG_LEARN_RUNS_LEAST)
        return rg_fail(err, -EINVAL, "%zu run%s: %d are needed at least, since runs differ more than what is in one",
            count, count == 1 ? "" : "s", RG_LEARN_RUNS_LEAST);
    if (!rg_machine_is_name(name))
        return rg_fail(err, -EINVAL,
            "'%s' is no name for a machine: it begins with a-z or 0-9 and goes on with these, '_' and '-'", name);
    if ((course.lessons = calloc(count, sizeof *course.lessons)) == NULL)
        return no_memory(err);
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        course.lessons[i].directory = directories[i];
        course.count = i + 1;
        code = read_lesson(&course.lessons[i], err);
    }
    if (code == 0)
        code = check_course(&course, err);
    if (code == 0)
        code = learn_points(&course, err);
    if (code == 0)
        code = write_machine(&course, name, text, notes, err);
    for (size_t i = 0; i < course.count; i++) {
        rg_points_close(&course.lessons[i].points);
        rg_points_close(&course.lessons[i].ends);
        rg_verdict_close(&course.lessons[i].verdict);
        rg_run_close(&course.lessons[i].run);
    }
    free(course.points);
    free(course.lessons);
    return code;
}
