/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "http/body.h"
#include "http/openai/common.h"
#include "http/openai/handlers.h"
#include "http/openai/more-jobs.h"
#include "http/problem.h"

/* POST /v1/images/generations, POST /v1/images/edits */

#define MAX_PICTURES 10

static const struct {
  const char *format;
  const char *type;
} formats[] = { { "png", "image/png" }, { "jpeg", "image/jpeg" } };

typedef struct {
  gboolean is_edit;
  gint64 created;
  guint format;
  gboolean has_url;
  gboolean stream;
  gint64 partial_images; /* how many may be sent */
  char *background;      /* as asked for */
  char *quality;
  gint64 n; /* pictures to make */
  MedleyOpenaiMoreJobs *more;
  GBytes *first;
  gint64 prompt;   /* characters */
  gint64 pictures; /* that came in */
  GByteArray *preview;
  gint64 previews; /* that were sent */
} Images;

static Images *
images_new (gboolean is_edit)
{
  Images *self = g_new0 (Images, 1);

  self->is_edit = is_edit;
  self->created = g_get_real_time () / G_USEC_PER_SEC;
  self->preview = g_byte_array_new ();
  self->more = medley_openai_more_jobs_new ();
  return self;
}

static void
images_free (gpointer data)
{
  Images *self = data;

  medley_openai_more_jobs_free (self->more);
  g_clear_pointer (&self->first, g_bytes_unref);
  g_byte_array_unref (self->preview);
  g_free (self->background);
  g_free (self->quality);
  g_free (self);
}

/* What is asked for */

static void
take_format (Images *self, MedleyOpenaiFields *fields)
{
  static const char *const answers[] = { "b64_json", "url", NULL };
  const char *names[G_N_ELEMENTS (formats) + 1] = { NULL };
  const char *name;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    names[i] = formats[i].format;
  name = medley_openai_fields_get_choice (fields, "output_format", names, formats[0].format);
  for (self->format = 0; !g_str_equal (formats[self->format].format, name); self->format++)
    ;
  self->has_url = g_str_equal (medley_openai_fields_get_choice (fields, "response_format", answers,
                                                                "b64_json"),
                               "url");
  medley_openai_fields_allow_only (fields, "output_compression", g_variant_new_int64 (100));
}

static void
take_stream (Images *self, MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);

  self->stream = medley_openai_fields_get_boolean (fields, "stream", FALSE);
  self->partial_images = medley_openai_fields_get_integer (fields, "partial_images", 0, 0, 3);
  if (self->stream && self->has_url)
    medley_openai_fields_fail (fields, "response_format", 400, "unsupported_value",
                               "events hold the picture itself: \"url\" goes without \"stream\"");
  if (self->partial_images == 0 || serves == NULL)
    return;
  if (!self->stream)
    medley_openai_fields_fail (fields, "partial_images", 400, "invalid_value",
                               "\"partial_images\" goes with \"stream\": true");
  else if (!medley_openai_call_add_output (call, "previews", formats[self->format].type))
    medley_openai_fields_fail (fields, "partial_images", 400, "unsupported_parameter",
                               "the model \"%s\" makes no previews: leave \"partial_images\" out",
                               medley_openai_call_get_model (call));
  else if (medley_serves_get_parameter (serves, "partial_images") != NULL)
    medley_openai_call_take_parameter (call, "partial_images", NULL);
}

static void
take_fields (Images *self, MedleyOpenaiCall *call)
{
  static const char *const moderations[] = { "auto", "low", NULL };
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);

  self->prompt = medley_openai_take_prompt (call);
  take_format (self, fields);
  medley_openai_call_add_output (call, "image", formats[self->format].type);
  take_stream (self, call);
  medley_openai_take_size (call);
  medley_openai_call_take_parameter (call, "quality", g_variant_new_string ("auto"));
  medley_openai_call_take_parameter (call, "background", g_variant_new_string ("auto"));
  medley_openai_call_take_parameter (call, "style", NULL);
  medley_openai_call_take_parameter (call, "seed", NULL);
  self->n = medley_openai_fields_get_integer (fields, "n", 1, 1, MAX_PICTURES);
  if (self->n > 1 && self->stream)
    medley_openai_fields_fail (fields, "n", 400, "unsupported_value",
                               "events are of one picture: \"n\" above 1 goes without \"stream\"");
  if (self->is_edit)
    medley_openai_fields_allow_only (fields, "input_fidelity", g_variant_new_string ("low"));
  else
    /* Nothing here looks for what may not be shown: as little as either wants. */
    medley_openai_fields_get_choice (fields, "moderation", moderations, NULL);
  medley_openai_take_labels (fields);
  self->background = g_strdup (medley_openai_fields_get_string (fields, "background", "auto"));
  self->quality = g_strdup (medley_openai_fields_get_string (fields, "quality", "auto"));
}

/* A seed where the client gave none and the pipeline has no default: any, but the same for a
 * request that is sent again. @parameter: as the pipeline describes it */
static gint64
choose_seed (Images *self, MedleyOpenaiCall *call, GVariant *parameter)
{
  const char *key = medley_openai_call_get_key (call);
  gint64 least = 0, most = G_MAXINT32;
  guint32 any = key != NULL ? g_str_hash (key) : g_random_int ();

  g_variant_lookup (parameter, "minimum", "x", &least);
  g_variant_lookup (parameter, "maximum", "x", &most);
  least = CLAMP (least, G_MININT32, G_MAXINT32);
  most = CLAMP (most, G_MININT32, G_MAXINT32) - self->n + 1;
  return most > least ? least + any % (most - least + 1) : least;
}

/* OpenAI has no seeds, and its pictures differ. Returns: whether there are seeds to count up */
static gboolean
take_seed (Images *self, MedleyOpenaiCall *call, const char *seed, gint64 *first)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GVariant) parameters = NULL;
  g_autoptr (GVariant) one = NULL;
  const char *type = "";

  if (medley_openai_fields_has (fields, "seed")) {
    *first = medley_openai_fields_get_integer (fields, "seed", 0, G_MININT32, G_MAXINT32);
    return TRUE;
  }
  description
      = g_variant_ref_sink (medley_pipeline_describe (medley_openai_call_get_pipeline (call)));
  parameters = g_variant_lookup_value (description, "parameters", G_VARIANT_TYPE_VARDICT);
  one = g_variant_lookup_value (parameters, seed, G_VARIANT_TYPE_VARDICT);
  if (one == NULL || !g_variant_lookup (one, "type", "&s", &type) || !g_str_equal (type, "integer"))
    return FALSE;
  if (!g_variant_lookup (one, "default", "x", first)) {
    *first = choose_seed (self, call, one);
    medley_openai_call_set_parameter (call, "seed", g_variant_new_int64 (*first), NULL);
  }
  return TRUE;
}

/* Returns: (transfer full) (nullable): the seed of a picture; NULL is a fault */
static GVariant *
accept_seed (MedleyOpenaiCall *call, gint64 first, gint64 i)
{
  g_autofree char *reason = NULL;
  g_autoptr (GVariant) value = NULL;
  GVariant *accepted = NULL;

  if (first <= G_MAXINT64 - i) {
    value = g_variant_ref_sink (g_variant_new_int64 (first + i));
    accepted = medley_serves_accept (medley_openai_call_get_serves (call), "seed", value, FALSE,
                                     &reason);
  }
  if (accepted == NULL)
    medley_openai_fields_fail (medley_openai_call_get_fields (call), "n", 400, "invalid_value",
                               "\"seed\" is counted up for each picture: that of picture %d %s; "
                               "ask for fewer, or begin with a smaller \"seed\"",
                               (int) i + 1, reason != NULL ? reason : "is too large");
  return accepted;
}

/* The other jobs of several pictures: each with the next seed. */
static void
take_others (Images *self, MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  const char *seed = serves != NULL ? medley_serves_get_parameter (serves, "seed") : NULL;
  gint64 first = 0;
  gboolean has_seed = seed != NULL && take_seed (self, call, seed, &first);

  for (gint64 i = 1; i < self->n && serves != NULL; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) accepted = has_seed ? accept_seed (call, first, i) : NULL;
    MedleyJobRequest *request;

    if (has_seed && accepted == NULL)
      return;
    request = medley_openai_call_copy_request (call, (guint) i, &error);
    if (request == NULL) {
      medley_openai_fields_fail_error (fields, "n", error);
      return;
    }
    if (accepted != NULL)
      medley_job_request_set_parameter (request, seed, accepted);
    medley_openai_more_jobs_add (self->more, request);
  }
}

/* The answer */

/* Pictures count one each, texts by their characters. */
static GVariant *
make_usage (const Images *self)
{
  gint64 input = self->prompt + self->pictures;

  return g_variant_new_parsed ("{'input_tokens': <%x>, 'output_tokens': <%x>,"
                               " 'total_tokens': <%x>, 'input_tokens_details':"
                               " <{'text_tokens': <%x>, 'image_tokens': <%x>}>}",
                               input, self->n, input + self->n, self->prompt, self->pictures);
}

/* As the picture itself says; (transfer full) (nullable) */
static char *
tell_size (GBytes *picture)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data (picture, &length);
  guint width;
  guint height;

  return medley_openai_picture_size (bytes, length, &width, &height)
             ? g_strdup_printf ("%ux%u", width, height)
             : NULL;
}

static char *
encode (GBytes *picture)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data (picture, &length);

  return g_base64_encode (bytes, length);
}

/* Where a picture can be got: with the same token, and as long as the job is kept. */
static GVariant *
make_url (MedleyOpenaiCall *call, MedleyJob *job)
{
  MedleyHttpExchange *exchange = medley_openai_call_get_exchange (call);
  const char *host
      = medley_http_request_get_header (medley_http_exchange_get_request (exchange), "Host");
  const char *output = medley_serves_get_output (medley_openai_call_get_serves (call), "image");
  g_autofree char *url
      = g_strdup_printf ("%s://%s/api/v1/jobs/%s/outputs/%s",
                         medley_http_exchange_is_encrypted (exchange) ? "https" : "http",
                         host != NULL ? host : "localhost", medley_job_get_id (job), output);

  return g_variant_new_string (url);
}

static GVariant *
make_picture (Images *self, MedleyOpenaiCall *call, GBytes *picture, MedleyJob *job)
{
  g_autofree char *text = NULL;

  if (self->has_url)
    return g_variant_new_parsed ("{'url': %v}", make_url (call, job));
  text = encode (picture);
  return g_variant_new_parsed ("{'b64_json': <%s>}", text);
}

/* @others: the pictures after the first */
static void
respond (MedleyOpenaiCall *call, GPtrArray *others, gpointer data)
{
  Images *self = data;
  g_autofree char *size = tell_size (self->first);
  GVariantBuilder pictures;
  GVariantBuilder builder;

  g_variant_builder_init (&pictures, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_builder_add_value (&pictures, make_picture (self, call, self->first,
                                                        medley_openai_call_get_job (call)));
  for (guint i = 0; i < others->len; i++)
    g_variant_builder_add_value (&pictures,
                                 make_picture (self, call, others->pdata[i],
                                               medley_openai_more_jobs_get_job (self->more, i)));
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "created", g_variant_new_int64 (self->created));
  g_variant_builder_add (&builder, "{sv}", "data", g_variant_builder_end (&pictures));
  g_variant_builder_add (&builder, "{sv}", "output_format",
                         g_variant_new_string (formats[self->format].format));
  if (size != NULL)
    g_variant_builder_add (&builder, "{sv}", "size", g_variant_new_string (size));
  g_variant_builder_add (&builder, "{sv}", "usage", make_usage (self));
  medley_openai_call_respond (call, g_variant_builder_end (&builder));
}

/* @picture: a whole one; @index: of a preview, negative for the picture itself */
static void
add_event (Images *self, MedleyOpenaiCall *call, GBytes *picture, gint64 index)
{
  g_autofree char *type = g_strconcat (self->is_edit ? "image_edit" : "image_generation",
                                       index >= 0 ? ".partial_image" : ".completed", NULL);
  g_autofree char *size = tell_size (picture);
  g_autofree char *text = encode (picture);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add_parsed (&builder, "{'type', <%s>}", type);
  g_variant_builder_add_parsed (&builder, "{'b64_json', <%s>}", text);
  if (index >= 0)
    g_variant_builder_add_parsed (&builder, "{'partial_image_index', <%x>}", index);
  g_variant_builder_add_parsed (&builder, "{'created_at', <%x>}", self->created);
  g_variant_builder_add_parsed (&builder, "{'size', <%s>}", size != NULL ? size : "auto");
  g_variant_builder_add_parsed (&builder, "{'quality', <%s>}", self->quality);
  g_variant_builder_add_parsed (&builder, "{'background', <%s>}", self->background);
  g_variant_builder_add_parsed (&builder, "{'output_format', <%s>}", formats[self->format].format);
  if (index < 0)
    g_variant_builder_add (&builder, "{sv}", "usage", make_usage (self));
  medley_openai_sse_add (medley_openai_call_get_sse (call), type, g_variant_builder_end (&builder));
}

static void
on_whole (MedleyOpenaiCall *call, GBytes *const *contents, gpointer data)
{
  Images *self = data;

  if (!self->stream) {
    self->first = g_bytes_ref (contents[0]);
    medley_openai_more_jobs_collect (self->more, "image",
                                     medley_openai_answer_limit (call)
                                         - g_bytes_get_size (self->first),
                                     respond, self);
    return;
  }
  add_event (self, call, contents[0], -1);
  medley_openai_call_finish (call, FALSE);
}

static void
collect (MedleyOpenaiCall *call)
{
  static const char *const roles[] = { "image", NULL };

  medley_openai_call_collect (call, roles, medley_openai_answer_limit (call), on_whole);
}

/* Whole pictures of the previews, which come one after the other. */
static gboolean
take_preview (Images *self, MedleyOpenaiCall *call)
{
  static const guint8 ends[][12]
      = { { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 }, { 0xff, 0xd9 } };
  const gsize length = self->format == 0 ? 12 : 2;
  const guint8 *end = self->preview->len > 0 ? memmem (self->preview->data, self->preview->len,
                                                       ends[self->format], length)
                                             : NULL;
  g_autoptr (GBytes) picture = NULL;
  guint size;

  if (end == NULL)
    return FALSE;
  size = (guint) (end - self->preview->data) + (guint) length;
  picture = g_bytes_new (self->preview->data, size);
  g_byte_array_remove_range (self->preview, 0, size);
  if (self->previews < self->partial_images)
    add_event (self, call, picture, self->previews++);
  return TRUE;
}

static void
on_preview (MedleyOpenaiCall *call, GBytes *bytes, gpointer data)
{
  Images *self = data;
  gsize length = g_bytes_get_size (bytes);
  g_autoptr (GError) error = NULL;

  if (length == 0) {
    collect (call);
  } else if (self->preview->len + length > medley_openai_answer_limit (call)) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_OUTPUT_TOO_LARGE,
                 "a preview is too large for one answer");
    medley_openai_call_fail (call, error);
  } else {
    g_byte_array_append (self->preview, g_bytes_get_data (bytes, NULL), (guint) length);
    while (take_preview (self, call))
      ;
    medley_openai_call_next (call);
  }
}

static void
on_created (MedleyOpenaiCall *call, gpointer data)
{
  Images *self = data;

  medley_openai_more_jobs_start (self->more, call);
  if (self->partial_images > 0)
    medley_openai_call_read (call, "previews", on_preview);
  else
    collect (call);
}

static void
on_generation (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text, GVariant *value,
               MedleyJsonMap *map)
{
  MedleyOpenaiFields *fields = medley_openai_fields_new (value);
  MedleyOpenaiCall *call = medley_openai_call_new (http, exchange, "images/generations", fields);
  Images *self = images_new (FALSE);

  take_fields (self, call);
  take_others (self, call);
  medley_openai_call_run (call, on_created, self, images_free);
}

void
medley_openai_generate_image (MedleyHttp *http, MedleyHttpExchange *exchange,
                              const char *const *params)
{
  medley_http_read_json (http, exchange, on_generation);
}

/* Edits come as forms */

typedef struct {
  MedleyHttp *http;
  MedleyHttpExchange *exchange;
} Edit;

static void
take_picture (Images *self, MedleyOpenaiCall *call, MedleyHttpForm *form, const char *field)
{
  if (medley_openai_call_take_file (call, form, field))
    self->pictures++;
}

static void
on_form (MedleyHttpForm *form, const GError *error, gpointer data)
{
  static const char *const files[] = { "image", "mask", NULL };
  g_autofree Edit *edit = data;
  g_autoptr (MedleyHttp) http = edit->http;
  g_autoptr (MedleyHttpExchange) exchange = edit->exchange;
  MedleyOpenaiFields *fields;
  MedleyOpenaiCall *call;
  Images *self;

  if (error != NULL)
    medley_http_respond_problem (exchange, error, 0, NULL);
  if (form == NULL)
    return;
  fields = medley_openai_fields_new_form (form, files);
  call = medley_openai_call_new (http, exchange, "images/edits", fields);
  self = images_new (TRUE);
  medley_openai_fields_require (fields, "image");
  take_picture (self, call, form, "image");
  take_picture (self, call, form, "mask");
  take_fields (self, call);
  take_others (self, call);
  medley_openai_call_run (call, on_created, self, images_free);
}

void
medley_openai_edit_image (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params)
{
  Edit *edit = g_new0 (Edit, 1);

  edit->http = g_object_ref (http);
  edit->exchange = medley_http_exchange_ref (exchange);
  medley_http_form_read (exchange, medley_http_get_config (http), on_form, edit);
}
