/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/checks.h"

#include <string.h>

#include "base/nearest.h"
#include "pipeline/template.h"

static gboolean
is_word (const char *text, gsize length)
{
  gsize run = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-");

  return length > 0 && run >= length && text[0] != '-' && text[length - 1] != '-';
}

/* Splits FROM-to-TO[/VARIANT]. */
static gboolean
parse_task (const char *task, char **from, char **to)
{
  const char *middle = strstr (task, "-to-");
  const char *end = task + strcspn (task, "/");

  if (middle == NULL || middle >= end || !is_word (task, (gsize) (middle - task))
      || !is_word (middle + 4, (gsize) (end - middle - 4))
      || (*end == '/' && !is_word (end + 1, strlen (end + 1))))
    return FALSE;
  *from = g_strndup (task, (gsize) (middle - task));
  *to = g_strndup (middle + 4, (gsize) (end - middle - 4));
  return TRUE;
}

static int
modality_of_word (const char *word)
{
  static const struct {
    const char *word;
    int modality;
  } words[] = {
    { "text", MEDLEY_MODALITY_TEXT },       { "code", MEDLEY_MODALITY_TEXT },
    { "science", MEDLEY_MODALITY_TEXT },    { "image", MEDLEY_MODALITY_IMAGE },
    { "audio", MEDLEY_MODALITY_AUDIO },     { "video", MEDLEY_MODALITY_VIDEO },
    { "model3d", MEDLEY_MODALITY_MODEL3D }, { "3d", MEDLEY_MODALITY_MODEL3D },
    { "data", MEDLEY_MODALITY_DATA },
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (g_str_equal (words[i].word, word))
      return words[i].modality;
  }
  return MEDLEY_MODALITY_UNKNOWN;
}

static int
modality_of_caps (const char *caps)
{
  if (g_str_has_prefix (caps, "text/") || g_str_has_prefix (caps, "application/x-subtitle"))
    return MEDLEY_MODALITY_TEXT;
  if (g_str_has_prefix (caps, "audio/"))
    return MEDLEY_MODALITY_AUDIO;
  if (g_str_has_prefix (caps, "video/"))
    return MEDLEY_MODALITY_VIDEO;
  if (g_str_has_prefix (caps, "image/"))
    return MEDLEY_MODALITY_IMAGE;
  if (g_str_has_prefix (caps, "model/"))
    return MEDLEY_MODALITY_MODEL3D;
  if (g_str_has_prefix (caps, "application/json"))
    return MEDLEY_MODALITY_DATA;
  return MEDLEY_MODALITY_UNKNOWN;
}

/* The engines that may come to run a stage: (transfer container) (element-type MedleyEngine) */
static GPtrArray *
find_candidates (MedleyCheck *self, const MedleyStageSpec *stage)
{
  GPtrArray *candidates = NULL;

  if (self->catalog != NULL && stage->kind == MEDLEY_STAGE_TASK && stage->engines == NULL)
    candidates = medley_catalog_find (self->catalog, stage->target);
  if (candidates != NULL && candidates->len > 1)
    g_ptr_array_set_size (candidates, 1);
  if (candidates == NULL)
    candidates = g_ptr_array_new ();
  for (guint i = 0; self->catalog != NULL && stage->engines != NULL && i < stage->engines->len;
       i++) {
    const char *name = stage->engines->pdata[i];
    const MedleyEngine *engine = name != NULL ? medley_catalog_get (self->catalog, name) : NULL;

    if (engine != NULL)
      g_ptr_array_add (candidates, (gpointer) engine);
  }
  return candidates;
}

/* The caps of an engine's port as the registry has them; %NULL when there is no such port. @known
 * tells whether the engine's ports are known at all; @ports collects their names. */
static const char *
find_port_caps (const MedleyEngine *engine, const char *port, gboolean *known, GPtrArray *ports)
{
  g_autofree const char **outputs = NULL;
  const char *caps = NULL;

  if (!g_variant_lookup (engine->details, "outputs", "^a&s", &outputs) || outputs[0] == NULL)
    return NULL;
  *known = TRUE;
  for (guint i = 0; outputs[i] != NULL; i++) {
    gsize length = strcspn (outputs[i], ":");
    gsize fixed = MIN (strcspn (outputs[i], "%"), length);

    g_ptr_array_add (ports, g_strndup (outputs[i], length));
    /* "src_%u" stands for any number of ports. */
    if ((fixed < length && strncmp (outputs[i], port, fixed) == 0)
        || (strlen (port) == length && strncmp (outputs[i], port, length) == 0))
      caps = outputs[i] + length + (outputs[i][length] == ':');
  }
  return caps;
}

int
medley_check_stage_modality (MedleyCheck *self, guint index, const char *port)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);
  MedleyPipeline *sub = self->subs[index];
  g_autofree char *from = NULL;
  g_autofree char *to = NULL;

  if (sub != NULL) {
    const MedleyOutputSpec *output
        = *port != '\0' ? medley_spec_find_output (sub->spec, port) : sub->spec->outputs->pdata[0];

    return output != NULL && output->type != NULL ? (int) medley_media_modality (output->type)
                                                  : MEDLEY_MODALITY_UNKNOWN;
  }
  if (stage->kind != MEDLEY_STAGE_TASK || !parse_task (stage->target, &from, &to))
    return MEDLEY_MODALITY_UNKNOWN;
  if (*port == '\0' || g_str_equal (port, "src"))
    return modality_of_word (to);

  g_autoptr (GPtrArray) candidates = find_candidates (self, stage);
  g_autoptr (GPtrArray) ports = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < candidates->len; i++) {
    gboolean known = FALSE;
    const char *caps = find_port_caps (candidates->pdata[i], port, &known, ports);

    if (caps != NULL)
      return modality_of_caps (caps);
  }
  return MEDLEY_MODALITY_UNKNOWN;
}

int
medley_check_stage_input_modality (MedleyCheck *self, guint index, const MedleyLink *link)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);
  MedleyPipeline *sub = self->subs[index];
  g_autofree char *from = NULL;
  g_autofree char *to = NULL;

  if (sub != NULL) {
    const MedleyInputSpec *input = NULL;

    if (*link->pad != '\0')
      input = medley_spec_find_input (sub->spec, link->pad);
    else if (sub->spec->inputs->len == 1)
      input = sub->spec->inputs->pdata[0];
    return input != NULL && input->type != NULL ? (int) medley_media_modality (input->type)
                                                : MEDLEY_MODALITY_UNKNOWN;
  }
  if (stage->kind != MEDLEY_STAGE_TASK || (*link->pad != '\0' && !g_str_equal (link->pad, "sink"))
      || !parse_task (stage->target, &from, &to))
    return MEDLEY_MODALITY_UNKNOWN;
  return modality_of_word (from);
}

static void
check_sub_port (MedleyCheck *self, const MedleyStageSpec *stage, const MedleySpec *sub,
                const MedleyLink *link)
{
  const MedleyOutputSpec *output;

  if (*link->port == '\0') {
    output = sub->outputs->pdata[0];
  } else {
    output = medley_spec_find_output (sub, link->port);
    if (output == NULL) {
      g_autoptr (GPtrArray) names = g_ptr_array_new ();

      for (guint i = 0; i < sub->outputs->len; i++)
        g_ptr_array_add (names, ((MedleyOutputSpec *) sub->outputs->pdata[i])->name);
      g_ptr_array_add (names, NULL);
      medley_fault_add (&self->sink, "unknown-name", link->pointer,
                        medley_nearest (link->port, (const char *const *) names->pdata),
                        "the pipeline \"%s\" has no output \"%s\"", stage->target, link->port);
      return;
    }
  }
  if (output->links->len > 1)
    medley_fault_add (
        &self->sink, "caps-mismatch", link->pointer, NULL,
        "the output \"%s\" of the pipeline \"%s\" joins several streams, which no stage can take",
        output->name, stage->target);
}

void
medley_check_stage_port (MedleyCheck *self, guint index, const MedleyLink *link)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);
  g_autoptr (GPtrArray) candidates = find_candidates (self, stage);
  g_autoptr (GPtrArray) ports = g_ptr_array_new_with_free_func (g_free);
  gboolean known = FALSE;

  if (self->subs[index] != NULL)
    check_sub_port (self, stage, self->subs[index]->spec, link);
  if (*link->port == '\0')
    return;
  for (guint i = 0; i < candidates->len; i++) {
    if (find_port_caps (candidates->pdata[i], link->port, &known, ports) != NULL)
      return;
  }
  if (!known)
    return;
  g_ptr_array_add (ports, NULL);
  medley_fault_add (&self->sink, "unknown-name", link->pointer,
                    medley_nearest (link->port, (const char *const *) ports->pdata),
                    "the engine of \"%s\" has no port \"%s\"", stage->name, link->port);
}

static void
check_task (MedleyCheck *self, const MedleyStageSpec *stage)
{
  g_autofree char *pointer = medley_json_pointer_append (stage->pointer, "task");
  g_autofree char *from = NULL;
  g_autofree char *to = NULL;
  g_autoptr (GPtrArray) engines = NULL;
  g_autoptr (GPtrArray) tasks = NULL;

  if (!parse_task (stage->target, &from, &to)) {
    medley_fault_add (&self->sink, "bad-value", pointer, NULL,
                      "\"%.64s\" is no task: it is written FROM-to-TO or FROM-to-TO/VARIANT, as "
                      "text-to-audio/speech",
                      stage->target);
    return;
  }
  /* Whether named engines are there and do the task is told of them. */
  if (self->catalog == NULL || stage->engines != NULL)
    return;
  engines = medley_catalog_find (self->catalog, stage->target);
  if (engines->len > 0)
    return;
  tasks = g_ptr_array_new ();
  g_ptr_array_unref (engines);
  engines = medley_catalog_list (self->catalog);
  for (guint i = 0; i < engines->len; i++) {
    const MedleyEngine *engine = engines->pdata[i];

    for (guint j = 0; engine->tasks[j] != NULL; j++)
      g_ptr_array_add (tasks, engine->tasks[j]);
  }
  g_ptr_array_add (tasks, NULL);
  medley_fault_add (&self->sink, "unknown-task", pointer,
                    medley_nearest (stage->target, (const char *const *) tasks->pdata),
                    "no engine here does the task \"%.64s\"", stage->target);
}

static const char *
find_near_engine (MedleyCheck *self, const char *name)
{
  g_autoptr (GPtrArray) engines = medley_catalog_list (self->catalog);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < engines->len; i++)
    g_ptr_array_add (names, ((MedleyEngine *) engines->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  return medley_nearest (name, (const char *const *) names->pdata);
}

static void
check_engines (MedleyCheck *self, const MedleyStageSpec *stage)
{
  g_autofree char *pointer = medley_json_pointer_append (stage->pointer, "engine");
  gboolean any_present = FALSE;

  if (self->catalog == NULL || stage->engines == NULL || stage->target == NULL)
    return;
  for (guint i = 0; i < stage->engines->len; i++) {
    const char *name = stage->engines->pdata[i];

    any_present = any_present || (name != NULL && medley_catalog_get (self->catalog, name) != NULL);
  }
  for (guint i = 0; i < stage->engines->len; i++) {
    const char *name = stage->engines->pdata[i];
    const MedleyEngine *engine = name != NULL ? medley_catalog_get (self->catalog, name) : NULL;
    g_autofree char *place
        = stage->engine_is_list ? g_strdup_printf ("%s/%u", pointer, i) : g_strdup (pointer);

    if (name == NULL)
      continue;
    if (engine == NULL && any_present)
      medley_fault_warn (&self->sink, "unknown-engine", place, find_near_engine (self, name),
                         "the engine \"%.64s\" is not installed; the others of the list are used",
                         name);
    else if (engine == NULL)
      medley_fault_add (&self->sink, "unknown-engine", place, find_near_engine (self, name),
                        "the engine \"%.64s\" is not installed", name);
    else if (!medley_engine_has_task (engine, stage->target))
      medley_fault_add (&self->sink, "unknown-engine", place, NULL,
                        "the engine \"%s\" does not do the task \"%.64s\"", name, stage->target);
  }
}

static void
check_element (MedleyCheck *self, const MedleyStageSpec *stage)
{
  g_autofree char *pointer = medley_json_pointer_append (stage->pointer, "element");
  const char *const *allowed = self->context->allowed_elements;
  gsize length = strspn (stage->target, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-");

  if (length == 0 || length > 64 || stage->target[length] != '\0')
    medley_fault_add (&self->sink, "bad-value", pointer, NULL,
                      "\"%.64s\" is no name of a GStreamer element", stage->target);
  else if (allowed != NULL && !g_strv_contains (allowed, stage->target))
    medley_fault_add (
        &self->sink, "not-allowed", pointer, medley_nearest (stage->target, allowed),
        "the element \"%s\" is not among those that a pipeline sent by a client may use",
        stage->target);
}

/* Properties themselves are known to a worker only; here are their templates. */
static void
check_set (MedleyCheck *self, const MedleyStageSpec *stage)
{
  g_autofree char *pointer = medley_json_pointer_append (stage->pointer, "set");
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, stage->set);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value)) {
    g_autofree char *place = medley_json_pointer_append (pointer, name);
    gboolean is_template;

    if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
      medley_check_template (self, g_variant_get_string (value, NULL), place, &is_template);
  }
}

void
medley_check_stage (MedleyCheck *self, guint index)
{
  const MedleyStageSpec *stage = medley_check_get_stage (self, index);

  if (stage->kind == MEDLEY_STAGE_TASK) {
    check_task (self, stage);
    check_engines (self, stage);
  } else if (stage->kind == MEDLEY_STAGE_ELEMENT) {
    check_element (self, stage);
  }
  check_set (self, stage);
}
