/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley-converter.h>

#include "text-input.h"

/* A source pad and what went out on it. */
typedef struct {
  GstPad *pad;
  GstCaps *caps; /* to be sent or sent; NULL while unknown */
  gboolean started;
  gboolean caps_sent;
  gboolean segment_sent;
} Port;

/* Fields without a remark belong to the streaming thread, and to state changes while it is stopped.
 */
typedef struct {
  GstPad *sink;
  GPtrArray *ports; /* of Port, fixed after init */

  GMutex lock;
  GCancellable *cancellable; /* lock */
  GstClockTime position;     /* lock: end of what was pushed on the first port */
  guint64 max_input;         /* lock */

  GMutex open_lock; /* held while voices are listed: the model must stay open */
  gboolean opened;  /* open_lock */

  GstFlowReturn flow; /* why the last push failed, else GST_FLOW_OK */
  Port *refused;      /* the port of that push */
  gboolean failed;    /* an error was posted: nothing more is done until a flush or stop */
  gboolean drained;

  TextInput text;
  guint64 bytes_in;
  char *stream_id; /* upstream's */
  guint group_id;
  guint32 seqnum;
  GstSegment segment; /* upstream's */

  gboolean engine_reports; /* progress comes from the engine, not from the input consumed */
  gint64 reported_at;      /* monotonic, microseconds */
  gboolean total_asked;
  guint64 total;
} Private;

G_GNUC_INTERNAL Private *
converter_private (MedleyConverter *self);
G_GNUC_INTERNAL GCancellable *
converter_ref_cancellable (MedleyConverter *self);
G_GNUC_INTERNAL gboolean
converter_is_cancelled (MedleyConverter *self);

/* converter-ports.c */
G_GNUC_INTERNAL Port *
port_new (GstElement *element, GstPadTemplate *template);
G_GNUC_INTERNAL void
port_free (Port *port);
G_GNUC_INTERNAL void
ports_start (MedleyConverter *self);
G_GNUC_INTERNAL void
ports_prepare (MedleyConverter *self);
G_GNUC_INTERNAL void
ports_forget (MedleyConverter *self, gboolean caps_too);
G_GNUC_INTERNAL void
ports_push_tags (MedleyConverter *self, GstEvent *event);
G_GNUC_INTERNAL void
ports_push_started (MedleyConverter *self, GstEvent *event);
G_GNUC_INTERNAL void
ports_push_eos (MedleyConverter *self, GstEvent *event);
G_GNUC_INTERNAL gboolean
port_src_event (GstPad *pad, GstObject *parent, GstEvent *event);
G_GNUC_INTERNAL gboolean
port_src_query (GstPad *pad, GstObject *parent, GstQuery *query);

/* converter-run.c: the streaming thread's side */
G_GNUC_INTERNAL void
run_reset (MedleyConverter *self);
G_GNUC_INTERNAL void
run_fail (MedleyConverter *self, GError *error);
G_GNUC_INTERNAL GstFlowReturn
run_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
G_GNUC_INTERNAL gboolean
run_caps (MedleyConverter *self, GstCaps *caps);
G_GNUC_INTERNAL gboolean
run_idle (MedleyConverter *self);
G_GNUC_INTERNAL gboolean
run_drain (MedleyConverter *self);
