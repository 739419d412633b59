/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeembedder: the meaning of a text as a vector of length 1, which holds how often words come
 * whose hash says so: texts of the same words are equal, of other words mostly orthogonal.
 *
 * The input is a text, or JSON: an array of texts. A buffer of src is the vector of one text, a
 * JSON array of numbers. Property: dimensions (1 to 4,096; 16).
 */
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "fake-collector.h"
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeEmbedder, fake_embedder, FAKE, EMBEDDER, FakeCollector)

struct _FakeEmbedder {
  FakeCollector parent_instance;

  guint dimensions; /* set in READY or below */
};

G_DEFINE_FINAL_TYPE (FakeEmbedder, fake_embedder, FAKE_TYPE_COLLECTOR)
GST_ELEMENT_REGISTER_DEFINE (fakeembedder, "fakeembedder", GST_RANK_NONE, fake_embedder_get_type ())

enum { PROP_DIMENSIONS = 1 };

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (FAKE_TEXT_CAPS "; application/json"));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS ("application/json"));

static gboolean
push_vector (FakeEmbedder *self, const char *text)
{
  g_autofree double *vector = g_new0 (double, self->dimensions);
  g_autofree char *lower = g_utf8_strdown (text, -1);
  g_auto (GStrv) words = g_strsplit_set (lower, " \t\r\n.,;:!?", -1);
  GString *json = g_string_new ("[");
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  double squares = 0;

  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      vector[fake_hash (words[i], strlen (words[i])) % self->dimensions] += 1;
  for (guint i = 0; i < self->dimensions; i++)
    squares += vector[i] * vector[i];
  for (guint i = 0; i < self->dimensions; i++) {
    g_ascii_formatd (number, sizeof number, "%.9g", squares > 0 ? vector[i] / sqrt (squares) : 0);
    g_string_append_printf (json, "%s%s", i > 0 ? "," : "", number);
  }
  g_string_append_c (json, ']');
  return medley_converter_push (MEDLEY_CONVERTER (self), NULL,
                                gst_buffer_new_wrapped_bytes (g_string_free_to_bytes (json)));
}

static gboolean
push_vectors (FakeEmbedder *self, const char *json, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *texts;

  if (!json_parser_load_from_data (parser, json, -1, NULL)
      || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT, "this is no array of texts");
    return FALSE;
  }
  texts = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (texts); i++)
    if (!push_vector (self, json_array_get_string_element (texts, i)))
      return FALSE;
  return TRUE;
}

static gboolean
fake_embedder_answer (FakeCollector *collector, const char *text, GCancellable *cancellable,
                      GError **error)
{
  FakeEmbedder *self = FAKE_EMBEDDER (collector);
  g_autoptr (GstPad) sink = gst_element_get_static_pad (GST_ELEMENT (self), "sink");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (sink);

  if (caps != NULL && gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/json"))
    return push_vectors (self, text, error);
  return push_vector (self, text);
}

static void
fake_embedder_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_DIMENSIONS)
    FAKE_EMBEDDER (object)->dimensions = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_embedder_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_DIMENSIONS)
    g_value_set_uint (value, FAKE_EMBEDDER (object)->dimensions);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
fake_embedder_init (FakeEmbedder *self)
{
  self->dimensions = 16;
}

static void
fake_embedder_class_init (FakeEmbedderClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = fake_embedder_set_property;
  object_class->get_property = fake_embedder_get_property;
  g_object_class_install_property (object_class, PROP_DIMENSIONS,
                                   g_param_spec_uint ("dimensions", "Dimensions",
                                                      "Numbers of a vector", 1, 4096, 16,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                          | GST_PARAM_MUTABLE_READY));
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Counting words", "Converter/Text/Test",
                                         "Makes a vector of a text's words", "The Medley authors");
  medley_engine_declare (element_class, "text-to-data/embedding", 100000, MEDLEY_ENGINE_NONE,
                         "cpu");
  FAKE_COLLECTOR_CLASS (klass)->answer = fake_embedder_answer;
}
