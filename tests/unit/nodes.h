/* Nodes that are made up (tests/fixtures/node), to be broken and looked at. */
#ifndef NODES_H
#define NODES_H

#include "check/check.h"

extern char *nodes;                   /* the folder that they are in: "a3-ultra", "soft" and "nothing" */
extern struct rg_machine machine;     /* a3-ultra */
extern struct rg_preflight preflight; /* of the last look */

/* For cmocka_run_group_tests. */
int make_nodes(void **state);
int remove_nodes(void **state);

/* The root of a node; valid until the next call. */
const char *root_of(const char *kind);

/* Looks at the node of that kind, of which nothing that no file tells is wrong but what `change` does, unless that is
 * NULL. */
void look_at(const char *kind, const struct rg_machine *expected, bool quick, void (*change)(struct rg_check_facts *));
void look_at_changed(
    const char *kind, const struct rg_machine *expected, bool quick, void (*change)(struct rg_check_node *));

const struct rg_preflight_row *row_of(const char *check);

/* The check has that status and says so in these words; all others pass. */
void assert_alone(const char *what, const char *check, enum rg_preflight_status status, const char *words);

/* Puts a file's other content in its place, or takes it away (NULL), until it is put back. */
void change_file(const char *path, const char *content);
void put_back(const char *path);

#endif
