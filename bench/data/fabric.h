/* A simulated fabric as a document: what it is like, and what is wrong with it (fabric.json, and truth.json beside a
 * simulated run). */
#ifndef RG_DATA_FABRIC_H
#define RG_DATA_FABRIC_H

#include "data/json.h"
#include "fleet/fabric.h"

#define RG_FABRIC_NODES_MOST 65536

/* The words of documents and of --fault, in the order of the enums; NULL-terminated. */
extern const char *const rg_fault_kind_words[], *const rg_fault_part_words[];

/* Reads a fabric file; close with rg_fabric_close. -EINVAL or -errno with a message that names file, field and fault.
 */
int rg_fabricdoc_load(const char *path, struct rg_fabric *out, struct rg_error *err);

/* The same from a document inside another. */
int rg_fabricdoc_read(const cJSON *root, const char *name, struct rg_fabric *out, struct rg_error *err);

/* The whole document; the caller's to cJSON_Delete. */
cJSON *rg_fabricdoc_document(const struct rg_fabric *fabric);

/* The same as text, malloc'd. */
char *rg_fabricdoc_text(const struct rg_fabric *fabric);

/* A healthy one by default values: rates of A3 Ultra. */
void rg_fabricdoc_default(int nodes, int rails, uint64_t seed, struct rg_fabric *out);

/* "sim017" */
void rg_fabricdoc_node_name(int node, char out[32]);

/* Adds a fault written as "slow,part=tx,node=17,rail=3,loss=20"; -EINVAL with a message. */
int rg_fabricdoc_add_fault(struct rg_fabric *fabric, const char *text, struct rg_error *err);

#endif
