/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"
#include "http/websocket.h"

G_BEGIN_DECLS

/**
 * MedleySession:
 *
 * A conversation with a pipeline over a WebSocket: text or sound in, media and events out, at the
 * same time. Each turn is a job; what a turn says can be flushed, and the answer tells how much of
 * it was heard. docs/sessions.md has the protocol. Main thread only.
 */
typedef struct _MedleySession MedleySession;

/**
 * medley_session_new:
 * @http: (transfer none): the face, which outlives it
 * @exchange: after a good handshake
 * @ended: called once, from the main context: it is over and can be freed
 * @data: for @ended
 *
 * Returns: (transfer full): a session that listens
 */
MedleySession *
medley_session_new (MedleyHttp *http, MedleyHttpExchange *exchange, GSourceOnceFunc ended,
                    gpointer data);

/* Breaks it off if it is not over. Jobs that still run are cancelled, unless it is detached. */
void
medley_session_free (MedleySession *self);

/* The daemon ends: closes when what was made is delivered. */
void
medley_session_settle (MedleySession *self);

G_END_DECLS
