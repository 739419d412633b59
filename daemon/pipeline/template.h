/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A string of a pipeline in which "${name}" stands for a parameter and "$${" for "${" itself. */

/**
 * medley_template_scan:
 * @text: a string of a pipeline
 * @whole: (out): whether the text is one parameter and nothing else, which then keeps its type
 * @fault: (out) (nullable) (transfer full): what is wrong with the text
 *
 * Returns: (transfer full) (element-type utf8): names of the parameters in it
 */
GPtrArray *
medley_template_scan (const char *text, gboolean *whole, char **fault);

/**
 * medley_template_expand:
 * @text: a string in which medley_template_scan() finds no fault
 * @values: (element-type utf8 GVariant): values of parameters, of type s, b, x or d
 * @max_bytes: most bytes of the result
 *
 * Returns: (transfer full) (nullable): a value, not floating; %NULL when it grew too long or a
 * parameter has no value
 */
GVariant *
medley_template_expand (const char *text, GHashTable *values, gsize max_bytes);

/* Whether a name is one of an input, parameter, stage, port, output or pipeline:
 * [A-Za-z][A-Za-z0-9_-]{0,63} */
gboolean
medley_is_identifier (const char *name);

G_END_DECLS
