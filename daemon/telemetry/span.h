/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/trace.h"

G_BEGIN_DECLS

/* As OTLP numbers them. */
typedef enum {
  MEDLEY_SPAN_INTERNAL = 1,
  MEDLEY_SPAN_SERVER = 2,
} MedleySpanKind;

/**
 * MedleySpan:
 *
 * A piece of work that belongs to a trace, as it is told to OpenTelemetry. Pure, one thread.
 */
typedef struct _MedleySpan MedleySpan;

/**
 * medley_span_new:
 * @name: what is done, of a bounded number of names
 * @kind: its kind
 * @trace: its trace and its own id
 * @parent: id of the span that it is part of, "" for none
 * @start: µs since 1970
 * @end: µs since 1970; what is before @start counts as @start
 *
 * Returns: (transfer full): a span that went well, without attributes
 */
MedleySpan *
medley_span_new (const char *name, MedleySpanKind kind, const MedleyTrace *trace,
                 const char *parent, gint64 start, gint64 end);
void
medley_span_free (MedleySpan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySpan, medley_span_free)

/* @value: (nullable): %NULL leaves it out; cut after a thousand bytes */
void
medley_span_set_string (MedleySpan *self, const char *key, const char *value);
void
medley_span_set_integer (MedleySpan *self, const char *key, gint64 value);
/* @state: (nullable) */
void
medley_span_set_tracestate (MedleySpan *self, const char *state);
/* Something happened at @time. */
void
medley_span_add_event (MedleySpan *self, const char *name, gint64 time);
/* It did not go well. @code: a bounded number of them; @message: (nullable): for people */
void
medley_span_set_error (MedleySpan *self, const char *code, const char *message);

/* (transfer full): the span as JSON, as in OTLP's "spans" */
char *
medley_span_print (MedleySpan *self);

/**
 * medley_otlp_print:
 * @service: name of the service
 * @version: its version
 * @spans: (array length=n_spans): as medley_span_print() made them
 * @n_spans: how many
 *
 * Returns: (transfer full): the body of an ExportTraceServiceRequest
 */
char *
medley_otlp_print (const char *service, const char *version, char *const *spans, guint n_spans);

G_END_DECLS
