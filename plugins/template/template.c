/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * medleytemplate: writes text in capital letters, and is the engine to copy (see README.md).
 *
 *   gst-launch-1.0 filesrc location=a.txt ! medleytemplate keep=NaCl,pH ! filesink location=b.txt
 *
 * Properties: keep (string: words that stay as they are, separated by commas; set it in NULL).
 *
 * In small what a real engine does: it loads something once (the words), holds back what it cannot
 * work on yet (a word that may go on), and pushes results while it is still being fed.
 */
#include <medley/medley.h>
#include <string.h>

#define PACKAGE "medley-template" /* GST_PLUGIN_DEFINE wants it */
#define LONGEST_WORD 256          /* what is held back must not grow with the input */

#define MEDLEY_TYPE_TEMPLATE (medley_template_get_type ())
G_DECLARE_FINAL_TYPE (MedleyTemplate, medley_template, MEDLEY, TEMPLATE, MedleyConverter)

struct _MedleyTemplate {
  MedleyConverter parent_instance;

  char *keep;        /* the property; set before the element opens, so it needs no lock */
  GHashTable *words; /* "the model": lives from open to close, over many jobs */
  GString *pending;  /* the job's state: lives from start to stop; streaming thread only */
};

G_DEFINE_FINAL_TYPE (MedleyTemplate, medley_template, MEDLEY_TYPE_CONVERTER)

enum { PROP_KEEP = 1 };

/*
 * Fixed caps on the source pad: the base then sends them by itself. The sink says "text" and
 * nothing narrower: a file's text comes without caps in plain gst-launch-1.0.
 */
#define TEXT_CAPS "text/x-raw, format=(string)utf8"

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));

/*
 * open: load the model. It may take seconds and may block, but must look at the cancellable. What
 * can go wrong gets the code that fits (medley-error.h): it travels up to the shell's exit status.
 */
static gboolean
medley_template_open (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleyTemplate *self = MEDLEY_TEMPLATE (converter);
  g_auto (GStrv) words = g_strsplit (self->keep ? self->keep : "", ",", -1);

  self->words = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; words[i] != NULL; i++) {
    if (strpbrk (words[i], " \t\n") != NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
                   "keep: \"%s\" is more than one word, separate words by commas", words[i]);
      g_clear_pointer (&self->words, g_hash_table_unref);
      return FALSE;
    }
    g_hash_table_add (self->words, g_strdup (words[i]));
  }
  return TRUE;
}

static void
medley_template_close (MedleyConverter *converter)
{
  g_clear_pointer (&MEDLEY_TEMPLATE (converter)->words, g_hash_table_unref);
}

/* stop and flush: forget the job, keep the model. The next job must find nothing of this one. */
static void
medley_template_forget (MedleyConverter *converter)
{
  g_string_truncate (MEDLEY_TEMPLATE (converter)->pending, 0);
}

/* The engine's own work, apart from all the rest: an algorithm of any size deserves its own file.
 */
static void
convert_word (MedleyTemplate *self, const char *word, gsize length, GString *out)
{
  g_autofree char *copy = g_strndup (word, length);
  g_autofree char *capitals = NULL;

  if (g_hash_table_contains (self->words, copy)) {
    g_string_append (out, copy);
    return;
  }
  capitals = g_utf8_strup (copy, -1);
  g_string_append (out, capitals);
}

/* Works off the first @length bytes of what is pending and pushes the result. */
static gboolean
deliver (MedleyTemplate *self, gsize length)
{
  GString *out = g_string_sized_new (length);
  const char *text = self->pending->str, *end = text + length;

  while (text < end) {
    gsize word = strcspn (text, " \t\r\n");

    word = MIN (word, (gsize) (end - text));
    convert_word (self, text, word, out);
    text += word;
    if (text < end)
      g_string_append_c (out, *text++);
  }
  g_string_erase (self->pending, 0, (gssize) length);
  if (out->len == 0) {
    g_string_free (out, TRUE);
    return TRUE;
  }
  /*
   * FALSE means "stop now": a flush, an error downstream, or nobody takes more. It is passed on
   * without setting an error, the base knows which it was. Text from a file has no time, so no PTS
   * is set.
   */
  return medley_converter_push (MEDLEY_CONVERTER (self), NULL,
                                gst_buffer_new_wrapped_bytes (g_string_free_to_bytes (out)));
}

/*
 * process: one piece of input. With text_input set it is valid UTF-8 in whole characters without
 * NUL; a word may still be cut at its end, so that is kept. Push as early as you can: whoever
 * listens hears the first sentence while the last is still being written. Long work belongs in
 * steps that look at the cancellable; one piece of text is short enough.
 */
static gboolean
medley_template_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                         GError **error)
{
  MedleyTemplate *self = MEDLEY_TEMPLATE (converter);
  GstMapInfo map;
  gsize length;

  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "the input cannot be read");
    return FALSE;
  }
  g_string_append_len (self->pending, (const char *) map.data, (gssize) map.size);
  gst_buffer_unmap (input, &map);

  length = self->pending->len;
  while (length > 0 && strchr (" \t\r\n", self->pending->str[length - 1]) == NULL)
    length--;
  if (length == 0 && self->pending->len > LONGEST_WORD)
    length = self->pending->len;
  return length == 0 || deliver (self, length);
}

/* drain: the input has ended, so what was held back is complete. idle: it paused, the same holds.
 */
static gboolean
medley_template_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleyTemplate *self = MEDLEY_TEMPLATE (converter);

  return deliver (self, self->pending->len);
}

static void
medley_template_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MedleyTemplate *self = MEDLEY_TEMPLATE (object);

  if (id == PROP_KEEP) {
    g_free (self->keep);
    self->keep = g_value_dup_string (value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
medley_template_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_KEEP)
    g_value_set_string (value, MEDLEY_TEMPLATE (object)->keep);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
medley_template_finalize (GObject *object)
{
  MedleyTemplate *self = MEDLEY_TEMPLATE (object);

  g_free (self->keep);
  g_string_free (self->pending, TRUE);
  G_OBJECT_CLASS (medley_template_parent_class)->finalize (object);
}

static void
medley_template_init (MedleyTemplate *self)
{
  self->pending = g_string_new (NULL);
}

static void
medley_template_class_init (MedleyTemplateClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  object_class->set_property = medley_template_set_property;
  object_class->get_property = medley_template_get_property;
  object_class->finalize = medley_template_finalize;

  g_object_class_install_property (
      object_class, PROP_KEEP,
      g_param_spec_string ("keep", "Words to keep",
                           "Words that stay as they are, separated by commas", NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Capital letters", "Converter/Text",
                                         "Writes text in capital letters", "The Medley authors");
  /* This makes an element an engine: the daemon reads it from the registry and never loads the
   * plugin. */
  medley_engine_declare (element_class, "text-to-text/upper-case", 10, MEDLEY_ENGINE_DETERMINISTIC,
                         "cpu");

  converter_class->text_input = TRUE;
  converter_class->open = medley_template_open;
  converter_class->close = medley_template_close;
  converter_class->stop = medley_template_forget;
  converter_class->process = medley_template_process;
  converter_class->idle = medley_template_drain;
  converter_class->drain = medley_template_drain;
  converter_class->flush = medley_template_forget;
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "medleytemplate", GST_RANK_NONE, MEDLEY_TYPE_TEMPLATE);
}

/* The name has to match the file's: libgst*medleytemplate*.so. Say GPL where a GPL library is
 * linked. */
GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleytemplate,
                   "The engine to copy: capital letters", plugin_init, "0.1.0", "LGPL", PACKAGE,
                   "https://gstreamer.freedesktop.org")
