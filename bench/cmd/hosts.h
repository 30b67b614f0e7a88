/* The nodes by name, as the user gives them, and the way to them. */
#ifndef RG_CMD_HOSTS_H
#define RG_CMD_HOSTS_H

#include "base/error.h"

#include <stddef.h>

/* Hosts of a hostfile: the first word of every line that is no comment; slots: the value of slots= on the first line, 0
 * if none. *out is malloc'd, NULL-terminated; rg_argv_free frees it. */
int rg_hosts_read(const char *path, char ***out, int *slots, struct rg_error *err);

/* "a,b,c", given with an option such as "hosts". */
int rg_hosts_split(const char *option, const char *list, char ***out, struct rg_error *err);

/* The interface through which this machine reaches a host, so that MPI's own traffic goes there and not over the rails.
 * Empty where that cannot be told; then the caller leaves the choice to MPI. */
void rg_hosts_interface(const char *host, char *out, size_t room);

#endif
