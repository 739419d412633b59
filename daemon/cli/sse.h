/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleySseFunc:
 * @id: (nullable): the event's id
 * @type: its type, "message" when it has none
 * @data: its data, lines joined by newlines
 * @user_data: as given
 *
 * Called for each event.
 */
typedef void (*MedleySseFunc) (const char *id, const char *type, const char *data,
                               gpointer user_data);

/**
 * MedleySse:
 *
 * Cuts a stream of server-sent events into events. Pure: it is fed with pieces of any size.
 */
typedef struct _MedleySse MedleySse;

MedleySse *
medley_sse_new (MedleySseFunc func, gpointer user_data);
void
medley_sse_free (MedleySse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySse, medley_sse_free)

/* Lines longer than 16 MiB end the stream: FALSE. */
gboolean
medley_sse_feed (MedleySse *self, const char *text, gsize length);

G_END_DECLS
