/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/video-object.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"
#include "base/media.h"
#include "http/openai/common.h"

const char *
medley_openai_video_output (MedleyJob *job)
{
  const char *const *outputs = medley_job_get_outputs (job);

  for (guint i = 0; outputs != NULL && outputs[i] != NULL; i++) {
    const char *type = medley_job_get_output_type (job, outputs[i]);

    if (type != NULL && medley_media_modality (type) == MEDLEY_MODALITY_VIDEO)
      return outputs[i];
  }
  return NULL;
}

MedleyJob *
medley_openai_find_video (MedleyHttp *http, const char *id, GError **error)
{
  g_autoptr (MedleyJob) job = NULL;

  if (g_str_has_prefix (id, MEDLEY_OPENAI_VIDEO_PREFIX))
    job = medley_job_manager_get (medley_http_get_manager (http),
                                  id + strlen (MEDLEY_OPENAI_VIDEO_PREFIX), NULL);
  if (job != NULL && medley_openai_video_output (job) != NULL)
    return g_steal_pointer (&job);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no video \"%s\"", id);
  return NULL;
}

char *
medley_openai_video_id (MedleyJob *job)
{
  return g_strconcat (MEDLEY_OPENAI_VIDEO_PREFIX, medley_job_get_id (job), NULL);
}

static const char *
status_of (MedleyJobState state)
{
  switch (state) {
  case MEDLEY_JOB_QUEUED:
    return "queued";
  case MEDLEY_JOB_DONE:
    return "completed";
  case MEDLEY_JOB_FAILED:
  case MEDLEY_JOB_CANCELLED:
    return "failed";
  default:
    return "in_progress";
  }
}

/* What a parameter was, or is by default; (transfer full) (nullable) */
static GVariant *
find_setting (GVariant *description, GVariant *pipeline, const char *name)
{
  g_autoptr (GVariant) given
      = g_variant_lookup_value (description, "parameters", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) all
      = g_variant_lookup_value (pipeline, "parameters", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) one = NULL;
  GVariant *value
      = name != NULL && given != NULL ? g_variant_lookup_value (given, name, NULL) : NULL;

  if (name == NULL || value != NULL)
    return value;
  one = all != NULL ? g_variant_lookup_value (all, name, G_VARIANT_TYPE_VARDICT) : NULL;
  return one != NULL ? g_variant_lookup_value (one, "default", NULL) : NULL;
}

/* (transfer full) (nullable): as text */
static char *
print_setting (GVariant *description, GVariant *pipeline, const char *name)
{
  g_autoptr (GVariant) value = find_setting (description, pipeline, name);

  if (value == NULL)
    return NULL;
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL)
                                                             : medley_json_print (value, FALSE);
}

/* (transfer full) (nullable) */
static char *
find_size (GVariant *description, GVariant *pipeline, const MedleyServes *serves)
{
  g_autofree char *width = NULL;
  g_autofree char *height = NULL;

  if (medley_serves_get_parameter (serves, "size") != NULL)
    return print_setting (description, pipeline, medley_serves_get_parameter (serves, "size"));
  width = print_setting (description, pipeline, medley_serves_get_parameter (serves, "width"));
  height = print_setting (description, pipeline, medley_serves_get_parameter (serves, "height"));
  return width != NULL && height != NULL ? g_strdup_printf ("%sx%s", width, height) : NULL;
}

/* How long it really is, once that is known; (transfer full) (nullable) */
static char *
find_duration (MedleyJob *job)
{
  g_autoptr (GPtrArray) events = medley_job_get_events (job, 0);
  const char *video = medley_openai_video_output (job);
  guint64 longest = 0;

  for (guint i = 0; i < events->len; i++) {
    GVariant *event = events->pdata[i];
    const char *kind = "";
    const char *output = "";
    guint64 duration = 0;

    g_variant_lookup (event, "kind", "&s", &kind);
    g_variant_lookup (event, "output", "&s", &output);
    g_variant_lookup (event, "duration", "t", &duration);
    if (g_str_equal (kind, "output-finished") && g_str_equal (output, video))
      longest = duration;
  }
  /* in nanoseconds; a tenth of a second is what anybody wants to know */
  return longest > 0 ? medley_json_number_to_string ((double) (longest / 100000000) / 10) : NULL;
}

static void
add_string (GVariantBuilder *builder, const char *name, const char *text)
{
  g_variant_builder_add (builder, "{sv}", name,
                         text != NULL ? g_variant_new_string (text) : medley_openai_null ());
}

static void
add_seconds (GVariantBuilder *builder, const char *name, gint64 time)
{
  g_variant_builder_add (builder, "{sv}", name,
                         time > 0 ? g_variant_new_int64 (time / G_USEC_PER_SEC)
                                  : medley_openai_null ());
}

static void
add_error (GVariantBuilder *builder, MedleyJob *job)
{
  const GError *error = medley_job_get_error (job);
  MedleyJobState state = medley_job_get_state (job);
  GVariant *value = medley_openai_null ();

  if (state == MEDLEY_JOB_FAILED || state == MEDLEY_JOB_CANCELLED) {
    GVariant *told = medley_job_get_error_variant (job);
    const char *code = state == MEDLEY_JOB_CANCELLED ? "cancelled" : "failed";
    g_autofree char *name = NULL;

    if (told != NULL)
      g_variant_lookup (told, "code", "&s", &code);
    name = g_strdelimit (g_strdup (code), "-", '_');
    g_variant_unref (g_variant_ref_sink (value));
    value = g_variant_new_parsed ("{'code': <%s>, 'message': <%s>}", name,
                                  error != NULL ? error->message : "it was cancelled");
  }
  g_variant_builder_add (builder, "{sv}", "error", value);
}

/* What the pipeline says of it, as far as it is still there. */
static void
add_settings (GVariantBuilder *builder, MedleyHttp *http, MedleyJob *job, GVariant *description)
{
  MedleyPipeline *pipeline
      = medley_library_lookup (medley_job_manager_get_library (medley_http_get_manager (http)),
                               medley_job_get_pipeline (job));
  const MedleyServes *serves
      = pipeline != NULL ? medley_pipeline_get_serves (pipeline, "videos") : NULL;
  g_autofree char *size = NULL;
  g_autofree char *seconds = find_duration (job);

  if (serves != NULL) {
    g_autoptr (GVariant) file = g_variant_ref_sink (medley_pipeline_describe (pipeline));

    size = find_size (description, file, serves);
    if (seconds == NULL)
      seconds = print_setting (description, file, medley_serves_get_parameter (serves, "seconds"));
  }
  add_string (builder, "size", size);
  add_string (builder, "seconds", seconds);
}

GVariant *
medley_openai_describe_video (MedleyHttp *http, MedleyJob *job)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (medley_job_describe (job));
  guint64 keep = medley_config_get_number (medley_http_get_config (http), "jobs.keep-time");
  MedleyJobState state = medley_job_get_state (job);
  double progress = MAX (medley_job_get_progress (job), 0);
  g_autofree char *id = medley_openai_video_id (job);
  GVariantBuilder builder;
  gint64 created = 0;
  gint64 finished = 0;

  g_variant_lookup (description, "created", "x", &created);
  g_variant_lookup (description, "finished", "x", &finished);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_string (&builder, "id", id);
  add_string (&builder, "object", "video");
  add_string (&builder, "model", medley_job_get_pipeline (job));
  add_string (&builder, "status", status_of (state));
  g_variant_builder_add (&builder, "{sv}", "progress",
                         g_variant_new_int64 (state == MEDLEY_JOB_DONE ? 100
                                                                       : (gint64) (progress * 99)));
  add_seconds (&builder, "created_at", created);
  add_seconds (&builder, "completed_at", state == MEDLEY_JOB_DONE ? finished : 0);
  add_seconds (&builder, "expires_at",
               finished > 0 && keep > 0 ? finished + (gint64) keep * G_USEC_PER_SEC : 0);
  add_settings (&builder, http, job, description);
  /* It is an input of the job, and not kept in memory. */
  add_string (&builder, "prompt", NULL);
  add_string (&builder, "remixed_from_video_id", NULL);
  add_error (&builder, job);
  return g_variant_builder_end (&builder);
}
