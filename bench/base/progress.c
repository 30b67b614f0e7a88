#include "base/progress.h"

#include "base/clock.h"

#include <math.h>
#include <unistd.h>

#define BAR_WIDTH 24

void rg_progress_open(struct rg_progress *progress, FILE *out, bool quiet, double total_s)
{
    *progress = (struct rg_progress){.out = out, .bar = isatty(fileno(out)) == 1, .quiet = quiet, .total_s = total_s};
}

/* Seconds to go: what is left by estimate, at the pace so far. */
static double time_left(const struct rg_progress *progress)
{
    double spent = rg_ns_to_seconds(rg_clock_now_ns() - progress->from_ns);
    double pace = progress->done_s > 0 ? spent / progress->done_s : 1;
    return (progress->total_s - progress->done_s) * pace;
}

void rg_progress_step(struct rg_progress *progress, int64_t number, int64_t count, double step_s, const char *label)
{
    if (progress->quiet)
        return;
    if (progress->from_ns == 0)
        progress->from_ns = rg_clock_now_ns();
    int left = (int)(fmax(time_left(progress), 0) + 0.5); /* rounds that are measured anew were not thought of */
    if (progress->bar) {
        int filled = count > 0 ? (int)(number * BAR_WIDTH / count) : 0;
        fprintf(progress->out, "\r\033[K[");
        for (int i = 0; i < BAR_WIDTH; i++)
            fputc(i < filled ? '#' : '.', progress->out);
        fprintf(progress->out, "] %lld of %lld, %d:%02d left: %s", (long long)number + 1, (long long)count, left / 60,
            left % 60, label);
    } else {
        fprintf(progress->out, "round %lld of %lld, about %d s left: %s\n", (long long)number + 1, (long long)count,
            left, label);
    }
    fflush(progress->out);
    progress->done_s += step_s;
}

void rg_progress_clear(struct rg_progress *progress)
{
    if (!progress->quiet && progress->bar)
        fprintf(progress->out, "\r\033[K");
    fflush(progress->out);
}
