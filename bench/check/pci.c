#include "check/pci.h"

#include "check/read.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 64
#define CAPABILITIES_AT 0x34
#define EXTENDED_AT 0x100
#define CAPABILITIES_MOST 96 /* a list that is longer runs in a circle */

/* Whether the text begins with so many hexadecimal digits and then this character; moves past them. */
static bool take(const char **at, size_t least, size_t most, char then)
{
    size_t digits = strspn(*at, "0123456789abcdef");
    if (digits < least || digits > most || (*at)[digits] != then)
        return false;
    *at += digits + 1;
    return true;
}

/* The last part of a path, if it is an address such as 0000:c1:00.0. */
static bool last_address(const char *path, char out[16])
{
    const char *slash = strrchr(path, '/'), *at = slash != NULL ? slash + 1 : path;
    bool is = slash != NULL && take(&at, 4, 8, ':') && take(&at, 2, 2, ':') && take(&at, 2, 2, '.') &&
              take(&at, 1, 1, '\0') && at - slash <= 17;
    snprintf(out, 16, "%s", is ? slash + 1 : "");
    return is;
}

bool rg_check_pci_address(const struct rg_check_node *node, const char *base, char out[16])
{
    char link[PATH_MAX], path[PATH_MAX];
    rg_check_path(node, link, "%s/device", base);
    out[0] = '\0';
    return realpath(link, path) != NULL && last_address(path, out);
}

bool rg_check_pci_above(const struct rg_check_node *node, const char *address, char out[16])
{
    char link[PATH_MAX], path[PATH_MAX];
    rg_check_path(node, link, "/sys/bus/pci/devices/%s", address);
    out[0] = '\0';
    if (realpath(link, path) == NULL)
        return false;
    *strrchr(path, '/') = '\0';
    return last_address(path, out);
}

/* Bits that carry payload, of each that is sent: 8b/10b up to 5 GT/s, 128b/130b up to 32, flits without loss past it.
 */
static double coded_share(double speed_gts)
{
    return speed_gts <= 5 ? 0.8 : speed_gts <= 32 ? 128.0 / 130 : 1;
}

bool rg_check_pci_link(const struct rg_check_node *node, const char *address, struct rg_check_link *out)
{
    char base[64], now[RG_CHECK_LINE], most[RG_CHECK_LINE];
    snprintf(base, sizeof base, "/sys/bus/pci/devices/%s", address);
    rg_check_line(node, now, "%s/current_link_speed", base); /* "32.0 GT/s PCIe", or "Unknown" */
    rg_check_line(node, most, "%s/max_link_speed", base);
    out->speed_gts = strtod(now, NULL);
    out->speed_max_gts = strtod(most, NULL);
    out->width = rg_check_number(node, "%s/current_link_width", base);
    out->width_max = rg_check_number(node, "%s/max_link_width", base);
    out->gbps = out->speed_gts * (double)out->width * coded_share(out->speed_gts);
    return out->speed_gts > 0 && out->speed_max_gts > 0 && out->width > 0 && out->width_max > 0 && out->width_max <= 32;
}

int rg_check_pci_config(const struct rg_check_node *node, const char *address, unsigned char out[RG_CHECK_CONFIG_BYTES])
{
    char path[PATH_MAX];
    rg_check_path(node, path, "/sys/bus/pci/devices/%s/config", address);
    int used = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; fd >= 0 && got > 0 && used<RG_CHECK_CONFIG_BYTES; used += got> 0 ? (int)got : 0)
        got = read(fd, out + used, (size_t)(RG_CHECK_CONFIG_BYTES - used));
    if (fd >= 0)
        close(fd);
    return used;
}

static int word_at(const unsigned char *config, int bytes, int at)
{
    return at + 1 < bytes ? config[at] | config[at + 1] << 8 : -2;
}

int rg_check_pci_capability(const unsigned char *config, int bytes, int id, int offset)
{
    int at = bytes >= HEADER_BYTES ? config[CAPABILITIES_AT] & ~3 : 0;
    for (int i = 0; at != 0 && i < CAPABILITIES_MOST; i++) {
        int word = word_at(config, bytes, at);
        if (word < 0 || (word & 0xff) == id)
            return word < 0 ? word : word_at(config, bytes, at + offset);
        at = word >> 8 & ~3;
    }
    return bytes >= HEADER_BYTES ? -1 : -2;
}

int rg_check_pci_extended(const unsigned char *config, int bytes, int id, int offset)
{
    int at = EXTENDED_AT;
    for (int i = 0; at != 0 && i < CAPABILITIES_MOST; i++) {
        int found = word_at(config, bytes, at), next = word_at(config, bytes, at + 2);
        if (found < 0 || next < 0)
            return -2;
        if (found == id)
            return word_at(config, bytes, at + offset);
        at = next >> 4 & ~3;
    }
    return -1;
}
