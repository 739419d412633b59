/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pipeline/fault.h"

G_BEGIN_DECLS

/* Longest string that a parameter takes, whatever its schema says. */
#define MEDLEY_PARAMETER_MAX_BYTES (1024 * 1024)

/**
 * MedleyParameter:
 * @name: its name
 * @type: type of its values: 's', 'x', 'd' or 'b'; 0 when the file gives none that is known
 * @value: (nullable): the default; without one a value must be given
 * @choices: (nullable) (element-type GVariant): allowed values
 * @minimum: (nullable): smallest number
 * @maximum: (nullable): largest number
 * @pattern: (nullable): regular expression that a string must match somewhere
 * @regex: (nullable): the same
 * @max_length: most characters of a string, -1 for no limit
 * @description: (nullable): for people
 *
 * A parameter of a pipeline, in the subset of JSON Schema that pipelines have.
 */
typedef struct {
  char *name;
  char type;
  GVariant *value;
  GPtrArray *choices;
  GVariant *minimum;
  GVariant *maximum;
  char *pattern;
  GRegex *regex;
  gint64 max_length;
  char *description;
} MedleyParameter;

/* Reads a parameter and reports all that is wrong with it. (transfer full) */
MedleyParameter *
medley_parameter_read (MedleyFaultSink *sink, const char *name, GVariant *schema,
                       const char *pointer);
void
medley_parameter_free (MedleyParameter *self);

/**
 * medley_parameter_accept:
 * @self: a parameter
 * @value: a value of any basic type
 * @from_text: whether a string stands for a number or a boolean, as on a command line
 * @reason: (out) (transfer full): why the value is refused: "must be ..."
 *
 * Returns: (transfer full) (nullable): the value in the parameter's type, not floating
 */
GVariant *
medley_parameter_accept (const MedleyParameter *self, GVariant *value, gboolean from_text,
                         char **reason);

/* (transfer floating): `a{sv}`, as in the file */
GVariant *
medley_parameter_describe (const MedleyParameter *self);

/* "string", "integer", "number" or "boolean" */
const char *
medley_parameter_type_name (char type);

G_END_DECLS
