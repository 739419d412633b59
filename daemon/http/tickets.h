/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "http/exchange.h"

G_BEGIN_DECLS

/**
 * MedleyHttpTickets:
 *
 * Tickets for WebSockets: a page cannot set the header Authorization there, and a token that lasts
 * has no place in an address or where scripts keep what they have. A ticket is shown as a
 * subprotocol, opens one session, within half a minute. Only their hashes are kept.
 */
typedef struct _MedleyHttpTickets MedleyHttpTickets;

#define MEDLEY_HTTP_TICKET_SECONDS 30

MedleyHttpTickets *
medley_http_tickets_new (void);
void
medley_http_tickets_free (MedleyHttpTickets *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpTickets, medley_http_tickets_free)

/**
 * medley_http_tickets_issue:
 * @self: the tickets
 * @client: for whom
 * @grant: what let them in
 * @error: %MEDLEY_ERROR_UNAVAILABLE when too many are out
 *
 * Returns: (transfer full) (nullable): a ticket
 */
char *
medley_http_tickets_issue (MedleyHttpTickets *self, const char *client,
                           const MedleyHttpGrant *grant, GError **error);

/* whether a request asks for a WebSocket and shows a ticket */
gboolean
medley_http_tickets_are_shown (const MedleyHttpRequest *request);

/**
 * medley_http_tickets_redeem:
 * @self: the tickets
 * @request: a request that shows one
 * @grant: (out): what let in who asked for it
 * @error: %MEDLEY_ERROR_UNAUTHORIZED
 *
 * Returns: (transfer full) (nullable): the client for whom it was issued; it is worth nothing from
 * now on
 */
char *
medley_http_tickets_redeem (MedleyHttpTickets *self, const MedleyHttpRequest *request,
                            MedleyHttpGrant *grant, GError **error);

G_END_DECLS
