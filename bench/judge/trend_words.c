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

/* Facts of one name are in the order of nodes, those of all first: the place of a node's first. */
static size_t first_of(const struct facts *facts, const char *node)
{
    size_t low = 0, high = facts->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *there = facts->first[middle].node;
        if (strcmp(there ? there : "", node) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What holds at a place: the narrowest fact that covers it; NULL: none does. */
static const char *value_at(const struct facts *facts, const struct rg_judge_place *place)
{
    const char *const nodes[] = {"", place->node ? place->node : ""}, *value = NULL;
    int narrowest = -1;
    for (size_t n = 0; n < (place->node ? 2 : 1); n++)
        for (size_t i = first_of(facts, nodes[n]); i < facts->count; i++) {
            const struct rg_past_fact *fact = &facts->first[i];
            bool rail = fact->rail == RG_NONE || place->rail == RG_NONE || fact->rail == place->rail;
            int narrow = (fact->node != NULL) + (fact->rail != RG_NONE);
            if (strcmp(fact->node ? fact->node : "", nodes[n]) != 0)
                break;
            if (!rail || narrow <= narrowest)
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

/* Whether it is known to be otherwise there. */
static bool differs(const struct facts *then, const struct facts *now, const struct rg_judge_place *place)
{
    const char *before = value_at(then, place), *after = value_at(now, place);
    return after != NULL && (before == NULL || strcmp(before, after) != 0);
}

static void compare_fact(
    const struct facts *then, const struct facts *now, const struct rg_judge_places *places, struct rg_finding *io)
{
    struct rg_difference difference = {.of = places->count, .elsewhere_of = places->other_count};
    for (size_t i = 0; i < places->count; i++) {
        if (!differs(then, now, &places->here[i]) || difference.places++ > 0)
            continue;
        const char *before = value_at(then, &places->here[i]);
        snprintf(difference.name, sizeof difference.name, "%s", now->first->name);
        snprintf(difference.before, sizeof difference.before, "%s", before ? before : "");
        snprintf(difference.after, sizeof difference.after, "%s", value_at(now, &places->here[i]));
    }
    if (difference.places == 0 || io->difference_count == RG_DIFFERENCES_MOST)
        return;
    for (size_t i = 0; i < places->other_count; i++)
        difference.elsewhere += differs(then, now, &places->others[i]);
    io->differences[io->difference_count++] = difference;
}

void rg_judge_compare_facts(const struct rg_trend *trend, const struct rg_judge_places *places, struct rg_finding *io)
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
            compare_fact(&name_then, &name_now, places, io);
    }
}

/* --- the sentence --- */

/* Where collectives ran, by what a series is of. */
enum { ALL_RANKS, RAILS, NODES, PAIRS, GROUPS };
static const char *const group_names[GROUPS] = {"all ranks", "rails", "nodes", "pairs"};

static int group_of(const struct rg_series *series)
{
    if (series->node == NULL)
        return series->rail == RG_NONE ? ALL_RANKS : RAILS;
    return series->peer_node == NULL ? NODES : PAIRS;
}

static bool is_same_pair(const struct rg_series *a, const struct rg_series *b)
{
    return group_of(a) == PAIRS && group_of(b) == PAIRS && strcmp(a->node, b->node) == 0 &&
           strcmp(a->peer_node, b->peer_node) == 0;
}

/* Words parted by ", ", and before the last by " and ". */
static void list_words(const char *const *words, const bool *wanted, int count, char *out, size_t room)
{
    size_t used = 0, left = 0, listed = 0;
    for (int i = 0; i < count; i++)
        left += wanted[i];
    for (int i = 0; i < count && used < room; i++) {
        if (!wanted[i])
            continue;
        const char *between = listed++ == 0 ? "" : --left == 1 ? " and " : ", ";
        used += (size_t)snprintf(out + used, room - used, "%s%s", between, words[i]);
    }
}

/* "collectives among all ranks, rails and pairs", "all_gather of rail 2"; true: it is plural. */
static bool say_groups(const struct rg_trend *trend, const struct rg_finding *f, char *out, size_t room)
{
    const struct rg_series *all = trend->past->series, *lead = &all[trend->changes[f->lead].series];
    bool one_test = true, one_pair = true, there[GROUPS] = {false};
    char among[64], place[160];
    for (size_t i = f->first; i < f->first + f->count; i++) {
        const struct rg_series *series = &all[trend->changes[i].series];
        one_test = one_test && strcmp(series->test, lead->test) == 0;
        one_pair = one_pair && is_same_pair(series, lead);
        there[group_of(series)] = true;
    }
    list_words(group_names, there, GROUPS, among, sizeof among);
    if (f->rail != RG_NONE)
        snprintf(place, sizeof place, "of rail %lld", (long long)f->rail);
    else if (f->node != NULL)
        snprintf(place, sizeof place, "of %.64s", f->node);
    else if (one_pair)
        snprintf(place, sizeof place, "between %.64s and %.64s", lead->node, lead->peer_node);
    else
        snprintf(place, sizeof place, "among %s", among);
    snprintf(out, room, "%s %s", one_test ? lead->test : "collectives", place);
    return !one_test;
}

/* true: it is plural. */
static bool say_where(const struct rg_trend *trend, const struct rg_finding *f, char *out, size_t room)
{
    bool gpu = strcmp(f->scope, "gpu") == 0;
    if (strcmp(f->scope, "group") == 0)
        return say_groups(trend, f, out, room);
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
    return false;
}

/* "receives 6.1 % less" */
static void say_what(const struct rg_finding *f, const struct rg_series *lead, bool plural, char out[96])
{
    bool rises = f->percent > 0, rail = strcmp(f->scope, "rail") == 0 || strcmp(f->scope, "node") == 0;
    const char *verb = plural ? "move" : "moves", *more = rises ? "more" : "less";
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

/* A rail has nodes, a node has rails, a fleet all of them. */
static const char *what_is_hit(const struct rg_finding *f)
{
    if (strcmp(f->part, "rail") == 0 || strcmp(f->scope, "node") == 0)
        return "nodes";
    if (strcmp(f->part, "fleet") != 0)
        return "rails";
    return strcmp(f->scope, "gpu") == 0 ? "GPUs" : "NICs";
}

/* ", on 63 of 64 nodes, in rdma_write_bw 64K one_way, and likewise in 2 of 2 other bandwidth tests" */
static void say_how_far(const struct rg_finding *f, const struct rg_series *lead, char *out, size_t room)
{
    char words[160];
    size_t used = 0;
    bool groups = strcmp(f->scope, "group") == 0;
    const char *tests = groups                         ? "collectives"
                        : strcmp(f->scope, "gpu") == 0 ? "copies"
                        : rg_series_is_latency(lead)   ? "latency tests"
                                                       : "bandwidth tests";
    if (f->of > 1 && !groups)
        used = (size_t)snprintf(out, room, ", on %zu of %zu %s", f->hit, f->of, what_is_hit(f));
    used += (size_t)snprintf(out + used, room - used, ", in %s", rg_series_words(lead, words, sizeof words));
    if (f->tests_of > 1 && used < room)
        snprintf(out + used, room - used, "%s in %zu of %zu other %s", f->tests_hit > 1 ? ", and likewise" : ", but",
            f->tests_hit - 1, f->tests_of - 1, tests);
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
        if (d->elsewhere > 0 && used < room)
            used += (size_t)snprintf(out + used, room - used, "%s and on %zu other%s that did not change",
                d->places < d->of ? "" : ", there", d->elsewhere, d->elsewhere > 1 ? "s" : "");
    }
    if (f->difference_count > 3 && used < room)
        used += (size_t)snprintf(out + used, room - used, "; and %zu more differences", f->difference_count - 3);
    if (f->difference_count == 0 && used < room)
        snprintf(out, room, "; nothing that was recorded went with it");
}

void rg_judge_say(const struct rg_trend *trend, struct rg_finding *io)
{
    const struct rg_past *past = trend->past;
    const struct rg_series *lead = &past->series[trend->changes[io->lead].series];
    char where[160], what[96], interval[64] = "", how_far[320], differences[800];
    double low = fmin(fabs(io->low_percent), fabs(io->high_percent));
    double high = fmax(fabs(io->low_percent), fabs(io->high_percent));
    if (io->low_percent * io->high_percent < 0)
        low = 0;
    bool plural = say_where(trend, io, where, sizeof where);
    say_what(io, lead, plural, what);
    snprintf(io->brief, sizeof io->brief, "%s %s", where, what);
    if (!isnan(low))
        snprintf(interval, sizeof interval, " (%.1f to %.1f %%)", low, high);
    say_how_far(io, lead, how_far, sizeof how_far);
    say_differences(io, differences, sizeof differences);
    snprintf(io->sentence, sizeof io->sentence, "since %.10s %s%s%s%s", past->runs[io->run].started_at, io->brief,
        interval, how_far, differences);
}
