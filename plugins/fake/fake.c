/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* medleyfake: deterministic engines for tests of whatever runs engines. Never installed. */
#include "fake.h"

#define PACKAGE "medley"

void
fake_class_setup (GstElementClass *klass, const char *task, const char *title,
                  const char *description)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (FAKE_TEXT_CAPS);

  gst_element_class_add_pad_template (klass, gst_pad_template_new ("sink", GST_PAD_SINK,
                                                                   GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template (klass, gst_pad_template_new ("src", GST_PAD_SRC,
                                                                   GST_PAD_ALWAYS, caps));
  gst_element_class_set_metadata (klass, title, "Converter/Text/Test", description,
                                  "The Medley authors");
  medley_engine_declare (klass, task, 1000, MEDLEY_ENGINE_NONE, "cpu");
  MEDLEY_CONVERTER_CLASS (klass)->text_input = TRUE;
}

gboolean
fake_wait (guint milliseconds, GCancellable *cancellable, GError **error)
{
  GPollFD fd;

  if (g_cancellable_make_pollfd (cancellable, &fd)) {
    g_poll (&fd, 1, (int) milliseconds);
    g_cancellable_release_fd (cancellable);
  } else {
    g_usleep (milliseconds * 1000UL);
  }
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "the wait was cancelled");
  return FALSE;
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (fakeecho, plugin) && GST_ELEMENT_REGISTER (fakeslow, plugin)
         && GST_ELEMENT_REGISTER (fakeendless, plugin) && GST_ELEMENT_REGISTER (fakecrash, plugin)
         && GST_ELEMENT_REGISTER (fakehang, plugin) && GST_ELEMENT_REGISTER (fakeleak, plugin)
         && GST_ELEMENT_REGISTER (fakeflaky, plugin) && GST_ELEMENT_REGISTER (fakehostile, plugin)
         && GST_ELEMENT_REGISTER (fakerace, plugin) && GST_ELEMENT_REGISTER (fakevoice, plugin)
         && GST_ELEMENT_REGISTER (fakechat, plugin) && GST_ELEMENT_REGISTER (fakepainter, plugin)
         && GST_ELEMENT_REGISTER (fakeretoucher, plugin)
         && GST_ELEMENT_REGISTER (fakelistener, plugin)
         && GST_ELEMENT_REGISTER (fakeembedder, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleyfake, "Engines for tests",
                   plugin_init, "0.1.0", "LGPL", PACKAGE, "https://gstreamer.freedesktop.org")
