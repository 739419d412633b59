/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What is held in memory of a body that is still coming, in bytes: many that come slowly must not
 * add up. */
#define MEDLEY_HTTP_SPILL_MEMORY (16 * 1024)

/**
 * MedleyHttpSpill:
 *
 * Bytes that arrive: few wait in memory, more in an unnamed file of the spool.
 */
typedef struct _MedleyHttpSpill MedleyHttpSpill;

/**
 * medley_http_spill_new:
 * @spool: folder for the file
 * @memory: most bytes that are held without one; 0 for a file at the first byte
 *
 * Returns: (transfer full): with nothing in it
 */
MedleyHttpSpill *
medley_http_spill_new (const char *spool, gsize memory);
void
medley_http_spill_free (MedleyHttpSpill *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpSpill, medley_http_spill_free)

/* @error: %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO; it is then of no further use */
gboolean
medley_http_spill_append (MedleyHttpSpill *self, const void *data, gsize length, GError **error);

/* Frees the memory where there is a file, by writing what is left; errors as when appending. */
gboolean
medley_http_spill_flush (MedleyHttpSpill *self, GError **error);

/* bytes so far */
guint64
medley_http_spill_get_length (MedleyHttpSpill *self);
gboolean
medley_http_spill_has_file (MedleyHttpSpill *self);

/**
 * medley_http_spill_get_bytes:
 * @self: all of it has come
 * @error: as when appending
 *
 * Returns: (transfer full) (nullable): all of it; the file is mapped
 */
GBytes *
medley_http_spill_get_bytes (MedleyHttpSpill *self, GError **error);

/**
 * medley_http_spill_steal_fd:
 * @self: all of it has come; has nothing more afterwards
 * @error: as when appending
 *
 * Returns: a descriptor of its file at its beginning, which is made now if there was none; -1 with
 * an error
 */
int
medley_http_spill_steal_fd (MedleyHttpSpill *self, GError **error);

G_END_DECLS
