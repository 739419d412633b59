/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/checks.h"

#include <string.h>

#include "base/nearest.h"
#include "pipeline/template.h"

#define OUTPUT G_MAXUINT
#define N_INPUTS(self) ((self)->spec->inputs->len)
#define N_NODES(self) ((self)->spec->inputs->len + (self)->spec->stages->len)

static const char *
node_name (MedleyCheck *self, guint node)
{
  return self->names->pdata[node];
}

static gint
find_node (MedleyCheck *self, const char *name)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (self->nodes, name)) - 1;
}

int
medley_check_link_modality (MedleyCheck *self, const MedleyLink *link)
{
  gint node = find_node (self, link->source);

  if (node < 0)
    return MEDLEY_MODALITY_UNKNOWN;
  if ((guint) node >= N_INPUTS (self))
    return medley_check_stage_modality (self, (guint) node - N_INPUTS (self), link->port);
  if (medley_check_input (self, node)->type == NULL)
    return MEDLEY_MODALITY_UNKNOWN;
  return (int) medley_media_modality (medley_check_input (self, node)->type);
}

gboolean
medley_check_may_feed (int from, int to)
{
  if (from == MEDLEY_MODALITY_UNKNOWN || to == MEDLEY_MODALITY_UNKNOWN || from == to)
    return TRUE;
  /* A single frame is raw video to GStreamer, a video file has a sound track, and data may be
   * anything. */
  return from == MEDLEY_MODALITY_DATA || to == MEDLEY_MODALITY_DATA
         || (from == MEDLEY_MODALITY_IMAGE && to == MEDLEY_MODALITY_VIDEO)
         || (from == MEDLEY_MODALITY_VIDEO
             && (to == MEDLEY_MODALITY_IMAGE || to == MEDLEY_MODALITY_AUDIO));
}

const MedleyParameter *
medley_check_template (MedleyCheck *self, const char *text, const char *pointer,
                       gboolean *is_template)
{
  g_autofree char *fault = NULL;
  gboolean whole;
  g_autoptr (GPtrArray) names = medley_template_scan (text, &whole, &fault);

  *is_template = names->len > 0 || fault != NULL;
  if (fault != NULL)
    medley_fault_add (&self->sink, "bad-value", pointer, NULL, "%s", fault);
  for (guint i = 0; i < names->len; i++) {
    const char *name = names->pdata[i];

    if (medley_spec_find_parameter (self->spec, name) == NULL)
      medley_fault_add (&self->sink, "unknown-name", pointer,
                        medley_nearest (name, (const char *const *) self->parameters->pdata),
                        "there is no parameter \"%s\"", name);
    g_hash_table_add (self->used_parameters, g_strdup (name));
  }
  return whole && fault == NULL ? medley_spec_find_parameter (self->spec, names->pdata[0]) : NULL;
}

static void
count_reader (MedleyCheck *self, const MedleyLink *link)
{
  guint max = self->context->max_fan_out > 0 ? self->context->max_fan_out : 32;
  g_autofree char *key = g_strdup_printf ("%s.%s", link->source, link->port);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->readers, key)) + 1;

  if (n == max + 1)
    medley_fault_add (&self->sink, "too-many", link->pointer, NULL, "more than %u read from \"%s\"",
                      max, link->source);
  g_hash_table_insert (self->readers, g_steal_pointer (&key), GUINT_TO_POINTER (n));
}

/* Holds the source of a link against what there is, and notes the edge. */
static void
check_link (MedleyCheck *self, const MedleyLink *link, guint reader)
{
  gint node = find_node (self, link->source);
  const char *near;

  if (node < 0) {
    near = medley_nearest (link->source, (const char *const *) self->names->pdata);
    medley_fault_add (&self->sink, "unknown-name", link->pointer, near,
                      "there is no input or stage \"%s\"", link->source);
    return;
  }
  count_reader (self, link);
  g_array_append_val (self->edges, ((MedleyEdge){ (guint) node, reader }));
  if ((guint) node >= N_INPUTS (self))
    medley_check_stage_port (self, (guint) node - N_INPUTS (self), link);
  else if (*link->port != '\0')
    medley_fault_add (&self->sink, "unknown-name", link->pointer, link->source,
                      "the input \"%s\" has no ports", link->source);
}

static void
check_stage_links (MedleyCheck *self, guint index)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);

  if (!stage->has_from && stage->kind == MEDLEY_STAGE_TASK)
    medley_fault_add (&self->sink, "missing-key", stage->pointer, NULL,
                      "a stage with a task needs the key \"from\"");
  for (guint i = 0; i < stage->links->len; i++) {
    const MedleyLink *link = stage->links->pdata[i];
    int from = medley_check_link_modality (self, link);
    int to = medley_check_stage_input_modality (self, index, link);

    check_link (self, link, N_INPUTS (self) + index);
    if (!medley_check_may_feed (from, to))
      medley_fault_add (&self->sink, "caps-mismatch", link->pointer, NULL,
                        "\"%s\" gives %s, where \"%s\" takes %s", link->source,
                        medley_modality_to_string ((MedleyModality) from), stage->name,
                        medley_modality_to_string ((MedleyModality) to));
  }
}

/* Why a stream of this modality cannot be (a track) in a type; %NULL when it can. */
static const char *
refuse_track (const MedleyMediaType *type, int modality, guint *n_audio, guint *n_video)
{
  gboolean has_tracks = type->modality == MEDLEY_MODALITY_VIDEO;

  switch (modality) {
  case MEDLEY_MODALITY_UNKNOWN:
    return NULL;
  case MEDLEY_MODALITY_AUDIO:
    if (!has_tracks && type->modality != MEDLEY_MODALITY_AUDIO)
      return "it cannot hold audio";
    return ++*n_audio > 1 ? "it holds one audio track" : NULL;
  case MEDLEY_MODALITY_IMAGE:
  case MEDLEY_MODALITY_VIDEO:
    if (!has_tracks && type->modality != MEDLEY_MODALITY_IMAGE)
      return modality == MEDLEY_MODALITY_VIDEO ? "it cannot hold video" : "it cannot hold images";
    return ++*n_video > 1 ? "it holds one video track" : NULL;
  case MEDLEY_MODALITY_TEXT:
    return type->modality == MEDLEY_MODALITY_TEXT || type->modality == MEDLEY_MODALITY_DATA
               ? NULL
               : "it cannot hold text";
  case MEDLEY_MODALITY_MODEL3D:
    return type->modality == MEDLEY_MODALITY_MODEL3D ? NULL : "it cannot hold 3D models";
  default:
    return type->modality == MEDLEY_MODALITY_DATA || type->modality == MEDLEY_MODALITY_TEXT
               ? NULL
               : "it cannot hold data";
  }
}

static void
check_output (MedleyCheck *self, const MedleyOutputSpec *output)
{
  const MedleyMediaType *type = output->type != NULL ? medley_media_lookup (output->type) : NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_audio = 0;
  guint n_video = 0;

  for (guint i = 0; i < output->links->len; i++) {
    const MedleyLink *link = output->links->pdata[i];
    int modality = medley_check_link_modality (self, link);
    const char *refusal;

    check_link (self, link, OUTPUT);
    if (!g_hash_table_add (seen, g_strdup_printf ("%s.%s", link->source, link->port))) {
      medley_fault_add (&self->sink, "duplicate-name", link->pointer, NULL,
                        "this source stands twice in the list");
      continue;
    }
    if (type == NULL)
      continue;
    /* Of a video that comes in, the sound track may be meant. */
    if (modality == MEDLEY_MODALITY_VIDEO
        && medley_spec_find_input (self->spec, link->source) != NULL)
      modality = MEDLEY_MODALITY_UNKNOWN;
    refusal = refuse_track (type, modality, &n_audio, &n_video);
    if (refusal == NULL && i > 0 && type->modality != MEDLEY_MODALITY_VIDEO)
      refusal = "it holds a single stream";
    if (refusal != NULL)
      medley_fault_add (&self->sink, "caps-mismatch", link->pointer, NULL,
                        "\"%s\" cannot be in %s: %s", link->source, type->name, refusal);
  }
}

typedef struct {
  MedleyCheck *check;
  GPtrArray *readers; /* per node: GArray of nodes */
  guint8 *state;      /* per node: 0 not seen, 1 on the path, 2 done */
  GArray *path;
  gboolean *reported;
} CycleSearch;

static void
report_cycle (CycleSearch *search, guint start)
{
  MedleyCheck *self = search->check;
  g_autoptr (GString) text = g_string_new (NULL);
  guint first = 0;
  guint smallest = G_MAXUINT;
  guint n;

  while (g_array_index (search->path, guint, first) != start)
    first++;
  n = search->path->len - first;
  for (guint i = 0; i < n; i++) {
    guint node = g_array_index (search->path, guint, first + i);

    if (search->reported[node])
      return;
    smallest = MIN (smallest, node);
  }
  /* Told from the stage that stands first in the file. */
  while (g_array_index (search->path, guint, first) != smallest)
    first++;
  guint base = search->path->len - n;
  for (guint i = 0; i <= n; i++) {
    guint node = g_array_index (search->path, guint, base + (first - base + i) % n);

    search->reported[node] = TRUE;
    if (text->len < 500 || i == n)
      g_string_append_printf (text, "%s%s", i > 0 ? " → " : "", node_name (self, node));
  }
  g_autofree char *pointer = medley_json_pointer_append (
      medley_check_get_stage (self, smallest - N_INPUTS (self))->pointer, "from");
  medley_fault_add (&self->sink, "cycle", pointer, NULL, "stages feed each other in a circle: %s",
                    text->str);
}

/* As deep as there are stages, which is limited. */
static void
search_cycles (CycleSearch *search, guint node)
{
  const GArray *readers = search->readers->pdata[node];

  search->state[node] = 1;
  g_array_append_val (search->path, node);
  for (guint i = 0; i < readers->len; i++) {
    guint next = g_array_index (readers, guint, i);

    if (search->state[next] == 1)
      report_cycle (search, next);
    else if (search->state[next] == 0)
      search_cycles (search, next);
  }
  g_array_set_size (search->path, search->path->len - 1);
  search->state[node] = 2;
}

static void
check_cycles (MedleyCheck *self)
{
  guint n = N_NODES (self);
  g_autoptr (GPtrArray) readers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr (GArray) path = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autofree guint8 *state = g_new0 (guint8, n + 1);
  g_autofree gboolean *reported = g_new0 (gboolean, n + 1);
  CycleSearch search = { self, readers, state, path, reported };

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (readers, g_array_new (FALSE, FALSE, sizeof (guint)));
  for (guint i = 0; i < self->edges->len; i++) {
    MedleyEdge edge = g_array_index (self->edges, MedleyEdge, i);

    if (edge.to != OUTPUT)
      g_array_append_val (readers->pdata[edge.from], edge.to);
  }
  for (guint i = 0; i < n; i++) {
    if (state[i] == 0)
      search_cycles (&search, i);
  }
}

/* Marks all that reaches an output (or what a misspelt name was meant to be), and warns of the
 * rest. */
static void
check_unused (MedleyCheck *self)
{
  gboolean changed = TRUE;

  while (changed) {
    changed = FALSE;
    for (guint i = 0; i < self->edges->len; i++) {
      MedleyEdge edge = g_array_index (self->edges, MedleyEdge, i);

      if (!self->used[edge.from] && (edge.to == OUTPUT || self->used[edge.to])) {
        self->used[edge.from] = TRUE;
        changed = TRUE;
      }
    }
  }
  for (guint i = 0; i < N_INPUTS (self); i++) {
    if (!self->used[i])
      medley_fault_warn (&self->sink, "unused", medley_check_input (self, i)->pointer, NULL,
                         "no output is made from the input \"%s\"", node_name (self, i));
  }
  for (guint i = 0; i < self->spec->stages->len; i++) {
    if (!self->used[N_INPUTS (self) + i])
      medley_fault_warn (&self->sink, "unused", medley_check_get_stage (self, i)->pointer, NULL,
                         "no output is made from the stage \"%s\"",
                         node_name (self, N_INPUTS (self) + i));
  }
  for (guint i = 0; i < self->spec->parameters->len; i++) {
    const char *name = self->parameters->pdata[i];
    g_autofree char *pointer = medley_json_pointer_append ("/parameters", name);

    if (!g_hash_table_contains (self->used_parameters, name))
      medley_fault_warn (&self->sink, "unused", pointer, NULL, "no stage uses the parameter \"%s\"",
                         name);
  }
}

static void
check_count (MedleyCheck *self)
{
  guint max = self->context->max_stages > 0 ? self->context->max_stages : 64;
  guint64 n = 0;

  for (guint i = 0; i < self->spec->stages->len; i++)
    n += self->subs[i] != NULL ? MAX (1, self->subs[i]->n_stages) : 1;
  self->pipeline->n_stages = (guint) MIN (n, G_MAXUINT);
  if (n > max)
    medley_fault_add (&self->sink, "too-many", "/stages", NULL,
                      "with those of its sub-pipelines there are %" G_GUINT64_FORMAT
                      " stages, where %u are the most",
                      n, max);
}

static void
collect_names (MedleyCheck *self)
{
  for (guint i = 0; i < N_INPUTS (self); i++)
    g_ptr_array_add (self->names, medley_check_input (self, i)->name);
  for (guint i = 0; i < self->spec->stages->len; i++)
    g_ptr_array_add (self->names, medley_check_get_stage (self, i)->name);
  for (guint i = 0; i < self->spec->parameters->len; i++)
    g_ptr_array_add (self->parameters,
                     ((MedleyParameter *) self->spec->parameters->pdata[i])->name);
  for (guint i = 0; i < self->names->len; i++)
    g_hash_table_insert (self->nodes, self->names->pdata[i], GUINT_TO_POINTER (i + 1));
  g_ptr_array_add (self->names, NULL);
  g_ptr_array_add (self->parameters, NULL);
}

static void
check_all (MedleyCheck *self)
{
  guint n_stages = self->spec->stages->len;

  collect_names (self);
  for (guint i = 0; i < n_stages; i++)
    medley_check_sub (self, i);
  for (guint i = 0; i < n_stages; i++) {
    medley_check_stage (self, i);
    medley_check_sub_links (self, i);
    check_stage_links (self, i);
  }
  for (guint i = 0; i < self->spec->outputs->len; i++)
    check_output (self, self->spec->outputs->pdata[i]);
  check_cycles (self);
  /* With errors, what seems unused may only be cut off by them. */
  if (!medley_faults_have_errors (self->sink.faults))
    check_unused (self);
  check_count (self);
}

void
medley_pipeline_check (MedleyPipeline *pipeline, const MedleyPipelineContext *context)
{
  MedleySpec *spec = pipeline->spec;
  MedleyCheck check = {
    .pipeline = pipeline,
    .spec = spec,
    .context = context,
    .sink = { pipeline->faults, spec->map, spec->file },
  };
  g_autoptr (GHashTable) nodes = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GPtrArray) parameters = g_ptr_array_new ();
  g_autofree MedleyPipeline **subs = g_new0 (MedleyPipeline *, spec->stages->len + 1);
  g_autoptr (GArray) edges = g_array_new (FALSE, FALSE, sizeof (MedleyEdge));
  g_autofree gboolean *used = g_new0 (gboolean, spec->inputs->len + spec->stages->len + 1);
  g_autoptr (GHashTable) used_parameters
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) readers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  /* Before the first worker has described them, engines cannot be said to be missing. */
  if (context->catalog != NULL && *medley_catalog_get_registry (context->catalog) != '\0')
    check.catalog = context->catalog;
  check.nodes = nodes;
  check.names = names;
  check.parameters = parameters;
  check.subs = subs;
  check.edges = edges;
  check.used = used;
  check.used_parameters = used_parameters;
  check.readers = readers;
  check_all (&check);
}
