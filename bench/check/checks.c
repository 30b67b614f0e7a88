#include "check/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Adds to a text; "..." at its end where there is no room. */
static void add(char *text, size_t room, const char *between, const char *format, va_list args)
{
    size_t used = strlen(text);
    if (used > 0)
        used += (size_t)snprintf(text + used, room - used, "%s", between);
    size_t more = used < room ? (size_t)vsnprintf(text + used, room - used, format, args) : room;
    if (used + more >= room)
        memcpy(text + room - 4, "...", 4);
}

#define ADD(text, between)                                                                                             \
    va_list args;                                                                                                      \
    va_start(args, format);                                                                                            \
    add((text), sizeof(text), (between), format, args);                                                                \
    va_end(args)

void rg_check_expect(struct rg_preflight_row *out, const char *format, ...)
{
    ADD(out->expected, ", ");
}

void rg_check_found(struct rg_preflight_row *out, const char *format, ...)
{
    ADD(out->found, "; ");
}

void rg_check_fault(struct rg_preflight_row *out, enum rg_preflight_status status, const char *format, ...)
{
    if (out->status >= status)
        return;
    out->status = status;
    out->mend[0] = '\0';
    ADD(out->mend, "");
}

static void not_run(struct rg_preflight_row *out)
{
    out->status = RG_PREFLIGHT_NOT_RUN;
    out->found[0] = out->expected[0] = out->mend[0] = '\0';
}

void rg_check_unread(struct rg_preflight_row *out, const char *format, ...)
{
    not_run(out);
    ADD(out->found, "");
}

void rg_check_absent(struct rg_preflight_row *out, const char *format, ...)
{
    not_run(out);
    out->decides = false;
    ADD(out->found, "");
}

void rg_check_tally_add(struct rg_check_tally *tally, const char *who, const char *format, ...)
{
    char value[sizeof tally->groups[0].value];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    int at = 0;
    while (at < tally->count && strcmp(tally->groups[at].value, value) != 0)
        at++;
    if (at == RG_CHECK_GROUPS_MOST)
        at--; /* so many differ that no one reads them all */
    else if (at == tally->count)
        snprintf(tally->groups[tally->count++].value, sizeof value, "%s", value);
    size_t used = strlen(tally->groups[at].who);
    snprintf(tally->groups[at].who + used, sizeof tally->groups[at].who - used, "%s%s", used ? ", " : "", who);
    tally->groups[at].times++;
}

void rg_check_tally_found(const struct rg_check_tally *tally, struct rg_preflight_row *out)
{
    for (int i = 0; i < tally->count; i++)
        rg_check_found(out, "%s: %s", tally->groups[i].value, tally->groups[i].who);
}

bool rg_check_nvml_tells(const struct rg_check_node *node, struct rg_preflight_row *out)
{
    int answers = 0;
    for (int i = 0; i < node->gpu_count; i++)
        answers += node->gpus[i].answers;
    if (node->gpu_count == 0)
        rg_check_absent(out, "no NVIDIA GPU on PCI");
    else if (node->facts.nvml == RG_CHECK_NVML_BROKEN)
        rg_check_absent(out, "the driver's library does not work, as the check nvidia_driver tells");
    else if (node->facts.nvml != RG_CHECK_NVML_WORKS)
        rg_check_unread(out, "%s", node->facts.nvml_error[0] ? node->facts.nvml_error : "NVML was not asked");
    else if (answers == 0)
        rg_check_unread(out, "NVML tells of no GPU: %s", node->gpus[0].what.reason);
    return node->gpu_count > 0 && node->facts.nvml == RG_CHECK_NVML_WORKS && answers > 0;
}

bool rg_check_same_name(const char *a, const char *b)
{
    size_t short_a = strcspn(a, "."), short_b = strcspn(b, ".");
    if (a[short_a] != '\0' && b[short_b] != '\0')
        return strcasecmp(a, b) == 0;
    return short_a == short_b && strncasecmp(a, b, short_a) == 0;
}

bool rg_check_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}
