/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/graph-record.h"

#include "runner/gate.h"
#include "runner/replay.h"

typedef struct {
  MedleyMonitor *monitor;
  char *stage;
  char *engine;
} Told;

static void
told_free (gpointer data)
{
  Told *told = data;

  medley_monitor_unref (told->monitor);
  g_free (told->stage);
  g_free (told->engine);
  g_free (told);
}

static void
recorded (guint64 bytes, gpointer data)
{
  Told *told = data;

  medley_monitor_emit (told->monitor, "stage-recorded",
                       "{'stage': <%s>, 'engine': <%s>, 'bytes': <%t>}", told->stage, told->engine,
                       bytes);
}

MedleyStageFiles *
medley_graph_find_files (MedleyGraph *self, const MedleyPlanStage *stage)
{
  return self->stage_files != NULL ? g_hash_table_lookup (self->stage_files, stage->name) : NULL;
}

/* Whether a stage and all before it use the first engines of their lists: the daemon named the
 * recording by those. */
static gboolean
is_first_choice (MedleyGraph *self, const char *name)
{
  for (guint i = 0; i < self->plan->stages->len; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (self->plan->stages, i);

    if (!g_str_equal (stage->name, name))
      continue;
    if (self->choice[i] != 0)
      return FALSE;
    for (guint j = 0; j < stage->from->len; j++) {
      const MedleyPlanLink *link = g_ptr_array_index (stage->from, j);

      if (!is_first_choice (self, link->source))
        return FALSE;
    }
  }
  return TRUE;
}

GstElement *
medley_graph_make_replay (MedleyGraph *self, const MedleyPlanStage *stage, MedleyNode *node)
{
  MedleyStageFiles *files = medley_graph_find_files (self, stage);

  if (files == NULL || files->replay == NULL)
    return NULL;
  node->reused = TRUE;
  return gst_object_ref_sink (medley_replay_new (node, files->replay));
}

void
medley_graph_add_recorder (MedleyGraph *self, const MedleyPlanStage *stage, MedleyNode *node)
{
  MedleyStageFiles *files = medley_graph_find_files (self, stage);
  Told *told;

  if (files == NULL || files->record == NULL || files->recorded
      || !is_first_choice (self, stage->name))
    return;
  told = g_new0 (Told, 1);
  told->monitor = medley_monitor_ref (self->monitor);
  told->stage = g_strdup (node->name);
  told->engine = g_strdup (node->engine);
  node->recorder = medley_recorder_new (files->limit, medley_monitor_get_failed (self->monitor),
                                        recorded, told, told_free);
}

void
medley_graph_record_port (MedleyGraph *self, MedleyGraphPort *port)
{
  MedleyRecorder *recorder = port->part->node->recorder;
  MedleyStageFiles *files;
  gpointer file;

  if (recorder == NULL)
    return;
  files = medley_graph_find_files (self, port->part->stage);
  if (g_hash_table_lookup_extended (files->record, port->name, NULL, &file))
    medley_gate_record (MEDLEY_GATE (port->gate),
                        medley_recorder_add_port (recorder, GPOINTER_TO_INT (file)));
}

void
medley_graph_finish_recordings (MedleyGraph *self, gboolean wait)
{
  for (guint i = 0; i < self->parts->len; i++) {
    MedleyGraphPart *part = g_ptr_array_index (self->parts, i);

    if (part->node->recorder != NULL && medley_recorder_finish (part->node->recorder, wait))
      medley_graph_find_files (self, part->stage)->recorded = TRUE;
  }
}
