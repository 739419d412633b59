/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"

G_BEGIN_DECLS

/**
 * MedleyOpenaiSse:
 *
 * An answer of server-sent events as OpenAI's clients read them: lines of "data:", sometimes closed
 * by "[DONE]". While nothing is sent a comment keeps the connection alive.
 */
typedef struct _MedleyOpenaiSse MedleyOpenaiSse;

/**
 * medley_openai_sse_new:
 * @exchange: an exchange that has not begun
 *
 * Nothing is sent before the first medley_openai_sse_flush(): until then an error can be answered
 * with its status.
 *
 * Returns: (transfer full): an answer
 */
MedleyOpenaiSse *
medley_openai_sse_new (MedleyHttpExchange *exchange);
void
medley_openai_sse_free (MedleyOpenaiSse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiSse, medley_openai_sse_free)

/**
 * medley_openai_sse_add:
 * @self: an answer
 * @event: (nullable): name of the event
 * @data: (transfer floating): anything that medley_json_print() takes
 *
 * Adds an event to what the next flush sends.
 */
void
medley_openai_sse_add (MedleyOpenaiSse *self, const char *event, GVariant *data);

/* whether something was added that was not sent yet */
gboolean
medley_openai_sse_has_pending (MedleyOpenaiSse *self);

typedef void (*MedleyOpenaiSseFunc) (gpointer data);

/**
 * medley_openai_sse_flush:
 * @self: an answer
 * @func: called when all has left for the socket, also when there was nothing; maybe before this
 * returns. Not if the exchange is over before
 * @data: for @func
 *
 * Sends what was added. One flush at a time.
 */
void
medley_openai_sse_flush (MedleyOpenaiSse *self, MedleyOpenaiSseFunc func, gpointer data);

/**
 * medley_openai_sse_finish:
 * @self: an answer
 * @done: whether to close with "[DONE]"
 * @func: called when the answer is finished
 * @data: for @func
 *
 * Sends what was added and ends the answer.
 */
void
medley_openai_sse_finish (MedleyOpenaiSse *self, gboolean done, MedleyOpenaiSseFunc func,
                          gpointer data);

G_END_DECLS
