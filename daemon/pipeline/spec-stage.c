/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/spec-private.h"

#include "base/nearest.h"
#include "pipeline/template.h"

#define MAX_ENGINES 16
#define MAX_SOURCES 16
#define MAX_STALL 86400

static const MedleyKey stage_keys[] = {
  { "task", "s", FALSE },     { "engine", "sa", FALSE }, { "element", "s", FALSE },
  { "pipeline", "s", FALSE }, { "from", "so", FALSE },   { "set", "o", FALSE },
  { "stall", "x", FALSE },    { NULL, NULL, FALSE },
};

static void
link_free (gpointer data)
{
  MedleyLink *link = data;

  g_free (link->pad);
  g_free (link->source);
  g_free (link->port);
  g_free (link->pointer);
  g_free (link);
}

GPtrArray *
medley_spec_links_new (void)
{
  return g_ptr_array_new_with_free_func (link_free);
}

static void
read_source (MedleySpecReading *r, GPtrArray *links, const char *pad, const char *text,
             const char *pointer)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", 3);
  guint n = g_strv_length (parts);
  MedleyLink *link;

  if (n < 1 || n > 2 || !medley_is_identifier (parts[0])
      || (n == 2 && !medley_is_identifier (parts[1]))) {
    medley_fault_add (
        r->sink, "bad-value", pointer, NULL,
        "\"%.64s\" is no source: write the name of an input or a stage, or STAGE.PORT", text);
    return;
  }
  link = g_new0 (MedleyLink, 1);
  link->pad = g_strdup (pad);
  link->source = g_strdup (parts[0]);
  link->port = g_strdup (n == 2 ? parts[1] : "");
  link->pointer = g_strdup (pointer);
  g_ptr_array_add (links, link);
}

typedef struct {
  MedleySpecReading *reading;
  GPtrArray *links;
} ReadingLinks;

static void
read_source_of_pad (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  ReadingLinks *reading = data;

  if (medley_check_type (reading->reading->sink, value, pointer, "s"))
    read_source (reading->reading, reading->links, name, g_variant_get_string (value, NULL),
                 pointer);
}

static void
read_source_list (MedleySpecReading *r, GPtrArray *links, GVariant *list, const char *pointer)
{
  gsize n = g_variant_n_children (list);

  if (n == 0 || n > MAX_SOURCES) {
    medley_fault_add (r->sink, n == 0 ? "bad-value" : "too-many", pointer, NULL,
                      "this must list 1 to %d sources", MAX_SOURCES);
    return;
  }
  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (list, i);
    g_autoptr (GVariant) item = g_variant_get_variant (boxed);
    g_autofree char *place = g_strdup_printf ("%s/%" G_GSIZE_FORMAT, pointer, i);

    if (medley_check_type (r->sink, item, place, "s"))
      read_source (r, links, "", g_variant_get_string (item, NULL), place);
  }
}

GPtrArray *
medley_spec_read_from (MedleySpecReading *r, GVariant *object, const char *pointer,
                       const char *types)
{
  GPtrArray *links = medley_spec_links_new ();
  g_autoptr (GVariant) from = medley_read_member (object, "from", types);
  g_autofree char *place = medley_json_pointer_append (pointer, "from");
  ReadingLinks reading = { r, links };

  if (from == NULL)
    return links;
  if (g_variant_is_of_type (from, G_VARIANT_TYPE_STRING)) {
    read_source (r, links, "", g_variant_get_string (from, NULL), place);
  } else if (g_variant_is_of_type (from, G_VARIANT_TYPE_VARDICT)) {
    if (g_variant_n_children (from) == 0)
      medley_fault_add (r->sink, "bad-value", place, NULL, "this names no source");
    medley_read_entries (r->sink, from, place, "a port", MAX_SOURCES, read_source_of_pad, &reading);
  } else {
    read_source_list (r, links, from, place);
  }
  return links;
}

static void
read_kind (MedleySpecReading *r, MedleyStageSpec *stage, GVariant *value)
{
  static const char *const kinds[] = { "task", "element", "pipeline" };
  guint n_kinds = 0;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (GVariant) target = g_variant_lookup_value (value, kinds[i], NULL);

    if (target == NULL)
      continue;
    if (n_kinds++ > 0) {
      g_autofree char *place = medley_json_pointer_append (stage->pointer, kinds[i]);

      medley_fault_add (r->sink, "bad-value", place, NULL,
                        "a stage is one of \"task\", \"element\" and \"pipeline\", not several");
    } else if (g_variant_is_of_type (target, G_VARIANT_TYPE_STRING)) {
      stage->kind = (MedleyStageKind) (MEDLEY_STAGE_TASK + i);
      stage->target = g_variant_dup_string (target, NULL);
    }
  }
  if (n_kinds == 0) {
    GVariantIter iter;
    const char *key;
    gboolean misspelt = FALSE;

    /* A misspelt key is one fault, not two. */
    g_variant_iter_init (&iter, value);
    while (g_variant_iter_next (&iter, "{&sv}", &key, NULL))
      misspelt
          = misspelt
            || medley_nearest (key, (const char *const[]){ "task", "element", "pipeline", NULL })
                   != NULL;
    if (!misspelt)
      medley_fault_add (r->sink, "missing-key", stage->pointer, NULL,
                        "a stage needs one of the keys \"task\", \"element\" and \"pipeline\"");
  }
}

static void
read_engines (MedleySpecReading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) engine = medley_read_member (value, "engine", "sa");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "engine");
  gsize n;

  if (engine == NULL)
    return;
  if (stage->kind == MEDLEY_STAGE_ELEMENT || stage->kind == MEDLEY_STAGE_PIPELINE) {
    medley_fault_add (r->sink, "unknown-key", place, NULL,
                      "only a stage with a task has an engine");
    return;
  }
  stage->engines = g_ptr_array_new_with_free_func (g_free);
  if (g_variant_is_of_type (engine, G_VARIANT_TYPE_STRING)) {
    g_ptr_array_add (stage->engines, g_variant_dup_string (engine, NULL));
    return;
  }
  stage->engine_is_list = TRUE;
  n = g_variant_n_children (engine);
  if (n == 0 || n > MAX_ENGINES)
    medley_fault_add (r->sink, n == 0 ? "bad-value" : "too-many", place, NULL,
                      "this must list 1 to %d engines", MAX_ENGINES);
  for (gsize i = 0; i < MIN (n, MAX_ENGINES); i++) {
    g_autoptr (GVariant) boxed = g_variant_get_child_value (engine, i);
    g_autoptr (GVariant) item = g_variant_get_variant (boxed);
    g_autofree char *at = g_strdup_printf ("%s/%" G_GSIZE_FORMAT, place, i);

    if (medley_check_type (r->sink, item, at, "s"))
      g_ptr_array_add (stage->engines, g_variant_dup_string (item, NULL));
    else
      g_ptr_array_add (stage->engines, NULL);
  }
}

static void
read_stall (MedleySpecReading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) stall = medley_read_member (value, "stall", "x");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "stall");

  if (stall == NULL)
    return;
  if (stage->kind == MEDLEY_STAGE_PIPELINE)
    medley_fault_add (r->sink, "unknown-key", place, NULL,
                      "only a stage with a task or an element can stall; say it in that pipeline");
  else if (g_variant_get_int64 (stall) < 1 || g_variant_get_int64 (stall) > MAX_STALL)
    medley_fault_add (r->sink, "bad-value", place, NULL, "this must be 1 to %d seconds", MAX_STALL);
  else
    stage->stall = (guint) g_variant_get_int64 (stall);
}

static GVariant *
read_set (MedleySpecReading *r, MedleyStageSpec *stage, GVariant *value)
{
  g_autoptr (GVariant) set = medley_read_member (value, "set", "o");
  g_autofree char *place = medley_json_pointer_append (stage->pointer, "set");
  GVariantBuilder builder;
  GVariantIter iter;
  const char *name;
  GVariant *item;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (set != NULL && g_variant_n_children (set) > MEDLEY_MAX_ENTRIES) {
    medley_fault_add (r->sink, "too-many", place, NULL, "a stage sets at most %d properties",
                      MEDLEY_MAX_ENTRIES);
  } else if (set != NULL) {
    g_variant_iter_init (&iter, set);
    while (g_variant_iter_loop (&iter, "{&sv}", &name, &item)) {
      g_autofree char *at = medley_json_pointer_append (place, name);

      if (*name == '\0')
        medley_fault_add (r->sink, "bad-value", at, NULL, "a property has a name");
      else if (medley_check_type (r->sink, item, at, "sbn"))
        g_variant_builder_add (&builder, "{sv}", name, item);
    }
  }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

void
medley_spec_read_stage (const char *name, GVariant *value, const char *pointer, gpointer data)
{
  MedleySpecReading *r = data;
  MedleyStageSpec *stage = g_new0 (MedleyStageSpec, 1);
  g_autoptr (GVariant) from = NULL;

  stage->name = g_strdup (name);
  stage->pointer = g_strdup (pointer);
  g_ptr_array_add (r->spec->stages, stage);
  if (medley_spec_find_input (r->spec, name) != NULL)
    medley_fault_add (r->sink, "duplicate-name", pointer, NULL,
                      "\"%s\" is an input already; a stage needs a name of its own", name);
  if (!medley_read_object (r->sink, value, pointer, "a stage", stage_keys)) {
    stage->links = medley_spec_links_new ();
    stage->set = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
    return;
  }
  read_kind (r, stage, value);
  read_engines (r, stage, value);
  read_stall (r, stage, value);
  from = g_variant_lookup_value (value, "from", NULL);
  stage->has_from = from != NULL;
  stage->links = medley_spec_read_from (r, value, pointer, "so");
  stage->set = read_set (r, stage, value);
}
