/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"
#include "base/tokens.h"
#include "http/exchange.h"

G_BEGIN_DECLS

/**
 * MedleyHttpAccess:
 *
 * Who may ask, and for what: Host, Origin and tokens of the HTTP face. Makes the token of the
 * daemon's own user, and reads those that "medley token" made, anew whenever their file has
 * changed. Main thread only.
 */
typedef struct _MedleyHttpAccess MedleyHttpAccess;

/**
 * medley_http_access_new:
 * @config: the group "http" says where tokens are, and which names are ours
 * @error: %MEDLEY_ERROR_INVALID_CONFIG, %MEDLEY_ERROR_NOT_ALLOWED or %MEDLEY_ERROR_IO when the file
 * of tokens cannot be used
 *
 * Writes the file "token" in the runtime folder where TCP clients are asked for one.
 *
 * Returns: (transfer full) (nullable): what decides
 */
MedleyHttpAccess *
medley_http_access_new (MedleyConfig *config, GError **error);
/* Removes the file "token". */
void
medley_http_access_free (MedleyHttpAccess *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpAccess, medley_http_access_free)

/* @func: called from the main context after tokens were revoked, replaced or have expired */
void
medley_http_access_set_changed_func (MedleyHttpAccess *self, void (*func) (gpointer data),
                                     gpointer data);

/**
 * medley_http_access_check:
 * @self: what decides
 * @exchange: a request that nobody has answered
 * @scope: what it needs
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT, %MEDLEY_ERROR_NOT_ALLOWED for Host and Origin;
 * %MEDLEY_ERROR_UNAUTHORIZED without a valid token, %MEDLEY_ERROR_FORBIDDEN with one whose scope is
 * too small: then the answer's WWW-Authenticate is set
 *
 * Names the exchange's client after its token ("token:NAME"), and sets its grant.
 *
 * Returns: whether the request may be answered
 */
gboolean
medley_http_access_check (MedleyHttpAccess *self, MedleyHttpExchange *exchange, MedleyScope scope,
                          GError **error);

/**
 * medley_http_access_issue_ticket:
 * @self: what decides
 * @exchange: the request for it, of a client that may run pipelines
 * @error: %MEDLEY_ERROR_UNAVAILABLE
 *
 * Returns: (transfer full) (nullable): a ticket, which a request for a WebSocket may show instead
 * of a token (see tickets.h)
 */
char *
medley_http_access_issue_ticket (MedleyHttpAccess *self, MedleyHttpExchange *exchange,
                                 GError **error);

/* Whether what let a request in would still do: its very token, with a scope that is enough. */
gboolean
medley_http_access_is_valid (MedleyHttpAccess *self, const MedleyHttpGrant *grant);

/* Adds "authentication", and with tokens "tokens" (how many are valid) and maybe "tokensTrouble"
 * (why their file is not used). */
void
medley_http_access_describe (MedleyHttpAccess *self, GVariantDict *dict);

G_END_DECLS
