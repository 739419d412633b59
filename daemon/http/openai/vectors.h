/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_openai_vectors_print:
 * @out: what to append the entries of "data" to, as JSON
 * @json: what a pipeline made: an array of arrays of numbers
 * @length: its length in bytes
 * @first: index of the first
 * @n: how many vectors there have to be
 * @as_base64: whether to write each as little-endian floats of 32 bits in base64, instead of as it
 * stands
 * @error: %MEDLEY_ERROR_ENGINE_FAILED when it is something else
 *
 * Takes time in proportion to the numbers, of which there may be millions: call it in a thread.
 *
 * Returns: whether it was that; if not @out has some of it
 */
gboolean
medley_openai_vectors_print (GString *out, const char *json, gsize length, gsize first, gsize n,
                             gboolean as_base64, GError **error);

G_END_DECLS
