/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MEDLEY_TRACE_SAMPLED 1u
/* lengths in hexadecimal digits */
#define MEDLEY_TRACE_ID_LENGTH 32
#define MEDLEY_SPAN_ID_LENGTH 16
/* "00-", a trace's id, a span's, flags, and NUL */
#define MEDLEY_TRACEPARENT_SIZE 56
/* Longest tracestate that is passed on. */
#define MEDLEY_TRACESTATE_MAX 512

/**
 * MedleyTrace:
 * @trace_id: 32 lower-case hexadecimal digits, not all 0; "" for no trace
 * @span_id: 16 such digits: the span that what follows belongs to
 * @flags: %MEDLEY_TRACE_SAMPLED or 0
 *
 * Where something stands in a distributed trace (W3C Trace Context). Pure, any thread.
 */
typedef struct {
  char trace_id[MEDLEY_TRACE_ID_LENGTH + 1];
  char span_id[MEDLEY_SPAN_ID_LENGTH + 1];
  guint flags;
} MedleyTrace;

/**
 * medley_trace_parse:
 * @text: (nullable): a traceparent, as of "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
 * @trace: (out caller-allocates): what it says; emptied when it is malformed
 *
 * Reads version 00, and of later versions what they have in common with it.
 *
 * Returns: whether it is well-formed
 */
gboolean
medley_trace_parse (const char *text, MedleyTrace *trace);

/* @text: of MEDLEY_TRACEPARENT_SIZE bytes: the traceparent of a trace that is not empty */
void
medley_trace_print (const MedleyTrace *trace, char *text);

/* Whether @text (nullable) is a tracestate: at most 512 bytes, at most 32 members "key=value". */
gboolean
medley_tracestate_is_valid (const char *text);

gboolean
medley_trace_is_empty (const MedleyTrace *trace);
gboolean
medley_trace_is_sampled (const MedleyTrace *trace);

/* Begins a trace: random ids. */
void
medley_trace_begin (MedleyTrace *trace, gboolean sampled);

/* @id: of MEDLEY_SPAN_ID_LENGTH + 1 bytes: a random one */
void
medley_span_id_make (char *id);

G_END_DECLS
