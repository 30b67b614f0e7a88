/* What the commands share. */
#ifndef RG_CMD_CMD_H
#define RG_CMD_CMD_H

#include "base/args.h"
#include "data/machine.h"
#include "data/suite.h"

#define RG_VERSION "0.1.0"

/* Exit statuses of every command. */
enum { RG_EXIT_PASS = 0, RG_EXIT_FAIL = 1, RG_EXIT_USAGE = 2, RG_EXIT_INCONCLUSIVE = 3, RG_EXIT_CANNOT_RUN = 4 };

/* Parses the command line; true when the command is to go on, else *status is what to exit with (help was printed, or
 * the error). */
bool rg_cmd_parse(const struct rg_command *command, int argc, char **argv, struct rg_args *args, int *status);

/* Refuses words besides options, of a command that takes none. */
int rg_cmd_no_words(const char *command, const struct rg_args *args, struct rg_error *err);

/* Prints "railgauge COMMAND: message" and gives back status. */
int rg_cmd_refuse(const char *command, int status, const struct rg_error *err);

/* Directories with what is delivered beside the program: "suites" or "machines"; beside an installed program or in the
 * source tree. */
void rg_cmd_data_directory(const char *kind, char *out, size_t room);

/* By name or path; -ENOENT names those that there are. */
int rg_cmd_load_suite(const char *name, struct rg_suite *out, struct rg_error *err);
int rg_cmd_load_machine(const char *name, struct rg_machine *out, struct rg_error *err);

/* Applies the settings that were given on the command line to every test, and checks the suite. */
int rg_cmd_apply_settings(const struct rg_args *args, struct rg_suite *suite, struct rg_error *err);

int rg_cmd_run(int argc, char **argv);
int rg_cmd_check(int argc, char **argv);
int rg_cmd_compare(int argc, char **argv);
int rg_cmd_report(int argc, char **argv);
int rg_cmd_simulate(int argc, char **argv);
int rg_cmd_topology(int argc, char **argv);
int rg_cmd_history(int argc, char **argv);
int rg_cmd_plan(int argc, char **argv);

#endif
