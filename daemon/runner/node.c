/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/monitor.h"

MedleyNode *
medley_node_new (MedleyMonitor *monitor, MedleyNodeKind kind, const char *name, const char *engine,
                 gboolean is_task)
{
  MedleyNode *self = g_new0 (MedleyNode, 1);

  self->refs = 1;
  self->kind = kind;
  self->name = g_strdup (name);
  self->engine = g_strdup (engine);
  self->is_task = is_task;
  self->monitor = medley_monitor_ref (monitor);
  g_mutex_init (&self->lock);
  return self;
}

MedleyNode *
medley_node_ref (MedleyNode *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
medley_node_unref (MedleyNode *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_free (self->name);
  g_free (self->engine);
  g_clear_pointer (&self->recorder, medley_recorder_unref);
  medley_monitor_unref (self->monitor);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
emit_stage (MedleyNode *self, const char *kind)
{
  if (self->reused)
    return;
  medley_monitor_emit (self->monitor, kind, "{'stage': <%s>, 'engine': <%s>}", self->name,
                       self->engine != NULL ? self->engine : "");
}

void
medley_node_add_port (MedleyNode *self)
{
  g_mutex_lock (&self->lock);
  self->open_ports++;
  g_mutex_unlock (&self->lock);
}

static void
start (MedleyNode *self, gsize bytes)
{
  gboolean first;

  g_mutex_lock (&self->lock);
  first = !self->started;
  self->started = TRUE;
  self->bytes_in += bytes;
  g_mutex_unlock (&self->lock);
  if (first && self->kind == MEDLEY_NODE_STAGE)
    emit_stage (self, "stage-started");
}

void
medley_node_take (MedleyNode *self, gsize bytes)
{
  medley_monitor_tick (self->monitor);
  start (self, bytes);
}

void
medley_node_give (MedleyNode *self, guint buffers, gsize bytes, GstClockTime end)
{
  gboolean first;
  int rate, channels;

  medley_monitor_tick (self->monitor);
  start (self, 0);
  g_mutex_lock (&self->lock);
  rate = self->rate;
  channels = self->channels;
  first = !self->first_output && buffers > 0;
  self->first_output |= buffers > 0;
  self->buffers_out += buffers;
  self->bytes_out += bytes;
  if (GST_CLOCK_TIME_IS_VALID (end) && end > self->end)
    self->end = end;
  g_mutex_unlock (&self->lock);
  if (!first)
    return;
  if (self->kind == MEDLEY_NODE_STAGE)
    emit_stage (self, "stage-first-output");
  else if (self->kind == MEDLEY_NODE_OUTPUT && rate > 0)
    medley_monitor_emit (self->monitor, "output-started",
                         "{'output': <%s>, 'rate': <%i>, 'channels': <%i>}", self->name, rate,
                         channels);
  else if (self->kind == MEDLEY_NODE_OUTPUT)
    medley_monitor_emit (self->monitor, "output-started", "{'output': <%s>}", self->name);
}

void
medley_node_end_port (MedleyNode *self)
{
  guint64 buffers, bytes, duration;

  medley_monitor_tick (self->monitor);
  start (self, 0);
  g_mutex_lock (&self->lock);
  if (self->open_ports > 0)
    self->open_ports--;
  if (self->open_ports > 0 || self->finished) {
    g_mutex_unlock (&self->lock);
    return;
  }
  self->finished = TRUE;
  buffers = self->buffers_out;
  bytes = self->bytes_out;
  duration = self->end;
  g_mutex_unlock (&self->lock);

  if (self->kind == MEDLEY_NODE_STAGE && !self->reused)
    medley_monitor_emit (
        self->monitor, "stage-finished",
        "{'stage': <%s>, 'engine': <%s>, 'buffers': <%t>, 'bytes': <%t>, 'duration': <%t>}",
        self->name, self->engine != NULL ? self->engine : "", buffers, bytes, duration);
  else if (self->kind == MEDLEY_NODE_OUTPUT)
    medley_monitor_emit (self->monitor, "output-finished",
                         "{'output': <%s>, 'buffers': <%t>, 'bytes': <%t>, 'duration': <%t>}",
                         self->name, buffers, bytes, duration);
}

void
medley_node_report (MedleyNode *self, guint64 done, guint64 total)
{
  g_mutex_lock (&self->lock);
  self->reported_done = done;
  self->reported_total = total;
  g_mutex_unlock (&self->lock);
}

static GQuark
node_quark (void)
{
  return g_quark_from_static_string ("medley-node");
}

void
medley_node_tag (MedleyNode *self, GstElement *element)
{
  g_object_set_qdata_full (G_OBJECT (element), node_quark (), medley_node_ref (self),
                           (GDestroyNotify) medley_node_unref);
}

MedleyNode *
medley_node_of (GstObject *object)
{
  MedleyNode *node = NULL;
  GstObject *at = object != NULL ? gst_object_ref (object) : NULL;

  while (at != NULL) {
    GstObject *parent;

    node = g_object_get_qdata (G_OBJECT (at), node_quark ());
    parent = node == NULL ? gst_object_get_parent (at) : NULL;
    gst_object_unref (at);
    at = parent;
  }
  return node;
}
