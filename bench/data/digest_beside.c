/* What went wrong in a run, and what NICs and GPUs counted meanwhile. */
#include "data/digest_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNTERS_MOST 512 /* by name; a NIC has some 100 */

static int no_memory(struct rg_error *err)
{
    return rg_fail(err, -ENOMEM, "no memory to sum up the run");
}

static bool same(const char *text, const char *other)
{
    return strcmp(text ? text : "", other ? other : "") == 0;
}

static int add_fault(struct rg_digest *digest, struct rg_digest_fault **faults, size_t *count,
    const struct rg_measurement *m, const char *reason, const char *said, struct rg_error *err)
{
    for (size_t i = 0; i < *count; i++) {
        if (same((*faults)[i].reason, reason) && same((*faults)[i].status, m->status)) {
            (*faults)[i].count++;
            return 0;
        }
    }
    if (*count == RG_FAULTS_KEPT) {
        digest->more_faults++;
        return 0;
    }
    struct rg_digest_fault *grown = realloc(*faults, (*count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory(err);
    *faults = grown;
    grown[(*count)++] = (struct rg_digest_fault){.status = m->status,
        .test = m->test,
        .reason = strdup(reason),
        .said = said ? strdup(said) : NULL,
        .count = 1,
        .size_bytes = m->size_bytes,
        .first = rg_digest_spot(digest, m)};
    return 0;
}

static int add_integrity(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    char what[512];
    const struct rg_first_mismatch *first = &m->integrity.first;
    if (!m->has_integrity)
        return 0;
    digest->verified += m->integrity.words_checked > 0;
    digest->words_checked += m->integrity.words_checked;
    digest->mismatches += m->integrity.mismatches;
    if (m->integrity.mismatches == 0 || !m->integrity.has_first)
        return 0;
    snprintf(what, sizeof what, "%s, rail %lld, rank %lld: at offset %lld %s was expected, and %s was there",
        first->node, (long long)first->rail, (long long)first->rank, (long long)first->offset_bytes, first->expected,
        first->got);
    return add_fault(digest, &digest->damages, &digest->damage_count, m, what, NULL, err);
}

/* *out: what each NIC added to the counter of this name. */
static int counter_of(struct rg_digest *digest, const char *name, int64_t **out, struct rg_error *err)
{
    for (size_t i = 0; i < digest->counter_count; i++) {
        *out = digest->counters[i].added;
        if (strcmp(digest->counters[i].name, name) == 0)
            return 0;
    }
    if (digest->counter_count == COUNTERS_MOST)
        return rg_fail(err, -EINVAL, "counters of more than %d names: '%s' is one more", COUNTERS_MOST, name);
    struct rg_digest_counter *grown = realloc(digest->counters, (digest->counter_count + 1) * sizeof *grown);
    *out = grown ? calloc(rg_digest_nics(digest) + 1, sizeof **out) : NULL;
    if (grown != NULL)
        digest->counters = grown;
    if (*out == NULL)
        return no_memory(err);
    snprintf(grown[digest->counter_count].name, RG_COUNTER_NAME_LENGTH, "%s", name);
    grown[digest->counter_count++].added = *out;
    return 0;
}

/* A NIC that has several flows in a round tells the same for each: it is heard once a round. */
static int add_counters(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    for (size_t i = 0; i < m->counter_count; i++) {
        const struct rg_counter_report *report = &m->counters[i];
        int node = rg_digest_node(digest, report->node);
        if (node < 0 || report->rail >= digest->rails)
            continue;
        int64_t nic = (int64_t)node * digest->rails + report->rail;
        if (digest->counted_in[nic] == m->round)
            continue;
        digest->counted_in[nic] = m->round;
        digest->counter_reports += report->change.known > 0;
        for (int64_t c = 0; c < report->change.count; c++) {
            int64_t *added;
            int code = counter_of(digest, report->change.at[c].name, &added, err);
            if (code != 0)
                return code;
            added[nic] += report->change.at[c].added;
        }
    }
    return 0;
}

static int add_alarm(
    struct rg_digest *digest, const char *text, const struct rg_gpu_report *report, struct rg_error *err)
{
    for (size_t i = 0; i < digest->alarm_count; i++) {
        if (strcmp(digest->alarms[i].text, text) == 0) {
            digest->alarms[i].count++;
            return 0;
        }
    }
    struct rg_digest_alarm *grown = digest->alarm_count < RG_FAULTS_KEPT
                                        ? realloc(digest->alarms, (digest->alarm_count + 1) * sizeof *grown)
                                        : NULL;
    char *copy = grown ? strdup(text) : NULL;
    if (grown != NULL)
        digest->alarms = grown;
    if (copy == NULL)
        return digest->alarm_count == RG_FAULTS_KEPT ? 0 : no_memory(err);
    grown[digest->alarm_count++] = (struct rg_digest_alarm){copy, 1,
        {.node = rg_digest_node(digest, report->node), .rail = (int)report->rail, .peer = -1, .peer_rail = -1}};
    return 0;
}

static int add_gpus(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; i < m->gpu_count; i++) {
        digest->gpu_reports++;
        for (int64_t a = 0; code == 0 && a < m->gpus[i].alarm_count; a++)
            code = add_alarm(digest, m->gpus[i].alarms[a], &m->gpus[i], err);
    }
    return code;
}

int rg_digest_add_beside(struct rg_digest *digest, const struct rg_measurement *m, struct rg_error *err)
{
    int code = 0;
    if (m->reason != NULL)
        code = add_fault(
            digest, &digest->faults, &digest->fault_count, m, m->reason, m->has_error ? m->error.message : NULL, err);
    if (code == 0)
        code = add_integrity(digest, m, err);
    if (code == 0)
        code = add_counters(digest, m, err);
    return code == 0 ? add_gpus(digest, m, err) : code;
}
