/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/media.h"
#include "http/body.h"
#include "http/openai/common.h"
#include "http/openai/handlers.h"

/* POST /v1/embeddings */

/* Numbers of all vectors of an answer. */
#define MAX_NUMBERS 4000000

typedef struct {
  char *model;
  gboolean as_base64;
  gsize n_texts;
  gint64 characters;
} Embeddings;

static void
embeddings_free (gpointer data)
{
  Embeddings *self = data;

  g_free (self->model);
  g_free (self);
}

/* The texts of "input", a string or an array of strings. */
static char **
take_texts (MedleyOpenaiFields *fields)
{
  g_autoptr (GVariant) input = NULL;
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  gsize n;

  medley_openai_fields_require (fields, "input");
  input = medley_openai_fields_get (fields, "input");
  if (input != NULL && g_variant_is_of_type (input, G_VARIANT_TYPE_STRING)) {
    g_strv_builder_add (texts, g_variant_get_string (input, NULL));
    return g_strv_builder_end (texts);
  }
  n = input != NULL && g_variant_is_of_type (input, G_VARIANT_TYPE ("av"))
          ? g_variant_n_children (input)
          : 0;
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) text = NULL;

    g_variant_get_child (input, i, "v", &text);
    if (g_variant_is_of_type (text, G_VARIANT_TYPE_STRING))
      g_strv_builder_add (texts, g_variant_get_string (text, NULL));
    else
      medley_openai_fields_fail (fields, "input", 400, "invalid_type",
                                 "\"input\" is a string or an array of strings: token numbers "
                                 "mean nothing here");
  }
  if (n == 0)
    medley_openai_fields_fail (fields, "input", 400, "invalid_type",
                               "\"input\" is a string or an array of at least one");
  return g_strv_builder_end (texts);
}

static void
take_input (Embeddings *self, MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  g_auto (GStrv) texts = take_texts (fields);
  g_autoptr (GVariant) array = NULL;
  g_autoptr (GBytes) content = NULL;
  g_autofree char *json = NULL;
  const char *text;
  const char *type;

  self->n_texts = g_strv_length (texts);
  for (gsize i = 0; i < self->n_texts; i++) {
    if (*texts[i] == '\0')
      medley_openai_fields_fail (fields, "input", 400, "invalid_value",
                                 "\"input\" has an empty text");
    self->characters += medley_openai_count_characters (texts[i], strlen (texts[i]));
  }
  if (serves == NULL || medley_openai_fields_have_failed (fields))
    return;
  type = medley_pipeline_get_input_type (medley_openai_call_get_pipeline (call),
                                         medley_serves_get_input (serves, "input"));
  text = texts[0];
  if (medley_media_modality (type) == MEDLEY_MODALITY_DATA) {
    array = g_variant_ref_sink (g_variant_new_strv ((const char *const *) texts, -1));
    text = json = medley_json_print (array, FALSE);
  } else if (self->n_texts > 1) {
    medley_openai_fields_fail (fields, "input", 400, "unsupported_value",
                               "the model \"%s\" takes one text at a time", self->model);
  }
  content = g_bytes_new (text, strlen (text));
  medley_openai_call_add_input (call, "input", content);
}

/* (transfer floating) (nullable): a vector as the client wants it; NULL when it is none */
static GVariant *
make_vector (const Embeddings *self, GVariant *vector)
{
  g_autoptr (GByteArray) floats = g_byte_array_new ();
  g_autofree char *text = NULL;
  GVariantIter iter;
  GVariant *item;

  if (!g_variant_is_of_type (vector, G_VARIANT_TYPE ("av")))
    return NULL;
  g_variant_iter_init (&iter, vector);
  while (g_variant_iter_next (&iter, "v", &item)) {
    g_autoptr (GVariant) number = item;
    gboolean is_double = g_variant_is_of_type (number, G_VARIANT_TYPE_DOUBLE);
    union {
      float number;
      guint32 bits;
    } single;

    if (!is_double && !g_variant_is_of_type (number, G_VARIANT_TYPE_INT64))
      return NULL;
    single.number
        = is_double ? (float) g_variant_get_double (number) : (float) g_variant_get_int64 (number);
    single.bits = GUINT32_TO_LE (single.bits);
    g_byte_array_append (floats, (const guint8 *) &single.bits, sizeof single.bits);
  }
  if (!self->as_base64)
    return g_variant_ref (vector);
  text = g_base64_encode (floats->data, floats->len);
  return g_variant_new_string (text);
}

/* (transfer floating) (nullable): "data" of the answer */
static GVariant *
make_data (const Embeddings *self, GVariant *vectors)
{
  GVariantBuilder builder;

  if (vectors == NULL || !g_variant_is_of_type (vectors, G_VARIANT_TYPE ("av"))
      || g_variant_n_children (vectors) != self->n_texts)
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < self->n_texts; i++) {
    g_autoptr (GVariant) vector = NULL;
    g_autoptr (GVariant) made = NULL;

    g_variant_get_child (vectors, i, "v", &vector);
    made = make_vector (self, vector);
    if (made == NULL) {
      g_variant_builder_clear (&builder);
      return NULL;
    }
    g_variant_ref_sink (made);
    g_variant_builder_add_parsed (&builder,
                                  "<{'object': <'embedding'>, 'index': <%x>, 'embedding': %v}>",
                                  (gint64) i, made);
  }
  return g_variant_builder_end (&builder);
}

static void
on_whole (MedleyOpenaiCall *call, GBytes *const *contents, gpointer data)
{
  Embeddings *self = data;
  MedleyJsonLimits limits = { G_MAXSIZE, 8, MAX_NUMBERS };
  gsize length;
  const char *text = g_bytes_get_data (contents[0], &length);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) vectors
      = medley_json_parse (text != NULL ? text : "", length, &limits, NULL, &error);
  GVariant *found = make_data (self, vectors);

  if (found == NULL) {
    g_clear_error (&error);
    error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                         "the model \"%s\" did not make one array of numbers for each text",
                         self->model);
    medley_openai_call_fail (call, error);
    return;
  }
  medley_openai_call_respond (
      call, g_variant_new_parsed ("{'object': <'list'>, 'data': %v, 'model': <%s>,"
                                  " 'usage': <{'prompt_tokens': <%x>, 'total_tokens': <%x>}>}",
                                  found, self->model, self->characters, self->characters));
}

static void
on_created (MedleyOpenaiCall *call, gpointer data)
{
  static const char *const roles[] = { "embedding", NULL };

  medley_openai_call_collect (call, roles, medley_openai_answer_limit (call), on_whole);
}

static void
on_body (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text, GVariant *value,
         MedleyJsonMap *map)
{
  static const char *const encodings[] = { "float", "base64", NULL };
  MedleyOpenaiFields *fields = medley_openai_fields_new (value);
  MedleyOpenaiCall *call = medley_openai_call_new (http, exchange, "embeddings", fields);
  Embeddings *self = g_new0 (Embeddings, 1);

  self->model = g_strdup (medley_openai_call_get_model (call));
  take_input (self, call);
  medley_openai_call_take_parameter (call, "dimensions", NULL);
  self->as_base64 = g_str_equal (medley_openai_fields_get_choice (fields, "encoding_format",
                                                                  encodings, "float"),
                                 "base64");
  medley_openai_take_labels (fields);
  medley_openai_call_add_output (call, "embedding", NULL);
  medley_openai_call_run (call, on_created, self, embeddings_free);
}

void
medley_openai_embed (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_http_read_json (http, exchange, on_body);
}
