/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_otlp_headers_read:
 * @path: a file with "Name: value" lines, empty ones, and comments after "#"; "" for `otlp-headers`
 * among systemd's credentials, which need not be there
 * @error: %MEDLEY_ERROR_INVALID_CONFIG with the line's number, and never with what is in it;
 * %MEDLEY_ERROR_NOT_ALLOWED when others may read it, or more than its owner write it
 *
 * Returns: (transfer full) (nullable) (element-type utf8): names and values in turn
 */
GPtrArray *
medley_otlp_headers_read (const char *path, GError **error);

G_END_DECLS
