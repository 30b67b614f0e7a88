/* Ranks of a node talk through /dev/shm, MPI's and NCCL's alike. */
#include "check/checks.h"

#define MIB (1ll << 20)
#define LEAST_BYTES (256 * MIB) /* containers get 64 MiB unless told otherwise, which NCCL with 8 GPUs overfills */
#define ENOUGH_BYTES (1024 * MIB)

static void look(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    const struct rg_check_facts *facts = &node->facts;
    if (facts->shm_bytes == RG_NONE) {
        rg_check_unread(out, "the size of /dev/shm cannot be read");
        return;
    }
    rg_check_expect(out, "at least %lld MiB free", ENOUGH_BYTES / MIB);
    rg_check_found(out, "%lld MiB free of %lld MiB", facts->shm_free_bytes / MIB, facts->shm_bytes / MIB);
    if (facts->shm_free_bytes < ENOUGH_BYTES)
        rg_check_fault(out, facts->shm_free_bytes < LEAST_BYTES ? RG_PREFLIGHT_FAIL : RG_PREFLIGHT_WARN,
            "%s; in Kubernetes mount an emptyDir of medium Memory at /dev/shm, with Docker --shm-size=8g, else mount -o "
            "remount,size=8G /dev/shm",
            facts->shm_bytes < ENOUGH_BYTES ? "make it larger" : "delete what ended programs left in it");
}

const struct rg_check rg_check_shm = {.name = "shm", .weight = RG_CHECK_STOPS, .own = true, .look = look};
