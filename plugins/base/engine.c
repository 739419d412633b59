/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-engine.h>

#define VOICES_QUERY "medley-voices"
#define VOICES_FIELD "voices"
#define IDLE_EVENT "medley-idle"

static char *
flags_to_string (MedleyEngineFlags flags)
{
  static const struct {
    MedleyEngineFlags flag;
    const char *name;
  } names[] = {
    { MEDLEY_ENGINE_NETWORK, "network" },
    { MEDLEY_ENGINE_NO_FORK, "no-fork" },
    { MEDLEY_ENGINE_DETERMINISTIC, "deterministic" },
  };
  GString *string = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (flags & names[i].flag)
      g_string_append_printf (string, "%s%s", string->len > 0 ? "," : "", names[i].name);
  return g_string_free (string, FALSE);
}

void
medley_engine_declare (GstElementClass *klass, const char *tasks, guint cost,
                       MedleyEngineFlags flags, const char *concurrency_class)
{
  g_autofree char *cost_string = g_strdup_printf ("%u", cost);
  g_autofree char *flags_string = flags_to_string (flags);

  g_return_if_fail (GST_IS_ELEMENT_CLASS (klass));
  g_return_if_fail (tasks != NULL && *tasks != '\0');
  g_return_if_fail (cost <= 1000000);
  g_return_if_fail (concurrency_class != NULL && *concurrency_class != '\0');

  gst_element_class_add_metadata (klass, MEDLEY_METADATA_TASKS, tasks);
  gst_element_class_add_metadata (klass, MEDLEY_METADATA_COST, cost_string);
  gst_element_class_add_metadata (klass, MEDLEY_METADATA_CLASS, concurrency_class);
  if (*flags_string != '\0')
    gst_element_class_add_metadata (klass, MEDLEY_METADATA_FLAGS, flags_string);
}

GstQuery *
medley_query_new_voices (void)
{
  GstStructure *structure = gst_structure_new_empty (VOICES_QUERY);
  GValue list = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_LIST);
  gst_structure_take_value (structure, VOICES_FIELD, &list);
  return gst_query_new_custom (GST_QUERY_CUSTOM, structure);
}

gboolean
medley_query_is_voices (GstQuery *query)
{
  const GstStructure *structure;

  g_return_val_if_fail (GST_IS_QUERY (query), FALSE);

  structure = gst_query_get_structure (query);
  return GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM && structure != NULL
         && gst_structure_has_name (structure, VOICES_QUERY);
}

const GValue *
medley_query_get_voices (GstQuery *query)
{
  g_return_val_if_fail (medley_query_is_voices (query), NULL);

  return gst_structure_get_value (gst_query_get_structure (query), VOICES_FIELD);
}

void
medley_voices_append (GValue *voices, const char *name, const char *language, const char *gender,
                      const char *description)
{
  GValue item = G_VALUE_INIT;

  g_return_if_fail (GST_VALUE_HOLDS_LIST (voices));
  g_return_if_fail (name != NULL);

  g_value_init (&item, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&item,
                      gst_structure_new ("voice", "name", G_TYPE_STRING, name, "language",
                                         G_TYPE_STRING, language ? language : "", "gender",
                                         G_TYPE_STRING, gender ? gender : "", "description",
                                         G_TYPE_STRING, description ? description : "", NULL));
  gst_value_list_append_and_take_value (voices, &item);
}

GstEvent *
medley_event_new_idle (void)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty (IDLE_EVENT));
}

gboolean
medley_event_is_idle (GstEvent *event)
{
  g_return_val_if_fail (GST_IS_EVENT (event), FALSE);

  return GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM
         && gst_event_has_name (event, IDLE_EVENT);
}
