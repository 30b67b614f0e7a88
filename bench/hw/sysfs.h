/* Attributes of /sys. */
#ifndef RG_HW_SYSFS_H
#define RG_HW_SYSFS_H

#include <stddef.h>

/* The first line of a file, or "". */
void rg_sysfs_line(const char *path, char *out, size_t room);

/* The last part of where a link points, or "". */
void rg_sysfs_link_name(const char *path, char *out, size_t room);

/* The number that a file begins with; -1: there is none. */
double rg_sysfs_number(const char *path);

#endif
