/* Whether nodes are there, asked over the same remote shell by which mpirun starts its daemons. */
#ifndef RG_CMD_PROBE_H
#define RG_CMD_PROBE_H

#include <stdbool.h>

/* The remote shell's words but for host and command, as mpirun with these options of the user's (NULL-terminated; may
 * be NULL) will have it: plm_rsh_agent and plm_rsh_args of --mca, else of the environment, else plain ssh; an ssh is
 * told never to ask. rg_argv_free frees it; NULL without memory. */
char **rg_probe_shell(char *const *mpirun_options);

/* Whether a host is this machine, by its name. */
bool rg_probe_is_here(const char *host);

/* Which hosts (NULL-terminated) have run `true` for that shell, all asked at once, within some seconds. This machine
 * itself counts as there. False, and all count as there: no host that was asked has, so it tells more of the shell than
 * of them; or a signal is pending that this process has blocked. */
bool rg_probe_hosts(char *const *hosts, char *const *shell, bool *there);

#endif
