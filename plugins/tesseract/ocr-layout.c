/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ocr-layout.h"

#include <json-glib/json-glib.h>

static void
add_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_word (JsonBuilder *builder, const OcrWord *word)
{
  json_builder_begin_object (builder);
  add_string (builder, "text", word->text);
  json_builder_set_member_name (builder, "box");
  json_builder_begin_array (builder);
  json_builder_add_int_value (builder, word->x);
  json_builder_add_int_value (builder, word->y);
  json_builder_add_int_value (builder, word->width);
  json_builder_add_int_value (builder, word->height);
  json_builder_end_array (builder);
  add_int (builder, "confidence", word->confidence);
  add_int (builder, "line", word->line);
  add_int (builder, "paragraph", word->paragraph);
  add_int (builder, "block", word->block);
  json_builder_end_object (builder);
}

char *
ocr_layout_to_json (OcrCore *core, guint page, int width, int height, gsize *length)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (GArray) words = ocr_core_list_words (core);
  GString *json = g_string_new (NULL);

  json_builder_begin_object (builder);
  add_int (builder, "page", page);
  add_int (builder, "width", width);
  add_int (builder, "height", height);
  add_int (builder, "resolution", ocr_core_get_resolution (core));
  add_string (builder, "language", ocr_core_get_language (core));
  json_builder_set_member_name (builder, "words");
  json_builder_begin_array (builder);
  for (guint i = 0; i < words->len; i++)
    add_word (builder, &g_array_index (words, OcrWord, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_to_gstring (generator, json);
  g_string_append_c (json, '\n');
  *length = json->len;
  return g_string_free (json, FALSE);
}
