/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <string.h>

#define TEXT_CAPS "text/x-raw, format=(string)utf8"

typedef struct {
  MedleyConverterClass parent_class;
} ProbeClass;

GType
probe_get_type (void);
G_DEFINE_TYPE (Probe, probe, MEDLEY_TYPE_CONVERTER)

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));
static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (TEXT_CAPS));
static GstStaticPadTemplate extra_template = GST_STATIC_PAD_TEMPLATE (
    "extra", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (
        "audio/x-raw, format=S16LE, layout=interleaved, channels=1, rate=[8000, 48000]"));

/* Notes a call; the vfuncs may never overlap. */
static void
enter (MedleyConverter *converter, char call)
{
  Probe *self = (Probe *) converter;

  g_mutex_lock (&self->lock);
  g_string_append_c (self->calls, call);
  self->overlapped = self->overlapped || self->inside;
  self->inside = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

static void
leave (MedleyConverter *converter)
{
  Probe *self = (Probe *) converter;

  g_mutex_lock (&self->lock);
  self->inside = FALSE;
  g_mutex_unlock (&self->lock);
}

static gboolean
probe_open (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  gboolean fail = ((Probe *) converter)->fail_open;

  enter (converter, 'o');
  if (fail)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "no model");
  leave (converter);
  return !fail;
}

static void
probe_close (MedleyConverter *converter)
{
  enter (converter, 'c');
  leave (converter);
}

static gboolean
probe_start (MedleyConverter *converter, GError **error)
{
  gboolean fail = ((Probe *) converter)->fail_start;

  enter (converter, 's');
  if (fail)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_VOICE, "no voice");
  leave (converter);
  return !fail;
}

static void
probe_stop (MedleyConverter *converter)
{
  enter (converter, 't');
  leave (converter);
}

static gboolean
probe_input_caps (MedleyConverter *converter, GstCaps *caps, GError **error)
{
  enter (converter, 'n');
  leave (converter);
  return TRUE;
}

static gboolean
block (Probe *self, GCancellable *cancellable, GError **error)
{
  GPollFD fd;

  g_assert_true (g_cancellable_make_pollfd (cancellable, &fd));
  g_poll (&fd, 1, 60 * 1000);
  g_cancellable_release_fd (cancellable);
  g_mutex_lock (&self->lock);
  self->cancelled = g_cancellable_is_cancelled (cancellable);
  g_mutex_unlock (&self->lock);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the wait is over");
  return FALSE;
}

static gboolean
push_and_wait (Probe *self, GstBuffer *input)
{
  if (!medley_converter_push ((MedleyConverter *) self, NULL, gst_buffer_ref (input)))
    return FALSE;
  g_mutex_lock (&self->lock);
  while (!self->released)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
push_both (Probe *self, GstBuffer *input)
{
  MedleyConverter *converter = (MedleyConverter *) self;
  g_autoptr (GstCaps) caps = gst_caps_from_string (
      "audio/x-raw, format=S16LE, layout=interleaved, channels=1, rate=16000");

  medley_converter_set_port_caps (converter, "extra", caps);
  return medley_converter_push (converter, "extra", gst_buffer_copy (input))
         && medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static gboolean
act (Probe *self, ProbeMode mode, GstBuffer *input, GCancellable *cancellable, GError **error)
{
  MedleyConverter *converter = (MedleyConverter *) self;
  GstMapInfo map;

  switch (mode) {
  case PROBE_ECHO:
    return medley_converter_push (converter, "src", gst_buffer_ref (input));
  case PROBE_BOTH:
    return push_both (self, input);
  case PROBE_COLLECT:
    g_assert_true (gst_buffer_map (input, &map, GST_MAP_READ));
    g_string_append_len (self->kept, (const char *) map.data, (gssize) map.size);
    gst_buffer_unmap (input, &map);
    return TRUE;
  case PROBE_BLOCK:
    return block (self, cancellable, error);
  case PROBE_PUSH_AND_WAIT:
    return push_and_wait (self, input);
  case PROBE_FAIL:
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT, "as asked for");
    return FALSE;
  case PROBE_FAIL_FOREIGN:
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the library says no");
    return FALSE;
  case PROBE_FAIL_SILENTLY:
    return FALSE;
  case PROBE_NO_CAPS:
    return medley_converter_push (converter, "extra", gst_buffer_ref (input));
  case PROBE_WRONG_PORT:
    return medley_converter_push (converter, "nowhere", gst_buffer_ref (input));
  }
  g_assert_not_reached ();
}

static gboolean
probe_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
               GError **error)
{
  Probe *self = (Probe *) converter;
  gsize size = gst_buffer_get_size (input);
  ProbeMode mode;
  gboolean ok;

  enter (converter, 'p');
  g_mutex_lock (&self->lock);
  mode = self->mode;
  g_array_append_val (self->sizes, size);
  g_mutex_unlock (&self->lock);
  ok = act (self, mode, input, cancellable, error);
  leave (converter);
  return ok;
}

static gboolean
probe_idle (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  enter (converter, 'i');
  leave (converter);
  return TRUE;
}

static gboolean
probe_drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  Probe *self = (Probe *) converter;
  gboolean ok = TRUE;

  enter (converter, 'd');
  if (self->kept->len > 0)
    ok = medley_converter_push (converter, NULL,
                                gst_buffer_new_memdup (self->kept->str, self->kept->len));
  g_string_truncate (self->kept, 0);
  leave (converter);
  return ok;
}

static void
probe_flush (MedleyConverter *converter)
{
  enter (converter, 'f');
  g_string_truncate (((Probe *) converter)->kept, 0);
  leave (converter);
}

static void
probe_finalize (GObject *object)
{
  Probe *self = (Probe *) object;

  g_string_free (self->calls, TRUE);
  g_string_free (self->kept, TRUE);
  g_array_unref (self->sizes);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (probe_parent_class)->finalize (object);
}

static void
probe_init (Probe *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->calls = g_string_new (NULL);
  self->kept = g_string_new (NULL);
  self->sizes = g_array_new (FALSE, FALSE, sizeof (gsize));
}

static void
probe_class_init (ProbeClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = probe_finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  /* Before src: the order of the templates must not matter. */
  gst_element_class_add_static_pad_template (element_class, &extra_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Probe", "Converter/Test", "For tests",
                                         "The Medley authors");
  converter_class->text_input = TRUE;
  converter_class->open = probe_open;
  converter_class->close = probe_close;
  converter_class->start = probe_start;
  converter_class->stop = probe_stop;
  converter_class->input_caps = probe_input_caps;
  converter_class->process = probe_process;
  converter_class->idle = probe_idle;
  converter_class->drain = probe_drain;
  converter_class->flush = probe_flush;
}

Probe *
probe_new (void)
{
  Probe *self = g_object_new (probe_get_type (), NULL);
  g_autoptr (GstBus) bus = gst_bus_new ();

  gst_element_set_bus (GST_ELEMENT (self), bus);
  return gst_object_ref_sink (self);
}

void
probe_set_mode (Probe *self, ProbeMode mode)
{
  g_mutex_lock (&self->lock);
  self->mode = mode;
  g_mutex_unlock (&self->lock);
}

char *
probe_calls (Probe *self)
{
  char *calls;

  g_mutex_lock (&self->lock);
  g_assert_false (self->overlapped);
  calls = g_strdup (self->calls->str);
  g_mutex_unlock (&self->lock);
  return calls;
}

guint
probe_count (Probe *self, char call)
{
  g_autofree char *calls = probe_calls (self);
  guint count = 0;

  for (const char *p = calls; *p != '\0'; p++)
    count += *p == call;
  return count;
}

void
probe_wait_inside (Probe *self)
{
  g_mutex_lock (&self->lock);
  while (!self->inside)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}

void
probe_release (Probe *self)
{
  g_mutex_lock (&self->lock);
  g_assert_true (self->inside);
  self->released = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

gboolean
probe_was_cancelled (Probe *self)
{
  gboolean cancelled;

  g_mutex_lock (&self->lock);
  cancelled = self->cancelled;
  g_mutex_unlock (&self->lock);
  return cancelled;
}

GstHarness *
harness_new (GstElement *element, const char *src)
{
  GstHarness *harness;

  if (GST_ELEMENT_BUS (element) == NULL) {
    g_autoptr (GstBus) bus = gst_bus_new ();

    gst_element_set_bus (element, bus);
  }
  harness = gst_harness_new_with_element (element, "sink", src);
  gst_harness_set_src_caps_str (harness, TEXT_CAPS);
  return harness;
}

GstBuffer *
text_buffer (const char *text, gssize size)
{
  return gst_buffer_new_memdup (text, size < 0 ? strlen (text) : (gsize) size);
}

GstFlowReturn
push_text (GstHarness *harness, const char *text)
{
  return gst_harness_push (harness, text_buffer (text, -1));
}

static char *
take_text (GstBuffer *buffer)
{
  gsize size = gst_buffer_get_size (buffer);
  char *text = g_malloc (size + 1);

  gst_buffer_extract (buffer, 0, text, size);
  text[size] = '\0';
  gst_buffer_unref (buffer);
  return text;
}

char *
pull_text (GstHarness *harness)
{
  GstBuffer *buffer = gst_harness_pull (harness);

  return buffer != NULL ? take_text (buffer) : NULL;
}

char *
pull_all_text (GstHarness *harness)
{
  GString *all = g_string_new (NULL);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (harness)) != NULL) {
    g_autofree char *text = take_text (buffer);

    g_string_append (all, text);
  }
  return g_string_free (all, FALSE);
}

GError *
take_error (GstElement *element)
{
  g_autoptr (GstMessage) message
      = gst_bus_pop_filtered (GST_ELEMENT_BUS (element), GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (message != NULL) {
    g_assert_true (GST_MESSAGE_SRC (message) == GST_OBJECT (element));
    gst_message_parse_error (message, &error, NULL);
  }
  return error;
}

void
assert_no_message_of (GstElement *element, GstMessageType type)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (GST_ELEMENT_BUS (element), type);

  g_assert_null (message);
}

typedef struct {
  GstHarness *harness;
  char *text;
} Push;

static gpointer
run_push (gpointer data)
{
  Push *push = data;
  GstFlowReturn ret = push_text (push->harness, push->text);

  g_free (push->text);
  g_free (push);
  return GINT_TO_POINTER (ret);
}

GThread *
push_in_thread (GstHarness *harness, const char *text)
{
  Push *push = g_new (Push, 1);

  push->harness = harness;
  push->text = g_strdup (text);
  return g_thread_new ("push", run_push, push);
}

GstFlowReturn
join_push (GThread *thread)
{
  return (GstFlowReturn) GPOINTER_TO_INT (g_thread_join (thread));
}
