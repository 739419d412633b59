/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The file of a recorded port of a stage: what the daemon, which keeps it, and a worker, which
 * writes and reads it, both know.
 *
 *   header   MEDLEY_STAGE_ENTRY_HEADER bytes: magic and key. Written last, by the daemon
 *   records  see daemon/runner/stage-record.h
 *   trailer  MEDLEY_STAGE_ENTRY_TRAILER bytes: magic, length of the records, their SHA-256
 */
#define MEDLEY_STAGE_ENTRY_HEADER 128
#define MEDLEY_STAGE_ENTRY_TRAILER 48
/* Characters of a key: SHA-256 in hexadecimal. */
#define MEDLEY_STAGE_ENTRY_KEY 64

/* Both return FALSE with errno set. They write at fixed places and leave the file's offset alone.
 * @length: bytes of the records; @sum: over the records, closed by it */
gboolean
medley_stage_entry_write_header (int fd, const char *key);
gboolean
medley_stage_entry_write_trailer (int fd, guint64 length, GChecksum *sum);

/* All of it, at an offset; FALSE with errno set. */
gboolean
medley_stage_entry_write (int fd, gconstpointer data, gsize length, guint64 offset);

/**
 * medley_stage_entry_check:
 * @fd: a file
 * @key: (nullable): the key that it must have, %NULL for one whose header is yet to come
 * @cancellable: (nullable): a cancellable
 *
 * Reads a file through: whether it is whole and undamaged. Blocks.
 *
 * Returns: the length of the records, -1 when it is no such file
 */
gint64
medley_stage_entry_check (int fd, const char *key, GCancellable *cancellable);

G_END_DECLS
