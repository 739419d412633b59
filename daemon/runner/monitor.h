/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "runner/recorder.h"
#include "runner/work.h"

G_BEGIN_DECLS

/**
 * MedleyEventFunc:
 * @kind: as in the Event signal of org.medley.Worker1
 * @details: (transfer none): `a{sv}`
 * @data: user data
 *
 * Told of what happens in a job. Comes from any thread, streaming threads included: must not block.
 */
typedef void (*MedleyEventFunc) (const char *kind, GVariant *details, gpointer data);

/**
 * MedleyMonitor:
 *
 * What the parts of one job's pipeline tell in common: events, activity, and the pause.
 * Reference-counted, any thread.
 */
typedef struct _MedleyMonitor MedleyMonitor;

MedleyMonitor *
medley_monitor_new (MedleyEventFunc func, gpointer data);
MedleyMonitor *
medley_monitor_ref (MedleyMonitor *self);
void
medley_monitor_unref (MedleyMonitor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyMonitor, medley_monitor_unref)

/**
 * medley_monitor_emit:
 * @self: a monitor
 * @kind: kind of event
 * @format: (nullable): format of the details as for g_variant_builder_add_parsed() of one `a{sv}`,
 * e.g.
 *   "{'stage': <%s>}"; "time" is added
 */
void
medley_monitor_emit (MedleyMonitor *self, const char *kind, const char *format, ...);

/* Something has gone wrong, or all is being stopped: an end of stream from now on may be one that
 * came too early. Set in the thread that stops; renewed for a further attempt. */
void
medley_monitor_set_failed (MedleyMonitor *self, gboolean failed);
const gint *
medley_monitor_get_failed (MedleyMonitor *self);

void
medley_monitor_tick (MedleyMonitor *self);
guint64
medley_monitor_get_activity (MedleyMonitor *self);
/* Microseconds since the job began. */
gint64
medley_monitor_get_elapsed (MedleyMonitor *self);

/* While paused, medley_monitor_wait() keeps streaming threads waiting; stopping lets them all go.
 */
void
medley_monitor_set_paused (MedleyMonitor *self, gboolean paused);
void
medley_monitor_stop (MedleyMonitor *self);
void
medley_monitor_wait (MedleyMonitor *self);

typedef enum { MEDLEY_NODE_INPUT, MEDLEY_NODE_STAGE, MEDLEY_NODE_OUTPUT } MedleyNodeKind;

/**
 * MedleyNode:
 * @kind: what it is
 * @name: name of the input, stage or output
 * @engine: (nullable): the engine or element of a stage
 * @is_task: whether it is a task stage
 *
 * One input, stage or output of a running job, with its counts. Reference-counted; the counts any
 * thread.
 */
typedef struct {
  MedleyNodeKind kind;
  char *name;
  char *engine;
  gboolean is_task;

  /*< private >*/
  gint refs;
  MedleyMonitor *monitor;
  GMutex lock;
  gboolean started;
  gboolean first_output;
  guint open_ports; /* that have not seen the end */
  gboolean finished;
  guint64 bytes_in;
  guint64 buffers_out;
  guint64 bytes_out;
  gboolean reused;          /* stands for a stage whose result is known: the daemon has told so */
  MedleyRecorder *recorder; /* NULL for none; set before anything flows */
  GstClockTime end;         /* of the media that went out */
  guint64 reported_done;    /* as an engine tells: bytes of its input */
  guint64 reported_total;
  int rate; /* of an output of bare samples, which does not say so itself; else 0 */
  int channels;
} MedleyNode;

MedleyNode *
medley_node_new (MedleyMonitor *monitor, MedleyNodeKind kind, const char *name, const char *engine,
                 gboolean is_task);
MedleyNode *
medley_node_ref (MedleyNode *self);
void
medley_node_unref (MedleyNode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyNode, medley_node_unref)

void
medley_node_add_port (MedleyNode *self);
/* Data goes in; it has gone out; a port has ended. They count and tell events. */
void
medley_node_take (MedleyNode *self, gsize bytes);
void
medley_node_give (MedleyNode *self, guint buffers, gsize bytes, GstClockTime end);
void
medley_node_end_port (MedleyNode *self);
void
medley_node_report (MedleyNode *self, guint64 done, guint64 total);

/* Tags an element with a node (transfer none), so that what it posts is told of the node; and finds
 * the node of an object or of the nearest parent that has one (transfer none) (nullable). */
void
medley_node_tag (MedleyNode *self, GstElement *element);
MedleyNode *
medley_node_of (GstObject *object);

G_END_DECLS
