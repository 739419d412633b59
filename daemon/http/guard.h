/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Who may ask. Pages in a browser are kept out by Host (a name of their own that resolves to this
 * machine) and Origin (forms and scripts of other sites), other users of this machine by the token;
 * the Unix socket has its file mode. */

/**
 * medley_http_guard_host:
 * @host: (nullable): the header Host
 * @is_local: the request came over the Unix socket: any name will do, if it is well-formed
 * @allowed: (nullable) (array zero-terminated=1): names besides localhost, 127.0.0.1 and [::1]
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when it is malformed, else %MEDLEY_ERROR_NOT_ALLOWED
 *
 * Returns: whether the request was meant for us
 */
gboolean
medley_http_guard_host (const char *host, gboolean is_local, const char *const *allowed,
                        GError **error);

/**
 * medley_http_guard_origin:
 * @origin: (nullable): the header Origin
 * @fetch_site: (nullable): the header Sec-Fetch-Site
 * @host: (nullable): the header Host, checked already
 * @is_encrypted: the request came under TLS: then no page that did not is one of ours. Without it
 * a page may have, through a proxy in front of us
 * @error: %MEDLEY_ERROR_NOT_ALLOWED
 *
 * For requests that change something.
 *
 * Returns: whether it comes from no page at all, or from one of ours
 */
gboolean
medley_http_guard_origin (const char *origin, const char *fetch_site, const char *host,
                          gboolean is_encrypted, GError **error);

/**
 * medley_http_guard_bearer:
 * @authorization: (nullable): the header Authorization
 * @error: %MEDLEY_ERROR_UNAUTHORIZED
 *
 * Returns: (transfer full) (nullable): the token that it shows (RFC 6750, 2.1), which is not
 * checked yet
 */
char *
medley_http_guard_bearer (const char *authorization, GError **error);

G_END_DECLS
