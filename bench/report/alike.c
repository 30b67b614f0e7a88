#include "report/alike.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define VALUES_MOST 16 /* so many differ that no one reads them all */
#define NAMED_MOST 8   /* nodes */
#define RAILS_MOST 64

/* A field of a rank's facts; the node's is the same for all its rails. What is of its GPU comes last in the structure.
 */
static const struct {
    const char *name;
    enum rg_option_type type; /* text, integer or number */
    bool of_node;
    size_t offset;
} traits[] = {
#define NODE(words, type, member)                                                                                      \
    {                                                                                                                  \
        words, type, true, offsetof(struct rg_rank_facts, node.member)                                                 \
    }
#define RAIL(words, type, member)                                                                                      \
    {                                                                                                                  \
        words, type, false, offsetof(struct rg_rank_facts, rail.member)                                                \
    }
    NODE("kernel", RG_TEXT, kernel),
    NODE("operating system", RG_TEXT, os),
    NODE("processor", RG_TEXT, cpu_model),
    NODE("processors", RG_INTEGER, cpus),
    NODE("NUMA nodes", RG_INTEGER, numa_nodes),
    NODE("MPI", RG_TEXT, mpi),
    NODE("rdma-core", RG_TEXT, rdma_core),
    NODE("TCP congestion control", RG_TEXT, tcp_congestion),
    RAIL("NIC driver", RG_TEXT, driver),
    RAIL("NIC firmware", RG_TEXT, firmware),
    RAIL("link layer", RG_TEXT, link_layer),
    RAIL("link rate in Gb/s", RG_NUMBER, link_gbps),
    RAIL("RDMA MTU", RG_INTEGER, active_mtu_bytes),
    RAIL("network MTU", RG_INTEGER, netdev_mtu_bytes),
    RAIL("GID type", RG_TEXT, gid_type),
    RAIL("GPU", RG_TEXT, gpu_facts.name),
    RAIL("GPU driver", RG_TEXT, gpu_facts.driver),
    RAIL("CUDA version of the driver", RG_TEXT, gpu_facts.cuda_driver),
    RAIL("GPU firmware (VBIOS)", RG_TEXT, gpu_facts.vbios),
    RAIL("ECC mode", RG_INTEGER, gpu_facts.ecc),
    RAIL("persistence mode", RG_INTEGER, gpu_facts.persistence),
    RAIL("MIG mode", RG_INTEGER, gpu_facts.mig),
    RAIL("power limit in W", RG_NUMBER, gpu_facts.power_limit_w),
    RAIL("highest SM clock in MHz", RG_INTEGER, gpu_facts.sm_clock_max_mhz),
#undef NODE
#undef RAIL
};
#define TRAIT_COUNT (sizeof traits / sizeof *traits)

struct value {
    char text[96];
    size_t times;
};

struct sight {
    const struct rg_run *run;
    size_t trait, seen;
    struct value values[VALUES_MOST];
    int count;
};

/* False: it is not known. */
static bool value_of(const struct rg_rank_facts *facts, size_t trait, char out[96])
{
    const char *at = (const char *)facts + traits[trait].offset;
    out[0] = '\0';
    if (traits[trait].offset >= offsetof(struct rg_rank_facts, rail.gpu_facts) && !facts->rail.has_gpu_facts)
        return false;
    if (traits[trait].type == RG_TEXT && *(const char *const *)(const void *)at != NULL)
        snprintf(out, 96, "%s", *(const char *const *)(const void *)at);
    else if (traits[trait].type == RG_INTEGER && *(const int64_t *)(const void *)at != RG_NONE)
        snprintf(out, 96, "%lld", (long long)*(const int64_t *)(const void *)at);
    else if (traits[trait].type == RG_NUMBER && !isnan(*(const double *)(const void *)at))
        snprintf(out, 96, "%g", *(const double *)(const void *)at);
    return out[0] != '\0';
}

static bool same_node(const struct rg_rank_facts *a, const struct rg_rank_facts *b)
{
    return strcmp(a->node.node, b->node.node) == 0;
}

/* Whether a rank is the first of its node, or of its rail, and so the one that counts; ranks of a node follow each
 * other. */
static bool counts(const struct rg_run *run, size_t rank, bool of_node)
{
    for (size_t i = rank; i > 0 && same_node(&run->ranks[i - 1], &run->ranks[rank]); i--)
        if (of_node || run->ranks[i - 1].rail.rail == run->ranks[rank].rail.rail)
            return false;
    return true;
}

static void look(struct sight *sight)
{
    char text[96];
    for (size_t i = 0; i < sight->run->rank_count; i++) {
        int at = 0;
        if (!counts(sight->run, i, traits[sight->trait].of_node) ||
            !value_of(&sight->run->ranks[i], sight->trait, text))
            continue;
        while (at < sight->count && strcmp(sight->values[at].text, text) != 0)
            at++;
        if (at == VALUES_MOST)
            at--;
        else if (at == sight->count)
            memcpy(sight->values[sight->count++].text, text, sizeof text);
        sight->values[at].times++;
        sight->seen++;
    }
}

/* Whether each rail is as its namesakes on all other nodes, however rails of a node differ. */
static bool alike_by_rail(const struct sight *sight)
{
    char first[RAILS_MOST][96] = {{0}}, text[96];
    for (size_t i = 0; i < sight->run->rank_count; i++) {
        int64_t rail = sight->run->ranks[i].rail.rail;
        if (rail < 0 || rail >= RAILS_MOST || !value_of(&sight->run->ranks[i], sight->trait, text))
            continue;
        if (first[rail][0] == '\0')
            memcpy(first[rail], text, sizeof text);
        else if (strcmp(first[rail], text) != 0)
            return false;
    }
    return true;
}

/* "node3, rails 2 and 5": who has a value. */
static void name_those(const struct sight *sight, const char *value, char *out, size_t room)
{
    const struct rg_run *run = sight->run;
    const struct rg_rank_facts *last = NULL;
    char text[96];
    int nodes = 0;
    out[0] = '\0';
    for (size_t i = 0; i < run->rank_count; i++) {
        const struct rg_rank_facts *facts = &run->ranks[i];
        size_t used = strlen(out);
        if (!counts(run, i, traits[sight->trait].of_node) || !value_of(facts, sight->trait, text) ||
            strcmp(text, value) != 0)
            continue;
        bool again = last != NULL && same_node(last, facts);
        nodes += !again;
        last = facts;
        if (nodes > NAMED_MOST || (again && traits[sight->trait].of_node))
            continue;
        if (!again)
            used += (size_t)snprintf(out + used, room - used, "%s%.100s", used ? ", " : "", facts->node.node);
        if (!traits[sight->trait].of_node && used < room)
            snprintf(out + used, room - used, "%s%lld", again ? "+" : " rail ", (long long)facts->rail.rail);
    }
    size_t used = strlen(out);
    if (nodes > NAMED_MOST && used < room)
        snprintf(out + used, room - used, " and %d more nodes", nodes - NAMED_MOST);
}

static void add_sentence(
    struct rg_alike *out, const struct sight *sight, const struct value *odd, const struct value *most)
{
    char who[360];
    if (out->count == RG_ALIKE_SENTENCES_MOST)
        return;
    name_those(sight, odd->text, who, sizeof who);
    char *sentence = out->sentences[out->count++];
    const char *name = traits[sight->trait].name, *unit = traits[sight->trait].of_node ? "nodes" : "rails";
    if (most != NULL)
        snprintf(sentence, RG_ALIKE_SENTENCE_LENGTH, "%s differs: %s on %s, %s on %zu of %zu %s", name, odd->text, who,
            most->text, most->times, sight->seen, unit);
    else
        snprintf(sentence, RG_ALIKE_SENTENCE_LENGTH, "%s differs: %s on %s, others elsewhere", name, odd->text, who);
}

void rg_alike_find(const struct rg_run *run, struct rg_alike *out)
{
    out->count = 0;
    for (size_t trait = 0; run->ranks != NULL && trait < TRAIT_COUNT; trait++) {
        struct sight sight = {.run = run, .trait = trait};
        const struct value *most = NULL;
        look(&sight);
        if (sight.count < 2 || (!traits[trait].of_node && alike_by_rail(&sight)))
            continue;
        for (int i = 0; i < sight.count; i++)
            if (2 * sight.values[i].times > sight.seen)
                most = &sight.values[i];
        for (int i = 0; i < sight.count; i++)
            if (&sight.values[i] != most)
                add_sentence(out, &sight, &sight.values[i], most);
    }
}
