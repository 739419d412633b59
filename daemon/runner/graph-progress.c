/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/gate.h"
#include "runner/graph.h"

/* Who has taken everything may still be working on it. */
#define UNFINISHED_MOST 0.99

guint64
medley_graph_get_written (MedleyGraph *self)
{
  guint64 written = 0;

  for (guint i = 0; i < self->sinks->len; i++)
    written += medley_output_sink_get_size (g_ptr_array_index (self->sinks, i));
  return written;
}

static double
part_fraction (MedleyGraph *self, MedleyGraphPart *part);

static double
input_fraction (MedleyGraphPart *part)
{
  guint64 done, total;

  medley_input_src_get_progress (MEDLEY_INPUT_SRC (part->element), &done, &total);
  return total > 0 ? (double) done / (double) total : -1;
}

/* What a stage has taken of what its source gave so far, times how far the source is: an estimate
 * that ends at 1. */
static double
stage_fraction (MedleyGraph *self, MedleyGraphPart *part)
{
  MedleyNode *node = part->node;
  guint64 taken, done, total;
  gboolean finished;

  g_mutex_lock (&node->lock);
  finished = node->finished;
  taken = node->bytes_in;
  done = node->reported_done;
  total = node->reported_total;
  g_mutex_unlock (&node->lock);
  if (finished)
    return 1;
  /* Who has everything and still gives may do so for long: nobody can tell. */
  if (total > 0)
    return done < total ? MIN (UNFINISHED_MOST, (double) done / (double) total) : -1;
  for (guint i = 0; i < self->links->len; i++) {
    const MedleyGraphLink *link = g_ptr_array_index (self->links, i);
    double source;
    guint64 given;

    if (link->part != part)
      continue;
    source = part_fraction (self, link->port->part);
    if (source < 0)
      return -1;
    /* What a decoder gave is not comparable with what it read. */
    if (link->port->gate == NULL)
      return MIN (UNFINISHED_MOST, source);
    given = medley_gate_get_bytes (MEDLEY_GATE (link->port->gate));
    if (given == 0)
      return 0;
    taken = done > 0 ? done : taken;
    if (source >= 1 && taken >= given)
      return -1;
    return MIN (UNFINISHED_MOST, source * (double) taken / (double) given);
  }
  return -1;
}

/* Stages are in an order in which each comes after its sources, so this ends. */
static double
part_fraction (MedleyGraph *self, MedleyGraphPart *part)
{
  return part->node->kind == MEDLEY_NODE_INPUT ? input_fraction (part)
                                               : stage_fraction (self, part);
}

double
medley_graph_get_fraction (MedleyGraph *self)
{
  double most = 1;
  double sum = 0;
  guint n = 0;

  for (guint i = 0; i < self->sinks->len; i++)
    if (!medley_output_sink_is_finished (g_ptr_array_index (self->sinks, i)))
      most = UNFINISHED_MOST;

  /* Elements between engines cost little. Without engines what was read counts. */
  for (guint tasks = 1; n == 0 && tasks < 2; tasks--) {
    for (guint i = 0; i < self->parts->len; i++) {
      MedleyGraphPart *part = g_ptr_array_index (self->parts, i);
      double fraction;

      if (tasks == 1 ? !part->node->is_task : part->node->kind != MEDLEY_NODE_INPUT)
        continue;
      fraction = part_fraction (self, part);
      if (fraction < 0)
        return -1;
      sum += fraction;
      n++;
    }
  }
  return n > 0 ? MIN (most, sum / n) : -1;
}
