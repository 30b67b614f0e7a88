#include "stat/change.h"

#include "stat/strays.h"
#include "stat/tail.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BEFORE 5 /* values of the first level; of a later one 3 do, since the noise is known by then */
#define LEAST_BEFORE_LATER 3
#define KNOWN_FREEDOM 8
#define LEAST_RANGE 8     /* values that say how far the quantiles lie apart */
#define REACH 1.5         /* in ranges between the quantiles; of the normal distribution 4.9 standard deviations */
#define LEAST_SPREAD 2e-4 /* of a level: devices count in steps */
#define LIMIT 0.63        /* a stray has gone so far from the old level to the new; by measurement */
#define SETTLED 40        /* values of its own that a series needs before those of others speak for it */
#define EVERY_LENGTH 16   /* late parts of up to so many runs are all looked at, longer ones by steps of a quarter */

/* One series, run by run. */
struct track {
    double *x;             /* the values so far; those before `from` less their level */
    uint32_t *run;         /* of each */
    double *sum;           /* sum[i]: of x[from .. i), bounded, less the origin */
    double *scratch;       /* shared; room for all runs */
    const double *inverse; /* shared; 1 / i */
    size_t n, from, look_again;
    double squares;               /* of what `sum` sums */
    double origin, centre, reach; /* values are bounded by centre +- reach; INFINITY: not known yet */
    double past_squares, past_freedom;
};

/* Puts the value of that rank at its place, none greater before it and none less after it: Hoare, "Algorithm 65: Find",
 * Communications of the ACM 4 (1961). */
static double select_rank(double *values, size_t count, size_t rank)
{
    size_t first = 0, last = count - 1;
    while (first < last) {
        double pivot = values[first + (last - first) / 2];
        size_t i = first, j = last;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            double swapped = values[i];
            values[i] = values[j];
            values[j] = swapped;
        }
        if (rank <= j)
            last = j;
        else
            first = j + 1;
    }
    return values[rank];
}

/* As rg_summary_quantile, of values in any order, which it reorders. */
static double quantile_of(double *values, size_t count, double q)
{
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    double low = select_rank(values, count, below), high = INFINITY;
    if (below + 1 == count)
        return low;
    for (size_t i = below + 1; i < count; i++)
        high = fmin(high, values[i]);
    return low + (place - (double)below) * (high - low);
}

/* The median, and how far values may lie from it; INFINITY where too few say so. */
static double centre_of(const double *values, size_t count, double *scratch, double *reach)
{
    memcpy(scratch, values, count * sizeof *scratch);
    double centre = quantile_of(scratch, count, 0.5);
    *reach = INFINITY;
    if (count >= LEAST_RANGE) {
        double range = quantile_of(scratch, count, 0.95) - quantile_of(scratch, count, 0.05);
        *reach = REACH * fmax(range, 3.3 * LEAST_SPREAD * fabs(centre));
    }
    return centre;
}

static double bounded(double value, double centre, double reach)
{
    return fmin(fmax(value, centre - reach), centre + reach);
}

/* --- adding a value --- */

static void count_in(struct track *t, size_t i)
{
    double value = bounded(t->x[i], t->centre, t->reach) - t->origin;
    t->sum[i + 1] = t->sum[i] + value;
    t->squares += value * value;
}

/* Bounds all values since `from` anew. */
static void look_at_all(struct track *t)
{
    double reach;
    size_t count = t->n - t->from;
    t->centre = centre_of(&t->x[t->from], count, t->scratch, &reach);
    if (isinf(t->reach) || count >= 2 * LEAST_RANGE + 4)
        t->reach = reach;
    t->origin = t->centre;
    t->squares = 0;
    t->sum[t->from] = 0;
    for (size_t i = t->from; i < t->n; i++)
        count_in(t, i);
    t->look_again = count + count / 2 + 1;
}

static void take(struct track *t, double value, size_t run)
{
    if (t->n > t->from && t->n - t->from >= t->look_again)
        look_at_all(t);
    if (t->n == 0)
        t->origin = t->centre = value;
    t->x[t->n] = value;
    t->run[t->n] = (uint32_t)run;
    count_in(t, t->n++);
}

/* --- testing --- */

struct split {
    size_t late; /* values after it */
    double t_squared, freedom, before, after;
    double chance;              /* of so great a t; and that the values before it are strays of those after it */
    double farther;             /* how far the nearest late stray lies from the level, as a share of it */
    struct rg_strays_seen seen; /* so far off, before it and after it */
};

/* The split since `from` with the greatest t, which is that with the greatest square between its parts, and how many
 * there were. */
static size_t best_split(const struct track *t, struct split *out)
{
    size_t count = t->n - t->from, looks = 0;
    size_t least = t->past_freedom >= KNOWN_FREEDOM ? LEAST_BEFORE_LATER : LEAST_BEFORE;
    double all = t->sum[t->n], mean = all / (double)count, most = -1;
    *out = (struct split){.freedom = (double)count - 2 + t->past_freedom};
    for (size_t late = 2; late + least <= count; late += late < EVERY_LENGTH ? 1 : late / 4) {
        double off = all - t->sum[t->n - late] - (double)late * mean;
        double between = off * off * (t->inverse[late] + t->inverse[count - late]);
        looks++;
        if (between > most) {
            most = between;
            out->late = late;
        }
    }
    if (looks == 0)
        return 0;
    double rest = (double)(count - out->late), late_sum = all - t->sum[t->n - out->late];
    double within = fmax(t->squares - all * mean - most, 0) + t->past_squares, floor = LEAST_SPREAD * t->centre;
    out->t_squared = most / (within / out->freedom + floor * floor);
    out->before = (all - late_sum) / rest + t->origin;
    out->after = late_sum / (double)out->late + t->origin;
    return looks;
}

/* How many of x[first .. last) lie farther from the level than `rise`, to the same side. */
static double count_strays(const double *x, size_t first, size_t last, double level, double rise)
{
    double strays = 0;
    for (size_t i = first; i < last; i++)
        strays += rise > 0 ? x[i] - level > rise : x[i] - level < rise;
    return strays;
}

/* That as many of the first level's values would lie where they do if they were strays of the later ones, as a few bad
 * nights at the beginning are. */
static double chance_of_early(const struct track *t, const struct split *split)
{
    double rise = LIMIT * (split->before - split->after);
    size_t at = t->n - split->late;
    double strays = count_strays(t->x, at, t->n, split->after, rise);
    double early = count_strays(t->x, 0, at, split->after, rise);
    return rg_tail_binomial((double)at, early, (strays + 1) / ((double)split->late + 1));
}

/* That as many late values would lie beyond the limit if they were like the earlier ones. One more than there were
 * stands for those that were not seen yet. */
static double chance_of_strays(const struct track *t, struct split *split)
{
    double rise = LIMIT * (split->after - split->before), nearest = INFINITY;
    size_t at = t->n - split->late;
    double n = (double)at, l = (double)split->late, late = count_strays(t->x, at, t->n, split->before, rise);
    double strays = count_strays(t->x, 0, t->from, 0, rise) + count_strays(t->x, t->from, at, split->before, rise);
    for (size_t i = at; i < t->n; i++)
        if ((t->x[i] - split->before) / rise > 1)
            nearest = fmin(nearest, fabs(t->x[i] - split->before));
    double farther = late > 0 ? copysign(nearest, rise) : rise;
    split->farther = farther / split->before;
    split->seen = (struct rg_strays_seen){.n = n,
        .s = count_strays(t->x, 0, t->from, 0, farther) + count_strays(t->x, t->from, at, split->before, farther),
        .l = l,
        .k = late};
    return rg_tail_binomial(l, late, (strays + 1) / (n + 1));
}

/* All of the early ones on one level, and all of the late ones on another. */
size_t rg_change_least_values(size_t series, double level)
{
    for (size_t count = LEAST_BEFORE + 2;; count++)
        for (size_t late = 2; late + LEAST_BEFORE <= count; late++) {
            double l = (double)late, n = (double)(count - late);
            if (fmax(pow(1 / (n + 1), l), pow(1 / (l + 1), n)) <= level / (double)series)
                return count;
        }
}

/* How far the late values went: to their median, since bounded ones went no farther than the bound. */
static double late_level(const struct track *t, size_t late)
{
    double reach;
    return centre_of(&t->x[t->n - late], late, t->scratch, &reach);
}

/* The series' p after its newest value; false: there are too few to say. */
static bool test(const struct track *t, const struct rg_change_settings *settings, double least_t_squared,
    struct split *split, double *p)
{
    size_t looks = best_split(t, split);
    *p = 1;
    if (looks == 0)
        return false;
    /* The normal distribution's tail, which is below Student's, spares the exact one nearly always. */
    if (split->t_squared < least_t_squared || erfc(sqrt(split->t_squared / 2)) * (double)looks > settings->level)
        return true;
    if (fabs(late_level(t, split->late) - split->before) < settings->least_percent / 100 * fabs(split->before))
        return true;
    double chance = rg_tail_student(sqrt(split->t_squared), split->freedom) * (double)looks;
    if (chance <= settings->level && t->from == 0)
        chance = fmax(chance, chance_of_early(t, split));
    split->chance = chance;
    if (chance <= settings->level)
        chance = fmax(chance, chance_of_strays(t, split));
    *p = chance;
    return true;
}

/* The run of values[first .. last) from which on `after` fits better than `before`. How badly a value fits is bounded,
 * as in Fearnhead and Rigaill, "Changepoint Detection in the Presence of Outliers", Journal of the American Statistical
 * Association 114 (2019). */
static size_t date_of(const double *values, size_t first, size_t last, double before, double after, size_t fallback)
{
    double most = (after - before) * (after - before), cost = 0, least = INFINITY;
    size_t best = fallback;
    bool any = false;
    for (size_t r = first; r < last; r++) {
        if (isnan(values[r]))
            continue;
        if (any && cost < least) {
            least = cost;
            best = r;
        }
        any = true;
        double off_before = (values[r] - before) * (values[r] - before);
        double off_after = (values[r] - after) * (values[r] - after);
        cost += fmin(off_before, most) - fmin(off_after, most);
    }
    return best;
}

/* Where the new level is out of bounds, the split of bounded values may be some runs early. What is then left of the
 * old level in the new one would look like another change. */
static void begin_later(const struct track *t, struct split *split)
{
    double level = late_level(t, split->late);
    size_t at = t->n - split->late;
    if (fabs(level - t->centre) > t->reach)
        split->late = t->n - date_of(t->x, at - 1, t->n, split->before, level, at);
}

/* The series begins anew at the split; what lay before it says how noisy it is. */
static void begin_anew(struct track *t, const struct split *split)
{
    size_t at = t->n - split->late;
    double reach, count = (double)(at - t->from);
    double level = centre_of(&t->x[t->from], at - t->from, t->scratch, &reach), mean = 0, squares = 0;
    if (isfinite(reach))
        t->reach = reach;
    for (size_t i = t->from; i < at; i++)
        mean += bounded(t->x[i], level, t->reach) / count;
    for (size_t i = t->from; i < at; i++) {
        double off = bounded(t->x[i], level, t->reach) - mean;
        squares += off * off;
        t->x[i] -= mean;
    }
    t->past_squares += squares;
    t->past_freedom += count - 1;
    t->from = at;
    look_at_all(t);
}

/* --- all series together --- */

/* A series whose p after a run is below the level of one series alone. */
struct candidate {
    double p;
    size_t series;
    struct split split;
};

struct search {
    const double *const *series;
    const struct rg_change_settings *settings;
    struct track *tracks;
    uint32_t *numbered;           /* the tracks' runs */
    struct candidate *candidates; /* by series: what it waits with */
    struct candidate *same_run;   /* those that wait with the same run */
    size_t *next;                 /* by series: the run after those that it has taken */
    struct rg_strays *strays;     /* of alike series; NULL: each is alone */
    size_t *tested;               /* by run: series that could have told a change after it */
    struct rg_change *changes;
    size_t count, runs, change_count, change_room;
    double least_t_squared; /* of the normal distribution, at the level */
};

/* How far the next value lies from the level so far. */
static void note(struct search *s, size_t series, size_t run)
{
    const struct track *t = &s->tracks[series];
    size_t count = t->n - t->from;
    if (s->strays == NULL || count < LEAST_RANGE)
        return;
    double level = t->sum[t->n] / (double)count + t->origin;
    rg_strays_note(s->strays, series, run, s->series[series][run] / level - 1);
}

/* The p of a candidate, with what is known of the series like it. */
static double p_of(const struct search *s, const struct candidate *candidate)
{
    const struct split *split = &candidate->split;
    if (s->strays == NULL || split->seen.n < SETTLED)
        return candidate->p;
    double strays = rg_strays_chance(s->strays, candidate->series, split->farther, &split->seen);
    return fmax(split->chance, strays);
}

/* Takes values until a candidate comes, or to the end. A series does not look at others, so that each goes on alone,
 * which keeps it in the processor's caches. */
static void advance(struct search *s, size_t series)
{
    struct candidate *candidate = &s->candidates[series];
    *candidate = (struct candidate){.p = 1, .series = series};
    while (s->next[series] < s->runs && candidate->p > s->settings->level) {
        size_t run = s->next[series]++;
        if (isnan(s->series[series][run]))
            continue;
        note(s, series, run);
        take(&s->tracks[series], s->series[series][run], run);
        s->tested[run] += test(&s->tracks[series], s->settings, s->least_t_squared, &candidate->split, &candidate->p);
    }
}

static int by_p(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? 1 : -1;
    return (x->series > y->series) - (x->series < y->series);
}

static int add_change(struct search *s, const struct candidate *candidate, size_t run, struct rg_error *err)
{
    const struct track *t = &s->tracks[candidate->series];
    if (s->change_count == s->change_room) {
        size_t room = s->change_room ? 2 * s->change_room : 64;
        struct rg_change *grown = realloc(s->changes, room * sizeof *grown);
        if (grown == NULL)
            return rg_fail(err, -ENOMEM, "no memory for %zu changes", room);
        s->changes = grown;
        s->change_room = room;
    }
    s->changes[s->change_count++] = (struct rg_change){
        .series = candidate->series, .run = t->run[t->n - candidate->split.late], .told = run, .p = candidate->p};
    return 0;
}

/* Tells by Holm's procedure which of the series that wait with that run have changed, and lets them go on. */
static int tell_of(struct search *s, size_t run, struct rg_error *err)
{
    size_t found = 0;
    bool told = true;
    int code = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->next[i] == run + 1 && s->candidates[i].p <= s->settings->level)
            s->same_run[found++] = s->candidates[i];
    for (size_t j = 0; j < found; j++)
        s->same_run[j].p = p_of(s, &s->same_run[j]);
    qsort(s->same_run, found, sizeof *s->same_run, by_p);
    for (size_t j = 0; code == 0 && j < found; j++) {
        struct candidate *candidate = &s->same_run[j];
        told = told && candidate->p <= s->settings->level / (double)(s->tested[run] - j);
        if (told) {
            begin_later(&s->tracks[candidate->series], &candidate->split);
            code = add_change(s, candidate, run, err);
            begin_anew(&s->tracks[candidate->series], &candidate->split);
        }
        advance(s, candidate->series);
    }
    return code;
}

/* --- dates and sizes, with all that is known by now --- */

struct level {
    double count, mean, squares;
};

/* Of values[first .. last); scratch has room for them twice. */
static struct level level_of(const double *values, size_t first, size_t last, double *scratch)
{
    double *kept = scratch, reach;
    size_t count = 0;
    for (size_t r = first; r < last; r++)
        if (!isnan(values[r]))
            kept[count++] = values[r];
    struct level level = {.count = (double)count, .mean = count > 0 ? 0 : NAN};
    if (count == 0)
        return level;
    double centre = centre_of(kept, count, kept + count, &reach);
    for (size_t i = 0; i < count; i++)
        level.mean += bounded(kept[i], centre, reach) / level.count;
    for (size_t i = 0; i < count; i++) {
        double off = bounded(kept[i], centre, reach) - level.mean;
        level.squares += off * off;
    }
    return level;
}

/* Both parts are taken to be as noisy. */
void rg_change_measure(
    const double *values, size_t first, size_t at, size_t last, double *scratch, struct rg_change *out)
{
    struct level before = level_of(values, first, at, scratch), after = level_of(values, at, last, scratch);
    double freedom = before.count + after.count - 2, reach = NAN, p = NAN;
    double rise = after.mean - before.mean, scale = 100 / before.mean;
    if (freedom >= 1 && before.count > 0 && after.count > 0) {
        double floor = LEAST_SPREAD * before.mean, variance = (before.squares + after.squares) / freedom;
        double error = sqrt((variance + floor * floor) * (1 / before.count + 1 / after.count));
        reach = rg_tail_student_quantile(0.05, freedom) * error;
        p = rg_tail_student(rise / error, freedom);
    }
    out->before = before.mean;
    out->after = after.mean;
    out->percent = rise * scale;
    out->low_percent = (rise - reach) * scale;
    out->high_percent = (rise + reach) * scale;
    out->p = p;
}

/* The changes of one series, in the order of time: first their dates, then the levels between them. */
static void describe(const double *values, size_t runs, struct rg_change *changes, size_t count, double *scratch)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            struct rg_change *change = &changes[i];
            size_t first = i > 0 ? changes[i - 1].run : 0, last = i + 1 < count ? changes[i + 1].run : runs;
            double p = change->p;
            rg_change_measure(values, first, change->run, last, scratch, change);
            change->p = p;
            if (pass == 0)
                change->run = date_of(values, first, last, change->before, change->after, change->run);
        }
}

static int by_series(const void *a, const void *b)
{
    const struct rg_change *x = a, *y = b;
    if (x->series != y->series)
        return x->series > y->series ? 1 : -1;
    return (x->told > y->told) - (x->told < y->told);
}

static void describe_all(struct search *s, double *scratch)
{
    if (s->change_count == 0)
        return;
    qsort(s->changes, s->change_count, sizeof *s->changes, by_series);
    for (size_t first = 0, next; first < s->change_count; first = next) {
        next = first + 1;
        while (next < s->change_count && s->changes[next].series == s->changes[first].series)
            next++;
        describe(s->series[s->changes[first].series], s->runs, &s->changes[first], next - first, scratch);
    }
}

static int search_all(struct search *s, double *numbers, struct rg_error *err)
{
    double *scratch = numbers, *inverse = numbers + 2 * s->runs;
    int code = 0;
    for (size_t i = 1; i <= s->runs; i++)
        inverse[i] = 1 / (double)i;
    for (size_t i = 0; i < s->count; i++) {
        double *own = inverse + s->runs + 1 + i * (2 * s->runs + 1);
        s->tracks[i] = (struct track){.x = own,
            .sum = own + s->runs,
            .run = s->numbered + i * s->runs,
            .scratch = scratch,
            .inverse = inverse,
            .look_again = LEAST_RANGE,
            .reach = INFINITY};
        advance(s, i);
    }
    for (size_t run = 0; code == 0 && run < s->runs; run++) {
        if (s->strays != NULL)
            rg_strays_count(s->strays, run);
        code = tell_of(s, run, err);
    }
    if (code == 0)
        describe_all(s, scratch);
    return code;
}

int rg_change_find(const double *const *series, size_t count, size_t runs, const struct rg_change_settings *settings,
    struct rg_change **out, size_t *out_count, struct rg_error *err)
{
    double least_t = rg_tail_student_quantile(settings->level, 1e9);
    struct search s = {.series = series,
        .settings = settings,
        .count = count,
        .runs = runs,
        .least_t_squared = 0.999 * least_t * least_t};
    double *numbers = calloc(count * (2 * runs + 1) + 3 * runs + 1, sizeof *numbers);
    s.numbered = calloc(count * runs + 1, sizeof *s.numbered);
    s.tracks = calloc(count + 1, sizeof *s.tracks);
    s.candidates = calloc(count + 1, sizeof *s.candidates);
    s.same_run = calloc(count + 1, sizeof *s.same_run);
    s.next = calloc(count + 1, sizeof *s.next);
    s.tested = calloc(runs + 1, sizeof *s.tested);
    int code = 0;
    if (!numbers || !s.numbered || !s.tracks || !s.candidates || !s.same_run || !s.next || !s.tested)
        code = rg_fail(err, -ENOMEM, "no memory for %zu series of %zu runs", count, runs);
    if (code == 0 && settings->families != NULL)
        code = rg_strays_open(count, runs, settings->families, settings->family_count, &s.strays, err);
    if (code == 0)
        code = search_all(&s, numbers, err);
    rg_strays_close(s.strays);
    if (code == 0) {
        *out = s.changes;
        *out_count = s.change_count;
    } else {
        free(s.changes);
    }
    void *owned[] = {numbers, s.numbered, s.tracks, s.candidates, s.same_run, s.next, s.tested};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    return code;
}
