#include "data/topology.h"

#include <stdlib.h>

const char *const rg_topology_distance_words[] = {
    [RG_PIX] = "PIX", [RG_PXB] = "PXB", [RG_PHB] = "PHB", [RG_NODE] = "NODE", [RG_SYS] = "SYS", NULL};

static void add_number(cJSON *object, const char *key, int value)
{
    if (value < 0)
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddNumberToObject(object, key, value);
}

static void add_device(cJSON *object, const char *key, const struct rg_topology *topology, int index)
{
    if (index < 0) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    const struct rg_topology_place *place = &topology->places[index];
    cJSON *device = cJSON_AddObjectToObject(object, key);
    if (place->kind == RG_PLACE_NIC) {
        cJSON_AddStringToObject(device, "device", place->name);
        cJSON_AddBoolToObject(device, "elsewhere", place->elsewhere);
    }
    rg_json_add_text(device, "pci_address", place->pci_address[0] ? place->pci_address : NULL);
    add_number(device, "numa_node", place->numa_node);
}

char *rg_topology_json(const struct rg_topology *topology)
{
    cJSON *object = rg_json_document("topology");
    cJSON *pairs = cJSON_AddArrayToObject(object, "rails");
    for (int i = 0; i < topology->pair_count; i++) {
        const struct rg_topology_pair *pair = &topology->pairs[i];
        cJSON *item = cJSON_CreateObject();
        add_number(item, "rail", pair->nic < 0 ? -1 : i);
        add_device(item, "nic", topology, pair->nic);
        add_device(item, "gpu", topology, pair->gpu);
        bool whole = pair->nic >= 0 && pair->gpu >= 0;
        rg_json_add_text(item, "distance", whole ? rg_topology_distance_words[pair->distance] : NULL);
        cJSON_AddItemToArray(pairs, item);
    }
    cJSON *warnings = cJSON_AddArrayToObject(object, "warnings");
    for (int i = 0; i < topology->warning_count; i++)
        cJSON_AddItemToArray(warnings, cJSON_CreateString(topology->warnings[i]));
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    return text;
}

void rg_topology_close(struct rg_topology *topology)
{
    if (topology == NULL)
        return;
    for (int i = 0; i < topology->warning_count; i++)
        free(topology->warnings[i]);
    free(topology->warnings);
    free(topology->pairs);
    free(topology->places);
    free(topology);
}
