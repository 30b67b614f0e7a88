/* What a rank tells of itself: its node, its NIC and the GPU next to it; for railgauge-rank alone. */
#ifndef RG_CMD_SELF_H
#define RG_CMD_SELF_H

#include "ctl/control.h"
#include "data/plan.h"
#include "hw/gpu.h"

struct rg_self {
    struct rg_gpu_monitor *monitor; /* NULL: no NVML, or no GPU */
};

/* One line: the rank's facts (rg_rank_facts_line), or "!" and why it cannot take part; malloc'd. Moves this process to
 * the processors near its NIC. NULL without memory. */
char *rg_self_line(
    struct rg_self *self, const struct rg_control *control, const struct rg_orders *orders, struct rg_error *err);

void rg_self_close(struct rg_self *self);

#endif
