/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/media.h"

#include <string.h>

/* clang-format off */
/* The first row of an extension wins: ".ogg" means audio. */
static const MedleyMediaType table[] = {
  { "text/plain", MEDLEY_MODALITY_TEXT, "txt text", "text/x-raw,format=utf8", NULL, NULL, TRUE },
  { "text/vtt", MEDLEY_MODALITY_TEXT, "vtt", "application/x-subtitle-vtt", NULL, NULL, TRUE },
  { "application/x-ndjson", MEDLEY_MODALITY_TEXT, "ndjson jsonl", "application/x-ndjson", NULL, NULL, TRUE },
  { "text/markdown", MEDLEY_MODALITY_TEXT, "md markdown", "text/x-raw,format=utf8", NULL, NULL, TRUE },
  { "application/x-subrip", MEDLEY_MODALITY_TEXT, "srt", "application/x-subtitle", NULL, NULL, FALSE },
  { "application/ssml+xml", MEDLEY_MODALITY_TEXT, "ssml", "text/x-raw,format=utf8", NULL, NULL, FALSE },
  { "application/json", MEDLEY_MODALITY_DATA, "json", "application/json", NULL, NULL, TRUE },
  { "audio/ogg", MEDLEY_MODALITY_AUDIO, "ogg opus oga", "application/ogg", "audio/x-opus", NULL, TRUE },
  { "audio/flac", MEDLEY_MODALITY_AUDIO, "flac", "audio/x-flac", "audio/x-flac", NULL, TRUE },
  { "audio/wav", MEDLEY_MODALITY_AUDIO, "wav", "audio/x-wav", "audio/x-raw,format=S16LE", NULL, TRUE },
  { "audio/mpeg", MEDLEY_MODALITY_AUDIO, "mp3", "audio/mpeg,mpegversion=1,layer=3", "audio/mpeg,mpegversion=1,layer=3", NULL, TRUE },
  { "audio/pcm", MEDLEY_MODALITY_AUDIO, "pcm raw s16", "audio/x-raw,format=S16LE,layout=interleaved", "audio/x-raw,format=S16LE,layout=interleaved", NULL, TRUE },
  { "video/webm", MEDLEY_MODALITY_VIDEO, "webm", "video/webm", "audio/x-opus", "video/x-vp8", TRUE },
  { "video/mp4", MEDLEY_MODALITY_VIDEO, "mp4 m4v", "video/quicktime,variant=iso", "audio/mpeg,mpegversion=4", "video/x-h264", TRUE },
  { "image/png", MEDLEY_MODALITY_IMAGE, "png", "image/png", NULL, "image/png", TRUE },
  { "image/jpeg", MEDLEY_MODALITY_IMAGE, "jpg jpeg", "image/jpeg", NULL, "image/jpeg", TRUE },
  { "image/tiff", MEDLEY_MODALITY_IMAGE, "tif tiff", "image/tiff", NULL, NULL, FALSE },
  { "image/webp", MEDLEY_MODALITY_IMAGE, "webp", "image/webp", NULL, NULL, FALSE },
  { "image/bmp", MEDLEY_MODALITY_IMAGE, "bmp", "image/bmp", NULL, NULL, FALSE },
  { "image/gif", MEDLEY_MODALITY_IMAGE, "gif", "image/gif", NULL, NULL, FALSE },
  { "image/x-portable-anymap", MEDLEY_MODALITY_IMAGE, "pnm ppm pgm pbm", "image/x-portable-anymap", NULL, NULL, FALSE },
  { "model/gltf-binary", MEDLEY_MODALITY_MODEL3D, "glb", "model/gltf-binary", NULL, NULL, TRUE },
  { "application/octet-stream", MEDLEY_MODALITY_DATA, "bin", "application/octet-stream", NULL, NULL, FALSE },
};
/* clang-format on */

const MedleyMediaType *
medley_media_lookup (const char *name)
{
  gsize length = strcspn (name, "; \t");

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    if (strlen (table[i].name) == length && g_ascii_strncasecmp (table[i].name, name, length) == 0)
      return &table[i];
  }
  return NULL;
}

const MedleyMediaType *
medley_media_for_file_name (const char *file_name)
{
  const char *dot = strrchr (file_name, '.');

  if (dot == NULL || strchr (dot, '/') != NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    g_auto (GStrv) extensions = g_strsplit (table[i].extensions, " ", -1);

    for (guint j = 0; extensions[j] != NULL; j++) {
      if (g_ascii_strcasecmp (extensions[j], dot + 1) == 0)
        return &table[i];
    }
  }
  return NULL;
}

gboolean
medley_media_is_wildcard (const char *name)
{
  return g_str_equal (name, "image/*") || g_str_equal (name, "audio/*")
         || g_str_equal (name, "video/*");
}

MedleyModality
medley_media_modality (const char *name)
{
  static const char *const prefixes[] = { "text/", "image/", "audio/", "video/", "model/" };
  const MedleyMediaType *type = medley_media_lookup (name);

  if (type != NULL)
    return type->modality;
  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++) {
    if (g_str_has_prefix (name, prefixes[i]))
      return (MedleyModality) i;
  }
  return MEDLEY_MODALITY_DATA;
}

const MedleyMediaType *
medley_media_list (guint *n_types)
{
  *n_types = G_N_ELEMENTS (table);
  return table;
}

const char *
medley_modality_to_string (MedleyModality modality)
{
  static const char *const names[] = { "text", "image", "audio", "video", "model3d", "data" };

  return names[modality];
}
