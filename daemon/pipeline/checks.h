/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/media.h"
#include "pipeline/pipeline-private.h"

G_BEGIN_DECLS

/* A check in progress. Nodes of the graph are numbered: inputs first, then stages. */
typedef struct {
  MedleyPipeline *pipeline;
  MedleySpec *spec;
  const MedleyPipelineContext *context;
  MedleyCatalog *catalog; /* NULL while no engines are known */
  MedleyFaultSink sink;
  GHashTable *nodes;     /* name → number + 1 */
  GPtrArray *names;      /* of all nodes, NULL at the end */
  GPtrArray *parameters; /* names, NULL at the end */
  MedleyPipeline **subs; /* per stage; NULL where it has none that is fit */
  GArray *edges;         /* of MedleyEdge */
  gboolean *used;        /* per node: whether an output is made from it */
  GHashTable *used_parameters;
  GHashTable *readers; /* "source.port" → count */
} MedleyCheck;

typedef struct {
  guint from;
  guint to; /* G_MAXUINT for an output */
} MedleyEdge;

/* Modality that is not known before a worker has looked. */
#define MEDLEY_MODALITY_UNKNOWN (-1)

/* check-stage.c: engines, elements, properties */
void
medley_check_stage (MedleyCheck *self, guint index);
/* Of a stage's port, "" for the default. */
int
medley_check_stage_modality (MedleyCheck *self, guint index, const char *port);
/* Whether a stage has a port; reports it when not. */
void
medley_check_stage_port (MedleyCheck *self, guint index, const MedleyLink *link);
/* What a stage takes. */
int
medley_check_stage_input_modality (MedleyCheck *self, guint index, const MedleyLink *link);

/* check-sub.c: pipelines within pipelines; called before the links are looked at */
void
medley_check_sub (MedleyCheck *self, guint index);
void
medley_check_sub_links (MedleyCheck *self, guint index);

/* checks.c */
#define medley_check_input(self, i) ((MedleyInputSpec *) (self)->spec->inputs->pdata[i])
#define medley_check_get_stage(self, i) ((MedleyStageSpec *) (self)->spec->stages->pdata[i])

/* modality of what a link carries, or MEDLEY_MODALITY_UNKNOWN */
int
medley_check_link_modality (MedleyCheck *self, const MedleyLink *link);
/* whether a stream of one modality may flow to where another is taken */
gboolean
medley_check_may_feed (int from, int to);
/* Reports what is wrong with the "${}" of a text, and remembers which parameters are used.
 * (transfer full) (nullable): the parameter when the text is nothing else */
const MedleyParameter *
medley_check_template (MedleyCheck *self, const char *text, const char *pointer,
                       gboolean *is_template);

G_END_DECLS
