/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_utf8_whole:
 * @bytes: (nullable): a text that comes in pieces, cut anywhere, from a writer that is not trusted
 * @length: its length in bytes
 *
 * Finds how much of a text can be passed on. All but the beginning of a character that is still to
 * come can: bytes that are no text wait for nothing, they are for g_utf8_make_valid().
 *
 * Returns: a length in bytes, at most three less than @length
 */
gsize
medley_utf8_whole (const void *bytes, gsize length);

G_END_DECLS
