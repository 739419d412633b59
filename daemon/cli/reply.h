/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Looks into JSON as base/json.h gives it. A member that is missing or of another type gives the
 * fallback, so that a newer daemon's answers are still readable. */

/* (transfer none): the string, or @fallback */
const char *
medley_reply_string (GVariant *object, const char *name, const char *fallback);
/* @fallback for what is no number */
double
medley_reply_number (GVariant *object, const char *name, double fallback);
gint64
medley_reply_integer (GVariant *object, const char *name, gint64 fallback);
gboolean
medley_reply_boolean (GVariant *object, const char *name, gboolean fallback);
/* (transfer full) (nullable): an object, `a{sv}` */
GVariant *
medley_reply_object (GVariant *object, const char *name);

/**
 * medley_reply_list:
 * @object: an array, or an object that holds one
 * @name: the array's name in the object
 *
 * Returns: (transfer full) (element-type GVariant): its values, empty when there is no such array
 */
GPtrArray *
medley_reply_list (GVariant *object, const char *name);

/* (transfer full) (array zero-terminated=1): the strings of an array, or the keys of an object;
 * never NULL */
char **
medley_reply_names (GVariant *object, const char *name);

/**
 * medley_reply_text:
 * @value: any value
 *
 * Returns: (transfer full): a string as it is, anything else as JSON
 */
char *
medley_reply_text (GVariant *value);

G_END_DECLS
