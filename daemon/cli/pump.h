/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * medley_pump_async:
 * @from: where to read
 * @to: where to write
 * @cancellable: (nullable): gives up
 * @callback: called when all is copied
 * @data: for @callback
 *
 * Copies a stream to its end, each piece as soon as it comes.
 */
void
medley_pump_async (GInputStream *from, GOutputStream *to, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer data);

/* Returns: bytes copied, -1 with the error of reading or writing; @is_write: whether it was writing
 * that failed */
gssize
medley_pump_finish (GAsyncResult *result, gboolean *is_write, GError **error);

G_END_DECLS
