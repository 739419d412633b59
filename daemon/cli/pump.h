/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyPumpTally:
 * @copied: bytes that were written
 * @sum: of these bytes
 *
 * What has been copied so far of something that may take more than one stream. Begin with zeroes.
 */
typedef struct {
  guint64 copied;
  GChecksum *sum;
} MedleyPumpTally;

void
medley_pump_tally_clear (MedleyPumpTally *tally);

/**
 * medley_pump_async:
 * @from: where to read
 * @to: where to write
 * @tally: (nullable): what was copied before of the same content: @from begins with it, and it is
 * not written again but compared. Kept up to date; has to outlive the copying
 * @cancellable: (nullable): gives up
 * @callback: called when all is copied
 * @data: for @callback
 *
 * Copies a stream to its end, each piece as soon as it comes. With a @tally,
 * %MEDLEY_ERROR_INTERRUPTED says that @from does not begin with what was copied before.
 */
void
medley_pump_async (GInputStream *from, GOutputStream *to, MedleyPumpTally *tally,
                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/* Returns: bytes written by this call, -1 with the error of reading or writing; @is_write: whether
 * it was writing that failed */
gssize
medley_pump_finish (GAsyncResult *result, gboolean *is_write, GError **error);

G_END_DECLS
