/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-caption.h>

#include <string.h>

#define META_NAME "MedleyWordsMeta"
#define FIELD "words"

/* Offsets are into the whole text: a part of it does not take them along. */
static gboolean
words_transform (GstBuffer *target, GstCustomMeta *meta, GstBuffer *source, GQuark type,
                 gpointer data, gpointer user_data)
{
  GstMetaTransformCopy *copy = data;
  GstCustomMeta *made;

  if (!GST_META_TRANSFORM_IS_COPY (type) || copy->region)
    return FALSE;
  made = gst_buffer_add_custom_meta (target, META_NAME);
  gst_structure_set_value (gst_custom_meta_get_structure (made), FIELD,
                           gst_structure_get_value (gst_custom_meta_get_structure (meta), FIELD));
  return TRUE;
}

static void
ensure_registered (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    static const char *tags[] = { NULL };

    gst_meta_register_custom (META_NAME, tags, words_transform, NULL, NULL);
    g_once_init_leave (&once, 1);
  }
}

GstBuffer *
medley_caption_new (const char *text, GstClockTime pts, GstClockTime duration,
                    const MedleyWord *words, guint n_words)
{
  GstBuffer *buffer;

  g_return_val_if_fail (text != NULL, NULL);

  buffer = gst_buffer_new_memdup (text, strlen (text));
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  if (words != NULL && n_words > 0) {
    g_autoptr (GBytes) bytes = g_bytes_new (words, n_words * sizeof *words);
    GstCustomMeta *meta;

    ensure_registered ();
    meta = gst_buffer_add_custom_meta (buffer, META_NAME);
    gst_structure_set (gst_custom_meta_get_structure (meta), FIELD, G_TYPE_BYTES, bytes, NULL);
  }
  return buffer;
}

GArray *
medley_caption_get_words (GstBuffer *caption)
{
  g_autoptr (GBytes) bytes = NULL;
  GArray *words = g_array_new (FALSE, FALSE, sizeof (MedleyWord));
  GstCustomMeta *meta;
  gconstpointer data;
  gsize size;

  g_return_val_if_fail (GST_IS_BUFFER (caption), words);

  ensure_registered ();
  meta = gst_buffer_get_custom_meta (caption, META_NAME);
  if (meta != NULL
      && gst_structure_get (gst_custom_meta_get_structure (meta), FIELD, G_TYPE_BYTES, &bytes,
                            NULL)) {
    data = g_bytes_get_data (bytes, &size);
    g_array_append_vals (words, data, (guint) (size / sizeof (MedleyWord)));
  }
  return words;
}
