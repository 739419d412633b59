/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/form.h"

G_BEGIN_DECLS

/**
 * MedleyOpenaiFields:
 *
 * The fields of a request below /v1, of a JSON body or of a form. Each is asked for by name; what
 * nobody asked for is a fault at the end, since a field that is ignored would be a promise that is
 * broken. The first fault counts: a handler asks for all its fields and looks for faults once. A
 * field that is null counts as not given.
 */
typedef struct _MedleyOpenaiFields MedleyOpenaiFields;

/* @body: a JSON body, of any shape. (transfer full) */
MedleyOpenaiFields *
medley_openai_fields_new (GVariant *body);

/**
 * medley_openai_fields_new_form:
 * @form: a form; its files stay in it
 * @files: (array zero-terminated=1): names of the fields that are files
 *
 * The other parts are short texts; numbers and booleans may stand in them. A name that ends in "[]"
 * or comes more than once makes an array of the name without "[]".
 *
 * Returns: (transfer full): the fields; a file's is its part's number
 */
MedleyOpenaiFields *
medley_openai_fields_new_form (MedleyHttpForm *form, const char *const *files);
void
medley_openai_fields_free (MedleyOpenaiFields *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiFields, medley_openai_fields_free)

/* whether it is given; does not count as asking */
gboolean
medley_openai_fields_has (MedleyOpenaiFields *self, const char *name);

/* Asking. What is not there, or wrong, gives the fallback. */
/* (transfer full) (nullable): whatever it is */
GVariant *
medley_openai_fields_get (MedleyOpenaiFields *self, const char *name);
/* (transfer none) (nullable) */
const char *
medley_openai_fields_get_string (MedleyOpenaiFields *self, const char *name, const char *fallback);
/* @choices: (array zero-terminated=1): the strings it may be */
const char *
medley_openai_fields_get_choice (MedleyOpenaiFields *self, const char *name,
                                 const char *const *choices, const char *fallback);
gboolean
medley_openai_fields_get_boolean (MedleyOpenaiFields *self, const char *name, gboolean fallback);
double
medley_openai_fields_get_number (MedleyOpenaiFields *self, const char *name, double fallback,
                                 double minimum, double maximum);
gint64
medley_openai_fields_get_integer (MedleyOpenaiFields *self, const char *name, gint64 fallback,
                                  gint64 minimum, gint64 maximum);
/* (transfer full) (array zero-terminated=1): the strings of an array; empty without one */
char **
medley_openai_fields_get_strings (MedleyOpenaiFields *self, const char *name,
                                  const char *const *choices);
/* the part's number in the form, -1 when there is no such file */
int
medley_openai_fields_get_file (MedleyOpenaiFields *self, const char *name);

/* whether they came as a form, in which numbers and booleans are texts */
gboolean
medley_openai_fields_are_texts (MedleyOpenaiFields *self);
/* whether what a client gave is the same as a value, whatever their types */
gboolean
medley_openai_fields_are_equal (MedleyOpenaiFields *self, GVariant *given, GVariant *value);

/* It has to be given. */
void
medley_openai_fields_require (MedleyOpenaiFields *self, const char *name);
/* It may be given as @allowed (null, a string, boolean or number; floating) only, since nothing
 * else can be done here. */
void
medley_openai_fields_allow_only (MedleyOpenaiFields *self, const char *name, GVariant *allowed);

/**
 * medley_openai_fields_fail:
 * @self: fields
 * @param: (nullable): the field at fault; "messages[1].content" names a place within one
 * @status: an HTTP status
 * @code: OpenAI's word for it: "invalid_value", "unsupported_parameter" ...
 * @format: what is wrong and what would be right
 * @...: its arguments
 *
 * Notes a fault, if it is the first.
 */
void
medley_openai_fields_fail (MedleyOpenaiFields *self, const char *param, guint status,
                           const char *code, const char *format, ...) G_GNUC_PRINTF (5, 6);
/* Likewise, an error with its own status and code. */
void
medley_openai_fields_fail_error (MedleyOpenaiFields *self, const char *param, const GError *error);
gboolean
medley_openai_fields_have_failed (MedleyOpenaiFields *self);

/**
 * medley_openai_fields_finish:
 * @self: fields, all asked for
 * @exchange: where they came from
 *
 * Looks for fields that nobody asked for, and answers the first fault.
 *
 * Returns: whether there was none
 */
gboolean
medley_openai_fields_finish (MedleyOpenaiFields *self, MedleyHttpExchange *exchange);

G_END_DECLS
