#include "stat/strays.h"

#include "stat/tail.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 2000   /* of a level, so that a bin is a twentieth of a percent of it */
#define FARTHEST 640 /* bins to each side; what lies farther is put in the last */
#define BINS (2 * FARTHEST + 1)
#define NOT_NOTED INT16_MIN
#define NEAR 8  /* runs in which two values count as a pair */
#define KEPT 16 /* runs that can be taken away again */

struct rg_strays {
    size_t series, runs, families;
    const size_t *family_of;
    int16_t *noted;   /* of series s and run r at s * runs + r */
    uint32_t *all;    /* pairs, by family and bin */
    uint32_t *latest; /* of run r at r % KEPT, likewise */
    size_t counted;   /* runs */
};

int rg_strays_open(size_t series, size_t runs, const size_t *families, size_t family_count, struct rg_strays **out,
    struct rg_error *err)
{
    struct rg_strays *s = calloc(1, sizeof *s);
    if (s != NULL) {
        *s = (struct rg_strays){.series = series, .runs = runs, .families = family_count, .family_of = families};
        s->noted = malloc((series * runs + 1) * sizeof *s->noted);
        s->all = calloc(family_count * BINS + 1, sizeof *s->all);
        s->latest = calloc(KEPT * family_count * BINS + 1, sizeof *s->latest);
    }
    if (s == NULL || s->noted == NULL || s->all == NULL || s->latest == NULL) {
        rg_strays_close(s);
        return rg_fail(err, -ENOMEM, "no memory for %zu series of %zu runs", series, runs);
    }
    for (size_t i = 0; i < series * runs; i++)
        s->noted[i] = NOT_NOTED;
    *out = s;
    return 0;
}

void rg_strays_close(struct rg_strays *strays)
{
    if (strays == NULL)
        return;
    free(strays->noted);
    free(strays->all);
    free(strays->latest);
    free(strays);
}

/* Away from zero, so that nothing counts as nearer than it is. */
static int bin_of(double share)
{
    double bins = fmin(fabs(share) * STEPS, FARTHEST);
    return (int)(share < 0 ? -ceil(bins) : ceil(bins));
}

void rg_strays_note(struct rg_strays *strays, size_t series, size_t run, double share)
{
    if (isfinite(share))
        strays->noted[series * strays->runs + run] = (int16_t)bin_of(share);
}

static void count_bin(struct rg_strays *strays, size_t run, size_t family, int bin)
{
    size_t place = family * BINS + (size_t)(bin + FARTHEST);
    strays->latest[run % KEPT * strays->families * BINS + place]++;
    strays->all[place]++;
}

/* How far off both are, if on the same side. */
static int bin_of_pair(int a, int b)
{
    if (a > 0 && b > 0)
        return a < b ? a : b;
    return a < 0 && b < 0 ? (a > b ? a : b) : 0;
}

void rg_strays_count(struct rg_strays *strays, size_t run)
{
    size_t table = strays->families * BINS;
    memset(&strays->latest[run % KEPT * table], 0, table * sizeof *strays->latest);
    for (size_t i = 0; i < strays->series; i++) {
        const int16_t *noted = &strays->noted[i * strays->runs];
        if (noted[run] == NOT_NOTED)
            continue;
        for (size_t back = 1; back <= NEAR && back <= run; back++)
            if (noted[run - back] != NOT_NOTED)
                count_bin(strays, run, strays->family_of[i], bin_of_pair(noted[run], noted[run - back]));
    }
    strays->counted = run + 1;
}

/* Of one table's bins how many lie as far off, and how many there are. */
static void add_up(const uint32_t *bins, int least, double sign, double *far, double *all)
{
    for (int bin = -FARTHEST; bin <= FARTHEST; bin++) {
        *all += sign * bins[bin + FARTHEST];
        *far += sign * ((least < 0 ? bin <= least : bin >= least) ? bins[bin + FARTHEST] : 0);
    }
}

/* E[q^2]. */
static double mean_of_pairs(const struct rg_strays *strays, size_t series, int least, size_t late)
{
    size_t table = strays->families * BINS, family = strays->family_of[series] * BINS;
    double far = 1, all = 1;
    add_up(&strays->all[family], least, 1, &far, &all);
    for (size_t back = 1; back <= late && back <= KEPT && back <= strays->counted; back++)
        add_up(&strays->latest[(strays->counted - back) % KEPT * table + family], least, -1, &far, &all);
    return far / all;
}

/* Of the shares from `from` down to `to`, in steps of a ratio, what is to be greatest; its share goes into *at. */
static double greatest(
    double from, double to, double ratio, const struct rg_strays_seen *seen, double power, double *at /* out */)
{
    double most = 0;
    double q = from;
    while (q > to) {
        double seldom = q < 1 ? 1 - rg_tail_binomial(seen->n, seen->s + 1, q) : 0;
        double chance = seldom * rg_tail_binomial(seen->l, seen->k, q) / pow(q, power);
        if (chance > most) {
            most = chance;
            *at = q;
        }
        q *= ratio;
    }
    return most;
}

double rg_strays_chance(const struct rg_strays *strays, size_t series, double share, const struct rg_strays_seen *seen)
{
    double chance = 1, at = 1;
    for (double power = 0; power <= 2 && power <= seen->k; power += 2) {
        double mean = power > 0 ? mean_of_pairs(strays, series, bin_of(share), (size_t)seen->l) : 1;
        greatest(1, 1e-6, 0.8, seen, power, &at);
        chance = fmin(chance, mean * greatest(at / 0.8, at * 0.8, 0.97, seen, power, &at));
    }
    double misses = seen->l - seen->k;
    return fmin(1, chance * (seen->s + 1) * (seen->s + 2) * (misses + 1) * (misses + 2));
}
