/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/media.h"
#include "base/utf8.h"
#include "http/openai/common.h"
#include "http/openai/handlers.h"
#include "http/openai/json-body.h"
#include "http/openai/messages.h"

/* POST /v1/chat/completions */
typedef struct {
  gint64 created;
  gboolean stream;
  gboolean include_usage;
  gboolean begun;  /* the first chunk was sent */
  gint64 prompt;   /* characters */
  gint64 answer;   /* characters so far */
  GByteArray *cut; /* the beginning of a character that was cut */
} Chat;

static void
chat_free (gpointer data)
{
  Chat *self = data;

  g_byte_array_unref (self->cut);
  g_free (self);
}

/* What is asked for */

static void
take_settings (MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  g_autoptr (GVariant) most = NULL;

  medley_openai_call_take_parameter (call, "temperature", g_variant_new_double (1));
  medley_openai_call_take_parameter (call, "top_p", g_variant_new_double (1));
  medley_openai_call_take_parameter (call, "frequency_penalty", g_variant_new_double (0));
  medley_openai_call_take_parameter (call, "presence_penalty", g_variant_new_double (0));
  medley_openai_call_take_parameter (call, "max_completion_tokens", NULL);
  medley_openai_call_take_parameter (call, "seed", NULL);
  medley_openai_call_take_parameter (call, "stop", NULL);
  medley_openai_call_take_parameter (call, "reasoning_effort", NULL);
  medley_openai_call_take_parameter (call, "verbosity", g_variant_new_string ("medium"));
  /* Its name of old. */
  most = medley_openai_fields_get (fields, "max_tokens");
  if (most != NULL && medley_openai_fields_has (fields, "max_completion_tokens"))
    medley_openai_fields_fail (fields, "max_tokens", 400, "invalid_value",
                               "\"max_tokens\" is the old name of \"max_completion_tokens\": give "
                               "one of them");
  else if (most != NULL && g_variant_is_of_type (most, G_VARIANT_TYPE_INT64))
    medley_openai_call_set_parameter (call, "max_completion_tokens",
                                      g_variant_new_int64 (g_variant_get_int64 (most)), NULL);
  else if (most != NULL)
    medley_openai_fields_fail (fields, "max_tokens", 400, "invalid_type",
                               "\"max_tokens\" has to be a whole number");
}

/* What no pipeline can do; given so that nothing is asked for, it is well. */
static void
refuse_others (MedleyOpenaiFields *fields)
{
  static const char *const never[]
      = { "tools",        "functions", "tool_choice", "function_call", "logit_bias",
          "top_logprobs", "audio",     "prediction",  "moderation",    "web_search_options" };
  static const char *const tiers[] = { "auto", "default", NULL };
  static const char *const modalities[] = { "text", NULL };
  g_autoptr (GVariant) format = medley_openai_fields_get (fields, "response_format");
  const char *type = "text";

  for (guint i = 0; i < G_N_ELEMENTS (never); i++) {
    g_autoptr (GVariant) value = medley_openai_fields_get (fields, never[i]);

    if (value != NULL && !(g_variant_is_container (value) && g_variant_n_children (value) == 0)
        && !(g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
             && (g_str_equal (g_variant_get_string (value, NULL), "none"))))
      medley_openai_fields_fail (fields, never[i], 400, "unsupported_parameter",
                                 "no model here knows \"%s\": leave it out", never[i]);
  }
  if (format != NULL
      && (!g_variant_is_of_type (format, G_VARIANT_TYPE_VARDICT)
          || !g_variant_lookup (format, "type", "&s", &type) || !g_str_equal (type, "text")))
    medley_openai_fields_fail (fields, "response_format", 400, "unsupported_value",
                               "answers are text: \"response_format\" can only be {\"type\": "
                               "\"text\"}");
  medley_openai_fields_allow_only (fields, "n", g_variant_new_int64 (1));
  medley_openai_fields_allow_only (fields, "logprobs", g_variant_new_boolean (FALSE));
  medley_openai_fields_allow_only (fields, "store", g_variant_new_boolean (FALSE));
  medley_openai_fields_get_choice (fields, "service_tier", tiers, NULL);
  g_strfreev (medley_openai_fields_get_strings (fields, "modalities", modalities));
  /* Without tools it says nothing. */
  medley_openai_fields_get_boolean (fields, "parallel_tool_calls", TRUE);
}

static void
take_stream (Chat *self, MedleyOpenaiFields *fields)
{
  g_autoptr (GVariant) options = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  self->stream = medley_openai_fields_get_boolean (fields, "stream", FALSE);
  options = medley_openai_fields_get (fields, "stream_options");
  if (options == NULL)
    return;
  if (!self->stream || !g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT)) {
    medley_openai_fields_fail (fields, "stream_options", 400, "invalid_value",
                               "\"stream_options\" is an object, and goes with \"stream\": true");
    return;
  }
  g_variant_iter_init (&iter, options);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
    gboolean is_boolean = g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN);

    if (is_boolean && g_str_equal (key, "include_usage"))
      self->include_usage = g_variant_get_boolean (value);
    else if (!is_boolean || !g_str_equal (key, "include_obfuscation")
             || g_variant_get_boolean (value))
      medley_openai_fields_fail (fields, "stream_options", 400, "unsupported_value",
                                 "of \"stream_options\" only \"include_usage\" can be given, true "
                                 "or false");
  }
}

/* The conversation, as the pipeline's input wants it. */
static void
take_text (Chat *self, MedleyOpenaiCall *call, const MedleyOpenaiMessages *messages)
{
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  MedleyPipeline *pipeline = medley_openai_call_get_pipeline (call);
  const char *input = medley_serves_get_input (serves, "messages");
  const char *type = medley_pipeline_get_input_type (pipeline, input);
  const char *text = messages->system_text;
  g_autoptr (GBytes) bytes = NULL;

  self->prompt += medley_openai_count_characters (text, strlen (text));
  if (medley_media_modality (type) == MEDLEY_MODALITY_DATA) {
    text = messages->json;
  } else if (medley_serves_get_parameter (serves, "system") != NULL) {
    text = messages->text;
    if (messages->system != NULL)
      medley_openai_call_set_parameter (call, "system", g_variant_new_string (messages->system),
                                        NULL);
  }
  bytes = g_bytes_new (text, strlen (text));
  medley_openai_call_add_input (call, "messages", bytes);
}

static void
take_picture (MedleyOpenaiCall *call, MedleyOpenaiAttachments *attachments, const char *url)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  int fd = medley_openai_attachments_take (attachments, url, &type, &error);

  if (fd < 0)
    medley_openai_fields_fail_error (fields, "messages", error);
  else
    medley_openai_call_add_input_fd (call, "image", fd);
}

static void
take_messages (Chat *self, MedleyOpenaiCall *call, MedleyOpenaiAttachments *attachments)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  g_autoptr (GVariant) value = medley_openai_fields_get (fields, "messages");
  g_autoptr (GError) error = NULL;
  g_autofree char *param = NULL;
  g_autoptr (MedleyOpenaiMessages) messages = medley_openai_messages_parse (value, &param, &error);
  gboolean takes_text = serves != NULL && medley_serves_get_input (serves, "messages") != NULL;
  gboolean takes_picture = serves != NULL && medley_serves_get_input (serves, "image") != NULL;
  const char *model = medley_openai_call_get_model (call);

  if (messages == NULL)
    medley_openai_fields_fail_error (fields, param, error);
  if (messages == NULL || serves == NULL)
    return;
  if (messages->images->len > (takes_picture ? 1 : 0))
    medley_openai_fields_fail (fields, "messages", 400, "unsupported_value",
                               takes_picture ? "the model \"%s\" takes one picture at a time"
                                             : "the model \"%s\" takes no pictures",
                               model);
  else if (!takes_text && messages->images->len == 0)
    medley_openai_fields_fail (fields, "messages", 400, "invalid_value",
                               "the model \"%s\" answers pictures: send one as \"image_url\"",
                               model);
  else if (!takes_text && (messages->has_text || messages->system != NULL))
    medley_openai_fields_fail (fields, "messages", 400, "unsupported_value",
                               "the model \"%s\" takes no instructions, it always does the same: "
                               "send the picture alone",
                               model);
  if (medley_openai_fields_have_failed (fields))
    return;
  self->prompt = messages->images->len;
  if (takes_text)
    take_text (self, call, messages);
  if (messages->images->len > 0)
    take_picture (call, attachments, messages->images->pdata[0]);
}

/* The answer */

static char *
make_id (MedleyOpenaiCall *call)
{
  return g_strconcat ("chatcmpl-", medley_job_get_id (medley_openai_call_get_job (call)), NULL);
}

static GVariant *
make_usage (const Chat *self)
{
  return g_variant_new_parsed (
      "{'prompt_tokens': <%x>, 'completion_tokens': <%x>, 'total_tokens': <%x>}", self->prompt,
      self->answer, self->prompt + self->answer);
}

/* @choices: (transfer floating) */
static GVariant *
make_answer (Chat *self, MedleyOpenaiCall *call, const char *object, GVariant *choices,
             GVariant *usage)
{
  g_autofree char *id = make_id (call);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (&builder, "{sv}", "object", g_variant_new_string (object));
  g_variant_builder_add (&builder, "{sv}", "created", g_variant_new_int64 (self->created));
  g_variant_builder_add (&builder, "{sv}", "model",
                         g_variant_new_string (medley_openai_call_get_model (call)));
  g_variant_builder_add (&builder, "{sv}", "choices", choices);
  if (usage != NULL)
    g_variant_builder_add (&builder, "{sv}", "usage", usage);
  return g_variant_builder_end (&builder);
}

static void
on_whole (MedleyOpenaiCall *call, GBytes *const *contents, gpointer data)
{
  Chat *self = data;
  gsize length;
  const char *bytes = g_bytes_get_data (contents[0], &length);
  g_autofree char *text = g_utf8_make_valid (bytes != NULL ? bytes : "", (gssize) length);
  GVariant *choices;

  self->answer = medley_openai_count_characters (text, strlen (text));
  choices = g_variant_new_parsed (
      "[<{'index': <int64 0>, 'message': <{'role': <'assistant'>, 'content': <%s>,"
      " 'refusal': <@mv nothing>, 'annotations': <@av []>}>, 'logprobs': <@mv nothing>,"
      " 'finish_reason': <'stop'>}>]",
      text);
  medley_openai_call_respond (call, make_answer (self, call, "chat.completion", choices,
                                                 make_usage (self)));
}

/* @delta: (transfer floating); @reason: (nullable) */
static void
add_chunk (Chat *self, MedleyOpenaiCall *call, GVariant *delta, const char *reason)
{
  GVariant *finish = reason != NULL ? g_variant_new_string (reason) : medley_openai_null ();
  GVariant *choices
      = g_variant_new_parsed ("[<{'index': <int64 0>, 'delta': %v, 'logprobs': <@mv nothing>,"
                              " 'finish_reason': %v}>]",
                              delta, finish);

  medley_openai_sse_add (medley_openai_call_get_sse (call), NULL,
                         make_answer (self, call, "chat.completion.chunk", choices,
                                      self->include_usage ? medley_openai_null () : NULL));
}

/* @bytes: some of the text; empty at its end */
static void
add_text (Chat *self, MedleyOpenaiCall *call, GBytes *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  g_autofree char *text = NULL;
  gsize length;

  g_byte_array_append (self->cut, g_bytes_get_data (bytes, NULL), (guint) size);
  length = size > 0 ? medley_utf8_whole (self->cut->data, self->cut->len) : self->cut->len;
  if (length == 0)
    return;
  text = g_utf8_make_valid ((const char *) self->cut->data, (gssize) length);
  g_byte_array_remove_range (self->cut, 0, (guint) length);
  self->answer += medley_openai_count_characters (text, strlen (text));
  add_chunk (self, call, g_variant_new_parsed ("{'content': <%s>}", text), NULL);
}

static void
on_piece (MedleyOpenaiCall *call, GBytes *bytes, gpointer data)
{
  Chat *self = data;

  if (!self->begun)
    add_chunk (self, call,
               g_variant_new_parsed ("{'role': <'assistant'>, 'content': <''>, 'refusal': <@mv "
                                     "nothing>}"),
               NULL);
  self->begun = TRUE;
  add_text (self, call, bytes);
  if (g_bytes_get_size (bytes) > 0) {
    medley_openai_call_next (call);
    return;
  }
  add_chunk (self, call, g_variant_new ("a{sv}", NULL), "stop");
  if (self->include_usage)
    medley_openai_sse_add (medley_openai_call_get_sse (call), NULL,
                           make_answer (self, call, "chat.completion.chunk",
                                        g_variant_new ("av", NULL), make_usage (self)));
  medley_openai_call_finish (call, TRUE);
}

static void
on_created (MedleyOpenaiCall *call, gpointer data)
{
  static const char *const roles[] = { "text", NULL };
  Chat *self = data;

  if (self->stream)
    medley_openai_call_read (call, "text", on_piece);
  else
    medley_openai_call_collect (call, roles, medley_openai_answer_limit (call), on_whole);
}

static void
on_body (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyOpenaiFields *fields,
         MedleyOpenaiAttachments *attachments)
{
  MedleyOpenaiCall *call = medley_openai_call_new (http, exchange, "chat/completions", fields);
  Chat *self = g_new0 (Chat, 1);

  self->created = g_get_real_time () / G_USEC_PER_SEC;
  self->cut = g_byte_array_new ();
  take_stream (self, fields);
  take_messages (self, call, attachments);
  take_settings (call);
  refuse_others (fields);
  medley_openai_take_labels (fields);
  medley_openai_take_metadata (fields);
  medley_openai_call_add_output (call, "text", "text/plain");
  medley_openai_call_run (call, on_created, self, chat_free);
}

void
medley_openai_complete_chat (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params)
{
  medley_openai_read_json (http, exchange, on_body);
}
