/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/engine-cache.h"

#include <medley/medley-converter.h>

#include "runner/properties.h"

/* More of one kind are not worth their memory. */
#define MOST_KEPT 8

struct _MedleyEngineCache {
  GPtrArray *kept; /* of GstElement, latest last */
};

static GQuark
values_quark (void)
{
  return g_quark_from_static_string ("medley-first-values");
}

static void
drop (GstElement *element)
{
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

MedleyEngineCache *
medley_engine_cache_new (void)
{
  MedleyEngineCache *self = g_new0 (MedleyEngineCache, 1);

  self->kept = g_ptr_array_new ();
  return self;
}

void
medley_engine_cache_free (MedleyEngineCache *self)
{
  for (guint i = 0; i < self->kept->len; i++)
    drop (g_ptr_array_index (self->kept, i));
  g_ptr_array_unref (self->kept);
  g_free (self);
}

GstElement *
medley_engine_cache_take (MedleyEngineCache *self, const char *factory)
{
  GstElement *element;

  for (guint i = self->kept->len; i > 0; i--) {
    element = g_ptr_array_index (self->kept, i - 1);
    if (g_str_equal (GST_OBJECT_NAME (gst_element_get_factory (element)), factory)) {
      g_ptr_array_remove_index (self->kept, i - 1);
      medley_properties_restore (element, g_object_get_qdata (G_OBJECT (element), values_quark ()));
      return element;
    }
  }
  element = gst_element_factory_make (factory, NULL);
  if (element == NULL)
    return NULL;
  gst_object_ref_sink (element);
  if (MEDLEY_IS_CONVERTER (element))
    g_object_set_qdata_full (G_OBJECT (element), values_quark (), medley_properties_save (element),
                             (GDestroyNotify) gst_structure_free);
  return element;
}

void
medley_engine_cache_give (MedleyEngineCache *self, GstElement *element)
{
  if (!MEDLEY_IS_CONVERTER (element) || GST_STATE (element) != GST_STATE_READY) {
    drop (element);
    return;
  }
  g_ptr_array_add (self->kept, element);
  if (self->kept->len > MOST_KEPT) {
    drop (g_ptr_array_index (self->kept, 0));
    g_ptr_array_remove_index (self->kept, 0);
  }
}
