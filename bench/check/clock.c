/* The clock is kept: what nodes log can be told apart by time. Measurements have a clock of their own. */
#include "check/checks.h"

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_check_facts *facts = &node->facts;
    if (!facts->clock_told) {
        rg_check_unread(out, "the kernel does not tell this process whether the clock is synchronised");
        return;
    }
    rg_check_expect(out, "synchronised");
    if (facts->clock_synchronised) {
        rg_check_found(out, "synchronised, at most %.3g ms off", (double)facts->clock_error_us / 1000);
        return;
    }
    rg_check_found(out, "nothing keeps the clock: the kernel says that it is not synchronised");
    rg_check_fault(
        out, RG_PREFLIGHT_WARN, "systemctl enable --now chronyd (or systemd-timesyncd); `chronyc tracking` shows it");
}

const struct rg_check rg_check_clock = {.name = "clock", .weight = RG_CHECK_WARNS, .own = true, .look = look};
