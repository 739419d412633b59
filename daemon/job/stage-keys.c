/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/stage-keys.h"

#include <string.h>

/* Of recordings and of keys: whatever changes what a key means gets another number. */
#define FORMAT "medley stage 1"

void
medley_stage_work_free (MedleyStageWork *self)
{
  g_free (self->name);
  g_free (self->engine);
  g_free (self->key);
  g_strfreev (self->ports);
  g_free (self);
}

static GVariant *
list_stages (GVariant *plan)
{
  GVariant *stages = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));

  return stages != NULL ? stages : g_variant_ref_sink (g_variant_new ("aa{sv}", NULL));
}

static const char *
get_string (GVariant *dict, const char *key)
{
  const char *value = "";

  g_variant_lookup (dict, key, "&s", &value);
  return value;
}

/* Points into @stage. */
static const char *
get_engine (GVariant *stage)
{
  g_autofree const char **engines = NULL;

  if (!g_variant_lookup (stage, "engines", "^a&s", &engines) || engines[0] == NULL)
    return "";
  return engines[0];
}

/* Each part with its length, so that no two lists of parts look alike. */
static void
add_part (GChecksum *sum, const char *part)
{
  char length[24];

  g_snprintf (length, sizeof length, "%" G_GSIZE_FORMAT ":", strlen (part));
  g_checksum_update (sum, (const guchar *) length, -1);
  g_checksum_update (sum, (const guchar *) part, -1);
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The order in a file means nothing. */
static void
add_properties (GChecksum *sum, GVariant *stage)
{
  g_autoptr (GVariant) set = g_variant_lookup_value (stage, "set", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (set != NULL) {
    g_variant_iter_init (&iter, set);
    while (g_variant_iter_loop (&iter, "{&sv}", &name, &value)) {
      g_autofree char *text = g_variant_print (value, TRUE);

      g_ptr_array_add (texts, g_strconcat (name, "=", text, NULL));
    }
  }
  g_ptr_array_sort (texts, compare_strings);
  for (guint i = 0; i < texts->len; i++)
    add_part (sum, texts->pdata[i]);
}

static char *
make_limits (GVariant *plan)
{
  g_autoptr (GVariant) limits = g_variant_lookup_value (plan, "limits", G_VARIANT_TYPE_VARDICT);
  guint64 text = 0, input = 0, pixels = 0;

  if (limits != NULL) {
    g_variant_lookup (limits, "text-bytes", "t", &text);
    g_variant_lookup (limits, "input-bytes", "t", &input);
    g_variant_lookup (limits, "image-pixels", "t", &pixels);
  }
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, text,
                          input, pixels);
}

static gboolean
is_input (GVariant *plan, const char *name)
{
  g_autoptr (GVariant) inputs = g_variant_lookup_value (plan, "inputs", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; inputs != NULL && i < g_variant_n_children (inputs); i++) {
    g_autoptr (GVariant) input = g_variant_get_child_value (inputs, i);

    if (g_str_equal (get_string (input, "name"), name))
      return TRUE;
  }
  return FALSE;
}

/* What the plan says of the input: a wildcard may be narrowed there, or the other way round. */
static const char *
get_plan_type (GVariant *plan, const char *name)
{
  g_autoptr (GVariant) inputs = g_variant_lookup_value (plan, "inputs", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; inputs != NULL && i < g_variant_n_children (inputs); i++) {
    g_autoptr (GVariant) input = g_variant_get_child_value (inputs, i);

    if (g_str_equal (get_string (input, "name"), name))
      return get_string (input, "type");
  }
  return "";
}

/* NULL: it has no key; "": not yet. */
static char *
compute_key (GVariant *plan, GVariant *stage, GHashTable *builds, GHashTable *inputs,
             GHashTable *keys)
{
  const char *engine = get_engine (stage);
  const char *build = g_hash_table_lookup (builds, engine);
  g_autoptr (GVariant) from = g_variant_lookup_value (stage, "from", G_VARIANT_TYPE ("a(sss)"));
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *limits = make_limits (plan);
  const char *pad, *source, *port;
  gboolean known = TRUE;
  GVariantIter iter;

  if (build == NULL || from == NULL)
    return NULL;
  add_part (sum, FORMAT);
  add_part (sum, engine);
  add_part (sum, build);
  add_part (sum, limits);
  add_properties (sum, stage);
  g_variant_iter_init (&iter, from);
  while (g_variant_iter_next (&iter, "(&s&s&s)", &pad, &source, &port)) {
    gboolean input = is_input (plan, source);
    const char *key = g_hash_table_lookup (input ? inputs : keys, source);

    if (key == NULL && !input)
      return NULL;
    known = known && key != NULL && key[0] != '\0';
    add_part (sum, input ? "input" : "stage");
    add_part (sum, pad);
    add_part (sum, key != NULL ? key : "");
    add_part (sum, input ? get_plan_type (plan, source) : port);
  }
  return g_strdup (known ? g_checksum_get_string (sum) : "");
}

GHashTable *
medley_stage_keys_compute (GVariant *plan, GHashTable *builds, GHashTable *inputs)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GVariant) stages = list_stages (plan);

  for (gsize i = 0; i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    char *key = compute_key (plan, stage, builds, inputs, keys);

    if (key != NULL)
      g_hash_table_insert (keys, g_strdup (get_string (stage, "name")), key);
  }
  return g_steal_pointer (&keys);
}

GHashTable *
medley_stage_keys_list_inputs (GVariant *plan, GHashTable *builds)
{
  g_autoptr (GHashTable) none = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) keys = medley_stage_keys_compute (plan, builds, none);
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GVariant) stages = list_stages (plan);

  for (gsize i = 0; i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    g_autoptr (GVariant) from = g_variant_lookup_value (stage, "from", G_VARIANT_TYPE ("a(sss)"));
    const char *source;
    GVariantIter iter;

    if (!g_hash_table_contains (keys, get_string (stage, "name")))
      continue;
    g_variant_iter_init (&iter, from);
    while (g_variant_iter_next (&iter, "(&s&s&s)", NULL, &source, NULL)) {
      if (is_input (plan, source))
        g_hash_table_add (found, g_strdup (source));
    }
  }
  return found;
}

char *
medley_stage_keys_port (const char *stage_key, const char *port)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  add_part (sum, stage_key);
  add_part (sum, port);
  return g_strdup (g_checksum_get_string (sum));
}

/* ---- what is left to be done ---- */

/* Source → set of its ports that somebody reads who is needed himself. */
static void
need (GHashTable *needed, const char *source, const char *port)
{
  GHashTable *ports = g_hash_table_lookup (needed, source);

  if (ports == NULL) {
    ports = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert (needed, g_strdup (source), ports);
  }
  g_hash_table_add (ports, g_strdup (port));
}

static GHashTable *
need_outputs (GVariant *plan)
{
  GHashTable *needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                              (GDestroyNotify) g_hash_table_unref);
  g_autoptr (GVariant) outputs
      = g_variant_lookup_value (plan, "outputs", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; outputs != NULL && i < g_variant_n_children (outputs); i++) {
    g_autoptr (GVariant) output = g_variant_get_child_value (outputs, i);
    g_autoptr (GVariant) from = g_variant_lookup_value (output, "from", G_VARIANT_TYPE ("a(ss)"));
    const char *source, *port;
    GVariantIter iter;

    if (from == NULL)
      continue;
    g_variant_iter_init (&iter, from);
    while (g_variant_iter_next (&iter, "(&s&s)", &source, &port))
      need (needed, source, port);
  }
  return needed;
}

static void
need_sources (GHashTable *needed, GVariant *stage)
{
  g_autoptr (GVariant) from = g_variant_lookup_value (stage, "from", G_VARIANT_TYPE ("a(sss)"));
  const char *source, *port;
  GVariantIter iter;

  if (from == NULL)
    return;
  g_variant_iter_init (&iter, from);
  while (g_variant_iter_next (&iter, "(&s&s&s)", NULL, &source, &port))
    need (needed, source, port);
}

static char **
list_ports (GHashTable *ports)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer port;

  if (ports != NULL) {
    g_hash_table_iter_init (&iter, ports);
    while (g_hash_table_iter_next (&iter, &port, NULL))
      g_ptr_array_add (list, port);
  }
  g_ptr_array_sort (list, compare_strings);
  g_ptr_array_add (list, NULL);
  return g_strdupv ((char **) list->pdata);
}

GPtrArray *
medley_stage_keys_divide (GVariant *plan, GHashTable *keys, MedleyStageLookup lookup, gpointer data)
{
  GPtrArray *works = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_stage_work_free);
  g_autoptr (GHashTable) needed = need_outputs (plan);
  g_autoptr (GVariant) stages = list_stages (plan);

  /* Who reads a stage comes after it, so from the end all readers are known. */
  for (gsize i = g_variant_n_children (stages); i > 0; i--) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i - 1);
    const char *name = get_string (stage, "name");
    const char *key = g_hash_table_lookup (keys, name);
    MedleyStageWork *work = g_new0 (MedleyStageWork, 1);

    work->name = g_strdup (name);
    work->engine = g_strdup (get_engine (stage));
    work->key = g_strdup (key != NULL ? key : "");
    work->ports = list_ports (g_hash_table_lookup (needed, name));
    if (work->ports[0] == NULL)
      work->fate = MEDLEY_STAGE_SPARED;
    else if (work->key[0] != '\0' && lookup (name, key, (const char *const *) work->ports, data))
      work->fate = MEDLEY_STAGE_REPLAY;
    else
      work->fate = key != NULL ? MEDLEY_STAGE_RECORD : MEDLEY_STAGE_RUN;
    if (work->fate == MEDLEY_STAGE_RECORD || work->fate == MEDLEY_STAGE_RUN)
      need_sources (needed, stage);
    g_ptr_array_insert (works, 0, work);
  }
  return works;
}

static GVariant *
without_sources (GVariant *stage)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, stage);
  g_variant_dict_insert_value (&dict, "from", g_variant_new ("a(sss)", NULL));
  return g_variant_dict_end (&dict);
}

static GVariant *
rewrite_stages (GVariant *plan, GPtrArray *work, GHashTable *needed)
{
  g_autoptr (GVariant) stages = list_stages (plan);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < work->len; i++) {
    const MedleyStageWork *one = work->pdata[i];
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);

    if (one->fate == MEDLEY_STAGE_SPARED)
      continue;
    if (one->fate == MEDLEY_STAGE_REPLAY) {
      g_variant_builder_add_value (&builder, without_sources (stage));
    } else {
      need_sources (needed, stage);
      g_variant_builder_add_value (&builder, stage);
    }
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
rewrite_inputs (GVariant *plan, GHashTable *needed)
{
  g_autoptr (GVariant) inputs = g_variant_lookup_value (plan, "inputs", G_VARIANT_TYPE ("aa{sv}"));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (gsize i = 0; inputs != NULL && i < g_variant_n_children (inputs); i++) {
    g_autoptr (GVariant) input = g_variant_get_child_value (inputs, i);

    if (g_hash_table_contains (needed, get_string (input, "name")))
      g_variant_builder_add_value (&builder, input);
  }
  return g_variant_builder_end (&builder);
}

GVariant *
medley_stage_keys_rewrite (GVariant *plan, GPtrArray *work)
{
  g_autoptr (GHashTable) needed = need_outputs (plan);
  GVariantDict dict;

  g_variant_dict_init (&dict, plan);
  g_variant_dict_insert_value (&dict, "stages", rewrite_stages (plan, work, needed));
  g_variant_dict_insert_value (&dict, "inputs", rewrite_inputs (plan, needed));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
