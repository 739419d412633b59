/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/flow.h"

#include <string.h>

void
medley_flow_clear (MedleyFlow *flow)
{
  gst_clear_caps (&flow->caps);
}

gboolean
medley_caps_have (const GstCaps *caps, const char *name)
{
  gboolean prefix = g_str_has_suffix (name, "/");

  for (guint i = 0; caps != NULL && i < gst_caps_get_size (caps); i++) {
    const char *found = gst_structure_get_name (gst_caps_get_structure (caps, i));

    if (prefix ? g_str_has_prefix (found, name) : g_str_equal (found, name))
      return TRUE;
  }
  return FALSE;
}

char *
medley_caps_to_text (const GstCaps *caps)
{
  GString *text = g_string_new (NULL);

  if (caps == NULL || gst_caps_is_any (caps))
    return g_string_free (g_string_append (text, "anything"), FALSE);
  if (gst_caps_is_empty (caps))
    return g_string_free (g_string_append (text, "nothing"), FALSE);
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const char *name = gst_structure_get_name (gst_caps_get_structure (caps, i));

    if (strstr (text->str, name) == NULL)
      g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", name);
  }
  return g_string_free (text, FALSE);
}

/* What the first bytes of a file may tell: bare samples tell nothing. */
static GstCaps *
caps_of_modality (MedleyModality modality)
{
  GstCaps *caps = gst_caps_new_empty ();
  guint n;
  const MedleyMediaType *types = medley_media_list (&n);

  for (guint i = 0; i < n; i++)
    if (types[i].modality == modality && !g_str_has_prefix (types[i].caps, "audio/x-raw"))
      gst_caps_append (caps, gst_caps_from_string (types[i].caps));
  return caps;
}

void
medley_flow_set_type (MedleyFlow *flow, const char *media_type)
{
  const MedleyMediaType *type = medley_media_lookup (media_type);

  flow->modality = medley_media_modality (media_type);
  if (type != NULL)
    flow->caps = gst_caps_from_string (type->caps);
  else if (medley_media_is_wildcard (media_type))
    flow->caps = caps_of_modality (flow->modality);
  flow->coded = (flow->modality == MEDLEY_MODALITY_AUDIO || flow->modality == MEDLEY_MODALITY_VIDEO
                 || flow->modality == MEDLEY_MODALITY_IMAGE)
                && (type == NULL || !medley_caps_have (flow->caps, "audio/x-raw"));
}

static gboolean
is_subtitles (const GstCaps *caps)
{
  return medley_caps_have (caps, "application/x-subtitle")
         || medley_caps_have (caps, "application/x-subtitle-vtt");
}

void
medley_flow_set_caps (MedleyFlow *flow, GstCaps *caps)
{
  flow->caps = caps;
  flow->coded = FALSE;
  if (gst_caps_is_any (caps)) {
    gst_clear_caps (&flow->caps);
    flow->modality = MEDLEY_MODALITY_DATA;
  } else if (medley_caps_have (caps, "audio/x-raw")) {
    flow->modality = MEDLEY_MODALITY_AUDIO;
  } else if (medley_caps_have (caps, "video/x-raw")) {
    flow->modality = MEDLEY_MODALITY_VIDEO;
  } else if (medley_caps_have (caps, "text/") || is_subtitles (caps)) {
    flow->modality = MEDLEY_MODALITY_TEXT;
  } else if (medley_caps_have (caps, "image/")) {
    flow->modality = MEDLEY_MODALITY_IMAGE;
    flow->coded = TRUE;
  } else if (medley_caps_have (caps, "video/")) {
    flow->modality = MEDLEY_MODALITY_VIDEO;
    flow->coded = TRUE;
  } else if (medley_caps_have (caps, "audio/")) {
    flow->modality = MEDLEY_MODALITY_AUDIO;
    flow->coded = TRUE;
  } else {
    flow->modality = MEDLEY_MODALITY_DATA;
  }
}

static MedleyLinkKind
decide_coded (const MedleyFlow *flow, GstCaps *sink)
{
  gboolean raw_video = medley_caps_have (sink, "video/x-raw");

  if (flow->modality == MEDLEY_MODALITY_IMAGE) {
    if (medley_caps_have (sink, "image/"))
      return MEDLEY_LINK_IMAGE;
    return raw_video ? MEDLEY_LINK_DECODE_VIDEO : MEDLEY_LINK_NONE;
  }
  if (flow->caps != NULL && gst_caps_can_intersect (flow->caps, sink))
    return MEDLEY_LINK_DIRECT;
  if (medley_caps_have (sink, "audio/x-raw"))
    return MEDLEY_LINK_DECODE_AUDIO;
  if (raw_video && flow->modality == MEDLEY_MODALITY_VIDEO)
    return MEDLEY_LINK_DECODE_VIDEO;
  return MEDLEY_LINK_NONE;
}

MedleyLinkKind
medley_flow_decide (const MedleyFlow *flow, GstCaps *sink)
{
  if (gst_caps_is_any (sink))
    return MEDLEY_LINK_DIRECT;
  if (flow->coded)
    return decide_coded (flow, sink);
  if (flow->caps == NULL)
    return MEDLEY_LINK_DIRECT;
  if (medley_caps_have (flow->caps, "audio/x-raw") && medley_caps_have (sink, "audio/x-raw"))
    return MEDLEY_LINK_AUDIO;
  if (medley_caps_have (flow->caps, "video/x-raw") && medley_caps_have (sink, "video/x-raw"))
    return MEDLEY_LINK_VIDEO;
  if (gst_caps_can_intersect (flow->caps, sink))
    return MEDLEY_LINK_DIRECT;
  return is_subtitles (flow->caps) && medley_caps_have (sink, "text/x-raw") ? MEDLEY_LINK_SUBTITLES
                                                                            : MEDLEY_LINK_NONE;
}
