#include "judge/forecast_words.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* An interval of which the high end is so many times the low one is for the reader to know of. */
static const double wide = 1.5;

/* Residuals that tell that no one latency and bandwidth is behind the points. */
static const double poor_percent = 10;

/* Text that grows, and is cut where the room ends. */
struct words {
    char *at;
    size_t room;
};

static void say(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int used = vsnprintf(words->at, words->room, format, list);
    va_end(list);
    size_t moved = used < 0 ? 0 : (size_t)used < words->room ? (size_t)used : words->room - 1;
    words->at += moved;
    words->room -= moved;
}

static void say_time(struct words *words, double us)
{
    if (us >= 1e6)
        say(words, "%.3g s", us / 1e6);
    else if (us >= 1e3)
        say(words, "%.3g ms", us / 1e3);
    else
        say(words, "%.3g us", us);
}

static void say_rate(struct words *words, double gbps)
{
    if (gbps >= 1000)
        say(words, "%.3g Tb/s", gbps / 1e3);
    else
        say(words, "%.3g Gb/s", gbps);
}

/* So many times as much. */
static void say_times(struct words *words, double times)
{
    if (times < 1000)
        say(words, "%.3g times", times);
    else
        say(words, "%.0f times", times);
}

/* How many times beyond what was measured, and on which side. */
static void say_beyond(struct words *words, double beyond, const char *least, const char *most)
{
    say_times(words, fmax(beyond, 1 / beyond));
    say(words, beyond > 1 ? " %s" : " below %s", beyond > 1 ? most : least);
}

/* How far the answer is from what was measured. */
static void say_distance(struct words *words, const struct rg_forecast_fit *fit, const struct rg_forecast_projection *p)
{
    bool nodes = p->nodes_beyond != 1, size = p->size_beyond != 1;
    char fewest[80], most[80];
    snprintf(fewest, sizeof fewest, "the %lld nodes that were the fewest measured", (long long)fit->fewest_nodes);
    snprintf(most, sizeof most, "the %lld nodes that were measured at most", (long long)fit->most_nodes);
    say(words, nodes || size ? " That is " : " That is within what was measured.");
    if (nodes)
        say_beyond(words, p->nodes_beyond, fewest, most);
    if (size) {
        say(words, "%s", nodes ? ", and " : "");
        say_beyond(words, p->size_beyond, "the smallest size measured", "the largest size measured");
    }
    if (nodes || size)
        say(words, ": it holds as far as the model does.");
}

/* The nodes up to which a target is kept, and how far that is from what was measured. */
static void say_reach(struct words *words, const struct rg_forecast_fit *fit, int64_t nodes)
{
    say(words, "%lld nodes%s", (long long)nodes, nodes == RG_FORECAST_NODES_MOST ? " and more" : "");
    if (nodes <= fit->most_nodes)
        return;
    say(words, " (");
    say_times(words, (double)nodes / (double)fit->most_nodes);
    say(words, " the most measured)");
}

static void say_targets(struct words *words, const struct rg_forecast *forecast, const struct rg_forecast_fit *fit)
{
    const struct rg_forecast_question *question = &forecast->question;
    bool collective = strcmp(fit->kind, "collective") == 0;
    if (fit->nodes_at_efficiency != RG_NONE) {
        say(words, " %g %% of what %lld nodes give is kept up to ", question->efficiency_percent,
            (long long)fit->fewest_nodes);
        say_reach(words, fit, fit->nodes_at_efficiency);
        say(words, "%s.", fit->rivals != NULL ? ", by every model not ruled out" : "");
    }
    if (collective && fit->nodes_at_share != RG_NONE) {
        say(words, " It takes at most %g %% of a step up to ", question->share_percent);
        say_reach(words, fit, fit->nodes_at_share);
        say(words, ".");
    } else if (collective && !isnan(question->share_percent)) {
        say(words, " It takes more than %g %% of a step at %lld nodes already.", question->share_percent,
            (long long)fit->fewest_nodes);
    }
}

/* Before all that stands on the model. */
static void say_misfit(struct words *words, const struct rg_forecast_fit *fit)
{
    if (fit->worst_percent > poor_percent)
        say(words,
            "The model does not fit: it misses what was measured by up to %.3g %%, as where protocols change with the "
            "size or a run is of a sick fabric. Do not rely on it; measure sizes near the one asked for alone, of a "
            "fabric that is well. ",
            fit->worst_percent);
}

/* Half the rate is had with messages whose bytes take as long as their start. */
static void say_message(struct words *words, const struct rg_forecast_fit *fit)
{
    const struct rg_forecast_term *byte = &fit->terms[0], *start = &fit->terms[1];
    say(words, "A message takes ");
    say_time(words, start->value);
    say(words, " (");
    say_time(words, start->low);
    say(words, " to ");
    say_time(words, start->high);
    say(words, ") and %.3g us for each MiB; its bytes take as long as its start", byte->value);
    if (byte->value > 0)
        say(words, " at %.3g KiB.", start->value / byte->value * 1024);
    else
        say(words, " at no size that was measured.");
}

/* What of a collective goes out of a node, whose rate is told. */
static const char *outgoing(const struct rg_sample *sample)
{
    if (strcmp(sample->test, "all_to_all") == 0)
        return "what leaves each node";
    return sample->of_rail ? "the bus bandwidth of a node's rails together"
                           : "its bus bandwidth, which is what a ring carries out of each node,";
}

static void say_collective(struct words *words, const struct rg_forecast *forecast, const struct rg_sample *sample,
    const struct rg_forecast_projection *p)
{
    char size[24];
    say(words, "At %lld nodes %s %s of %s takes ", (long long)p->nodes, sample->test[0] == 'a' ? "an" : "a",
        sample->test, rg_args_say_bytes(p->size_bytes, size));
    say_time(words, p->time_us);
    say(words, " (95 %%: ");
    say_time(words, p->time_low_us);
    say(words, " to ");
    say_time(words, p->time_high_us);
    say(words, ")");
    if (!isnan(p->step_percent))
        say(words, ", %.3g %% of a step of %g ms if nothing overlaps it", p->step_percent, forecast->question.step_ms);
    say(words, "; %s is ", outgoing(sample));
    say_rate(words, p->node_gbps);
}

static void say_node_rate(struct words *words, const struct rg_forecast_projection *p)
{
    char size[24];
    say(words, "At %lld nodes each moves ", (long long)p->nodes);
    say_rate(words, p->node_gbps);
    say(words, " (95 %%: ");
    say_rate(words, p->node_low_gbps);
    if (!isnan(p->node_high_gbps)) {
        say(words, " to ");
        say_rate(words, p->node_high_gbps);
    }
    say(words, ") with messages of %s", rg_args_say_bytes(p->size_bytes, size));
}

void rg_judge_forecast_say(
    const struct rg_forecast *forecast, const struct rg_sample *sample, struct rg_forecast_fit *io)
{
    struct words words = {io->sentence, sizeof io->sentence};
    const struct rg_forecast_projection *p = NULL;
    io->sentence[0] = '\0';
    for (size_t i = 0; i < io->projection_count; i++)
        p = p == NULL || io->projections[i].nodes > p->nodes ? &io->projections[i] : p;
    say_misfit(&words, io);
    if (p == NULL) {
        say_message(&words, io);
        return;
    }
    if (sample->kind == RG_SAMPLE_COLLECTIVE)
        say_collective(&words, forecast, sample, p);
    else
        say_node_rate(&words, p);
    say(&words, ", %.3g %% of what %lld nodes give.", p->efficiency_percent, (long long)io->fewest_nodes);
    say_distance(&words, io, p);
    if (io->rivals != NULL && p->time_high_us > wide * p->time_low_us)
        say(&words, " The points do not tell the %s apart; a run at one more number of nodes would help most.",
            sample->kind == RG_SAMPLE_COLLECTIVE ? "algorithms" : "models");
    say_targets(&words, forecast, io);
}
