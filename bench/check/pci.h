/* PCI devices by sysfs; for the files of check/ alone. */
#ifndef RG_CHECK_PCI_H
#define RG_CHECK_PCI_H

#include "check/node.h"

#include <limits.h>

#define RG_CHECK_CONFIG_BYTES 4096

/* The address of the PCI device of `base`/device, a path below the root; "" and false where there is none. */
bool rg_check_pci_address(const struct rg_check_node *node, const char *base, char out[16]);

/* The PCI bridge above a device; false: it is on a root bus. */
bool rg_check_pci_above(const struct rg_check_node *node, const char *address, char out[16]);

/* The device's link, as "32.0 GT/s x16", and what the device could do; false: sysfs does not tell. gbps: what the link
 * carries after encoding. */
struct rg_check_link {
    double speed_gts, speed_max_gts, gbps;
    int64_t width, width_max;
};
bool rg_check_pci_link(const struct rg_check_node *node, const char *address, struct rg_check_link *out);

/* The device's configuration space: the bytes that this process may read, 64 without privileges; 0: none. */
int rg_check_pci_config(
    const struct rg_check_node *node, const char *address, unsigned char out[RG_CHECK_CONFIG_BYTES]);

/* The 16 bits at an offset of the capability, ordinary or extended; -1: the device has none such; -2: it cannot be read
 * that far. */
int rg_check_pci_capability(const unsigned char *config, int bytes, int id, int offset);
int rg_check_pci_extended(const unsigned char *config, int bytes, int id, int offset);

#endif
