/* Files that are whole or not there at all. */
#ifndef RG_BASE_FILE_H
#define RG_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Reads a whole file of at most limit_bytes; *out is malloc'd, NUL-terminated, the caller's to free; out_bytes may be
 * NULL. */
int rg_file_read(const char *path, size_t limit_bytes, char **out, size_t *out_bytes, struct rg_error *err);

/* Replaces path, or the file that it is a link to, by the given text: temporary file beside it, fsync, rename, fsync of
 * the directory. On failure path is as before. What is no file (a device, a pipe) is written to, and stays what it is.
 */
int rg_file_write_atomic(const char *path, const char *text, struct rg_error *err);

/* An append-only file of lines, which one process at a time writes: opening it fails with -EBUSY and the number of the
 * process where another has it open. */
struct rg_journal;

/* Creates path, which must not exist. */
int rg_journal_open(const char *path, struct rg_journal **out, struct rg_error *err);

/* Opens one that was begun before, or begins it. */
int rg_journal_resume(const char *path, struct rg_journal **out, struct rg_error *err);

/* Cuts off what follows the first `lines` lines. -EINVAL where there are fewer. */
int rg_journal_keep(struct rg_journal *journal, int64_t lines, struct rg_error *err);

/* Appends text and a newline; it is safe on disk after the next sync. */
int rg_journal_append(struct rg_journal *journal, const char *text, struct rg_error *err);
int rg_journal_sync(struct rg_journal *journal, struct rg_error *err);

/* Cuts off what was appended after the last sync, or the last rg_journal_keep. */
int rg_journal_rewind(struct rg_journal *journal, struct rg_error *err);

/* Takes NULL. */
void rg_journal_close(struct rg_journal *journal);

#endif
