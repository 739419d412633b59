/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * medley_property_convert:
 * @object_class: class of the element
 * @element: what to call it in messages
 * @name: name of a property
 * @json: its value as JSON had it: `s`, `b`, `x` or `d`
 * @value: (out): an unset value, set to the property's type
 * @code: (out) (transfer none): "unknown-property" or "bad-value" on failure
 * @suggestion: (out) (transfer full) (nullable): the nearest valid name on failure
 * @error: %MEDLEY_ERROR_INVALID_PROPERTY naming element, property, and what would be right
 *
 * Turns a JSON value into one that a property takes: checks name, type and range.
 *
 * Returns: whether it fits
 */
gboolean
medley_property_convert (GObjectClass *object_class, const char *element, const char *name,
                         GVariant *json, GValue *value, const char **code, char **suggestion,
                         GError **error);

/**
 * medley_properties_save:
 * @element: an element that was just made
 *
 * Returns: (transfer full): the values of all properties that can be set
 */
GstStructure *
medley_properties_save (GstElement *element);

/**
 * medley_properties_restore:
 * @element: an element
 * @values: what medley_properties_save() gave of it
 *
 * Sets what has changed back, as a new job expects it.
 */
void
medley_properties_restore (GstElement *element, const GstStructure *values);

/* (transfer full) (array zero-terminated=1): names of what a pipeline file can set */
char **
medley_properties_list (GObjectClass *object_class);

/* whether a pipeline file can set it: writable, and of a type that JSON can express */
gboolean
medley_property_is_settable (GParamSpec *pspec);

/* (transfer full) (nullable): the words of an enumeration or flags type */
char **
medley_property_get_words (GParamSpec *pspec);

G_END_DECLS
