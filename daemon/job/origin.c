/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a job came from: the request that made it, and the trace that it is part of. */

#include <medley/medley-error.h>

#include "job/job-struct.h"
#include "job/manager-private.h"
#include "job/request.h"

/* ---- requests ---- */

void
medley_job_request_set_request_id (MedleyJobRequest *self, const char *id)
{
  g_free (self->request_id);
  self->request_id = g_strdup (id);
}

void
medley_job_request_set_trace (MedleyJobRequest *self, const MedleyTrace *trace, const char *state)
{
  self->trace = *trace;
  g_free (self->tracestate);
  self->tracestate = g_strdup (state);
}

gboolean
medley_job_request_set_traceparent (MedleyJobRequest *self, const char *text, GError **error)
{
  if (medley_trace_parse (text, &self->trace))
    return TRUE;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                       "option \"traceparent\": it is not as in W3C Trace Context: "
                       "00-, 32 hexadecimal digits, -, 16 digits, -, 2 digits, in lower case");
  return FALSE;
}

gboolean
medley_job_request_set_tracestate (MedleyJobRequest *self, const char *text, GError **error)
{
  if (!medley_tracestate_is_valid (text)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "option \"tracestate\": it is not as in W3C Trace Context: key=value, with commas "
                 "between, at most %d bytes",
                 MEDLEY_TRACESTATE_MAX);
    return FALSE;
  }
  g_free (self->tracestate);
  self->tracestate = g_strdup (text);
  return TRUE;
}

/* ---- jobs ---- */

gboolean
medley_job_manager_begin_trace (MedleyJobManager *self, MedleyTrace *trace)
{
  guint64 percent = medley_config_get_number (self->config, "telemetry.sampled-percent");

  memset (trace, 0, sizeof *trace);
  if (*medley_config_get_string (self->config, "telemetry.otlp-endpoint") == '\0')
    return FALSE;
  medley_trace_begin (trace, g_random_double () * 100 < (double) percent);
  return TRUE;
}

void
medley_job_manager_set_origin (MedleyJobManager *self, MedleyJob *job,
                               const MedleyJobRequest *request)
{
  gboolean exported = *medley_config_get_string (self->config, "telemetry.otlp-endpoint") != '\0';

  job->request_id = g_strdup (request->request_id);
  job->trace = request->trace;
  if (medley_trace_is_empty (&job->trace)) {
    job->has_span = medley_job_manager_begin_trace (self, &job->trace);
    return;
  }
  job->tracestate = g_strdup (request->tracestate);
  if (!exported)
    return;
  job->has_span = TRUE;
  g_strlcpy (job->parent_span, request->trace.span_id, sizeof job->parent_span);
  medley_span_id_make (job->trace.span_id);
}

const char *
medley_job_get_request_id (MedleyJob *self)
{
  return self->request_id;
}

const MedleyTrace *
medley_job_get_trace (MedleyJob *self)
{
  return &self->trace;
}

const char *
medley_job_get_tracestate (MedleyJob *self)
{
  return self->tracestate;
}

const char *
medley_job_get_parent_span (MedleyJob *self)
{
  return self->has_span ? self->parent_span : NULL;
}

static void
add (GVariantBuilder *builder, const char *name, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", name, g_variant_new_string (value));
}

void
medley_job_add_origin (MedleyJob *self, GVariantBuilder *builder)
{
  char text[MEDLEY_TRACEPARENT_SIZE];

  add (builder, "request", self->request_id);
  if (medley_trace_is_empty (&self->trace))
    return;
  medley_trace_print (&self->trace, text);
  add (builder, "traceparent", text);
  add (builder, "tracestate", self->tracestate);
}

void
medley_job_save_origin (MedleyJob *self, GVariantBuilder *builder)
{
  medley_job_add_origin (self, builder);
  if (self->has_span)
    add (builder, "parentSpan", self->parent_span);
}

void
medley_job_read_origin (MedleyJob *self, GVariant *status)
{
  const char *text;

  g_variant_lookup (status, "request", "s", &self->request_id);
  if (g_variant_lookup (status, "traceparent", "&s", &text))
    medley_trace_parse (text, &self->trace);
  g_variant_lookup (status, "tracestate", "s", &self->tracestate);
  if (g_variant_lookup (status, "parentSpan", "&s", &text)) {
    self->has_span = TRUE;
    g_strlcpy (self->parent_span, text, sizeof self->parent_span);
  }
}

GVariant *
medley_job_add_trace_to_plan (MedleyJob *self, GVariant *plan)
{
  GVariantBuilder builder;
  GVariantDict dict;

  if (medley_trace_is_empty (&self->trace))
    return g_variant_ref (plan);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  medley_job_add_origin (self, &builder);
  g_variant_dict_init (&dict, plan);
  g_variant_dict_insert_value (&dict, "trace", g_variant_builder_end (&builder));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
