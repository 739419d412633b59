/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "telemetry/span.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"

#define MAX_VALUE 1000
#define STATUS_ERROR 2

struct _MedleySpan {
  char *name;
  MedleySpanKind kind;
  MedleyTrace trace;
  char parent[MEDLEY_SPAN_ID_LENGTH + 1];
  gint64 start, end;
  char *tracestate;
  GVariantBuilder attributes; /* av of a{sv} */
  GVariantBuilder events;
  char *error;
};

static void
add_string (GVariantBuilder *dict, const char *key, const char *value)
{
  g_variant_builder_add (dict, "{sv}", key, g_variant_new_string (value));
}

/* JSON has no numbers of 64 bits: they are text. */
static void
add_number (GVariantBuilder *dict, const char *key, gint64 value)
{
  char text[32];

  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, value);
  add_string (dict, key, text);
}

static void
add_time (GVariantBuilder *dict, const char *key, gint64 time)
{
  add_number (dict, key, time * 1000);
}

static GVariant *
make_attribute (const char *key, GVariant *value)
{
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_string (&dict, "key", key);
  g_variant_builder_add (&dict, "{sv}", "value", value);
  return g_variant_builder_end (&dict);
}

static GVariant *
make_string (const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, (gssize) MIN (strlen (value), MAX_VALUE));
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_string (&dict, "stringValue", valid);
  return g_variant_builder_end (&dict);
}

MedleySpan *
medley_span_new (const char *name, MedleySpanKind kind, const MedleyTrace *trace,
                 const char *parent, gint64 start, gint64 end)
{
  MedleySpan *self = g_new0 (MedleySpan, 1);

  self->name = g_strdup (name);
  self->kind = kind;
  self->trace = *trace;
  g_strlcpy (self->parent, parent, sizeof self->parent);
  self->start = start;
  self->end = MAX (start, end);
  g_variant_builder_init (&self->attributes, G_VARIANT_TYPE ("av"));
  g_variant_builder_init (&self->events, G_VARIANT_TYPE ("av"));
  return self;
}

void
medley_span_free (MedleySpan *self)
{
  g_variant_builder_clear (&self->attributes);
  g_variant_builder_clear (&self->events);
  g_free (self->name);
  g_free (self->tracestate);
  g_free (self->error);
  g_free (self);
}

void
medley_span_set_string (MedleySpan *self, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (&self->attributes, "v", make_attribute (key, make_string (value)));
}

void
medley_span_set_integer (MedleySpan *self, const char *key, gint64 value)
{
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_number (&dict, "intValue", value);
  g_variant_builder_add (&self->attributes, "v",
                         make_attribute (key, g_variant_builder_end (&dict)));
}

void
medley_span_set_tracestate (MedleySpan *self, const char *state)
{
  g_free (self->tracestate);
  self->tracestate = g_strdup (state);
}

void
medley_span_add_event (MedleySpan *self, const char *name, gint64 time)
{
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_time (&dict, "timeUnixNano", time);
  add_string (&dict, "name", name);
  g_variant_builder_add (&self->events, "v", g_variant_builder_end (&dict));
}

void
medley_span_set_error (MedleySpan *self, const char *code, const char *message)
{
  medley_span_set_string (self, "error.type", code);
  g_free (self->error);
  self->error = message != NULL
                    ? g_utf8_make_valid (message, (gssize) MIN (strlen (message), MAX_VALUE))
                    : g_strdup ("");
}

char *
medley_span_print (MedleySpan *self)
{
  g_autoptr (GVariant) span = NULL;
  GVariantBuilder dict;

  g_variant_builder_init (&dict, G_VARIANT_TYPE_VARDICT);
  add_string (&dict, "traceId", self->trace.trace_id);
  add_string (&dict, "spanId", self->trace.span_id);
  if (self->parent[0] != '\0')
    add_string (&dict, "parentSpanId", self->parent);
  if (self->tracestate != NULL)
    add_string (&dict, "traceState", self->tracestate);
  add_string (&dict, "name", self->name);
  g_variant_builder_add (&dict, "{sv}", "kind", g_variant_new_int64 (self->kind));
  g_variant_builder_add (&dict, "{sv}", "flags", g_variant_new_int64 (self->trace.flags));
  add_time (&dict, "startTimeUnixNano", self->start);
  add_time (&dict, "endTimeUnixNano", self->end);
  g_variant_builder_add (&dict, "{sv}", "attributes", g_variant_builder_end (&self->attributes));
  g_variant_builder_add (&dict, "{sv}", "events", g_variant_builder_end (&self->events));
  g_variant_builder_init (&self->attributes, G_VARIANT_TYPE ("av"));
  g_variant_builder_init (&self->events, G_VARIANT_TYPE ("av"));
  if (self->error != NULL) {
    GVariantBuilder status;

    g_variant_builder_init (&status, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&status, "{sv}", "code", g_variant_new_int64 (STATUS_ERROR));
    if (*self->error != '\0')
      add_string (&status, "message", self->error);
    g_variant_builder_add (&dict, "{sv}", "status", g_variant_builder_end (&status));
  }
  span = g_variant_ref_sink (g_variant_builder_end (&dict));
  return medley_json_print (span, FALSE);
}

char *
medley_otlp_print (const char *service, const char *version, char *const *spans, guint n_spans)
{
  g_autoptr (GVariant) resource = NULL;
  g_autofree char *attributes = NULL;
  g_autofree char *host = g_strdup (g_get_host_name ());
  GString *text = g_string_new (NULL);
  GVariantBuilder list;
  GVariantBuilder pid;

  g_variant_builder_init (&pid, G_VARIANT_TYPE_VARDICT);
  add_number (&pid, "intValue", getpid ());
  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&list, "v", make_attribute ("service.name", make_string (service)));
  g_variant_builder_add (&list, "v", make_attribute ("service.version", make_string (version)));
  g_variant_builder_add (&list, "v", make_attribute ("host.name", make_string (host)));
  g_variant_builder_add (&list, "v", make_attribute ("process.pid", g_variant_builder_end (&pid)));
  resource = g_variant_ref_sink (g_variant_builder_end (&list));
  attributes = medley_json_print (resource, FALSE);
  g_string_append_printf (text,
                          "{\"resourceSpans\":[{\"resource\":{\"attributes\":%s},\"scopeSpans\":[{"
                          "\"scope\":{\"name\":\"medley\",\"version\":\"%s\"},\"spans\":[",
                          attributes, version);
  for (guint i = 0; i < n_spans; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "", spans[i]);
  g_string_append (text, "]}]}]}");
  return g_string_free (text, FALSE);
}
