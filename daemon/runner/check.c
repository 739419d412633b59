/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/check.h"

#include "base/nearest.h"
#include "runner/fault.h"
#include "runner/graph-properties.h"
#include "runner/graph.h"

static void
ignore_event (const char *kind, GVariant *details, gpointer data)
{
}

static gboolean
is_present (const char *factory)
{
  GstElementFactory *found = gst_element_factory_find (factory);

  if (found == NULL)
    return FALSE;
  gst_object_unref (found);
  return TRUE;
}

static char *
nearest_element (const char *name)
{
  GList *features = gst_registry_get_feature_list (gst_registry_get (), GST_TYPE_ELEMENT_FACTORY);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  char *nearest;

  for (GList *l = features; l != NULL; l = l->next)
    g_ptr_array_add (names, GST_OBJECT_NAME (l->data));
  g_ptr_array_add (names, NULL);
  nearest = g_strdup (medley_nearest (name, (const char *const *) names->pdata));
  gst_plugin_feature_list_free (features);
  return nearest;
}

/* The first engine of a stage that is present; none is a fault. */
static guint
choose (const MedleyPlanStage *stage, GPtrArray *faults)
{
  guint n = g_strv_length (stage->candidates);
  g_autofree char *suggestion = NULL;
  g_autofree char *message = NULL;
  g_autofree char *names = NULL;
  gboolean task = stage->task != NULL;

  for (guint i = 0; i < n; i++)
    if (is_present (stage->candidates[i]))
      return i;
  suggestion = n > 0 ? nearest_element (stage->candidates[0]) : NULL;
  names = g_strjoinv ("\", \"", stage->candidates);
  message = g_strdup_printf ("there is no %s \"%s\"%s%s%s", task ? "engine" : "element", names,
                             suggestion != NULL ? "; did you mean \"" : "",
                             suggestion != NULL ? suggestion : "", suggestion != NULL ? "\"?" : "");
  medley_run_faults_add (faults, task ? "unknown-engine" : "unknown-element", stage->name,
                         stage->file, stage->pointer, task ? "/engine" : "/element", suggestion,
                         message);
  return n;
}

/* The other engines of a list have to take the same properties: one may have to step in. */
static void
check_others (const MedleyPlanStage *stage, guint chosen, MedleyEngineCache *cache,
              GPtrArray *faults)
{
  for (guint i = chosen + 1; i < g_strv_length (stage->candidates); i++) {
    GstElement *element;

    if (!is_present (stage->candidates[i]))
      continue;
    element = medley_engine_cache_take (cache, stage->candidates[i]);
    if (element == NULL)
      continue;
    medley_graph_set_properties (stage, stage->candidates[i], element, faults);
    medley_engine_cache_give (cache, element);
  }
}

GVariant *
medley_check_plan (const MedleyRunPlan *plan, MedleyEngineCache *cache)
{
  g_autoptr (GPtrArray) faults = medley_run_faults_new ();
  g_autoptr (MedleyMonitor) monitor = medley_monitor_new (ignore_event, NULL);
  g_autofree guint *choice = g_new0 (guint, plan->stages->len + 1);

  for (guint i = 0; i < plan->stages->len; i++) {
    const MedleyPlanStage *stage = g_ptr_array_index (plan->stages, i);

    choice[i] = choose (stage, faults);
    check_others (stage, choice[i], cache, faults);
  }
  medley_graph_free (medley_graph_new (plan, NULL, NULL, NULL, choice, cache, monitor, faults),
                     TRUE);
  return medley_run_faults_to_variant (faults);
}
