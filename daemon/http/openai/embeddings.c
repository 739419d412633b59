/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/media.h"
#include "http/body.h"
#include "http/openai/common.h"
#include "http/openai/handlers.h"
#include "http/openai/more-jobs.h"
#include "http/openai/vectors.h"

/* POST /v1/embeddings */

/* Jobs of one request, where the pipeline takes one text at a time. */
#define MAX_JOBS 64

typedef struct {
  char *model;
  gboolean as_base64;
  gsize n_texts;
  gint64 characters;
  MedleyOpenaiMoreJobs *more;
  GBytes *first;
} Embeddings;

static void
embeddings_free (gpointer data)
{
  Embeddings *self = data;

  medley_openai_more_jobs_free (self->more);
  g_clear_pointer (&self->first, g_bytes_unref);
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
add_text (MedleyOpenaiCall *call, const char *text)
{
  g_autoptr (GBytes) content = g_bytes_new (text, strlen (text));

  medley_openai_call_add_input (call, "input", content);
}

/* A job for each text after the first. All else is set already, the input is not. */
static void
take_others (Embeddings *self, MedleyOpenaiCall *call, const char *input, char **texts)
{
  for (gsize i = 1; i < self->n_texts; i++) {
    g_autoptr (GBytes) content = g_bytes_new (texts[i], strlen (texts[i]));
    g_autoptr (GError) error = NULL;
    MedleyJobRequest *request = medley_openai_call_copy_request (call, (guint) i, &error);

    if (request == NULL) {
      medley_openai_fields_fail_error (medley_openai_call_get_fields (call), "input", error);
      return;
    }
    medley_job_request_add_input_bytes (request, input, content);
    medley_openai_more_jobs_add (self->more, request);
  }
}

static void
take_input (Embeddings *self, MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  g_auto (GStrv) texts = take_texts (fields);
  g_autoptr (GVariant) array = NULL;
  g_autofree char *json = NULL;
  const char *input;
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
  input = medley_serves_get_input (serves, "input");
  type = medley_pipeline_get_input_type (medley_openai_call_get_pipeline (call), input);
  if (medley_media_modality (type) == MEDLEY_MODALITY_DATA) {
    array = g_variant_ref_sink (g_variant_new_strv ((const char *const *) texts, -1));
    json = medley_json_print (array, FALSE);
    add_text (call, json);
  } else if (self->n_texts <= MAX_JOBS) {
    take_others (self, call, input, texts);
    add_text (call, texts[0]);
  } else {
    medley_openai_fields_fail (fields, "input", 400, "unsupported_value",
                               "the model \"%s\" takes at most %d texts at once", self->model,
                               MAX_JOBS);
  }
}

/* The answer */

/* What a thread makes of a pipeline's output. */
typedef struct {
  MedleyOpenaiCall *call;
  const Embeddings *embeddings;
  GPtrArray *contents; /* one with all vectors, or one for each */
} Printing;

/* Adds the vectors of one output, the first of which has the number @index. */
static gboolean
add_vectors (GString *text, const Embeddings *embeddings, GBytes *content, gsize index, gsize n,
             GError **error)
{
  gsize length;
  const char *json = g_bytes_get_data (content, &length);

  return medley_openai_vectors_print (text, json != NULL ? json : "", length, index, n,
                                      embeddings->as_base64, error);
}

static void
print (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Printing *self = data;
  const Embeddings *embeddings = self->embeddings;
  g_autoptr (GVariant) model = g_variant_ref_sink (g_variant_new_string (embeddings->model));
  g_autofree char *name = medley_json_print (model, FALSE);
  g_autoptr (GString) text = g_string_new ("{\"object\":\"list\",\"data\":[");
  gsize each = embeddings->n_texts / self->contents->len;
  GError *error = NULL;

  for (guint i = 0; i < self->contents->len; i++) {
    if (i > 0)
      g_string_append_c (text, ',');
    if (!add_vectors (text, embeddings, self->contents->pdata[i], i, each, &error)) {
      g_task_return_error (task, error);
      return;
    }
  }
  g_string_append_printf (text,
                          "],\"model\":%s,\"usage\":{\"prompt_tokens\":%" G_GINT64_FORMAT
                          ",\"total_tokens\":%" G_GINT64_FORMAT "}}\n",
                          name, embeddings->characters, embeddings->characters);
  g_task_return_pointer (task, g_string_free (g_steal_pointer (&text), FALSE), g_free);
}

static void
on_printed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Printing *self = g_task_get_task_data (G_TASK (result));
  g_autoptr (MedleyOpenaiCall) call = self->call;
  g_autoptr (GPtrArray) contents = self->contents;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_task_propagate_pointer (G_TASK (result), &error);

  if (text != NULL)
    medley_openai_call_respond_text (call, "application/json", text);
  else
    medley_openai_call_fail (call, error);
}

static void
on_all (MedleyOpenaiCall *call, GPtrArray *others, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_printed, NULL);
  Embeddings *embeddings = data;
  Printing *self = g_new0 (Printing, 1);

  self->call = medley_openai_call_ref (call);
  self->embeddings = embeddings;
  self->contents = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_ptr_array_add (self->contents, g_bytes_ref (embeddings->first));
  for (guint i = 0; i < others->len; i++)
    g_ptr_array_add (self->contents, g_bytes_ref (others->pdata[i]));
  /* Not for the task to free, which may end in its thread. */
  g_task_set_task_data (task, self, NULL);
  g_task_run_in_thread (task, print);
}

static void
on_whole (MedleyOpenaiCall *call, GBytes *const *contents, gpointer data)
{
  Embeddings *self = data;

  self->first = g_bytes_ref (contents[0]);
  medley_openai_more_jobs_collect (self->more, "embedding",
                                   medley_openai_answer_limit (call)
                                       - g_bytes_get_size (self->first),
                                   on_all, self);
}

static void
on_created (MedleyOpenaiCall *call, gpointer data)
{
  static const char *const roles[] = { "embedding", NULL };
  Embeddings *self = data;

  medley_openai_more_jobs_start (self->more, call);
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
  self->more = medley_openai_more_jobs_new ();
  medley_openai_call_take_parameter (call, "dimensions", NULL);
  self->as_base64 = g_str_equal (medley_openai_fields_get_choice (fields, "encoding_format",
                                                                  encodings, "float"),
                                 "base64");
  medley_openai_take_labels (fields);
  medley_openai_call_add_output (call, "embedding", NULL);
  take_input (self, call);
  medley_openai_call_run (call, on_created, self, embeddings_free);
}

void
medley_openai_embed (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  medley_http_read_json (http, exchange, on_body);
}
