/* The whole of a digest: what run and verdict say, the points, and what else was seen. */
#include "data/digest_parts.h"
#include "data/fields.h"
#include "data/verdict_shapes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 400 /* of a verdict, worst first */
#define LOST_SHOWN 200
#define PLACES_SHOWN 12 /* NICs of a counter, most first */

static void add_run(cJSON *object, const struct rg_run *run)
{
    static const char *const keys[] = {"run_id", "railgauge_version", "status", "incomplete_reason", "started_at",
        "ended_at", "exit_status", "seed", "machine", "hardware", "hardware_reason", "rounds_planned", "rounds_done",
        "measurements", "suite", "clock"};
    cJSON *copy = cJSON_AddObjectToObject(object, "run");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cJSON_AddItemToObject(
            copy, keys[i], cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(run->root, keys[i]), true));
    cJSON_AddNumberToObject(copy, "ranks", (double)run->rank_count);
    rg_json_add_text(copy, "transport", run->transport);
    cJSON_AddNumberToObject(copy, "lost_count", (double)run->lost_count);
    cJSON *lost = cJSON_AddArrayToObject(copy, "lost");
    for (size_t i = 0; i < run->lost_count && i < LOST_SHOWN; i++) {
        cJSON *rank = cJSON_CreateObject();
        cJSON_AddStringToObject(rank, "node", run->lost[i].node);
        cJSON_AddNumberToObject(rank, "rail", (double)run->lost[i].rail);
        cJSON_AddNumberToObject(rank, "rank", (double)run->lost[i].rank);
        cJSON_AddStringToObject(rank, "where", run->lost[i].where);
        cJSON_AddItemToArray(lost, rank);
    }
}

/* --- the verdict --- */

static void add_row(cJSON *rows, const struct rg_row *row)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(rows, object);
    cJSON_AddStringToObject(object, "status", rg_status_names[row->status]);
    rg_json_write(object, &rg_verdict_row_shape, row);
}

/* What a row reaches of what it must or, if that is nothing, of its peers' median. */
static double reached(const struct rg_row *row)
{
    double share = isnan(row->threshold) ? row->fleet_percent / 100 : row->measured / row->threshold;
    return strncmp(row->metric, "latency", 7) == 0 ? 1 / share : share;
}

/* By status, then what reaches least; what has no figure comes first, and else they stay in the order of measuring. */
static int worse_first(const void *left, const void *right)
{
    const struct rg_row *a = *(const struct rg_row *const *)left, *b = *(const struct rg_row *const *)right;
    int weight = rg_status_weight(b->status) - rg_status_weight(a->status);
    double x = isnan(reached(a)) ? 0 : reached(a), y = isnan(reached(b)) ? 0 : reached(b);
    if (weight != 0 || x != y)
        return weight != 0 ? weight : (x > y) - (x < y);
    return (a > b) - (a < b);
}

static void add_rows(cJSON *object, const struct rg_verdict *verdict)
{
    cJSON *rows = cJSON_AddArrayToObject(object, "expectations");
    const struct rg_row **order = calloc(verdict->row_count + 1, sizeof *order);
    size_t asked = 0;
    for (size_t i = 0; order != NULL && i < verdict->row_count; i++)
        if (verdict->rows[i].asked)
            order[asked++] = &verdict->rows[i];
    if (order != NULL)
        qsort(order, asked, sizeof *order, worse_first);
    for (size_t i = 0; i < asked && i < ROWS_SHOWN; i++)
        add_row(rows, order[i]);
    free(order);
    cJSON_AddNumberToObject(object, "expectations_asked", (double)asked);
}

static void add_verdict(cJSON *object, const struct rg_verdict *verdict)
{
    if (verdict == NULL) {
        cJSON_AddNullToObject(object, "verdict");
        return;
    }
    cJSON *copy = cJSON_AddObjectToObject(object, "verdict");
    static const char *const keys[] = {
        "against", "status", "exit_status", "summary", "counts", "suspects", "totals", "congestion", "incompatible"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cJSON_AddItemToObject(
            copy, keys[i], cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(verdict->root, keys[i]), true));
    add_rows(copy, verdict);
}

/* --- what else was seen --- */

static void add_place(cJSON *object, const struct rg_spot *spot)
{
    const int place[4] = {spot->node, spot->rail, spot->peer, spot->peer_rail};
    cJSON_AddItemToObject(object, "where", cJSON_CreateIntArray(place, 4));
}

static void add_faults(cJSON *object, const char *key, const struct rg_digest_fault *faults, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < count; i++) {
        cJSON *fault = cJSON_CreateObject();
        cJSON_AddItemToArray(array, fault);
        cJSON_AddStringToObject(fault, "status", faults[i].status);
        rg_json_add_text(fault, "reason", faults[i].reason);
        rg_json_add_text(fault, "said", faults[i].said);
        cJSON_AddNumberToObject(fault, "count", (double)faults[i].count);
        cJSON_AddStringToObject(fault, "test", faults[i].test);
        cJSON_AddNumberToObject(fault, "size_bytes", (double)faults[i].size_bytes);
        add_place(fault, &faults[i].first);
    }
}

static void add_counter_places(cJSON *object, const struct rg_digest *digest, const int64_t *added)
{
    bool *told = calloc(rg_digest_nics(digest) + 1, sizeof *told);
    cJSON *places = cJSON_AddArrayToObject(object, "most");
    for (int n = 0; told != NULL && n < PLACES_SHOWN; n++) {
        size_t most = 0;
        int64_t value = 0;
        for (size_t nic = 0; nic < rg_digest_nics(digest); nic++)
            if (!told[nic] && added[nic] > value)
                value = added[most = nic];
        if (value == 0)
            break;
        told[most] = true;
        const int nic = (int)most, node = nic / digest->rails;
        const double place[3] = {node, nic % digest->rails, (double)value};
        cJSON_AddItemToArray(places, cJSON_CreateDoubleArray(place, 3));
    }
    free(told);
}

static void add_counters(cJSON *object, const struct rg_digest *digest)
{
    cJSON *array = cJSON_AddArrayToObject(object, "counters");
    for (size_t i = 0; i < digest->counter_count; i++) {
        const struct rg_digest_counter *counter = &digest->counters[i];
        double total = 0;
        int nics = 0;
        for (size_t nic = 0; nic < rg_digest_nics(digest); nic++) {
            total += (double)counter->added[nic];
            nics += counter->added[nic] > 0;
        }
        cJSON *each = cJSON_CreateObject();
        cJSON_AddItemToArray(array, each);
        cJSON_AddStringToObject(each, "name", counter->name);
        rg_json_add_text(each, "alarm", rg_counter_alarm(counter->name));
        cJSON_AddNumberToObject(each, "added", total);
        cJSON_AddNumberToObject(each, "nics", nics);
        add_counter_places(each, digest, counter->added);
    }
}

static void add_gpus(cJSON *object, const struct rg_digest *digest)
{
    cJSON *array = cJSON_AddArrayToObject(object, "gpu_alarms");
    for (size_t i = 0; i < digest->alarm_count; i++) {
        cJSON *alarm = cJSON_CreateObject();
        cJSON_AddItemToArray(array, alarm);
        cJSON_AddStringToObject(alarm, "text", digest->alarms[i].text);
        cJSON_AddNumberToObject(alarm, "count", (double)digest->alarms[i].count);
        add_place(alarm, &digest->alarms[i].first);
    }
}

static void add_totals(cJSON *object, const struct rg_digest *digest)
{
#define TOTAL(member) cJSON_AddNumberToObject(totals, #member, (double)digest->member)
    cJSON *totals = cJSON_AddObjectToObject(object, "totals");
    TOTAL(measurements);
    TOTAL(verified);
    TOTAL(words_checked);
    TOTAL(mismatches);
    TOTAL(counter_reports);
    TOTAL(gpu_reports);
    TOTAL(more_faults);
#undef TOTAL
}

static void add_fleet(cJSON *object, const struct rg_digest *digest)
{
    cJSON *names = cJSON_AddArrayToObject(object, "nodes"), *leaves = cJSON_AddArrayToObject(object, "leaves");
    for (int node = 0; node < digest->nodes; node++) {
        int64_t leaf = digest->leaves[node];
        cJSON_AddItemToArray(names, cJSON_CreateString(digest->names[node]));
        cJSON_AddItemToArray(leaves, leaf == RG_NONE ? cJSON_CreateNull() : cJSON_CreateNumber((double)leaf));
    }
    cJSON_AddNumberToObject(object, "rails", digest->rails);
    cJSON_AddNumberToObject(object, "blocks", digest->blocks);
    cJSON_AddNumberToObject(object, "block_nodes", digest->block_nodes);
    rg_digest_number(object, "least_loss_percent", 100 * digest->least_loss);
    cJSON *machine = digest->machine ? cJSON_AddObjectToObject(object, "machine") : NULL;
    if (machine == NULL) {
        cJSON_AddNullToObject(object, "machine");
        return;
    }
    cJSON_AddStringToObject(machine, "name", digest->machine->name);
    rg_digest_number(machine, "line_rate_gbps", digest->machine->line_rate_gbps);
}

char *rg_digest_json(struct rg_digest *digest, const struct rg_verdict *verdict, size_t pictures_bytes)
{
    cJSON *object = cJSON_CreateObject();
    add_run(object, digest->run);
    add_verdict(object, verdict);
    add_fleet(object, digest);
    add_totals(object, digest);
    rg_digest_add_points(object, digest, pictures_bytes);
    add_faults(object, "faults", digest->faults, digest->fault_count);
    add_faults(object, "damages", digest->damages, digest->damage_count);
    add_counters(object, digest);
    add_gpus(object, digest);
    rg_digest_add_environment(object, digest->run);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}
