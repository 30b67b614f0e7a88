#include "data/counters.h"

#include "data/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names of mlx5 (Linux, drivers/infiniband/hw/mlx5/counters.c), of every port (core/sysfs.c) and of rxe
 * (sw/rxe/rxe_hw_counters.c); of TCP as net/tcp has them. */
static const struct {
    const char *name, *words;
} alarms[] = {
    {"out_of_sequence", "packets out of sequence"},
    {"out_of_seq_request", "packets out of sequence"},
    {"packet_seq_err", "sequence errors"},
    {"rcvd_seq_err", "sequence errors"},
    {"implied_nak_seq_err", "implied sequence errors"},
    {"local_ack_timeout_err", "acknowledgements that came too late"},
    {"completer_retry_err", "retries"},
    {"retry_exceeded_err", "retries given up"},
    {"duplicate_request", "duplicate requests"},
    {"rnr_nak_retry_err", "receivers not ready"},
    {"rcvd_rnr_err", "receivers not ready"},
    {"send_rnr_err", "receivers not ready"},
    {"retry_rnr_exceeded_err", "receivers never ready"},
    {"roce_adp_retrans", "adaptive retransmissions"},
    {"roce_adp_retrans_to", "adaptive retransmissions by time-out"},
    {"np_cnp_sent", "congestion notifications sent"},
    {"rp_cnp_handled", "congestion notifications obeyed"},
    {"np_ecn_marked_roce_packets", "packets marked for congestion"},
    {"rx_icrc_encapsulated", "packets with a wrong ICRC"},
    {"symbol_error", "symbol errors"},
    {"link_error_recovery", "link recoveries"},
    {"link_downed", "times that the link went down"},
    {"local_link_integrity_errors", "link integrity errors"},
    {"port_rcv_errors", "packets received damaged"},
    {"port_rcv_remote_physical_errors", "packets received damaged"},
    {"port_xmit_discards", "packets discarded"},
    {"rx_write_requests_discarded", "packets discarded"},
    {"send_err", "packets that could not be sent"},
    {"tcp_segments_retransmitted", "TCP segments sent again"},
    {"tcp_marked_for_congestion", "TCP segments marked for congestion"},
};

const char *rg_counter_alarm(const char *name)
{
    for (size_t i = 0; i < RG_FIELD_COUNT(alarms); i++)
        if (strcmp(alarms[i].name, name) == 0)
            return alarms[i].words;
    return NULL;
}

#define S rg_counter_report
static const struct rg_option report_rows[] = {RG_FIELD_TEXT(node), RG_FIELD_TEXT_OR_NULL(device), RG_FIELD_RAIL(rail),
    {.key = "known",
        .type = RG_INTEGER,
        .offset = offsetof(struct S, change.known),
        .max = RG_FIELD_MOST,
        .required = true}};
#undef S
const struct rg_shape rg_json_counter_report = {
    .rows = report_rows, .row_count = RG_FIELD_COUNT(report_rows), .others = (const char *const[]){"added", NULL}};

void rg_json_add_counters(cJSON *object, const char *key, const struct rg_counter_report *reports, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        rg_json_write(item, &rg_json_counter_report, &reports[i]);
        cJSON *added = cJSON_AddObjectToObject(item, "added");
        for (int64_t c = 0; c < reports[i].change.count; c++)
            cJSON_AddNumberToObject(added, reports[i].change.at[c].name, (double)reports[i].change.at[c].added);
        cJSON_AddItemToArray(array, item);
    }
}

static int read_added(
    const cJSON *item, struct rg_counter_change *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *added = cJSON_GetObjectItemCaseSensitive(item, "added"), *counter;
    if (!cJSON_IsObject(added))
        return rg_json_refuse(place, err, "added: must be an object");
    cJSON_ArrayForEach(counter, added)
    {
        int64_t added_to_it = 0;
        if (!rg_json_is_integer(counter, 1, 1ll << 53, &added_to_it) || out->count >= RG_COUNTERS_MOST ||
            strlen(counter->string) >= RG_COUNTER_NAME_LENGTH)
            return rg_json_refuse(place, err,
                "added: holds %d whole numbers at most, by the names of counters that moved", RG_COUNTERS_MOST);
        struct rg_counter *c = &out->at[out->count++];
        snprintf(c->name, sizeof c->name, "%s", counter->string);
        c->added = added_to_it;
    }
    return 0;
}

int rg_json_read_counters(const cJSON *object, const char *key, const struct rg_place *place,
    struct rg_counter_report **out, size_t *count, struct rg_error *err)
{
    const cJSON *items = rg_json_array(object, key, place, err), *item;
    struct rg_place all = rg_json_inside(place, key, 0);
    *count = 0;
    size_t size = (size_t)(items ? cJSON_GetArraySize(items) : 0);
    *out = size > 0 ? calloc(size, sizeof **out) : malloc(1); /* one is large */
    if (items == NULL) {
        free(*out);
        *out = NULL;
        return -EINVAL;
    }
    if (*out == NULL)
        return rg_json_refuse(place, err, "no memory");
    cJSON_ArrayForEach(item, items)
    {
        struct rg_place at = rg_json_inside(&all, NULL, (int)*count);
        struct rg_counter_report *report = &(*out)[(*count)++];
        int code = rg_json_read(item, &rg_json_counter_report, report, &at, err);
        if (code == 0)
            code = read_added(item, &report->change, &at, err);
        if (code != 0) {
            free(*out);
            *out = NULL;
            *count = 0;
            return code;
        }
    }
    return 0;
}
