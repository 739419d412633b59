/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/common.h"

#include <string.h>

/* Nobody makes larger pictures, whatever a pipeline allows. */
#define MAX_SIDE 65535

gint64
medley_openai_count_characters (const void *text, gsize length)
{
  const guint8 *bytes = text;
  gint64 n = 0;

  for (gsize i = 0; i < length; i++)
    n += (bytes[i] & 0xc0) != 0x80;
  return n;
}

GVariant *
medley_openai_null (void)
{
  return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
}

void
medley_openai_take_labels (MedleyOpenaiFields *fields)
{
  static const char *const labels[] = { "user", "safety_identifier", "prompt_cache_key" };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++)
    medley_openai_fields_get_string (fields, labels[i], NULL);
}

void
medley_openai_take_metadata (MedleyOpenaiFields *fields)
{
  g_autoptr (GVariant) metadata = medley_openai_fields_get (fields, "metadata");
  gboolean is_good = metadata == NULL || g_variant_is_of_type (metadata, G_VARIANT_TYPE_VARDICT);
  GVariantIter iter;
  GVariant *value;

  if (metadata != NULL && is_good) {
    g_variant_iter_init (&iter, metadata);
    while (g_variant_iter_loop (&iter, "{&sv}", NULL, &value))
      is_good = is_good && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING);
  }
  if (!is_good)
    medley_openai_fields_fail (fields, "metadata", 400, "invalid_type",
                               "\"metadata\" has to be an object of strings");
}

gsize
medley_openai_answer_limit (MedleyOpenaiCall *call)
{
  MedleyConfig *config = medley_http_get_config (medley_openai_call_get_http (call));

  return medley_config_get_number (config, "http.answer-bytes");
}

/* Size */

static gboolean
parse_size (const char *text, guint64 *width, guint64 *height)
{
  const char *x = strchr (text, 'x');
  g_autofree char *first = x != NULL ? g_strndup (text, (gsize) (x - text)) : NULL;

  return x != NULL && g_ascii_string_to_unsigned (first, 10, 1, MAX_SIDE, width, NULL)
         && g_ascii_string_to_unsigned (x + 1, 10, 1, MAX_SIDE, height, NULL);
}

static void
set_side (MedleyOpenaiCall *call, const char *field, guint64 pixels)
{
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_int64 ((gint64) pixels));
  g_autofree char *reason = NULL;
  g_autoptr (GVariant) accepted = medley_serves_accept (serves, field, value, FALSE, &reason);

  if (accepted == NULL)
    medley_openai_fields_fail (medley_openai_call_get_fields (call), "size", 400, "invalid_value",
                               "the %s of \"size\" %s", field, reason);
  else
    medley_openai_call_set_parameter (call, field, value, NULL);
}

void
medley_openai_take_size (MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  const char *size = medley_openai_fields_get_string (fields, "size", "auto");
  guint64 width;
  guint64 height;

  if (serves == NULL || g_str_equal (size, "auto"))
    return;
  if (medley_serves_get_parameter (serves, "size") != NULL) {
    medley_openai_call_take_parameter (call, "size", NULL);
  } else if (medley_serves_get_parameter (serves, "width") == NULL
             || medley_serves_get_parameter (serves, "height") == NULL) {
    medley_openai_fields_fail (fields, "size", 400, "unsupported_parameter",
                               "the model \"%s\" makes one size only: leave \"size\" out",
                               medley_openai_call_get_model (call));
  } else if (parse_size (size, &width, &height)) {
    set_side (call, "width", width);
    set_side (call, "height", height);
  } else {
    medley_openai_fields_fail (fields, "size", 400, "invalid_value",
                               "\"size\" is \"auto\", or as \"1280x720\"");
  }
}

gint64
medley_openai_take_prompt (MedleyOpenaiCall *call)
{
  MedleyOpenaiFields *fields = medley_openai_call_get_fields (call);
  const MedleyServes *serves = medley_openai_call_get_serves (call);
  const char *prompt;

  medley_openai_fields_require (fields, "prompt");
  prompt = medley_openai_fields_get_string (fields, "prompt", NULL);
  if (prompt == NULL || serves == NULL)
    return 0;
  if (*prompt == '\0') {
    medley_openai_fields_fail (fields, "prompt", 400, "invalid_value", "\"prompt\" is empty");
  } else if (medley_serves_get_input (serves, "prompt") != NULL) {
    g_autoptr (GBytes) bytes = g_bytes_new (prompt, strlen (prompt));

    medley_openai_call_add_input (call, "prompt", bytes);
  } else {
    medley_openai_call_take_parameter (call, "prompt", NULL);
  }
  return medley_openai_count_characters (prompt, strlen (prompt));
}

/* Pictures */

static guint
read_be16 (const guint8 *at)
{
  return (guint) at[0] << 8 | at[1];
}

/* From marker to marker, until that of a frame. */
static gboolean
jpeg_size (const guint8 *picture, gsize length, guint *width, guint *height)
{
  gsize at = 2;

  while (at + 9 < length && picture[at] == 0xff) {
    guint8 marker = picture[at + 1];

    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
      *height = read_be16 (picture + at + 5);
      *width = read_be16 (picture + at + 7);
      return TRUE;
    }
    at += 2 + read_be16 (picture + at + 2);
  }
  return FALSE;
}

gboolean
medley_openai_picture_size (const guint8 *picture, gsize length, guint *width, guint *height)
{
  static const guint8 png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

  if (length >= 24 && memcmp (picture, png, sizeof png) == 0) {
    *width = read_be16 (picture + 16) << 16 | read_be16 (picture + 18);
    *height = read_be16 (picture + 20) << 16 | read_be16 (picture + 22);
    return TRUE;
  }
  return length >= 2 && picture[0] == 0xff && picture[1] == 0xd8
         && jpeg_size (picture, length, width, height);
}
