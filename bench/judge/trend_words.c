#include "judge/trend_words.h"

#include "data/namesakes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- what differed --- */

/* The facts of one run of one name. */
struct facts {
    const struct rg_past_fact *first;
    size_t count;
};

static struct facts of_run(const struct rg_past *past, size_t run)
{
    size_t first = 0, last;
    while (first < past->fact_count && past->facts[first].run < run)
        first++;
    for (last = first; last < past->fact_count && past->facts[last].run == run;)
        last++;
    return (struct facts){past->facts + first, last - first};
}

/* Those that begin the list, of the same name; the list then begins after them. */
static struct facts take_name(struct facts *list)
{
    struct facts taken = {list->first, 0};
    while (taken.count < list->count && strcmp(list->first[taken.count].name, list->first->name) == 0)
        taken.count++;
    list->first += taken.count;
    list->count -= taken.count;
    return taken;
}

/* What holds at a place: the narrowest fact that covers it; NULL: none does. */
static const char *value_at(const struct facts *facts, const struct rg_judge_place *place)
{
    const char *value = NULL;
    int narrowest = -1;
    for (size_t i = 0; i < facts->count; i++) {
        const struct rg_past_fact *fact = &facts->first[i];
        bool node = fact->node == NULL || (place->node != NULL && strcmp(fact->node, place->node) == 0);
        bool rail = fact->rail == RG_NONE || place->rail == RG_NONE || fact->rail == place->rail;
        int narrow = (fact->node != NULL) + (fact->rail != RG_NONE);
        if (!node || !rail || narrow <= narrowest)
            continue;
        narrowest = narrow;
        value = fact->value;
    }
    return value;
}

/* Where what tells a test from others of its name begins in a fact's name. */
static size_t stem_length(const char *name)
{
    const char *with = strstr(name, RG_NAMESAKES_WITH);
    return with ? (size_t)(with - name) : strlen(name);
}

/* Settings of tests that the finding does not tell of explain nothing. */
static bool is_of_another_test(const char *name, const struct rg_series *series)
{
    for (const char *const *test = rg_test_names; *test != NULL; test++) {
        size_t length = strlen(*test), stem = stem_length(name);
        if (strncmp(name, *test, length) == 0 && name[length] == '\'')
            return strcmp(*test, series->test) != 0 ||
                   (name[stem] != '\0' && !rg_namesakes_fit(name + stem + strlen(RG_NAMESAKES_WITH), series));
    }
    return false;
}

/* Whether the setting was recorded by another name, as it was before tests of one name were told apart: what it was of
 * this test is not known then. */
static bool had_another_name(const struct facts *then, const char *name)
{
    size_t stem = stem_length(name);
    for (size_t i = 0; i < then->count; i++) {
        const char *other = then->first[i].name;
        if (strcmp(other, name) != 0 && stem_length(other) == stem && strncmp(other, name, stem) == 0)
            return true;
    }
    return false;
}

static void compare_fact(const struct facts *then, const struct facts *now, const struct rg_judge_place *places,
    size_t count, struct rg_finding *io)
{
    struct rg_difference difference = {.of = count};
    for (size_t i = 0; i < count; i++) {
        const char *before = value_at(then, &places[i]), *after = value_at(now, &places[i]);
        if (after == NULL || (before != NULL && strcmp(before, after) == 0))
            continue;
        if (difference.places++ > 0)
            continue;
        snprintf(difference.name, sizeof difference.name, "%s", now->first->name);
        snprintf(difference.before, sizeof difference.before, "%s", before ? before : "");
        snprintf(difference.after, sizeof difference.after, "%s", after);
    }
    if (difference.places > 0 && io->difference_count < RG_DIFFERENCES_MOST)
        io->differences[io->difference_count++] = difference;
}

void rg_judge_compare_facts(
    const struct rg_trend *trend, const struct rg_judge_place *places, size_t count, struct rg_finding *io)
{
    const struct rg_past *past = trend->past;
    size_t series = trend->changes[io->lead].series, earlier = io->run;
    while (earlier > 0 && isnan(past->values[series * past->run_count + --earlier]))
        ;
    if (earlier == io->run)
        return;
    const struct facts all_then = of_run(past, earlier);
    struct facts then = all_then, now = of_run(past, io->run);
    while (now.count > 0) {
        struct facts name_now = take_name(&now), name_then = {NULL, 0};
        const char *name = name_now.first->name;
        while (then.count > 0 && strcmp(then.first->name, name) <= 0) {
            struct facts taken = take_name(&then);
            if (strcmp(taken.first->name, name) == 0)
                name_then = taken;
        }
        bool known = name_then.count > 0 || !had_another_name(&all_then, name);
        if (known && !is_of_another_test(name, &past->series[series]))
            compare_fact(&name_then, &name_now, places, count, io);
    }
}

/* --- the sentence --- */

static void say_where(const struct rg_finding *f, const struct rg_series *lead, char *out, size_t room)
{
    bool gpu = strcmp(f->scope, "gpu") == 0;
    if (strcmp(f->scope, "group") == 0) {
        char words[160];
        int used = snprintf(out, room, "%s", rg_series_words(lead, words, sizeof words));
        if (f->rail != RG_NONE && used > 0)
            used += snprintf(out + used, room - (size_t)used, " of rail %lld", (long long)f->rail);
        if (f->node != NULL && used > 0)
            snprintf(out + used, room - (size_t)used, " of %s", f->node);
        return;
    }
    if (strcmp(f->part, "total") == 0)
        snprintf(out, room, "the fleet together");
    else if (strcmp(f->part, "victims") == 0 && f->rail == RG_NONE)
        snprintf(out, room, "victims of a load on all rails");
    else if (strcmp(f->part, "victims") == 0)
        snprintf(out, room, "victims of a load on rail %lld", (long long)f->rail);
    else if (strcmp(f->part, "fleet") == 0)
        snprintf(out, room, "the whole fleet%s", gpu ? "'s GPUs" : "");
    else if (strcmp(f->part, "rail") == 0)
        snprintf(out, room, "%srail %lld", gpu ? "the GPU of " : "", (long long)f->rail);
    else if (strcmp(f->part, "node") == 0 || f->rail == RG_NONE)
        snprintf(out, room, "%s%s", f->node ? f->node : "", gpu ? "'s GPUs" : "");
    else
        snprintf(out, room, "%s%s rail %lld", gpu ? "the GPU of " : "", f->node, (long long)f->rail);
}

/* "receives 6.1 % less" */
static void say_what(const struct rg_finding *f, const struct rg_series *lead, char out[96])
{
    bool rises = f->percent > 0, rail = strcmp(f->scope, "rail") == 0 || strcmp(f->scope, "node") == 0;
    const char *verb = "moves", *more = rises ? "more" : "less";
    if (strcmp(f->scope, "victims") == 0) {
        verb = rg_series_is_latency(lead) ? "lose" : "keep"; /* beside what they have alone */
    } else if (rg_series_is_latency(lead)) {
        verb = "takes";
        more = rises ? "longer" : "less time";
    } else if (strcmp(f->scope, "gpu") == 0) {
        verb = "copies";
    } else if (rail && f->side != NULL) {
        verb = strcmp(f->side, "tx") == 0 ? "sends" : "receives";
    }
    snprintf(out, 96, "%s %.1f %% %s", verb, fabs(f->percent), more);
}

static void say_differences(const struct rg_finding *f, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->difference_count && i < 3 && used < room; i++) {
        const struct rg_difference *d = &f->differences[i];
        const char *from = d->before[0] ? " went from " : "", *to = d->before[0] ? " to " : " is now ";
        used += (size_t)snprintf(out + used, room - used, "; %s%s%.60s%s%.60s", d->name, from, d->before, to, d->after);
        if (d->places < d->of && used < room)
            used += (size_t)snprintf(out + used, room - used, " on %zu of the %zu", d->places, d->of);
    }
    if (f->difference_count > 3 && used < room)
        used += (size_t)snprintf(out + used, room - used, "; and %zu more differences", f->difference_count - 3);
    if (f->difference_count == 0 && used < room)
        snprintf(out, room, "; nothing that was recorded went with it");
}

/* A rail has nodes, a node has rails, a fleet all of them. */
static const char *what_is_hit(const struct rg_finding *f)
{
    if (strcmp(f->part, "rail") == 0 || strcmp(f->scope, "node") == 0)
        return "nodes";
    if (strcmp(f->part, "fleet") != 0)
        return "rails";
    return strcmp(f->scope, "gpu") == 0 ? "GPUs" : "NICs";
}

void rg_judge_say(const struct rg_trend *trend, struct rg_finding *io)
{
    const struct rg_past *past = trend->past;
    const struct rg_series *lead = &past->series[trend->changes[io->lead].series];
    char where[256], what[96], interval[64] = "", hit[64] = "", in[200] = "", differences[600], words[160];
    double low = fmin(fabs(io->low_percent), fabs(io->high_percent));
    double high = fmax(fabs(io->low_percent), fabs(io->high_percent));
    if (io->low_percent * io->high_percent < 0)
        low = 0;
    say_where(io, lead, where, sizeof where);
    say_what(io, lead, what);
    if (!isnan(low))
        snprintf(interval, sizeof interval, " (%.1f to %.1f %%)", low, high);
    if (io->of > 1)
        snprintf(hit, sizeof hit, ", on %zu of %zu %s", io->hit, io->of, what_is_hit(io));
    if (strcmp(io->scope, "group") != 0)
        snprintf(in, sizeof in, ", in %s", rg_series_words(lead, words, sizeof words));
    say_differences(io, differences, sizeof differences);
    snprintf(io->sentence, sizeof io->sentence, "since %.10s %s %s%s%s%s%s", past->runs[io->run].started_at, where,
        what, interval, hit, in, differences);
}
