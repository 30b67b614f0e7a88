/* What the nodes and rails of a run are: each fact with the values that it has, so that the odd one out is seen. */
#include "data/digest_parts.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_MOST 128
#define VALUES_MOST 6 /* of one fact; with more, it is one that differs by its nature */
#define PLACES_MOST 8

struct value {
    char *text;
    int count, place_count;
    struct place {
        int node, rail; /* rail -1: of the node */
    } places[PLACES_MOST];
};

struct fact {
    char name[48];
    bool of_rail;
    int count, value_count; /* value_count VALUES_MOST + 1: there are more */
    struct value values[VALUES_MOST];
};

struct facts {
    struct fact *at;
    int count;
};

/* Names and addresses, which are each another's, and what was true for a moment. */
static bool is_own(const char *key)
{
    static const char *const own[] = {"node", "rails", "rank", "rail", "gid", "uuid", "gpu", "pci_address", "now",
        "counters", "xids_logged", "gpu_device", "device", "netdev"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(key, own[i]) == 0)
            return true;
    return false;
}

static struct fact *fact_of(struct facts *facts, const char *name, bool of_rail)
{
    for (int i = 0; i < facts->count; i++)
        if (facts->at[i].of_rail == of_rail && strcmp(facts->at[i].name, name) == 0)
            return &facts->at[i];
    if (facts->count == FACTS_MOST)
        return NULL;
    struct fact *fact = &facts->at[facts->count++];
    snprintf(fact->name, sizeof fact->name, "%s", name);
    fact->of_rail = of_rail;
    return fact;
}

/* Takes text over. */
static void count_value(struct fact *fact, char *text, int node, int rail)
{
    struct value *value = NULL;
    fact->count++;
    for (int i = 0; i < fact->value_count && i < VALUES_MOST; i++)
        if (strcmp(fact->values[i].text, text) == 0)
            value = &fact->values[i];
    if (value == NULL && fact->value_count < VALUES_MOST) {
        value = &fact->values[fact->value_count++];
        value->text = text;
        text = NULL;
    }
    free(text);
    if (value == NULL) {
        fact->value_count = VALUES_MOST + 1;
        return;
    }
    value->count++;
    if (value->place_count < PLACES_MOST)
        value->places[value->place_count++] = (struct place){node, rail};
}

static char *text_of(const cJSON *item)
{
    return cJSON_IsString(item) ? strdup(item->valuestring) : cJSON_PrintUnformatted(item);
}

static void take(struct facts *facts, const cJSON *object, const char *prefix, int node, int rail)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char name[48];
        if (is_own(item->string) || cJSON_IsArray(item))
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, item->string);
        if (cJSON_IsObject(item)) {
            take(facts, item, strcmp(item->string, "gpu_facts") == 0 ? "gpu_" : prefix, node, rail);
            continue;
        }
        struct fact *fact = fact_of(facts, name, rail >= 0);
        char *text = fact ? text_of(item) : NULL;
        if (text != NULL)
            count_value(fact, text, node, rail);
    }
}

static void write_value(cJSON *values, const struct value *value)
{
    cJSON *object = cJSON_CreateObject(), *places = cJSON_CreateArray();
    cJSON_AddItemToArray(values, object);
    cJSON_AddStringToObject(object, "value", value->text);
    cJSON_AddNumberToObject(object, "count", value->count);
    for (int i = 0; i < value->place_count; i++) {
        const int place[2] = {value->places[i].node, value->places[i].rail};
        cJSON_AddItemToArray(places, cJSON_CreateIntArray(place, 2));
    }
    cJSON_AddItemToObject(object, "where", places);
}

void rg_digest_add_environment(cJSON *object, const struct rg_run *run)
{
    const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(run->root, "nodes"), *node, *rail;
    cJSON *array = cJSON_AddArrayToObject(object, "environment");
    struct facts facts = {calloc(FACTS_MOST, sizeof *facts.at), 0};
    int index = 0;
    if (facts.at == NULL)
        return;
    cJSON_ArrayForEach(node, nodes)
    {
        take(&facts, node, "", index, -1);
        cJSON_ArrayForEach(rail, cJSON_GetObjectItemCaseSensitive(node, "rails"))
        {
            take(&facts, rail, "", index, (int)cJSON_GetObjectItemCaseSensitive(rail, "rail")->valuedouble);
        }
        index++;
    }
    for (int i = 0; i < facts.count; i++) {
        struct fact *fact = &facts.at[i];
        cJSON *each = cJSON_CreateObject();
        cJSON_AddItemToArray(array, each);
        cJSON_AddStringToObject(each, "fact", fact->name);
        cJSON_AddBoolToObject(each, "of_rail", fact->of_rail);
        cJSON_AddNumberToObject(each, "count", fact->count);
        cJSON_AddBoolToObject(each, "more", fact->value_count > VALUES_MOST);
        cJSON *values = cJSON_AddArrayToObject(each, "values");
        for (int v = 0; v < fact->value_count && v < VALUES_MOST; v++) {
            write_value(values, &fact->values[v]);
            free(fact->values[v].text);
        }
    }
    free(facts.at);
}
