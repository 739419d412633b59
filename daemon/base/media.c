/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/media.h"

#include <medley/medley-error.h>
#include <stdlib.h>
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
  { "audio/aac", MEDLEY_MODALITY_AUDIO, "aac", "audio/mpeg,mpegversion=4,stream-format=adts", "audio/mpeg,mpegversion=4,stream-format=adts", NULL, TRUE },
  { "audio/mp4", MEDLEY_MODALITY_AUDIO, "m4a", "video/quicktime,variant=iso", "audio/mpeg,mpegversion=4", NULL, TRUE },
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

/* What bare samples may be asked for with. */
static const struct {
  const char *name;
  guint minimum;
  guint maximum;
} parameters[] = { { "rate", 8000, 192000 }, { "channels", 1, 8 } };

static gboolean
take_parameter (char *text, guint *values)
{
  char *equals = strchr (text, '=');
  guint64 value;

  if (equals == NULL)
    return FALSE;
  *equals = '\0';
  g_strchomp (text);
  for (guint i = 0; i < G_N_ELEMENTS (parameters); i++) {
    if (g_ascii_strcasecmp (text, parameters[i].name) != 0)
      continue;
    if (values[i] != 0
        || !g_ascii_string_to_unsigned (g_strchug (equals + 1), 10, parameters[i].minimum,
                                        parameters[i].maximum, &value, NULL))
      return FALSE;
    values[i] = (guint) value;
    return TRUE;
  }
  return FALSE;
}

char *
medley_media_normalize (const char *name, GError **error)
{
  const MedleyMediaType *type = medley_media_lookup (name);
  g_autoptr (GString) text = NULL;
  g_auto (GStrv) parts = NULL;
  guint values[G_N_ELEMENTS (parameters)] = { 0 };

  if (type == NULL || !type->writable) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "\"%.64s\" is no media type that can be written", name);
    return NULL;
  }
  text = g_string_new (type->name);
  if (!g_str_equal (type->name, "audio/pcm"))
    return g_string_free (g_steal_pointer (&text), FALSE);
  parts = g_strsplit (name, ";", -1);
  for (guint i = 1; parts[i] != NULL; i++) {
    if (!take_parameter (g_strstrip (parts[i]), values)) {
      g_set_error (
          error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
          "audio/pcm takes \"rate\" (8000 to 192000) and \"channels\" (1 to 8), each once");
      return NULL;
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (parameters); i++) {
    if (values[i] != 0)
      g_string_append_printf (text, ";%s=%u", parameters[i].name, values[i]);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

guint
medley_media_get_parameter (const char *name, const char *parameter)
{
  g_autofree char *key = g_strconcat (";", parameter, "=", NULL);
  const char *found = strstr (name, key);

  return found != NULL ? (guint) strtoul (found + strlen (key), NULL, 10) : 0;
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
