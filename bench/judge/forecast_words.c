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

/* How far the answer is from what was measured. */
static void say_distance(struct words *words, const struct rg_forecast_fit *fit, const struct rg_forecast_projection *p)
{
    bool nodes = p->nodes_beyond > 1, size = p->size_beyond > 1;
    say(words, nodes || size ? " That is " : " That is within what was measured.");
    if (nodes) {
        say_times(words, p->nodes_beyond);
        say(words, " the %lld nodes that were measured at most%s", (long long)fit->most_nodes, size ? ", and " : "");
    }
    if (size) {
        say_times(words, p->size_beyond);
        say(words, " the largest size%s", nodes ? "" : " that was measured");
    }
    if (nodes || size)
        say(words, ": it holds as far as the model does.");
}

static void say_targets(struct words *words, const struct rg_forecast *forecast, const struct rg_forecast_fit *fit)
{
    const struct rg_forecast_question *question = &forecast->question;
    bool collective = strcmp(fit->kind, "collective") == 0;
    if (fit->nodes_at_efficiency != RG_NONE)
        say(words, " %g %% of what %lld nodes give is kept up to %lld nodes%s%s.", question->efficiency_percent,
            (long long)fit->fewest_nodes, (long long)fit->nodes_at_efficiency,
            fit->nodes_at_efficiency == RG_FORECAST_NODES_MOST ? " and more" : "",
            fit->rivals != NULL ? ", by every model not ruled out" : "");
    if (collective && fit->nodes_at_share != RG_NONE)
        say(words, " It takes at most %g %% of a step up to %lld nodes%s.", question->share_percent,
            (long long)fit->nodes_at_share, fit->nodes_at_share == RG_FORECAST_NODES_MOST ? " and more" : "");
    else if (collective && !isnan(question->share_percent))
        say(words, " It takes more than %g %% of a step at %lld nodes already.", question->share_percent,
            (long long)fit->fewest_nodes);
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

void rg_judge_forecast_say(const struct rg_forecast *forecast, const char *test, struct rg_forecast_fit *io)
{
    struct words words = {io->sentence, sizeof io->sentence};
    const struct rg_forecast_projection *p = NULL;
    char size[24];
    io->sentence[0] = '\0';
    for (size_t i = 0; i < io->projection_count; i++)
        p = p == NULL || io->projections[i].nodes > p->nodes ? &io->projections[i] : p;
    if (p == NULL) {
        say_message(&words, io);
        return;
    }
    rg_args_format_bytes(p->size_bytes, size);
    if (strcmp(io->kind, "collective") == 0) {
        say(&words, "At %lld nodes %s %s of %s takes ", (long long)p->nodes, test[0] == 'a' ? "an" : "a", test, size);
        say_time(&words, p->time_us);
        say(&words, " (95 %%: ");
        say_time(&words, p->time_low_us);
        say(&words, " to ");
        say_time(&words, p->time_high_us);
        say(&words, ")");
        if (!isnan(p->step_percent))
            say(&words, ", %.3g %% of a step of %g ms if nothing overlaps it", p->step_percent,
                forecast->question.step_ms);
        say(&words, "; usable are ");
        say_rate(&words, p->node_gbps);
        say(&words, " a node, %.3g %% of what %lld nodes give.", p->efficiency_percent, (long long)io->fewest_nodes);
    } else {
        say(&words, "At %lld nodes each moves ", (long long)p->nodes);
        say_rate(&words, p->node_gbps);
        say(&words, " (95 %%: ");
        say_rate(&words, p->node_low_gbps);
        if (!isnan(p->node_high_gbps)) {
            say(&words, " to ");
            say_rate(&words, p->node_high_gbps);
        }
        say(&words, ") with messages of %s, %.3g %% of what %lld nodes give.", size, p->efficiency_percent,
            (long long)io->fewest_nodes);
    }
    say_distance(&words, io, p);
    if (io->rivals != NULL && p->time_high_us > wide * p->time_low_us)
        say(&words, " The points do not tell the algorithms apart; a run at one more number of nodes would help most.");
    if (io->deviation_percent > poor_percent)
        say(&words,
            " The model misses what was measured by %.0f %%, as protocols that change with the size do; measure "
            "sizes near the one asked for alone.",
            io->deviation_percent);
    say_targets(&words, forecast, io);
}
