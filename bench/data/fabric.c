#include "data/fabric.h"

#include "data/fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NODE_PREFIX "sim" /* before a node's number, in its name */

const char *const rg_fault_kind_words[] = {"slow", "dead", "flaps", "corrupts", "dies", "hangs", "straggles", NULL};
const char *const rg_fault_part_words[] = {"tx", "rx", "nic", "node", "rail", "path", "leaf_tx", "leaf_rx", NULL};

/* As in the document: percentages, and null for what does not apply. */
struct fault_fields {
    const char *fault, *part;
    int64_t node, rail, peer;
    double loss_percent, at_s;
};

#define S fault_fields
static const struct rg_option fault_rows[] = {RG_FIELD_WORD(fault, rg_fault_kind_words),
    RG_FIELD_WORD(part, rg_fault_part_words), RG_FIELD_COUNTED_OR_NULL(node), RG_FIELD_RAIL_OR_NULL(rail),
    RG_FIELD_COUNTED_OR_NULL(peer),
    {.key = "loss_percent", .type = RG_NUMBER, RG_FIELD_AT(loss_percent), .min = 0, .max = 100, .nullable = true},
    RG_FIELD_REAL_OR_NULL(at_s)};
#undef S
static const struct rg_shape fault_shape = RG_FIELD_SHAPE(fault_rows);

struct fabric_fields {
    int64_t nodes, rails, nodes_per_leaf, seed;
    double rate_gbps, latency_us, hop_us, noise_percent, load_slowdown, load_latency;
};

#define S fabric_fields
static const struct rg_option fabric_rows[] = {
    {.key = "nodes", .type = RG_INTEGER, RG_FIELD_AT(nodes), .min = 1, .max = RG_FABRIC_NODES_MOST},
    {.key = "rails", .type = RG_INTEGER, RG_FIELD_AT(rails), .min = 1, .max = 64},
    {.key = "nodes_per_leaf",
        .type = RG_INTEGER,
        RG_FIELD_AT(nodes_per_leaf),
        .min = 1,
        .max = RG_FABRIC_NODES_MOST,
        .nullable = true},
    {.key = "rate_gbps", .type = RG_NUMBER, RG_FIELD_AT(rate_gbps), .min = 1e-6, .max = 1e6},
    {.key = "latency_us", .type = RG_NUMBER, RG_FIELD_AT(latency_us), .min = 1e-3, .max = 1e9},
    {.key = "hop_us", .type = RG_NUMBER, RG_FIELD_AT(hop_us), .min = 0, .max = 1e9},
    {.key = "noise_percent", .type = RG_NUMBER, RG_FIELD_AT(noise_percent), .min = 0, .max = 50},
    {.key = "load_slowdown", .type = RG_NUMBER, RG_FIELD_AT(load_slowdown), .min = 1e-3, .max = 1},
    {.key = "load_latency", .type = RG_NUMBER, RG_FIELD_AT(load_latency), .min = 1, .max = 1e6},
    RG_FIELD_COUNTED(seed)};
#undef S
static const struct rg_shape fabric_shape = {.rows = fabric_rows,
    .row_count = RG_FIELD_COUNT(fabric_rows),
    .others = (const char *const[]){"schema_version", "document", "faults", NULL}};

/* --- what each kind of fault must say --- */

static bool has_rail(enum rg_part_kind kind)
{
    return kind != RG_PART_NODE;
}

static bool has_loss(enum rg_fault_kind kind)
{
    return kind == RG_FAULT_SLOW || kind == RG_FAULT_FLAPS || kind == RG_FAULT_STRAGGLES;
}

static bool has_time(enum rg_fault_kind kind)
{
    return kind == RG_FAULT_DIES || kind == RG_FAULT_HANGS;
}

static int check_part(const struct rg_fabric *fabric, const struct rg_fault_plan *fault, const struct fault_fields *f,
    struct rg_error *err)
{
    const struct rg_part *part = &fault->part;
    bool leaf = part->kind >= RG_PART_LEAF_TX;
    int leaves = fabric->nodes_per_leaf > 0 ? (fabric->nodes - 1) / fabric->nodes_per_leaf + 1 : 1;
    if ((part->kind == RG_PART_RAIL) != (f->node == RG_NONE))
        return rg_fail(err, -EINVAL, "a fault of a rail, and no other, has no node");
    if (leaf && leaves < 2)
        return rg_fail(err, -EINVAL, "%s: the fabric has one leaf, which nothing leaves or enters", f->part);
    if (fault->kind == RG_FAULT_DIES && part->kind != RG_PART_NODE)
        return rg_fail(err, -EINVAL, "only a node dies: part=node");
    if ((fault->kind == RG_FAULT_HANGS || fault->kind == RG_FAULT_STRAGGLES) && part->kind != RG_PART_NIC)
        return rg_fail(err, -EINVAL, "%s is of one rank: part=nic", f->fault);
    if (part->node >= (leaf ? leaves : fabric->nodes))
        return rg_fail(err, -EINVAL, "node %d: there are %d %s", part->node, leaf ? leaves : fabric->nodes,
            leaf ? "leaves" : "nodes");
    if (has_rail(part->kind) != (f->rail != RG_NONE) || (f->rail != RG_NONE && f->rail >= fabric->rails))
        return rg_fail(err, -EINVAL, "a fault of a %s has %s", f->part,
            has_rail(part->kind) ? "a rail, from 0 to the last" : "no rail");
    if ((part->kind == RG_PART_PATH) != (f->peer != RG_NONE) ||
        (f->peer != RG_NONE && (f->peer >= fabric->nodes || f->peer == f->node)))
        return rg_fail(err, -EINVAL, "a fault of a path, and no other, has a peer, which is another node");
    return 0;
}

static int take_fault(
    const struct rg_fabric *fabric, const struct fault_fields *f, struct rg_fault_plan *out, struct rg_error *err)
{
    int peer = f->peer == RG_NONE ? -1 : (int)f->peer, rail = f->rail == RG_NONE ? -1 : (int)f->rail;
    out->kind = (enum rg_fault_kind)rg_json_word_place(rg_fault_kind_words, f->fault);
    out->part = (struct rg_part){(enum rg_part_kind)rg_json_word_place(rg_fault_part_words, f->part),
        f->node == RG_NONE ? -1 : (int)f->node, rail, peer, peer < 0 ? -1 : rail};
    if (out->part.kind == RG_PART_PATH && peer >= 0 && peer < out->part.node) {
        out->part.peer = out->part.node;
        out->part.node = peer;
    }
    if (has_loss(out->kind) == isnan(f->loss_percent))
        return rg_fail(err, -EINVAL,
            "a fault that is slow, flaps or straggles, and no other, has a loss in percent (loss=, loss_percent)");
    if (has_time(out->kind) == isnan(f->at_s))
        return rg_fail(err, -EINVAL, "a fault that dies or hangs, and no other, has a time in seconds (at=, at_s)");
    out->loss = isnan(f->loss_percent) ? 0 : f->loss_percent / 100;
    out->at_s = isnan(f->at_s) ? 0 : f->at_s;
    return check_part(fabric, out, f, err);
}

static int add_fault(struct rg_fabric *fabric, const struct fault_fields *f, struct rg_error *err)
{
    struct rg_fault_plan *grown = realloc(fabric->faults, (size_t)(fabric->fault_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rg_fail(err, -ENOMEM, "no memory");
    fabric->faults = grown;
    int code = take_fault(fabric, f, &grown[fabric->fault_count], err);
    fabric->fault_count += code == 0;
    return code;
}

/* --- documents --- */

static int read_faults(const cJSON *root, struct rg_fabric *out, const struct rg_place *place, struct rg_error *err)
{
    const cJSON *items = rg_json_array(root, "faults", place, err), *item;
    struct rg_place all = rg_json_inside(place, "faults", 0);
    int index = 0;
    if (items == NULL)
        return -EINVAL;
    cJSON_ArrayForEach(item, items)
    {
        struct rg_place at = rg_json_inside(&all, NULL, index++);
        struct fault_fields f;
        struct rg_error why = {{0}};
        rg_json_clear(&fault_shape, &f);
        int code = rg_json_read(item, &fault_shape, &f, &at, err);
        if (code == 0 && (code = add_fault(out, &f, &why)) != 0)
            rg_json_refuse(&at, err, "%s", why.text);
        if (code != 0)
            return code;
    }
    return 0;
}

int rg_fabricdoc_read(const cJSON *root, const char *name, struct rg_fabric *out, struct rg_error *err)
{
    struct rg_place place = {.file = name};
    struct fabric_fields f;
    rg_json_clear(&fabric_shape, &f);
    int code = rg_json_read(root, &fabric_shape, &f, &place, err);
    if (code != 0)
        return code;
    struct rg_fabric fabric = {.nodes = (int)f.nodes,
        .rails = (int)f.rails,
        .nodes_per_leaf = f.nodes_per_leaf == RG_NONE ? 0 : (int)f.nodes_per_leaf,
        .rate_gbps = f.rate_gbps,
        .latency_us = f.latency_us,
        .hop_us = f.hop_us,
        .noise = f.noise_percent / 100,
        .load_slowdown = f.load_slowdown,
        .load_latency = f.load_latency,
        .seed = (uint64_t)f.seed};
    code = rg_fabric_prepare(&fabric, err);
    if (code == 0)
        code = read_faults(root, &fabric, &place, err);
    if (code != 0) {
        rg_fabric_close(&fabric);
        return code;
    }
    *out = fabric;
    return 0;
}

int rg_fabricdoc_load(const char *path, struct rg_fabric *out, struct rg_error *err)
{
    cJSON *root;
    int code = rg_json_load(path, "fabric", &root, err);
    if (code != 0)
        return code;
    code = rg_fabricdoc_read(root, path, out, err);
    cJSON_Delete(root);
    return code;
}

static int64_t none_below_zero(int value)
{
    return value < 0 ? RG_NONE : value;
}

cJSON *rg_fabricdoc_document(const struct rg_fabric *fabric)
{
    cJSON *object = rg_json_document("fabric");
    struct fabric_fields f = {
        .nodes = fabric->nodes,
        .rails = fabric->rails,
        .nodes_per_leaf = fabric->nodes_per_leaf > 0 ? fabric->nodes_per_leaf : RG_NONE,
        .seed = (int64_t)fabric->seed,
        .rate_gbps = fabric->rate_gbps,
        .latency_us = fabric->latency_us,
        .hop_us = fabric->hop_us,
        .noise_percent = 100 * fabric->noise,
        .load_slowdown = fabric->load_slowdown,
        .load_latency = fabric->load_latency,
    };
    rg_json_write(object, &fabric_shape, &f);
    cJSON *faults = cJSON_AddArrayToObject(object, "faults");
    for (int i = 0; i < fabric->fault_count; i++) {
        const struct rg_fault_plan *fault = &fabric->faults[i];
        struct fault_fields fields = {
            .fault = rg_fault_kind_words[fault->kind],
            .part = rg_fault_part_words[fault->part.kind],
            .node = none_below_zero(fault->part.node),
            .rail = none_below_zero(fault->part.rail),
            .peer = none_below_zero(fault->part.peer),
            .loss_percent = has_loss(fault->kind) ? 100 * fault->loss : NAN,
            .at_s = has_time(fault->kind) ? fault->at_s : NAN,
        };
        cJSON *item = cJSON_CreateObject();
        rg_json_write(item, &fault_shape, &fields);
        cJSON_AddItemToArray(faults, item);
    }
    return object;
}

char *rg_fabricdoc_text(const struct rg_fabric *fabric)
{
    cJSON *object = rg_fabricdoc_document(fabric);
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

/* 390 Gb/s is what 8 queue pairs give at 64 KiB on ConnectX-7 (nccl#2409), 2 us one way through a switch. */
void rg_fabricdoc_default(int nodes, int rails, uint64_t seed, struct rg_fabric *out)
{
    *out = (struct rg_fabric){.nodes = nodes,
        .rails = rails,
        .nodes_per_leaf = nodes > 32 ? 16 : 0,
        .rate_gbps = 390,
        .latency_us = 2,
        .hop_us = 0.6,
        .noise = 0.005,
        .load_slowdown = 0.9,
        .load_latency = 4,
        .seed = seed};
}

void rg_fabricdoc_node_name(int node, char out[32])
{
    snprintf(out, 32, NODE_PREFIX "%03d", node);
}

/* --- the command line --- */

/* A node's number as it stands, or its name's. */
static const char *node_number(const char *text)
{
    return strncmp(text, NODE_PREFIX, strlen(NODE_PREFIX)) == 0 ? text + strlen(NODE_PREFIX) : text;
}

static int take_pair(const char *pair, struct fault_fields *f, struct rg_error *err)
{
    static const struct {
        const char *name, *row;
        bool is_node;
    } names[] = {{"part", "part", false}, {"node", "node", true}, {"rail", "rail", false}, {"peer", "peer", true},
        {"loss", "loss_percent", false}, {"at", "at_s", false}};
    size_t length = strcspn(pair, "=");
    for (size_t i = 0; i < RG_FIELD_COUNT(names); i++) {
        if (strlen(names[i].name) != length || strncmp(names[i].name, pair, length) != 0 || pair[length] == '\0')
            continue;
        for (size_t r = 0; r < fault_shape.row_count; r++)
            if (strcmp(fault_rows[r].key, names[i].row) == 0) {
                struct rg_option row = fault_rows[r];
                const char *value = pair + length + 1;
                row.name = names[i].name;
                return rg_args_set(&row, f, names[i].is_node ? node_number(value) : value, err);
            }
    }
    return rg_fail(err, -EINVAL, "'%s' is none of part=, node=, rail=, peer=, loss= and at=", pair);
}

int rg_fabricdoc_add_fault(struct rg_fabric *fabric, const char *text, struct rg_error *err)
{
    struct fault_fields f;
    char *copy = strdup(text), *more = copy;
    int code = copy ? 0 : rg_fail(err, -ENOMEM, "no memory");
    rg_json_clear(&fault_shape, &f);
    if (code == 0) {
        struct rg_option row = fault_rows[0];
        row.name = "fault";
        code = rg_args_set(&row, &f, strsep(&more, ","), err);
    }
    for (char *pair; code == 0 && (pair = strsep(&more, ",")) != NULL;)
        code = take_pair(pair, &f, err);
    if (code == 0 && f.part == NULL)
        code = rg_fail(err, -EINVAL, "names no part, as slow,part=tx,node=17,rail=3,loss=20 does");
    if (code == 0)
        code = add_fault(fabric, &f, err);
    free(copy);
    return code == 0 ? 0 : rg_fail_in(err, code, "fault '%s'", text);
}
